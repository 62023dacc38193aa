/* A fault at the n-th call that changes the disk or sends a byte: the program that
 * includes this puts itself in front of the C library, also for SQLite.  For one
 * source file of a test alone. */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/test.h"

static enum { FAULTS_NONE, FAULTS_FAIL, FAULTS_DIE } fault_mode;
static int fault_at, fault_calls;

static bool
fault_strikes(void)
{
  if (fault_mode == FAULTS_NONE ||
      __atomic_add_fetch(&fault_calls, 1, __ATOMIC_SEQ_CST) != fault_at)
    return false;
  if (fault_mode == FAULTS_DIE)
    syscall(SYS_kill, syscall(SYS_getpid), SIGKILL);
  errno = ENOSPC;
  return true;
}

#define IN_FRONT __attribute__((visibility("default")))

IN_FRONT ssize_t
write(int fd, const void *data, size_t length)
{
  return fault_strikes() ? -1 : syscall(SYS_write, fd, data, length);
}

IN_FRONT ssize_t
pwrite64(int fd, const void *data, size_t length, off64_t offset)
{
  return fault_strikes() ? -1 : syscall(SYS_pwrite64, fd, data, length, offset);
}

IN_FRONT int
fsync(int fd)
{
  return fault_strikes() ? -1 : (int)syscall(SYS_fsync, fd);
}

IN_FRONT int
fdatasync(int fd)
{
  return fault_strikes() ? -1 : (int)syscall(SYS_fdatasync, fd);
}

IN_FRONT int
ftruncate64(int fd, off64_t length)
{
  return fault_strikes() ? -1 : (int)syscall(SYS_ftruncate, fd, length);
}

IN_FRONT int
renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
  return fault_strikes() ? -1 : (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
}

IN_FRONT int
link(const char *from, const char *to)
{
  return fault_strikes() ? -1 : (int)syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0);
}

IN_FRONT int
rename(const char *from, const char *to)
{
  return fault_strikes() ? -1 : (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

IN_FRONT ssize_t
send(int fd, const void *data, size_t length, int flags)
{
  return fault_strikes() ? -1
                         : syscall(SYS_sendto, fd, data, length, flags, (void *)NULL, 0);
}

/* Runs `work` in a child in which call `at` fails or is its death; tells whether it
 * came so far (else there are no more calls). */
static bool
fault_run(int mode, int at, void (*work)(void *data), void *data)
{
  pid_t child = fork();
  if (child == 0) {
    fault_at = at;
    fault_mode = mode;
    work(data);
    fault_mode = FAULTS_NONE;
    _exit(fault_calls >= at ? 3 : 4);
  }
  int status;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR)
    continue;
  if (WIFSIGNALED(status))
    return WTERMSIG(status) == SIGKILL;
  assert_true(WIFEXITED(status));
  assert_in_range(WEXITSTATUS(status), 3, 4);
  return WEXITSTATUS(status) == 3;
}

/* The calls at which faults are tried: all with POSTINO_ALL_FAULTS=1, else a few. */
static int
fault_stride(void)
{
  return g_getenv("POSTINO_ALL_FAULTS") != NULL ? 1 : 13;
}

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/rights.h"
#include "tests/unit/test.h"

/* What a child is tried at; each returns the status that it ends with if it is
 * still alive. */
#define DENIED 1
#define DONE 2

static int
nothing(void)
{
  return DONE;
}

static int
opens_a_file(void)
{
  return open("/etc/passwd", O_RDONLY) < 0 && errno == EACCES ? DENIED : DONE;
}

static int
makes_a_file(void)
{
  return open("/tmp/postino-test-rights", O_WRONLY | O_CREAT, 0600) < 0 ? DENIED : DONE;
}

static int
makes_a_socket(void)
{
  return socket(AF_INET, SOCK_STREAM, 0) < 0 ? DENIED : DONE;
}

static int
forks(void)
{
  return (int)syscall(SYS_fork) < 0 ? DENIED : DONE;
}

static int
runs_a_program(void)
{
  char *argv[] = {(char *)"true", NULL};
  return execv("/bin/true", argv) < 0 ? DENIED : DONE;
}

static int
kills_its_parent(void)
{
  return kill(getppid(), 0) < 0 ? DENIED : DONE;
}

static int
traces(void)
{
  return syscall(SYS_ptrace, 16, getppid(), 0, 0) < 0 ? DENIED : DONE;
}

static int
maps_new_code(void)
{
  return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
                 MAP_FAILED
             ? DENIED
             : DONE;
}

static int
makes_a_memory_file(void)
{
  return memfd_create("x", 0) < 0 ? DENIED : DONE;
}

static int
computes(void)
{
  char *block = malloc(3 << 20);
  memset(block, 1, 3 << 20);
  int sum = block[1] + block[2 << 20];
  free(block);
  return sum == 2 ? DONE : DENIED;
}

static int
end_of(int (*deed)(void))
{
  pid_t pid = fork();
  assert_true(pid >= 0);
  if (pid == 0)
    _exit(rights_drop() ? deed() : 3);
  int status;
  assert_int_equal(waitpid(pid, &status, 0), pid);
  return status;
}

static void
without_rights_a_process_can_only_compute(void **state)
{
  static int (*const killed[])(void) = {makes_a_socket, forks,         runs_a_program,
                                        traces,         maps_new_code, makes_a_memory_file,
                                        kills_its_parent};
  static int (*const denied[])(void) = {opens_a_file, makes_a_file};
  static int (*const done[])(void) = {nothing, computes};
  for (size_t i = 0; i < G_N_ELEMENTS(killed); i++) {
    int status = end_of(killed[i]);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
  }
  for (size_t i = 0; i < G_N_ELEMENTS(denied); i++) {
    int status = end_of(denied[i]);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == DENIED);
  }
  for (size_t i = 0; i < G_N_ELEMENTS(done); i++) {
    int status = end_of(done[i]);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == DONE);
  }
}

static void
an_orphan_does_not_start(void **state)
{
  pid_t pid = fork();
  if (pid == 0)
    _exit(rights_die_with(getppid()) && !rights_die_with(1 << 29) ? DONE : DENIED);
  int status;
  assert_int_equal(waitpid(pid, &status, 0), pid);
  assert_int_equal(WEXITSTATUS(status), DONE);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(without_rights_a_process_can_only_compute),
      cmocka_unit_test(an_orphan_does_not_start),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "sandbox/rights.h"

#include <errno.h>
#include <seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/limits.h"
#include "sandbox/retire.h"

bool
rights_die_with(int parent)
{
  return prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent;
}

/* The socket, two descriptors that lead nowhere, the letter, and a little. */
#define DESCRIPTORS 8

static bool
limit(__rlimit_resource_t what, rlim_t most)
{
  struct rlimit limits = {most, most};
  return setrlimit(what, &limits) == 0;
}

static bool
limit_all(void)
{
#ifndef POSTINO_SANITIZERS
  /* AddressSanitizer maps terabytes of shadow. */
  if (!limit(RLIMIT_AS, LIMIT_READER_MEMORY))
    return false;
#endif
  return limit(RLIMIT_CORE, 0) && limit(RLIMIT_FSIZE, 0) && limit(RLIMIT_NPROC, 0) &&
         limit(RLIMIT_NOFILE, DESCRIPTORS) && limit(RLIMIT_CPU, 2 * RETIRE_CPU_SECONDS);
}

static const int allowed[] = {
    SCMP_SYS(read),          SCMP_SYS(write),          SCMP_SYS(writev),
    SCMP_SYS(recvmsg),       SCMP_SYS(sendmsg),        SCMP_SYS(sendto),
    SCMP_SYS(close),         SCMP_SYS(lseek),          SCMP_SYS(munmap),
    SCMP_SYS(mremap),        SCMP_SYS(brk),            SCMP_SYS(madvise),
    SCMP_SYS(futex),         SCMP_SYS(clock_gettime),  SCMP_SYS(gettimeofday),
    SCMP_SYS(time),          SCMP_SYS(getrandom),      SCMP_SYS(rt_sigreturn),
    SCMP_SYS(rt_sigaction),  SCMP_SYS(rt_sigprocmask), SCMP_SYS(sigaltstack),
    SCMP_SYS(getpid),        SCMP_SYS(gettid),         SCMP_SYS(sched_yield),
    SCMP_SYS(restart_syscall), SCMP_SYS(exit),         SCMP_SYS(exit_group),
};

/* What libraries try by habit is refused, not punished: a charset that is not
 * there, a look at the kind of a descriptor. */
static const int refused[] = {
    SCMP_SYS(open),     SCMP_SYS(openat),     SCMP_SYS(access),   SCMP_SYS(faccessat),
    SCMP_SYS(stat),     SCMP_SYS(lstat),      SCMP_SYS(fstat),    SCMP_SYS(newfstatat),
    SCMP_SYS(statx),    SCMP_SYS(readlink),   SCMP_SYS(readlinkat), SCMP_SYS(ioctl),
    SCMP_SYS(sysinfo),  SCMP_SYS(getrlimit),  SCMP_SYS(prlimit64), SCMP_SYS(sched_getaffinity),
    SCMP_SYS(getrusage), SCMP_SYS(uname),
};

static bool
add_rules(scmp_filter_ctx filter)
{
  for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++)
    if (seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0) < 0)
      return false;
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
    if (seccomp_rule_add(filter, SCMP_ACT_ERRNO(EACCES), refused[i], 0) < 0)
      return false;
  /* Memory yes, new code no. */
  struct scmp_arg_cmp no_code = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
  return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, &no_code) == 0 &&
         seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, &no_code) == 0;
}

static bool
filter_calls(void)
{
  scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
  if (filter == NULL)
    return false;
  bool done = add_rules(filter) && seccomp_load(filter) == 0;
  seccomp_release(filter);
  return done;
}

bool
rights_drop(void)
{
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 &&
         limit_all() && filter_calls();
}

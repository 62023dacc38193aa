#include "plugins/rights.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/file.h"
#include "base/limits.h"
#include "crypto/protocol.h"

#define MEMORY LIMIT_MIB(4096)
#define LARGEST_FILE LIMIT_MIB(512)
#define DESCRIPTORS 256

/* ---- limits ---- */

static void
set_limit(int resource, rlim_t most)
{
  struct rlimit limit;
  if (getrlimit(resource, &limit) == 0 && limit.rlim_max < most)
    most = limit.rlim_max;
  limit.rlim_cur = limit.rlim_max = most;
  (void)setrlimit(resource, &limit);
}

static void
close_from(int fd)
{
  if (syscall(SYS_close_range, fd, ~0U, 0) == 0)
    return;
  for (long i = sysconf(_SC_OPEN_MAX) - 1; i >= fd; i--)
    close((int)i);
}

void
rights_give_up(int parent)
{
  (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
  /* It may have ended before the signal was asked for. */
  if (getppid() != parent)
    _exit(75);
  (void)prctl(PR_SET_DUMPABLE, 0);
  (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  close_from(PROTOCOL_FD + 1);
  set_limit(RLIMIT_CORE, 0);
  set_limit(RLIMIT_FSIZE, LARGEST_FILE);
  set_limit(RLIMIT_NOFILE, DESCRIPTORS);
#ifndef POSTINO_SANITIZERS
  /* AddressSanitizer maps terabytes of shadow. */
  rights_limit_memory();
#endif
}

void
rights_limit_memory(void)
{
  set_limit(RLIMIT_AS, MEMORY);
}

/* ---- GnuPG's daemons ---- */

static bool
has(char *const *rights, size_t n, const char *right)
{
  for (size_t i = 0; i < n; i++)
    if (strcmp(rights[i], right) == 0)
      return true;
  return false;
}

static bool
answers_at(const char *path)
{
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  auto_fd fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || strlen(path) >= sizeof address.sun_path)
    return false;
  g_strlcpy(address.sun_path, path, sizeof address.sun_path);
  return connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
}

/* GnuPG's own way to name a home in a socket directory: 15 bytes of its SHA-1, in the
 * base 32 of zbase32. */
static char *
name_of_home(const char *home)
{
  static const char digits[] = "ybndrfg8ejkmcpqxot1uwisza345h769";
  guint8 sum[20];
  gsize length = sizeof sum;
  GChecksum *checksum = g_checksum_new(G_CHECKSUM_SHA1);
  g_checksum_update(checksum, (const guchar *)home, (gssize)strlen(home));
  g_checksum_get_digest(checksum, sum, &length);
  g_checksum_free(checksum);
  GString *name = g_string_new("d.");
  for (int bit = 0; bit < 15 * 8; bit += 5) {
    unsigned pair = (unsigned)sum[bit / 8] << 8 | sum[bit / 8 + 1];
    g_string_append_c(name, digits[pair >> (11 - bit % 8) & 31]);
  }
  return g_string_free(name, FALSE);
}

static bool
agent_answers(void)
{
  const char *home = getenv("GNUPGHOME");
  g_autofree char *usual = g_build_filename(g_get_home_dir(), ".gnupg", NULL);
  g_autofree char *own = home != NULL ? g_canonicalize_filename(home, NULL) : g_strdup(usual);
  g_autofree char *name = strcmp(own, usual) != 0 ? name_of_home(own) : g_strdup("");
  g_autofree char *run = g_strdup_printf("/run/user/%ld/gnupg", (long)getuid());
  g_autofree char *in_run = g_build_filename(run, name, "S.gpg-agent", NULL);
  g_autofree char *in_home = g_build_filename(own, "S.gpg-agent", NULL);
  return answers_at(in_run) || answers_at(in_home);
}

/* Whether it starts the plugin finds out. */
static void
launch(const char *daemon)
{
  const char *argv[] = {"gpgconf", "--launch", daemon, NULL};
  (void)g_spawn_sync(NULL, (char **)argv, NULL,
                     G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL,
                     NULL, NULL, NULL, NULL, NULL, NULL);
}

void
rights_start_daemons(char *const *rights, size_t n)
{
  if (!has(rights, n, "gnupg"))
    return;
  if (!agent_answers())
    launch("gpg-agent");
  if (has(rights, n, "dirmngr"))
    launch("dirmngr");
}

/* ---- files ---- */

/* The headers may be older than the kernel: what it knows is asked at run time. */
#define FS_REFER (UINT64_C(1) << 13)    /* since 2 */
#define FS_TRUNCATE (UINT64_C(1) << 14) /* since 3 */
#define READ                                                                                       \
  (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define OF_FILES                                                                                   \
  (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE |     \
   FS_TRUNCATE)

/* linux/landlock.h of today; what an old kernel does not know is left out by size. */
struct ruleset { uint64_t files, network, scoped; };
#define SCOPED_ABSTRACT_SOCKET UINT64_C(1)
#define SCOPED_SIGNAL UINT64_C(2)

struct files {
  int ruleset;
  uint64_t all;             /* what the kernel can watch */
};

static void
allow(const struct files *files, const char *path, uint64_t access)
{
  auto_fd fd = open(path, O_PATH | O_CLOEXEC);
  struct stat st;
  if (fd < 0 || fstat(fd, &st) < 0)
    return;
  if (!S_ISDIR(st.st_mode))
    access &= OF_FILES;
  struct landlock_path_beneath_attr rule = {.allowed_access = access & files->all, .parent_fd = fd};
  (void)syscall(SYS_landlock_add_rule, files->ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
}

/* What every program needs to run at all. */
static void
allow_system(const struct files *files)
{
  static const char *const read_only[] = {"/usr", "/bin", "/sbin", "/lib",  "/lib32",
                                          "/lib64", "/etc", "/proc", "/sys",
                                          "/opt",   "/nix", "/gnu"};
  static const char *const devices[] = {"/dev/null", "/dev/zero", "/dev/full", "/dev/random",
                                        "/dev/urandom"};
  for (size_t i = 0; i < sizeof read_only / sizeof *read_only; i++)
    allow(files, read_only[i], READ);
  for (size_t i = 0; i < sizeof devices / sizeof *devices; i++)
    allow(files, devices[i], LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE);
}

/* Dotfiles are often links to where somebody keeps them all. */
static void
allow_links_in(const struct files *files, const char *directory)
{
  g_autoptr(GDir) dir = g_dir_open(directory, 0, NULL);
  for (const char *name; dir != NULL && (name = g_dir_read_name(dir)) != NULL;) {
    g_autofree char *path = g_build_filename(directory, name, NULL);
    if (g_file_test(path, G_FILE_TEST_IS_SYMLINK) && g_file_test(path, G_FILE_TEST_IS_REGULAR))
      allow(files, path, OF_FILES);
  }
}

/* Its home, where its agent's sockets are made, and the terminal of its pinentry. */
static void
allow_gnupg(const struct files *files)
{
  const char *home = getenv("GNUPGHOME"), *user = getenv("HOME"), *terminal = getenv("GPG_TTY");
  g_autofree char *usual = g_build_filename(user != NULL ? user : "/", ".gnupg", NULL);
  g_autofree char *sockets = g_strdup_printf("/run/user/%ld/gnupg", (long)getuid());
  allow(files, home != NULL ? home : usual, files->all);
  allow_links_in(files, home != NULL ? home : usual);
  allow(files, sockets, files->all);
  allow(files, "/dev/tty", LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE);
  if (terminal != NULL)
    allow(files, terminal, LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE);
}

/* What was installed with this host, wherever that is. */
static void
allow_own(const struct files *files)
{
  g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
  g_autofree char *directory = self != NULL ? g_path_get_dirname(self) : NULL;
  if (directory != NULL)
    allow(files, directory, READ);
  allow(files, LOCALEDIR, READ);
}

static void
allow_granted(const struct files *files, const char *right)
{
  if (strcmp(right, "gnupg") == 0)
    allow_gnupg(files);
  else if (strncmp(right, "read:", 5) == 0)
    allow(files, right + 5, READ);
  else if (strncmp(right, "write:", 6) == 0)
    allow(files, right + 6, files->all);
}

static int
make_ruleset(long version, uint64_t all)
{
  struct ruleset ruleset = {all, 0, SCOPED_ABSTRACT_SOCKET | SCOPED_SIGNAL};
  size_t size = version >= 6 ? sizeof ruleset : sizeof ruleset.files;
  return (int)syscall(SYS_landlock_create_ruleset, &ruleset, size, 0);
}

static bool
limit_files(const char *program, char *const *rights, size_t n)
{
  long version =
      syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (version < 1)
    return true; /* a kernel without: postino plugin list says so */
  uint64_t all = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;
  all |= (version >= 2 ? FS_REFER : 0) | (version >= 3 ? FS_TRUNCATE : 0);
  auto_fd ruleset = make_ruleset(version, all);
  if (ruleset < 0)
    return false;
  struct files files = {ruleset, all};
  allow_system(&files);
  allow(&files, program, READ);
  allow_own(&files);
  for (size_t i = 0; i < n; i++)
    allow_granted(&files, rights[i]);
  return syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
}

/* ---- system calls ---- */

static bool
refuse(scmp_filter_ctx filter, const int *calls, size_t n, int error)
{
  for (size_t i = 0; i < n; i++)
    if (seccomp_rule_add(filter, SCMP_ACT_ERRNO((uint16_t)error), calls[i], 0) < 0)
      return false;
  return true;
}

static bool
limit_calls(bool network, bool daemons)
{
  /* Into other processes, and past this filter. */
  static const int others[] = {
      SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev),
      SCMP_SYS(kcmp),   SCMP_SYS(keyctl),           SCMP_SYS(add_key),
      SCMP_SYS(bpf),    SCMP_SYS(request_key),      SCMP_SYS(pidfd_getfd),
  };
  static const int rings[] = {SCMP_SYS(io_uring_setup), SCMP_SYS(io_uring_enter)};
  /* Out of the group, with which it is ended. */
  static const int groups[] = {SCMP_SYS(setsid), SCMP_SYS(setpgid)};
  scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
  bool done = filter != NULL && refuse(filter, others, sizeof others / sizeof *others, EPERM) &&
              refuse(filter, rings, sizeof rings / sizeof *rings, ENOSYS) &&
              (daemons || refuse(filter, groups, sizeof groups / sizeof *groups, EPERM));
  if (done && !network)
    done = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(socket), 1,
                            SCMP_A0(SCMP_CMP_NE, AF_UNIX)) == 0;
  done = done && seccomp_load(filter) == 0;
  seccomp_release(filter);
  return done;
}

bool
rights_limit(const char *program, char *const *rights, size_t n)
{
  if (has(rights, n, "everything"))
    return true;
  return limit_files(program, rights, n) &&
         limit_calls(has(rights, n, "network"), has(rights, n, "gnupg"));
}

#include "plugins/rights.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- network ---- */

static bool
add_rules(scmp_filter_ctx filter)
{
  static const int families[] = {AF_INET, AF_INET6, AF_PACKET, AF_VSOCK};
  for (size_t i = 0; i < G_N_ELEMENTS(families); i++)
    if (seccomp_rule_add(filter, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(socket), 1,
                         SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)families[i])) != 0)
      return false;
  /* It makes sockets, too, and past every filter. */
  return seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(io_uring_setup), 0) == 0;
}

bool
rights_no_network(void)
{
  scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
  bool done = filter != NULL && add_rules(filter) && seccomp_load(filter) == 0;
  if (filter != NULL)
    seccomp_release(filter);
  return done;
}

/* ---- files ---- */

#define READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define RUN (READ | LANDLOCK_ACCESS_FS_EXECUTE)
#define OF_FILES (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | \
                  LANDLOCK_ACCESS_FS_EXECUTE)
/* The rights of its first version, which every kernel with Landlock has. */
#define ALL (LANDLOCK_ACCESS_FS_MAKE_SYM | (LANDLOCK_ACCESS_FS_MAKE_SYM - 1))

static void
allow(int rules, const char *path, uint64_t access)
{
  struct stat status;
  struct landlock_path_beneath_attr beneath = {.parent_fd = open(path, O_PATH | O_CLOEXEC)};
  if (beneath.parent_fd < 0)
    return;
  bool directory = fstat(beneath.parent_fd, &status) == 0 && S_ISDIR(status.st_mode);
  beneath.allowed_access = directory ? access : access & OF_FILES;
  (void)syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0);
  close(beneath.parent_fd);
}

bool
rights_only_files(const char *plugin, char *const *paths)
{
  static const char *const system[] = {"/usr", "/bin", "/sbin", "/lib", "/lib64", "/opt", NULL};
  static const char *const read_only[] = {"/etc", "/proc", "/sys/devices/system/cpu", NULL};
  struct landlock_ruleset_attr attributes = {.handled_access_fs = ALL};
  int rules = (int)syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0);
  if (rules < 0)
    return false;
  g_autofree char *own = g_path_get_dirname(plugin);
  for (const char *const *path = system; *path != NULL; path++)
    allow(rules, *path, RUN);
  for (const char *const *path = read_only; *path != NULL; path++)
    allow(rules, *path, READ);
  allow(rules, own, RUN);
  allow(rules, "/dev", READ | LANDLOCK_ACCESS_FS_WRITE_FILE);
  for (; *paths != NULL; paths++)
    allow(rules, *paths, ALL);
  bool done = syscall(SYS_landlock_restrict_self, rules, 0) == 0;
  close(rules);
  return done;
}

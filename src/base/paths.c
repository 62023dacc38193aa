#include "base/paths.h"

#include <errno.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/error.h"
#include "base/i18n.h"

/* The build directory when the running program lies in one (its Makefile and
 * the reader stand beside it), else NULL. */
static char *
build_dir(void)
{
  g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
  if (self == NULL)
    return NULL;
  for (int up = 0; up < 5; up++) {
    char *slash = strrchr(self, '/');
    if (slash == NULL || slash == self)
      return NULL;
    *slash = '\0';
    g_autofree char *mark = g_build_filename(self, "config.status", NULL);
    if (g_file_test(mark, G_FILE_TEST_EXISTS))
      return g_strdup(self);
  }
  return NULL;
}

/* DIR/`inside` of the build tree if it is there. */
static char *
built(const char *inside)
{
  g_autofree char *dir = build_dir();
  if (dir == NULL)
    return NULL;
  g_autofree char *path = g_build_filename(dir, inside, NULL);
  return g_file_test(path, G_FILE_TEST_EXISTS) ? g_steal_pointer(&path) : NULL;
}

char *
paths_libexec(const char *name)
{
  char *path = built(name);
  return path != NULL ? path : g_build_filename(LIBEXECDIR, name, NULL);
}

char *
paths_plugin(const char *name)
{
  g_autofree char *file = g_strconcat(name, ".so", NULL);
  g_autofree char *inside = g_build_filename("plugins", file, NULL);
  char *path = built(inside);
  return path != NULL ? path : g_build_filename(PLUGINDIR, file, NULL);
}

char *
paths_keymap(const char *name)
{
  g_autofree char *file = g_strconcat(name, ".keys", NULL);
  g_autofree char *source = g_build_filename(KEYMAPSRC, file, NULL);
  g_autofree char *dir = build_dir();
  if (dir != NULL && g_file_test(source, G_FILE_TEST_EXISTS))
    return g_steal_pointer(&source);
  return g_build_filename(KEYMAPDIR, file, NULL);
}

static bool
is_private_dir(const char *path)
{
  struct stat st;
  return lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == getuid() &&
         (st.st_mode & 077) == 0;
}

static char *
own_memory(GError **error)
{
  g_autofree char *own = g_strdup_printf("/dev/shm/postino-%u", (unsigned)getuid());
  if (mkdir(own, 0700) < 0 && errno != EEXIST) {
    error_errno(error, POSTINO_ERROR_LOCAL, errno, _("cannot create the private directory %s"),
                own);
    return NULL;
  }
  if (!is_private_dir(own)) {
    error_set(error, POSTINO_ERROR_CREATE,
              _("%s is not a private directory of yours; remove it or set XDG_RUNTIME_DIR"), own);
    return NULL;
  }
  return g_steal_pointer(&own);
}

char *
paths_runtime(GError **error)
{
  const char *given = g_getenv("XDG_RUNTIME_DIR");
  if (given != NULL && g_path_is_absolute(given) && is_private_dir(given))
    return g_strdup(given);
  return own_memory(error);
}

/* A file there never reaches a disk but by the system's swap. */
static bool
is_in_memory(const char *path)
{
  struct statfs fs;
  return statfs(path, &fs) == 0 && (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC);
}

char *
paths_memory(GError **error)
{
  g_autofree char *runtime = paths_runtime(NULL);
  if (runtime != NULL && is_in_memory(runtime))
    return g_steal_pointer(&runtime);
  g_autofree char *own = own_memory(NULL);
  if (own != NULL && is_in_memory(own))
    return g_steal_pointer(&own);
  error_set(error, POSTINO_ERROR_LOCAL,
            _("there is no private directory in memory; set XDG_RUNTIME_DIR to one, or mount "
              "/dev/shm"));
  return NULL;
}

/* Those that linux/magic.h does not name. */
#define CEPH_MAGIC 0x00c36400
#define GFS2_MAGIC 0x01161970
#define GPFS_MAGIC 0x47504653
#define LUSTRE_MAGIC 0x0bd00bd0
#define VBOX_SHARED_MAGIC 0x786f4256
#define VMWARE_SHARED_MAGIC 0xbacbacbc

bool
paths_type_is_shared(uint32_t type)
{
  static const uint32_t shared[] = {
      NFS_SUPER_MAGIC,  SMB_SUPER_MAGIC,   CIFS_SUPER_MAGIC, SMB2_SUPER_MAGIC,
      V9FS_MAGIC,       CODA_SUPER_MAGIC,  AFS_SUPER_MAGIC,  AFS_FS_MAGIC,
      OCFS2_SUPER_MAGIC, FUSE_SUPER_MAGIC, CEPH_MAGIC,       GFS2_MAGIC,
      GPFS_MAGIC,       LUSTRE_MAGIC,      VBOX_SHARED_MAGIC, VMWARE_SHARED_MAGIC};
  for (size_t i = 0; i < G_N_ELEMENTS(shared); i++)
    if (type == shared[i])
      return true;
  return false;
}

bool
paths_is_shared(const char *path)
{
  struct statfs fs;
  return statfs(path, &fs) != 0 || paths_type_is_shared((uint32_t)fs.f_type);
}

char *
paths_expand(const char *path)
{
  if (g_str_has_prefix(path, "~/")) {
    const char *home = g_getenv("HOME");
    return g_build_filename(home != NULL && *home != '\0' ? home : g_get_home_dir(), path + 2,
                            NULL);
  }
  return g_strdup(path);
}

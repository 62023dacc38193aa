#include "store/watch.h"

#include <errno.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "store/disk.h"

#define LETTERS (IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ONLYDIR)
#define FOLDERS (LETTERS | IN_ATTRIB)

/* Watching twice is the same watch; what cannot be watched is found by its time
 * at the next refresh.  False when the system has no watch left for it. */
static bool
watch(int fd, const char *path, uint32_t mask)
{
  return inotify_add_watch(fd, path, mask) >= 0 || (errno != ENOSPC && errno != ENOMEM);
}

static bool
watch_letters(int fd, const struct store *store, const char *folder)
{
  g_autofree char *path = maildir_path(store, folder);
  g_autofree char *cur = g_build_filename(path, "cur", NULL);
  g_autofree char *fresh = g_build_filename(path, "new", NULL);
  return watch(fd, cur, LETTERS) && watch(fd, fresh, LETTERS);
}

/* What other machines do to a shared directory is told to them alone. */
static bool
is_far(const struct store *store)
{
  static const guint32 magics[] = {NFS_SUPER_MAGIC, SMB_SUPER_MAGIC, CIFS_SUPER_MAGIC,
                                   SMB2_SUPER_MAGIC, V9FS_MAGIC, CODA_SUPER_MAGIC,
                                   AFS_SUPER_MAGIC, FUSE_SUPER_MAGIC};
  struct statfs info;
  if (statfs(store->dir, &info) != 0)
    return false;
  for (gsize i = 0; i < G_N_ELEMENTS(magics); i++)
    if ((guint32)info.f_type == magics[i])
      return true;
  return false;
}

/* Directories that are no folders are watched too: others may appear in them, or they
 * become folders when all of it is there. */
static void
watch_all(int fd, struct store *store)
{
  g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
  g_autoptr(GPtrArray) places = maildir_places(store, names);
  bool whole = !is_far(store);
  for (guint i = 0; i < places->len; i++)
    whole = watch(fd, places->pdata[i], FOLDERS) && whole;
  for (guint i = 0; i < names->len; i++)
    whole = watch_letters(fd, store, names->pdata[i]) && whole;
  g_atomic_int_set(&index_refreshing(store)->unwatched, !whole);
}

void
watch_folders(struct store *store)
{
  int fd = g_atomic_int_get(&index_refreshing(store)->watch);
  if (fd >= 0)
    watch_all(fd, store);
}

int
store_watch_fd(struct store *store)
{
  struct refreshing *refreshing = index_refreshing(store);
  int fd = g_atomic_int_get(&refreshing->watch);
  if (fd >= 0)
    return fd;
  fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (fd < 0)
    return -1;
  if (!g_atomic_int_compare_and_exchange(&refreshing->watch, -1, fd)) {
    close(fd);
    return g_atomic_int_get(&refreshing->watch);
  }
  watch_all(fd, store);
  return fd;
}

bool
store_watch_is_whole(struct store *store)
{
  const struct refreshing *refreshing = index_refreshing(store);
  return g_atomic_int_get(&refreshing->watch) >= 0 && g_atomic_int_get(&refreshing->unwatched) == 0;
}

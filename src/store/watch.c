#include "store/watch.h"

#include <errno.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/paths.h"
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

/* What other machines do to a shared directory is told to them alone; a folder may lie on
 * another file system than the others.  Each is asked for once. */
static bool
is_shared(GHashTable *asked, const char *path)
{
  struct stat info;
  if (stat(path, &info) != 0)
    return false;
  gint64 device = (gint64)info.st_dev;
  return g_hash_table_add(asked, g_memdup2(&device, sizeof device)) && paths_is_shared(path);
}

static bool
watch_letters(int fd, const struct store *store, const char *folder, GHashTable *asked)
{
  g_autofree char *path = maildir_path(store, folder);
  g_autofree char *cur = g_build_filename(path, "cur", NULL);
  g_autofree char *fresh = g_build_filename(path, "new", NULL);
  bool whole = watch(fd, cur, LETTERS) && watch(fd, fresh, LETTERS);
  return !is_shared(asked, cur) && whole;
}

/* Directories that are no folders are watched too: others may appear in them, or they
 * become folders when all of it is there. */
static void
watch_all(int fd, struct store *store, GCancellable *cancel)
{
  g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
  g_autoptr(GPtrArray) places = maildir_places(store, names, cancel);
  g_autoptr(GHashTable) asked = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
  bool whole = true;
  for (guint i = 0; i < places->len && !g_cancellable_is_cancelled(cancel); i++) {
    whole = watch(fd, places->pdata[i], FOLDERS) && whole;
    whole = !is_shared(asked, places->pdata[i]) && whole;
  }
  for (guint i = 0; i < names->len && !g_cancellable_is_cancelled(cancel); i++)
    whole = watch_letters(fd, store, names->pdata[i], asked) && whole;
  whole = whole && !g_cancellable_is_cancelled(cancel);
  g_atomic_int_set(&index_refreshing(store)->unwatched, !whole);
}

void
watch_folders(struct store *store, GCancellable *cancel)
{
  int fd = g_atomic_int_get(&index_refreshing(store)->watch);
  if (fd >= 0)
    watch_all(fd, store, cancel);
}

int
store_watch_fd(struct store *store, GCancellable *cancel)
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
  watch_all(fd, store, cancel);
  return fd;
}

bool
store_watch_is_whole(struct store *store)
{
  const struct refreshing *refreshing = index_refreshing(store);
  return g_atomic_int_get(&refreshing->watch) >= 0 && g_atomic_int_get(&refreshing->unwatched) == 0;
}

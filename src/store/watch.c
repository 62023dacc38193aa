#include "store/watch.h"

#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "store/disk.h"

#define LETTERS (IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ONLYDIR)
#define FOLDERS (LETTERS | IN_ATTRIB)

/* Watching twice is the same watch; what cannot be watched is found by its time
 * at the next refresh. */
static void
watch(int fd, const char *path, uint32_t mask)
{
  if (inotify_add_watch(fd, path, mask) < 0)
    g_debug("store: a directory is not watched");
}

static void
watch_letters(int fd, const struct store *store, const char *folder)
{
  g_autofree char *path = maildir_path(store, folder);
  g_autofree char *cur = g_build_filename(path, "cur", NULL);
  g_autofree char *fresh = g_build_filename(path, "new", NULL);
  watch(fd, cur, LETTERS);
  watch(fd, fresh, LETTERS);
}

/* Directories that are no folders are watched too: others may appear in them, or they
 * become folders when all of it is there. */
static void
watch_all(int fd, const struct store *store)
{
  g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
  g_autoptr(GPtrArray) places = maildir_places(store, names);
  for (guint i = 0; i < places->len; i++)
    watch(fd, places->pdata[i], FOLDERS);
  for (guint i = 0; i < names->len; i++)
    watch_letters(fd, store, names->pdata[i]);
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

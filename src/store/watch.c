#include "store/watch.h"

#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

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

/* The directories that lead to a folder, in which others may appear. */
static void
watch_way(int fd, struct store *store, const char *folder)
{
  g_autofree char *name = g_strdup(folder);
  for (char *slash; (slash = strrchr(name, '/')) != NULL;) {
    *slash = '\0';
    g_autofree char *path = maildir_path(store, name);
    watch(fd, path, FOLDERS);
  }
}

static void
watch_one(int fd, struct store *store, const char *folder)
{
  g_autofree char *path = maildir_path(store, folder);
  g_autofree char *cur = g_build_filename(path, "cur", NULL);
  g_autofree char *fresh = g_build_filename(path, "new", NULL);
  watch(fd, cur, LETTERS);
  watch(fd, fresh, LETTERS);
  watch(fd, path, FOLDERS);
  watch_way(fd, store, folder);
}

void
watch_folders(struct store *store, const struct scan *scan)
{
  int fd = g_atomic_int_get(&index_refreshing(store)->watch);
  if (fd < 0)
    return;
  for (guint i = 0; i < scan->folders->len; i++) {
    const struct scanned_folder *folder = scan->folders->pdata[i];
    if (!folder->vanished)
      watch_one(fd, store, folder->name);
  }
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
  watch(fd, store->dir, FOLDERS);
  g_auto(GStrv) folders = maildir_folders(store, NULL);
  for (char **folder = folders; folder != NULL && *folder != NULL; folder++)
    watch_one(fd, store, *folder);
  return fd;
}

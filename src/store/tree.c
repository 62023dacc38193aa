#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/error.h"
#include "base/file.h"
#include "base/i18n.h"
#include "base/limits.h"
#include "store/disk.h"

/* Which directories are folders (INTERFACE.md "On disk"), and what dead writers
 * left in their tmp. */

/* ---- folders ---- */

struct walk {
  GPtrArray *names;           /* of folders */
  GPtrArray *places;          /* paths of all that was looked into; NULL: not asked */
  GHashTable *seen;           /* "dev:ino" of what was entered: links make no loops */
  GCancellable *cancel;       /* ends it where it is; may be NULL */
};
struct place {
  char *path, *name;          /* name: as the user says it, "" for the mail directory */
  int depth;
};

static void
place_free(gpointer data)
{
  struct place *place = data;
  g_free(place->path);
  g_free(place->name);
  g_free(place);
}

static bool
has_dir(const char *path, const char *sub, int rights)
{
  g_autofree char *full = g_build_filename(path, sub, NULL);
  struct stat st;
  return stat(full, &st) == 0 && S_ISDIR(st.st_mode) && access(full, rights) == 0;
}

bool
maildir_is(const char *path)
{
  return has_dir(path, "cur", R_OK | X_OK) && has_dir(path, "new", R_OK | X_OK) &&
         has_dir(path, "tmp", F_OK);
}

static bool
enter(struct walk *walk, const char *path)
{
  struct stat st;
  if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode))
    return false;
  return g_hash_table_add(walk->seen,
                          g_strdup_printf("%" G_GUINT64_FORMAT ":%" G_GUINT64_FORMAT,
                                          (guint64)st.st_dev, (guint64)st.st_ino));
}

/* Dot directories are none, but those of a Maildir++ at the top. */
static bool
may_be_folder(const struct place *at, const char *name, bool maildir)
{
  if (strcmp(name, "cur") == 0 || strcmp(name, "new") == 0 || strcmp(name, "tmp") == 0)
    return false;
  if (name[0] != '.')
    return true;
  return maildir && *at->name == '\0' && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
         strcmp(name, ".postino") != 0;
}

static struct place *
child_of(const struct place *at, const char *name)
{
  struct place *child = g_new0(struct place, 1);
  child->path = g_build_filename(at->path, name, NULL);
  child->name = *at->name == '\0' ? g_strdup(name) : g_strconcat(at->name, "/", name, NULL);
  child->depth = at->depth + 1;
  return child;
}

/* Directories go before links, so that a folder keeps its own name when a link
 * to it lies beside it. */
static void
queue_children(const struct place *at, bool maildir, GQueue *dirs, GQueue *links)
{
  DIR *open = at->depth < LIMIT_FOLDER_DEPTH ? opendir(at->path) : NULL;
  if (open == NULL)
    return;
  for (struct dirent *entry; (entry = readdir(open)) != NULL;) {
    struct stat st;
    if (entry->d_type == DT_REG || !may_be_folder(at, entry->d_name, maildir) ||
        fstatat(dirfd(open), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
      continue;
    if (S_ISDIR(st.st_mode))
      g_queue_push_tail(dirs, child_of(at, entry->d_name));
    else if (S_ISLNK(st.st_mode))
      g_queue_push_tail(links, child_of(at, entry->d_name));
  }
  closedir(open);
}

static int
compare_names(gconstpointer a, gconstpointer b)
{
  return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
walk_all(struct walk *walk, GQueue *dirs, GQueue *links)
{
  while (!g_cancellable_is_cancelled(walk->cancel)) {
    struct place *at = g_queue_pop_head(dirs);
    if (at == NULL)
      at = g_queue_pop_head(links);
    if (at == NULL)
      return;
    if (enter(walk, at->path)) {
      bool maildir = maildir_is(at->path);
      if (walk->places != NULL)
        g_ptr_array_add(walk->places, g_strdup(at->path));
      if (maildir)
        g_ptr_array_add(walk->names, g_strdup(*at->name == '\0' ? "." : at->name));
      queue_children(at, maildir, dirs, links);
    }
    place_free(at);
  }
}

static void
walk_from_top(const struct store *store, struct walk *walk)
{
  GQueue dirs = G_QUEUE_INIT, links = G_QUEUE_INIT;
  struct place *top = g_new0(struct place, 1);
  top->path = g_strdup(store->dir);
  top->name = g_strdup("");
  g_queue_push_tail(&dirs, top);
  walk_all(walk, &dirs, &links);
  g_queue_clear_full(&dirs, place_free);
  g_queue_clear_full(&links, place_free);
}

char **
maildir_folders(const struct store *store, GCancellable *cancel, GError **error)
{
  if (access(store->dir, R_OK | X_OK) < 0) {
    error_errno(error, POSTINO_ERROR_LOCAL, errno, "%s", store->dir);
    return NULL;
  }
  g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
  g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  struct walk walk = {.names = names, .seen = seen, .cancel = cancel};
  walk_from_top(store, &walk);
  if (g_cancellable_is_cancelled(cancel)) {
    error_set(error, POSTINO_ERROR_CANCELLED, "%s", _("cancelled"));
    return NULL;
  }
  g_ptr_array_sort(names, compare_names);
  g_ptr_array_add(names, NULL);
  return (char **)g_ptr_array_free(g_steal_pointer(&names), FALSE);
}

GPtrArray *
maildir_places(const struct store *store, GPtrArray *names, GCancellable *cancel)
{
  g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  struct walk walk = {.names = names,
                      .places = g_ptr_array_new_with_free_func(g_free),
                      .seen = seen,
                      .cancel = cancel};
  walk_from_top(store, &walk);
  return walk.places;
}

/* ---- tmp ---- */

#define STALE_SECONDS (36 * 3600)

/* Names the place in which a process number means something: this boot and this
 * pid namespace.  A mail directory may be shared by machines and containers. */
static const char *
process_world(void)
{
  static gsize once;
  static char world[17];
  if (g_once_init_enter(&once)) {
    g_autofree char *boot = NULL;
    struct stat st = {0};
    bool known = g_file_get_contents("/proc/sys/kernel/random/boot_id", &boot, NULL, NULL) &&
                 stat("/proc/self/ns/pid", &st) == 0;
    g_autofree char *all = known ? g_strdup_printf("%s%" G_GUINT64_FORMAT, boot, (guint64)st.st_ino)
                                 : g_strdup_printf("%08x%08x", g_random_int(), g_random_int());
    g_autofree char *sum = g_compute_checksum_for_string(G_CHECKSUM_SHA256, all, -1);
    g_strlcpy(world, sum, sizeof world);
    g_once_init_leave(&once, 1);
  }
  return world;
}

int
maildir_tmp(const char *path, char **name_out, GError **error)
{
  g_autofree char *base = maildir_fresh_base(0);
  g_autofree char *name =
      g_strdup_printf("%s/tmp/%s-%s-%d", path, base, process_world(), (int)getpid());
  int fd = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) {
    error_errno(error, POSTINO_ERROR_LOCAL, errno, _("cannot create %s"), name);
    return -1;
  }
  *name_out = g_steal_pointer(&name);
  return fd;
}

/* A process that was killed and that nobody has asked after yet still has its number. */
static bool
is_dead(pid_t pid)
{
  if (kill(pid, 0) < 0)
    return errno == ESRCH;
  g_autofree char *path = g_strdup_printf("/proc/%d/stat", (int)pid);
  g_autofree char *text = NULL;
  if (!g_file_get_contents(path, &text, NULL, NULL))
    return false;
  const char *state = strrchr(text, ')');
  return state != NULL && state[1] == ' ' && (state[2] == 'Z' || state[2] == 'X');
}

/* Is the tmp file one of ours whose writer is dead, or long forgotten? */
static bool
is_stale(int dir, const char *name, time_t now)
{
  const char *mark = strstr(name, ".postino-");
  struct stat st;
  if (mark == NULL || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
    return false;
  if (st.st_mtime < now - STALE_SECONDS && st.st_ctime < now - STALE_SECONDS)
    return true;
  g_auto(GStrv) parts = g_strsplit(mark + strlen(".postino-"), "-", -1);
  if (g_strv_length(parts) != 2 || strcmp(parts[0], process_world()) != 0)
    return false;
  gint64 pid = g_ascii_strtoll(parts[1], NULL, 10);
  return pid > 1 && pid < G_MAXINT && is_dead((pid_t)pid);
}

static void
sweep_one(const char *path)
{
  g_autofree char *tmp = g_build_filename(path, "tmp", NULL);
  DIR *open = opendir(tmp);
  if (open == NULL)
    return;
  time_t now = time(NULL);
  for (struct dirent *entry; (entry = readdir(open)) != NULL;)
    if (is_stale(dirfd(open), entry->d_name, now))
      unlinkat(dirfd(open), entry->d_name, 0);
  closedir(open);
}

void
store_sweep(const struct store *store, GCancellable *cancel)
{
  g_auto(GStrv) folders = maildir_folders(store, cancel, NULL);
  for (guint i = 0; folders != NULL && folders[i] != NULL && !g_cancellable_is_cancelled(cancel);
       i++) {
    g_autofree char *path = maildir_path(store, folders[i]);
    sweep_one(path);
  }
}

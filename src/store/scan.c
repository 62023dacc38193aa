#include "store/scan.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/i18n.h"

/* How often a directory is read that changes meanwhile. */
#define LOOKS_MOST 3
/* A directory that changed within this time of being read may change again
 * without its time showing it. */
#define NS ((int64_t)1000000000)
#define RACY_NS (2 * NS)
#define AHEAD_SECONDS 86400

struct entry {
  const char *name;
  size_t base;              /* length of the base name */
  bool fresh;
  guint place;              /* in the order of reading */
};

static void
folder_free(void *data)
{
  struct scanned_folder *folder = data;
  g_free(folder->name);
  g_free(folder);
}

void
scan_free(struct scan *scan)
{
  if (scan == NULL)
    return;
  g_ptr_array_unref(scan->folders);
  g_string_chunk_free(scan->names);
  g_array_unref(scan->added);
  g_array_unref(scan->renamed);
  g_array_unref(scan->gone);
  g_free(scan);
}

struct scan *
scan_new(void)
{
  struct scan *scan = g_new0(struct scan, 1);
  scan->folders = g_ptr_array_new_with_free_func(folder_free);
  scan->names = g_string_chunk_new(1 << 16);
  scan->added = g_array_new(FALSE, FALSE, sizeof(struct change));
  scan->renamed = g_array_new(FALSE, FALSE, sizeof(struct change));
  scan->gone = g_array_new(FALSE, FALSE, sizeof(struct change));
  return scan;
}

/* ---- which folders ---- */

static bool
look_at(struct store *store, const char *folder, const char *sub, struct stat *info)
{
  g_autofree char *dir = maildir_path(store, folder);
  g_autofree char *path = g_build_filename(dir, sub, NULL);
  return stat(path, info) == 0;
}

/* Never 0, which is no time.  What lies further away than can be counted in nanoseconds
 * wraps around: times are told apart, never compared. */
static int64_t
count_of(const struct timespec *time)
{
  int64_t count = (int64_t)((guint64)time->tv_sec * NS + (guint64)time->tv_nsec);
  return count != 0 ? count : 1;
}

static int64_t
changed_at(struct store *store, const char *folder, const char *sub)
{
  struct stat info;
  return look_at(store, folder, sub, &info) ? count_of(&info.st_mtim) : 0;
}

/* The clock of another machine may be ahead of ours by some time; what is further ahead was
 * written by a clock that has since been set back, and the next change differs from it. */
static bool
is_racy(const struct timespec *time)
{
  int64_t now = g_get_real_time() * 1000;
  if (time->tv_sec > now / NS + AHEAD_SECONDS || time->tv_sec < now / NS - 2 * RACY_NS / NS)
    return false;
  return now - count_of(time) < RACY_NS;
}

/* 0 when the directory changed too lately to be trusted. */
static int64_t
time_of(struct store *store, const char *folder, const char *sub)
{
  struct stat info;
  return look_at(store, folder, sub, &info) && !is_racy(&info.st_mtim) ? count_of(&info.st_mtim)
                                                                      : 0;
}

static void
add_folder(struct scan *scan, struct store *store, const char *name, GHashTable *known)
{
  struct scanned_folder *folder = g_hash_table_lookup(known, name);
  if (folder != NULL) {
    folder->vanished = false;
  } else {
    folder = g_new0(struct scanned_folder, 1);
    folder->name = g_strdup(name);
    g_ptr_array_add(scan->folders, folder);
  }
  int64_t cur_time = time_of(store, name, "cur"), new_time = time_of(store, name, "new");
  bool cur_same = folder->id != 0 && cur_time != 0 && cur_time == folder->cur_time;
  folder->looked = !cur_same || new_time == 0 || new_time != folder->new_time;
  folder->only_new = folder->looked && cur_same;
  folder->cur_time = cur_time;
  folder->new_time = new_time;
}

static bool
load_known(struct scan *scan, struct conn *conn, GHashTable *known, GError **error)
{
  auto_stmt *stmt = conn_query(conn, error, "SELECT id, name, cur_time, new_time FROM folder", "");
  int step = stmt != NULL ? 1 : -1;
  while (step == 1 && (step = conn_step(conn, stmt, error)) == 1) {
    struct scanned_folder *folder = g_new0(struct scanned_folder, 1);
    folder->id = sqlite3_column_int64(stmt, 0);
    folder->name = g_strdup(column_text(stmt, 1));
    folder->cur_time = sqlite3_column_int64(stmt, 2);
    folder->new_time = sqlite3_column_int64(stmt, 3);
    folder->vanished = true;
    g_ptr_array_add(scan->folders, folder);
    g_hash_table_insert(known, folder->name, folder);
  }
  return step == 0;
}

static bool
find_folders(struct scan *scan, struct store *store, struct conn *conn, GCancellable *cancel,
             GError **error)
{
  g_autoptr(GHashTable) known = g_hash_table_new(g_str_hash, g_str_equal);
  g_auto(GStrv) names = maildir_folders(store, cancel, error);
  if (names == NULL || !load_known(scan, conn, known, error))
    return false;
  for (char **name = names; *name != NULL && !g_cancellable_is_cancelled(cancel); name++)
    if (g_utf8_validate(*name, -1, NULL))
      add_folder(scan, store, *name, known);
  return true;
}

/* ---- names ---- */

static size_t
base_length(const char *name)
{
  const char *info = strstr(name, ":2,");
  return info != NULL ? (size_t)(info - name) : strlen(name);
}

static bool
list_directory(struct scan *scan, struct store *store, const char *folder, bool fresh,
               GArray *entries, GError **error)
{
  g_autofree char *dir = maildir_path(store, folder);
  g_autofree char *path = g_build_filename(dir, fresh ? "new" : "cur", NULL);
  DIR *open = opendir(path);
  if (open == NULL)
    return error_errno(error, POSTINO_ERROR_LOCAL, errno, _("%s cannot be read"), path);
  for (struct dirent *file; (file = readdir(open)) != NULL;) {
    /* Anything hidden, and directories, are not letters. */
    if (file->d_name[0] == '.' || file->d_type == DT_DIR)
      continue;
    struct entry entry = {g_string_chunk_insert(scan->names, file->d_name),
                          base_length(file->d_name), fresh, entries->len};
    g_array_append_val(entries, entry);
  }
  closedir(open);
  return true;
}

static int
compare_bases(const char *a, size_t a_length, const char *b, size_t b_length)
{
  int order = memcmp(a, b, MIN(a_length, b_length));
  return order != 0 ? order : (a_length > b_length) - (a_length < b_length);
}

/* By base as SQLite compares; of a letter in both, cur comes first, and of two names in
 * cur the one that was read last. */
static int
compare_entries(const void *a, const void *b)
{
  const struct entry *one = a, *two = b;
  int order = compare_bases(one->name, one->base, two->name, two->base);
  if (order == 0)
    order = (int)one->fresh - (int)two->fresh;
  return order != 0 ? order : (two->place > one->place) - (two->place < one->place);
}

/* A file that is renamed while its directory is read may be passed over: read again,
 * it is there under one of its names. */
static bool
list_steadily(struct scan *scan, struct store *store, const char *folder, GArray *entries,
              GError **error)
{
  for (int look = 0; look < LOOKS_MOST; look++) {
    int64_t before = changed_at(store, folder, "cur");
    if (!list_directory(scan, store, folder, false, entries, error))
      return false;
    if (changed_at(store, folder, "cur") == before)
      break;
  }
  return true;
}

/* Mail comes into new/, which is small: the names of cur/ need not be read for it.
 * A letter that moves on meanwhile changes the time of cur/. */
static GArray *
list_folder(struct scan *scan, struct store *store, struct scanned_folder *folder, GError **error)
{
  g_autoptr(GArray) entries = g_array_new(FALSE, FALSE, sizeof(struct entry));
  /* new before cur: a letter that moves on meanwhile is met twice, not missed. */
  if (!list_directory(scan, store, folder->name, true, entries, error))
    return NULL;
  folder->only_new = folder->only_new && time_of(store, folder->name, "cur") == folder->cur_time;
  if (!folder->only_new && !list_steadily(scan, store, folder->name, entries, error))
    return NULL;
  g_array_sort(entries, compare_entries);
  struct entry *all = (struct entry *)(void *)entries->data;
  guint kept = 0;
  for (guint i = 0; i < entries->len; i++)
    if (kept == 0 || compare_bases(all[kept - 1].name, all[kept - 1].base, all[i].name,
                                   all[i].base) != 0)
      all[kept++] = all[i];
  g_array_set_size(entries, kept);
  return g_steal_pointer(&entries);
}

/* ---- comparing ---- */

static void
note(GArray *changes, guint folder, const char *name, bool fresh, int64_t id)
{
  struct change change = {folder, name, fresh, id};
  g_array_append_val(changes, change);
}

/* A row whose file has gone; its base stands for its name. */
static void
note_gone(struct scan *scan, guint folder, sqlite3_stmt *stmt)
{
  note(scan->gone, folder, g_string_chunk_insert(scan->names, column_text(stmt, 1)), false,
       sqlite3_column_int64(stmt, 0));
}

static void
compare_same(struct scan *scan, guint folder, const struct entry *entry, sqlite3_stmt *stmt)
{
  if (strcmp(entry->name + entry->base, column_text(stmt, 2)) != 0 ||
      entry->fresh != (sqlite3_column_int(stmt, 3) != 0))
    note(scan->renamed, folder, entry->name, entry->fresh, sqlite3_column_int64(stmt, 0));
}

/* A name in new/ whose letter was in cur/ all the time is no letter of its own. */
static bool
note_added(struct scan *scan, struct conn *conn, guint at, const struct entry *entry,
           GError **error)
{
  const struct scanned_folder *folder = scan->folders->pdata[at];
  int64_t there = 0;
  if (folder->only_new) {
    g_autofree char *base = g_strndup(entry->name, entry->base);
    if (!conn_number(conn, &there, 0, error,
                     "SELECT id FROM letter WHERE folder = ? AND base = ? AND (flags & 64) = 0",
                     "is", folder->id, base))
      return false;
  }
  if (there == 0)
    note(scan->added, at, entry->name, entry->fresh, 0);
  return true;
}

/* Both sides are sorted by base: one walk. */
static bool
compare(struct scan *scan, struct conn *conn, guint at, const GArray *entries, GError **error)
{
  const struct scanned_folder *folder = scan->folders->pdata[at];
  auto_stmt *stmt = conn_query(
      conn, error,
      folder->only_new ? "SELECT id, base, suffix, 1 FROM letter INDEXED BY letter_fresh"
                         " WHERE folder = ? AND fresh = 1 AND (flags & 64) = 0 ORDER BY base"
                       : "SELECT id, base, suffix, fresh FROM letter INDEXED BY letter_place"
                         " WHERE folder = ? AND (flags & 64) = 0 ORDER BY base",
      "i", folder->id);
  int step = stmt != NULL ? conn_step(conn, stmt, error) : -1;
  guint i = 0;
  while (step == 1) {
    const struct entry *entry = i < entries->len ? &g_array_index(entries, struct entry, i) : NULL;
    const char *base = column_text(stmt, 1);
    int order = entry == NULL ? 1
                              : compare_bases(entry->name, entry->base, base,
                                              (size_t)sqlite3_column_bytes(stmt, 1));
    if (order < 0) {
      if (!note_added(scan, conn, at, entry, error))
        return false;
      i++;
      continue;
    }
    if (order > 0)
      note_gone(scan, at, stmt);
    else
      compare_same(scan, at, &g_array_index(entries, struct entry, i++), stmt);
    step = conn_step(conn, stmt, error);
  }
  for (; step == 0 && i < entries->len; i++)
    if (!note_added(scan, conn, at, &g_array_index(entries, struct entry, i), error))
      return false;
  return step == 0;
}

/* A letter that left one folder and came to another, or whose name got another field
 * (mbsync's UID), needs no reading. */
static void
pair_moves(struct scan *scan)
{
  g_autoptr(GHashTable) gone = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  for (guint i = 0; i < scan->gone->len; i++) {
    struct change *change = &g_array_index(scan->gone, struct change, i);
    g_hash_table_insert(gone, maildir_stem(change->name), change);
  }
  guint kept = 0;
  struct change *added = (struct change *)(void *)scan->added->data;
  for (guint i = 0; i < scan->added->len; i++) {
    g_autofree char *base = g_strndup(added[i].name, base_length(added[i].name));
    g_autofree char *stem = maildir_stem(base);
    struct change *left = g_hash_table_size(gone) > 0 ? g_hash_table_lookup(gone, stem) : NULL;
    if (left == NULL) {
      added[kept++] = added[i];
      continue;
    }
    g_hash_table_remove(gone, stem);
    note(scan->renamed, added[i].folder, added[i].name, added[i].fresh, left->id);
    left->id = 0;
  }
  g_array_set_size(scan->added, kept);
}

static bool
look_into(struct scan *scan, struct store *store, struct conn *conn, guint at, GError **error)
{
  struct scanned_folder *folder = scan->folders->pdata[at];
  g_autoptr(GArray) entries = NULL;
  if (folder->vanished) {
    entries = g_array_new(FALSE, FALSE, sizeof(struct entry));
  } else if (folder->looked) {
    entries = list_folder(scan, store, folder, NULL);
    /* Gone or closed since it was found: the next look sees what it is. */
    if (entries == NULL)
      folder->looked = false;
  }
  return entries == NULL || compare(scan, conn, at, entries, error);
}

struct scan *
scan_run(struct store *store, GCancellable *cancel, GError **error)
{
  g_autoptr(scan_t) scan = scan_new();
  g_autoptr(conn_t) conn = conn_read(store, cancel, error);
  if (conn == NULL || !find_folders(scan, store, conn, cancel, error))
    return NULL;
  for (guint i = 0; i < scan->folders->len; i++) {
    if (g_cancellable_is_cancelled(cancel)) {
      error_set(error, POSTINO_ERROR_CANCELLED, _("stopped"));
      return NULL;
    }
    if (!look_into(scan, store, conn, i, error))
      return NULL;
  }
  pair_moves(scan);
  return g_steal_pointer(&scan);
}

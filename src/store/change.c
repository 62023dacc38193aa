#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/i18n.h"
#include "base/limits.h"
#include "store/disk.h"

/* Changes by renaming.  Other programs rename too: what is not where it was is
 * looked for again by its base name. */

/* One letter in memory. */
#define LIMIT_READ LIMIT_MIB(1024)

GHashTable *
change_dirs_new(void)
{
  return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
}

bool
change_sync(GHashTable *dirs, GError **error)
{
  GHashTableIter iter;
  gpointer dir;
  g_hash_table_iter_init(&iter, dirs);
  while (g_hash_table_iter_next(&iter, &dir, NULL))
    if (!file_sync_dir(dir, error))
      return false;
  return true;
}

static char *
find(struct store *store, const char *key, unsigned *flags_out, GError **error)
{
  g_autofree char *hint = index_path(store, key);
  g_autoptr(GError) why = NULL;
  char *path = maildir_find(store, key, hint, flags_out, &why);
  if (path == NULL && index_waits(store, key))
    error_set(error, POSTINO_ERROR_NOTFOUND, "%s",
              _("this letter lies on the server alone; open it in the interface, or use \"postino "
                "server fetch\", to fetch it first"));
  else if (path == NULL)
    g_propagate_error(error, g_steal_pointer(&why));
  return path;
}

bool
store_make_folder(struct store *store, const char *folder, GError **error)
{
  g_autofree char *path = maildir_make(store, folder, error);
  return path != NULL;
}

GBytes *
store_read(struct store *store, const char *key, GError **error)
{
  for (int tries = 0; tries < RACE_TRIES; tries++) {
    g_autofree char *path = find(store, key, NULL, error);
    g_autoptr(GError) failed = NULL;
    if (path == NULL)
      return NULL;
    GBytes *bytes = file_read(path, LIMIT_READ, &failed);
    if (bytes != NULL)
      return bytes;
    if (!error_is(failed, POSTINO_ERROR_NOTFOUND) || tries + 1 == RACE_TRIES) {
      g_propagate_error(error, g_steal_pointer(&failed));
      return NULL;
    }
  }
  return NULL;
}

/* ---- many letters ---- */

/* The first thing that went wrong; the other letters are still done. */
static void
keep_first(GError **first, GError *failed)
{
  if (*first == NULL)
    *first = failed;
  else
    g_error_free(failed);
}

static bool
tell_first(GError *first, GError **error)
{
  if (first == NULL)
    return true;
  g_propagate_error(error, first);
  return false;
}

bool
change_goes_on(const struct store_bulk *bulk, bool undoable, guint done, guint total,
               GError **error)
{
  if (bulk == NULL)
    return true;
  struct store_progress progress = {.done = done, .total = total};
  if (bulk->progress != NULL)
    bulk->progress(&progress, bulk->data);
  if (!g_cancellable_is_cancelled(bulk->cancel))
    return true;
  return error_set(error, POSTINO_ERROR_CANCELLED,
                   undoable ? ngettext("stopped after %u of %u message; undo takes it back",
                                       "stopped after %u of %u messages; undo takes them back",
                                       total)
                            : ngettext("stopped after %u of %u message",
                                       "stopped after %u of %u messages", total),
                   done, total);
}

/* The same for letters that are done one by one. */
static bool
go_on(const struct store_bulk *bulk, bool undoable, guint done, guint total, GError **first)
{
  GError *stopped = NULL;
  if (change_goes_on(bulk, undoable, done, total, &stopped))
    return true;
  keep_first(first, stopped);
  return false;
}

/* ---- flags ---- */

/* Where the letter goes for these flags: new holds what has none. */
static char *
flagged_path(const char *path, unsigned flags)
{
  g_autofree char *name = g_path_get_basename(path);
  g_autofree char *sub = g_path_get_dirname(path);
  g_autofree char *folder = g_path_get_dirname(sub);
  g_autofree char *renamed = maildir_reflag(name, flags);
  return g_build_filename(folder, "cur", renamed, NULL);
}

bool
change_flags(struct store *store, const char *key, unsigned mask, unsigned flags,
             GHashTable *dirs, unsigned *was_out, unsigned *now_out, GError **error)
{
  for (int tries = 0;; tries++) {
    unsigned was;
    g_autofree char *path = find(store, key, &was, error);
    if (path == NULL)
      return false;
    unsigned now = (was & ~mask) | (flags & mask);
    *was_out = was;
    *now_out = now;
    if (now == was)
      return true;
    g_autofree char *target = flagged_path(path, now);
    int errnum = maildir_rename(path, target);
    if (errnum == 0) {
      g_hash_table_add(dirs, g_path_get_dirname(path));
      g_hash_table_add(dirs, g_path_get_dirname(target));
      index_moved(store, key, key, target, now);
      return true;
    }
    if (errnum != ENOENT || tries == RACE_TRIES)
      return error_errno(error, POSTINO_ERROR_LOCAL, errnum, _("cannot rename %s"), path);
  }
}

bool
store_flag(struct store *store, const char *const *keys, unsigned set, unsigned clear,
           GError **error)
{
  return store_flag_bulk(store, keys, set, clear, NULL, error);
}

bool
store_flag_bulk(struct store *store, const char *const *keys, unsigned set, unsigned clear,
                const struct store_bulk *bulk, GError **error)
{
  g_autoptr(GHashTable) dirs = change_dirs_new();
  g_auto(undo_log_t) log = {.store = store, .kind = UNDO_FLAG, .steps = undo_steps_new()};
  guint total = g_strv_length((char **)keys);
  GError *first = NULL;
  for (guint i = 0; i < total && go_on(bulk, true, i, total, &first); i++) {
    const char *key = keys[i];
    GError *failed = NULL;
    unsigned was, now;
    if (!change_flags(store, key, set | clear, set, dirs, &was, &now, &failed)) {
      keep_first(&first, failed);
      continue;
    }
    g_autofree char *before = g_strdup_printf("%u", was);
    g_autofree char *after = g_strdup_printf("%u", now);
    if (was != now)
      undo_log_add(&log, key, before, after);
  }
  GError *failed = NULL;
  if (!change_sync(dirs, &failed))
    keep_first(&first, failed);
  undo_log_flush(&log);
  return tell_first(first, error);
}

/* ---- moving ---- */

/* The target for the letter at `path`: same directory kind, same flags. */
static char *
moved_path(const char *path, const char *folder_path, const char *base)
{
  g_autofree char *name = g_path_get_basename(path);
  g_autofree char *sub = g_path_get_dirname(path);
  g_autofree char *kind = g_path_get_basename(sub);
  const char *info = strstr(name, ":2,");
  g_autofree char *renamed = g_strconcat(base, info != NULL ? info : "", NULL);
  return g_build_filename(folder_path, kind, renamed, NULL);
}

/* Is the number behind ",U=" mbsync's, who counts letters by it in this folder?  Then
 * one of another folder may be there already, and mbsync would stop at it. */
static bool
is_numbered(const char *folder_path)
{
  g_autofree char *path = g_build_filename(folder_path, ".uidvalidity", NULL);
  return g_file_test(path, G_FILE_TEST_EXISTS);
}

/* What the letter at `path` is called in another folder: as it is. */
static char *
base_elsewhere(const char *path, const char *folder_path)
{
  g_autofree char *name = g_path_get_basename(path);
  g_autofree char *base = maildir_base(name, NULL);
  const char *number = strstr(base, ",U=");
  if (number == NULL || number == base || !is_numbered(folder_path))
    return g_steal_pointer(&base);
  const char *rest = strchr(number + 1, ',');
  g_autofree char *start = g_strndup(base, (gsize)(number - base));
  return g_strconcat(start, rest, NULL);
}

/* A base name that no letter of the folder has. */
static char *
free_base(struct store *store, const char *folder, const char *folder_path, const char *base)
{
  g_autofree char *key = key_join(folder, base);
  g_autofree char *indexed = index_path(store, key);
  bool taken = maildir_has(folder_path, base) ||
               (indexed != NULL && g_file_test(indexed, G_FILE_TEST_EXISTS));
  return taken ? maildir_fresh_base(0) : g_strdup(base);
}

static bool
try_move(struct store *store, const char *key, const char *folder, const char *wanted,
         GHashTable *dirs, char **key_out, bool *again_out, GError **error)
{
  unsigned flags;
  g_autofree char *path = find(store, key, &flags, error);
  g_autofree char *folder_path = path != NULL ? maildir_make(store, folder, error) : NULL;
  if (folder_path == NULL)
    return false;
  g_autofree char *own = base_elsewhere(path, folder_path);
  g_autofree char *base = free_base(store, folder, folder_path, wanted != NULL ? wanted : own);
  g_autofree char *target = moved_path(path, folder_path, base);
  g_autoptr(GError) failed = NULL;
  if (!maildir_transfer(path, target, &failed)) {
    *again_out = !g_file_test(path, G_FILE_TEST_EXISTS) ||
                 g_file_test(target, G_FILE_TEST_EXISTS);
    g_propagate_error(error, g_steal_pointer(&failed));
    return false;
  }
  g_hash_table_add(dirs, g_path_get_dirname(target));
  g_hash_table_add(dirs, g_path_get_dirname(path));
  *key_out = key_join(folder, base);
  tags_copy(store, own, base);
  index_moved(store, key, *key_out, target, flags);
  return true;
}

bool
change_move(struct store *store, const char *key, const char *folder, const char *base,
            GHashTable *dirs, char **key_out, GError **error)
{
  for (int tries = 0;; tries++) {
    g_autoptr(GError) failed = NULL;
    bool again = false;
    if (try_move(store, key, folder, base, dirs, key_out, &again, &failed))
      return true;
    if (!again || tries == RACE_TRIES) {
      g_propagate_error(error, g_steal_pointer(&failed));
      return false;
    }
  }
}

static bool
move_one(struct store *store, const char *key, const char *folder, GHashTable *dirs,
         struct undo_log *log, char **key_out, GError **error)
{
  g_autofree char *from = NULL, *base = NULL;
  if (!key_split(key, &from, &base))
    return error_set(error, POSTINO_ERROR_NOTFOUND, _("no such message"));
  if (strcmp(from, folder) == 0) {
    *key_out = g_strdup(key);
    return true;
  }
  if (!change_move(store, key, folder, NULL, dirs, key_out, error))
    return false;
  undo_log_add(log, *key_out, key, *key_out);
  return true;
}

bool
store_move(struct store *store, const char *const *keys, const char *folder, GStrv *moved_out,
           GError **error)
{
  return store_move_bulk(store, keys, folder, moved_out, NULL, error);
}

bool
store_move_bulk(struct store *store, const char *const *keys, const char *folder,
                GStrv *moved_out, const struct store_bulk *bulk, GError **error)
{
  guint total = g_strv_length((char **)keys);
  g_autoptr(GHashTable) dirs = change_dirs_new();
  g_auto(undo_log_t) log = {.store = store, .kind = UNDO_MOVE, .steps = undo_steps_new()};
  g_autoptr(GPtrArray) moved = g_ptr_array_new_with_free_func(g_free);
  g_autofree char *made = maildir_make(store, folder, error);
  GError *first = NULL, *failed = NULL;
  if (made == NULL)
    return false;
  for (guint i = 0; i < total && go_on(bulk, true, i, total, &first); i++) {
    char *key = NULL;
    failed = NULL;
    if (move_one(store, keys[i], folder, dirs, &log, &key, &failed))
      g_ptr_array_add(moved, key);
    else
      keep_first(&first, failed);
  }
  failed = NULL;
  if (!change_sync(dirs, &failed))
    keep_first(&first, failed);
  undo_log_flush(&log);
  if (first == NULL && moved_out != NULL) {
    g_ptr_array_add(moved, NULL);
    *moved_out = (char **)g_ptr_array_free(g_steal_pointer(&moved), FALSE);
  }
  return tell_first(first, error);
}

/* ---- copying, removing ---- */

static bool
copy_one(struct store *store, const char *key, const char *folder_path, GError **error)
{
  for (int tries = 0;; tries++) {
    g_autofree char *path = find(store, key, NULL, error);
    g_autoptr(GError) failed = NULL;
    if (path == NULL)
      return false;
    g_autofree char *name = g_path_get_basename(path);
    g_autofree char *from = maildir_base(name, NULL);
    g_autofree char *base = maildir_fresh_base(0);
    g_autofree char *target = moved_path(path, folder_path, base);
    if (maildir_copy(path, target, &failed)) {
      tags_copy(store, from, base);
      return true;
    }
    if (g_file_test(path, G_FILE_TEST_EXISTS) || tries == RACE_TRIES) {
      g_propagate_error(error, g_steal_pointer(&failed));
      return false;
    }
  }
}

bool
store_copy_bulk(struct store *store, const char *const *keys, const char *folder,
                const struct store_bulk *bulk, GError **error)
{
  g_autofree char *path = maildir_make(store, folder, error);
  guint total = g_strv_length((char **)keys);
  GError *first = NULL;
  if (path == NULL)
    return false;
  for (guint i = 0; i < total && go_on(bulk, false, i, total, &first); i++) {
    GError *failed = NULL;
    if (!copy_one(store, keys[i], path, &failed))
      keep_first(&first, failed);
  }
  return tell_first(first, error);
}

bool
store_copy(struct store *store, const char *const *keys, const char *folder, GError **error)
{
  return store_copy_bulk(store, keys, folder, NULL, error);
}

static bool
expunge_one(struct store *store, const char *key, GHashTable *dirs, GError **error)
{
  for (int tries = 0;; tries++) {
    g_autofree char *path = find(store, key, NULL, error);
    if (path == NULL)
      return false;
    if (unlink(path) == 0) {
      g_hash_table_add(dirs, g_path_get_dirname(path));
      index_removed(store, key);
      return true;
    }
    if (errno != ENOENT || tries == RACE_TRIES)
      return error_errno(error, POSTINO_ERROR_LOCAL, errno, _("cannot remove %s"), path);
  }
}

static bool
expunge_all(struct store *store, const char *const *keys, const struct store_bulk *bulk,
            guint *gone_out, GError **error)
{
  g_autoptr(GHashTable) dirs = change_dirs_new();
  guint total = g_strv_length((char **)keys);
  GError *first = NULL, *failed = NULL;
  *gone_out = 0;
  for (guint i = 0; i < total && go_on(bulk, false, i, total, &first); i++) {
    failed = NULL;
    if (expunge_one(store, keys[i], dirs, &failed))
      (*gone_out)++;
    else
      keep_first(&first, failed);
  }
  failed = NULL;
  if (!change_sync(dirs, &failed))
    keep_first(&first, failed);
  return tell_first(first, error);
}

bool
store_expunge(struct store *store, const char *const *keys, GError **error)
{
  guint gone;
  return expunge_all(store, keys, NULL, &gone, error);
}

bool
store_expunge_bulk(struct store *store, const char *const *keys, const struct store_bulk *bulk,
                   GError **error)
{
  guint gone;
  bool done = expunge_all(store, keys, bulk, &gone, error);
  if (gone > 0)
    undo_record_gone(store);
  return done;
}

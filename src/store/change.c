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
                   undoable ? ngettext("stopped after %u of %u letter; undo takes it back",
                                       "stopped after %u of %u letters; undo takes them back",
                                       total)
                            : ngettext("stopped after %u of %u letter",
                                       "stopped after %u of %u letters", total),
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

/* A change that can be taken back: of some letters at a time what will become of them is
 * written down, then it is done. */
struct changing;
struct planned {
  const char *key;
  char *was, *now;            /* as struct undo_step; NULL: it needs no undoing */
  char *left;                 /* the key as it will be; NULL: it cannot be changed */
  guint step;
};
struct changing {
  struct store *store;
  const char *const *keys;
  unsigned mask, flags;       /* of a change of flags */
  const char *folder, *folder_path; /* of a move */
  bool (*plan)(struct changing *change, struct planned *letter, GError **error);
  /* Does it; what was planned is corrected to what became of it. */
  bool (*make)(struct changing *change, struct planned *letter, GError **error);
  const struct store_bulk *bulk;
  GHashTable *dirs;
  GPtrArray *left;            /* the keys of what was done; or NULL */
  GError *first;
};

static void
planned_clear(struct planned *letter)
{
  g_clear_pointer(&letter->was, g_free);
  g_clear_pointer(&letter->now, g_free);
  g_clear_pointer(&letter->left, g_free);
}

static void
plan_some(struct changing *change, struct undo_log *log, struct planned *letters, guint n)
{
  for (guint i = 0; i < n; i++) {
    GError *failed = NULL;
    if (!change->plan(change, &letters[i], &failed)) {
      planned_clear(&letters[i]);
      keep_first(&change->first, failed);
    } else if (letters[i].was != NULL) {
      letters[i].step = undo_log_add(log, letters[i].left, letters[i].was, letters[i].now);
    }
  }
  undo_log_flush(log);
}

/* Another program may have come between. */
static void
make_one(struct changing *change, struct undo_log *log, struct planned *letter)
{
  struct planned made = {.key = letter->key, .was = g_strdup(letter->was),
                         .now = g_strdup(letter->now), .left = g_strdup(letter->left)};
  GError *failed = NULL;
  bool ok = change->make(change, &made, &failed);
  bool as_planned = ok && g_strcmp0(made.was, letter->was) == 0 &&
                    g_strcmp0(made.now, letter->now) == 0 && strcmp(made.left, letter->left) == 0;
  if (!as_planned && letter->was != NULL)
    undo_log_strike(log, letter->step);
  if (ok && !as_planned && made.was != NULL)
    undo_log_add(log, made.left, made.was, made.now);
  if (ok && change->left != NULL)
    g_ptr_array_add(change->left, g_steal_pointer(&made.left));
  if (!ok)
    keep_first(&change->first, failed);
  planned_clear(&made);
}

/* False: it was stopped. */
static bool
change_some(struct changing *change, struct undo_log *log, guint start, guint n, guint total)
{
  struct planned letters[UNDO_AT_ONCE] = {{0}};
  bool goes_on = true;
  for (guint i = 0; i < n; i++)
    letters[i].key = change->keys[start + i];
  plan_some(change, log, letters, n);
  for (guint i = 0; i < n; i++) {
    goes_on = goes_on && go_on(change->bulk, true, start + i, total, &change->first);
    if (goes_on && letters[i].left != NULL)
      make_one(change, log, &letters[i]);
    else if (letters[i].was != NULL)
      undo_log_strike(log, letters[i].step);
    planned_clear(&letters[i]);
  }
  return goes_on;
}

static bool
change_all(struct changing *change, enum undo_kind kind, GError **error)
{
  g_autoptr(GHashTable) dirs = change_dirs_new();
  g_auto(undo_log_t) log = {.store = change->store, .kind = kind, .steps = undo_steps_new()};
  guint total = g_strv_length((char **)change->keys);
  change->dirs = dirs;
  for (guint at = 0; at < total; at += UNDO_AT_ONCE)
    if (!change_some(change, &log, at, MIN(UNDO_AT_ONCE, total - at), total))
      break;
  GError *failed = NULL;
  if (!change_sync(dirs, &failed))
    keep_first(&change->first, failed);
  undo_log_flush(&log);
  return tell_first(change->first, error);
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

/* In the words of an undo step; nothing where nothing changes. */
static void
note_flags(struct planned *letter, unsigned was, unsigned now)
{
  g_clear_pointer(&letter->was, g_free);
  g_clear_pointer(&letter->now, g_free);
  if (was == now)
    return;
  letter->was = g_strdup_printf("%u", was);
  letter->now = g_strdup_printf("%u", now);
}

static bool
plan_flags(struct changing *change, struct planned *letter, GError **error)
{
  unsigned was;
  g_autofree char *path = find(change->store, letter->key, &was, error);
  if (path == NULL)
    return false;
  note_flags(letter, was, (was & ~change->mask) | (change->flags & change->mask));
  letter->left = g_strdup(letter->key);
  return true;
}

static bool
make_flags(struct changing *change, struct planned *letter, GError **error)
{
  unsigned was, now;
  if (!change_flags(change->store, letter->key, change->mask, change->flags, change->dirs, &was,
                    &now, error))
    return false;
  note_flags(letter, was, now);
  return true;
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
  struct changing change = {.store = store, .keys = keys, .mask = set | clear, .flags = set,
                          .plan = plan_flags, .make = make_flags, .bulk = bulk};
  return change_all(&change, UNDO_FLAG, error);
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
plan_move(struct changing *change, struct planned *letter, GError **error)
{
  g_autofree char *from = NULL, *base = NULL;
  if (!key_split(letter->key, &from, &base))
    return error_set(error, POSTINO_ERROR_NOTFOUND, _("no such letter"));
  if (strcmp(from, change->folder) == 0) {
    letter->left = g_strdup(letter->key);
    return true;
  }
  g_autofree char *path = find(change->store, letter->key, NULL, error);
  if (path == NULL)
    return false;
  g_autofree char *own = base_elsewhere(path, change->folder_path);
  g_autofree char *there = free_base(change->store, change->folder, change->folder_path, own);
  letter->left = key_join(change->folder, there);
  letter->was = g_strdup(letter->key);
  letter->now = g_strdup(letter->left);
  return true;
}

static bool
make_move(struct changing *change, struct planned *letter, GError **error)
{
  g_autofree char *folder = NULL, *base = NULL, *key = NULL;
  if (letter->was == NULL)
    return true;
  if (!key_split(letter->left, &folder, &base) ||
      !change_move(change->store, letter->key, folder, base, change->dirs, &key, error))
    return false;
  g_free(letter->left);
  g_free(letter->now);
  letter->now = g_strdup(key);
  letter->left = g_steal_pointer(&key);
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
  g_autofree char *made = maildir_make(store, folder, error);
  if (made == NULL)
    return false;
  g_autoptr(GPtrArray) moved = g_ptr_array_new_with_free_func(g_free);
  struct changing change = {.store = store, .keys = keys, .folder = folder, .folder_path = made,
                          .plan = plan_move, .make = make_move, .bulk = bulk, .left = moved};
  if (!change_all(&change, UNDO_MOVE, error))
    return false;
  g_ptr_array_add(moved, NULL);
  if (moved_out != NULL)
    *moved_out = (char **)g_ptr_array_free(g_steal_pointer(&moved), FALSE);
  return true;
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
    bool gone = error_is(failed, POSTINO_ERROR_NOTFOUND) || !g_file_test(path, G_FILE_TEST_EXISTS);
    if (!gone || tries == RACE_TRIES) {
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

#include "store/change.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/i18n.h"
#include "base/limits.h"

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

char *
change_find(struct store *store, const char *key, unsigned *flags_out, GError **error)
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
    g_autofree char *path = change_find(store, key, NULL, error);
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
void
change_keep_first(GError **first, GError *failed)
{
  if (*first == NULL)
    *first = failed;
  else
    g_error_free(failed);
}

bool
change_tell_first(GError *first, GError **error)
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
bool
change_next(const struct store_bulk *bulk, bool undoable, guint done, guint total, GError **first)
{
  GError *stopped = NULL;
  if (change_goes_on(bulk, undoable, done, total, &stopped))
    return true;
  change_keep_first(first, stopped);
  return false;
}

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
      change_keep_first(&change->first, failed);
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
    change_keep_first(&change->first, failed);
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
    goes_on = goes_on && change_next(change->bulk, true, start + i, total, &change->first);
    if (goes_on && letters[i].left != NULL)
      make_one(change, log, &letters[i]);
    else if (letters[i].was != NULL)
      undo_log_strike(log, letters[i].step);
    planned_clear(&letters[i]);
  }
  return goes_on;
}

bool
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
    change_keep_first(&change->first, failed);
  undo_log_flush(&log);
  return change_tell_first(change->first, error);
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
    g_autofree char *path = change_find(store, key, &was, error);
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
  g_autofree char *path = change_find(change->store, letter->key, &was, error);
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

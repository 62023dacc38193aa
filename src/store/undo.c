#include <string.h>

#include "base/error.h"
#include "base/i18n.h"
#include "store/disk.h"

/* What was done to letters, newest last, so that it can be taken back step by
 * step, also by a later run.  A letter is named as the change left it. */

/* Changes that are remembered. */
#define LIMIT_UNDO 500

static void
step_free(gpointer data)
{
  struct undo_step *step = data;
  g_free(step->key);
  g_free(step->digest);
  g_free(step->was);
  g_free(step->now);
  g_free(step);
}

GPtrArray *
undo_steps_new(void)
{
  return g_ptr_array_new_with_free_func(step_free);
}

void
undo_steps_add(GPtrArray *steps, const char *key, const char *digest, const char *was,
               const char *now)
{
  struct undo_step *step = g_new0(struct undo_step, 1);
  step->key = g_strdup(key);
  step->digest = g_strdup(digest);
  step->was = g_strdup(was);
  step->now = g_strdup(now);
  g_ptr_array_add(steps, step);
}

static bool
record_step(txn_t *txn, guint number, const struct undo_step *step, GError **error)
{
  g_autofree char *folder = NULL, *base = NULL;
  if (!key_split(step->key, &folder, &base))
    return error_set(error, POSTINO_ERROR_BUG, "undo of no key");
  return state_run(txn, error,
                   "INSERT INTO undo_steps VALUES((SELECT max(number) FROM undo), ?, ?, ?, ?, ?, ?)",
                   "ittttt", (int64_t)number, folder, base, step->digest, step->was, step->now);
}

bool
undo_record(txn_t *txn, enum undo_kind kind, const GPtrArray *steps, GError **error)
{
  int64_t now = g_get_real_time() / G_USEC_PER_SEC;
  if (steps->len == 0)
    return true;
  if (!state_run(txn, error, "INSERT INTO undo(at, kind) VALUES(?, ?)", "ii", now, (int64_t)kind))
    return false;
  for (guint i = 0; i < steps->len; i++)
    if (!record_step(txn, i, steps->pdata[i], error))
      return false;
  return state_run(txn, error, "DELETE FROM undo WHERE number <= (SELECT max(number) FROM undo) - ?",
                   "i", (int64_t)LIMIT_UNDO);
}

void
undo_record_gone(struct store *store)
{
  g_auto(txn_t) txn = {0};
  g_autoptr(GError) failed = NULL;
  int64_t now = g_get_real_time() / G_USEC_PER_SEC;
  if (!txn_begin(&txn, store, true, &failed) ||
      !state_run(&txn, &failed,
                 "INSERT INTO undo(at, kind) SELECT ?1, ?2 WHERE NOT EXISTS (SELECT 1 FROM undo"
                 " WHERE number = (SELECT max(number) FROM undo) AND kind = ?2)",
                 "ii", now, (int64_t)UNDO_GONE) ||
      !txn_commit(&txn, &failed))
    g_info("not kept for undo: %s", failed->message);
}

/* ---- taking back ---- */

static bool
read_steps(txn_t *txn, int64_t number, GPtrArray *steps, GError **error)
{
  g_autoptr(state_stmt_t) rows =
      state_prepare(txn, error,
                    "SELECT folder || '/' || base, digest, was, now FROM undo_steps"
                    " WHERE undo = ? ORDER BY number DESC",
                    "i", number);
  if (rows == NULL)
    return false;
  enum step step;
  while ((step = state_step(txn, rows, error)) == STEP_ROW)
    undo_steps_add(steps, (const char *)sqlite3_column_text(rows, 0),
                   (const char *)sqlite3_column_text(rows, 1),
                   (const char *)sqlite3_column_text(rows, 2),
                   (const char *)sqlite3_column_text(rows, 3));
  return step == STEP_DONE;
}

/* Takes the newest record for ourselves: two processes never take back the same
 * change.  False without error when there is none. */
static bool
claim(struct store *store, enum undo_kind *kind_out, GPtrArray *steps, GError **error)
{
  g_auto(txn_t) txn = {0};
  if (!txn_begin(&txn, store, true, error))
    return false;
  g_autoptr(state_stmt_t) newest =
      state_prepare(&txn, error, "SELECT number, kind FROM undo ORDER BY number DESC LIMIT 1", "");
  if (newest == NULL || state_step(&txn, newest, error) != STEP_ROW)
    return false;
  int64_t number = sqlite3_column_int64(newest, 0);
  *kind_out = (enum undo_kind)sqlite3_column_int(newest, 1);
  sqlite3_reset(newest);
  return read_steps(&txn, number, steps, error) &&
         state_run(&txn, error, "DELETE FROM undo WHERE number = ?", "i", number) &&
         txn_commit(&txn, error);
}

/* The letter as the change left it, or where it went since. */
static char *
locate(struct store *store, const char *key)
{
  g_autofree char *hint = index_path(store, key);
  g_autofree char *path = maildir_find(store, key, hint, NULL, NULL);
  if (path != NULL)
    return g_strdup(key);
  g_autofree char *folder = NULL, *base = NULL;
  return key_split(key, &folder, &base) ? store_find_base(store, base) : NULL;
}

static bool
unflag(struct store *store, const struct undo_step *step, GHashTable *dirs, GError **error)
{
  g_autofree char *key = locate(store, step->key);
  unsigned was = (unsigned)g_ascii_strtoull(step->was, NULL, 10);
  unsigned now = (unsigned)g_ascii_strtoull(step->now, NULL, 10), before, after;
  return key != NULL && change_flags(store, key, was ^ now, was, dirs, &before, &after, error) &&
         before != after;
}

/* Only from where the change put it: who moved it on has changed his mind. */
static bool
unmove(struct store *store, const struct undo_step *step, GHashTable *dirs, GError **error)
{
  g_autofree char *folder = NULL, *base = NULL, *key = NULL;
  return key_split(step->was, &folder, &base) &&
         change_move(store, step->key, folder, base, dirs, &key, error);
}

/* The words of `a` that are not in `b`. */
static char **
words_without(const char *a, const char *b)
{
  g_auto(GStrv) all = g_strsplit(a, " ", -1);
  g_auto(GStrv) others = g_strsplit(b, " ", -1);
  GPtrArray *left = g_ptr_array_new();
  for (char **word = all; *word != NULL; word++)
    if (**word != '\0' && !g_strv_contains((const char *const *)others, *word))
      g_ptr_array_add(left, g_strdup(*word));
  g_ptr_array_add(left, NULL);
  return (char **)g_ptr_array_free(left, FALSE);
}

static bool
untag(struct store *store, const struct undo_step *step, GError **error)
{
  g_autofree char *key = locate(store, step->key), *was = NULL, *now = NULL;
  g_autofree char *folder = NULL, *base = NULL;
  g_auto(GStrv) add = words_without(step->was, step->now);
  g_auto(GStrv) remove = words_without(step->now, step->was);
  g_auto(txn_t) txn = {0};
  if (key == NULL || step->digest == NULL || !key_split(key, &folder, &base) ||
      !txn_begin(&txn, store, true, error) ||
      !tags_change(&txn, base, step->digest, (const char *const *)add,
                   (const char *const *)remove, &was, &now, error) ||
      !txn_commit(&txn, error))
    return false;
  index_tagged(store, key, *now != '\0' ? now : NULL);
  return strcmp(was, now) != 0;
}

static bool
take_back(struct store *store, enum undo_kind kind, const struct undo_step *step,
          GHashTable *dirs, GError **error)
{
  switch (kind) {
  case UNDO_FLAG:
    return unflag(store, step, dirs, error);
  case UNDO_MOVE:
    return unmove(store, step, dirs, error);
  case UNDO_TAG:
    return untag(store, step, error);
  case UNDO_THREAD:
    return hand_undo(store, step, error);
  case UNDO_GONE:
    break;
  }
  return false;
}

static char *
say(enum undo_kind kind, guint n)
{
  switch (kind) {
  case UNDO_FLAG:
    return g_strdup_printf(
        ngettext("flags of %u message as before", "flags of %u messages as before", n), n);
  case UNDO_MOVE:
    return g_strdup_printf(ngettext("%u message moved back", "%u messages moved back", n), n);
  case UNDO_TAG:
    return g_strdup_printf(
        ngettext("tags of %u message as before", "tags of %u messages as before", n), n);
  case UNDO_THREAD:
    return g_strdup_printf(ngettext("thread of %u message as before",
                                    "threads of %u messages as before", n), n);
  case UNDO_GONE:
    break;
  }
  return NULL;
}

/* How many steps could be taken back; a letter that is gone is no failure. */
static bool
take_back_all(struct store *store, enum undo_kind kind, const GPtrArray *steps, guint *n_out,
              GError **error)
{
  g_autoptr(GHashTable) dirs = change_dirs_new();
  *n_out = 0;
  for (guint i = 0; i < steps->len; i++) {
    g_autoptr(GError) failed = NULL;
    if (take_back(store, kind, steps->pdata[i], dirs, &failed))
      (*n_out)++;
    else if (failed != NULL && !error_is(failed, POSTINO_ERROR_NOTFOUND)) {
      g_propagate_error(error, g_steal_pointer(&failed));
      return false;
    }
  }
  return change_sync(dirs, error);
}

/* A failure in the middle (a full disk): the rest can be taken back later. */
static void
give_back(struct store *store, enum undo_kind kind, const GPtrArray *steps)
{
  g_autoptr(GPtrArray) forward = undo_steps_new();
  for (guint i = steps->len; i > 0; i--) {
    const struct undo_step *step = steps->pdata[i - 1];
    undo_steps_add(forward, step->key, step->digest, step->was, step->now);
  }
  g_auto(txn_t) txn = {0};
  g_autoptr(GError) failed = NULL;
  if (!txn_begin(&txn, store, true, &failed) || !undo_record(&txn, kind, forward, &failed) ||
      !txn_commit(&txn, &failed))
    g_info("not kept for undo: %s", failed->message);
}

bool
store_undo(struct store *store, char **what_out, GError **error)
{
  for (;;) {
    g_autoptr(GPtrArray) steps = undo_steps_new();
    g_autoptr(GError) failed = NULL;
    enum undo_kind kind;
    guint n;
    if (!claim(store, &kind, steps, &failed)) {
      if (failed == NULL)
        return error_set(error, POSTINO_ERROR_NOTFOUND, _("there is nothing to undo"));
      g_propagate_error(error, g_steal_pointer(&failed));
      return false;
    }
    if (kind == UNDO_GONE)
      return error_set(error, POSTINO_ERROR_INVALID,
                       _("letters were removed for good, which cannot be taken back; undo once "
                         "more takes back what was done before"));
    if (!take_back_all(store, kind, steps, &n, error)) {
      give_back(store, kind, steps);
      return false;
    }
    if (n == 0)
      continue;
    if (what_out != NULL)
      *what_out = say(kind, n);
    return true;
  }
}

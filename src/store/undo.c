#include <string.h>

#include "base/error.h"
#include "base/i18n.h"
#include "store/disk.h"

/* What was done to letters, newest last, so that it can be taken back step by
 * step, also by a later run.  A letter is named as the change left it. */

/* Changes that are remembered. */
#define LIMIT_UNDO 500
/* Another instance takes something back. */
#define LOCK_SECONDS 10

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
record_step(txn_t *txn, int64_t undo, gint64 number, const struct undo_step *step, GError **error)
{
  g_autofree char *folder = NULL, *base = NULL;
  if (!key_split(step->key, &folder, &base))
    return error_set(error, POSTINO_ERROR_BUG, "undo of no key");
  return state_run(txn, error, "INSERT INTO undo_steps VALUES(?, ?, ?, ?, ?, ?, ?)", "iittttt", undo,
                   (int64_t)number, folder, base, step->digest, step->was, step->now);
}

static bool
read_number(txn_t *txn, const char *sql, int64_t bound, int64_t *out, GError **error)
{
  g_autoptr(state_stmt_t) row = state_prepare(txn, error, sql, "i", bound);
  if (row == NULL || state_step(txn, row, error) != STEP_ROW)
    return false;
  *out = sqlite3_column_int64(row, 0);
  return true;
}

static bool
begin_record(txn_t *txn, struct undo_log *log, GError **error)
{
  int64_t now = g_get_real_time() / G_USEC_PER_SEC;
  return state_run(txn, error, "INSERT INTO undo(at, kind) VALUES(?, ?)", "ii", now,
                   (int64_t)log->kind) &&
         read_number(txn, "SELECT max(number) FROM undo WHERE number > ?", 0, &log->number, error) &&
         state_run(txn, error, "DELETE FROM undo WHERE number <= ?", "i",
                   log->number - LIMIT_UNDO);
}

bool
undo_log_write(struct undo_log *log, txn_t *txn, GError **error)
{
  if (log->steps->len == 0)
    return true;
  if (log->number == 0 && !begin_record(txn, log, error))
    return false;
  for (guint i = 0; i < log->steps->len; i++)
    if (!record_step(txn, log->number, log->written + i, log->steps->pdata[i], error))
      return false;
  return true;
}

void
undo_log_written(struct undo_log *log)
{
  log->written += log->steps->len;
  g_ptr_array_set_size(log->steps, 0);
}

static bool
remove_struck(const struct undo_log *log, txn_t *txn, GError **error)
{
  if (log->struck == NULL || log->number == 0)
    return true;
  for (guint i = 0; i < log->struck->len; i++)
    if (!state_run(txn, error, "DELETE FROM undo_steps WHERE undo = ? AND number = ?", "ii",
                   log->number, (int64_t)g_array_index(log->struck, guint, i)))
      return false;
  return true;
}

static bool
flush(struct undo_log *log, GError **error)
{
  g_auto(txn_t) txn = {0};
  return txn_begin(&txn, log->store, true, error) && undo_log_write(log, &txn, error) &&
         remove_struck(log, &txn, error) && txn_commit(&txn, error);
}

/* The change stands whether or not it can be taken back: someone whose disk is
 * full must still be able to move letters away. */
void
undo_log_flush(struct undo_log *log)
{
  g_autoptr(GError) failed = NULL;
  bool struck = log->struck != NULL && log->struck->len > 0;
  if (log->steps->len == 0 && !struck)
    return;
  if (!flush(log, &failed)) {
    g_info("not kept for undo: %s", failed->message);
    log->number = 0;
  }
  undo_log_written(log);
  if (struck)
    g_array_set_size(log->struck, 0);
}

guint
undo_log_add(struct undo_log *log, const char *key, const char *was, const char *now)
{
  undo_steps_add(log->steps, key, NULL, was, now);
  return log->written + log->steps->len - 1;
}

void
undo_log_strike(struct undo_log *log, guint step)
{
  if (log->struck == NULL)
    log->struck = g_array_new(FALSE, FALSE, sizeof(guint));
  g_array_append_val(log->struck, step);
}

void
undo_log_clear(struct undo_log *log)
{
  g_clear_pointer(&log->steps, g_ptr_array_unref);
  g_clear_pointer(&log->struck, g_array_unref);
}

bool
undo_record(txn_t *txn, enum undo_kind kind, GPtrArray *steps, GError **error)
{
  struct undo_log log = {.kind = kind, .steps = steps};
  return undo_log_write(&log, txn, error);
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

/* One change as it is taken back: its last steps first, some at a time, each dropped
 * when it is done, so that what dies or is stopped in between is gone on with. */
struct taking {
  struct store *store;
  const struct store_bulk *bulk;
  enum undo_kind kind;
  int64_t number;
  guint total, seen;        /* steps of this change */
  guint done, left;         /* letters that are as before; that changed since */
};

static bool
read_steps(txn_t *txn, int64_t number, GPtrArray *steps, GError **error)
{
  g_autoptr(state_stmt_t) rows =
      state_prepare(txn, error,
                    "SELECT folder || '/' || base, digest, was, now FROM undo_steps"
                    " WHERE undo = ? ORDER BY number DESC LIMIT ?",
                    "ii", number, (int64_t)UNDO_AT_ONCE);
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

static bool
next_steps(struct taking *taking, GPtrArray *steps, GError **error)
{
  g_auto(txn_t) txn = {0};
  return txn_begin(&txn, taking->store, false, error) &&
         read_steps(&txn, taking->number, steps, error);
}

/* False without error when there is none. */
static bool
find_newest(struct taking *taking, GError **error)
{
  g_auto(txn_t) txn = {0};
  int64_t total;
  if (!txn_begin(&txn, taking->store, false, error))
    return false;
  g_autoptr(state_stmt_t) newest =
      state_prepare(&txn, error, "SELECT number, kind FROM undo ORDER BY number DESC LIMIT 1", "");
  if (newest == NULL || state_step(&txn, newest, error) != STEP_ROW)
    return false;
  taking->number = sqlite3_column_int64(newest, 0);
  taking->kind = (enum undo_kind)sqlite3_column_int(newest, 1);
  if (!read_number(&txn, "SELECT count(*) FROM undo_steps WHERE undo = ?", taking->number, &total,
                   error))
    return false;
  taking->total = (guint)total;
  taking->seen = 0;
  return true;
}

/* The last `n` steps are done with; without any, so is the change. */
static bool
drop_steps(struct taking *taking, guint n, GError **error)
{
  g_auto(txn_t) txn = {0};
  return txn_begin(&txn, taking->store, true, error) &&
         (n > 0 ? state_run(&txn, error,
                            "DELETE FROM undo_steps WHERE undo = ?1 AND number IN (SELECT number"
                            " FROM undo_steps WHERE undo = ?1 ORDER BY number DESC LIMIT ?2)",
                            "ii", taking->number, (int64_t)n)
                : state_run(&txn, error, "DELETE FROM undo WHERE number = ?", "i",
                            taking->number)) &&
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

/* What became of a step: the letter is as before by us, or was already, or was changed
 * since in a way that is not ours to take back. */
enum outcome { TAKEN_BACK, AS_BEFORE, LEFT_ALONE, FAILED };

/* What cannot be found was taken away. */
static enum outcome
outcome_of(GError *failed, GError **error)
{
  if (failed == NULL || error_is(failed, POSTINO_ERROR_NOTFOUND)) {
    g_clear_error(&failed);
    return LEFT_ALONE;
  }
  g_propagate_error(error, failed);
  return FAILED;
}

static enum outcome
unflag(struct store *store, const struct undo_step *step, GHashTable *dirs, GError **error)
{
  g_autofree char *key = locate(store, step->key);
  unsigned was = (unsigned)g_ascii_strtoull(step->was, NULL, 10);
  unsigned now = (unsigned)g_ascii_strtoull(step->now, NULL, 10), before, after;
  GError *failed = NULL;
  if (key == NULL || !change_flags(store, key, was ^ now, was, dirs, &before, &after, &failed))
    return outcome_of(failed, error);
  return before != after ? TAKEN_BACK : AS_BEFORE;
}

/* A move that was written down and never made: seen without a look into the folder that
 * it would have gone to. */
static bool
has_stayed(struct store *store, const struct undo_step *step)
{
  g_autofree char *there = index_path(store, step->key), *here = index_path(store, step->was);
  return there == NULL && here != NULL && g_file_test(here, G_FILE_TEST_EXISTS);
}

/* Only from where the change put it: who moved it on has changed his mind. */
static enum outcome
unmove(struct store *store, const struct undo_step *step, GHashTable *dirs, GError **error)
{
  g_autofree char *folder = NULL, *base = NULL, *key = NULL;
  GError *failed = NULL;
  if (has_stayed(store, step))
    return AS_BEFORE;
  if (key_split(step->was, &folder, &base) &&
      change_move(store, step->key, folder, base, dirs, &key, &failed))
    return TAKEN_BACK;
  g_autofree char *there = maildir_find(store, step->was, NULL, NULL, NULL);
  enum outcome outcome = outcome_of(failed, error);
  return outcome == LEFT_ALONE && there != NULL ? AS_BEFORE : outcome;
}

/* The words of `a` that are not in `b`. */
static char **
words_without(const char *a, const char *b)
{
  g_auto(GStrv) all = g_strsplit_set(a, " ", -1);
  g_auto(GStrv) words = g_strsplit_set(b, " ", -1);
  g_autoptr(GHashTable) others = g_hash_table_new(g_str_hash, g_str_equal);
  GPtrArray *left = g_ptr_array_new();
  for (char **word = words; *word != NULL; word++)
    g_hash_table_add(others, *word);
  for (char **word = all; *word != NULL; word++)
    if (**word != '\0' && !g_hash_table_contains(others, *word))
      g_ptr_array_add(left, g_strdup(*word));
  g_ptr_array_add(left, NULL);
  return (char **)g_ptr_array_free(left, FALSE);
}

static enum outcome
untag(struct store *store, const struct undo_step *step, GError **error)
{
  g_autofree char *key = locate(store, step->key), *was = NULL, *now = NULL;
  g_autofree char *folder = NULL, *base = NULL;
  g_auto(GStrv) add = words_without(step->was, step->now);
  g_auto(GStrv) remove = words_without(step->now, step->was);
  g_auto(txn_t) txn = {0};
  if (key == NULL || step->digest == NULL || !key_split(key, &folder, &base))
    return LEFT_ALONE;
  if (!txn_begin(&txn, store, true, error) ||
      !tags_change(&txn, base, step->digest, (const char *const *)add,
                   (const char *const *)remove, &was, &now, error) ||
      !txn_commit(&txn, error))
    return FAILED;
  index_tagged(store, key, *now != '\0' ? now : NULL);
  return strcmp(was, now) != 0 ? TAKEN_BACK : AS_BEFORE;
}

static enum outcome
unthread(struct store *store, const struct undo_step *step, GError **error)
{
  GError *failed = NULL;
  return hand_undo(store, step, &failed) ? TAKEN_BACK : outcome_of(failed, error);
}

static enum outcome
take_back(struct taking *taking, const struct undo_step *step, GHashTable *dirs, GError **error)
{
  switch (taking->kind) {
  case UNDO_FLAG:
    return unflag(taking->store, step, dirs, error);
  case UNDO_MOVE:
    return unmove(taking->store, step, dirs, error);
  case UNDO_TAG:
    return untag(taking->store, step, error);
  case UNDO_THREAD:
    return unthread(taking->store, step, error);
  case UNDO_GONE:
    break;
  }
  return LEFT_ALONE;
}

static char *
say(enum undo_kind kind, guint n)
{
  switch (kind) {
  case UNDO_FLAG:
    return g_strdup_printf(
        ngettext("flags of %u letter as before", "flags of %u letters as before", n), n);
  case UNDO_MOVE:
    return g_strdup_printf(ngettext("%u letter moved back", "%u letters moved back", n), n);
  case UNDO_TAG:
    return g_strdup_printf(
        ngettext("tags of %u letter as before", "tags of %u letters as before", n), n);
  case UNDO_THREAD:
    return g_strdup_printf(ngettext("thread of %u letter as before",
                                    "threads of %u letters as before", n), n);
  case UNDO_GONE:
    break;
  }
  return NULL;
}

/* "…; 3 letters that changed since are left alone". */
static char *
say_all(const struct taking *taking)
{
  g_autofree char *done = say(taking->kind, taking->done);
  if (taking->left == 0)
    return g_steal_pointer(&done);
  g_autofree char *left = g_strdup_printf(
      ngettext("%u letter that changed since is left alone",
               "%u letters that changed since are left alone", taking->left), taking->left);
  return g_strdup_printf("%s; %s", done, left);
}

static bool
is_stopped(const struct taking *taking, GError **error)
{
  if (taking->bulk == NULL)
    return false;
  struct store_progress progress = {.done = taking->seen, .total = taking->total};
  if (taking->bulk->progress != NULL)
    taking->bulk->progress(&progress, taking->bulk->data);
  if (!g_cancellable_is_cancelled(taking->bulk->cancel))
    return false;
  error_set(error, POSTINO_ERROR_CANCELLED,
            ngettext("stopped after %u of %u letter; undo goes on with the others",
                     "stopped after %u of %u letters; undo goes on with the others",
                     taking->total),
            taking->seen, taking->total);
  return true;
}

/* Some steps; *n_out are done with, also when it fails. */
static bool
take_some(struct taking *taking, const GPtrArray *steps, guint *n_out, GError **error)
{
  g_autoptr(GHashTable) dirs = change_dirs_new();
  bool ok = true;
  guint n = 0;
  for (; ok && n < steps->len; n++) {
    enum outcome outcome = is_stopped(taking, error)
                               ? FAILED
                               : take_back(taking, steps->pdata[n], dirs, error);
    ok = outcome != FAILED;
    if (!ok)
      break;
    taking->seen++;
    taking->done += outcome == TAKEN_BACK;
    taking->left += outcome == LEFT_ALONE;
  }
  *n_out = n;
  return change_sync(dirs, ok ? error : NULL) && ok;
}

/* A failure in the middle (a full disk): the rest can be taken back later. */
static bool
take_whole(struct taking *taking, GError **error)
{
  for (;;) {
    g_autoptr(GPtrArray) steps = undo_steps_new();
    guint n;
    if (!next_steps(taking, steps, error))
      return false;
    if (steps->len == 0)
      return drop_steps(taking, 0, error);
    bool ok = take_some(taking, steps, &n, error);
    if (n > 0 && !drop_steps(taking, n, ok ? error : NULL))
      return false;
    if (!ok)
      return false;
  }
}

static bool
nothing_left(const struct taking *taking, GError **error)
{
  if (taking->left == 0)
    return error_set(error, POSTINO_ERROR_NOTFOUND, _("there is nothing to undo"));
  return error_set(error, POSTINO_ERROR_NOTFOUND,
                   ngettext("there is nothing to undo: %u letter changed since is left alone",
                            "there is nothing to undo: %u letters changed since are left alone",
                            taking->left), taking->left);
}

bool
store_undo_bulk(struct store *store, const struct store_bulk *bulk, char **what_out, GError **error)
{
  /* Two processes never take back the same change. */
  g_autoptr(store_lock_t) lock =
      store_lock(store, "undo", LOCK_SECONDS, bulk != NULL ? bulk->cancel : NULL, error);
  struct taking taking = {.store = store, .bulk = bulk};
  if (lock == NULL)
    return false;
  for (;;) {
    GError *failed = NULL;
    if (!find_newest(&taking, &failed)) {
      if (failed == NULL)
        return nothing_left(&taking, error);
      g_propagate_error(error, failed);
      return false;
    }
    if (!take_whole(&taking, error))
      return false;
    if (taking.kind == UNDO_GONE)
      return error_set(error, POSTINO_ERROR_INVALID,
                       _("letters were removed for good, which cannot be taken back; undo once "
                         "more takes back what was done before"));
    if (taking.done == 0)
      continue;
    if (what_out != NULL)
      *what_out = say_all(&taking);
    return true;
  }
}

bool
store_undo(struct store *store, char **what_out, GError **error)
{
  return store_undo_bulk(store, NULL, what_out, error);
}

#include "store/drops.h"

#include <string.h>

#include "base/error.h"
#include "base/i18n.h"
#include "store/disk.h"

const char drop_unread[] = "?";

static size_t
room_of(const char *text)
{
  return text != NULL && text != drop_unread ? strlen(text) + 1 : 0;
}

/* Moves `text` to *at and past it. */
static const char *
put(char **at, const char *text)
{
  size_t size = room_of(text);
  if (size == 0)
    return text;
  const char *copy = memcpy(*at, text, size);
  *at += size;
  return copy;
}

struct drop_row *
drop_row_copy(const struct drop_row *row)
{
  struct drop_row *copy = g_malloc(sizeof *copy + room_of(row->uid) + room_of(row->base) +
                                   room_of(row->digest));
  char *at = (char *)(copy + 1);
  *copy = *row;
  copy->uid = put(&at, row->uid);
  copy->base = put(&at, row->base);
  copy->digest = put(&at, row->digest);
  return copy;
}

void
drop_row_free(struct drop_row *row)
{
  g_free(row);
}

static void
free_element(gpointer row)
{
  drop_row_free(row);
}

bool
store_drop(struct store *store, const char *account, const char *server, const char *user,
           char **id_out, GError **error)
{
  g_autofree char *fresh = disk_id();
  g_auto(txn_t) txn = {0};
  if (!txn_begin(&txn, store, true, error) ||
      !state_run(&txn, error, "INSERT OR IGNORE INTO drops VALUES(?, ?, ?, ?)", "tttt", fresh,
                 account, server, user))
    return false;
  g_autoptr(state_stmt_t) row = state_prepare(
      &txn, error, "SELECT id FROM drops WHERE account = ? AND server = ? AND user = ?", "ttt",
      account, server, user);
  if (row == NULL || state_step(&txn, row, error) != STEP_ROW)
    return false;
  g_autofree char *id = state_text(row, 0);
  sqlite3_reset(row);
  if (!txn_commit(&txn, error))
    return false;
  *id_out = g_steal_pointer(&id);
  return true;
}

/* ---- likeness ---- */

static void
count_drops(txn_t *txn, sqlite3_stmt *rows, const char *id, const char *uid, GHashTable *counts)
{
  state_bind(rows, "tt", uid, id);
  while (state_step(txn, rows, NULL) == STEP_ROW) {
    char *drop = state_text(rows, 0);
    guint n = GPOINTER_TO_UINT(g_hash_table_lookup(counts, drop));
    g_hash_table_replace(counts, drop, GUINT_TO_POINTER(n + 1));
  }
}

static char *
most_alike(GHashTable *counts, guint total)
{
  GHashTableIter iter;
  gpointer drop, count;
  const char *best = NULL;
  guint most = 0;
  g_hash_table_iter_init(&iter, counts);
  while (g_hash_table_iter_next(&iter, &drop, &count))
    if (GPOINTER_TO_UINT(count) > most) {
      most = GPOINTER_TO_UINT(count);
      best = drop;
    }
  return best != NULL && (guint64)most * 2 >= total ? g_strdup(best) : NULL;
}

char *
store_drop_like(struct store *store, const char *id, const char *const *uids)
{
  g_autoptr(GHashTable) counts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  g_auto(txn_t) txn = {0};
  if (!txn_begin(&txn, store, false, NULL))
    return NULL;
  g_autoptr(state_stmt_t) rows = state_prepare(
      &txn, NULL, "SELECT DISTINCT drop_id FROM drop_letters WHERE uid = ? AND drop_id <> ?", "");
  guint total = 0;
  for (; rows != NULL && uids[total] != NULL; total++)
    count_drops(&txn, rows, id, uids[total], counts);
  return most_alike(counts, total);
}

bool
store_drop_inherit(struct store *store, const char *id, const char *from, GError **error)
{
  g_auto(txn_t) txn = {0};
  return txn_begin(&txn, store, true, error) &&
         state_run(&txn, error,
                   "INSERT OR IGNORE INTO drop_letters SELECT ?, uid, size, generation, base,"
                   " digest, fetched, state, missed FROM drop_letters WHERE drop_id = ?",
                   "tt", id, from) &&
         state_run(&txn, error,
                   "INSERT OR IGNORE INTO kept SELECT ?, uid, size FROM kept WHERE drop_id = ?", "tt",
                   id, from) &&
         txn_commit(&txn, error);
}

/* ---- rows ---- */

/* An empty text stands for one that was not asked for. */
static const char *
text_or_unread(sqlite3_stmt *rows, int column)
{
  const char *text = (const char *)sqlite3_column_text(rows, column);
  return text != NULL && *text == '\0' ? drop_unread : text;
}

static struct drop_row *
read_row(sqlite3_stmt *rows)
{
  struct drop_row row = {
      .uid = (const char *)sqlite3_column_text(rows, 0),
      .size = (guint64)sqlite3_column_int64(rows, 1),
      .generation = (guint)sqlite3_column_int64(rows, 2),
      .base = text_or_unread(rows, 3),
      .digest = text_or_unread(rows, 4),
      .fetched = sqlite3_column_int64(rows, 5),
      .state = (enum drop_state)sqlite3_column_int(rows, 6),
  };
  return drop_row_copy(&row);
}

GPtrArray *
store_drop_rows(struct store *store, const char *id, enum drop_detail detail, GError **error)
{
  g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func(free_element);
  g_auto(txn_t) txn = {0};
  if (!txn_begin(&txn, store, false, error))
    return NULL;
  g_autoptr(state_stmt_t) rows =
      state_prepare(&txn, error,
                    "SELECT uid, size, generation,"
                    " CASE WHEN ?1 OR base = '" DROP_ELSEWHERE "' THEN base"
                    "  ELSE substr(base, 1, 0) END,"
                    " CASE WHEN ?2 THEN digest ELSE substr(digest, 1, 0) END, fetched, state"
                    " FROM drop_letters WHERE drop_id = ?3 ORDER BY uid, size, generation",
                    "iit", (int64_t)(detail & DROP_BASES), (int64_t)(detail & DROP_DIGESTS), id);
  enum step step = rows != NULL ? STEP_ROW : STEP_FAILED;
  while (step == STEP_ROW && (step = state_step(&txn, rows, error)) == STEP_ROW)
    g_ptr_array_add(all, read_row(rows));
  return step == STEP_DONE ? g_steal_pointer(&all) : NULL;
}

static bool
record_row(txn_t *txn, sqlite3_stmt *insert, const char *id, const struct drop_row *row,
           GError **error)
{
  if (row->base == drop_unread || row->digest == drop_unread)
    return error_set(error, POSTINO_ERROR_BUG, _("a row that was not read whole is to be written"));
  state_bind(insert, "ttiittii", id, row->uid, (int64_t)row->size, (int64_t)row->generation,
             row->base, row->digest, row->fetched, (int64_t)row->state);
  return state_step(txn, insert, error) == STEP_DONE &&
         waiting_settle(txn, id, row->uid, row->size, row->generation, error);
}

bool
store_drop_record(struct store *store, const char *id, const GPtrArray *rows, GError **error)
{
  g_auto(txn_t) txn = {0};
  if (!txn_begin(&txn, store, true, error))
    return false;
  g_autoptr(state_stmt_t) insert = state_prepare(
      &txn, error, "INSERT OR REPLACE INTO drop_letters VALUES(?, ?, ?, ?, ?, ?, ?, ?, NULL)", "");
  if (insert == NULL)
    return false;
  for (guint i = 0; i < rows->len; i++)
    if (!record_row(&txn, insert, id, rows->pdata[i], error))
      return false;
  sqlite3_reset(insert);
  return txn_commit(&txn, error);
}

bool
store_drop_settle(struct store *store, const char *id, const GArray *names, enum drop_state state,
                  GError **error)
{
  g_auto(txn_t) txn = {0};
  if (names->len == 0)
    return true;
  if (!txn_begin(&txn, store, true, error))
    return false;
  g_autoptr(state_stmt_t) update =
      state_prepare(&txn, error,
                    "UPDATE drop_letters SET state = ?, missed = NULL"
                    " WHERE drop_id = ? AND uid = ? AND size = ? AND generation = ?", "");
  if (update == NULL)
    return false;
  for (guint i = 0; i < names->len; i++) {
    const struct drop_name *name = &g_array_index(names, struct drop_name, i);
    state_bind(update, "ittii", (int64_t)state, id, name->uid, (int64_t)name->size,
               (int64_t)name->generation);
    if (state_step(&txn, update, error) != STEP_DONE)
      return false;
  }
  sqlite3_reset(update);
  return txn_commit(&txn, error);
}

/* ---- forgetting ---- */

static bool
note_missing(txn_t *txn, const char *const *missing, GError **error)
{
  if (!state_run(txn, error, "CREATE TEMP TABLE IF NOT EXISTS missing(uid TEXT PRIMARY KEY)"
                             " WITHOUT ROWID", "") ||
      !state_run(txn, error, "DELETE FROM temp.missing", ""))
    return false;
  g_autoptr(state_stmt_t) insert =
      state_prepare(txn, error, "INSERT OR IGNORE INTO temp.missing VALUES(?)", "");
  for (; insert != NULL && *missing != NULL; missing++) {
    state_bind(insert, "t", *missing);
    if (state_step(txn, insert, error) != STEP_DONE)
      return false;
  }
  return insert != NULL;
}

bool
store_drop_prune(struct store *store, const char *id, const char *const *missing, int days,
                 GError **error)
{
  int64_t now = g_get_real_time() / G_USEC_PER_SEC;
  g_auto(txn_t) txn = {0};
  return txn_begin(&txn, store, true, error) && note_missing(&txn, missing, error) &&
         state_run(&txn, error,
                   "UPDATE drop_letters SET missed = NULL WHERE drop_id = ? AND missed IS NOT NULL"
                   " AND uid NOT IN (SELECT uid FROM temp.missing)",
                   "t", id) &&
         state_run(&txn, error,
                   "UPDATE drop_letters SET missed = ? WHERE drop_id = ? AND missed IS NULL"
                   " AND uid IN (SELECT uid FROM temp.missing)",
                   "it", now, id) &&
         state_run(&txn, error, "DELETE FROM drop_letters WHERE drop_id = ? AND missed <= ?", "ti",
                   id, now - (int64_t)days * 86400) &&
         state_run(&txn, error,
                   "DELETE FROM kept WHERE drop_id = ? AND uid IN (SELECT uid FROM temp.missing)"
                   " AND NOT EXISTS(SELECT 1 FROM drop_letters l WHERE l.drop_id = kept.drop_id"
                   "  AND l.uid = kept.uid AND l.size = kept.size)",
                   "t", id) &&
         state_run(&txn, error, "DELETE FROM temp.missing", "") && txn_commit(&txn, error);
}

/* ---- what an account once achieved ---- */

char *
store_memory_get(struct store *store, const char *account, const char *name)
{
  g_auto(txn_t) txn = {0};
  if (!txn_begin(&txn, store, false, NULL))
    return NULL;
  g_autoptr(state_stmt_t) row = state_prepare(
      &txn, NULL, "SELECT value FROM memory WHERE account = ? AND name = ?", "tt", account, name);
  return row != NULL && state_step(&txn, row, NULL) == STEP_ROW ? state_text(row, 0) : NULL;
}

bool
store_memory_set(struct store *store, const char *account, const char *name, const char *value,
                 GError **error)
{
  g_auto(txn_t) txn = {0};
  if (!txn_begin(&txn, store, true, error))
    return false;
  bool stored =
      value != NULL
          ? state_run(&txn, error, "INSERT OR REPLACE INTO memory VALUES(?, ?, ?)", "ttt", account,
                      name, value)
          : state_run(&txn, error, "DELETE FROM memory WHERE account = ? AND name = ?", "tt",
                      account, name);
  return stored && txn_commit(&txn, error);
}

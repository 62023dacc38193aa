#include "store/waiting.h"

#include "base/error.h"
#include "base/i18n.h"
#include "base/sanitize.h"
#include "store/disk.h"

void
waiting_free(struct waiting *waiting)
{
  if (waiting == NULL)
    return;
  g_free(waiting->drop);
  g_free(waiting->uid);
  g_free(waiting->folder);
  g_free(waiting->base);
  g_clear_pointer(&waiting->headers, g_bytes_unref);
  g_free(waiting);
}

static void
free_element(void *waiting)
{
  waiting_free(waiting);
}

/* ---- reading ---- */

#define COLUMNS "drop_id, uid, size, generation, folder, base, asked, noticed"

static struct waiting *
read_row(sqlite3_stmt *rows)
{
  struct waiting *waiting = g_new0(struct waiting, 1);
  waiting->drop = state_text(rows, 0);
  waiting->uid = state_text(rows, 1);
  waiting->size = (guint64)sqlite3_column_int64(rows, 2);
  waiting->generation = (guint)sqlite3_column_int64(rows, 3);
  waiting->folder = state_text(rows, 4);
  waiting->base = state_text(rows, 5);
  waiting->asked = (guint)sqlite3_column_int64(rows, 6);
  waiting->noticed = sqlite3_column_int64(rows, 7);
  return waiting;
}

static GPtrArray *
read_all(struct store *store, const char *drop, GError **error)
{
  g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func(free_element);
  g_auto(txn_t) txn = {0};
  if (!txn_begin(&txn, store, false, error))
    return NULL;
  g_autoptr(state_stmt_t) rows =
      drop != NULL ? state_prepare(&txn, error,
                                   "SELECT " COLUMNS " FROM waiting WHERE drop_id = ?", "t", drop)
                   : state_prepare(&txn, error, "SELECT " COLUMNS " FROM waiting", "");
  enum step step = rows != NULL ? STEP_ROW : STEP_FAILED;
  while (step == STEP_ROW && (step = state_step(&txn, rows, error)) == STEP_ROW)
    g_ptr_array_add(all, read_row(rows));
  return step == STEP_DONE ? g_steal_pointer(&all) : NULL;
}

GPtrArray *
store_waiting(struct store *store, const char *drop, GError **error)
{
  return read_all(store, drop, error);
}

GPtrArray *
state_waiting(struct store *store, GError **error)
{
  return read_all(store, NULL, error);
}

GBytes *
state_waiting_headers(struct store *store, const struct waiting *waiting)
{
  g_auto(txn_t) txn = {0};
  if (!txn_begin(&txn, store, false, NULL))
    return NULL;
  g_autoptr(state_stmt_t) row = state_prepare(
      &txn, NULL, "SELECT headers FROM waiting WHERE folder = ? AND base = ?", "tt",
      waiting->folder, waiting->base);
  if (row == NULL || state_step(&txn, row, NULL) != STEP_ROW ||
      sqlite3_column_type(row, 0) == SQLITE_NULL)
    return NULL;
  return g_bytes_new(sqlite3_column_blob(row, 0), (gsize)sqlite3_column_bytes(row, 0));
}

struct waiting *
store_waiting_find(struct store *store, const char *key, char **account_out, GError **error)
{
  g_autofree char *folder = NULL, *base = NULL;
  g_autofree char *clean = sanitize_line(key, -1);
  g_auto(txn_t) txn = {0};
  if (!txn_begin(&txn, store, false, error))
    return NULL;
  if (!key_split(key, &folder, &base))
    folder = g_strdup("");
  g_autoptr(state_stmt_t) row = state_prepare(
      &txn, error,
      "SELECT " COLUMNS ", d.account FROM waiting JOIN drops d ON d.id = drop_id"
      " WHERE folder = ? AND base = ?",
      "tt", folder, base);
  enum step step = row != NULL ? state_step(&txn, row, error) : STEP_FAILED;
  if (step == STEP_DONE)
    error_set(error, POSTINO_ERROR_NOTFOUND,
              _("letter %s does not wait on a server (any more); it was fetched, or it was "
                "deleted there"),
              clean);
  if (step != STEP_ROW)
    return NULL;
  *account_out = state_text(row, 8);
  return read_row(row);
}

/* ---- writing ---- */

static bool
make_folders(struct store *store, const GPtrArray *waiting, GError **error)
{
  const char *made = NULL;
  for (guint i = 0; i < waiting->len; i++) {
    const struct waiting *one = waiting->pdata[i];
    if (g_strcmp0(made, one->folder) == 0)
      continue;
    if (!store_make_folder(store, one->folder, error))
      return false;
    made = one->folder;
  }
  return true;
}

bool
store_waiting_record(struct store *store, const GPtrArray *waiting, GError **error)
{
  g_auto(txn_t) txn = {0};
  if (!make_folders(store, waiting, error) || !txn_begin(&txn, store, true, error))
    return false;
  g_autoptr(state_stmt_t) insert =
      state_prepare(&txn, error,
                    "INSERT OR REPLACE INTO waiting(drop_id, uid, size, generation, folder, base,"
                    " headers, asked, noticed) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    "");
  if (insert == NULL)
    return false;
  for (guint i = 0; i < waiting->len; i++) {
    const struct waiting *one = waiting->pdata[i];
    state_bind(insert, "ttiittbii", one->drop, one->uid, (int64_t)one->size,
               (int64_t)one->generation, one->folder, one->base, one->headers, (int64_t)one->asked,
               one->noticed);
    if (state_step(&txn, insert, error) != STEP_DONE)
      return false;
  }
  sqlite3_reset(insert);
  return txn_commit(&txn, error);
}

bool
waiting_settle(txn_t *txn, const char *drop, const char *uid, guint64 size, guint generation,
               GError **error)
{
  return state_run(txn, error,
                   "DELETE FROM waiting WHERE drop_id = ? AND uid = ? AND size = ?"
                   " AND generation = ?",
                   "ttii", drop, uid, (int64_t)size, (int64_t)generation);
}

bool
store_waiting_forget(struct store *store, const GPtrArray *waiting, GError **error)
{
  g_auto(txn_t) txn = {0};
  if (waiting->len == 0)
    return true;
  if (!txn_begin(&txn, store, true, error))
    return false;
  for (guint i = 0; i < waiting->len; i++) {
    const struct waiting *one = waiting->pdata[i];
    if (!waiting_settle(&txn, one->drop, one->uid, one->size, one->generation, error))
      return false;
  }
  return txn_commit(&txn, error);
}

/* The accounts of drops in which something waits. */
static GPtrArray *
waiting_accounts(struct store *store, GError **error)
{
  g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
  g_auto(txn_t) txn = {0};
  if (!txn_begin(&txn, store, false, error))
    return NULL;
  g_autoptr(state_stmt_t) rows =
      state_prepare(&txn, error,
                    "SELECT DISTINCT d.account FROM waiting w JOIN drops d ON d.id = w.drop_id", "");
  enum step step = rows != NULL ? STEP_ROW : STEP_FAILED;
  while (step == STEP_ROW && (step = state_step(&txn, rows, error)) == STEP_ROW)
    g_ptr_array_add(names, state_text(rows, 0));
  return step == STEP_DONE ? g_steal_pointer(&names) : NULL;
}

bool
store_waiting_keep(struct store *store, const char *const *accounts, GError **error)
{
  g_autoptr(GPtrArray) names = waiting_accounts(store, error);
  for (guint i = 0; names != NULL && i < names->len; i++) {
    g_auto(txn_t) txn = {0};
    if (g_strv_contains(accounts, names->pdata[i]))
      continue;
    if (!txn_begin(&txn, store, true, error) ||
        !state_run(&txn, error,
                   "DELETE FROM waiting WHERE drop_id IN (SELECT id FROM drops WHERE account = ?)",
                   "t", names->pdata[i]) ||
        !txn_commit(&txn, error))
      return false;
  }
  return names != NULL;
}

/* ---- kept on the server ---- */

char *
store_kept_key(const char *uid, guint64 size)
{
  return g_strdup_printf("%" G_GUINT64_FORMAT " %s", size, uid);
}

bool
store_keep(struct store *store, const char *drop, const char *uid, guint64 size, bool keep,
           GError **error)
{
  g_auto(txn_t) txn = {0};
  return txn_begin(&txn, store, true, error) &&
         state_run(&txn, error,
                   keep ? "INSERT OR IGNORE INTO kept(drop_id, uid, size) VALUES(?, ?, ?)"
                        : "DELETE FROM kept WHERE drop_id = ? AND uid = ? AND size = ?",
                   "tti", drop, uid, (int64_t)size) &&
         txn_commit(&txn, error);
}

GHashTable *
store_kept(struct store *store, const char *drop, GError **error)
{
  g_autoptr(GHashTable) kept = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  g_auto(txn_t) txn = {0};
  if (!txn_begin(&txn, store, false, error))
    return NULL;
  g_autoptr(state_stmt_t) rows =
      state_prepare(&txn, error, "SELECT uid, size FROM kept WHERE drop_id = ?", "t", drop);
  enum step step = rows != NULL ? STEP_ROW : STEP_FAILED;
  while (step == STEP_ROW && (step = state_step(&txn, rows, error)) == STEP_ROW) {
    g_autofree char *uid = state_text(rows, 0);
    g_hash_table_add(kept, store_kept_key(uid, (guint64)sqlite3_column_int64(rows, 1)));
  }
  return step == STEP_DONE ? g_steal_pointer(&kept) : NULL;
}

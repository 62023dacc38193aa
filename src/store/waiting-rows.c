/* Rows of letters that lie on a server alone: what their headers say, as state.db
 * keeps them. */
#include <string.h>

#include "base/error.h"
#include "store/index-private.h"
#include "store/waiting.h"

struct sync {
  struct store *store;
  GPtrArray *waiting;       /* struct waiting: what there should be */
  GHashTable *rows;         /* key → id: what there is and nothing told of yet */
  GCancellable *cancel;
};

static bool
read_rows(struct sync *sync, GError **error)
{
  g_autoptr(conn_t) conn = conn_read(sync->store, sync->cancel, error);
  if (conn == NULL)
    return false;
  auto_stmt *stmt = conn_query(conn, error,
                               "SELECT l.id, f.name, l.base FROM letter l INDEXED BY letter_waiting"
                               " JOIN folder f ON f.id = l.folder WHERE (l.flags & 64) <> 0", "");
  int step = stmt != NULL ? 1 : -1;
  while (step == 1 && (step = conn_step(conn, stmt, error)) == 1) {
    int64_t id = sqlite3_column_int64(stmt, 0);
    g_hash_table_insert(sync->rows, key_join(column_text(stmt, 1), column_text(stmt, 2)),
                        g_memdup2(&id, sizeof id));
  }
  return step == 0;
}

/* Headers are read where all bytes from outside are.  What cannot be read is
 * listed by its size alone. */
static struct index_doc *
read_headers(const struct sync *sync, const struct waiting *waiting)
{
  g_autoptr(GBytes) headers = state_waiting_headers(sync->store, waiting);
  struct index_doc *doc =
      headers != NULL && sync->store->readers != NULL
          ? reader_index(sync->store->readers, headers, waiting->noticed, sync->cancel, NULL)
          : NULL;
  if (doc == NULL) {
    doc = g_new0(struct index_doc, 1);
    doc->date = waiting->noticed;
  }
  /* What it is sealed by, and what is attached, only the letter itself tells. */
  doc->marks = 0;
  return doc;
}

static bool
add(struct sync *sync, const struct waiting *waiting, GError **error)
{
  g_autoptr(index_doc_t) doc = read_headers(sync, waiting);
  g_autoptr(terms_t) terms = terms_new(doc, true);
  g_autoptr(conn_t) conn = conn_write(sync->store, sync->cancel, error);
  struct letter_file file = {.base = waiting->base, .suffix = "", .flags = ROW_WAITING | ROW_SEEN};
  int64_t folder, id;
  return conn != NULL && letter_folder(conn, waiting->folder, &folder, error) &&
         letter_add(conn, folder, false, &file, waiting->size, doc, NULL, &id, error) &&
         (id == 0 || (lists_add(conn, id, terms, error) &&
                      letter_add_text(conn, id, terms, error))) &&
         conn_commit(conn, error);
}

static bool
is_there(const struct sync *sync, const struct waiting *waiting, bool *there_out, GError **error)
{
  g_autoptr(conn_t) conn = conn_read(sync->store, sync->cancel, error);
  int64_t id;
  if (conn == NULL || !letter_find(conn, waiting->folder, waiting->base, &id, error))
    return false;
  *there_out = id != 0;
  return true;
}

/* A letter whose file is here, and whose row in state.db a crash lost, has a row. */
static bool
add_missing(struct sync *sync, bool *changed, GError **error)
{
  for (guint i = 0; i < sync->waiting->len; i++) {
    const struct waiting *waiting = sync->waiting->pdata[i];
    g_autofree char *key = key_join(waiting->folder, waiting->base);
    bool there = g_hash_table_remove(sync->rows, key);
    if (!there && !is_there(sync, waiting, &there, error))
      return false;
    if (there)
      continue;
    *changed = true;
    if (!add(sync, waiting, error))
      return false;
  }
  return true;
}

static bool
remove_rest(struct sync *sync, bool *changed, GError **error)
{
  if (g_hash_table_size(sync->rows) == 0)
    return true;
  g_autoptr(conn_t) conn = conn_write(sync->store, sync->cancel, error);
  GHashTableIter iter;
  void *id;
  if (conn == NULL)
    return false;
  *changed = true;
  g_hash_table_iter_init(&iter, sync->rows);
  while (g_hash_table_iter_next(&iter, NULL, &id))
    if (!letter_remove(conn, *(int64_t *)id, error))
      return false;
  return conn_commit(conn, error);
}

bool
waiting_sync(struct store *store, bool *changed, GCancellable *cancel, GError **error)
{
  g_autoptr(GPtrArray) waiting = state_waiting(store, error);
  g_autoptr(GHashTable) rows = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  struct sync sync = {store, waiting, rows, cancel};
  return waiting != NULL && read_rows(&sync, error) && add_missing(&sync, changed, error) &&
         remove_rest(&sync, changed, error);
}

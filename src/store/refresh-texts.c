#include "store/refresh.h"

/* Letters whose text is put in again at a time. */
#define TEXTS_AT_ONCE 5000
/* Dead rows below which the full-text table is never made anew. */
#define DEAD_LEAST 1000

static bool
too_many_dead(struct refresh *refresh, bool *result_out, GError **error)
{
  g_autoptr(conn_t) conn = conn_read(refresh->store, refresh->cancel, error);
  int64_t dead, living;
  if (conn == NULL ||
      !conn_number(conn, &dead, 0, error, "SELECT count(*) FROM dead", "") ||
      !conn_number(conn, &living, 0, error, "SELECT sum(total) FROM folder", ""))
    return false;
  *result_out = dead >= DEAD_LEAST && dead * 4 >= living;
  return true;
}

/* Their text is in no file; waiting_sync() puts them in again. */
static bool
forget_waiting(struct conn *conn, GError **error)
{
  int64_t id;
  do {
    if (!conn_number(conn, &id, 0, error, "SELECT id FROM letter WHERE (flags & 64) <> 0 LIMIT 1",
                     "") ||
        (id != 0 && !letter_remove(conn, id, error)))
      return false;
  } while (id != 0);
  return true;
}

/* When a fifth is dead, all is put in again, newest first, a batch a commit; the
 * rows stay to be seen. */
static bool
empty_texts(struct refresh *refresh, GError **error)
{
  g_autoptr(conn_t) conn = conn_write(refresh->store, NULL, error);
  return conn != NULL &&
         conn_run(conn, error, "INSERT INTO text(text) VALUES('delete-all')", "") &&
         conn_run(conn, error, "DELETE FROM dead", "") &&
         conn_run(conn, error, "DELETE FROM sealed WHERE id NOT IN (SELECT id FROM letter)", "") &&
         conn_run(conn, error, "UPDATE letter SET texted = 0 WHERE (flags & 64) = 0", "") &&
         forget_waiting(conn, error) && conn_commit(conn, error);
}

static int
compare_ids(const void *a, const void *b)
{
  const struct letter_read *one = *(void *const *)a, *two = *(void *const *)b;
  return (one->what->id > two->what->id) - (one->what->id < two->what->id);
}

static bool
add_texts(GPtrArray *letters, void *data, GError **error)
{
  struct refresh *refresh = data;
  g_autoptr(conn_t) conn = conn_write(refresh->store, refresh->cancel, error);
  if (conn == NULL)
    return false;
  /* In the order of their numbers, whatever their dates say now. */
  g_ptr_array_sort(letters, compare_ids);
  for (guint i = 0; i < letters->len; i++) {
    const struct letter_read *letter = letters->pdata[i];
    int64_t id = letter->what->id, waits;
    if (!conn_number(conn, &waits, 0, error, "SELECT 1 FROM letter WHERE id = ? AND texted = 0",
                     "i", id) ||
        (waits != 0 &&
         !letter_add_text(conn, id, letter->doc != NULL ? letter->terms : NULL, error)))
      return false;
  }
  for (guint i = 0; i < letters->len; i++)
    if (!conn_run(conn, error, "UPDATE letter SET texted = 1 WHERE id = ?", "i",
                  ((struct letter_read *)letters->pdata[i])->what->id))
      return false;
  return conn_commit(conn, error);
}

static guint
folder_place(struct refresh *refresh, int64_t id)
{
  for (guint i = 0; i < refresh->scan->folders->len; i++)
    if (folder_at(refresh, i)->id == id)
      return i;
  return G_MAXUINT;
}

static GArray *
textless(struct refresh *refresh, GError **error)
{
  g_autoptr(conn_t) conn = conn_read(refresh->store, refresh->cancel, error);
  if (conn == NULL)
    return NULL;
  g_autoptr(GArray) wanted = g_array_new(FALSE, FALSE, sizeof(struct change));
  auto_stmt *stmt = conn_query(conn, error,
                               "SELECT id, folder, base || suffix, fresh FROM letter"
                               " WHERE texted = 0 ORDER BY id DESC LIMIT ?",
                               "i", (int64_t)TEXTS_AT_ONCE);
  int step = stmt != NULL ? 1 : -1;
  while (step == 1 && (step = conn_step(conn, stmt, error)) == 1) {
    struct change change = {
        .folder = folder_place(refresh, sqlite3_column_int64(stmt, 1)),
        .name = g_string_chunk_insert(refresh->scan->names, column_text(stmt, 2)),
        .fresh = sqlite3_column_int(stmt, 3) != 0,
        .id = sqlite3_column_int64(stmt, 0),
    };
    if (change.folder != G_MAXUINT)
      g_array_append_val(wanted, change);
  }
  return step == 0 ? g_steal_pointer(&wanted) : NULL;
}

bool
refresh_texts(struct refresh *refresh, GError **error)
{
  bool dead;
  if (!too_many_dead(refresh, &dead, error) || (dead && !empty_texts(refresh, error)))
    return false;
  for (;;) {
    g_autoptr(GArray) wanted = textless(refresh, error);
    if (wanted == NULL)
      return false;
    if (wanted->len == 0)
      return true;
    if (!refresh_read(refresh, wanted, add_texts, NULL, error))
      return false;
  }
}

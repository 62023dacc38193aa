/* The words of the newest letters, a list each: where the start of a word is looked for
 * first (terms.h).  The full-text table merges all that any letter has of such words before
 * it gives a row; nearly always a page of letters is found among the newest long before
 * that.  Of the older ones a list would only take room. */
#include "store/index-private.h"

/* Above so many the oldest lose theirs at once, not when there is time. */
#define LISTS_MOST 5000

bool
lists_from(struct conn *conn, int64_t *from_out, GError **error)
{
  return conn_number(conn, from_out, 0, error, "SELECT first FROM listed", "");
}

static bool
insert(struct conn *conn, int64_t id, GBytes *list, GError **error)
{
  /* What a letter says does not change. */
  auto_stmt *stmt = conn_query(conn, error,
                               "INSERT OR IGNORE INTO letter_words(id, words) VALUES(?, ?)", "i",
                               id);
  if (stmt == NULL)
    return false;
  gsize length;
  const char *words = g_bytes_get_data(list, &length);
  sqlite3_bind_blob(stmt, 2, length > 0 ? words : "", (int)length, SQLITE_STATIC);
  return conn_step(conn, stmt, error) >= 0 &&
         conn_run(conn, error, "UPDATE listed SET lists = lists + 1", "");
}

static bool
lists_are(struct conn *conn, int64_t *lists_out, GError **error)
{
  return conn_number(conn, lists_out, 0, error, "SELECT lists FROM listed", "");
}

static bool
trim(struct conn *conn, guint most, guint kept, GError **error)
{
  int64_t lists, first;
  if (!lists_are(conn, &lists, error))
    return false;
  if (lists <= most)
    return true;
  return conn_number(conn, &first, 0, error,
                     "SELECT id FROM letter ORDER BY id DESC LIMIT 1 OFFSET ?", "i",
                     (int64_t)kept - 1) &&
         conn_run(conn, error, "DELETE FROM letter_words WHERE id < ?", "i", first) &&
         conn_run(conn, error,
                  "UPDATE listed SET first = max(first, ?),"
                  " lists = (SELECT count(*) FROM letter_words)", "i", first);
}

bool
lists_add(struct conn *conn, int64_t id, const struct terms *terms, GError **error)
{
  int64_t first;
  if (!lists_from(conn, &first, error))
    return false;
  if (id < first)
    return true;
  g_autoptr(GBytes) late = terms->list == NULL ? terms_list(terms) : NULL;
  return insert(conn, id, late != NULL ? late : terms->list, error) &&
         trim(conn, LISTS_MOST, LISTS_KEPT, error);
}

/* Nobody is made to wait for a write where there is nothing to do. */
static bool
has_many(struct store *store, guint most)
{
  g_autoptr(conn_t) conn = conn_read(store, NULL, NULL);
  int64_t lists;
  return conn != NULL && lists_are(conn, &lists, NULL) && lists > most;
}

void
lists_trim(struct store *store, guint most, guint kept)
{
  if (!has_many(store, most))
    return;
  g_autoptr(conn_t) conn = conn_write(store, NULL, NULL);
  if (conn == NULL || !trim(conn, most, kept, NULL) || !conn_commit(conn, NULL))
    g_debug("index: lists of words are trimmed another time");
}

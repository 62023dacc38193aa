#include <string.h>

#include "base/error.h"
#include "base/i18n.h"
#include "base/sanitize.h"
#include "store/index-private.h"

void
row_free(struct row *row)
{
  if (row == NULL)
    return;
  g_free(row->key);
  g_free(row->folder);
  g_free(row->path);
  g_free(row->from);
  g_free(row->to);
  g_free(row->subject);
  g_free(row->message_id);
  g_free(row->tags);
  g_free(row);
}

char *
row_file(struct store *store, const char *folder, bool fresh, const char *base, const char *suffix)
{
  g_autofree char *dir = maildir_path(store, folder);
  return g_strconcat(dir, fresh ? "/new/" : "/cur/", base, suffix, NULL);
}

static char *
text_or_null(sqlite3_stmt *stmt, int column)
{
  return g_strdup((const char *)sqlite3_column_text(stmt, column));
}

/* The columns are ROW_COLUMNS. */
struct row *
row_take(struct store *store, sqlite3_stmt *stmt)
{
  struct row *row = g_new0(struct row, 1);
  row->id = sqlite3_column_int64(stmt, 0);
  row->date = row->id >> 20;
  row->folder = g_strdup(column_text(stmt, 1));
  row->key = key_join(row->folder, column_text(stmt, 2));
  row->path = row_file(store, row->folder, sqlite3_column_int(stmt, 4) != 0, column_text(stmt, 2),
                       column_text(stmt, 3));
  row->from = g_strdup(column_text(stmt, 5));
  row->to = g_strdup(column_text(stmt, 6));
  row->subject = g_strdup(column_text(stmt, 7));
  row->message_id = text_or_null(stmt, 8);
  row->size = (guint64)sqlite3_column_int64(stmt, 9);
  row->flags = (unsigned)sqlite3_column_int(stmt, 10);
  row->marks = (unsigned)sqlite3_column_int(stmt, 11);
  row->tags = text_or_null(stmt, 12);
  row->thread = (guint64)sqlite3_column_int64(stmt, 13);
  return row;
}

/* ---- one row ---- */

#define ROW_SQL "SELECT " ROW_COLUMNS " FROM letter l JOIN folder f ON f.id = l.folder"

/* The first row of a statement; NOTFOUND naming `what` when it has none. */
static struct row *
only_row(struct store *store, struct conn *conn, sqlite3_stmt *stmt, const char *what,
         GError **error)
{
  int step = stmt != NULL ? conn_step(conn, stmt, error) : -1;
  if (step == 1)
    return row_take(store, stmt);
  if (step == 0) {
    g_autofree char *clean = sanitize_line(what, -1);
    error_set(error, POSTINO_ERROR_NOTFOUND, _("no message %s"), clean);
  }
  return NULL;
}

struct row *
store_row(struct store *store, const char *key, GError **error)
{
  g_autoptr(conn_t) conn = conn_read(store, NULL, error);
  if (conn == NULL)
    return NULL;
  g_autofree char *folder = NULL, *base = NULL;
  if (!key_split(key, &folder, &base))
    folder = g_strdup("");
  auto_stmt *stmt = conn_query(conn, error, ROW_SQL " WHERE f.name = ? AND l.base = ?", "ss",
                               folder, base);
  return only_row(store, conn, stmt, key, error);
}

/* A path names its letter by its directory and base, whatever its flags became. */
struct row *
store_row_by_path(struct store *store, const char *path, GError **error)
{
  g_autofree char *name = g_path_get_basename(path);
  g_autofree char *base = maildir_base(name, NULL);
  g_autofree char *sub = g_path_get_dirname(path);
  g_autofree char *dir = g_path_get_dirname(sub);
  size_t length = strlen(store->dir);
  const char *folder = strncmp(dir, store->dir, length) != 0 ? ""
                       : dir[length] == '\0'                 ? "."
                       : dir[length] == '/'                  ? dir + length + 1
                                                             : "";
  g_autoptr(conn_t) conn = conn_read(store, NULL, error);
  if (conn == NULL)
    return NULL;
  auto_stmt *stmt = conn_query(conn, error, ROW_SQL " WHERE f.name = ? AND l.base = ?", "ss",
                               folder, base);
  return only_row(store, conn, stmt, path, error);
}

struct row *
store_row_by_id(struct store *store, const char *message_id, GError **error)
{
  size_t length = strlen(message_id);
  bool angled = length > 1 && message_id[0] == '<' && message_id[length - 1] == '>';
  g_autofree char *id = angled ? g_strndup(message_id + 1, length - 2) : g_strdup(message_id);
  g_autoptr(conn_t) conn = conn_read(store, NULL, error);
  if (conn == NULL)
    return NULL;
  auto_stmt *stmt = conn_query(conn, error,
                               ROW_SQL " WHERE l.message_hash = ? AND l.message_id = ?"
                                       " ORDER BY l.id DESC LIMIT 1",
                               "is", hash_of(id), id);
  return only_row(store, conn, stmt, id, error);
}

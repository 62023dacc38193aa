#include <string.h>

#include "base/error.h"
#include "base/i18n.h"
#include "base/sanitize.h"
#include "store/view.h"

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
  row->date = row->id >> LETTER_ID_BITS;
  row->folder = g_strdup(column_text(stmt, 1));
  row->key = key_join(row->folder, column_text(stmt, 2));
  row->from = g_strdup(column_text(stmt, 5));
  row->to = g_strdup(column_text(stmt, 6));
  row->subject = g_strdup(column_text(stmt, 7));
  row->message_id = text_or_null(stmt, 8);
  row->size = (guint64)sqlite3_column_int64(stmt, 9);
  row->flags = (unsigned)sqlite3_column_int(stmt, 10);
  if ((row->flags & ROW_WAITING) == 0)
    row->path = row_file(store, row->folder, sqlite3_column_int(stmt, 4) != 0,
                         column_text(stmt, 2), column_text(stmt, 3));
  row->marks = (unsigned)sqlite3_column_int(stmt, 11);
  row->tags = text_or_null(stmt, 12);
  row->thread = (guint64)sqlite3_column_int64(stmt, 13);
  row->thread_mark = (enum thread_mark)sqlite3_column_int(stmt, 14);
  row->arrival = sqlite3_column_int64(stmt, 15);
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
    error_set(error, POSTINO_ERROR_NOTFOUND, _("no letter %s"), clean);
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

struct row *
store_row_by_base(struct store *store, const char *base)
{
  g_autoptr(conn_t) conn = conn_read(store, NULL, NULL);
  auto_stmt *stmt = conn != NULL
                        ? conn_query(conn, NULL,
                                     "SELECT " ROW_COLUMNS " FROM folder f CROSS JOIN letter l"
                                     " ON l.folder = f.id AND l.base = ?" NOT_WAITING " LIMIT 1",
                                     "s", base)
                        : NULL;
  return stmt != NULL ? only_row(store, conn, stmt, base, NULL) : NULL;
}

/* A path names its letter by its directory and base, whatever its flags became. */
struct row *
store_row_by_path(struct store *store, const char *path, GError **error)
{
  g_autofree char *whole = g_canonicalize_filename(path, NULL);
  g_autofree char *name = g_path_get_basename(whole);
  g_autofree char *base = maildir_base(name, NULL);
  g_autofree char *sub = g_path_get_dirname(whole);
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
                                       " ORDER BY l.flags & 64, l.id DESC LIMIT 1",
                               "is", hash_of(id), id);
  return only_row(store, conn, stmt, id, error);
}

/* ---- many rows ---- */

/* A folder may be on the disk and not in the index yet: it is empty then. */
static bool
find_folder(struct view *view, GError **error)
{
  const char *folder = view->asked->folder;
  if (folder == NULL)
    return true;
  if (!conn_number(view->conn, &view->folder, NO_FOLDER, error,
                   "SELECT id FROM folder WHERE name = ?", "s", folder))
    return false;
  if (view->folder != NO_FOLDER)
    return true;
  g_autofree char *dir = maildir_path(view->store, folder);
  g_autofree char *cur = g_build_filename(dir, "cur", NULL);
  if (g_file_test(cur, G_FILE_TEST_IS_DIR))
    return true;
  g_autofree char *clean = sanitize_line(folder, -1);
  return error_set(error, POSTINO_ERROR_NOTFOUND, _("no folder %s"), clean);
}

bool
view_open(struct view *view, struct store *store, const struct rows_query *asked,
          GCancellable *cancel, GError **error)
{
  *view = (struct view){.store = store, .asked = asked, .cancel = cancel};
  if (asked->query != NULL) {
    view->query = query_parse(asked->query, g_get_real_time() / G_USEC_PER_SEC, error);
    if (view->query == NULL)
      return false;
  }
  view->conn = conn_read(store, cancel, error);
  if (view->conn == NULL)
    return false;
  if (view->query != NULL)
    view->query = query_unseal(view->query, store, view->conn);
  return find_folder(view, error) &&
         (view->query == NULL ||
          (query_take(view->query, view->conn, error) && view_choose(view, error) &&
           view_read_few(view, error)));
}

struct sql *
view_sql(const struct view *view)
{
  struct sql *sql = sql_new();
  sql->each = view->each;
  sql->read = view->read;
  return sql;
}

void
view_clear(struct view *view)
{
  g_clear_pointer(&view->query, query_free);
  g_clear_pointer(&view->conn, conn_release);
}

GPtrArray *
store_rows(struct store *store, const struct rows_query *query, GCancellable *cancel,
           GError **error)
{
  g_auto(view_t) view = {0};
  if (!view_open(&view, store, query, cancel, error))
    return NULL;
  if (query->order != ROWS_THREAD)
    return view_page(&view, "", query->limit, error);
  return view_expand(&view, error) ? view_threads(&view, query->limit, error) : NULL;
}

/* ---- places ---- */

static bool
take_counts(struct conn *conn, sqlite3_stmt *stmt, guint64 *total_out, guint64 *unread_out,
            GError **error)
{
  int step = stmt != NULL ? conn_step(conn, stmt, error) : -1;
  if (step < 0)
    return false;
  if (total_out != NULL)
    *total_out = step == 1 ? (guint64)sqlite3_column_int64(stmt, 0) : 0;
  if (unread_out != NULL)
    *unread_out = step == 1 ? (guint64)sqlite3_column_int64(stmt, 1) : 0;
  return true;
}

GPtrArray *
store_row_at(struct store *store, const struct rows_query *query, guint64 n, guint64 of,
             GCancellable *cancel, GError **error)
{
  g_auto(view_t) view = {0};
  if (!view_open(&view, store, query, cancel, error) || !view_expand(&view, error))
    return NULL;
  if (query->order == ROWS_THREAD)
    return view_thread_at(&view, n, of, error);
  view.offset = MIN(n, (guint64)G_MAXINT32);
  return view_walk(&view, "", 1, (struct span){0}, error);
}

bool
store_place(struct store *store, const struct rows_query *query, guint64 *before_out,
            guint64 *all_out, GCancellable *cancel, GError **error)
{
  g_auto(view_t) view = {0};
  if (!view_open(&view, store, query, cancel, error) || !view_expand(&view, error))
    return false;
  if (query->order == ROWS_THREAD)
    return view_thread_place(&view, before_out, all_out, error);
  g_autoptr(sql_t) sql = view_sql(&view);
  const char *id;
  sql_add(sql, "SELECT count(*)", "");
  sql_add_source(sql, view.query, view.folder, &id);
  sql_add(sql, query->waiting ? "" : NOT_WAITING, "");
  view_add_before(sql, query, id);
  auto_own *stmt = sql_prepare(sql, view.conn, error);
  *all_out = 0;
  return take_counts(view.conn, stmt, before_out, NULL, error);
}

/* ---- counts ---- */

bool
store_count(struct store *store, const struct rows_query *query, guint64 *total_out,
            guint64 *unread_out, GCancellable *cancel, GError **error)
{
  g_auto(view_t) view = {0};
  if (!view_open(&view, store, query, cancel, error) || !view_expand(&view, error))
    return false;
  if (view.query == NULL) {
    auto_stmt *kept = conn_query(view.conn, error,
                                 "SELECT sum(total), sum(unread) FROM folder"
                                 " WHERE ?1 = 0 OR id = ?1", "i", view.folder);
    return take_counts(view.conn, kept, total_out, unread_out, error);
  }
  g_autoptr(sql_t) sql = view_sql(&view);
  const char *id;
  sql_add(sql, "SELECT count(*), sum((l.flags & 1) = 0)", "");
  sql_add_source(sql, view.query, view.folder, &id);
  sql_add(sql, query->waiting ? "" : NOT_WAITING, "");
  auto_own *stmt = sql_prepare(sql, view.conn, error);
  return take_counts(view.conn, stmt, total_out, unread_out, error);
}

/* ---- the next unread ---- */

struct row *
store_next_unread(struct store *store, const struct rows_query *query, GError **error)
{
  g_auto(view_t) view = {0};
  if (!view_open(&view, store, query, NULL, error))
    return NULL;
  if (query->order == ROWS_THREAD)
    return view_expand(&view, error) ? view_thread_unread(&view, error) : NULL;
  g_autoptr(GPtrArray) rows = view_page(&view, WANTS_READING, 1, error);
  return rows != NULL && rows->len > 0 ? g_ptr_array_steal_index(rows, 0) : NULL;
}

#include <string.h>

#include "base/error.h"
#include "base/i18n.h"
#include "base/sanitize.h"
#include "store/view.h"

/* Letters among which a page is first looked for when words would be read ahead, and how many
 * times more at most the next time. */
#define SPAN_FIRST 1000
#define SPAN_GROWTH 8
/* The same among those whose lists of words are asked. */
#define LISTS_SPAN 100
#define LISTS_GROWTH 4
/* Words that the starts in a query may stand for when it is said by them, each of which is
 * looked up: so many for a page that the lists did not find, so few where all rows are gone
 * through.  Of more FTS5's merge takes about as long, and passes each letter sooner. */
#define STARTS_FEW 32
#define STARTS_MOST 1000

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
  *view = (struct view){.store = store, .asked = asked};
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
          (query_take(view->query, view->conn, error) && view_choose(view, error)));
}

static bool
expand(struct view *view, guint most, GError **error)
{
  return view->query == NULL || query_expand(view->query, view->conn, most, error);
}

struct sql *
view_sql(const struct view *view)
{
  struct sql *sql = sql_new();
  sql->each = view->each;
  return sql;
}

void
view_clear(struct view *view)
{
  g_clear_pointer(&view->query, query_free);
  g_clear_pointer(&view->conn, conn_release);
}

/* How an order goes: its column beside the id, and whether it falls. */
static const struct { const char *key; bool falls; } orders[] = {
    [ROWS_NEWEST] = {NULL, true},           [ROWS_OLDEST] = {NULL, false},
    [ROWS_FROM] = {"l.sender_key", false},  [ROWS_SUBJECT] = {"l.subject_key", false},
    [ROWS_SIZE] = {"l.size", true},         [ROWS_ARRIVAL] = {"l.arrival", true},
    [ROWS_THREAD] = {NULL, true},
};

/* " AND (key, id) > (?, ?)": what comes behind `after` on the way. */
static void
add_after(struct sql *sql, const struct row *after, enum rows_order order, const char *id,
          bool falls)
{
  const char *key = orders[order].key, *sign = falls ? "<" : ">";
  if (key == NULL) {
    g_string_append_printf(sql->text, " AND %s %s ?", id, sign);
    sql_add(sql, "", "i", after->id);
    return;
  }
  g_string_append_printf(sql->text, " AND (%s, %s) %s (?, ?)", key, id, sign);
  if (order == ROWS_SIZE || order == ROWS_ARRIVAL) {
    int64_t number = order == ROWS_SIZE ? (int64_t)after->size : after->arrival;
    sql_add(sql, "", "ii", number, after->id);
    return;
  }
  g_autofree char *text = order == ROWS_FROM ? sort_key_sender(after->from)
                                             : sort_key_subject(after->subject, NULL);
  sql_add(sql, "", "si", text, after->id);
}

static void
add_order(struct sql *sql, enum rows_order order, const char *id, bool falls, guint limit)
{
  const char *key = orders[order].key, *way = falls ? "DESC" : "ASC";
  g_string_append(sql->text, " ORDER BY ");
  if (key != NULL)
    g_string_append_printf(sql->text, "%s %s, ", key, way);
  g_string_append_printf(sql->text, "%s %s LIMIT ?", id, way);
  sql_add(sql, "", "i", (int64_t)limit);
}

static GPtrArray *
collect(struct view *view, const struct sql *sql, GError **error)
{
  auto_own *stmt = sql_prepare(sql, view->conn, error);
  if (stmt == NULL)
    return NULL;
  g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func((GDestroyNotify)row_free);
  int step;
  while ((step = conn_step(view->conn, stmt, error)) == 1)
    g_ptr_array_add(rows, row_take(view->store, stmt));
  return step == 0 ? g_steal_pointer(&rows) : NULL;
}

void
rows_reverse(GPtrArray *rows)
{
  for (guint i = 0, j = rows->len; i + 1 < j; i++) {
    j--;
    void *row = rows->pdata[i];
    rows->pdata[i] = rows->pdata[j];
    rows->pdata[j] = row;
  }
}

/* All folders in an order whose index begins with the folder: of each the page that it
 * would have alone, so that the cost grows with the folders, not with the letters. */
static void
add_each_folder(struct sql *sql, const struct rows_query *asked, bool falls, guint limit)
{
  sql_add(sql, " FROM folder f CROSS JOIN letter l ON l.id IN (SELECT l.id FROM letter l"
               " WHERE l.folder = f.id", "");
  sql_add(sql, asked->waiting ? "" : NOT_WAITING, "");
  if (asked->after != NULL)
    add_after(sql, asked->after, asked->order, "l.id", falls);
  add_order(sql, asked->order, "l.id", falls, limit);
  sql_add(sql, ") WHERE 1", "");
}

/* Letters among which a walk keeps. */
struct span {
  int64_t floor, ceiling;   /* as in struct sql */
  bool lists;               /* all of them have a list of words */
};

/* One walk from the key of `after`. */
static GPtrArray *
walk(struct view *view, const char *condition, guint limit, struct span span, GError **error)
{
  const struct rows_query *asked = view->asked;
  bool falls = orders[asked->order].falls != asked->backwards;
  g_autoptr(sql_t) sql = view_sql(view);
  const char *id;
  sql->floor = span.floor;
  sql->ceiling = span.ceiling;
  sql->lists = span.lists;
  sql_add(sql, "SELECT " ROW_COLUMNS, "");
  if (view->query == NULL && view->folder == 0 && orders[asked->order].key != NULL &&
      *condition == '\0') {
    add_each_folder(sql, asked, falls, limit + (guint)view->offset);
    id = "l.id";
  } else {
    sql_add_source(sql, view->query, view->folder, &id);
    sql_add(sql, asked->waiting ? "" : NOT_WAITING, "");
    sql_add(sql, condition, "");
    if (asked->after != NULL)
      add_after(sql, asked->after, asked->order, id, falls);
  }
  add_order(sql, asked->order, id, falls, limit);
  if (view->offset > 0)
    sql_add(sql, " OFFSET ?", "i", (int64_t)view->offset);
  GPtrArray *rows = collect(view, sql, error);
  if (rows != NULL && asked->backwards)
    rows_reverse(rows);
  return rows;
}

/* A page that comes together from the newest letters to the oldest. */
struct gathering {
  GPtrArray *rows;
  int64_t ceiling;          /* what lies from there on was asked; 0: nothing was */
  guint64 asked;            /* letters */
  bool done;                /* it is all that there is, or would be */
};

/* Asks so many letters more, but none below `least`. */
static bool
gather(struct view *view, const char *condition, guint limit, guint64 letters, int64_t least,
       bool lists, struct gathering *page, GError **error)
{
  struct span span = {.ceiling = page->ceiling, .lists = lists};
  if (!conn_number(view->conn, &span.floor, 0, error,
                   "SELECT id FROM letter WHERE id < ? ORDER BY id DESC LIMIT 1 OFFSET ?", "ii",
                   page->ceiling != 0 ? page->ceiling : INT64_MAX, (int64_t)letters))
    return false;
  span.floor = MAX(span.floor, least);
  GPtrArray *more = walk(view, condition, limit - page->rows->len, span, error);
  if (more == NULL)
    return false;
  g_ptr_array_extend_and_steal(page->rows, more);
  page->done = page->rows->len == limit || span.floor == 0;
  page->ceiling = span.floor;
  page->asked += letters;
  return true;
}

/* Among the letters that have lists, as far as the page is there.  What is seldom is found
 * sooner by the full-text table, unless that would read ahead. */
static bool
gather_by_lists(struct view *view, const char *condition, guint limit, struct gathering *page,
                GError **error)
{
  bool patient = sql_reads_ahead(view->query);
  int64_t first;
  if (!lists_from(view->conn, &first, error))
    return false;
  if (page->ceiling != 0 && page->ceiling <= first)
    return true;
  for (guint letters = LISTS_SPAN;; letters *= LISTS_GROWTH) {
    if (!gather(view, condition, limit, letters, first, true, page, error))
      return false;
    bool seldom = letters > LISTS_SPAN || page->rows->len * LISTS_GROWTH < limit;
    if (page->done || page->ceiling == first || (seldom && !patient))
      return true;
  }
}

/* Where all hits of a word would be read before the first row comes (“-the”), they are those
 * of so many letters at a time as the rest of the page lies in, to judge by what came. */
static bool
gather_by_parts(struct view *view, const char *condition, guint limit, struct gathering *page,
                GError **error)
{
  for (guint64 letters = SPAN_FIRST; !page->done; ) {
    guint64 wanted = limit - page->rows->len, most = letters * SPAN_GROWTH;
    if (page->rows->len > 0)
      letters = CLAMP(page->asked * wanted * 5 / 4 / page->rows->len, SPAN_FIRST, most);
    else if (page->asked > 0)
      letters = most;
    if (!gather(view, condition, limit, letters, 0, false, page, error))
      return false;
  }
  return true;
}

/* A page of any order but threads. */
static GPtrArray *
find_page(struct view *view, const char *condition, guint limit, GError **error)
{
  const struct rows_query *asked = view->asked;
  bool falls = view->query != NULL && asked->order == ROWS_NEWEST && !asked->backwards;
  g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func((GDestroyNotify)row_free);
  struct gathering page = {.rows = rows};
  if (falls && asked->after != NULL)
    page.ceiling = asked->after->id;
  if (falls && sql_asks_lists(view->query) &&
      !gather_by_lists(view, condition, limit, &page, error))
    return NULL;
  guint most = orders[asked->order].key == NULL ? STARTS_MOST : STARTS_FEW;
  if (!page.done && !expand(view, most, error))
    return NULL;
  if (falls && !page.done && !view->each && sql_reads_ahead(view->query) &&
      !gather_by_parts(view, condition, limit, &page, error))
    return NULL;
  if (!page.done) {
    GPtrArray *more = walk(view, condition, limit - rows->len,
                           (struct span){.ceiling = page.ceiling}, error);
    if (more == NULL)
      return NULL;
    g_ptr_array_extend_and_steal(rows, more);
  }
  return g_steal_pointer(&rows);
}

GPtrArray *
store_rows(struct store *store, const struct rows_query *query, GCancellable *cancel,
           GError **error)
{
  g_auto(view_t) view = {0};
  if (!view_open(&view, store, query, cancel, error))
    return NULL;
  if (query->order != ROWS_THREAD)
    return find_page(&view, "", query->limit, error);
  return expand(&view, STARTS_FEW, error) ? view_threads(&view, query->limit, error) : NULL;
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
  if (!view_open(&view, store, query, cancel, error) || !expand(&view, STARTS_FEW, error))
    return NULL;
  if (query->order == ROWS_THREAD)
    return view_thread_at(&view, n, of, error);
  view.offset = MIN(n, (guint64)G_MAXINT32);
  return walk(&view, "", 1, (struct span){0}, error);
}

bool
store_place(struct store *store, const struct rows_query *query, guint64 *before_out,
            guint64 *all_out, GCancellable *cancel, GError **error)
{
  g_auto(view_t) view = {0};
  if (!view_open(&view, store, query, cancel, error) || !expand(&view, STARTS_FEW, error))
    return false;
  if (query->order == ROWS_THREAD)
    return view_thread_place(&view, before_out, all_out, error);
  g_autoptr(sql_t) sql = view_sql(&view);
  const char *id;
  sql_add(sql, "SELECT count(*)", "");
  sql_add_source(sql, view.query, view.folder, &id);
  sql_add(sql, query->waiting ? "" : NOT_WAITING, "");
  add_after(sql, query->after, query->order, id, !orders[query->order].falls);
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
  if (!view_open(&view, store, query, cancel, error) || !expand(&view, STARTS_FEW, error))
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
    return expand(&view, STARTS_FEW, error) ? view_thread_unread(&view, error) : NULL;
  g_autoptr(GPtrArray) rows = find_page(&view, WANTS_READING, 1, error);
  return rows != NULL && rows->len > 0 ? g_ptr_array_steal_index(rows, 0) : NULL;
}

/* Pages of rows: a walk on the table of an order from a key, or, where that would read more
 * than the page, several on parts of the way. */
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

void
view_add_before(struct sql *sql, const struct rows_query *asked, const char *id)
{
  add_after(sql, asked->after, asked->order, id, !orders[asked->order].falls);
}

GPtrArray *
view_walk(struct view *view, const char *condition, guint limit, struct span span, GError **error)
{
  const struct rows_query *asked = view->asked;
  bool falls = orders[asked->order].falls != asked->backwards;
  g_autoptr(sql_t) sql = view_sql(view);
  const char *id;
  sql->floor = span.floor;
  sql->ceiling = span.ceiling;
  sql->lists = span.lists;
  sql->read |= span.read;
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
  GPtrArray *more = view_walk(view, condition, limit - page->rows->len, span, error);
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

/* Where all hits of a word would be read before the first row comes (“the or is:read”), they are
 * those of so many letters at a time as the rest of the page lies in, to judge by what came. */
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

static bool
expand(struct view *view, guint most, GError **error)
{
  return view->query == NULL || view->read ||
         query_expand(view->query, view->conn, most, error);
}

bool
view_expand(struct view *view, GError **error)
{
  return expand(view, STARTS_FEW, error);
}

/* From the newest on: among the letters that have lists, by what the words of the index say,
 * among letters that are read again, by parts. */
static bool
gather_all(struct view *view, const char *condition, guint limit, struct gathering *page,
           GError **error)
{
  if (view->asked->after != NULL)
    page->ceiling = view->asked->after->id;
  if (sql_asks_lists(view->query) && !gather_by_lists(view, condition, limit, page, error))
    return false;
  if (!page->done && (!expand(view, STARTS_MOST, error) ||
                      !view_read_instead(view, condition, limit, page, error)))
    return false;
  return page->done || view->each || !sql_reads_ahead(view->query) ||
         gather_by_parts(view, condition, limit, page, error);
}

GPtrArray *
view_page(struct view *view, const char *condition, guint limit, GError **error)
{
  const struct rows_query *asked = view->asked;
  bool falls = view->query != NULL && !view->read && asked->order == ROWS_NEWEST &&
               !asked->backwards;
  g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func((GDestroyNotify)row_free);
  struct gathering page = {.rows = rows};
  guint most = orders[asked->order].key == NULL ? STARTS_MOST : STARTS_FEW;
  if (falls ? !gather_all(view, condition, limit, &page, error) : !expand(view, most, error))
    return NULL;
  if (!page.done) {
    GPtrArray *more = view_walk(view, condition, limit - rows->len,
                                (struct span){.ceiling = page.ceiling}, error);
    if (more == NULL)
      return NULL;
    g_ptr_array_extend_and_steal(rows, more);
  }
  return g_steal_pointer(&rows);
}

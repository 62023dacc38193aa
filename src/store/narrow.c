/* Two ways to the letters of a query: its text gives them one after the other and each is
 * looked at for the rest, or the rest gives them (a folder, a flag, a tag) and each is asked
 * for the text.  A short look ahead on both tells which comes further for its cost. */
#include "store/view.h"

/* About as long take so many hits of the text, with a look at the row of each, as so many
 * letters that the text is asked of. */
#define HITS_AHEAD 1000
#define LETTERS_AHEAD 40

/* The conditions that an index leads to, NULL: none; their nodes stay the query's. */
static struct query *
narrow_of(const struct query *query)
{
  g_autoptr(query_t) all = g_new0(struct query, 1);
  all->kind = QUERY_AND;
  all->children = g_ptr_array_new();
  if (query->narrow)
    g_ptr_array_add(all->children, (struct query *)query);
  for (guint i = 0; query->kind == QUERY_AND && i < query->children->len; i++) {
    struct query *child = query->children->pdata[i];
    if (child->narrow)
      g_ptr_array_add(all->children, child);
  }
  return all->children->len > 0 ? g_steal_pointer(&all) : NULL;
}

/* 0 when there is no row. */
static bool
number_of(struct view *view, const struct sql *sql, int64_t *number_out, GError **error)
{
  auto_own *stmt = sql_prepare(sql, view->conn, error);
  int step = stmt != NULL ? conn_step(view->conn, stmt, error) : -1;
  *number_out = step == 1 ? sqlite3_column_int64(stmt, 0) : 0;
  return step >= 0;
}

static int64_t
ceiling_of(const struct view *view)
{
  const struct rows_query *asked = view->asked;
  bool falls = asked->order == ROWS_NEWEST && !asked->backwards;
  return falls && asked->after != NULL ? asked->after->id : INT64_MAX;
}

bool
view_narrow(struct view *view, int64_t ceiling, guint letters, int64_t *floor_out, GError **error)
{
  g_autoptr(query_t) narrow = narrow_of(view->query);
  g_autoptr(sql_t) sql = sql_new();
  const char *id;
  *floor_out = INT64_MAX;
  if (view->folder == 0 && narrow == NULL)
    return true;
  sql_add(sql, "SELECT l.id", "");
  sql_add_source(sql, narrow, view->folder, &id);
  sql_add(sql, " AND l.id < ? ORDER BY l.id DESC LIMIT 1 OFFSET ?", "ii", ceiling,
          (int64_t)letters);
  return number_of(view, sql, floor_out, error);
}

/* Are there so many hits of a MATCH (NULL: letters) above the floor? */
static bool
are_many(struct view *view, const char *match, int64_t floor, bool *many_out, GError **error)
{
  g_autoptr(sql_t) sql = sql_new();
  int64_t found;
  if (match != NULL)
    sql_add(sql, "SELECT 1 FROM text WHERE text MATCH ? AND rowid >= ? AND rowid < ?", "sii", match,
            floor, ceiling_of(view));
  else
    sql_add(sql, "SELECT 1 FROM letter WHERE id >= ? AND id < ?", "ii", floor, ceiling_of(view));
  sql_add(sql, " LIMIT 1 OFFSET ?", "i", (int64_t)HITS_AHEAD);
  bool ok = number_of(view, sql, &found, error);
  *many_out = found != 0;
  return ok;
}

/* The seldomest of texts that stand together leads; where there is none, all letters are gone
 * through. */
static bool
compare(struct view *view, int64_t floor, GError **error)
{
  g_autoptr(GPtrArray) leads = sql_leads(view->query);
  bool many = true;
  if (leads->len == 0 && !are_many(view, NULL, floor, &many, error))
    return false;
  for (guint i = 0; many && i < leads->len; i++)
    if (!are_many(view, leads->pdata[i], floor, &many, error))
      return false;
  view->each = many;
  return true;
}

bool
view_choose(struct view *view, GError **error)
{
  int64_t floor;
  return !sql_asks_each(view->query) ||
         (view_narrow(view, ceiling_of(view), LETTERS_AHEAD, &floor, error) &&
          (floor == INT64_MAX || compare(view, floor, error)));
}

#include <stdarg.h>
#include <string.h>

#include "store/query.h"
#include "store/tokenizer.h"

static void
value_clear(void *value)
{
  g_free(((struct sql_value *)value)->text);
}

struct sql *
sql_new(void)
{
  struct sql *sql = g_new0(struct sql, 1);
  sql->text = g_string_new(NULL);
  sql->values = g_array_new(FALSE, FALSE, sizeof(struct sql_value));
  g_array_set_clear_func(sql->values, value_clear);
  return sql;
}

void
sql_free(struct sql *sql)
{
  if (sql == NULL)
    return;
  g_string_free(sql->text, TRUE);
  g_array_unref(sql->values);
  g_free(sql);
}

static void
add_number(struct sql *sql, int64_t number)
{
  struct sql_value value = {false, number, NULL};
  g_array_append_val(sql->values, value);
}

static void
add_text(struct sql *sql, const char *text)
{
  struct sql_value value = {true, 0, g_strdup(text)};
  g_array_append_val(sql->values, value);
}

void
sql_add(struct sql *sql, const char *fragment, const char *types, ...)
{
  g_string_append(sql->text, fragment);
  va_list args;
  va_start(args, types);
  for (const char *type = types; *type != '\0'; type++) {
    if (*type == 'i')
      add_number(sql, va_arg(args, int64_t));
    else
      add_text(sql, va_arg(args, const char *));
  }
  va_end(args);
}

sqlite3_stmt *
sql_prepare(const struct sql *sql, struct conn *conn, GError **error)
{
  sqlite3_stmt *stmt = NULL;
  if (sqlite3_prepare_v2(conn->db, sql->text->str, (int)sql->text->len, &stmt, NULL) != SQLITE_OK) {
    conn_fail(conn, error);
    return NULL;
  }
  for (guint i = 0; i < sql->values->len; i++) {
    const struct sql_value *value = &g_array_index(sql->values, struct sql_value, i);
    if (value->is_text)
      sqlite3_bind_text(stmt, (int)i + 1, value->text, -1, SQLITE_TRANSIENT);
    else
      sqlite3_bind_int64(stmt, (int)i + 1, value->number);
  }
  return stmt;
}

/* ---- full text ---- */

static bool
has_text(const struct query *query)
{
  if (query->kind == QUERY_TEXT)
    return true;
  for (guint i = 0; query->children != NULL && i < query->children->len; i++)
    if (has_text(query->children->pdata[i]))
      return true;
  return false;
}

static void
take(struct query *query)
{
  query->takes = query->kind == QUERY_NOT;
  for (guint i = 0; query->children != NULL && i < query->children->len; i++)
    take(query->children->pdata[i]);
}

bool
query_take(struct query *query, struct conn *conn, GError **error)
{
  int64_t waits = 1;
  if (has_text(query) &&
      !conn_number(conn, &waits, 0, error, "SELECT 1 FROM letter WHERE texted = 0 LIMIT 1", ""))
    return false;
  if (waits == 0)
    take(query);
  return true;
}

/* Can the node be said in one MATCH?  FTS5's NOT needs something to take from. */
static bool
is_text(const struct sql *sql, const struct query *query)
{
  if (query->kind == QUERY_TEXT)
    return !sql->lists || !query->prefix || query->word == NULL || query->exact != NULL;
  if (sql->each)
    return false;
  if (query->kind == QUERY_NOT && query->takes)
    return is_text(sql, query->children->pdata[0]);
  if (query->kind != QUERY_AND && query->kind != QUERY_OR)
    return false;
  bool positive = false;
  for (guint i = 0; i < query->children->len; i++) {
    const struct query *child = query->children->pdata[i];
    bool is_not = query->kind == QUERY_AND && child->kind == QUERY_NOT;
    if (!is_text(sql, is_not ? child->children->pdata[0] : child))
      return false;
    positive |= !is_not || child->takes;
  }
  return positive;
}

/* A word is quoted, so that nothing in it is an operator; what the user wrote begins with a
 * blank, so that it is never taken for exact words. */
static void
match_quoted(GString *match, const char *text)
{
  g_string_append(match, "\" ");
  for (const char *c = text; *c != '\0'; c++) {
    if (*c == '"')
      g_string_append_c(match, '"');
    g_string_append_c(match, *c);
  }
  g_string_append_c(match, '"');
}

/* Words in one place are synonyms to FTS5; where they are all there is, it passes a letter
 * sooner when each stands for itself. */
static void
match_exact(GString *match, const struct query *query)
{
  bool alone = query->word != NULL;
  g_string_append(match, "(\"");
  for (const char *c = query->exact; *c != '\0'; c++) {
    if (alone && *c == *EXACT_TOGETHER)
      g_string_append(match, "\" OR \"" EXACT_PLACE);
    else
      g_string_append_c(match, *c);
  }
  g_string_append(match, "\")");
}

static void
match_word(GString *match, const struct query *query)
{
  if (query->column != NULL)
    g_string_append_printf(match, "%s : ", query->column);
  if (query->exact != NULL) {
    match_exact(match, query);
    return;
  }
  match_quoted(match, query->text);
  if (query->prefix)
    g_string_append(match, " *");
}

static void match_node(GString *match, const struct query *query);

static void
match_joined(GString *match, GPtrArray *nodes, const char *between)
{
  g_string_append_c(match, '(');
  for (guint i = 0; i < nodes->len; i++) {
    if (i > 0)
      g_string_append(match, between);
    match_node(match, nodes->pdata[i]);
  }
  g_string_append_c(match, ')');
}

/* FTS5's NOT needs something to take from. */
static void
match_all(GString *match, GPtrArray *children)
{
  g_autoptr(GPtrArray) given = g_ptr_array_new(), taken = g_ptr_array_new();
  for (guint i = 0; i < children->len; i++) {
    const struct query *child = children->pdata[i];
    if (child->kind == QUERY_NOT)
      g_ptr_array_add(taken, child->children->pdata[0]);
    else
      g_ptr_array_add(given, children->pdata[i]);
  }
  if (taken->len > 0)
    g_string_append_c(match, '(');
  if (given->len > 0)
    match_joined(match, given, " AND ");
  else
    g_string_append(match, "\"" EXACT_PLACE WORD_OF_ALL "\"");
  if (taken->len > 0) {
    g_string_append(match, " NOT ");
    match_joined(match, taken, " OR ");
    g_string_append_c(match, ')');
  }
}

static void
match_node(GString *match, const struct query *query)
{
  if (query->kind == QUERY_TEXT)
    match_word(match, query);
  else if (query->kind == QUERY_OR)
    match_joined(match, query->children, " OR ");
  else if (query->kind == QUERY_AND)
    match_all(match, query->children);
  else {
    g_autoptr(GPtrArray) alone = g_ptr_array_new();
    g_ptr_array_add(alone, (struct query *)query);
    match_all(match, alone);
  }
}

/* ---- conditions ---- */

/* The children of an AND, parted into what one MATCH can say and the rest. */
static void
part(const struct sql *sql, const struct query *query, GPtrArray *texts, GPtrArray *rest)
{
  bool positive = false;
  for (guint i = 0; i < query->children->len; i++)
    positive |= is_text(sql, query->children->pdata[i]);
  for (guint i = 0; i < query->children->len; i++) {
    struct query *child = query->children->pdata[i];
    bool taken = is_text(sql, child) || (positive && child->kind == QUERY_NOT &&
                                         is_text(sql, child->children->pdata[0]));
    g_ptr_array_add(taken ? texts : rest, child);
  }
}

/* The letters that a MATCH finds, as a set, or asked of each. */
static void
add_set(struct sql *sql, const char *match)
{
  if (sql->each)
    sql_add(sql, "EXISTS (SELECT 1 FROM text WHERE text MATCH ? AND rowid = l.id)", "s", match);
  else if (sql->read)
    sql_add(sql, "l.id IN (SELECT rowid FROM read WHERE read MATCH ?)", "s", match);
  else
    sql_add(sql,
            "l.id IN (SELECT rowid FROM text WHERE text MATCH ? AND rowid >= ? AND rowid < ?)",
            "sii", match, sql->floor, sql->ceiling > 0 ? sql->ceiling : INT64_MAX);
}

static char *
match_of(GPtrArray *texts)
{
  GString *match = g_string_new(NULL);
  match_all(match, texts);
  return g_string_free(match, FALSE);
}

static void add_node(struct sql *sql, const struct query *query, const char *id);

static void
add_joined(struct sql *sql, GPtrArray *children, const char *between, const char *id)
{
  for (guint i = 0; i < children->len; i++) {
    if (i > 0)
      g_string_append(sql->text, between);
    add_node(sql, children->pdata[i], id);
  }
}

static void
add_and(struct sql *sql, const struct query *query, const char *id)
{
  g_autoptr(GPtrArray) texts = g_ptr_array_new(), rest = g_ptr_array_new();
  part(sql, query, texts, rest);
  if (texts->len > 0) {
    g_autofree char *match = match_of(texts);
    add_set(sql, match);
    if (rest->len > 0)
      g_string_append(sql->text, " AND ");
  }
  add_joined(sql, rest, " AND ", id);
}

static void
add_condition(struct sql *sql, const struct query *query)
{
  g_string_append(sql->text, query->sql);
  for (const char *type = query->types; *type != '\0'; type++) {
    if (*type == 's')
      add_text(sql, query->text);
    else
      add_number(sql, query->from);
  }
}

/* The letters whose list holds a word. */
static void
add_listed(struct sql *sql, const struct query *query)
{
  sql_add(sql, "holds(w.words, ?, ?, ?)", "sii", query->word, (int64_t)query->prefix,
          (int64_t)terms_column(query->column));
}

static void
add_inside(struct sql *sql, const struct query *query, const char *id)
{
  switch (query->kind) {
  case QUERY_AND:
    add_and(sql, query, id);
    break;
  case QUERY_OR:
    add_joined(sql, query->children, " OR ", id);
    break;
  case QUERY_NOT:
    g_string_append(sql->text, "NOT ");
    add_node(sql, query->children->pdata[0], id);
    break;
  case QUERY_DATE:
    /* Not as bounds of the walk, of which a virtual table takes only a few (add_rest()). */
    g_string_append_printf(sql->text, "+%s >= ? AND +%s < ?", id, id);
    add_number(sql, query->from << LETTER_ID_BITS);
    add_number(sql, query->to << LETTER_ID_BITS);
    break;
  case QUERY_TEXT:
    add_listed(sql, query);
    break;
  case QUERY_SQL:
  default:
    add_condition(sql, query);
  }
}

static void
add_node(struct sql *sql, const struct query *query, const char *id)
{
  g_string_append_c(sql->text, '(');
  if (is_text(sql, query)) {
    g_autoptr(GString) match = g_string_new(NULL);
    match_node(match, query);
    add_set(sql, match->str);
  } else {
    add_inside(sql, query, id);
  }
  g_string_append_c(sql->text, ')');
}

/* ---- the whole ---- */

/* What one MATCH can say drives; the rest is asked of each letter. */
static void
part_whole(const struct sql *sql, const struct query *query, GPtrArray *texts, GPtrArray *rest)
{
  if (query->kind == QUERY_AND)
    part(sql, query, texts, rest);
  else
    g_ptr_array_add(is_text(sql, query) ? texts : rest, (struct query *)query);
}

bool
sql_reads_ahead(const struct query *query)
{
  const struct sql plain = {.lists = false};
  g_autoptr(GPtrArray) texts = g_ptr_array_new(), rest = g_ptr_array_new();
  part_whole(&plain, query, texts, rest);
  for (guint i = 0; i < rest->len; i++)
    if (has_text(rest->pdata[i]))
      return true;
  return false;
}

/* Would a list be asked for what no MATCH says? */
static bool
has_listed(const struct sql *sql, const struct query *query)
{
  g_autoptr(GPtrArray) texts = g_ptr_array_new(), rest = g_ptr_array_new();
  if (is_text(sql, query))
    return false;
  if (query->kind == QUERY_TEXT)
    return true;
  if (query->kind == QUERY_AND)
    part(sql, query, texts, rest);
  const GPtrArray *children = query->kind == QUERY_AND ? rest : query->children;
  for (guint i = 0; children != NULL && i < children->len; i++)
    if (has_listed(sql, children->pdata[i]))
      return true;
  return false;
}

bool
sql_asks_lists(const struct query *query)
{
  const struct sql listed = {.lists = true};
  return has_listed(&listed, query);
}

/* The first table of a FROM, whose order is that of the rows. */
static const char *
add_driver(struct sql *sql, GPtrArray *texts)
{
  if (texts->len == 0) {
    sql_add(sql, sql->lists ? " FROM letter_words w CROSS JOIN letter l ON l.id = w.id"
                            : " FROM letter l", "");
    return sql->lists ? "w.id" : "l.id";
  }
  sql_add(sql, sql->lists ? " FROM text CROSS JOIN letter_words w ON w.id = text.rowid"
                            " CROSS JOIN letter l ON l.id = w.id"
                          : " FROM text CROSS JOIN letter l ON l.id = text.rowid", "");
  return "text.rowid";
}

static void
add_bound(struct sql *sql, const char *id, const char *sign, int64_t bound)
{
  g_string_append_printf(sql->text, " AND %s %s ?", id, sign);
  add_number(sql, bound);
}

GPtrArray *
sql_leads(const struct query *query)
{
  const struct sql plain = {.lists = false};
  g_autoptr(GPtrArray) texts = g_ptr_array_new(), rest = g_ptr_array_new();
  GPtrArray *leads = g_ptr_array_new_with_free_func(g_free);
  part_whole(&plain, query, texts, rest);
  for (guint i = 0; i < texts->len; i++) {
    const struct query *text = texts->pdata[i];
    if (text->kind == QUERY_NOT)
      continue;
    GString *match = g_string_new(NULL);
    match_node(match, text);
    g_ptr_array_add(leads, g_string_free(match, FALSE));
  }
  return leads;
}

static bool
are_words(const struct query *query)
{
  if (query->kind == QUERY_TEXT)
    return query->word != NULL && !query->prefix;
  for (guint i = 0; query->children != NULL && i < query->children->len; i++)
    if (!are_words(query->children->pdata[i]))
      return false;
  return true;
}

bool
sql_asks_each(const struct query *query)
{
  return has_text(query) && are_words(query);
}

/* The conditions, after those that the letters are found by.  Dates are one range together. */
static void
add_rest(struct sql *sql, GPtrArray *rest, const char *id)
{
  int64_t from = INT64_MIN, to = INT64_MAX;
  for (guint i = 0; i < rest->len; i++) {
    const struct query *query = rest->pdata[i];
    if (query->kind == QUERY_DATE) {
      from = MAX(from, query->from);
      to = MIN(to, query->to);
      continue;
    }
    g_string_append(sql->text, " AND ");
    add_node(sql, query, id);
  }
  if (from != INT64_MIN) {
    add_bound(sql, id, ">=", from << LETTER_ID_BITS);
    add_bound(sql, id, "<", to << LETTER_ID_BITS);
  }
}

void
sql_add_source(struct sql *sql, const struct query *query, int64_t folder, const char **id_out)
{
  g_autoptr(GPtrArray) texts = g_ptr_array_new(), rest = g_ptr_array_new();
  if (query != NULL)
    part_whole(sql, query, texts, rest);
  if (sql->each || sql->read) {
    g_ptr_array_extend(rest, texts, NULL, NULL);
    g_ptr_array_set_size(texts, 0);
  }
  *id_out = add_driver(sql, texts);
  sql_add(sql, " CROSS JOIN folder f ON f.id = l.folder WHERE 1", "");
  if (texts->len > 0) {
    g_autofree char *match = match_of(texts);
    sql_add(sql, " AND text MATCH ?", "s", match);
  }
  if (sql->read)
    sql_add(sql, " AND l.id IN (SELECT rowid FROM read WHERE read MATCH '\"" EXACT_PLACE WORD_OF_ALL
                 "\"')", "");
  if (sql->floor > 0)
    add_bound(sql, *id_out, ">=", sql->floor);
  if (sql->ceiling > 0)
    add_bound(sql, *id_out, "<", sql->ceiling);
  if (folder != 0)
    sql_add(sql, " AND l.folder = ?", "i", folder);
  add_rest(sql, rest, *id_out);
}

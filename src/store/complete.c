/* How a term of a query, or a tag, may go on. */
#include <string.h>

#include "base/text.h"
#include "store/query-value.h"

struct offering {
  struct conn *conn;
  GPtrArray *found;         /* char * */
  guint limit;
};

static void
offer(struct offering *offering, char *text)
{
  if (offering->found->len < offering->limit)
    g_ptr_array_add(offering->found, text);
  else
    g_free(text);
}

/* Tags that begin so, each with `before` in front: word by word, since a tag may have a million
 * letters. */
static void
offer_tags(struct offering *offering, const char *before, const char *start)
{
  static const char first[] = "SELECT min(word) FROM tag WHERE word >= ?";
  static const char next[] = "SELECT min(word) FROM tag WHERE word > ?";
  g_autofree char *word = g_strdup(start);
  for (const char *sql = first; offering->found->len < offering->limit; sql = next) {
    auto_stmt *stmt = conn_query(offering->conn, NULL, sql, "s", word);
    if (stmt == NULL || conn_step(offering->conn, stmt, NULL) != 1 ||
        g_ascii_strncasecmp(column_text(stmt, 0), start, strlen(start)) != 0 ||
        *column_text(stmt, 0) == '\0')
      return;
    g_free(word);
    word = g_strdup(column_text(stmt, 0));
    offer(offering, g_strconcat(before, word, NULL));
  }
}

/* With blanks in it a value stands in quotation marks; one that has these cannot be said. */
static void
offer_value(struct offering *offering, const struct query_field *field, const char *value)
{
  bool plain = strpbrk(value, " ()\t") == NULL;
  if (strchr(value, '"') == NULL)
    offer(offering, g_strdup_printf(plain ? "%s:%s" : "%s:\"%s\"", field->name, value));
}

static void
offer_folders(struct offering *offering, const struct query_field *field, const char *start)
{
  g_autofree char *folded = text_fold(start, -1);
  auto_stmt *stmt = conn_query(offering->conn, NULL, "SELECT name FROM folder ORDER BY name", "");
  while (stmt != NULL && conn_step(offering->conn, stmt, NULL) == 1) {
    g_autofree char *name = text_fold(column_text(stmt, 0), -1);
    if (g_str_has_prefix(name, folded))
      offer_value(offering, field, column_text(stmt, 0));
  }
}

static void
offer_addresses(struct offering *offering, const struct query_field *field, const char *start)
{
  g_auto(GStrv) specs = addresses_find(offering->conn, start, offering->limit, true);
  for (char **spec = specs; *start != '\0' && *spec != NULL; spec++)
    offer_value(offering, field, *spec);
}

static void
offer_values(struct offering *offering, const struct query_field *field, const char *start)
{
  g_autofree char *tag = g_strconcat(field->name, ":", NULL);
  for (const struct query_property *property = field->properties;
       property != NULL && property->name != NULL; property++)
    if (g_ascii_strncasecmp(property->name, start, strlen(start)) == 0)
      offer_value(offering, field, property->name);
  switch (field->offers) {
  case OFFERS_TAGS:
    offer_tags(offering, tag, start);
    break;
  case OFFERS_FOLDERS:
    offer_folders(offering, field, start);
    break;
  case OFFERS_ADDRESSES:
    offer_addresses(offering, field, start);
    break;
  case OFFERS_NOTHING:
  default:
    break;
  }
}

static void
offer_fields(struct offering *offering, const char *start)
{
  size_t n;
  const struct query_field *fields = query_fields(&n);
  for (size_t i = 0; i < n; i++)
    if (g_ascii_strncasecmp(fields[i].name, start, strlen(start)) == 0)
      offer(offering, g_strconcat(fields[i].name, ":", NULL));
}

static void
offer_term(struct offering *offering, const char *term)
{
  const char *colon = strchr(term, ':');
  if (colon == NULL) {
    offer_fields(offering, term);
    return;
  }
  g_autofree char *name = g_ascii_strdown(term, colon - term);
  const struct query_field *field = query_field(name);
  const char *start = colon + 1;
  if (field != NULL)
    offer_values(offering, field, *start == '"' ? start + 1 : start);
}

char **
store_complete(struct store *store, enum store_completion what, const char *start, guint limit)
{
  g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func(g_free);
  g_autoptr(conn_t) conn = conn_read(store, NULL, NULL);
  struct offering offering = {conn, found, limit};
  if (conn != NULL && what == STORE_TAGS)
    offer_tags(&offering, "", start);
  else if (conn != NULL)
    offer_term(&offering, start);
  g_ptr_array_add(found, NULL);
  return (char **)g_ptr_array_steal(found, NULL);
}

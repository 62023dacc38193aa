/* The starts of words in a query, said by the words that the index has: “tra*” by trafo, tram
 * and all the others.  FTS5 merges what any letter has of such words before it gives the first
 * row; of words that are named it seeks each, and the rows come in their order. */
#include <string.h>

#include "store/query.h"

/* Places of one word that are passed over before the next word is sought: most words have
 * few. */
#define PASSED 8

/* ---- the words of the index ---- */

/* Above every word that `word` is, below every other that begins so. */
static sqlite3_stmt *
seek(struct conn *conn, const char *word, bool behind, GError **error)
{
  g_autofree char *from = g_strconcat(word, behind ? EXACT_PLACE : "", NULL);
  return conn_query(conn, error, "SELECT term FROM vocabulary WHERE term >= ?", "s", from);
}

/* The next word that begins with `start` and is another than *word (NULL: the first); *word is
 * NULL when there is none. */
static bool
next_word(struct conn *conn, sqlite3_stmt **stmt, const char *start, char **word, GError **error)
{
  int step = 1;
  const char *found = "";
  for (guint passed = 0; step == 1; passed++) {
    if (passed == PASSED) {
      stmt_reset(stmt);
      *stmt = seek(conn, *word, true, error);
    }
    step = *stmt != NULL ? conn_step(conn, *stmt, error) : -1;
    found = step == 1 ? column_text(*stmt, 0) : "";
    if (step == 1 && (*word == NULL || strcmp(found, *word) != 0))
      break;
  }
  g_free(*word);
  *word = step == 1 && g_str_has_prefix(found, start) ? g_strdup(found) : NULL;
  return step >= 0;
}

/* Appends the words, in one place, as long as there are not more than *left. */
static bool
append_words(GString *exact, struct conn *conn, const char *start, guint *left, bool *all_out,
             GError **error)
{
  const char *mark = EXACT_PLACE;
  auto_stmt *stmt = seek(conn, start, false, error);
  g_autofree char *word = NULL;
  bool ok = next_word(conn, &stmt, start, &word, error);
  for (; ok && word != NULL && *left > 0; ok = next_word(conn, &stmt, start, &word, error)) {
    g_string_append(g_string_append(exact, mark), word);
    mark = EXACT_TOGETHER;
    --*left;
  }
  /* A word that no letter has. */
  if (ok && word == NULL && *mark == *EXACT_PLACE)
    g_string_append(g_string_append(exact, mark), start);
  *all_out = word == NULL;
  return ok;
}

/* ---- the words of the query ---- */

struct taking { GString *exact; size_t last; bool together; };

static int
take(void *data, bool together, const char *word, size_t length, size_t start, size_t end)
{
  (void)start, (void)end;
  struct taking *taking = data;
  taking->last = taking->exact->len;
  taking->together = together;
  g_string_append(taking->exact, together ? EXACT_TOGETHER : EXACT_PLACE);
  g_string_append_len(taking->exact, word, (gssize)length);
  return 0;
}

static bool
expand_text(struct query *query, struct conn *conn, guint *left, GError **error)
{
  g_autoptr(GString) exact = g_string_new(NULL);
  struct taking taking = {.exact = exact};
  tokenize(query->text, strlen(query->text), false, take, &taking);
  if (exact->len == 0 || taking.together)
    return true;
  g_autofree char *start = g_strdup(exact->str + taking.last + 1);
  g_string_truncate(exact, taking.last);
  bool all;
  if (!append_words(exact, conn, start, left, &all, error))
    return false;
  if (all)
    query->exact = g_string_free(g_steal_pointer(&exact), FALSE);
  return true;
}

static bool
expand_node(struct query *query, struct conn *conn, guint *left, GError **error)
{
  if (query->kind == QUERY_TEXT)
    return !query->prefix || query->exact != NULL || expand_text(query, conn, left, error);
  for (guint i = 0; query->children != NULL && i < query->children->len; i++)
    if (!expand_node(query->children->pdata[i], conn, left, error))
      return false;
  return true;
}

bool
query_expand(struct query *query, struct conn *conn, guint most, GError **error)
{
  return expand_node(query, conn, &most, error);
}

/* Addresses seen, for completion. */
#include <string.h>

#include "base/text.h"
#include "message/address.h"
#include "store/index-private.h"

/* Whom one wrote to is more likely meant than who wrote. */
#define SENT_WEIGHT 5
/* Recipients of one letter that are remembered: a list of hundreds is no friends. */
#define RECIPIENTS 30
/* Words of a name by which it is found. */
#define NAME_WORDS 8

static bool
add_word(struct conn *conn, const char *word, int64_t id, GError **error)
{
  return *word == '\0' || conn_run(conn, error,
                                   "INSERT OR IGNORE INTO address_word(word, address) VALUES(?, ?)",
                                   "si", word, id);
}

/* A name is found from the start of each of its words. */
static bool
add_words(struct conn *conn, const struct address *address, int64_t id, GError **error)
{
  g_autofree char *spec = text_fold(address->spec, -1);
  g_autofree char *name = text_fold(address->name != NULL ? address->name : "", -1);
  const char *at = name + strspn(name, " ");
  for (int i = 0; *at != '\0' && i < NAME_WORDS; i++) {
    if (!add_word(conn, at, id, error))
      return false;
    at += strcspn(at, " ");
    at += strspn(at, " ");
  }
  return add_word(conn, spec, id, error);
}

/* 0 when it is new; *shown_out as it stands. */
static bool
find_address(struct conn *conn, const char *spec, int64_t *id_out, char **shown_out,
             GError **error)
{
  auto_stmt *stmt = conn_query(conn, error, "SELECT id, shown FROM address WHERE spec = ?", "s",
                               spec);
  int step = stmt != NULL ? conn_step(conn, stmt, error) : -1;
  *id_out = step == 1 ? sqlite3_column_int64(stmt, 0) : 0;
  *shown_out = step == 1 ? g_strdup(column_text(stmt, 1)) : NULL;
  return step >= 0;
}

/* The newest name is the one that its owner uses now; none never replaces one. */
static bool
add_one(struct conn *conn, const struct address *address, int64_t date, int64_t weight,
        GError **error)
{
  g_autofree char *spec = g_utf8_strdown(address->spec, -1);
  g_autofree char *shown = address_format(address);
  g_autofree char *before = NULL;
  int64_t id;
  if (!find_address(conn, spec, &id, &before, error))
    return false;
  if (id == 0) {
    if (!conn_run(conn, error, "INSERT INTO address(spec, shown, uses, newest) VALUES(?, ?, ?, ?)",
                  "ssii", spec, shown, weight, date))
      return false;
    return add_words(conn, address, sqlite3_last_insert_rowid(conn->db), error);
  }
  return conn_run(conn, error,
                  "UPDATE address SET uses = uses + ?2, newest = max(newest, ?3),"
                  " shown = CASE WHEN ?3 >= newest AND ?4 THEN ?5 ELSE shown END WHERE id = ?1",
                  "iiiis", id, weight, date, (int64_t)(address->name != NULL), shown) &&
         (strcmp(shown, before) == 0 || add_words(conn, address, id, error));
}

static bool
add_list(struct conn *conn, const char *list, int64_t date, int64_t weight, GError **error)
{
  if (list == NULL || *list == '\0')
    return true;
  g_autoptr(GPtrArray) addresses = address_parse_typed(list, NULL);
  for (guint i = 0; addresses != NULL && i < MIN(addresses->len, RECIPIENTS); i++) {
    const struct address *address = addresses->pdata[i];
    if (address_is_valid_spec(address->spec) && !add_one(conn, address, date, weight, error))
      return false;
  }
  return true;
}

bool
addresses_add(struct conn *conn, const struct index_doc *doc, bool sent, GError **error)
{
  if (!sent)
    return add_list(conn, doc->from, doc->date, 1, error);
  return add_list(conn, doc->to, doc->date, SENT_WEIGHT, error) &&
         add_list(conn, doc->cc, doc->date, SENT_WEIGHT, error);
}

char **
addresses_find(struct conn *conn, const char *prefix, guint limit, bool specs)
{
  g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func(g_free);
  g_autofree char *from = text_fold(prefix, -1);
  g_autofree char *to = g_strconcat(from, "\xf4\x8f\xbf\xbf", NULL);
  auto_stmt *stmt = conn_query(conn, NULL,
                               "SELECT shown, spec FROM address WHERE id IN (SELECT address FROM"
                               " address_word WHERE word >= ? AND word < ?)"
                               " ORDER BY uses DESC, newest DESC, spec LIMIT ?",
                               "ssi", from, to, (int64_t)limit);
  while (stmt != NULL && conn_step(conn, stmt, NULL) == 1)
    g_ptr_array_add(found, g_strdup(column_text(stmt, specs)));
  g_ptr_array_add(found, NULL);
  return (char **)g_ptr_array_steal(found, NULL);
}

char **
store_addresses(struct store *store, const char *prefix, guint limit)
{
  g_autoptr(conn_t) conn = conn_read(store, NULL, NULL);
  return conn != NULL ? addresses_find(conn, prefix, limit, false) : g_new0(char *, 1);
}

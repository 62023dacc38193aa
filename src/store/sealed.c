/* The locked index: the words of letters that were sealed, each kept only as a number
 * that HMAC-SHA256 makes of it with a key which lies sealed to the user.  Who has the
 * file sees which letters have a word in common, and no word. */
#include <string.h>

#include "base/error.h"
#include "base/i18n.h"
#include "store/query.h"
#include "store/tokenizer.h"

#define KEY_BYTES 32
/* Instead of a word: the letter's words are all here.  No word has this number. */
#define TERM_DONE ((int64_t)0)

struct seal_key {
  GMutex lock;
  secret_t *secret;         /* NULL: locked */
};

struct seal_key *
seal_key_new(void)
{
  struct seal_key *key = g_new0(struct seal_key, 1);
  g_mutex_init(&key->lock);
  return key;
}

void
seal_key_free(struct seal_key *key)
{
  if (key == NULL)
    return;
  secret_unref(key->secret);
  g_mutex_clear(&key->lock);
  g_free(key);
}

static secret_t *
key_of(struct store *store)
{
  struct seal_key *key = store->seal_key;
  g_mutex_lock(&key->lock);
  secret_t *secret = key->secret != NULL ? secret_ref(key->secret) : NULL;
  g_mutex_unlock(&key->lock);
  return secret;
}

bool
store_seal_is_unlocked(struct store *store)
{
  g_autoptr(secret_t) key = key_of(store);
  return key != NULL;
}

bool
store_seal_unlock(struct store *store, const char *bytes, size_t length, GError **error)
{
  struct seal_key *key = store->seal_key;
  if (length != KEY_BYTES)
    return error_set(error, POSTINO_ERROR_INVALID,
                     _("the key of the index of sealed letters is damaged; remove "
                       ".postino/index-key to make another one"));
  g_mutex_lock(&key->lock);
  secret_unref(key->secret);
  key->secret = secret_new(bytes, length);
  g_mutex_unlock(&key->lock);
  return true;
}

/* ---- words to numbers ---- */

static int64_t
term_of(const secret_t *key, const char *word, size_t length)
{
  g_autoptr(GHmac) hmac = g_hmac_new(G_CHECKSUM_SHA256, (const guchar *)secret_text(key),
                                     secret_length(key));
  guint8 digest[32];
  gsize size = sizeof digest;
  int64_t term;
  g_hmac_update(hmac, (const guchar *)word, (gssize)length);
  g_hmac_get_digest(hmac, digest, &size);
  memcpy(&term, digest, sizeof term);
  term &= INT64_MAX;
  return term != TERM_DONE ? term : 1;
}

struct hashing {
  const secret_t *key;
  GArray *terms;            /* int64_t */
};

static int
take_word(void *data, bool together, const char *word, size_t length, size_t start, size_t end)
{
  struct hashing *hashing = data;
  (void)together, (void)start, (void)end;
  int64_t term = term_of(hashing->key, word, length);
  g_array_append_val(hashing->terms, term);
  return 0;
}

static GArray *
terms_of(const secret_t *key, const char *text, bool query)
{
  struct hashing hashing = {key, g_array_new(FALSE, FALSE, sizeof(int64_t))};
  tokenize(text, strlen(text), query, take_word, &hashing);
  return hashing.terms;
}

/* ---- keeping ---- */

static bool
add_terms(struct conn *conn, int64_t id, const GArray *terms, GError **error)
{
  for (guint i = 0; i < terms->len; i++)
    if (!conn_run(conn, error, "INSERT OR IGNORE INTO sealed(term, id) VALUES(?, ?)", "ii",
                  g_array_index(terms, int64_t, i), id))
      return false;
  return conn_run(conn, error, "INSERT OR IGNORE INTO sealed(term, id) VALUES(?, ?)", "ii",
                  TERM_DONE, id);
}

bool
store_seal_add(struct store *store, const char *key, const char *text, GError **error)
{
  g_autoptr(secret_t) secret = key_of(store);
  g_autofree char *folder = NULL, *base = NULL;
  int64_t id, done;
  if (secret == NULL)
    return error_set(error, POSTINO_ERROR_AUTH, _("the index of sealed letters is locked"));
  if (!key_split(key, &folder, &base))
    return error_set(error, POSTINO_ERROR_NOTFOUND, _("no such letter"));
  g_autoptr(GArray) terms = terms_of(secret, text, false);
  g_autoptr(conn_t) conn = conn_write(store, NULL, error);
  if (conn == NULL || !letter_find(conn, folder, base, &id, error) ||
      !conn_number(conn, &done, -1, error, "SELECT id FROM sealed WHERE term = ? AND id = ?", "ii",
                   TERM_DONE, id))
    return false;
  if (id == 0 || done == id)
    return true;
  return add_terms(conn, id, terms, error) && conn_commit(conn, error);
}

GStrv
store_seal_waiting(struct store *store, int64_t *before, guint limit, GError **error)
{
  g_autoptr(conn_t) conn = conn_read(store, NULL, error);
  if (conn == NULL)
    return NULL;
  auto_stmt *stmt = conn_query(conn, error,
                               "SELECT l.id, f.name, l.base FROM letter l JOIN folder f"
                               " ON f.id = l.folder WHERE l.id < ?1 AND (l.marks & 16) <> 0"
                               " AND NOT EXISTS (SELECT 1 FROM sealed s WHERE s.term = 0"
                               " AND s.id = l.id) ORDER BY l.id DESC LIMIT ?2",
                               "ii", *before, (int64_t)limit);
  G_STATIC_ASSERT(INDEX_SEALED == 16);
  g_autoptr(GPtrArray) keys = g_ptr_array_new_with_free_func(g_free);
  int step = stmt != NULL ? 1 : -1;
  while (step == 1 && (step = conn_step(conn, stmt, error)) == 1) {
    *before = sqlite3_column_int64(stmt, 0);
    g_ptr_array_add(keys, key_join(column_text(stmt, 1), column_text(stmt, 2)));
  }
  if (step != 0)
    return NULL;
  g_ptr_array_add(keys, NULL);
  return (GStrv)g_ptr_array_free(g_steal_pointer(&keys), FALSE);
}

bool
store_seal_forget(struct store *store, GError **error)
{
  int64_t any;
  {
    g_autoptr(conn_t) conn = conn_read(store, NULL, error);
    if (conn == NULL ||
        !conn_number(conn, &any, -1, error, "SELECT term FROM sealed LIMIT 1", ""))
      return false;
  }
  if (any < 0)
    return true;
  g_autoptr(conn_t) conn = conn_write(store, NULL, error);
  return conn != NULL && conn_run(conn, error, "DELETE FROM sealed", "") &&
         conn_commit(conn, error);
}

/* ---- finding ---- */

static bool
is_known(struct conn *conn, const GArray *terms)
{
  for (guint i = 0; i < terms->len; i++) {
    int64_t there;
    if (!conn_number(conn, &there, -1, NULL, "SELECT id FROM sealed WHERE term = ? LIMIT 1", "i",
                     g_array_index(terms, int64_t, i)) ||
        there < 0)
      return false;
  }
  return terms->len > 0;
}

static struct query *
query_of_term(int64_t term)
{
  struct query *query = g_new0(struct query, 1);
  query->kind = QUERY_SQL;
  query->sql = "l.id IN (SELECT id FROM sealed WHERE term = ?)";
  query->types = "i";
  query->from = term;
  return query;
}

static struct query *
query_of_kind(enum query_kind kind)
{
  struct query *query = g_new0(struct query, 1);
  query->kind = kind;
  query->children = g_ptr_array_new_with_free_func((GDestroyNotify)query_free);
  return query;
}

/* A word that no sealed letter has stays as it is, so that its letters still come as a
 * stream.  A phrase of several words becomes all of them: where they stood is not kept. */
static struct query *
unseal_word(struct query *word, struct conn *conn, const secret_t *key)
{
  bool body = word->column == NULL || strcmp(word->column, "body") == 0;
  g_autoptr(GArray) terms = body && !word->prefix ? terms_of(key, word->text, true) : NULL;
  if (terms == NULL || !is_known(conn, terms))
    return word;
  struct query *all = query_of_kind(QUERY_AND), *either = query_of_kind(QUERY_OR);
  for (guint i = 0; i < terms->len; i++)
    g_ptr_array_add(all->children, query_of_term(g_array_index(terms, int64_t, i)));
  g_ptr_array_add(either->children, word);
  g_ptr_array_add(either->children, all);
  return either;
}

static struct query *
unseal(struct query *query, struct conn *conn, const secret_t *key)
{
  if (query->kind == QUERY_TEXT)
    return unseal_word(query, conn, key);
  for (guint i = 0; query->children != NULL && i < query->children->len; i++)
    query->children->pdata[i] = unseal(query->children->pdata[i], conn, key);
  return query;
}

struct query *
query_unseal(struct query *query, struct store *store, struct conn *conn)
{
  g_autoptr(secret_t) key = key_of(store);
  return key != NULL ? unseal(query, conn, key) : query;
}

/* Letters put straight into the index, without children. */
#pragma once

#include "store/index-private.h"
#include "tests/unit/store/fixture.h"

/* Reads `text` as the reader child does and adds it to the index as FOLDER/BASE. */
static inline void
mirror_add(struct fixture *fixture, const char *folder, const char *base, unsigned flags,
           const char *tags, const char *text)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(index_doc_t) doc = index_message(text, strlen(text), 1800000000);
  g_autoptr(terms_t) terms = terms_new(doc, true);
  g_autoptr(conn_t) conn = conn_write(fixture->store, NULL, &error);
  /* Arrivals that have nothing to do with dates, and equal ones among them. */
  struct letter_file file = {base, flags != 0 ? ":2,S" : ":2,", false, flags,
                             1700000000 + g_str_hash(base) % 50};
  int64_t folder_id, id;
  if (conn == NULL || !letter_folder(conn, folder, &folder_id, &error) ||
      !letter_add(conn, folder_id, folder_is_sent(folder), &file, strlen(text), doc, tags, &id,
                  &error) ||
      id == 0 || !lists_add(conn, id, terms, &error) ||
      !letter_add_text(conn, id, terms, &error) || !conn_commit(conn, &error))
    fail_msg("%s", error->message);
}

/* The bases of the rows, space between. */
static inline char *
mirror_bases(GPtrArray *rows)
{
  GString *out = g_string_new(NULL);
  for (guint i = 0; i < rows->len; i++) {
    const struct row *row = rows->pdata[i];
    if (i > 0)
      g_string_append_c(out, ' ');
    g_string_append(out, strrchr(row->key, '/') + 1);
  }
  return g_string_free(out, FALSE);
}

static inline GPtrArray *
mirror_rows(struct fixture *fixture, const struct rows_query *query)
{
  g_autoptr(GError) error = NULL;
  GPtrArray *rows = store_rows(fixture->store, query, NULL, &error);
  if (rows == NULL)
    fail_msg("%s: %s", query->query, error->message);
  return rows;
}

/* So many letters are found, counted or listed by threads. */
static inline void
mirror_count(struct fixture *fixture, const char *query, const bool *found, guint n)
{
  guint64 wanted = 0, total;
  for (guint i = 0; i < n; i++)
    wanted += found[i];
  struct rows_query asked = {.query = query};
  struct rows_query threads = {.query = query, .order = ROWS_THREAD, .limit = 2 * n};
  assert_true(store_count(fixture->store, &asked, &total, NULL, NULL, NULL));
  assert_int_equal(total, wanted);
  g_autoptr(GPtrArray) rows = mirror_rows(fixture, &threads);
  assert_int_equal(rows->len, wanted);
}

#include <inttypes.h>

#include "store/view.h"

#include "tests/unit/store/live.h"

#define LETTERS 300
/* Words of each letter that no other has: all together more than starts are said by. */
#define OWN 5

static const char *const words[] = {"tra", "trafo", "trano", "te", "teso", "bo", "perche",
                                  "\346\235\261", "\344\272\254"};

static const char *
any_word(GRand *rand)
{
  return words[g_rand_int_range(rand, 0, G_N_ELEMENTS(words))];
}

static void
add_words(GRand *rand, GString *text, int n)
{
  while (n-- > 0)
    g_string_append_printf(text, "%s ", any_word(rand));
}

static void
letter_put(struct fixture *f, GRand *rand, guint i)
{
  g_autoptr(GString) body = g_string_new(NULL), subject = g_string_new(NULL);
  add_words(rand, subject, g_rand_int_range(rand, 1, 4));
  add_words(rand, body, g_rand_int_range(rand, 0, 6));
  for (guint own = 0; own < OWN; own++)
    g_string_append_printf(body, "w%u ", 1000 + i * OWN + own);
  add_words(rand, body, g_rand_int_range(rand, 0, 6));
  g_autofree char *coded = g_base64_encode((const guchar *)subject->str, subject->len);
  g_autofree char *text = g_strdup_printf(
      "Date: 1 Jan 2024 %02u:%02u:00 +0000\nFrom: %s <p%u@x.example>\nMIME-Version: 1.0\n"
      "Subject: =?utf-8?b?%s?=\nContent-Type: text/%s; charset=utf-8\n\n%s%s\n", i / 60, i % 60,
      any_word(rand), i % 7, coded, i % 3 == 0 ? "html" : "plain", i % 3 == 0 ? "<p>" : "", body->str);
  g_autofree char *name = g_strdup_printf("%s/%s/n%u%s", i % 9 == 0 ? "Few" : "Many",
                                          i % 4 == 0 ? "new" : "cur", i,
                                          i % 4 == 0 ? "" : i % 5 == 0 ? ":2," : ":2,S");
  live_folder(f, i % 9 == 0 ? "Few" : "Many");
  fixture_write(f, name, text, -1);
}

static void
fill(struct fixture *f)
{
  g_autoptr(GRand) rand = g_rand_new_with_seed(3);
  for (guint i = 0; i < LETTERS; i++)
    letter_put(f, rand, i);
  assert_true(live_refresh(f));
  lists_trim(f->store, 0, 1);
}

/* ---- the table and the letters find the same ---- */

static void
add_term(GRand *rand, GString *text)
{
  static const char *const terms[] = {
      "w*", "w1*", "w11*", "t*", "tra*", "traf*", "p*", "zz*", "\346\235\261*", "perche", "te", "bo",
      "zibibbo", "in:Few", "is:unread", "\"tra te\"", "\"bo tra\"*", "\"te w\"*", "subject:tra*",
      "from:p3@x.example", "from:t*", "body:\"te te\"", "\346\235\261\344\272\254", "subject:w*"};
  g_string_append_printf(text, " %s%s", g_rand_int_range(rand, 0, 4) == 0 ? "-" : "",
                         terms[g_rand_int_range(rand, 0, G_N_ELEMENTS(terms))]);
}

static char *
any_query(GRand *rand)
{
  GString *text = g_string_new(NULL);
  for (int n = g_rand_int_range(rand, 1, 4); n > 0; n--)
    add_term(rand, text);
  if (g_rand_int_range(rand, 0, 4) == 0) {
    g_string_append(text, " (");
    add_term(rand, text);
    g_string_append(text, " or");
    add_term(rand, text);
    g_string_append_c(text, ')');
  }
  return g_string_free(text, FALSE);
}

/* All pages of a query. */
static char *
found_by(struct fixture *f, const char *folder, const char *query)
{
  g_autoptr(GString) keys = g_string_new(NULL);
  g_autoptr(GPtrArray) before = NULL;
  struct rows_query asked = {.folder = folder, .query = query, .limit = 23};
  for (;;) {
    g_autoptr(GPtrArray) rows = mirror_rows(f, &asked);
    for (guint i = 0; i < rows->len; i++)
      g_string_append_printf(keys, "%s ", ((struct row *)rows->pdata[i])->key);
    if (rows->len < asked.limit)
      return g_string_free(g_steal_pointer(&keys), FALSE);
    g_clear_pointer(&before, g_ptr_array_unref);
    before = g_steal_pointer(&rows);
    asked.after = before->pdata[before->len - 1];
  }
}

/* What goes through all that there is: counts, places, other orders. */
static char *
whole_by(struct fixture *f, const char *folder, const char *query)
{
  g_autoptr(GString) all = g_string_new(NULL);
  static const enum rows_order orders[] = {ROWS_OLDEST, ROWS_SUBJECT, ROWS_THREAD};
  struct rows_query asked = {.folder = folder, .query = query, .limit = 2 * LETTERS};
  guint64 total = 0, unread = 0;
  assert_true(store_count(f->store, &asked, &total, &unread, NULL, NULL));
  g_string_append_printf(all, "%" PRIu64 " %" PRIu64, total, unread);
  for (gsize i = 0; i < G_N_ELEMENTS(orders); i++) {
    asked.order = orders[i];
    g_autoptr(GPtrArray) rows = mirror_rows(f, &asked);
    g_autofree char *bases = mirror_bases(rows);
    g_string_append_printf(all, "; %s", bases);
    if (rows->len == 0)
      continue;
    struct rows_query place = {.folder = folder, .query = query, .after = rows->pdata[rows->len / 2]};
    guint64 before = 0, of = 0;
    assert_true(store_place(f->store, &place, &before, &of, NULL, NULL));
    g_string_append_printf(all, " at %" PRIu64 " of %" PRIu64, before, of);
  }
  return g_string_free(g_steal_pointer(&all), FALSE);
}

static void
check_same(struct fixture *f, const char *folder, const char *query,
           char *(*ask)(struct fixture *f, const char *folder, const char *query))
{
  g_autofree char *read = ask(f, folder, query);
  struct reader_pool *readers = f->store->readers;
  f->store->readers = NULL;
  g_autofree char *told = ask(f, folder, query);
  f->store->readers = readers;
  if (strcmp(read, told) != 0)
    fail_msg("%s: the letters say %s, the table %s", query, read, told);
}

static void
check_queries(struct fixture *f, GRand *rand, guint queries)
{
  check_same(f, "Few", "-te -\"tra te\"", found_by);
  for (guint n = 0; n < queries; n++) {
    g_autofree char *query = any_query(rand);
    check_same(f, n % 3 == 0 ? "Few" : NULL, query, found_by);
    if (n % 4 == 0)
      check_same(f, n % 8 == 0 ? "Few" : NULL, query, whole_by);
  }
}

static void
the_letters_and_the_table_find_the_same(void **state)
{
  struct fixture *f = *state;
  g_autoptr(GError) error = NULL;
  g_autoptr(GRand) rand = g_rand_new_with_seed(9);
  fill(f);
  check_queries(f, rand, 120);
  /* Where a letter waits for its words, what has no word is said in another way. */
  g_autoptr(conn_t) conn = conn_write(f->store, NULL, &error);
  live_check(conn != NULL &&
                 conn_run(conn, &error, "UPDATE letter SET texted = 0 WHERE id % 9 = 0", "") &&
                 conn_commit(conn, &error), error);
  g_clear_pointer(&conn, conn_release);
  check_queries(f, rand, 80);
}

/* ---- when letters are read ---- */

/* What reading instead of a merge adds to a page, and whether that is all of it; whether few
 * were read. */
static guint
rows_read(struct fixture *f, const char *folder, const char *query, bool *few_out, bool *done_out)
{
  g_autoptr(GError) error = NULL;
  g_auto(view_t) view = {0};
  struct rows_query asked = {.folder = folder, .query = query};
  g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func((GDestroyNotify)row_free);
  struct gathering page = {.rows = rows};
  if (!view_open(&view, f->store, &asked, NULL, &error) ||
      !query_expand(view.query, view.conn, 1000, &error) ||
      !view_read_instead(&view, "", 50, &page, &error))
    fail_msg("%s: %s", query, error->message);
  *few_out = view.read;
  *done_out = page.done;
  return rows->len;
}

static void
letters_are_read_where_they_are_few_or_a_merge_is_long(void **state)
{
  struct fixture *f = *state;
  static const struct { const char *folder, *query; bool few, instead; } samples[] = {
      {"Few", "w*", true, true},        {NULL, "w* in:Few", true, true},
      {"Few", "\"tra te\"", true, false}, {"Few", "tra*", true, false},
      {"Few", "tra", false, false},     {NULL, "tra*", false, false},
      {"Many", "tra*", false, false},   {NULL, "\"tra te\"", false, false},
      {NULL, "w*", false, true},        {"Many", "w* te", false, true},
      {NULL, "is:unread", false, false}, {NULL, "-tra* is:flagged", true, false},
  };
  fill(f);
  for (gsize i = 0; i < G_N_ELEMENTS(samples); i++) {
    bool few, instead;
    rows_read(f, samples[i].folder, samples[i].query, &few, &instead);
    if (few != samples[i].few || instead != samples[i].instead)
      fail_msg("%s: %s, %s", samples[i].query, few ? "few are read" : "not as few",
               instead ? "read instead of a merge" : "merged");
  }
  /* What hardly any letter has is given up. */
  bool few, done;
  assert_int_equal(rows_read(f, NULL, "zz -w*", &few, &done), 0);
  assert_true(done);
}

/* Of a letter that another program took away or renamed meanwhile the table tells. */
static void
letters_that_vanish_and_long_ones_are_no_error(void **state)
{
  struct fixture *f = *state;
  fill(f);
  bool read, done;
  struct rows_query few = {.folder = "Few", .query = "w*", .limit = 90};
  g_autoptr(GPtrArray) before = mirror_rows(f, &few);
  live_rename(f, "Few/new/n0", "Few/cur/n0:2,S");
  rows_read(f, "Few", "w*", &read, &done);
  assert_false(read);
  g_autoptr(GPtrArray) after = mirror_rows(f, &few);
  assert_int_equal(after->len, before->len);
  assert_true(live_refresh(f));
  rows_read(f, "Few", "w*", &read, &done);
  assert_true(read);
  /* So many bytes are not read for a search: the table tells. */
  g_autoptr(GString) text = g_string_new("Subject: long\n\n");
  while (text->len < 9 << 20)
    g_string_append(text, "wlong wlonger and so on, line after line\n");
  live_folder(f, "Few");
  fixture_write(f, "Few/cur/long:2,", text->str, (gssize)text->len);
  assert_true(live_refresh(f));
  rows_read(f, "Few", "w*", &read, &done);
  assert_false(read);
  struct rows_query asked = {.folder = "Few", .query = "\"wlonger and so\"", .limit = 9};
  g_autoptr(GPtrArray) rows = mirror_rows(f, &asked);
  assert_int_equal(rows->len, 1);
}

static void
a_stopped_reading_says_so(void **state)
{
  struct fixture *f = *state;
  g_autoptr(GError) error = NULL;
  g_autoptr(GCancellable) cancel = g_cancellable_new();
  fill(f);
  struct rows_query asked = {.folder = "Few", .query = "\"tra te\"", .limit = 9};
  g_cancellable_cancel(cancel);
  assert_null(store_rows(f->store, &asked, cancel, &error));
  assert_int_equal(error->code, POSTINO_ERROR_CANCELLED);
}

int
main(void)
{
  g_setenv("TZ", "UTC", TRUE);
  const struct CMUnitTest tests[] = {
      live_test(the_letters_and_the_table_find_the_same),
      live_test(letters_are_read_where_they_are_few_or_a_merge_is_long),
      live_test(letters_that_vanish_and_long_ones_are_no_error),
      live_test(a_stopped_reading_says_so),
  };
  return cmocka_run_group_tests(tests, live_start, live_stop);
}

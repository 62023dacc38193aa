#include "tests/unit/store/mirror.h"

#define LETTERS 240

/* A small world with equal dates, senders, subjects and sizes in it. */
static void
fill(struct fixture *f, GRand *rand)
{
  static const char *const folders[] = {"Inbox", "Archive", "Lists/a"};
  for (int i = 0; i < LETTERS; i++) {
    g_autoptr(GDateTime) time =
        g_date_time_new_from_unix_utc(1700000000 + g_rand_int_range(rand, 0, 60));
    g_autofree char *stamp = g_date_time_format(time, "%d %b %Y %H:%M:%S +0000");
    g_autofree char *refs = g_rand_int_range(rand, 0, 2) == 0 ? g_strdup("")
                            : g_strdup_printf("References: <%d@t>\n",
                                              g_rand_int_range(rand, 0, LETTERS));
    g_autofree char *text = g_strdup_printf(
        "From: s%d@x.example\nSubject: %s%c\nDate: %s\nMessage-ID: <%d@t>\n%s\n%.*s word%d\n",
        g_rand_int_range(rand, 0, 9), g_rand_boolean(rand) ? "Re: " : "",
        'a' + g_rand_int_range(rand, 0, 20), stamp, i, refs, g_rand_int_range(rand, 0, 5),
        "aaaaaa", i % 3);
    g_autofree char *base = g_strdup_printf("l%d", i);
    mirror_add(f, folders[g_rand_int_range(rand, 0, 3)], base,
               g_rand_int_range(rand, 0, 3) == 0 ? 0 : ROW_SEEN, NULL, text);
  }
}

static int
open_filled(void **state)
{
  fixture_open(state);
  g_autoptr(GRand) rand = g_rand_new_with_seed(7);
  fill(*state, rand);
  return 0;
}

static void
assert_same_rows(GPtrArray *a, GPtrArray *b)
{
  g_autofree char *one = mirror_bases(a), *two = mirror_bases(b);
  assert_string_equal(one, two);
}

/* Pages one way, joined, are the whole. */
static void
page_through(struct fixture *f, const struct rows_query *whole, bool backwards, guint limit)
{
  g_autoptr(GPtrArray) all = mirror_rows(f, whole);
  g_autoptr(GPtrArray) seen = g_ptr_array_new_with_free_func((GDestroyNotify)row_free);
  struct rows_query asked = *whole;
  asked.backwards = backwards;
  asked.limit = limit;
  for (;;) {
    g_autoptr(GPtrArray) page = mirror_rows(f, &asked);
    guint got = page->len;
    assert_true(got <= limit);
    for (guint i = 0; i < got; i++) {
      void *row = g_ptr_array_steal_index(page, backwards ? page->len - 1 : 0);
      g_ptr_array_add(seen, row);
    }
    if (got < limit)
      break;
    asked.after = seen->pdata[seen->len - 1];
  }
  if (backwards) {
    g_autoptr(GPtrArray) turned = g_ptr_array_new();
    for (guint i = seen->len; i-- > 0;)
      g_ptr_array_add(turned, seen->pdata[i]);
    assert_same_rows(turned, all);
  } else {
    assert_same_rows(seen, all);
  }
}

static void
pages_both_ways_make_the_whole_in_each_order(void **state)
{
  static const char *const folders[] = {NULL, "Inbox"};
  static const char *const queries[] = {NULL, "word1", "is:unread", "word1 or is:unread"};
  for (size_t i = 0; i < G_N_ELEMENTS(folders); i++)
    for (size_t j = 0; j < G_N_ELEMENTS(queries); j++)
      for (int order = ROWS_NEWEST; order <= ROWS_THREAD; order++) {
        struct rows_query whole = {.folder = folders[i], .query = queries[j], .order = order,
                                   .limit = 10000};
        page_through(*state, &whole, false, 7);
        page_through(*state, &whole, true, 7);
      }
}

static int
compare_by(const struct row *a, const struct row *b, enum rows_order order)
{
  switch (order) {
  case ROWS_NEWEST:
    return a->id > b->id ? -1 : 1;
  case ROWS_OLDEST:
    return a->id < b->id ? -1 : 1;
  case ROWS_SIZE:
    return a->size != b->size ? (a->size > b->size ? -1 : 1) : -1;
  case ROWS_ARRIVAL:
    return a->arrival != b->arrival ? (a->arrival > b->arrival ? -1 : 1) : -1;
  case ROWS_FROM: {
    int way = strcmp(a->from, b->from);
    return way != 0 ? way : -1;
  }
  case ROWS_SUBJECT: {
    g_autofree char *one = sort_key_subject(a->subject, NULL);
    g_autofree char *two = sort_key_subject(b->subject, NULL);
    return strcmp(one, two) > 0 ? 1 : -1;
  }
  case ROWS_THREAD:
  default:
    return -1;
  }
}

static void
rows_come_in_their_order(void **state)
{
  for (int order = ROWS_NEWEST; order <= ROWS_THREAD; order++) {
    struct rows_query whole = {.folder = "Inbox", .order = order, .limit = 10000};
    g_autoptr(GPtrArray) rows = mirror_rows(*state, &whole);
    assert_true(rows->len > 50);
    for (guint i = 1; i < rows->len; i++)
      assert_true(compare_by(rows->pdata[i - 1], rows->pdata[i], order) < 0);
  }
}

/* The next unread of each row is what a walk finds. */
static void
next_unread_is_the_nearest(void **state)
{
  struct fixture *f = *state;
  for (int order = ROWS_NEWEST; order <= ROWS_THREAD; order++)
    for (int way = 0; way < 2; way++) {
      struct rows_query asked = {.folder = "Inbox", .order = order, .limit = 10000};
      g_autoptr(GPtrArray) rows = mirror_rows(f, &asked);
      asked.backwards = way == 1;
      for (guint i = 0; i < rows->len; i += 5) {
        const struct row *nearest = NULL;
        for (guint at = i; nearest == NULL && (way == 1 ? at-- > 0 : ++at < rows->len);)
          if ((((struct row *)rows->pdata[at])->flags & ROW_SEEN) == 0)
            nearest = rows->pdata[at];
        asked.after = rows->pdata[i];
        g_autoptr(GError) error = NULL;
        g_autoptr(row_t) found = store_next_unread(f->store, &asked, &error);
        assert_null(error);
        if (nearest == NULL)
          assert_null(found);
        else
          assert_string_equal(found != NULL ? found->key : "none", nearest->key);
      }
    }
}

static void
one_row_is_found_by_key_path_and_id(void **state)
{
  struct fixture *f = *state;
  mirror_add(f, "Inbox", "100.x", ROW_SEEN, "todo work",
             "From: A <a@b.example>\nTo: c@d.example\nSubject: =?utf-8?Q?caff=C3=A8?=\n"
             "Message-ID: <one@two>\nDate: 1 Jan 2026 00:00:00 +0000\n\nhi\n");
  g_autoptr(GError) error = NULL;
  g_autoptr(row_t) row = store_row(f->store, "Inbox/100.x", &error);
  assert_non_null(row);
  assert_string_equal(row->from, "A <a@b.example>");
  assert_string_equal(row->subject, "caffè");
  assert_string_equal(row->tags, "todo work");
  assert_string_equal(row->message_id, "one@two");
  assert_int_equal(row->date, 1767225600);
  assert_int_equal(row->flags, ROW_SEEN);
  g_autofree char *path = g_build_filename(f->dir, "Inbox/cur/100.x:2,S", NULL);
  assert_string_equal(row->path, path);
  g_autofree char *renamed = g_build_filename(f->dir, "Inbox/cur/100.x:2,RS", NULL);
  g_autoptr(row_t) by_path = store_row_by_path(f->store, renamed, &error);
  assert_string_equal(by_path->key, "Inbox/100.x");
  g_autoptr(row_t) by_id = store_row_by_id(f->store, "<one@two>", &error);
  assert_string_equal(by_id->key, "Inbox/100.x");
  assert_null(store_row_by_id(f->store, "nobody@nowhere", &error));
  assert_true(error_is(error, POSTINO_ERROR_NOTFOUND));
  assert_non_null(strstr(error->message, "nobody@nowhere"));
  assert_null(store_row(f->store, "../x", NULL));
  assert_null(store_row_by_path(f->store, "/etc/passwd", NULL));
  g_autofree char *key = index_find_base(f->store, "100.x");
  assert_string_equal(key, "Inbox/100.x");
  assert_null(index_find_base(f->store, "101.x"));
}

static void
a_folder_that_is_not_there_is_said(void **state)
{
  struct fixture *f = *state;
  struct rows_query asked = {.folder = "Nowhere", .limit = 5};
  g_autoptr(GError) error = NULL;
  assert_null(store_rows(f->store, &asked, NULL, &error));
  assert_true(error_is(error, POSTINO_ERROR_NOTFOUND));
  assert_true(store_make_folder(f->store, "Nowhere", NULL));
  g_autoptr(GPtrArray) rows = store_rows(f->store, &asked, NULL, NULL);
  assert_int_equal(rows->len, 0);
}

/* Random changes, then everything that is kept equals what is counted. */
static void
assert_kept(struct fixture *f, const char *sql)
{
  g_autoptr(conn_t) conn = conn_read(f->store, NULL, NULL);
  int64_t wrong;
  g_autoptr(GError) error = NULL;
  if (!conn_number(conn, &wrong, 0, &error, sql, ""))
    fail_msg("%s", error->message);
  if (wrong != 0)
    fail_msg("%d rows of %s", (int)wrong, sql);
}

static void
what_is_kept_equals_what_is_counted(void **state)
{
  struct fixture *f = *state;
  static const char *const folders[] = {"Inbox", "Archive", "Lists/a", "New"};
  g_autoptr(GRand) rand = g_rand_new_with_seed(11);
  for (int i = 0; i < 300; i++) {
    g_autofree char *base = g_strdup_printf("l%d", g_rand_int_range(rand, 0, LETTERS));
    g_autofree char *key = index_find_base(f->store, base);
    if (key == NULL)
      continue;
    if (g_rand_int_range(rand, 0, 4) == 0) {
      index_removed(f->store, key);
      continue;
    }
    const char *folder = folders[g_rand_int_range(rand, 0, 4)];
    unsigned flags = g_rand_boolean(rand) ? ROW_SEEN : 0;
    g_autofree char *to = key_join(folder, base);
    g_autofree char *name = maildir_name(base, flags);
    g_autofree char *path = g_build_filename(f->dir, folder, "cur", name, NULL);
    index_moved(f->store, key, to, path, flags);
    index_tagged(f->store, to, g_rand_boolean(rand) ? "a b" : NULL);
  }
  assert_kept(f, "SELECT count(*) FROM folder f WHERE total <> (SELECT count(*) FROM letter WHERE"
                 " folder = f.id) OR unread <> (SELECT count(*) FROM letter WHERE folder = f.id"
                 " AND (flags & 1) = 0)");
  assert_kept(f, "SELECT count(*) FROM newest n WHERE id IS NOT (SELECT max(id) FROM letter WHERE"
                 " thread = n.thread AND (n.folder = 0 OR folder = n.folder))");
  assert_kept(f, "SELECT count(*) FROM letter l WHERE NOT EXISTS (SELECT 1 FROM newest WHERE"
                 " thread = l.thread AND folder = l.folder) OR NOT EXISTS (SELECT 1 FROM newest"
                 " WHERE thread = l.thread AND folder = 0)");
  assert_kept(f, "SELECT count(*) FROM ref WHERE thread NOT IN (SELECT thread FROM letter)");
  assert_kept(f, "SELECT count(*) FROM tag WHERE id NOT IN (SELECT id FROM letter WHERE tags ="
                 " 'a b')");
  page_through(f, &(struct rows_query){.order = ROWS_THREAD, .limit = 10000}, false, 9);
}

static void
ids_of_the_dead_are_not_given_again(void **state)
{
  struct fixture *f = *state;
  const char *const text = "Date: 1 Jan 2026 00:00:00 +0000\nSubject: old\n\nunicorn\n";
  mirror_add(f, "Inbox", "one", 0, NULL, text);
  index_removed(f->store, "Inbox/one");
  mirror_add(f, "Inbox", "two", 0, NULL, "Date: 1 Jan 2026 00:00:00 +0000\nSubject: s\n\nhorse\n");
  struct rows_query asked = {.query = "unicorn", .limit = 5};
  g_autoptr(GPtrArray) rows = mirror_rows(f, &asked);
  assert_int_equal(rows->len, 0);
}

#define filled_test(function) cmocka_unit_test_setup_teardown(function, open_filled, fixture_close)

int
main(void)
{
  const struct CMUnitTest tests[] = {
      filled_test(pages_both_ways_make_the_whole_in_each_order),
      filled_test(rows_come_in_their_order),
      filled_test(next_unread_is_the_nearest),
      fixture_test(one_row_is_found_by_key_path_and_id),
      fixture_test(a_folder_that_is_not_there_is_said),
      filled_test(what_is_kept_equals_what_is_counted),
      fixture_test(ids_of_the_dead_are_not_given_again),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

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
by_number(int64_t a, int64_t b)
{
  return (a > b) - (a < b);
}

/* What the rows are sorted by, and by age where that is equal; falling orders turn both. */
static int
compare_by(const struct row *a, const struct row *b, enum rows_order order)
{
  int way = 0, age = by_number(a->id, b->id);
  if (order == ROWS_SIZE)
    way = by_number((int64_t)a->size, (int64_t)b->size);
  else if (order == ROWS_ARRIVAL)
    way = by_number(a->arrival, b->arrival);
  else if (order == ROWS_FROM)
    way = strcmp(a->from, b->from);
  else if (order == ROWS_SUBJECT) {
    g_autofree char *one = sort_key_subject(a->subject, NULL);
    g_autofree char *two = sort_key_subject(b->subject, NULL);
    way = strcmp(one, two);
  }
  bool falls = order == ROWS_NEWEST || order == ROWS_SIZE || order == ROWS_ARRIVAL;
  way = way != 0 ? way : age;
  return falls ? -way : way;
}

static void
rows_come_in_their_order(void **state)
{
  static const char *const folders[] = {"Inbox", NULL}, *const queries[] = {NULL, "word1", "is:read"};
  for (size_t i = 0; i < G_N_ELEMENTS(folders); i++)
    for (size_t j = 0; j < G_N_ELEMENTS(queries); j++)
      for (int order = ROWS_NEWEST; order < ROWS_THREAD; order++) {
        struct rows_query whole = {.folder = folders[i], .query = queries[j], .order = order,
                                   .limit = 10000};
        g_autoptr(GPtrArray) rows = mirror_rows(*state, &whole);
        assert_true(rows->len > 15);
        for (guint at = 1; at < rows->len; at++)
          assert_true(compare_by(rows->pdata[at - 1], rows->pdata[at], order) < 0);
      }
}

/* Whole threads, that with the newest letter first. */
static void
threads_come_by_their_newest_letter(void **state)
{
  static const char *const folders[] = {"Inbox", NULL}, *const queries[] = {NULL, "word1"};
  for (size_t i = 0; i < G_N_ELEMENTS(folders); i++)
    for (size_t j = 0; j < G_N_ELEMENTS(queries); j++) {
      struct rows_query whole = {.folder = folders[i], .query = queries[j], .order = ROWS_THREAD,
                                 .limit = 10000};
      g_autoptr(GPtrArray) rows = mirror_rows(*state, &whole);
      g_autoptr(GHashTable) ended = g_hash_table_new(g_int64_hash, g_int64_equal);
      int64_t before = INT64_MAX;
      guint threads = 0;
      for (guint at = 0; at < rows->len; threads++) {
        const struct row *first = rows->pdata[at];
        int64_t newest = 0;
        assert_true(g_hash_table_add(ended, (gpointer)&first->thread));
        for (; at < rows->len && ((struct row *)rows->pdata[at])->thread == first->thread; at++)
          newest = MAX(newest, ((struct row *)rows->pdata[at])->id);
        assert_true(newest < before);
        before = newest;
      }
      assert_true(threads > 10 && threads < rows->len);
    }
}

static guint64
place_of(struct fixture *f, struct rows_query asked, const struct row *row, guint64 *all_out)
{
  g_autoptr(GError) error = NULL;
  guint64 before;
  asked.after = row;
  if (!store_place(f->store, &asked, &before, all_out, NULL, &error))
    fail_msg("%s", error->message);
  return before;
}

static GPtrArray *
row_at(struct fixture *f, const struct rows_query *asked, guint64 n, guint64 of)
{
  g_autoptr(GError) error = NULL;
  GPtrArray *row = store_row_at(f->store, asked, n, of, NULL, &error);
  if (row == NULL)
    fail_msg("%s", error->message);
  return row;
}

static void
every_row_is_found_by_its_number(struct fixture *f, const struct rows_query *asked)
{
  g_autoptr(GPtrArray) all = mirror_rows(f, asked);
  for (guint n = 0; n <= all->len; n += MAX(all->len / 5, 1)) {
    g_autoptr(GPtrArray) there = row_at(f, asked, n, all->len);
    guint64 none;
    assert_int_equal(there->len, n < all->len);
    if (n == all->len)
      break;
    assert_string_equal(((struct row *)there->pdata[0])->key, ((struct row *)all->pdata[n])->key);
    assert_int_equal(place_of(f, *asked, all->pdata[n], &none), n);
    assert_int_equal(none, 0);
  }
}

/* Of a thread, as the store tells places in it. */
#define PARTS 1000

static guint
thread_length(const GPtrArray *all, guint at)
{
  guint end = at;
  while (end < all->len &&
         ((struct row *)all->pdata[end])->thread == ((struct row *)all->pdata[at])->thread)
    end++;
  return end - at;
}

/* One part of the way after the other, and of each thread its letters. */
static void
every_thread_is_found_by_its_part(struct fixture *f, const struct rows_query *asked)
{
  g_autoptr(GPtrArray) all = mirror_rows(f, asked);
  guint64 threads;
  assert_int_equal(place_of(f, *asked, all->pdata[0], &threads), 0);
  assert_int_equal(threads % PARTS, 0);
  threads /= PARTS;
  guint at = 0;
  for (guint64 n = 0; n < threads; n++) {
    guint length = thread_length(all, at);
    for (guint i = 0; i < length; i++) {
      g_autoptr(GPtrArray) there = row_at(f, asked, n * length + i, threads * length);
      const struct row *wanted = all->pdata[at + i];
      guint64 same;
      assert_string_equal(((struct row *)there->pdata[0])->key, wanted->key);
      assert_int_equal(place_of(f, *asked, wanted, &same), n * PARTS + i * PARTS / length);
      assert_int_equal(same, threads * PARTS);
    }
    at += length;
  }
  assert_int_equal(at, all->len);
  g_autoptr(GPtrArray) behind = row_at(f, asked, threads, threads);
  assert_int_equal(behind->len, 0);
}

static void
places_are_numbers_on_the_way(void **state)
{
  static const char *const folders[] = {NULL, "Inbox"}, *const queries[] = {NULL, "word1"};
  for (size_t i = 0; i < G_N_ELEMENTS(folders); i++)
    for (size_t j = 0; j < G_N_ELEMENTS(queries); j++)
      for (int order = ROWS_NEWEST; order <= ROWS_THREAD; order++) {
        struct rows_query whole = {.folder = folders[i], .query = queries[j], .order = order,
                                   .limit = 10000};
        if (order == ROWS_THREAD)
          every_thread_is_found_by_its_part(*state, &whole);
        else
          every_row_is_found_by_its_number(*state, &whole);
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
      filled_test(threads_come_by_their_newest_letter),
      filled_test(places_are_numbers_on_the_way),
      filled_test(next_unread_is_the_nearest),
      fixture_test(one_row_is_found_by_key_path_and_id),
      fixture_test(a_folder_that_is_not_there_is_said),
      filled_test(what_is_kept_equals_what_is_counted),
      fixture_test(ids_of_the_dead_are_not_given_again),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

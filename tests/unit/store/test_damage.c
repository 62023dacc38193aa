/* The index broken in every way: it is made anew, told of, and right afterwards.
 * POSTINO_ALL_FAULTS breaks it at more places. */
#include <sys/stat.h>

#include "tests/unit/store/live.h"

#define LETTERS 120

static char *
index_path_of(const struct fixture *f)
{
  return live_path(f, ".postino/index.db");
}

static void
fill(struct fixture *f)
{
  for (int i = 0; i < LETTERS; i++) {
    g_autofree char *name = g_strdup_printf("%s/cur/%d.x:2,%s", i % 3 ? "Inbox" : "Archive",
                                            1700000000 + i, i % 2 ? "S" : "");
    g_autofree char *subject = g_strdup_printf("s%d", i);
    live_put(f, name, subject, "boat kettle lamp");
  }
  live_refresh(f);
}

static void
close_whole(struct fixture *f)
{
  g_autofree char *path = index_path_of(f), *log = g_strconcat(path, "-wal", NULL);
  g_autofree char *shared = g_strconcat(path, "-shm", NULL);
  store_close(g_steal_pointer(&f->store));
  /* The log is brought home first, so that the damage is what is read. */
  sqlite3 *db = NULL;
  assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
  sqlite3_exec(db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL);
  sqlite3_close(db);
  unlink(log);
  unlink(shared);
}

/* What the user would do: look at everything, once more when damage is said. */
static bool
looks_right(struct fixture *f)
{
  struct rows_query asked[] = {
      {.folder = "Inbox", .order = ROWS_NEWEST, .limit = 1000},
      {.folder = "Archive", .order = ROWS_THREAD, .limit = 1000},
      {.query = "kettle", .limit = 1000},
      {.folder = "Inbox", .query = "is:unread lamp", .order = ROWS_FROM, .limit = 1000},
  };
  static const guint wanted[] = {LETTERS / 3 * 2, LETTERS / 3, LETTERS, LETTERS / 3};
  for (size_t i = 0; i < G_N_ELEMENTS(asked); i++) {
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) rows = store_rows(f->store, &asked[i], NULL, &error);
    if (rows == NULL) {
      if (!index_is_broken(f->store))
        fail_msg("%s", error->message);
      return false;
    }
    if (rows->len != wanted[i])
      fail_msg("%u rows of %s", rows->len, asked[i].query != NULL ? asked[i].query : asked[i].folder);
  }
  return true;
}

struct told { guint64 most; };

static void
note_progress(const struct store_progress *progress, void *data)
{
  struct told *told = data;
  told->most = MAX(told->most, progress->done);
}

/* Opens what lies there; true: it was made anew. */
static bool
come_right(struct fixture *f)
{
  struct told told = {0};
  live_reopen(f);
  for (int look = 0; look < 4; look++) {
    g_autoptr(GError) error = NULL;
    live_check(store_refresh(f->store, note_progress, &told, NULL, NULL, &error), error);
    if (looks_right(f))
      break;
    assert_true(look < 3);
  }
  assert_true(looks_right(f));
  store_close(g_steal_pointer(&f->store));
  return told.most == LETTERS;
}

static void
put_back(struct fixture *f, const char *bytes, gsize length)
{
  g_autofree char *path = index_path_of(f);
  assert_true(g_file_set_contents(path, bytes, (gssize)length, NULL));
}

static char *
whole_index(struct fixture *f, gsize *length)
{
  g_autofree char *path = index_path_of(f);
  char *bytes = NULL;
  fill(f);
  close_whole(f);
  assert_true(g_file_get_contents(path, &bytes, length, NULL));
  return bytes;
}

static void
an_index_cut_anywhere_is_made_anew(void **state)
{
  struct fixture *f = *state;
  gsize length;
  g_autofree char *bytes = whole_index(f, &length);
  const gsize cuts[] = {0, 1, 99, 100, 1000, 4096, 4097, 12288, length / 4, length / 2,
                        length - 4096, length - 8192};
  for (size_t i = 0; i < G_N_ELEMENTS(cuts); i++) {
    put_back(f, bytes, cuts[i]);
    assert_true(come_right(f));
    close_whole(f);
  }
  put_back(f, bytes, length);
  assert_false(come_right(f));
}

/* Pages in which every byte is another one, one after the other. */
static void
an_index_with_a_broken_page_comes_right(void **state)
{
  struct fixture *f = *state;
  gsize length;
  g_autofree char *bytes = whole_index(f, &length);
  gsize pages = length / 4096, step = g_getenv("POSTINO_ALL_FAULTS") != NULL ? 1 : MAX(pages / 24, 1);
  guint anew = 0;
  for (gsize page = 0; page < pages; page += step) {
    g_autofree char *broken = g_memdup2(bytes, length);
    for (gsize at = page * 4096; at < (page + 1) * 4096; at++)
      broken[at] = (char)(broken[at] ^ 0xa5);
    put_back(f, broken, length);
    anew += come_right(f);
    close_whole(f);
  }
  assert_true(anew > 4);
}

/* Single bytes in the heads of pages, where the tree's shape is kept. */
static void
an_index_with_flipped_bytes_comes_right(void **state)
{
  struct fixture *f = *state;
  gsize length;
  g_autofree char *bytes = whole_index(f, &length);
  gsize pages = length / 4096, step = g_getenv("POSTINO_ALL_FAULTS") != NULL ? 1 : MAX(pages / 12, 1);
  for (gsize page = 0; page < pages; page += step)
    for (gsize in = 0; in < 12; in += 5) {
      gsize at = page * 4096 + in;
      g_autofree char *broken = g_memdup2(bytes, length);
      broken[at] = (char)(broken[at] ^ 0xff);
      put_back(f, broken, length);
      come_right(f);
      close_whole(f);
    }
}

/* Bytes that no sum protects may be wrong unseen; whatever is asked then, it answers or says
 * that it is damaged, and ends. */
static void
ask_all(struct fixture *f)
{
  static const char *const queries[] = {NULL, "kettle", "ket*", "is:unread lamp", "from:tom s7",
                                        "not boat", "subject:s1*"};
  for (size_t i = 0; i < G_N_ELEMENTS(queries); i++)
    for (int order = ROWS_NEWEST; order <= ROWS_THREAD; order++) {
      struct rows_query asked = {.folder = i % 2 ? NULL : "Inbox", .query = queries[i],
                                 .order = (enum rows_order)order, .limit = 50};
      g_autoptr(GPtrArray) rows = store_rows(f->store, &asked, NULL, NULL);
      if (rows != NULL)
        assert_true(rows->len <= 50);
    }
}

static void
damage_at_random(struct fixture *f, GRand *rand, const char *bytes, gsize length)
{
  g_autofree char *broken = g_memdup2(bytes, length);
  gint32 places = g_rand_int_range(rand, 1, 60), longest = g_rand_boolean(rand) ? 2 : 4096;
  for (gint32 i = 0; i < places; i++) {
    gsize at = (gsize)g_rand_int_range(rand, 0, (gint32)length);
    for (gsize n = (gsize)g_rand_int_range(rand, 1, longest); n > 0 && at < length; n--)
      broken[at++] = (char)g_rand_int(rand);
  }
  if (g_rand_int_range(rand, 0, 4) == 0)
    length = (gsize)g_rand_int_range(rand, 0, (gint32)length);
  put_back(f, broken, length);
  if (g_rand_int_range(rand, 0, 4) == 0)
    fixture_write(f, ".postino/index.db-wal", broken, (gssize)MIN(length, 40000));
}

static void
an_index_damaged_at_random_never_breaks_the_program(void **state)
{
  struct fixture *f = *state;
  const char *given = g_getenv("POSTINO_SEED");
  guint32 seed = given != NULL ? (guint32)g_ascii_strtoull(given, NULL, 10) : g_random_int();
  int rounds = g_getenv("POSTINO_ALL_FAULTS") != NULL ? 300 : 10;
  gsize length;
  g_autofree char *bytes = whole_index(f, &length);
  for (int round = 0; round < rounds; round++, seed++) {
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
    g_autoptr(GError) error = NULL;
    print_message("# POSTINO_SEED=%u\n", seed);
    alarm(60);
    damage_at_random(f, rand, bytes, length);
    live_reopen(f);
    live_refresh(f);
    ask_all(f);
    live_refresh(f);
    live_check(store_rebuild(f->store, NULL, NULL, NULL, &error), error);
    assert_true(looks_right(f));
    close_whole(f);
  }
  alarm(0);
}

static void
run_raw(struct fixture *f, const char *sql)
{
  g_autofree char *path = index_path_of(f);
  sqlite3 *db = NULL;
  assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
  assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
  sqlite3_close(db);
}

static void
an_older_and_a_newer_index_are_made_anew(void **state)
{
  static const char *const ways[] = {
      "PRAGMA user_version = 1; DROP INDEX letter_size", "PRAGMA user_version = 4",
      "PRAGMA user_version = 99; CREATE TABLE later(x)",
      "PRAGMA application_id = 7", "PRAGMA journal_mode = DELETE; PRAGMA user_version = 3"};
  struct fixture *f = *state;
  fill(f);
  for (size_t i = 0; i < G_N_ELEMENTS(ways); i++) {
    close_whole(f);
    run_raw(f, ways[i]);
    assert_true(come_right(f));
  }
}

/* Another program that keeps it for longer than one waits: it is whole and stays. */
static void
a_locked_index_is_not_made_anew(void **state)
{
  struct fixture *f = *state;
  fill(f);
  close_whole(f);
  g_autofree char *path = index_path_of(f);
  struct stat before, after;
  sqlite3 *db = NULL;
  assert_int_equal(stat(path, &before), 0);
  assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
  assert_int_equal(sqlite3_exec(db, "PRAGMA locking_mode = EXCLUSIVE; BEGIN IMMEDIATE;"
                                    " CREATE TABLE x(y); DROP TABLE x; COMMIT", NULL, NULL, NULL),
                   SQLITE_OK);
  g_autoptr(GError) error = NULL;
  assert_null(store_open(f->dir, live_readers, &error));
  assert_true(error_is(error, POSTINO_ERROR_RETRY));
  assert_int_equal(stat(path, &after), 0);
  assert_true(before.st_ino == after.st_ino);
  sqlite3_close(db);
  assert_false(come_right(f));
}

static void
a_log_of_another_index_does_not_matter(void **state)
{
  struct fixture *f = *state;
  gsize length;
  g_autofree char *bytes = whole_index(f, &length);
  fixture_write(f, ".postino/index.db-wal", bytes, (gssize)MIN(length, 65536));
  come_right(f);
}

static void
what_cannot_be_replaced_is_named(void **state)
{
  struct fixture *f = *state;
  fill(f);
  close_whole(f);
  g_autofree char *path = index_path_of(f);
  assert_int_equal(unlink(path), 0);
  assert_int_equal(mkdir(path, 0700), 0);
  g_autoptr(GError) error = NULL;
  assert_null(store_open(f->dir, live_readers, &error));
  assert_true(error_is(error, POSTINO_ERROR_LOCAL));
  assert_non_null(strstr(error->message, path));
  assert_non_null(strstr(error->message, "move it away"));
  assert_int_equal(rmdir(path), 0);
  assert_true(come_right(f));
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      live_test(an_index_cut_anywhere_is_made_anew),
      live_test(an_index_with_a_broken_page_comes_right),
      live_test(an_index_with_flipped_bytes_comes_right),
      live_test(an_index_damaged_at_random_never_breaks_the_program),
      live_test(an_older_and_a_newer_index_are_made_anew),
      live_test(a_locked_index_is_not_made_anew),
      live_test(a_log_of_another_index_does_not_matter),
      live_test(what_cannot_be_replaced_is_named),
  };
  if (access("/dev/shm", W_OK) == 0)
    g_setenv("TMPDIR", "/dev/shm", TRUE);
  return cmocka_run_group_tests(tests, live_start, live_stop);
}

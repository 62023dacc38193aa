#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "store/drops.h"
#include "tests/unit/store/fixture.h"

static char *
state_path(const struct fixture *fixture)
{
  return g_build_filename(fixture->dir, ".postino", "state.db", NULL);
}

static sqlite3 *
open_raw(const struct fixture *fixture)
{
  g_autofree char *path = state_path(fixture);
  sqlite3 *db = NULL;
  assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
  return db;
}

static int
first_number(void *out, int n, char **values, char **names)
{
  *(int *)out = atoi(values[0]);
  return 0;
}

static int
pragma(sqlite3 *db, const char *sql)
{
  int number = -1;
  assert_int_equal(sqlite3_exec(db, sql, first_number, &number, NULL), SQLITE_OK);
  return number;
}

static void
it_is_private_and_marked_as_ours(void **state)
{
  struct fixture *fixture = *state;
  g_autofree char *path = state_path(fixture);
  struct stat st;
  assert_int_equal(stat(path, &st), 0);
  assert_int_equal(st.st_mode & 07777, 0600);
  sqlite3 *db = open_raw(fixture);
  assert_int_equal(pragma(db, "PRAGMA application_id"), 0x706f7374);
  assert_int_equal(pragma(db, "PRAGMA user_version"), 5);
  assert_int_equal(pragma(db, "SELECT count(*) FROM pragma_table_list WHERE schema = 'main' AND"
                              " type = 'table' AND name NOT LIKE 'sqlite%' AND NOT strict"), 0);
  sqlite3_close(db);
}

static void
commits_are_synced(void **state)
{
  struct fixture *fixture = *state;
  g_auto(txn_t) txn = {0};
  assert_true(txn_begin(&txn, fixture->store, false, NULL));
  g_autoptr(state_stmt_t) row = state_prepare(&txn, NULL, "PRAGMA synchronous", "");
  assert_int_equal(state_step(&txn, row, NULL), STEP_ROW);
  assert_true(sqlite3_column_int(row, 0) >= 2);
}

static char *
digest_of(const char *path)
{
  g_autofree char *bytes = NULL;
  gsize length;
  return g_file_get_contents(path, &bytes, &length, NULL)
             ? g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)bytes, length)
             : g_strdup("none");
}

/* With a log beside it, or in another journal mode: not a byte is changed. */
static void
a_newer_one_is_refused_and_left_alone(void **state)
{
  static const char *const ways[] = {"PRAGMA journal_mode=WAL", "PRAGMA journal_mode=DELETE"};
  struct fixture *fixture = *state;
  g_autofree char *path = state_path(fixture);
  g_autofree char *log = g_strconcat(path, "-wal", NULL);
  store_close(g_steal_pointer(&fixture->store));
  for (size_t i = 0; i < G_N_ELEMENTS(ways); i++) {
    sqlite3 *db = open_raw(fixture);
    sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    assert_int_equal(sqlite3_exec(db, ways[i], NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "CREATE TABLE later(x); PRAGMA user_version=99", NULL, NULL,
                                  NULL), SQLITE_OK);
    sqlite3_close(db);
    g_autofree char *before = digest_of(path), *log_before = digest_of(log);
    g_autoptr(GError) error = NULL;
    assert_null(store_open(fixture->dir, NULL, &error));
    assert_true(error_is(error, POSTINO_ERROR_CONFIG));
    assert_non_null(strstr(error->message, path));
    g_autofree char *after = digest_of(path), *log_after = digest_of(log);
    assert_string_equal(after, before);
    assert_string_equal(log_after, log_before);
    db = open_raw(fixture);
    assert_int_equal(pragma(db, "PRAGMA user_version"), 99);
    assert_int_equal(sqlite3_exec(db, "DROP TABLE later", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
  }
}

static void
the_database_of_another_program_is_refused(void **state)
{
  struct fixture *fixture = *state;
  store_close(g_steal_pointer(&fixture->store));
  sqlite3 *db = open_raw(fixture);
  assert_int_equal(sqlite3_exec(db, "PRAGMA application_id=1", NULL, NULL, NULL), SQLITE_OK);
  sqlite3_close(db);
  g_autoptr(GError) error = NULL;
  assert_null(store_open(fixture->dir, NULL, &error));
  assert_true(error_is(error, POSTINO_ERROR_CONFIG));
}

static void
a_damaged_one_is_said_and_never_deleted(void **state)
{
  struct fixture *fixture = *state;
  store_close(g_steal_pointer(&fixture->store));
  g_autofree char *path = state_path(fixture);
  g_autofree char *rubbish = g_strnfill(8192, 'r');
  assert_true(g_file_set_contents(path, rubbish, 8192, NULL));
  g_autoptr(GError) error = NULL;
  assert_null(store_open(fixture->dir, NULL, &error));
  assert_true(error_is(error, POSTINO_ERROR_LOCAL));
  assert_non_null(strstr(error->message, "damaged"));
  g_autofree char *text = NULL;
  gsize length;
  assert_true(g_file_get_contents(path, &text, &length, NULL));
  assert_int_equal(length, 8192);
  assert_string_equal(text, rubbish);
}

/* Uses all that is kept of a drop; false with the fault. */
static bool
use(struct store *store, GError **error)
{
  g_autofree char *id = NULL;
  if (!store_drop(store, "home", "pop", "anna", &id, error))
    return false;
  g_autoptr(GPtrArray) rows = store_drop_rows(store, id, DROP_WHOLE, error);
  return rows != NULL;
}

static void
fill(struct store *store)
{
  g_autofree char *id = NULL;
  g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func(g_free);
  assert_true(store_drop(store, "home", "pop", "anna", &id, NULL));
  for (int i = 0; i < 400; i++) {
    struct drop_row *row = g_new0(struct drop_row, 1);
    g_autofree char *uid = g_strdup_printf("%036d", i);
    row->uid = g_intern_string(uid);
    row->base = row->uid;
    g_ptr_array_add(rows, row);
  }
  assert_true(store_drop_record(store, id, rows, NULL));
}

/* Opened and used, or refused with what to do; never replaced. */
static void
assert_said(struct fixture *fixture, const char *path, gsize length)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(store_t) store = store_open(fixture->dir, NULL, &error);
  struct stat st;
  if (store == NULL || !use(store, &error)) {
    assert_non_null(strstr(error->message, path));
    if (!error_is(error, POSTINO_ERROR_CONFIG) && strstr(error->message, "backup") == NULL)
      fail_msg("%s", error->message);
    assert_false(error_is(error, POSTINO_ERROR_BUG));
  }
  assert_int_equal(stat(path, &st), 0);
  assert_true((gsize)st.st_size >= length);
}

static void
damage_anywhere_is_said_with_the_mend(void **state)
{
  struct fixture *fixture = *state;
  g_autofree char *path = state_path(fixture), *bytes = NULL;
  gsize length, cut[] = {0, 50, 512, 4096, 0, 0};
  fill(fixture->store);
  store_close(g_steal_pointer(&fixture->store));
  assert_true(g_file_get_contents(path, &bytes, &length, NULL));
  assert_true(length > 5 * 4096);
  cut[4] = length / 2;
  cut[5] = length - 4096;
  for (size_t i = 0; i < G_N_ELEMENTS(cut); i++) {
    g_autoptr(GError) error = NULL;
    assert_true(g_file_set_contents(path, bytes, (gssize)cut[i], NULL));
    g_autoptr(store_t) store = store_open(fixture->dir, NULL, &error);
    if (store != NULL && use(store, &error))
      fail_msg("cut to %d of %d bytes", (int)cut[i], (int)length);
    assert_non_null(strstr(error->message, "damaged"));
    assert_non_null(strstr(error->message, "backup"));
  }
  for (gsize at = 40; at < length; at += length / 70) {
    bytes[at] = (char)(bytes[at] ^ 0x55);
    assert_true(g_file_set_contents(path, bytes, (gssize)length, NULL));
    bytes[at] = (char)(bytes[at] ^ 0x55);
    assert_said(fixture, path, length);
  }
  /* Moved away, as the sentence says, a new one begins. */
  assert_int_equal(unlink(path), 0);
  fixture_reopen(fixture);
  assert_true(use(fixture->store, NULL));
}

/* Damage that only a check sees is looked for when the last end was unclean. */
static void
damage_is_looked_for_after_an_unclean_end(void **state)
{
  struct fixture *fixture = *state;
  assert_true(store_memory_set(fixture->store, "home", "tls", "yes", NULL));
  store_close(g_steal_pointer(&fixture->store));
  pid_t child = fork();
  if (child == 0) {
    struct store *store = store_open(fixture->dir, NULL, NULL);
    bool set = store != NULL && store_memory_set(store, "home", "pin", "x", NULL);
    kill(getpid(), set ? SIGKILL : SIGTERM);
  }
  int status;
  waitpid(child, &status, 0);
  assert_int_equal(WTERMSIG(status), SIGKILL);
  g_autofree char *path = state_path(fixture);
  auto_fd fd = open(path, O_RDWR);
  assert_int_equal(pwrite(fd, "\xff\xff\xff\xff\xff\xff\xff\xff", 8, 4096 * 3), 8);
  g_autoptr(GError) error = NULL;
  struct store *store = store_open(fixture->dir, NULL, &error);
  /* The log may hold that page whole: then nothing is damaged. */
  if (store == NULL)
    assert_non_null(strstr(error->message, "damaged"));
  store_close(store);
}

static void
what_was_committed_survives_a_kill(void **state)
{
  struct fixture *fixture = *state;
  store_close(g_steal_pointer(&fixture->store));
  pid_t child = fork();
  if (child == 0) {
    struct store *store = store_open(fixture->dir, NULL, NULL);
    if (store == NULL || !store_memory_set(store, "home", "tls", "yes", NULL))
      _exit(1);
    kill(getpid(), SIGKILL);
  }
  int status;
  waitpid(child, &status, 0);
  assert_true(WIFSIGNALED(status));
  fixture_reopen(fixture);
  g_autofree char *value = store_memory_get(fixture->store, "home", "tls");
  assert_string_equal(value, "yes");
}

static void
a_full_disk_is_said_with_the_mend_and_changes_nothing(void **state)
{
  struct fixture *fixture = *state;
  struct rlimit before;
  g_autofree char *large = g_strnfill(300000, 'v');
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
  struct rlimit small = {.rlim_cur = 100000, .rlim_max = before.rlim_max};
  signal(SIGXFSZ, SIG_IGN);
  g_autoptr(GError) error = NULL;
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
  bool set = store_memory_set(fixture->store, "home", "big", large, &error);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
  assert_false(set);
  assert_int_equal(error_exit_status(error), 74);
  assert_null(store_memory_get(fixture->store, "home", "big"));
  assert_true(store_memory_set(fixture->store, "home", "big", large, NULL));
}

static void
two_first_starts_make_one(void **state)
{
  struct fixture *fixture = *state;
  store_close(g_steal_pointer(&fixture->store));
  g_autofree char *fresh = g_build_filename(fixture->dir, "fresh", NULL);
  pid_t children[4];
  for (int i = 0; i < 4; i++)
    if ((children[i] = fork()) == 0) {
      struct store *store = store_open(fresh, NULL, NULL);
      _exit(store != NULL && store_memory_set(store, "a", "b", "c", NULL) ? 0 : 1);
    }
  for (int i = 0; i < 4; i++) {
    int status;
    waitpid(children[i], &status, 0);
    assert_int_equal(status, 0);
  }
}

static void
writers_of_many_processes_wait_for_each_other(void **state)
{
  struct fixture *fixture = *state;
  store_close(g_steal_pointer(&fixture->store));
  pid_t children[4];
  for (int i = 0; i < 4; i++)
    if ((children[i] = fork()) == 0) {
      struct store *store = store_open(fixture->dir, NULL, NULL);
      bool good = store != NULL;
      for (int j = 0; good && j < 25; j++) {
        g_autofree char *name = g_strdup_printf("%d-%d", i, j);
        good = store_memory_set(store, "home", name, "x", NULL);
      }
      store_close(store);
      _exit(good ? 0 : 1);
    }
  for (int i = 0; i < 4; i++) {
    int status;
    waitpid(children[i], &status, 0);
    assert_int_equal(status, 0);
  }
  sqlite3 *db = open_raw(fixture);
  assert_int_equal(pragma(db, "SELECT count(*) FROM memory"), 100);
  sqlite3_close(db);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      fixture_test(it_is_private_and_marked_as_ours),
      fixture_test(commits_are_synced),
      fixture_test(a_newer_one_is_refused_and_left_alone),
      fixture_test(the_database_of_another_program_is_refused),
      fixture_test(a_damaged_one_is_said_and_never_deleted),
      fixture_test(damage_anywhere_is_said_with_the_mend),
      fixture_test(damage_is_looked_for_after_an_unclean_end),
      fixture_test(what_was_committed_survives_a_kill),
      fixture_test(a_full_disk_is_said_with_the_mend_and_changes_nothing),
      fixture_test(two_first_starts_make_one),
      fixture_test(writers_of_many_processes_wait_for_each_other),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

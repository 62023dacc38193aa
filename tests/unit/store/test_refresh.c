#include <poll.h>
#include <sys/wait.h>
#include <utime.h>

#include "tests/unit/store/mirror.h"

static struct reader_pool *readers;

static int
start_readers(void **state)
{
  readers = reader_pool_new(2);
  return 0;
}

static int
stop_readers(void **state)
{
  reader_pool_free(readers);
  return 0;
}

static void
reopen(struct fixture *f)
{
  g_autoptr(GError) error = NULL;
  store_close(f->store);
  f->store = store_open(f->dir, readers, &error);
  if (f->store == NULL)
    fail_msg("%s", error->message);
}

static int
open_here(void **state)
{
  fixture_open(state);
  reopen(*state);
  return 0;
}

static bool
refresh(struct fixture *f)
{
  g_autoptr(GError) error = NULL;
  bool changed = false;
  if (!store_refresh(f->store, NULL, NULL, &changed, NULL, &error))
    fail_msg("%s", error->message);
  return changed;
}

static void
put(struct fixture *f, const char *name, const char *subject, const char *body)
{
  g_autofree char *text = g_strdup_printf(
      "From: Tom <tom@harbour.example>\nSubject: %s\nDate: 1 Jan 2026 00:00:00 +0000\n"
      "Message-ID: <%s@t>\n\n%s\n", subject, subject, body);
  g_autofree char *folder = g_path_get_dirname(name);
  g_autofree char *dir = g_path_get_dirname(folder);
  static const char *const subs[] = {"cur", "new", "tmp"};
  for (size_t i = 0; i < G_N_ELEMENTS(subs); i++) {
    g_autofree char *path = g_build_filename(f->dir, dir, subs[i], NULL);
    assert_int_equal(g_mkdir_with_parents(path, 0700), 0);
  }
  fixture_write(f, name, text, -1);
}

static void
rename_in(struct fixture *f, const char *from, const char *to)
{
  g_autofree char *old = g_build_filename(f->dir, from, NULL);
  g_autofree char *fresh = g_build_filename(f->dir, to, NULL);
  assert_int_equal(rename(old, fresh), 0);
}

static char *
find(struct fixture *f, const char *folder, const char *query)
{
  struct rows_query asked = {.folder = folder, .query = query, .order = ROWS_OLDEST, .limit = 1000};
  g_autoptr(GPtrArray) rows = mirror_rows(f, &asked);
  return mirror_bases(rows);
}

static void
assert_found(struct fixture *f, const char *folder, const char *query, const char *wanted)
{
  g_autofree char *seen = find(f, folder, query);
  assert_string_equal(seen, wanted);
}

/* "Inbox 1/2" per folder: unread and total. */
static void
assert_folders(struct fixture *f, const char *wanted)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) folders = store_folders(f->store, NULL, &error);
  g_autoptr(GString) out = g_string_new(NULL);
  for (guint i = 0; i < folders->len; i++) {
    const struct folder_row *row = folders->pdata[i];
    g_string_append_printf(out, "%s%s %d/%d", i > 0 ? ", " : "", row->name, (int)row->unread,
                           (int)row->total);
  }
  assert_string_equal(out->str, wanted);
}

static void
letters_appear_and_vanish_with_their_files(void **state)
{
  struct fixture *f = *state;
  assert_true(refresh(f));
  assert_false(refresh(f));
  put(f, "Inbox/new/1.a", "one", "boat");
  put(f, "Inbox/cur/2.b:2,S", "two", "kettle");
  assert_true(refresh(f));
  assert_false(refresh(f));
  assert_folders(f, "Inbox 1/2");
  assert_found(f, "Inbox", NULL, "1.a 2.b");
  assert_found(f, NULL, "kettle", "2.b");
  g_autofree char *path = g_build_filename(f->dir, "Inbox/new/1.a", NULL);
  assert_int_equal(unlink(path), 0);
  assert_true(refresh(f));
  assert_folders(f, "Inbox 0/1");
  assert_found(f, NULL, "boat", "");
}

static void
the_flags_of_other_programs_are_followed(void **state)
{
  struct fixture *f = *state;
  put(f, "Inbox/new/1.a", "one", "boat");
  refresh(f);
  rename_in(f, "Inbox/new/1.a", "Inbox/cur/1.a:2,FRSa");
  assert_true(refresh(f));
  g_autoptr(row_t) row = store_row(f->store, "Inbox/1.a", NULL);
  assert_int_equal(row->flags, ROW_SEEN | ROW_FLAGGED | ROW_REPLIED);
  assert_true(g_file_test(row->path, G_FILE_TEST_EXISTS));
  assert_folders(f, "Inbox 0/1");
  assert_found(f, NULL, "is:flagged boat", "1.a");
}

static void
a_letter_moved_by_others_keeps_its_row(void **state)
{
  struct fixture *f = *state;
  put(f, "Inbox/cur/1.a:2,", "one", "boat");
  put(f, "Archive/cur/2.b:2,", "two", "kettle");
  refresh(f);
  g_autoptr(row_t) before = store_row(f->store, "Inbox/1.a", NULL);
  /* Unreadable now: it must not be read again. */
  g_autofree char *path = g_build_filename(f->dir, "Inbox/cur/1.a:2,", NULL);
  assert_true(g_file_set_contents(path, "changed", -1, NULL));
  rename_in(f, "Inbox/cur/1.a:2,", "Archive/cur/1.a:2,S");
  assert_true(refresh(f));
  g_autoptr(row_t) after = store_row(f->store, "Archive/1.a", NULL);
  assert_non_null(after);
  assert_int_equal(after->id, before->id);
  assert_string_equal(after->subject, "one");
  assert_folders(f, "Inbox 0/0, Archive 1/2");
}

static void
folders_come_and_go(void **state)
{
  struct fixture *f = *state;
  put(f, "cur/1.root:2,", "root", "x");
  put(f, ".Lists.debian/cur/1.dot:2,", "dot", "x");
  put(f, "Work/deep/er/cur/1.deep:2,", "deep", "x");
  put(f, "Inbox/cur/1.a:2,", "one", "x");
  refresh(f);
  assert_folders(f, "Inbox 1/1, . 1/1, .Lists.debian 1/1, Work/deep/er 1/1");
  assert_found(f, NULL, "x in:Work/*", "1.deep");
  g_autofree char *work = g_build_filename(f->dir, "Work", NULL);
  nftw(work, fixture_remove_one, 16, FTW_DEPTH | FTW_PHYS);
  assert_true(refresh(f));
  assert_folders(f, "Inbox 1/1, . 1/1, .Lists.debian 1/1");
  assert_found(f, NULL, "subject:deep", "");
  assert_false(refresh(f));
}

static void
what_the_store_changes_is_followed_at_once(void **state)
{
  struct fixture *f = *state;
  put(f, "Inbox/new/1.a", "one", "boat");
  refresh(f);
  const char *const keys[] = {"Inbox/1.a", NULL};
  g_autoptr(GError) error = NULL;
  assert_true(store_flag(f->store, keys, ROW_SEEN, 0, &error));
  assert_folders(f, "Inbox 0/1");
  assert_true(store_move(f->store, keys, "Archive", NULL, &error));
  assert_found(f, "Archive", "boat", "1.a");
  assert_folders(f, "Inbox 0/0, Archive 0/1");
  const char *const moved[] = {"Archive/1.a", NULL};
  assert_true(store_tag(f->store, moved, "+todo", &error));
  assert_found(f, NULL, "tag:todo", "1.a");
  refresh(f);
  assert_folders(f, "Inbox 0/0, Archive 0/1");
  assert_true(store_rebuild(f->store, NULL, NULL, NULL, &error));
  assert_found(f, NULL, "tag:todo boat", "1.a");
  assert_true(store_expunge(f->store, moved, &error));
  assert_found(f, NULL, NULL, "");
  assert_folders(f, "Inbox 0/0, Archive 0/0");
}

static void
remove_index(struct fixture *f)
{
  static const char *const ends[] = {"", "-wal", "-shm"};
  for (size_t i = 0; i < G_N_ELEMENTS(ends); i++) {
    g_autofree char *name = g_strconcat(".postino/index.db", ends[i], NULL);
    g_autofree char *path = g_build_filename(f->dir, name, NULL);
    unlink(path);
  }
}

static void
an_index_deleted_under_an_open_store_is_made_anew(void **state)
{
  struct fixture *f = *state;
  put(f, "Inbox/cur/1.a:2,", "one", "boat");
  refresh(f);
  assert_found(f, NULL, "boat", "1.a");
  remove_index(f);
  assert_found(f, NULL, "boat", "");
  assert_true(refresh(f));
  assert_found(f, NULL, "boat", "1.a");
  reopen(f);
  assert_found(f, NULL, "boat", "1.a");
}

static void
two_stores_share_one_index(void **state)
{
  struct fixture *f = *state;
  g_autoptr(store_t) other = store_open(f->dir, readers, NULL);
  assert_non_null(other);
  struct fixture second = {f->dir, other};
  refresh(f);
  refresh(&second);
  assert_false(refresh(&second));
  put(f, "Inbox/cur/1.a:2,", "one", "boat");
  refresh(f);
  assert_found(&second, NULL, "boat", "1.a");
  assert_true(refresh(&second));
  assert_false(refresh(&second));
  remove_index(f);
  refresh(&second);
  assert_found(f, NULL, "boat", "1.a");
  assert_false(index_is_broken(f->store));
}

static void
damage_is_mended_by_the_next_refresh(void **state)
{
  struct fixture *f = *state;
  for (int i = 0; i < 200; i++) {
    g_autofree char *name = g_strdup_printf("Inbox/cur/%d.x:2,", i);
    put(f, name, "many", "boat");
  }
  refresh(f);
  store_close(f->store);
  f->store = NULL;
  g_autofree char *path = g_build_filename(f->dir, ".postino/index.db", NULL);
  g_autofree char *bytes = NULL;
  gsize length;
  /* The log is brought home first, so that the damage is what is read. */
  sqlite3 *db = NULL;
  assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
  sqlite3_exec(db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL);
  sqlite3_close(db);
  assert_true(g_file_get_contents(path, &bytes, &length, NULL));
  for (gsize at = 8192; at < length; at++)
    bytes[at] = (char)(at * 7);
  assert_true(g_file_set_contents(path, bytes, (gssize)length, NULL));
  reopen(f);
  refresh(f);
  refresh(f);
  assert_folders(f, "Inbox 200/200");
}

static void
a_foreign_file_is_replaced(void **state)
{
  struct fixture *f = *state;
  put(f, "Inbox/cur/1.a:2,", "one", "boat");
  store_close(f->store);
  f->store = NULL;
  remove_index(f);
  fixture_write(f, ".postino/index.db", "this is no database, but it is long enough to be read", -1);
  reopen(f);
  refresh(f);
  assert_found(f, NULL, "boat", "1.a");
}

static void
stop_soon(const struct store_progress *progress, void *data)
{
  if (progress->done == 100)
    g_cancellable_cancel(data);
}

/* But for the letters that were read and would still have to be put in. */
static void
a_stopped_refresh_keeps_what_was_done(void **state)
{
  struct fixture *f = *state;
  for (int i = 0; i < 400; i++) {
    g_autofree char *name = g_strdup_printf("Inbox/cur/%d.x:2,", 1000 + i);
    put(f, name, "many", "boat");
  }
  g_autoptr(GCancellable) cancel = g_cancellable_new();
  g_autoptr(GError) error = NULL;
  assert_false(store_refresh(f->store, stop_soon, cancel, NULL, cancel, &error));
  assert_true(error_is(error, POSTINO_ERROR_CANCELLED));
  struct rows_query asked = {.folder = "Inbox"};
  guint64 some, all;
  assert_true(store_count(f->store, &asked, &some, NULL, NULL, NULL));
  assert_true(some > 0 && some < 100);
  refresh(f);
  assert_true(store_count(f->store, &asked, &all, NULL, NULL, NULL));
  assert_int_equal(all, 400);
}

static void
die_soon(const struct store_progress *progress, void *data)
{
  if (progress->done > 0)
    kill(getpid(), SIGKILL);
}

/* Indexes until some letters are in, then dies. */
static int
refresh_and_die(const char *dir)
{
  struct reader_pool *own = reader_pool_new(1);
  struct store *store = store_open(dir, own, NULL);
  return store != NULL && store_refresh(store, die_soon, NULL, NULL, NULL, NULL) ? 0 : 1;
}

static void
a_killed_refresh_is_taken_up(void **state)
{
  struct fixture *f = *state;
  for (int i = 0; i < 200; i++) {
    g_autofree char *name = g_strdup_printf("Inbox/cur/%d.x:2,%s", 1000 + i, i % 2 ? "S" : "");
    put(f, name, "many", "boat");
  }
  /* Another process that dies in the midst: a reader of one letter at a time. */
  store_close(f->store);
  f->store = NULL;
  pid_t child = fork();
  if (child == 0) {
    /* From its start: a fork alone has no thread that starts readers. */
    execl("/proc/self/exe", "test_refresh", f->dir, (char *)NULL);
    _exit(127);
  }
  int status;
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  reopen(f);
  refresh(f);
  assert_folders(f, "Inbox 100/200");
  struct rows_query asked = {.query = "boat"};
  guint64 total;
  assert_true(store_count(f->store, &asked, &total, NULL, NULL, NULL));
  assert_int_equal(total, 200);
}

static int64_t
parts_of(struct fixture *f)
{
  g_autoptr(conn_t) conn = conn_read(f->store, NULL, NULL);
  int64_t parts;
  assert_true(conn_number(conn, &parts, 0, NULL, "SELECT count(DISTINCT segid) FROM text_idx", ""));
  return parts;
}

/* However many they became meanwhile; and beside the reading of many letters. */
static void
parts_of_many_refreshes_are_merged(void **state)
{
  struct fixture *f = *state;
  for (int i = 0; i < 80; i++) {
    g_autofree char *name = g_strdup_printf("Inbox/new/%d.x", 1000 + i);
    put(f, name, "one", "boat");
    assert_true(refresh(f));
  }
  assert_int_equal(parts_of(f), 80);
  while (store_settle(f->store))
    continue;
  assert_in_range(parts_of(f), 1, 3);
  struct rows_query asked = {.query = "boat"};
  guint64 total;
  assert_true(store_count(f->store, &asked, &total, NULL, NULL, NULL));
  assert_int_equal(total, 80);
  for (int i = 0; i < 70; i++) {
    g_autofree char *name = g_strdup_printf("Inbox/new/%d.y", 2000 + i);
    put(f, name, "one", "boat");
    assert_true(refresh(f));
  }
  assert_true(parts_of(f) > 64);
  for (int i = 0; i < 4000; i++) {
    g_autofree char *name = g_strdup_printf("Inbox/new/%d.z", 3000 + i);
    put(f, name, "many", "boat");
  }
  assert_true(refresh(f));
  assert_in_range(parts_of(f), 1, 31);
  assert_true(store_count(f->store, &asked, &total, NULL, NULL, NULL));
  assert_int_equal(total, 4150);
}

static int64_t
pages_of(struct fixture *f)
{
  g_autoptr(conn_t) conn = conn_read(f->store, NULL, NULL);
  int64_t pages;
  assert_true(conn_number(conn, &pages, 0, NULL, "PRAGMA page_count", ""));
  return pages;
}

static void
what_the_index_does_not_need_goes_back_to_the_system(void **state)
{
  struct fixture *f = *state;
  put(f, "Inbox/new/1.x", "one", "boat");
  refresh(f);
  int64_t before = pages_of(f);
  g_autoptr(conn_t) conn = conn_write(f->store, NULL, NULL);
  assert_true(conn_run(conn, NULL, "CREATE TABLE big(x)", ""));
  assert_true(conn_run(conn, NULL, "INSERT INTO big VALUES(zeroblob(6000000))", ""));
  assert_true(conn_run(conn, NULL, "DROP TABLE big", ""));
  assert_true(conn_commit(conn, NULL));
  g_clear_pointer(&conn, conn_release);
  assert_true(pages_of(f) > before + 1000);
  while (store_settle(f->store))
    continue;
  assert_in_range(pages_of(f), before, before + 256);
}

static void
new_mail_is_found_without_the_names_of_cur(void **state)
{
  struct fixture *f = *state;
  put(f, "Inbox/cur/1.a:2,S", "one", "boat");
  refresh(f);
  /* Only times that lie behind are trusted. */
  struct utimbuf past = {1600000000, 1600000000};
  g_autofree char *cur = g_build_filename(f->dir, "Inbox/cur", NULL);
  assert_int_equal(utime(cur, &past), 0);
  refresh(f);
  put(f, "Inbox/new/2.b", "two", "boat");
  assert_int_equal(utime(cur, &past), 0);
  assert_true(refresh(f));
  assert_found(f, "Inbox", NULL, "1.a 2.b");
  /* Another program reads it: out of new, into cur, which has changed then. */
  rename_in(f, "Inbox/new/2.b", "Inbox/cur/2.b:2,S");
  assert_true(refresh(f));
  assert_folders(f, "Inbox 0/2");
  assert_int_equal(utime(cur, &past), 0);
  refresh(f);
  put(f, "Inbox/new/3.c", "three", "boat");
  assert_true(refresh(f));
  g_autofree char *path = g_build_filename(f->dir, "Inbox/new/3.c", NULL);
  assert_int_equal(unlink(path), 0);
  assert_true(refresh(f));
  assert_found(f, NULL, "boat", "1.a 2.b");
}

static gpointer
ask_meanwhile(void *data)
{
  struct fixture *f = data;
  guint64 last = 0;
  while (last < 200) {
    struct rows_query asked = {.folder = "Inbox"};
    guint64 total = 0;
    g_autoptr(GError) error = NULL;
    if (!store_count(f->store, &asked, &total, NULL, NULL, &error))
      return g_strdup(error->message);
    asked = (struct rows_query){.query = "boat", .order = ROWS_THREAD, .limit = 50};
    g_autoptr(GPtrArray) rows = store_rows(f->store, &asked, NULL, &error);
    if (rows == NULL || total < last)
      return g_strdup(error != NULL ? error->message : "fewer letters than before");
    last = total;
  }
  return NULL;
}

static void
rows_are_seen_while_letters_are_read(void **state)
{
  struct fixture *f = *state;
  for (int i = 0; i < 200; i++) {
    g_autofree char *name = g_strdup_printf("Inbox/cur/%d.x:2,", 1000 + i);
    put(f, name, "many", "boat");
  }
  GThread *thread = g_thread_new("asks", ask_meanwhile, f);
  refresh(f);
  g_autofree char *fault = g_thread_join(thread);
  assert_null(fault);
}

static void
odd_files_are_letters_or_nothing(void **state)
{
  struct fixture *f = *state;
  put(f, "Inbox/cur/1.a:2,", "one", "boat");
  fixture_write(f, "Inbox/cur/2.empty:2,", "", 0);
  fixture_write(f, "Inbox/cur/3.noise", "\0\xff\xfe\x01", 4);
  fixture_write(f, "Inbox/cur/.hidden", "x", 1);
  fixture_write(f, "Inbox/cur/dir/x", "x", 1);
  g_autofree char *fifo = g_build_filename(f->dir, "Inbox/cur/4.fifo:2,", NULL);
  assert_int_equal(mkfifo(fifo, 0600), 0);
  fixture_write(f, "Inbox/new/1.a", "Subject: doubled\n\nx", -1);
  refresh(f);
  assert_folders(f, "Inbox 3/3");
  assert_found(f, "Inbox", "boat", "1.a");
}

static void
most_dead_rows_make_the_text_anew(void **state)
{
  struct fixture *f = *state;
  put(f, "Inbox/cur/1.a:2,", "one", "boat");
  put(f, "Inbox/cur/2.b:2,S", "two", "kettle");
  refresh(f);
  {
    g_autoptr(conn_t) conn = conn_write(f->store, NULL, NULL);
    assert_true(conn_run(conn, NULL, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM"
                                     " n WHERE i < 1500) INSERT INTO dead SELECT i FROM n", ""));
    assert_true(conn_commit(conn, NULL));
  }
  refresh(f);
  assert_found(f, NULL, "boat or kettle", "1.a 2.b");
  g_autoptr(conn_t) conn = conn_read(f->store, NULL, NULL);
  int64_t left;
  assert_true(conn_number(conn, &left, -1, NULL, "SELECT (SELECT count(*) FROM dead) + (SELECT"
                                                 " count(*) FROM letter WHERE texted = 0)", ""));
  assert_int_equal(left, 0);
}

static void
read_empty(int fd)
{
  char buffer[4096];
  while (read(fd, buffer, sizeof buffer) > 0)
    ;
}

static bool
wakes(int fd)
{
  struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
  bool woke = poll(&poll_fd, 1, 5000) == 1;
  read_empty(fd);
  return woke;
}

static void
changes_of_others_wake_the_watcher(void **state)
{
  struct fixture *f = *state;
  put(f, "Inbox/cur/1.a:2,", "one", "boat");
  int fd = store_watch_fd(f->store, NULL);
  assert_int_equal(fd, store_watch_fd(f->store, NULL));
  refresh(f);
  read_empty(fd);
  put(f, "Inbox/new/2.b", "two", "kettle");
  assert_true(wakes(fd));
  put(f, "Later/new/3.c", "three", "lamp");
  assert_true(wakes(fd));
  refresh(f);
  read_empty(fd);
  put(f, "Later/new/4.d", "four", "lamp");
  assert_true(wakes(fd));
  refresh(f);
  assert_found(f, NULL, "lamp", "3.c 4.d");
}

static void
addresses_are_offered_by_use(void **state)
{
  struct fixture *f = *state;
  fixture_write(f, "Sent/cur/1.s:2,S",
                "From: Me <me@x.example>\nTo: Zoe Tomlin <zoe@z.example>\n\nhi\n", -1);
  fixture_write(f, "Sent/new/.keep", "", 0);
  fixture_write(f, "Sent/tmp/.keep", "", 0);
  put(f, "Inbox/cur/1.a:2,", "one", "boat");
  put(f, "Inbox/cur/2.a:2,", "two", "boat");
  fixture_write(f, "Inbox/cur/3.a:2,", "From: =?utf-8?Q?Ren=C3=A9?= <rene@r.example>\n\nx\n", -1);
  refresh(f);
  g_auto(GStrv) tom = store_addresses(f->store, "tom", 10);
  assert_int_equal(g_strv_length(tom), 2);
  assert_string_equal(tom[0], "Zoe Tomlin <zoe@z.example>");
  assert_string_equal(tom[1], "Tom <tom@harbour.example>");
  g_auto(GStrv) rene = store_addresses(f->store, "RENE", 10);
  assert_string_equal(rene[0], "René <rene@r.example>");
  g_auto(GStrv) me = store_addresses(f->store, "me", 10);
  assert_int_equal(g_strv_length(me), 0);
}

#define here_test(function) cmocka_unit_test_setup_teardown(function, open_here, fixture_close)

int
main(int argc, char **argv)
{
  if (argc == 2)
    return refresh_and_die(argv[1]);
  const struct CMUnitTest tests[] = {
      here_test(letters_appear_and_vanish_with_their_files),
      here_test(the_flags_of_other_programs_are_followed),
      here_test(a_letter_moved_by_others_keeps_its_row),
      here_test(folders_come_and_go),
      here_test(what_the_store_changes_is_followed_at_once),
      here_test(an_index_deleted_under_an_open_store_is_made_anew),
      here_test(two_stores_share_one_index),
      here_test(damage_is_mended_by_the_next_refresh),
      here_test(a_foreign_file_is_replaced),
      here_test(a_stopped_refresh_keeps_what_was_done),
      here_test(a_killed_refresh_is_taken_up),
      here_test(parts_of_many_refreshes_are_merged),
      here_test(what_the_index_does_not_need_goes_back_to_the_system),
      here_test(new_mail_is_found_without_the_names_of_cur),
      here_test(rows_are_seen_while_letters_are_read),
      here_test(odd_files_are_letters_or_nothing),
      here_test(most_dead_rows_make_the_text_anew),
      here_test(changes_of_others_wake_the_watcher),
      here_test(addresses_are_offered_by_use),
  };
  return cmocka_run_group_tests(tests, start_readers, stop_readers);
}

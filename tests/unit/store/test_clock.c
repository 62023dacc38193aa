/* Clocks that were wrong, are set back or forward, or are those of another machine: what
 * others changed is seen, what they did not is not read again, and letters keep their
 * dates. */
#include <fcntl.h>
#include <sys/stat.h>

#include "tests/unit/store/live.h"

#define HOUR 3600

static int64_t
now(void)
{
  return g_get_real_time() / G_USEC_PER_SEC;
}

static void
set_time(const struct fixture *f, const char *name, int64_t seconds, long nanoseconds)
{
  g_autofree char *path = live_path(f, name);
  struct timespec times[2] = {{seconds, nanoseconds}, {seconds, nanoseconds}};
  assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void
put_dateless(const struct fixture *f, const char *name)
{
  fixture_write(f, name, "From: tom@harbour.example\nSubject: dateless\n\nx\n", -1);
}

static int64_t
number(struct fixture *f, const char *sql)
{
  g_autoptr(conn_t) conn = conn_read(f->store, NULL, NULL);
  int64_t number = -1;
  assert_true(conn_number(conn, &number, -1, NULL, sql, ""));
  return number;
}

/* What a folder's time may be: whatever it is, a change is seen; and when it is not that of
 * just now, the folder rests. */
static void
a_folder_of_any_time_rests_and_its_changes_are_seen(void **state)
{
  struct fixture *f = *state;
  const int64_t times[] = {0, -86400, 1600000000, now() - 10, now() + 10 * 365 * 86400LL,
                           4102444800, 15032385535, INT64_MAX / 1000000000, INT64_MAX / 2000,
                           INT64_MIN / 2000};
  live_folder(f, "Inbox");
  for (size_t i = 0; i < G_N_ELEMENTS(times); i++) {
    g_autofree char *name = g_strdup_printf("Inbox/cur/%zu.a:2,", i);
    live_put(f, name, "s", "boat");
    set_time(f, "Inbox/cur", times[i], 0);
    set_time(f, "Inbox/new", times[i], 0);
    assert_true(live_refresh(f));
    assert_int_equal(number(f, "SELECT total FROM folder"), i + 1);
    if (number(f, "SELECT cur_time <> 0 AND new_time <> 0 FROM folder") != 1)
      fail_msg("%" G_GINT64_FORMAT " is no time to rest at", times[i]);
    assert_false(live_refresh(f));
  }
}

/* The clock was set back by hours; or it is that of a server and ahead of ours. */
static void
changes_of_a_clock_that_was_set_are_seen(void **state)
{
  struct fixture *f = *state;
  const int64_t sets[] = {-HOUR, HOUR, -400 * 86400LL, 400 * 86400LL};
  live_put(f, "Inbox/cur/1.a:2,", "one", "boat");
  live_refresh(f);
  for (size_t i = 0; i < G_N_ELEMENTS(sets); i++) {
    live_rename(f, i % 2 ? "Inbox/cur/1.a:2,S" : "Inbox/cur/1.a:2,",
                i % 2 ? "Inbox/cur/1.a:2," : "Inbox/cur/1.a:2,S");
    set_time(f, "Inbox/cur", now() + sets[i], 0);
    live_refresh(f);
    live_assert(f, "Inbox", "is:unread", i % 2 ? "Inbox/1.a" : "");
  }
}

/* Within the grain of the file system's clock a change does not show in the time, be that
 * clock ours or one that is ahead. */
static void
a_second_change_within_the_same_time_is_seen(void **state)
{
  struct fixture *f = *state;
  const int64_t ahead[] = {0, 1, 10, HOUR, 12 * HOUR};
  for (size_t i = 0; i < G_N_ELEMENTS(ahead); i++) {
    g_autofree char *first = g_strdup_printf("Inbox/cur/%zu.a:2,", i);
    g_autofree char *second = g_strdup_printf("Inbox/cur/%zu.b:2,", i);
    int64_t time = now() + ahead[i];
    live_put(f, first, "first", "boat");
    set_time(f, "Inbox/cur", time, 0);
    set_time(f, "Inbox/new", 1600000000, 0);
    live_refresh(f);
    live_put(f, second, "second", "boat");
    set_time(f, "Inbox/cur", time, 0);
    live_refresh(f);
    assert_int_equal(number(f, "SELECT total FROM folder"), 2 * i + 2);
  }
}

static void
letters_whose_files_have_impossible_times_keep_their_dates(void **state)
{
  struct fixture *f = *state;
  const int64_t times[] = {0, 1, -1, -86400LL * 365 * 100, now() + 3 * 86400, 4102444800,
                           15032385535, INT64_MAX / 2000, INT64_MIN / 2000};
  for (size_t i = 0; i < G_N_ELEMENTS(times); i++) {
    g_autofree char *name = g_strdup_printf("Inbox/cur/letter%zu.eml:2,", i);
    live_put(f, name, "dated", "boat");
    set_time(f, name, times[i], 0);
    g_autofree char *other = g_strdup_printf("Inbox/cur/1%zu99999999999999999.x:2,", i);
    put_dateless(f, other);
    set_time(f, other, times[i], 0);
  }
  live_refresh(f);
  int64_t dated = 1767225600, latest = now() + 86400;
  struct rows_query asked = {.folder = "Inbox", .order = ROWS_NEWEST, .limit = 1000};
  g_autoptr(GPtrArray) rows = mirror_rows(f, &asked);
  assert_int_equal(rows->len, 2 * G_N_ELEMENTS(times));
  for (guint i = 0; i < rows->len; i++) {
    const struct row *row = rows->pdata[i];
    if (strcmp(row->subject, "dated") == 0)
      assert_int_equal(row->date, dated);
    else if (row->date < 0 || row->date > latest || row->arrival < 0 || row->arrival > latest)
      fail_msg("%s: %" G_GINT64_FORMAT " %" G_GINT64_FORMAT, row->key, row->date, row->arrival);
  }
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      live_test(a_folder_of_any_time_rests_and_its_changes_are_seen),
      live_test(changes_of_a_clock_that_was_set_are_seen),
      live_test(a_second_change_within_the_same_time_is_seen),
      live_test(letters_whose_files_have_impossible_times_keep_their_dates),
  };
  if (access("/dev/shm", W_OK) == 0)
    g_setenv("TMPDIR", "/dev/shm", TRUE);
  return cmocka_run_group_tests(tests, live_start, live_stop);
}

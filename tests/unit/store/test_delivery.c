#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "tests/unit/store/fixture.h"

static void
deliver_pieces(const struct fixture *fixture, const char *const *pieces, const char *expected)
{
  g_autoptr(delivery_t) delivery = delivery_begin(fixture->store, "Inbox", NULL);
  g_auto(GStrv) keys = NULL;
  assert_non_null(delivery);
  assert_true(delivery_open(delivery, NULL));
  for (; *pieces != NULL; pieces++) {
    g_autofree char *exact = exact_copy(*pieces, strlen(*pieces));
    assert_true(delivery_write(delivery, exact, strlen(*pieces), NULL));
  }
  assert_true(delivery_close(delivery, NULL, 0, NULL));
  assert_true(delivery_commit(delivery, &keys, NULL));
  assert_int_equal(g_strv_length(keys), 1);
  fixture_assert_text(fixture, keys[0], expected);
}

static void
line_ends_are_normalised_across_writes(void **state)
{
  static const struct { const char *pieces[6], *expected; } cases[] = {
      {{"a\r\nb\r\n"}, "a\nb\n"},
      {{"a\r", "\nb"}, "a\nb"},
      {{"a\r", "b"}, "a\rb"},
      {{"a\r"}, "a\r"},
      {{"\r", "\r", "\n"}, "\r\n"},
      {{"a\r\r\nb\rc\n"}, "a\r\nb\rc\n"},
      {{"", "\r", "", "\n", ""}, "\n"},
      {{"no end"}, "no end"},
      {{""}, ""},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
    deliver_pieces(*state, cases[i].pieces, cases[i].expected);
}

static void
every_other_byte_stays(void **state)
{
  struct fixture *fixture = *state;
  g_autoptr(GByteArray) all = g_byte_array_new();
  for (guint i = 0; i < 300000; i++) {
    guint8 byte = (guint8)(i * 7 + i / 251);
    byte = byte == '\n' ? 'n' : byte;
    g_byte_array_append(all, &byte, 1);
  }
  g_autoptr(GBytes) bytes = g_byte_array_free_to_bytes(g_steal_pointer(&all));
  g_autofree char *key = NULL;
  assert_true(store_deliver(fixture->store, "Inbox", bytes, 0, &key, NULL));
  g_autoptr(GBytes) back = store_read(fixture->store, key, NULL);
  assert_true(g_bytes_equal(bytes, back));
}

static void
nothing_is_visible_before_the_commit(void **state)
{
  struct fixture *fixture = *state;
  g_autoptr(delivery_t) delivery = delivery_begin(fixture->store, "Inbox", NULL);
  assert_true(delivery_open(delivery, NULL));
  assert_true(delivery_write(delivery, "a", 1, NULL));
  assert_true(delivery_close(delivery, NULL, 0, NULL));
  assert_int_equal(fixture_count(fixture, "Inbox/new") + fixture_count(fixture, "Inbox/cur"), 0);
  assert_true(delivery_commit(delivery, NULL, NULL));
  assert_int_equal(fixture_count(fixture, "Inbox/new"), 1);
  assert_int_equal(fixture_count(fixture, "Inbox/tmp"), 0);
}

static void
what_was_abandoned_or_not_committed_leaves_nothing(void **state)
{
  struct fixture *fixture = *state;
  struct delivery *delivery = delivery_begin(fixture->store, "Inbox", NULL);
  assert_true(delivery_open(delivery, NULL));
  assert_true(delivery_write(delivery, "cut", 3, NULL));
  delivery_abandon(delivery);
  assert_false(delivery_write(delivery, "x", 1, NULL));
  assert_true(delivery_open(delivery, NULL));
  assert_true(delivery_close(delivery, NULL, 0, NULL));
  assert_true(delivery_open(delivery, NULL));
  delivery_end(delivery);
  assert_int_equal(fixture_count(fixture, "Inbox/tmp"), 0);
  assert_int_equal(fixture_count(fixture, "Inbox/new"), 0);
}

static void
flags_put_a_letter_into_cur_and_files_are_private(void **state)
{
  struct fixture *fixture = *state;
  g_autofree char *key = fixture_deliver(fixture, "Sent", "a\n", ROW_SEEN | ROW_REPLIED);
  unsigned flags;
  g_autofree char *path = maildir_find(fixture->store, key, NULL, &flags, NULL);
  assert_non_null(strstr(path, "/Sent/cur/"));
  assert_true(g_str_has_suffix(path, ":2,RS"));
  struct stat st;
  assert_int_equal(stat(path, &st), 0);
  assert_int_equal(st.st_mode & 07777, 0600);
}

static char *
deliver_named(const struct fixture *fixture, const char *folder, const char *base,
              const char *text)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(delivery_t) delivery = delivery_begin(fixture->store, folder, &error);
  g_auto(GStrv) keys = NULL;
  if (delivery == NULL || !delivery_open(delivery, &error) ||
      !delivery_write(delivery, text, strlen(text), &error) ||
      !delivery_close(delivery, base, 0, &error) || !delivery_commit(delivery, &keys, &error))
    fail_msg("%s", error->message);
  return g_strdup(keys[0]);
}

static void
a_letter_met_again_is_not_doubled(void **state)
{
  struct fixture *fixture = *state;
  g_autofree char *first = deliver_named(fixture, "Inbox", "7.abc.postino", "one\n");
  assert_string_equal(first, "Inbox/7.abc.postino");
  g_autofree char *again = deliver_named(fixture, "Inbox", "7.abc.postino", "one\n");
  assert_string_equal(again, first);
  const char *keys[] = {first, NULL};
  assert_true(store_flag(fixture->store, keys, ROW_SEEN, 0, NULL));
  g_autofree char *read = deliver_named(fixture, "Inbox", "7.abc.postino", "one\n");
  assert_string_equal(read, first);
  g_auto(GStrv) moved = NULL;
  assert_true(store_move(fixture->store, keys, "Archive/2026", &moved, NULL));
  g_autofree char *elsewhere = deliver_named(fixture, "Inbox", "7.abc.postino", "one\n");
  assert_string_equal(elsewhere, "Archive/2026/7.abc.postino");
  assert_int_equal(fixture_count(fixture, "Inbox/new") + fixture_count(fixture, "Inbox/cur") +
                       fixture_count(fixture, "Inbox/tmp"), 0);
}

static void
the_same_name_twice_in_one_batch_is_one_letter(void **state)
{
  struct fixture *fixture = *state;
  g_autoptr(delivery_t) delivery = delivery_begin(fixture->store, "Inbox", NULL);
  g_auto(GStrv) keys = NULL;
  for (int i = 0; i < 2; i++) {
    assert_true(delivery_open(delivery, NULL));
    assert_true(delivery_close(delivery, "7.abc.postino", i == 0 ? 0 : ROW_SEEN, NULL));
  }
  assert_true(delivery_commit(delivery, &keys, NULL));
  assert_string_equal(keys[0], keys[1]);
  assert_int_equal(fixture_count(fixture, "Inbox/new"), 1);
  assert_int_equal(fixture_count(fixture, "Inbox/cur"), 0);
}

static void
a_name_that_is_no_letter_is_an_error_and_no_endless_loop(void **state)
{
  struct fixture *fixture = *state;
  g_autoptr(delivery_t) delivery = delivery_begin(fixture->store, "Inbox", NULL);
  g_autofree char *path = g_build_filename(fixture->dir, "Inbox/new/7.abc.postino", NULL);
  g_autoptr(GError) error = NULL;
  assert_int_equal(g_mkdir_with_parents(path, 0700), 0);
  assert_true(delivery_open(delivery, NULL));
  assert_true(delivery_close(delivery, "7.abc.postino", 0, NULL));
  assert_false(delivery_commit(delivery, NULL, &error));
  assert_int_equal(fixture_count(fixture, "Inbox/tmp"), 0);
}

static void
a_large_batch_has_its_keys_in_order(void **state)
{
  struct fixture *fixture = *state;
  g_autoptr(delivery_t) delivery = delivery_begin(fixture->store, "Inbox", NULL);
  g_auto(GStrv) keys = NULL;
  for (int i = 0; i < 150; i++) {
    g_autofree char *base = g_strdup_printf("%d.x.postino", i);
    assert_true(delivery_open(delivery, NULL));
    assert_true(delivery_write(delivery, base, strlen(base), NULL));
    assert_true(delivery_close(delivery, base, 0, NULL));
  }
  assert_true(delivery_commit(delivery, &keys, NULL));
  assert_int_equal(g_strv_length(keys), 150);
  for (int i = 0; i < 150; i++) {
    g_autofree char *base = g_strdup_printf("%d.x.postino", i);
    g_autofree char *key = key_join("Inbox", base);
    assert_string_equal(keys[i], key);
    fixture_assert_text(fixture, key, base);
  }
}

/* ---- faults ---- */

static void
a_full_disk_stops_at_every_byte_and_leaves_nothing_half(void **state)
{
  struct fixture *fixture = *state;
  g_autofree char *text = g_strnfill(200000, 'x');
  g_autoptr(GBytes) bytes = g_bytes_new_static(text, 200000);
  struct rlimit before;
  assert_true(store_make_folder(fixture->store, "Inbox", NULL));
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
  signal(SIGXFSZ, SIG_IGN);
  static const rlim_t sizes[] = {0, 1, 4095, 65535, 65536, 131073, 199999};
  for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
    g_autoptr(GError) error = NULL;
    struct rlimit small = {.rlim_cur = sizes[i], .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    bool stored = store_deliver(fixture->store, "Inbox", bytes, 0, NULL, &error);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_false(stored);
    assert_int_equal(error_exit_status(error), 74);
    assert_int_equal(fixture_count(fixture, "Inbox/new") + fixture_count(fixture, "Inbox/tmp"), 0);
  }
  assert_true(store_deliver(fixture->store, "Inbox", bytes, 0, NULL, NULL));
  assert_int_equal(fixture_count(fixture, "Inbox/new"), 1);
}

static void
the_whole_batch_survives_the_failure_of_one_letter(void **state)
{
  struct fixture *fixture = *state;
  g_autoptr(delivery_t) delivery = delivery_begin(fixture->store, "Inbox", NULL);
  struct rlimit before;
  g_autofree char *large = g_strnfill(100000, 'x');
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
  struct rlimit small = {.rlim_cur = 50000, .rlim_max = before.rlim_max};
  signal(SIGXFSZ, SIG_IGN);
  assert_true(delivery_open(delivery, NULL));
  assert_true(delivery_write(delivery, "good", 4, NULL));
  assert_true(delivery_close(delivery, "1.a.postino", 0, NULL));
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
  assert_true(delivery_open(delivery, NULL));
  bool written = delivery_write(delivery, large, 100000, NULL) &&
                 delivery_close(delivery, "2.a.postino", 0, NULL);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
  assert_false(written);
  g_auto(GStrv) keys = NULL;
  assert_true(delivery_commit(delivery, &keys, NULL));
  assert_int_equal(g_strv_length(keys), 1);
  fixture_assert_text(fixture, "Inbox/1.a.postino", "good");
  assert_int_equal(fixture_count(fixture, "Inbox/tmp"), 0);
}

/* As another user, for whom the rights of directories count. */
static void
a_maildir_that_cannot_be_written_is_said(void **state)
{
  struct fixture *fixture = *state;
  static const char *const subs[] = {"Inbox", "Inbox/cur", "Inbox/new", "Inbox/tmp"};
  g_autoptr(GBytes) bytes = g_bytes_new_static("a\n", 2);
  g_autofree char *newest = g_build_filename(fixture->dir, "Inbox/new", NULL);
  assert_true(store_make_folder(fixture->store, "Inbox", NULL));
  if (geteuid() == 0) {
    assert_int_equal(chmod(fixture->dir, 0755), 0);
    for (size_t i = 0; i < G_N_ELEMENTS(subs); i++) {
      g_autofree char *path = g_build_filename(fixture->dir, subs[i], NULL);
      assert_int_equal(chown(path, 65534, (gid_t)-1), 0);
    }
  }
  assert_int_equal(chmod(newest, 0500), 0);
  uid_t before = geteuid();
  assert_int_equal(seteuid(before == 0 ? 65534 : before), 0);
  g_autoptr(GError) error = NULL;
  bool stored = store_deliver(fixture->store, "Inbox", bytes, 0, NULL, &error);
  assert_int_equal(seteuid(before), 0);
  assert_int_equal(chmod(newest, 0700), 0);
  assert_false(stored);
  assert_int_equal(error_exit_status(error), 73);
  assert_int_equal(fixture_count(fixture, "Inbox/new") + fixture_count(fixture, "Inbox/tmp"), 0);
}

#define LETTERS 40
#define LETTER_SIZE 9000

/* Delivers the letters that are not yet known, as retrieval would: the record of
 * what is durable comes after the commit. */
static void
deliver_all(const char *dir)
{
  g_autoptr(store_t) store = store_open(dir, NULL, NULL);
  g_autoptr(delivery_t) delivery = store != NULL ? delivery_begin(store, "Inbox", NULL) : NULL;
  if (delivery == NULL)
    _exit(1);
  for (int i = 0; i < LETTERS; i++) {
    g_autofree char *base = g_strdup_printf("%d.kill.postino", 1000 + i);
    g_autofree char *body = g_strnfill(LETTER_SIZE, (char)('a' + i % 26));
    if (!delivery_open(delivery, NULL) || !delivery_write(delivery, body, LETTER_SIZE, NULL) ||
        !delivery_close(delivery, base, 0, NULL) ||
        (i % 4 == 3 && !delivery_commit(delivery, NULL, NULL)))
      _exit(1);
  }
  _exit(0);
}

static bool
letter_is_whole(const char *path, const char *name, void *data)
{
  guint *n = data;
  g_autofree char *text = NULL;
  gsize length;
  int i = atoi(name) - 1000;
  assert_true(i >= 0 && i < LETTERS);
  assert_true(g_file_get_contents(path, &text, &length, NULL));
  assert_int_equal(length, LETTER_SIZE);
  assert_int_equal(strspn(text, (char[]){(char)('a' + i % 26), '\0'}), LETTER_SIZE);
  (*n)++;
  return true;
}

static void
killed_at_any_moment_every_letter_comes_once_and_whole(void **state)
{
  struct fixture *fixture = *state;
  store_close(g_steal_pointer(&fixture->store));
  for (int round = 0; round < 25; round++) {
    pid_t child = fork();
    if (child == 0)
      deliver_all(fixture->dir);
    g_usleep((gulong)g_random_int_range(500, 60000));
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    guint n = 0;
    struct store bare = {.dir = fixture->dir};
    g_autofree char *inbox = g_build_filename(fixture->dir, "Inbox", NULL);
    if (maildir_is(inbox))
      assert_true(maildir_each(&bare, "Inbox", letter_is_whole, &n, NULL));
  }
  pid_t last = fork();
  if (last == 0)
    deliver_all(fixture->dir);
  int status;
  waitpid(last, &status, 0);
  assert_int_equal(status, 0);
  fixture_reopen(fixture);
  guint n = 0;
  assert_true(maildir_each(fixture->store, "Inbox", letter_is_whole, &n, NULL));
  assert_int_equal(n, LETTERS);
  assert_int_equal(fixture_count(fixture, "Inbox/tmp"), 0);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      fixture_test(line_ends_are_normalised_across_writes),
      fixture_test(every_other_byte_stays),
      fixture_test(nothing_is_visible_before_the_commit),
      fixture_test(what_was_abandoned_or_not_committed_leaves_nothing),
      fixture_test(flags_put_a_letter_into_cur_and_files_are_private),
      fixture_test(a_letter_met_again_is_not_doubled),
      fixture_test(the_same_name_twice_in_one_batch_is_one_letter),
      fixture_test(a_name_that_is_no_letter_is_an_error_and_no_endless_loop),
      fixture_test(a_large_batch_has_its_keys_in_order),
      fixture_test(a_full_disk_stops_at_every_byte_and_leaves_nothing_half),
      fixture_test(the_whole_batch_survives_the_failure_of_one_letter),
      fixture_test(a_maildir_that_cannot_be_written_is_said),
      fixture_test(killed_at_any_moment_every_letter_comes_once_and_whole),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

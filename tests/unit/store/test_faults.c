/* A fault at the n-th call that changes the disk, for every n (all of them with
 * POSTINO_ALL_FAULTS=1): this program puts itself in front of the C library,
 * also for SQLite. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "store/drops.h"
#include "store/ledger.h"
#include "tests/unit/store/fixture.h"

static enum { NOTHING, FAIL, DIE } mode;
static int at, calls, failure;
static bool only_links;     /* a file system that cannot rename without replacing */

static bool
strikes(void)
{
  if (mode == NOTHING || __atomic_add_fetch(&calls, 1, __ATOMIC_SEQ_CST) != at)
    return false;
  if (mode == DIE)
    syscall(SYS_kill, syscall(SYS_getpid), SIGKILL);
  errno = failure;
  return true;
}

#define IN_FRONT __attribute__((visibility("default")))

/* What is written when the fault strikes is half of it. */
static ssize_t
half_write(int fd, const void *data, size_t length, off_t offset)
{
  ssize_t ignored = offset < 0 ? syscall(SYS_write, fd, data, length / 2)
                               : syscall(SYS_pwrite64, fd, data, length / 2, offset);
  return ignored;
}

static ssize_t
faulty_write(int fd, const void *data, size_t length, off_t offset)
{
  if (mode != NOTHING && __atomic_load_n(&calls, __ATOMIC_SEQ_CST) + 1 == at)
    half_write(fd, data, length, offset);
  if (strikes())
    return -1;
  return offset < 0 ? syscall(SYS_write, fd, data, length)
                    : syscall(SYS_pwrite64, fd, data, length, offset);
}

IN_FRONT ssize_t
write(int fd, const void *data, size_t length)
{
  return faulty_write(fd, data, length, -1);
}

IN_FRONT ssize_t
pwrite64(int fd, const void *data, size_t length, off64_t offset)
{
  return faulty_write(fd, data, length, offset);
}

IN_FRONT int
fsync(int fd)
{
  return strikes() ? -1 : (int)syscall(SYS_fsync, fd);
}

IN_FRONT int
fdatasync(int fd)
{
  return strikes() ? -1 : (int)syscall(SYS_fdatasync, fd);
}

IN_FRONT int
ftruncate64(int fd, off64_t length)
{
  return strikes() ? -1 : (int)syscall(SYS_ftruncate, fd, length);
}

IN_FRONT int
renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
  if (only_links && flags != 0) {
    errno = EINVAL;
    return -1;
  }
  return strikes() ? -1 : (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
}

IN_FRONT int
link(const char *from, const char *to)
{
  return strikes() ? -1 : (int)syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0);
}

IN_FRONT int
rename(const char *from, const char *to)
{
  return strikes() ? -1 : (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

IN_FRONT int
mkdir(const char *path, mode_t rights)
{
  return strikes() ? -1 : (int)syscall(SYS_mkdirat, AT_FDCWD, path, rights);
}

IN_FRONT int
unlink(const char *path)
{
  /* Cleaning up is where a second fault hurts nobody; only a death counts. */
  if (mode == DIE)
    strikes();
  return (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

/* ---- what is done ---- */

#define LETTERS 3
static const char text[] = "Subject: x\n\nhello\n";

static void
free_row(gpointer row)
{
  drop_row_free(row);
}

/* One window of a retrieval: durable, then known. */
static bool
retrieve(struct store *store)
{
  g_autofree char *id = NULL;
  g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func(free_row);
  g_auto(GStrv) keys = NULL;
  g_autoptr(delivery_t) delivery = delivery_begin(store, "Inbox", NULL);
  if (delivery == NULL || !store_drop(store, "home", "pop", "anna", &id, NULL))
    return false;
  for (int i = 0; i < LETTERS; i++) {
    g_autofree char *base = g_strdup_printf("%d.fault.postino", i);
    g_autofree char *uid = g_strdup_printf("%d", i);
    struct drop_row row = {.uid = uid, .base = base};
    g_ptr_array_add(rows, drop_row_copy(&row));
    if (!delivery_open(delivery, NULL) || !delivery_write(delivery, text, sizeof text - 1, NULL) ||
        !delivery_close(delivery, base, 0, NULL))
      return false;
  }
  return delivery_commit(delivery, &keys, NULL) && store_drop_record(store, id, rows, NULL);
}

static void
check_retrieved(const struct fixture *fixture)
{
  g_autofree char *id = NULL;
  assert_true(store_drop(fixture->store, "home", "pop", "anna", &id, NULL));
  g_autoptr(GPtrArray) rows = store_drop_rows(fixture->store, id, DROP_NAMES, NULL);
  assert_int_equal(rows->len, LETTERS);
  assert_int_equal(fixture_count(fixture, "Inbox/new") + fixture_count(fixture, "Inbox/cur"), LETTERS);
  assert_int_equal(fixture_count(fixture, "Inbox/tmp"), 0);
  for (int i = 0; i < LETTERS; i++) {
    g_autofree char *key = g_strdup_printf("Inbox/%d.fault.postino", i);
    fixture_assert_text(fixture, key, text);
  }
}

/* A letter on its way out, from whatever an earlier attempt left. */
static bool
submit(struct store *store)
{
  g_autoptr(ledger_letter_t) letter = ledger_by_message_id(store, "m@x");
  g_autoptr(GBytes) bytes = g_bytes_new_static(text, sizeof text - 1);
  g_autoptr(blob_t) blob = blob_new(bytes);
  struct blob *copies[] = {blob};
  if (letter == NULL) {
    letter = g_new0(struct ledger_letter, 1);
    letter->account = g_strdup("home");
    letter->message_id = g_strdup("m@x");
    letter->digest = g_strdup("d");
    letter->sent_folder = g_strdup("Sent");
    letter->state = LETTER_QUEUED;
    if (!ledger_add(store, letter, blob, copies, 1, NULL))
      return false;
  }
  if (letter->state == LETTER_QUEUED) {
    letter->state = LETTER_ACCEPTED;
    if (!ledger_update(store, letter, 1u << LETTER_QUEUED, NULL))
      return false;
  }
  return ledger_file_sent(store, letter, NULL);
}

static void
check_submitted(const struct fixture *fixture)
{
  g_autoptr(ledger_letter_t) letter = ledger_by_message_id(fixture->store, "m@x");
  assert_non_null(letter);
  assert_int_equal(letter->state, LETTER_DONE);
  assert_null(letter->reason);
  assert_int_equal(fixture_count(fixture, "Sent/cur"), 1);
  g_autofree char *key = key_join("Sent", letter->base);
  fixture_assert_text(fixture, key, text);
}

/* Moves all there is in Inbox to Trash. */
static bool
clear_inbox(struct store *store)
{
  const char *keys[] = {"Inbox/1.move.postino", NULL};
  g_autofree char *here = maildir_find(store, keys[0], NULL, NULL, NULL);
  return here == NULL || (store_flag(store, keys, ROW_SEEN, 0, NULL) &&
                          store_move(store, keys, "Trash", NULL, NULL));
}

static void
check_moved(const struct fixture *fixture)
{
  assert_int_equal(fixture_count(fixture, "Inbox/cur") + fixture_count(fixture, "Inbox/new"), 0);
  assert_int_equal(fixture_count(fixture, "Trash/cur"), 1);
  fixture_assert_text(fixture, "Trash/1.move.postino", text);
}

/* ---- the n-th call, for every n ---- */

static void
prepare(const struct fixture *fixture)
{
  fixture_write(fixture, "Inbox/new/1.move.postino", text, -1);
  assert_true(store_make_folder(fixture->store, "Inbox", NULL));
  assert_true(store_make_folder(fixture->store, "Sent", NULL));
}

/* Runs it with a fault at call n in a process of its own; true: n was reached. */
static bool
strike(const struct fixture *fixture, bool (*run)(struct store *), int n, bool dies)
{
  pid_t child = fork();
  if (child == 0) {
    calls = 0;
    at = n;
    failure = n % 2 ? ENOSPC : EIO;
    mode = dies ? DIE : FAIL;
    struct store *store = store_open(fixture->dir, NULL, NULL);
    bool done = store != NULL && run(store);
    bool reached = calls >= n;
    mode = NOTHING;
    /* An error was told, and the next attempt of the same process goes well. */
    if (!done && store != NULL && !run(store))
      _exit(3);
    _exit(reached ? 1 : 0);
  }
  int status;
  waitpid(child, &status, 0);
  if (!WIFSIGNALED(status) && WEXITSTATUS(status) > 1)
    fail_msg("a fault at call %d", n);
  return WIFSIGNALED(status) || WEXITSTATUS(status) == 1;
}

static void
strike_everywhere(bool (*run)(struct store *), void (*check)(const struct fixture *), bool dies,
                  bool move)
{
  /* Every call is tried when asked for; else each run tries other ones. */
  int step = g_getenv("POSTINO_ALL_FAULTS") != NULL ? 1 : 6;
  int n = 1 + g_random_int_range(0, step);
  for (bool reached = true; reached; n += step) {
    void *own = NULL;
    fixture_open(&own);
    struct fixture *fixture = own;
    if (move)
      prepare(fixture);
    store_close(g_steal_pointer(&fixture->store));
    reached = strike(fixture, run, n, dies);
    fixture_reopen(fixture);
    assert_true(run(fixture->store));
    check(fixture);
    fixture_close(&own);
  }
  assert_true(n > 10);
}

static void
a_retrieval_that_dies_anywhere_has_each_letter_once(void **state)
{
  strike_everywhere(retrieve, check_retrieved, true, false);
}

static void
a_retrieval_that_fails_anywhere_has_each_letter_once(void **state)
{
  strike_everywhere(retrieve, check_retrieved, false, false);
}

static void
a_submission_that_dies_anywhere_is_filed_once(void **state)
{
  strike_everywhere(submit, check_submitted, true, false);
}

static void
a_submission_that_fails_anywhere_is_filed_once(void **state)
{
  strike_everywhere(submit, check_submitted, false, false);
}

static void
a_move_that_dies_anywhere_loses_and_doubles_nothing(void **state)
{
  strike_everywhere(clear_inbox, check_moved, true, true);
}

static void
a_move_that_fails_anywhere_loses_and_doubles_nothing(void **state)
{
  strike_everywhere(clear_inbox, check_moved, false, true);
}

static void
with_links_alone_nothing_is_lost_or_doubled_either(void **state)
{
  only_links = true;
  strike_everywhere(retrieve, check_retrieved, true, false);
  strike_everywhere(retrieve, check_retrieved, false, false);
  strike_everywhere(clear_inbox, check_moved, false, true);
  only_links = false;
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_retrieval_that_dies_anywhere_has_each_letter_once),
      cmocka_unit_test(a_retrieval_that_fails_anywhere_has_each_letter_once),
      cmocka_unit_test(a_submission_that_dies_anywhere_is_filed_once),
      cmocka_unit_test(a_submission_that_fails_anywhere_is_filed_once),
      cmocka_unit_test(a_move_that_dies_anywhere_loses_and_doubles_nothing),
      cmocka_unit_test(a_move_that_fails_anywhere_loses_and_doubles_nothing),
      cmocka_unit_test(with_links_alone_nothing_is_lost_or_doubled_either),
  };
  /* Thousands of syncs whose order matters here, not the disk behind them. */
  if (access("/dev/shm", W_OK) == 0)
    g_setenv("TMPDIR", "/dev/shm", TRUE);
  return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "store/ledger.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "tests/unit/store/fixture.h"

static void
free_recipient(gpointer data)
{
  struct ledger_recipient *recipient = data;
  g_free(recipient->spec);
  g_free(recipient->reason);
  g_free(recipient->status);
  g_free(recipient);
}

static void
add_recipient(GPtrArray *recipients, const char *spec, guint copy)
{
  struct ledger_recipient *recipient = g_new0(struct ledger_recipient, 1);
  recipient->spec = g_strdup(spec);
  recipient->copy = copy;
  g_ptr_array_add(recipients, recipient);
}

static struct ledger_letter *
new_letter(const char *digest)
{
  struct ledger_letter *letter = g_new0(struct ledger_letter, 1);
  letter->account = g_strdup("home");
  letter->from = g_strdup("anna@tuoisp.example");
  letter->message_id = g_strdup("1@tuoisp.example");
  letter->digest = g_strdup(digest);
  letter->sent_folder = g_strdup("Sent");
  letter->state = LETTER_QUEUED;
  letter->recipients = g_ptr_array_new_with_free_func(free_recipient);
  add_recipient(letter->recipients, "bruno@example.org", 1);
  add_recipient(letter->recipients, "carla@example.org", 2);
  return letter;
}

static struct blob *
blob_of(const char *text)
{
  g_autoptr(GBytes) bytes = g_bytes_new_static(text, strlen(text));
  return blob_new(bytes);
}

static bool
add(const struct fixture *fixture, struct ledger_letter *letter, GError **error)
{
  g_autoptr(blob_t) readable = blob_of("Subject: x\n\nhi\n");
  g_autoptr(blob_t) first = blob_of("one\r\n");
  g_autoptr(blob_t) second = blob_of("two\r\n");
  struct blob *copies[] = {first, second};
  return ledger_add(fixture->store, letter, readable, copies, 2, error);
}

static void
a_letter_is_kept_with_its_recipients_and_wire_copies(void **state)
{
  struct fixture *fixture = *state;
  g_autoptr(ledger_letter_t) letter = new_letter("d1");
  assert_true(add(fixture, letter, NULL));
  assert_int_equal(strlen(letter->id), 8);
  assert_int_equal(strspn(letter->id, "abcdefghijklmnopqrstuvwxyz0123456789"), 8);
  fixture_reopen(fixture);
  g_autoptr(ledger_letter_t) back = ledger_get(fixture->store, letter->id, NULL);
  assert_string_equal(back->base, letter->base);
  assert_int_equal(back->copies, 2);
  assert_int_equal(back->recipients->len, 2);
  const struct ledger_recipient *second = back->recipients->pdata[1];
  assert_string_equal(second->spec, "carla@example.org");
  assert_int_equal(second->copy, 2);
  g_autoptr(blob_t) copy = ledger_copy(fixture->store, back, 2, NULL);
  assert_int_equal(blob_size(copy), 5);
  g_autofree char *path = g_strdup_printf("%s/.postino/outbox/%s.1", fixture->dir, letter->id);
  struct stat st;
  assert_int_equal(stat(path, &st), 0);
  assert_int_equal(st.st_mode & 07777, 0600);
  g_autofree char *key = key_join("Outbox", letter->base);
  fixture_assert_text(fixture, key, "Subject: x\n\nhi\n");
}

static void
it_is_found_by_digest_while_unfinished_and_by_message_id_always(void **state)
{
  struct fixture *fixture = *state;
  g_autoptr(ledger_letter_t) letter = new_letter("d1");
  assert_true(add(fixture, letter, NULL));
  g_autoptr(ledger_letter_t) found = ledger_by_digest(fixture->store, "d1");
  assert_string_equal(found->id, letter->id);
  letter->state = LETTER_CANCELLED;
  assert_true(ledger_update(fixture->store, letter, 1u << LETTER_QUEUED, NULL));
  assert_null(ledger_by_digest(fixture->store, "d1"));
  g_autoptr(ledger_letter_t) old = ledger_by_message_id(fixture->store, "1@tuoisp.example");
  assert_int_equal(old->state, LETTER_CANCELLED);
  g_autoptr(GPtrArray) open = ledger_open(fixture->store, NULL);
  assert_int_equal(open->len, 0);
  g_autoptr(GError) error = NULL;
  assert_null(ledger_get(fixture->store, "zzzzzzzz", &error));
  assert_true(error_is(error, POSTINO_ERROR_NOTFOUND));
}

static void
the_same_letter_is_not_added_twice_while_unfinished(void **state)
{
  struct fixture *fixture = *state;
  g_autoptr(ledger_letter_t) letter = new_letter("d1");
  g_autoptr(ledger_letter_t) twin = new_letter("d1");
  g_autoptr(GError) error = NULL;
  assert_true(add(fixture, letter, NULL));
  assert_false(add(fixture, twin, &error));
  assert_non_null(strstr(error->message, letter->id));
  assert_int_equal(fixture_count(fixture, "Outbox/cur"), 1);
  assert_int_equal(fixture_count(fixture, ".postino/outbox"), 2);
}

static void
only_one_of_two_processes_moves_a_letter(void **state)
{
  struct fixture *fixture = *state;
  g_autoptr(ledger_letter_t) letter = new_letter("d1");
  assert_true(add(fixture, letter, NULL));
  g_autoptr(ledger_letter_t) other = ledger_get(fixture->store, letter->id, NULL);
  struct ledger_recipient *first = letter->recipients->pdata[0];
  letter->state = LETTER_SENDING;
  letter->attempts = 3;
  first->state = RECIPIENT_REFUSED;
  first->reason = g_strdup("no such user");
  first->status = g_strdup("5.1.1");
  assert_true(ledger_update(fixture->store, letter, 1u << LETTER_QUEUED | 1u << LETTER_HELD, NULL));
  other->state = LETTER_CANCELLED;
  g_autoptr(GError) error = NULL;
  assert_false(ledger_update(fixture->store, other, 1u << LETTER_QUEUED, &error));
  assert_true(error_is(error, POSTINO_ERROR_NOTFOUND));
  g_autoptr(ledger_letter_t) back = ledger_get(fixture->store, letter->id, NULL);
  assert_int_equal(back->state, LETTER_SENDING);
  assert_int_equal(back->attempts, 3);
  first = back->recipients->pdata[0];
  assert_string_equal(first->reason, "no such user");
  assert_string_equal(first->status, "5.1.1");
}

static void
accept(const struct fixture *fixture, struct ledger_letter *letter)
{
  letter->state = LETTER_ACCEPTED;
  assert_true(ledger_update(fixture->store, letter, 1u << LETTER_QUEUED, NULL));
}

static void
assert_filed(const struct fixture *fixture, const char *base)
{
  g_autofree char *name = g_strdup_printf("%s/Sent/cur/%s:2,S", fixture->dir, base);
  assert_int_equal(access(name, F_OK), 0);
  assert_int_equal(fixture_count(fixture, "Outbox/cur") + fixture_count(fixture, "Outbox/new"), 0);
  assert_int_equal(fixture_count(fixture, ".postino/outbox"), 0);
}

static void
an_accepted_letter_is_filed_by_name_however_often(void **state)
{
  struct fixture *fixture = *state;
  g_autoptr(ledger_letter_t) letter = new_letter("d1");
  assert_true(add(fixture, letter, NULL));
  accept(fixture, letter);
  g_autoptr(ledger_letter_t) again = ledger_get(fixture->store, letter->id, NULL);
  assert_true(ledger_file_sent(fixture->store, letter, NULL));
  assert_int_equal(letter->state, LETTER_DONE);
  assert_filed(fixture, letter->base);
  assert_true(ledger_file_sent(fixture->store, again, NULL));
  assert_true(ledger_file_sent(fixture->store, letter, NULL));
  assert_filed(fixture, letter->base);
  assert_int_equal(fixture_count(fixture, "Sent/cur"), 1);
}

static void
filing_that_was_cut_after_the_rename_is_finished(void **state)
{
  struct fixture *fixture = *state;
  g_autoptr(ledger_letter_t) letter = new_letter("d1");
  assert_true(add(fixture, letter, NULL));
  accept(fixture, letter);
  g_autofree char *key = key_join("Outbox", letter->base);
  const char *keys[] = {key, NULL};
  assert_true(store_move(fixture->store, keys, "Sent", NULL, NULL));
  assert_true(ledger_file_sent(fixture->store, letter, NULL));
  assert_filed(fixture, letter->base);
  assert_null(letter->reason);
}

static void
a_file_that_is_nowhere_is_done_and_said(void **state)
{
  struct fixture *fixture = *state;
  g_autoptr(ledger_letter_t) letter = new_letter("d1");
  assert_true(add(fixture, letter, NULL));
  accept(fixture, letter);
  g_autofree char *key = key_join("Outbox", letter->base);
  const char *keys[] = {key, NULL};
  assert_true(store_expunge(fixture->store, keys, NULL));
  assert_true(ledger_file_sent(fixture->store, letter, NULL));
  g_autoptr(ledger_letter_t) back = ledger_get(fixture->store, letter->id, NULL);
  assert_int_equal(back->state, LETTER_DONE);
  assert_non_null(back->reason);
}

static void
a_letter_that_was_not_accepted_is_never_done(void **state)
{
  struct fixture *fixture = *state;
  g_autoptr(ledger_letter_t) letter = new_letter("d1");
  assert_true(add(fixture, letter, NULL));
  g_autoptr(GError) error = NULL;
  assert_false(ledger_file_sent(fixture->store, letter, &error));
  assert_int_equal(letter->state, LETTER_QUEUED);
  assert_int_equal(fixture_count(fixture, ".postino/outbox"), 2);
}

static void
sent_that_is_a_link_to_the_outbox_loses_nothing(void **state)
{
  struct fixture *fixture = *state;
  g_autoptr(ledger_letter_t) letter = new_letter("d1");
  assert_true(add(fixture, letter, NULL));
  g_autofree char *link = g_build_filename(fixture->dir, "Sent", NULL);
  assert_int_equal(symlink("Outbox", link), 0);
  accept(fixture, letter);
  assert_true(ledger_file_sent(fixture->store, letter, NULL));
  assert_int_equal(fixture_count(fixture, "Outbox/cur"), 1);
}

static void
a_cancelled_letter_goes_to_drafts_or_away(void **state)
{
  struct fixture *fixture = *state;
  static const char *const folders[] = {"Drafts", NULL};
  for (size_t i = 0; i < 2; i++) {
    g_autoptr(ledger_letter_t) letter = new_letter(i == 0 ? "d1" : "d2");
    assert_true(add(fixture, letter, NULL));
    letter->state = LETTER_CANCELLED;
    assert_true(ledger_update(fixture->store, letter, 1u << LETTER_QUEUED, NULL));
    assert_true(ledger_discard(fixture->store, letter, folders[i], NULL));
    assert_true(ledger_discard(fixture->store, letter, folders[i], NULL));
    assert_int_equal(fixture_count(fixture, ".postino/outbox"), 0);
    assert_int_equal(fixture_count(fixture, "Outbox/cur"), 0);
    assert_int_equal(fixture_count(fixture, "Drafts/cur"), 1);
  }
}

static void
a_full_disk_keeps_nothing(void **state)
{
  struct fixture *fixture = *state;
  struct rlimit before;
  assert_true(store_make_folder(fixture->store, "Outbox", NULL));
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
  signal(SIGXFSZ, SIG_IGN);
  /* The wire copies, then the file, then state.db. */
  for (rlim_t size = 0; size < 40; size += 3) {
    g_autoptr(ledger_letter_t) letter = new_letter("d1");
    g_autoptr(GError) error = NULL;
    struct rlimit small = {.rlim_cur = size, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    bool added = add(fixture, letter, &error);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_false(added);
    assert_int_equal(error_exit_status(error), 74);
    assert_null(letter->id);
    assert_int_equal(fixture_count(fixture, ".postino/outbox"), 0);
    assert_int_equal(fixture_count(fixture, "Outbox/cur") + fixture_count(fixture, "Outbox/tmp"), 0);
  }
  g_autoptr(ledger_letter_t) letter = new_letter("d1");
  assert_true(add(fixture, letter, NULL));
}

static void
add_until_killed(const char *dir)
{
  struct fixture fixture = {.dir = (char *)dir, .store = store_open(dir, NULL, NULL)};
  alarm(60);
  for (int i = 0; fixture.store != NULL; i++) {
    g_autofree char *digest = g_strdup_printf("%d-%d", (int)getpid(), i);
    g_autoptr(ledger_letter_t) letter = new_letter(digest);
    if (!add(&fixture, letter, NULL))
      _exit(1);
  }
  _exit(1);
}

static void
after_a_kill_every_row_has_its_file_and_its_wire_copies(void **state)
{
  struct fixture *fixture = *state;
  store_close(g_steal_pointer(&fixture->store));
  for (int round = 0; round < 10; round++) {
    pid_t child = fork();
    if (child == 0)
      add_until_killed(fixture->dir);
    g_usleep((gulong)g_random_int_range(5000, 80000));
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
  }
  fixture_reopen(fixture);
  g_autoptr(GPtrArray) open = ledger_open(fixture->store, NULL);
  assert_non_null(open);
  for (guint i = 0; i < open->len; i++) {
    const struct ledger_letter *letter = open->pdata[i];
    g_autofree char *key = key_join("Outbox", letter->base);
    fixture_assert_text(fixture, key, "Subject: x\n\nhi\n");
    for (guint copy = 1; copy <= 2; copy++) {
      g_autoptr(blob_t) blob = ledger_copy(fixture->store, letter, copy, NULL);
      assert_int_equal(blob_size(blob), 5);
    }
    assert_int_equal(letter->recipients->len, 2);
  }
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      fixture_test(a_letter_is_kept_with_its_recipients_and_wire_copies),
      fixture_test(it_is_found_by_digest_while_unfinished_and_by_message_id_always),
      fixture_test(the_same_letter_is_not_added_twice_while_unfinished),
      fixture_test(only_one_of_two_processes_moves_a_letter),
      fixture_test(an_accepted_letter_is_filed_by_name_however_often),
      fixture_test(filing_that_was_cut_after_the_rename_is_finished),
      fixture_test(a_file_that_is_nowhere_is_done_and_said),
      fixture_test(a_letter_that_was_not_accepted_is_never_done),
      fixture_test(sent_that_is_a_link_to_the_outbox_loses_nothing),
      fixture_test(a_cancelled_letter_goes_to_drafts_or_away),
      fixture_test(a_full_disk_keeps_nothing),
      fixture_test(after_a_kill_every_row_has_its_file_and_its_wire_copies),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/store/fixture.h"

/* Changes of letters, and their undoing. */

static unsigned
flags_of(const struct fixture *fixture, const char *key)
{
  unsigned flags = 0;
  g_autoptr(GError) error = NULL;
  g_autofree char *path = maildir_find(fixture->store, key, NULL, &flags, &error);
  if (path == NULL)
    fail_msg("%s", error->message);
  return flags;
}

static char *
undo(const struct fixture *fixture)
{
  char *what = NULL;
  g_autoptr(GError) error = NULL;
  if (!store_undo(fixture->store, &what, &error))
    fail_msg("%s", error->message);
  return what;
}

static void
assert_nothing_to_undo(const struct fixture *fixture)
{
  g_autoptr(GError) error = NULL;
  assert_false(store_undo(fixture->store, NULL, &error));
  assert_true(error_is(error, POSTINO_ERROR_NOTFOUND));
}

static void
flags_are_set_cleared_and_taken_back(void **state)
{
  struct fixture *fixture = *state;
  g_autofree char *key = fixture_deliver(fixture, "Inbox", "a\n", 0);
  const char *keys[] = {key, NULL};
  assert_true(store_flag(fixture->store, keys, ROW_SEEN | ROW_FLAGGED, 0, NULL));
  assert_int_equal(flags_of(fixture, key), ROW_SEEN | ROW_FLAGGED);
  assert_int_equal(fixture_count(fixture, "Inbox/new"), 0);
  assert_true(store_flag(fixture->store, keys, 0, ROW_SEEN, NULL));
  assert_int_equal(flags_of(fixture, key), ROW_FLAGGED);
  assert_true(store_flag(fixture->store, keys, ROW_FLAGGED, 0, NULL)); /* changes nothing */
  fixture_reopen(fixture);
  g_autofree char *first = undo(fixture);
  assert_string_equal(first, "flags of 1 letter as before");
  assert_int_equal(flags_of(fixture, key), ROW_SEEN | ROW_FLAGGED);
  g_free(undo(fixture));
  assert_int_equal(flags_of(fixture, key), 0);
  assert_nothing_to_undo(fixture);
}

static void
undoing_flags_leaves_what_came_later(void **state)
{
  struct fixture *fixture = *state;
  g_autofree char *key = fixture_deliver(fixture, "Inbox", "a\n", ROW_SEEN);
  const char *keys[] = {key, NULL};
  assert_true(store_flag(fixture->store, keys, ROW_FLAGGED, 0, NULL));
  g_autofree char *path = maildir_find(fixture->store, key, NULL, NULL, NULL);
  g_autofree char *answered =
      g_strdup_printf("%.*s:2,FRSx", (int)(strstr(path, ":2,") - path), path);
  assert_int_equal(rename(path, answered), 0);
  g_free(undo(fixture));
  g_autofree char *after = maildir_find(fixture->store, key, NULL, NULL, NULL);
  assert_true(g_str_has_suffix(after, ":2,RSx"));
}

static void
a_move_keeps_bytes_flags_and_name_and_is_taken_back(void **state)
{
  struct fixture *fixture = *state;
  g_autofree char *a = fixture_deliver(fixture, "Inbox", "a\n", ROW_SEEN);
  g_autofree char *b = fixture_deliver(fixture, "Inbox", "b\n", 0);
  const char *keys[] = {a, b, NULL};
  g_auto(GStrv) moved = NULL;
  assert_true(store_move(fixture->store, keys, "Trash", &moved, NULL));
  assert_int_equal(g_strv_length(moved), 2);
  assert_true(g_str_has_prefix(moved[0], "Trash/"));
  assert_string_equal(strrchr(moved[0], '/'), strrchr(a, '/'));
  fixture_assert_text(fixture, moved[1], "b\n");
  assert_int_equal(flags_of(fixture, moved[0]), ROW_SEEN);
  assert_int_equal(fixture_count(fixture, "Inbox/new") + fixture_count(fixture, "Inbox/cur"), 0);
  g_autofree char *what = undo(fixture);
  assert_string_equal(what, "2 letters moved back");
  fixture_assert_text(fixture, a, "a\n");
  fixture_assert_text(fixture, b, "b\n");
  assert_int_equal(fixture_count(fixture, "Trash/new") + fixture_count(fixture, "Trash/cur"), 0);
}

static void
a_move_never_replaces_a_letter_of_the_same_name(void **state)
{
  struct fixture *fixture = *state;
  g_autofree char *key = fixture_deliver(fixture, "Inbox", "mine\n", ROW_SEEN);
  const char *base = strrchr(key, '/') + 1;
  g_autofree char *other = g_strdup_printf("Trash/cur/%s:2,F", base);
  assert_true(store_make_folder(fixture->store, "Trash", NULL));
  fixture_write(fixture, other, "other\n", -1);
  const char *keys[] = {key, NULL};
  g_auto(GStrv) moved = NULL;
  assert_true(store_move(fixture->store, keys, "Trash", &moved, NULL));
  g_autofree char *taken = key_join("Trash", base);
  assert_string_not_equal(moved[0], taken);
  fixture_assert_text(fixture, moved[0], "mine\n");
  fixture_assert_text(fixture, taken, "other\n");
  g_free(undo(fixture));
  fixture_assert_text(fixture, key, "mine\n");
}

/* A folder that is a link to another file system. */
static void
a_move_to_another_file_system_copies_whole(void **state)
{
  struct fixture *fixture = *state;
  g_autofree char *far = g_strdup("/dev/shm/postino-test-XXXXXX");
  struct stat here, there;
  if (g_mkdtemp(far) == NULL || stat(far, &there) < 0 || stat(fixture->dir, &here) < 0)
    skip();
  g_autofree char *link = g_build_filename(fixture->dir, "Far", NULL);
  assert_int_equal(symlink(far, link), 0);
  g_autofree char *key = fixture_deliver(fixture, "Inbox", "a\rb\n", ROW_SEEN);
  const char *keys[] = {key, NULL};
  g_auto(GStrv) moved = NULL;
  assert_true(store_move(fixture->store, keys, "Far", &moved, NULL));
  fixture_assert_text(fixture, moved[0], "a\rb\n");
  assert_int_equal(flags_of(fixture, moved[0]), ROW_SEEN);
  assert_int_equal(fixture_count(fixture, "Inbox/cur"), 0);
  assert_int_equal(fixture_count(fixture, "Far/cur"), 1);
  assert_int_equal(fixture_count(fixture, "Far/tmp"), 0);
  g_free(undo(fixture));
  fixture_assert_text(fixture, key, "a\rb\n");
  assert_int_equal(fixture_count(fixture, "Far/cur"), 0);
  nftw(far, fixture_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void
what_can_no_longer_be_taken_back_is_passed_over(void **state)
{
  struct fixture *fixture = *state;
  g_autofree char *a = fixture_deliver(fixture, "Inbox", "a\n", 0);
  g_autofree char *b = fixture_deliver(fixture, "Inbox", "b\n", 0);
  const char *first[] = {a, NULL}, *second[] = {b, NULL};
  g_auto(GStrv) moved = NULL;
  assert_true(store_flag(fixture->store, first, ROW_FLAGGED, 0, NULL));
  assert_true(store_move(fixture->store, second, "Trash", &moved, NULL));
  assert_true(store_expunge(fixture->store, (const char *const *)moved, NULL));
  g_autofree char *what = undo(fixture);
  assert_string_equal(what,
                      "flags of 1 letter as before; 1 letter that changed since is left alone");
}

static void
a_missing_letter_is_said_and_the_others_are_done(void **state)
{
  struct fixture *fixture = *state;
  g_autofree char *key = fixture_deliver(fixture, "Inbox", "a\n", 0);
  const char *keys[] = {"Inbox/1.none", key, NULL};
  g_autoptr(GError) error = NULL;
  assert_false(store_flag(fixture->store, keys, ROW_SEEN, 0, &error));
  assert_true(error_is(error, POSTINO_ERROR_NOTFOUND));
  assert_int_equal(flags_of(fixture, key), ROW_SEEN);
  g_clear_error(&error);
  g_auto(GStrv) moved = NULL;
  assert_false(store_move(fixture->store, keys, "Trash", &moved, &error));
  assert_null(moved);
  assert_int_equal(fixture_count(fixture, "Trash/cur"), 1);
}

static void
a_copy_has_its_own_name_and_expunging_spares_it(void **state)
{
  struct fixture *fixture = *state;
  g_autofree char *key = fixture_deliver(fixture, "Inbox", "a\r\nb\n", ROW_SEEN);
  const char *keys[] = {key, NULL};
  assert_true(store_copy(fixture->store, keys, "Archive", NULL));
  assert_true(store_copy(fixture->store, keys, "Inbox", NULL));
  assert_int_equal(fixture_count(fixture, "Inbox/cur"), 2);
  assert_true(store_expunge(fixture->store, keys, NULL));
  assert_int_equal(fixture_count(fixture, "Inbox/cur"), 1);
  assert_int_equal(fixture_count(fixture, "Archive/cur"), 1);
  assert_int_equal(fixture_count(fixture, "Archive/tmp"), 0);
}

static char *
tags_of(const struct fixture *fixture, const char *key)
{
  g_autofree char *path = maildir_find(fixture->store, key, NULL, NULL, NULL);
  g_autofree char *digest = NULL, *folder = NULL, *base = NULL;
  assert_true(digest_file(path, &digest, NULL, NULL));
  assert_true(key_split(key, &folder, &base));
  return state_tags(fixture->store, base, digest);
}

static void
tags_are_added_removed_and_taken_back(void **state)
{
  struct fixture *fixture = *state;
  g_autofree char *key = fixture_deliver(fixture, "Inbox", "Subject: a\n\nb\n", 0);
  const char *keys[] = {key, NULL};
  assert_true(store_tag(fixture->store, keys, "+todo  later -read", NULL));
  g_autofree char *both = tags_of(fixture, key);
  assert_string_equal(both, "later todo");
  assert_true(store_tag(fixture->store, keys, "-todo", NULL));
  g_autoptr(GHashTable) all = state_tagged(fixture->store);
  assert_string_equal(g_hash_table_lookup(all, strrchr(key, '/') + 1), "later");
  g_autofree char *what = undo(fixture);
  assert_string_equal(what, "tags of 1 letter as before");
  g_autofree char *again = tags_of(fixture, key);
  assert_string_equal(again, "later todo");
  g_auto(GStrv) moved = NULL;
  assert_true(store_move(fixture->store, keys, "Archive", &moved, NULL));
  g_autofree char *there = tags_of(fixture, moved[0]);
  assert_string_equal(there, "later todo");
}

static void
words_that_are_no_tags_are_refused(void **state)
{
  struct fixture *fixture = *state;
  static const char *const bad[] = {"", "+", "-", "+a\x1b", "+\xff", " "};
  g_autofree char *key = fixture_deliver(fixture, "Inbox", "a\n", 0);
  const char *keys[] = {key, NULL};
  for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
    g_autoptr(GError) error = NULL;
    assert_false(store_tag(fixture->store, keys, bad[i], &error));
    assert_true(error_is(error, POSTINO_ERROR_INVALID));
  }
}

/* Another program that renames all the time, as a second client would. */
static void
rename_about(const char *dir)
{
  struct store bare = {.dir = (char *)dir};
  alarm(60);
  for (;;) {
    unsigned flags;
    g_autofree char *path = maildir_find(&bare, "Inbox/1.race", NULL, &flags, NULL);
    if (path == NULL)
      continue;
    g_autofree char *name = maildir_name("1.race", flags ^ ROW_REPLIED);
    g_autofree char *target = g_build_filename(dir, "Inbox/cur", name, NULL);
    rename(path, target);
    g_usleep(300);
  }
}

static void
flags_are_set_though_another_program_renames(void **state)
{
  struct fixture *fixture = *state;
  assert_true(store_make_folder(fixture->store, "Inbox", NULL));
  fixture_write(fixture, "Inbox/cur/1.race:2,", "x\n", -1);
  pid_t child = fork();
  if (child == 0)
    rename_about(fixture->dir);
  const char *keys[] = {"Inbox/1.race", NULL};
  guint done = 0;
  for (int i = 0; i < 60; i++)
    done += store_flag(fixture->store, keys, i % 2 ? ROW_SEEN : 0, i % 2 ? 0 : ROW_SEEN, NULL);
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  assert_int_equal(fixture_count(fixture, "Inbox/cur") + fixture_count(fixture, "Inbox/new"), 1);
  assert_true(done >= 55);
  fixture_assert_text(fixture, "Inbox/1.race", "x\n");
}

static void
stop_at_third(const struct store_progress *progress, void *data)
{
  if (progress->done == 2)
    g_cancellable_cancel(data);
}

static void
a_stopped_change_of_many_is_taken_back_as_one(void **state)
{
  struct fixture *fixture = *state;
  char *keys[6] = {NULL};
  for (int i = 0; i < 5; i++)
    keys[i] = fixture_deliver(fixture, "Inbox", "a\n", ROW_SEEN);
  g_autoptr(GCancellable) cancel = g_cancellable_new();
  struct store_bulk bulk = {.progress = stop_at_third, .data = cancel, .cancel = cancel};
  g_autoptr(GError) error = NULL;
  GStrv moved = NULL;
  assert_false(store_move_bulk(fixture->store, (const char *const *)keys, "Archive", &moved, &bulk,
                               &error));
  assert_true(error_is(error, POSTINO_ERROR_CANCELLED));
  assert_string_equal(error->message, "stopped after 2 of 5 letters; undo takes them back");
  assert_null(moved);
  assert_int_equal(fixture_count(fixture, "Archive/cur"), 2);
  fixture_reopen(fixture);
  g_autofree char *what = undo(fixture);
  assert_string_equal(what, "2 letters moved back");
  assert_int_equal(fixture_count(fixture, "Inbox/cur"), 5);
  for (int i = 0; i < 5; i++)
    g_free(keys[i]);
}

#define MANY 450

static GStrv
deliver_many(struct fixture *fixture, guint n)
{
  GStrv keys = g_new0(char *, n + 1);
  for (guint i = 0; i < n; i++)
    keys[i] = fixture_deliver(fixture, "Inbox", "a\n", ROW_SEEN);
  return keys;
}

static void
die_at_the_limit(const struct store_progress *progress, void *data)
{
  (void)data;
  if (progress->done == MANY - 20)
    _exit(9);
}

/* A child does it and dies after MANY - 20 letters. */
static void
die_among_many(struct fixture *fixture, GStrv keys, bool moving)
{
  pid_t child = fork();
  if (child == 0) {
    struct store_bulk bulk = {.progress = die_at_the_limit};
    fixture_reopen(fixture);
    const char *const *all = (const char *const *)keys;
    (void)!(moving ? store_move_bulk(fixture->store, all, "Archive", NULL, &bulk, NULL)
                   : store_flag_bulk(fixture->store, all, ROW_FLAGGED, 0, &bulk, NULL));
    _exit(0);
  }
  int status;
  waitpid(child, &status, 0);
  assert_int_equal(WEXITSTATUS(status), 9);
}

static void
a_move_of_many_that_died_is_taken_back_whole(void **state)
{
  struct fixture *fixture = *state;
  g_auto(GStrv) keys = deliver_many(fixture, MANY);
  die_among_many(fixture, keys, true);
  assert_int_equal(fixture_count(fixture, "Archive/cur"), MANY - 20);
  g_autofree char *what = undo(fixture);
  assert_string_equal(what, "430 letters moved back");
  assert_int_equal(fixture_count(fixture, "Inbox/cur"), MANY);
  assert_int_equal(fixture_count(fixture, "Archive/cur"), 0);
  for (guint i = 0; i < MANY; i++)
    assert_int_equal(flags_of(fixture, keys[i]), ROW_SEEN);
  assert_nothing_to_undo(fixture);
}

static void
flags_of_many_that_died_are_taken_back_whole(void **state)
{
  struct fixture *fixture = *state;
  g_auto(GStrv) keys = deliver_many(fixture, MANY);
  die_among_many(fixture, keys, false);
  assert_int_equal(flags_of(fixture, keys[MANY - 21]), ROW_SEEN | ROW_FLAGGED);
  g_autofree char *what = undo(fixture);
  assert_string_equal(what, "flags of 430 letters as before");
  for (guint i = 0; i < MANY; i++)
    assert_int_equal(flags_of(fixture, keys[i]), ROW_SEEN);
  assert_nothing_to_undo(fixture);
}

static void
take_the_third(const struct store_progress *progress, void *data)
{
  if (progress->done == 2)
    assert_int_equal(remove(data), 0);
}

/* Written down, but taken away by another program before it was done. */
static void
what_could_not_be_moved_is_not_taken_back(void **state)
{
  struct fixture *fixture = *state;
  g_auto(GStrv) keys = deliver_many(fixture, 4);
  g_autofree char *third = maildir_find(fixture->store, keys[2], NULL, NULL, NULL);
  struct store_bulk bulk = {.progress = take_the_third, .data = third};
  g_autoptr(GError) error = NULL;
  assert_false(store_move_bulk(fixture->store, (const char *const *)keys, "Archive", NULL, &bulk,
                               &error));
  assert_true(error_is(error, POSTINO_ERROR_NOTFOUND));
  g_autofree char *what = undo(fixture);
  assert_string_equal(what, "3 letters moved back");
  assert_nothing_to_undo(fixture);
}

static void
stop_at_250(const struct store_progress *progress, void *data)
{
  if (progress->done == 250)
    g_cancellable_cancel(data);
}

static void
an_undo_that_was_stopped_goes_on_in_the_next_run(void **state)
{
  struct fixture *fixture = *state;
  g_auto(GStrv) keys = deliver_many(fixture, MANY);
  assert_true(store_tag(fixture->store, (const char *const *)keys, "+old", NULL));
  assert_true(store_move(fixture->store, (const char *const *)keys, "Archive", NULL, NULL));
  g_autoptr(GCancellable) cancel = g_cancellable_new();
  struct store_bulk bulk = {.progress = stop_at_250, .data = cancel, .cancel = cancel};
  g_autoptr(GError) error = NULL;
  assert_false(store_undo_bulk(fixture->store, &bulk, NULL, &error));
  assert_true(error_is(error, POSTINO_ERROR_CANCELLED));
  assert_string_equal(error->message,
                      "stopped after 250 of 450 letters; undo goes on with the others");
  assert_int_equal(fixture_count(fixture, "Inbox/cur"), 250);
  fixture_reopen(fixture);
  g_autofree char *rest = undo(fixture);
  assert_string_equal(rest, "200 letters moved back");
  assert_int_equal(fixture_count(fixture, "Inbox/cur"), MANY);
  g_autofree char *tags = undo(fixture);
  assert_string_equal(tags, "tags of 450 letters as before");
  assert_nothing_to_undo(fixture);
}

static void
tagging_and_copying_of_many_are_stopped(void **state)
{
  struct fixture *fixture = *state;
  g_auto(GStrv) keys = deliver_many(fixture, MANY);
  g_autoptr(GCancellable) cancel = g_cancellable_new();
  struct store_bulk bulk = {.progress = stop_at_third, .data = cancel, .cancel = cancel};
  g_autoptr(GError) copied = NULL, tagged = NULL;
  assert_false(store_copy_bulk(fixture->store, (const char *const *)keys, "Copy", &bulk, &copied));
  assert_string_equal(copied->message, "stopped after 2 of 450 letters");
  assert_int_equal(fixture_count(fixture, "Copy/cur"), 2);
  assert_false(store_tag_bulk(fixture->store, (const char *const *)keys, "+a", &bulk, &tagged));
  assert_true(error_is(tagged, POSTINO_ERROR_CANCELLED));
}

static void
what_another_program_changed_since_is_said_and_left_alone(void **state)
{
  struct fixture *fixture = *state;
  g_auto(GStrv) keys = deliver_many(fixture, 4);
  g_auto(GStrv) moved = NULL;
  assert_true(store_move(fixture->store, (const char *const *)keys, "Archive", &moved, NULL));
  /* One goes, one is moved on, one gets a flag. */
  g_autofree char *first = maildir_find(fixture->store, moved[0], NULL, NULL, NULL);
  g_autofree char *second = maildir_find(fixture->store, moved[1], NULL, NULL, NULL);
  g_autofree char *third = maildir_find(fixture->store, moved[2], NULL, NULL, NULL);
  g_autofree char *dir = maildir_make(fixture->store, "Elsewhere", NULL);
  g_autofree char *name = g_path_get_basename(second);
  g_autofree char *on = g_build_filename(dir, "cur", name, NULL);
  g_autofree char *flagged = g_strdup_printf("%.*s:2,FS", (int)(strstr(third, ":2,") - third), third);
  assert_int_equal(unlink(first), 0);
  assert_int_equal(rename(second, on), 0);
  assert_int_equal(rename(third, flagged), 0);
  g_autofree char *what = undo(fixture);
  assert_string_equal(what, "2 letters moved back; 2 letters that changed since are left alone");
  assert_int_equal(fixture_count(fixture, "Elsewhere/cur"), 1);
  assert_int_equal(flags_of(fixture, keys[2]), ROW_SEEN | ROW_FLAGGED);
  assert_int_equal(flags_of(fixture, keys[3]), ROW_SEEN);
}

static void
letters_removed_for_good_are_said_once(void **state)
{
  struct fixture *fixture = *state;
  g_autofree char *a = fixture_deliver(fixture, "Inbox", "a\n", ROW_SEEN);
  g_autofree char *b = fixture_deliver(fixture, "Trash", "b\n", ROW_SEEN);
  g_autofree char *c = fixture_deliver(fixture, "Trash", "c\n", ROW_SEEN);
  const char *kept[] = {a, NULL}, *first[] = {b, NULL}, *second[] = {c, NULL};
  struct store_bulk bulk = {0};
  assert_true(store_flag(fixture->store, kept, ROW_FLAGGED, 0, NULL));
  assert_true(store_expunge_bulk(fixture->store, first, &bulk, NULL));
  assert_true(store_expunge_bulk(fixture->store, second, &bulk, NULL));
  fixture_reopen(fixture);
  g_autoptr(GError) error = NULL;
  assert_false(store_undo(fixture->store, NULL, &error));
  assert_true(error_is(error, POSTINO_ERROR_INVALID));
  g_free(undo(fixture));
  assert_int_equal(flags_of(fixture, a), ROW_SEEN);
  assert_nothing_to_undo(fixture);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      fixture_test(flags_are_set_cleared_and_taken_back),
      fixture_test(undoing_flags_leaves_what_came_later),
      fixture_test(a_move_keeps_bytes_flags_and_name_and_is_taken_back),
      fixture_test(a_move_never_replaces_a_letter_of_the_same_name),
      fixture_test(a_move_to_another_file_system_copies_whole),
      fixture_test(what_can_no_longer_be_taken_back_is_passed_over),
      fixture_test(a_missing_letter_is_said_and_the_others_are_done),
      fixture_test(a_copy_has_its_own_name_and_expunging_spares_it),
      fixture_test(tags_are_added_removed_and_taken_back),
      fixture_test(words_that_are_no_tags_are_refused),
      fixture_test(flags_are_set_though_another_program_renames),
      fixture_test(a_stopped_change_of_many_is_taken_back_as_one),
      fixture_test(a_move_of_many_that_died_is_taken_back_whole),
      fixture_test(flags_of_many_that_died_are_taken_back_whole),
      fixture_test(what_could_not_be_moved_is_not_taken_back),
      fixture_test(an_undo_that_was_stopped_goes_on_in_the_next_run),
      fixture_test(tagging_and_copying_of_many_are_stopped),
      fixture_test(what_another_program_changed_since_is_said_and_left_alone),
      fixture_test(letters_removed_for_good_are_said_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "store/watch.h"
#include "tests/unit/store/mirror.h"

static char *
folders_of(struct fixture *f)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) folders = store_folders(f->store, NULL, &error);
  if (folders == NULL)
    fail_msg("%s", error->message);
  GString *out = g_string_new(NULL);
  for (guint i = 0; i < folders->len; i++) {
    const struct folder_row *row = folders->pdata[i];
    g_string_append_printf(out, "%s%s %d/%d", i > 0 ? ", " : "", row->name, (int)row->unread,
                           (int)row->total);
  }
  return g_string_free(out, FALSE);
}

static void
assert_folders(struct fixture *f, const char *wanted)
{
  g_autofree char *seen = folders_of(f);
  assert_string_equal(seen, wanted);
}

static void
folders_come_by_name_and_the_inbox_first(void **state)
{
  struct fixture *f = *state;
  static const char *const names[] = {"Zoo", "émile", "Inbox", "dora", "Lists/b", "Lists/a"};
  for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
    assert_true(store_make_folder(f->store, names[i], NULL));
  assert_folders(f, "Inbox 0/0, dora 0/0, émile 0/0, Lists/a 0/0, Lists/b 0/0, Zoo 0/0");
}

static void
no_folder_is_no_error(void **state)
{
  assert_folders(*state, "");
}

static void
counts_are_kept_with_every_change(void **state)
{
  struct fixture *f = *state;
  assert_true(store_make_folder(f->store, "Inbox", NULL));
  assert_true(store_make_folder(f->store, "Archive", NULL));
  mirror_add(f, "Inbox", "a", 0, NULL, "Subject: a\n\nx");
  mirror_add(f, "Inbox", "b", ROW_SEEN, NULL, "Subject: b\n\nx");
  assert_folders(f, "Inbox 1/2, Archive 0/0");
  index_moved(f->store, "Inbox/a", "Inbox/a", "Inbox/cur/a:2,S", ROW_SEEN);
  assert_folders(f, "Inbox 0/2, Archive 0/0");
  index_moved(f->store, "Inbox/a", "Archive/c", "Archive/new/c", 0);
  assert_folders(f, "Inbox 0/1, Archive 1/1");
  g_autofree char *path = index_path(f->store, "Archive/c");
  g_autofree char *wanted = g_build_filename(f->dir, "Archive/new/c", NULL);
  assert_string_equal(path, wanted);
  index_removed(f->store, "Archive/c");
  assert_folders(f, "Inbox 0/1, Archive 0/0");
  index_removed(f->store, "Archive/c");
  index_moved(f->store, "Archive/c", "Inbox/c", "Inbox/cur/c", 0);
  assert_folders(f, "Inbox 0/1, Archive 0/0");
}

static void
counts_of_all_folders_are_the_sum(void **state)
{
  struct fixture *f = *state;
  mirror_add(f, "Inbox", "a", 0, NULL, "Subject: a\n\nx");
  mirror_add(f, "Archive", "b", ROW_SEEN, NULL, "Subject: b\n\nx");
  struct rows_query asked = {.limit = 0};
  guint64 total, unread;
  assert_true(store_count(f->store, &asked, &total, &unread, NULL, NULL));
  assert_int_equal(total, 2);
  assert_int_equal(unread, 1);
}

/* Who leaves does not wait until thousands of folders were looked at. */
static void
a_look_at_the_folders_ends_when_it_is_cancelled(void **state)
{
  struct fixture *f = *state;
  g_autoptr(GCancellable) cancel = g_cancellable_new();
  g_autoptr(GError) error = NULL;
  assert_true(store_make_folder(f->store, "Inbox", NULL));
  g_cancellable_cancel(cancel);
  assert_null(store_folders(f->store, cancel, &error));
  assert_true(error_is(error, POSTINO_ERROR_CANCELLED));
  g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
  g_autoptr(GPtrArray) places = maildir_places(f->store, names, cancel);
  assert_int_equal(places->len, 0);
  assert_true(store_watch_fd(f->store, cancel) >= 0);
  assert_false(store_watch_is_whole(f->store));
  watch_folders(f->store, NULL);
  assert_true(store_watch_is_whole(f->store));
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      fixture_test(folders_come_by_name_and_the_inbox_first),
      fixture_test(no_folder_is_no_error),
      fixture_test(counts_are_kept_with_every_change),
      fixture_test(counts_of_all_folders_are_the_sum),
      fixture_test(a_look_at_the_folders_ends_when_it_is_cancelled),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

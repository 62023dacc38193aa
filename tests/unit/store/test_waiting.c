#include "store/drops.h"
#include "store/waiting.h"
#include "tests/unit/store/mirror.h"

static struct reader_pool *readers;

static int
start_readers(void **state)
{
  readers = reader_pool_new(1);
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

static void
refresh(struct fixture *f)
{
  g_autoptr(GError) error = NULL;
  if (!store_refresh(f->store, NULL, NULL, NULL, NULL, &error))
    fail_msg("%s", error->message);
}

static char *
drop_of(struct fixture *f, const char *account)
{
  char *drop = NULL;
  assert_true(store_drop(f->store, account, "pop3.x.example", account, &drop, NULL));
  return drop;
}

static struct waiting *
waiting_new(const char *drop, const char *uid, const char *headers)
{
  struct waiting *waiting = g_new0(struct waiting, 1);
  *waiting = (struct waiting){
      .drop = g_strdup(drop),
      .uid = g_strdup(uid),
      .size = 70 << 20,
      .folder = g_strdup("Inbox"),
      .base = g_strdup_printf("1700000000.%s.postino", uid),
      .headers = headers != NULL ? g_bytes_new(headers, strlen(headers)) : NULL,
      .noticed = 1800000000,
  };
  return waiting;
}

static void
record(struct fixture *f, const char *drop, const char *uid, const char *headers)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(waiting_t) waiting = waiting_new(drop, uid, headers);
  g_autoptr(GPtrArray) one = g_ptr_array_new();
  g_ptr_array_add(one, waiting);
  if (!store_waiting_record(f->store, one, &error))
    fail_msg("%s", error->message);
  refresh(f);
}

static void
forget(struct fixture *f, const char *drop, const char *uid)
{
  g_autoptr(waiting_t) waiting = waiting_new(drop, uid, NULL);
  g_autoptr(GPtrArray) one = g_ptr_array_new();
  g_ptr_array_add(one, waiting);
  assert_true(store_waiting_forget(f->store, one, NULL));
  refresh(f);
}

/* "SUBJECT flags", a row each, of the inbox or of a query. */
static void
assert_rows(struct fixture *f, const char *query, bool waiting, const char *wanted)
{
  struct rows_query asked = {.folder = "Inbox", .query = query, .order = ROWS_OLDEST, .limit = 100,
                             .waiting = waiting};
  g_autoptr(GPtrArray) rows = mirror_rows(f, &asked);
  g_autoptr(GString) out = g_string_new(NULL);
  for (guint i = 0; i < rows->len; i++) {
    const struct row *row = rows->pdata[i];
    assert_int_equal(row->path == NULL, (row->flags & ROW_WAITING) != 0);
    g_string_append_printf(out, "%s%s %s", i > 0 ? ", " : "", row->subject,
                           row->flags & ROW_WAITING ? "waits" : "here");
  }
  assert_string_equal(out->str, wanted);
}

static void
assert_inbox(struct fixture *f, guint64 unread, guint64 total)
{
  g_autoptr(GPtrArray) folders = store_folders(f->store, NULL, NULL);
  for (guint i = 0; folders != NULL && i < folders->len; i++) {
    const struct folder_row *row = folders->pdata[i];
    if (strcmp(row->name, "Inbox") != 0)
      continue;
    assert_int_equal(row->unread, unread);
    assert_int_equal(row->total, total);
    return;
  }
  fail_msg("there is no inbox");
}

#define HEADERS(subject) \
  "From: Carlo <carlo@x.example>\nSubject: " subject "\nDate: 1 Jan 2026 00:00:00 +0000\n" \
  "Message-ID: <" subject "@t>\n\n"

static void
what_waits_is_listed_but_not_counted(void **state)
{
  struct fixture *f = *state;
  g_autofree char *drop = drop_of(f, "home");
  g_free(fixture_deliver(f, "Inbox", HEADERS("small") "boat\n", 0));
  record(f, drop, "u1", HEADERS("mountain"));
  assert_rows(f, NULL, true, "small here, mountain waits");
  assert_rows(f, NULL, false, "small here");
  assert_rows(f, "subject:mountain", true, "mountain waits");
  assert_rows(f, "subject:mountain", false, "");
  assert_inbox(f, 1, 1);
}

static void
an_index_made_anew_lists_it_again(void **state)
{
  struct fixture *f = *state;
  g_autofree char *drop = drop_of(f, "home");
  record(f, drop, "u1", HEADERS("mountain"));
  store_close(f->store);
  f->store = NULL;
  static const char *const files[] = {"index.db", "index.db-wal", "index.db-shm"};
  for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
    g_autofree char *path = g_build_filename(f->dir, ".postino", files[i], NULL);
    (void)remove(path);
  }
  reopen(f);
  refresh(f);
  assert_rows(f, "carlo", true, "mountain waits");
  assert_inbox(f, 0, 0);
}

static void
what_the_server_lost_is_listed_no_longer(void **state)
{
  struct fixture *f = *state;
  g_autofree char *drop = drop_of(f, "home");
  record(f, drop, "u1", HEADERS("mountain"));
  record(f, drop, "u2", NULL);
  assert_rows(f, NULL, true, "mountain waits,  waits");
  forget(f, drop, "u1");
  assert_rows(f, NULL, true, " waits");
  forget(f, drop, "u2");
  assert_rows(f, NULL, true, "");
}

/* As retrieval does it: the file, then the row of the drop. */
static void
the_letter_itself_takes_the_place_of_its_row(void **state)
{
  struct fixture *f = *state;
  g_autofree char *drop = drop_of(f, "home");
  record(f, drop, "u1", HEADERS("mountain"));
  fixture_write(f, "Inbox/new/1700000000.u1.postino", HEADERS("mountain") "boat\n", -1);
  refresh(f);
  assert_rows(f, NULL, true, "mountain here");
  struct drop_row row = {.uid = (char *)"u1", .size = 70 << 20,
                         .base = (char *)"1700000000.u1.postino"};
  g_autoptr(GPtrArray) rows = g_ptr_array_new();
  g_ptr_array_add(rows, &row);
  assert_true(store_drop_record(f->store, drop, rows, NULL));
  refresh(f);
  g_autoptr(GPtrArray) left = store_waiting(f->store, drop, NULL);
  assert_int_equal(left->len, 0);
  assert_rows(f, "boat", true, "mountain here");
  assert_inbox(f, 1, 1);
}

static void
what_is_not_here_cannot_be_changed_here(void **state)
{
  struct fixture *f = *state;
  g_autofree char *drop = drop_of(f, "home"), *whose = NULL;
  record(f, drop, "u1", HEADERS("mountain"));
  const char *const keys[] = {"Inbox/1700000000.u1.postino", NULL};
  g_autoptr(GError) error = NULL;
  assert_null(store_read(f->store, keys[0], &error));
  assert_int_equal(error->code, POSTINO_ERROR_NOTFOUND);
  assert_non_null(strstr(error->message, "on the server alone"));
  g_autoptr(waiting_t) found = store_waiting_find(f->store, keys[0], &whose, NULL);
  assert_string_equal(found->uid, "u1");
  assert_string_equal(whose, "home");
}

static void
what_waits_for_an_account_that_left_is_forgotten(void **state)
{
  struct fixture *f = *state;
  g_autofree char *home = drop_of(f, "home"), *work = drop_of(f, "work");
  record(f, home, "u1", HEADERS("mountain"));
  record(f, work, "u2", HEADERS("glacier"));
  const char *const names[] = {"home", NULL};
  assert_true(store_waiting_keep(f->store, names, NULL));
  refresh(f);
  assert_rows(f, NULL, true, "mountain waits");
}

static void
the_word_that_keeps_a_letter_goes_with_its_drop(void **state)
{
  struct fixture *f = *state;
  g_autofree char *old = drop_of(f, "home"), *new = drop_of(f, "house");
  g_autofree char *key = store_kept_key("u1", 7);
  assert_true(store_keep(f->store, old, "u1", 7, true, NULL));
  assert_true(store_keep(f->store, old, "u1", 7, true, NULL));
  assert_true(store_drop_inherit(f->store, new, old, NULL));
  g_autoptr(GHashTable) kept = store_kept(f->store, new, NULL);
  assert_int_equal(g_hash_table_size(kept), 1);
  assert_true(g_hash_table_contains(kept, key));
  assert_true(store_keep(f->store, new, "u1", 7, false, NULL));
  g_autoptr(GHashTable) none = store_kept(f->store, new, NULL);
  assert_int_equal(g_hash_table_size(none), 0);
}

#define here_test(function) \
  cmocka_unit_test_setup_teardown(function, open_here, fixture_close)

int
main(void)
{
  const struct CMUnitTest tests[] = {
      here_test(what_waits_is_listed_but_not_counted),
      here_test(an_index_made_anew_lists_it_again),
      here_test(what_the_server_lost_is_listed_no_longer),
      here_test(the_letter_itself_takes_the_place_of_its_row),
      here_test(what_is_not_here_cannot_be_changed_here),
      here_test(what_waits_for_an_account_that_left_is_forgotten),
      here_test(the_word_that_keeps_a_letter_goes_with_its_drop),
  };
  return cmocka_run_group_tests(tests, start_readers, stop_readers);
}

#include "store/drops.h"

#include "base/error.h"
#include "store/waiting.h"
#include "tests/unit/store/fixture.h"

static void
free_row(gpointer row)
{
  drop_row_free(row);
}

static GPtrArray *
rows_of(const char *const *uids)
{
  GPtrArray *rows = g_ptr_array_new_with_free_func(free_row);
  for (; *uids != NULL; uids++) {
    g_autofree char *base = g_strdup_printf("1.%s.postino", *uids);
    struct drop_row row = {.uid = *uids, .size = 100, .base = base, .fetched = 12345};
    g_ptr_array_add(rows, drop_row_copy(&row));
  }
  return rows;
}

static char *
drop(const struct fixture *fixture, const char *account, const char *server)
{
  char *id = NULL;
  assert_true(store_drop(fixture->store, account, server, "anna", &id, NULL));
  return id;
}

static void
record(const struct fixture *fixture, const char *id, const char *const *uids)
{
  g_autoptr(GPtrArray) rows = rows_of(uids);
  assert_true(store_drop_record(fixture->store, id, rows, NULL));
}

static guint
count(const struct fixture *fixture, const char *id)
{
  g_autoptr(GPtrArray) rows = store_drop_rows(fixture->store, id, DROP_WHOLE, NULL);
  assert_non_null(rows);
  return rows->len;
}

static const char *const four[] = {"a", "b", "c", "d", NULL};

static void
a_drop_keeps_its_id(void **state)
{
  struct fixture *fixture = *state;
  g_autofree char *first = drop(fixture, "home", "pop.example");
  assert_int_equal(strlen(first), 8);
  assert_int_equal(strspn(first, "abcdefghijklmnopqrstuvwxyz0123456789"), 8);
  fixture_reopen(fixture);
  g_autofree char *again = drop(fixture, "home", "pop.example");
  g_autofree char *other = drop(fixture, "home", "pop2.example");
  assert_string_equal(first, again);
  assert_string_not_equal(first, other);
}

static void
rows_come_back_as_they_were(void **state)
{
  struct fixture *fixture = *state;
  g_autofree char *id = drop(fixture, "home", "pop.example");
  g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func(free_row);
  for (guint generation = 0; generation < 2; generation++) {
    struct drop_row row = {.uid = "x!~",
                           .size = G_MAXINT64,
                           .generation = generation,
                           .digest = generation == 0 ? NULL : "d",
                           .state = DROP_DELETING,
                           .fetched = 7};
    g_ptr_array_add(rows, drop_row_copy(&row));
  }
  assert_true(store_drop_record(fixture->store, id, rows, NULL));
  assert_true(store_drop_record(fixture->store, id, rows, NULL));
  g_autoptr(GPtrArray) back = store_drop_rows(fixture->store, id, DROP_WHOLE, NULL);
  assert_int_equal(back->len, 2);
  const struct drop_row *second = back->pdata[1];
  assert_string_equal(second->uid, "x!~");
  assert_true(second->size == G_MAXINT64);
  assert_int_equal(second->generation, 1);
  assert_null(second->base);
  assert_string_equal(second->digest, "d");
  assert_int_equal(second->state, DROP_DELETING);
  assert_int_equal(second->fetched, 7);
}

static void
a_bad_row_stores_none_of_the_batch(void **state)
{
  struct fixture *fixture = *state;
  g_autofree char *id = drop(fixture, "home", "pop.example");
  g_autoptr(GPtrArray) rows = rows_of(four);
  struct drop_row *bad = rows->pdata[3];
  bad->uid = NULL;
  g_autoptr(GError) error = NULL;
  assert_false(store_drop_record(fixture->store, id, rows, &error));
  assert_non_null(error);
  assert_int_equal(count(fixture, id), 0);
}

static void
a_renamed_account_is_known_by_half_of_its_uids(void **state)
{
  struct fixture *fixture = *state;
  g_autofree char *old = drop(fixture, "home", "pop.example");
  g_autofree char *fresh = drop(fixture, "casa", "pop.example");
  record(fixture, old, four);
  const char *half[] = {"a", "b", "x", "y", NULL};
  const char *few[] = {"a", "x", "y", NULL};
  const char *none[] = {NULL};
  g_autofree char *like = store_drop_like(fixture->store, fresh, half);
  assert_string_equal(like, old);
  assert_null(store_drop_like(fixture->store, fresh, few));
  assert_null(store_drop_like(fixture->store, fresh, none));
  assert_null(store_drop_like(fixture->store, old, half));
  assert_true(store_drop_inherit(fixture->store, fresh, old, NULL));
  assert_int_equal(count(fixture, fresh), 4);
  assert_int_equal(count(fixture, old), 4);
}

static void
rows_are_forgotten_only_after_their_days(void **state)
{
  struct fixture *fixture = *state;
  g_autofree char *id = drop(fixture, "home", "pop.example");
  const char *missing[] = {"c", "d", NULL}, *none[] = {NULL};
  record(fixture, id, four);
  assert_true(store_drop_prune(fixture->store, id, missing, 30, NULL));
  assert_int_equal(count(fixture, id), 4);
  assert_true(store_drop_prune(fixture->store, id, none, 0, NULL));
  assert_int_equal(count(fixture, id), 4);
  assert_true(store_drop_prune(fixture->store, id, missing, 0, NULL));
  assert_int_equal(count(fixture, id), 2);
}

static void
what_is_kept_is_forgotten_with_its_row(void **state)
{
  struct fixture *fixture = *state;
  g_autofree char *id = drop(fixture, "home", "pop.example");
  const char *missing[] = {"b", "c", "d", "gone and never fetched", NULL};
  record(fixture, id, four);
  static const char *const kept[] = {"a", "b", "never fetched", "gone and never fetched"};
  for (size_t i = 0; i < G_N_ELEMENTS(kept); i++)
    assert_true(store_keep(fixture->store, id, kept[i], 100, true, NULL));
  assert_true(store_drop_prune(fixture->store, id, missing, 30, NULL));
  g_autoptr(GHashTable) before = store_kept(fixture->store, id, NULL);
  assert_int_equal(g_hash_table_size(before), 3);
  assert_true(g_hash_table_contains(before, "100 b"));
  assert_true(g_hash_table_contains(before, "100 never fetched"));
  assert_true(store_drop_prune(fixture->store, id, missing, 0, NULL));
  g_autoptr(GHashTable) after = store_kept(fixture->store, id, NULL);
  assert_int_equal(g_hash_table_size(after), 2);
  assert_false(g_hash_table_contains(after, "100 b"));
}

static void
rows_change_their_state_by_name(void **state)
{
  struct fixture *fixture = *state;
  g_autofree char *id = drop(fixture, "home", "pop.example");
  g_autoptr(GArray) names = g_array_new(FALSE, FALSE, sizeof(struct drop_name));
  struct drop_name name[] = {{"b", 100, 0}, {"c", 101, 0}, {"d", 100, 1}};
  g_array_append_vals(names, name, G_N_ELEMENTS(name));
  record(fixture, id, four);
  assert_true(store_drop_settle(fixture->store, id, names, DROP_GONE, NULL));
  g_autoptr(GPtrArray) rows = store_drop_rows(fixture->store, id, DROP_NAMES, NULL);
  for (guint i = 0; i < rows->len; i++) {
    const struct drop_row *row = rows->pdata[i];
    assert_int_equal(row->state, g_str_equal(row->uid, "b") ? DROP_GONE : DROP_HERE);
  }
}

static void
what_was_not_asked_for_is_not_written_back(void **state)
{
  struct fixture *fixture = *state;
  g_autofree char *id = drop(fixture, "home", "pop.example");
  record(fixture, id, four);
  g_autoptr(GPtrArray) rows = store_drop_rows(fixture->store, id, DROP_NAMES, NULL);
  const struct drop_row *first = rows->pdata[0];
  assert_ptr_equal(first->base, drop_unread);
  assert_null(first->digest);
  assert_int_equal(first->fetched, 12345);
  g_autoptr(GError) error = NULL;
  assert_false(store_drop_record(fixture->store, id, rows, &error));
  assert_int_equal(error_exit_status(error), 70);
  g_autoptr(GPtrArray) bases = store_drop_rows(fixture->store, id, DROP_BASES, NULL);
  assert_string_equal(((struct drop_row *)bases->pdata[0])->base, "1.a.postino");
}

static void
memory_is_set_replaced_and_cleared(void **state)
{
  struct fixture *fixture = *state;
  assert_null(store_memory_get(fixture->store, "home", "tls"));
  assert_true(store_memory_set(fixture->store, "home", "tls", "yes", NULL));
  assert_true(store_memory_set(fixture->store, "home", "tls", "1.3", NULL));
  g_autofree char *value = store_memory_get(fixture->store, "home", "tls");
  assert_string_equal(value, "1.3");
  assert_null(store_memory_get(fixture->store, "work", "tls"));
  assert_true(store_memory_set(fixture->store, "home", "tls", NULL, NULL));
  assert_null(store_memory_get(fixture->store, "home", "tls"));
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      fixture_test(a_drop_keeps_its_id),
      fixture_test(rows_come_back_as_they_were),
      fixture_test(a_bad_row_stores_none_of_the_batch),
      fixture_test(a_renamed_account_is_known_by_half_of_its_uids),
      fixture_test(rows_are_forgotten_only_after_their_days),
      fixture_test(what_is_kept_is_forgotten_with_its_row),
      fixture_test(rows_change_their_state_by_name),
      fixture_test(what_was_not_asked_for_is_not_written_back),
      fixture_test(memory_is_set_replaced_and_cleared),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "base/error.h"
#include "store/waiting.h"
#include "tests/unit/retrieve/scene.h"

static void
a_large_letter_waits_until_it_is_asked_for(void **state)
{
  struct scene *s = scene_new(0);
  scene_five(s);
  g_autofree char *body = g_strnfill(5000, 'x');
  fake_add(s->fake, "big", "grande", body);
  s->server.max_size = 1000;
  scene_expect(s, 0, 5, 0);
  assert_int_equal(s->result.too_large, 1);
  assert_int_equal(fake_count(s->fake), 1);
  struct server_pick first = {.number = 1};
  struct retrieve_result result;
  assert_true(retrieve_fetch_picks(&s->account, s->keyring, s->store, &first, 1, NULL, &result,
                                   NULL, &s->error));
  assert_int_equal(result.fetched, 1);
  retrieve_result_clear(&result);
  assert_int_equal(scene_letters(s), 6);
  g_free(scene_end(s));
}

static void
numbers_mean_the_letters_that_were_shown(void **state)
{
  struct scene *s = scene_new(-1);
  scene_five(s);
  g_autoptr(GPtrArray) rows =
      retrieve_list(&s->account, s->keyring, s->store, NULL, NULL, &s->error);
  assert_non_null(rows);
  assert_int_equal(rows->len, 5);
  assert_string_equal(((struct server_row *)g_ptr_array_index(rows, 1))->uid, "u2");
  assert_false(((struct server_row *)g_ptr_array_index(rows, 1))->here);
  struct server_pick first[] = {{.number = 1}, {.number = 1}}, third = {.number = 3};
  assert_true(retrieve_delete_picks(&s->account, s->keyring, s->store, first, 2, NULL, &s->error));
  assert_int_equal(fake_count(s->fake), 4);
  /* u3 has number 2 now, and is still what was shown as 3. */
  struct retrieve_result result;
  assert_true(retrieve_fetch_picks(&s->account, s->keyring, s->store, &third, 1, NULL, &result,
                                   NULL, &s->error));
  retrieve_result_clear(&result);
  assert_true(scene_holds(s, "tre", ""));
  assert_false(retrieve_delete_picks(&s->account, s->keyring, s->store, first, 1, NULL, &s->error));
  assert_int_equal(error_exit_status(s->error), 66);
  assert_int_equal(fake_count(s->fake), 4);
  scene_expect(s, 0, 3, 1);
  g_free(scene_end(s));
}

static void
a_letter_that_was_removed_comes_back_when_asked_for(void **state)
{
  struct scene *s = scene_new(-1);
  scene_five(s);
  scene_expect(s, 0, 5, 0);
  g_autofree char *inbox = g_build_filename(s->dir, "Inbox", NULL);
  scene_remove_tree(inbox);
  scene_expect(s, 0, 0, 5);
  struct server_pick second = {.number = 2};
  struct retrieve_result result;
  for (int i = 0; i < 2; i++) {
    assert_true(retrieve_fetch_picks(&s->account, s->keyring, s->store, &second, 1, NULL,
                                     &result, NULL, &s->error));
    assert_int_equal(result.fetched, i == 0 ? 1 : 0);
    retrieve_result_clear(&result);
    assert_int_equal(scene_letters(s), 1);
  }
  scene_expect(s, 0, 0, 5);
  g_free(scene_end(s));
}

static void
count_line(const char *line, void *data)
{
  ++*(guint *)data;
}

static void
a_dry_run_touches_nothing(void **state)
{
  struct scene *s = scene_new(0);
  scene_five(s);
  guint lines = 0;
  struct retrieve_options options = {.dry_run = true, .plan_line = count_line, .data = &lines};
  assert_true(retrieve_run(&s->account, s->keyring, s->store, &options, &s->result, NULL,
                           &s->error));
  assert_int_equal(lines, 5);
  assert_int_equal(scene_letters(s), 0);
  assert_int_equal(fake_count(s->fake), 5);
  g_free(scene_end(s));
}

/* ---- letters that wait there ---- */

static char *
drop_of(struct scene *s)
{
  char *drop = NULL;
  assert_true(store_drop(s->store, "home", "127.0.0.1", "anna", &drop, NULL));
  return drop;
}

static GPtrArray *
waiting_in(struct scene *s)
{
  g_autofree char *drop = drop_of(s);
  GPtrArray *all = store_waiting(s->store, drop, NULL);
  assert_non_null(all);
  return all;
}

static struct scene *
scene_with_a_large_letter(void)
{
  struct scene *s = scene_new(-1);
  g_autofree char *body = g_strnfill(5000, 'x');
  scene_five(s);
  fake_add(s->fake, "big", "grande", body);
  s->server.max_size = 1000;
  return s;
}

static char *
key_of(const GPtrArray *waiting)
{
  const struct waiting *one = waiting->pdata[0];
  return g_strdup_printf("%s/%s", one->folder, one->base);
}

static void
what_waits_is_fetched_by_its_key(void **state)
{
  struct scene *s = scene_with_a_large_letter();
  struct retrieve_result result;
  scene_expect(s, 0, 5, 0);
  g_autoptr(GPtrArray) waiting = waiting_in(s);
  assert_int_equal(waiting->len, 1);
  assert_string_equal(((struct waiting *)waiting->pdata[0])->uid, "big");
  assert_int_equal(((struct waiting *)waiting->pdata[0])->asked, 0);
  guint examined = s->fake->examined;
  scene_expect(s, 0, 0, 5);
  assert_int_equal(s->fake->examined, examined);
  g_autofree char *key = key_of(waiting);
  assert_true(retrieve_fetch_waiting(&s->account, s->keyring, s->store, key, NULL, &result, NULL,
                                     &s->error));
  assert_int_equal(result.fetched, 1);
  assert_string_equal(result.keys[0], key);
  retrieve_result_clear(&result);
  g_autoptr(GPtrArray) none = waiting_in(s);
  assert_int_equal(none->len, 0);
  assert_int_equal(scene_letters(s), 6);
  assert_false(retrieve_fetch_waiting(&s->account, s->keyring, s->store, key, NULL, &result, NULL,
                                      &s->error));
  assert_int_equal(error_exit_status(s->error), 66);
  retrieve_result_clear(&result);
  scene_expect(s, 0, 0, 6);
  g_free(scene_end(s));
}

/* Its row was lost, as when a process dies between the file and the row. */
static void
a_large_letter_is_met_by_its_file(void **state)
{
  struct scene *s = scene_with_a_large_letter();
  struct retrieve_result result;
  scene_expect(s, 0, 5, 0);
  g_autoptr(GPtrArray) waiting = waiting_in(s);
  g_autofree char *key = key_of(waiting);
  assert_true(retrieve_fetch_waiting(&s->account, s->keyring, s->store, key, NULL, &result, NULL,
                                     &s->error));
  retrieve_result_clear(&result);
  scene_lose_rows(s);
  guint retrieved = s->fake->retrieved;
  scene_expect(s, 0, 5, 1);
  assert_int_equal(s->result.too_large, 0);
  assert_int_equal(s->fake->retrieved, retrieved + 5);
  g_autoptr(GPtrArray) after = waiting_in(s);
  assert_int_equal(after->len, 0);
  scene_expect(s, 0, 0, 6);
  assert_int_equal(scene_letters(s), 6);
  g_free(scene_end(s));
}

static void
what_left_the_server_waits_no_longer(void **state)
{
  for (int by_key = 0; by_key < 2; by_key++) {
    struct scene *s = scene_with_a_large_letter();
    struct retrieve_result result;
    scene_expect(s, 0, 5, 0);
    g_autoptr(GPtrArray) waiting = waiting_in(s);
    g_autofree char *key = key_of(waiting);
    ((struct fake_letter *)s->fake->letters->pdata[5])->deleted = true;
    if (by_key) {
      assert_false(retrieve_fetch_waiting(&s->account, s->keyring, s->store, key, NULL, &result,
                                          NULL, &s->error));
      assert_int_equal(error_exit_status(s->error), 66);
      retrieve_result_clear(&result);
    } else {
      scene_expect(s, 0, 0, 5);
    }
    g_autoptr(GPtrArray) none = waiting_in(s);
    assert_int_equal(none->len, 0);
    g_free(scene_end(s));
  }
}

static void
what_was_kept_and_left_the_server_is_forgotten(void **state)
{
  struct scene *s = scene_with_a_large_letter();
  scene_expect(s, 0, 5, 0);
  g_autoptr(GPtrArray) waiting = waiting_in(s);
  const struct waiting *one = waiting->pdata[0];
  struct server_pick pick = {.number = 6, .uid = "big", .size = one->size};
  assert_true(retrieve_keep(&s->account, s->store, &pick, 1, true, &s->error));
  fake_add(s->fake, "u7", "sette", "x\n");
  scene_expect(s, 0, 1, 5);
  g_autoptr(GHashTable) kept = store_kept(s->store, one->drop, NULL);
  assert_int_equal(g_hash_table_size(kept), 1);
  ((struct fake_letter *)s->fake->letters->pdata[5])->deleted = true;
  fake_add(s->fake, "u8", "otto", "x\n");
  scene_expect(s, 0, 1, 6);
  g_autoptr(GHashTable) none = store_kept(s->store, one->drop, NULL);
  assert_int_equal(g_hash_table_size(none), 0);
  g_free(scene_end(s));
}

static void
headers_that_end_the_session_stop_no_letter_for_long(void **state)
{
  struct scene *s = scene_with_a_large_letter();
  fake_fault(s->fake, "TOP", FAULT_CUT, NULL);
  s->fake->times = 100;
  for (int i = 0; i < 3; i++)
    assert_int_equal(scene_fetch(s), 75);
  scene_expect(s, 0, 5, 0);
  assert_int_equal(s->result.too_large, 1);
  g_autoptr(GPtrArray) waiting = waiting_in(s);
  assert_int_equal(waiting->len, 1);
  g_free(scene_end(s));
}

static void
what_is_kept_there_no_policy_deletes(void **state)
{
  struct scene *s = scene_new(0);
  scene_five(s);
  g_autoptr(GPtrArray) rows =
      retrieve_list(&s->account, s->keyring, s->store, NULL, NULL, &s->error);
  assert_non_null(rows);
  const struct server_row *second = rows->pdata[1];
  struct server_pick pick = {.number = 99, .uid = second->uid, .size = second->size};
  assert_true(retrieve_keep(&s->account, s->store, &pick, 1, true, &s->error));
  scene_expect(s, 0, 5, 0);
  assert_int_equal(fake_count(s->fake), 1);
  scene_expect(s, 0, 0, 1);
  assert_int_equal(fake_count(s->fake), 1);
  assert_true(retrieve_keep(&s->account, s->store, &pick, 1, false, &s->error));
  scene_expect(s, 0, 0, 1);
  assert_int_equal(fake_count(s->fake), 0);
  g_free(scene_end(s));
}

static void
the_later_word_holds(void **state)
{
  struct scene *s = scene_new(-1);
  scene_five(s);
  scene_expect(s, 0, 5, 0);
  g_autoptr(GPtrArray) rows =
      retrieve_list(&s->account, s->keyring, s->store, NULL, NULL, &s->error);
  assert_non_null(rows);
  const struct server_row *second = rows->pdata[1];
  struct server_pick pick = {.number = 2, .uid = second->uid, .size = second->size};
  assert_true(retrieve_keep(&s->account, s->store, &pick, 1, true, &s->error));
  s->fake->lost_quit = true;
  assert_false(retrieve_delete_picks(&s->account, s->keyring, s->store, &pick, 1, NULL, &s->error));
  s->fake->lost_quit = false;
  for (guint i = 0; i < 5; i++)
    ((struct fake_letter *)s->fake->letters->pdata[i])->deleted = false;
  scene_expect(s, 0, 0, 5);
  assert_int_equal(fake_count(s->fake), 4);
  g_free(scene_end(s));
}

static void
without_uidl_none_can_be_kept(void **state)
{
  struct scene *s = scene_new(-1);
  s->fake->capabilities = "TOP\r\nSASL PLAIN\r\n";
  scene_five(s);
  g_autoptr(GPtrArray) rows =
      retrieve_list(&s->account, s->keyring, s->store, NULL, NULL, &s->error);
  assert_non_null(rows);
  const struct server_row *second = rows->pdata[1];
  struct server_pick pick = {.number = 2, .uid = second->uid, .size = second->size};
  assert_string_equal(second->uid, "");
  assert_false(retrieve_keep(&s->account, s->store, &pick, 1, true, &s->error));
  assert_int_equal(error_exit_status(s->error), 69);
  g_free(scene_end(s));
}

int
main(void)
{
  scene_prepare();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_large_letter_waits_until_it_is_asked_for),
      cmocka_unit_test(numbers_mean_the_letters_that_were_shown),
      cmocka_unit_test(a_letter_that_was_removed_comes_back_when_asked_for),
      cmocka_unit_test(a_dry_run_touches_nothing),
      cmocka_unit_test(what_waits_is_fetched_by_its_key),
      cmocka_unit_test(a_large_letter_is_met_by_its_file),
      cmocka_unit_test(what_left_the_server_waits_no_longer),
      cmocka_unit_test(what_was_kept_and_left_the_server_is_forgotten),
      cmocka_unit_test(headers_that_end_the_session_stop_no_letter_for_long),
      cmocka_unit_test(what_is_kept_there_no_policy_deletes),
      cmocka_unit_test(the_later_word_holds),
      cmocka_unit_test(without_uidl_none_can_be_kept),
  };
  return cmocka_run_group_tests(tests, NULL, scene_clean_up);
}

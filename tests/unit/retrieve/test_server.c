#include "base/error.h"
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

int
main(void)
{
  scene_prepare();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_large_letter_waits_until_it_is_asked_for),
      cmocka_unit_test(numbers_mean_the_letters_that_were_shown),
      cmocka_unit_test(a_letter_that_was_removed_comes_back_when_asked_for),
      cmocka_unit_test(a_dry_run_touches_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, scene_clean_up);
}

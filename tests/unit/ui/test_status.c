#include "ui/status.h"

#include "tests/unit/test.h"
#include "ui/list.h"

static char *
drawn(const struct status *status, int rows, int columns, int row)
{
  g_autoptr(canvas_t) canvas = canvas_new(rows, columns);
  struct area area = area_whole(canvas);
  status_draw(status, &area);
  return canvas_row_text(canvas, row);
}

static void
a_sentence_is_shown_and_kept(void **state)
{
  struct status *status = status_new();
  status_say(status, false, "20 new letters");
  g_autofree char *line = drawn(status, 1, 40, 0);
  assert_string_equal(line, "20 new letters");
  assert_int_equal(status_messages(status)->len, 1);
  assert_true(status_timeout(status) > 0);
  status_free(status);
}

static void
a_sentence_goes_when_keys_show_that_it_was_read(void **state)
{
  struct status *status = status_new();
  status_say(status, true, "refused");
  status_key(status);
  g_autofree char *still = drawn(status, 1, 40, 0);
  assert_string_equal(still, "refused");
  status_key(status);
  g_autofree char *gone = drawn(status, 1, 40, 0);
  assert_string_equal(gone, "");
  assert_int_equal(status_messages(status)->len, 1);
  status_free(status);
}

static void
a_long_sentence_takes_the_rows_that_it_needs(void **state)
{
  struct status *status = status_new();
  status_say(status, true, "the server refused the password; check user and password of account");
  assert_int_equal(status_rows(status, 200), 1);
  assert_int_equal(status_rows(status, 40), 2);
  g_autofree char *second = drawn(status, 2, 40, 1);
  assert_string_equal(second, "user and password of account");
  g_autofree char *alone = drawn(status, 1, 40, 0);
  assert_true(g_str_has_suffix(alone, "…") || strlen(alone) <= 40);
  status_free(status);
}

static void
what_goes_on_is_shown_until_it_ends(void **state)
{
  struct status *status = status_new();
  assert_int_equal(status_running(status), 0);
  status_set_cancel_key(status, "C-g");
  status_progress(status, 7, "fetching", 12, 20);
  assert_int_equal(status_running(status), 7);
  g_autofree char *line = drawn(status, 1, 60, 0);
  assert_non_null(strstr(line, "fetching: 12 of 20"));
  assert_non_null(strstr(line, "(C-g cancels)"));
  status_progress(status, 9, "sending", 0, 0);
  assert_int_equal(status_running(status), 9);
  assert_true(status_ended(status, 9));
  assert_false(status_ended(status, 9));
  assert_int_equal(status_running(status), 7);
  assert_true(status_ended(status, 7));
  g_autofree char *gone = drawn(status, 1, 60, 0);
  assert_string_equal(gone, "");
  status_free(status);
}

static void
what_goes_on_never_hides_the_key_that_cancels(void **state)
{
  struct status *status = status_new();
  status_set_cancel_key(status, "C-g");
  status_progress(status, 7, "sealing (a-plugin-with-a-name: and very many words of what it does "
                             "and why that takes so long) 45 %", 0, 0);
  g_autofree char *line = drawn(status, 1, 80, 0);
  assert_true(g_str_has_suffix(line, "…  (C-g cancels)"));
  g_autofree char *narrow = drawn(status, 1, 30, 0);
  assert_true(g_str_has_suffix(narrow, "…  (C-g cancels)"));
  status_free(status);
}

static void
the_engines_own_work_cannot_be_cancelled(void **state)
{
  struct status *status = status_new();
  status_progress(status, 0, "indexing", 1, 2);
  assert_int_equal(status_running(status), 0);
  g_autofree char *line = drawn(status, 1, 60, 0);
  assert_non_null(strstr(line, "indexing: 1 of 2"));
  assert_null(strstr(line, "cancels"));
  status_free(status);
}

static void
a_cursor_stays_in_its_list_and_on_the_screen(void **state)
{
  struct list list = {0};
  static const struct { int n, by, height, cursor, top; } steps[] = {
      {0, 5, 10, 0, 0},   {100, 0, 10, 0, 0},  {100, 9, 10, 9, 0},    {100, 1, 10, 10, 1},
      {100, 500, 10, 99, 90}, {100, -1, 10, 98, 90}, {100, -20, 10, 78, 78}, {50, 0, 10, 49, 40},
      {50, 0, 60, 49, 0},  {3, 0, 2, 2, 1},     {0, 0, 2, 0, 0},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(steps); i++) {
    list_set(&list, steps[i].n);
    list_move(&list, steps[i].by);
    list_show(&list, steps[i].height);
    assert_int_equal(list.cursor, steps[i].cursor);
    assert_int_equal(list.top, steps[i].top);
  }
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_sentence_is_shown_and_kept),
      cmocka_unit_test(a_sentence_goes_when_keys_show_that_it_was_read),
      cmocka_unit_test(a_long_sentence_takes_the_rows_that_it_needs),
      cmocka_unit_test(what_goes_on_is_shown_until_it_ends),
      cmocka_unit_test(what_goes_on_never_hides_the_key_that_cancels),
      cmocka_unit_test(the_engines_own_work_cannot_be_cancelled),
      cmocka_unit_test(a_cursor_stays_in_its_list_and_on_the_screen),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "ui/help/text.h"

#include "tests/unit/test.h"

static struct text_view *
view_of(GPtrArray *lines)
{
  return (struct text_view *)text_view_new(NULL, "A text", lines);
}

static void
close_text(struct text_view *text)
{
  text_class.free(&text->view);
}

static const struct text_row *
row_of(const struct text_view *text, guint i)
{
  assert_true(i < text->rows->len);
  return g_ptr_array_index(text->rows, i);
}

static void
long_lines_go_on_under_their_own_column(void **state)
{
  GPtrArray *lines = text_lines_new();
  text_add_hanging(lines, 10, "  è key    words that do not fit into thirty columns");
  text_add(lines, STYLE_NORMAL, "%s", "");
  text_add(lines, STYLE_LABEL, "one two three four five six seven eight nine");
  struct text_view *text = view_of(lines);
  text_lay_out(text, 30);
  assert_string_equal(row_of(text, 0)->text, "  è key    words that do not");
  assert_int_equal(row_of(text, 0)->indent, 0);
  assert_string_equal(row_of(text, 1)->text, "fit into thirty");
  assert_int_equal(row_of(text, 1)->indent, 10);
  assert_string_equal(row_of(text, 2)->text, "columns");
  assert_string_equal(row_of(text, 3)->text, "");
  assert_int_equal(row_of(text, 4)->indent, 0);
  assert_int_equal(row_of(text, 4)->style, STYLE_LABEL);
  close_text(text);
}

static void
what_is_on_top_stays_there_when_the_screen_changes(void **state)
{
  GPtrArray *lines = text_lines_new();
  for (int i = 0; i < 50; i++)
    text_add(lines, STYLE_NORMAL, "line %d of a text that is wrapped on narrow screens only", i);
  struct text_view *text = view_of(lines);
  text->height = 10;
  text_lay_out(text, 100);
  assert_int_equal(text->rows->len, 50);
  text_go_to_line(text, 20);
  text_lay_out(text, 20);
  assert_true(text->rows->len > 100);
  assert_int_equal(text_top_line(text), 20);
  text_lay_out(text, 100);
  assert_int_equal(text_top_line(text), 20);
  text_scroll(text, 1000);
  assert_int_equal(text->top, 40);
  text_scroll(text, -1000);
  assert_int_equal(text->top, 0);
  close_text(text);
}

static void
a_search_ignores_case_and_accents(void **state)
{
  GPtrArray *lines = text_lines_new();
  text_add(lines, STYLE_NORMAL, "%s", "nothing");
  text_add(lines, STYLE_NORMAL, "%s", "Perché no");
  text_add(lines, STYLE_NORMAL, "%s", "PERCHE SI");
  assert_int_equal(text_find(lines, "perche", 0), 1);
  assert_int_equal(text_find(lines, "perche", 2), 2);
  assert_int_equal(text_find(lines, "perche", 3), -1);
  g_ptr_array_unref(lines);
}

static void
what_is_listed_is_clean(void **state)
{
  GPtrArray *lines = text_lines_new();
  text_add(lines, STYLE_NORMAL, "%s", "a\x1b[2Jb\nc");
  const struct text_line *line = g_ptr_array_index(lines, 0);
  assert_null(strchr(line->text, 0x1b));
  assert_null(strchr(line->text, '\n'));
  g_ptr_array_unref(lines);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(long_lines_go_on_under_their_own_column),
      cmocka_unit_test(what_is_on_top_stays_there_when_the_screen_changes),
      cmocka_unit_test(a_search_ignores_case_and_accents),
      cmocka_unit_test(what_is_listed_is_clean),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "ui/term/canvas.h"

#include <wchar.h>

#include "base/text.h"
#include "tests/unit/test.h"
#include "ui/term/term-private.h"

static void
draws(const char *text, int columns, const char *wanted)
{
  g_autoptr(canvas_t) canvas = canvas_new(1, columns);
  struct area area = area_whole(canvas);
  area_text(&area, 0, 0, STYLE_NORMAL, text);
  g_autofree char *got = canvas_row_text(canvas, 0);
  assert_string_equal(got, wanted);
}

static void
text_is_clipped_between_clusters(void **state)
{
  draws("postino", 4, "post");
  draws("日本語", 5, "日本");
  draws("日本語", 6, "日本語");
  draws("a日", 2, "a");
  draws("e\xcc\x81ou", 2, "e\xcc\x81o");
  draws("", 3, "");
  draws("x", 1, "x");
}

static void
a_match_is_marked_where_it_stands(void **state)
{
  (void)state;
  g_autoptr(canvas_t) canvas = canvas_new(1, 12);
  struct area area = area_whole(canvas);
  area_matched_text(&area, 0, 1, STYLE_DIM, "日caffè Caffe", "caffe");
  g_autofree char *got = canvas_row_text(canvas, 0);
  assert_string_equal(got, " 日caffè Caf");
  for (int column = 1; column < 12; column++)
    assert_int_equal(canvas->cells[column].style,
                     column < 3 || column == 8 ? STYLE_DIM : STYLE_MATCH);
}

static void
risky_clusters_are_reduced_to_what_every_terminal_draws(void **state)
{
  draws("👩‍👩‍👧!", 10, "👩!");
  draws("👍🏽!", 10, "👍!");
  draws("❤️!", 10, "❤!");
  draws("🇮🇹!", 10, "IT!");
  draws("1️⃣!", 10, "1!");
  draws("हिन्दी", 10, "हिन्दी");
}

static void
every_cell_agrees_with_the_width_of_the_text(void **state)
{
  static const char *const texts[] = {
      "plain", "日本語", "e\xcc\x81", "🎂 ok", "🇮🇹🇫🇷", "हिन्दी: जन्मदिन", "ไทย: สุขสันต์", "한국어",
      "👩‍👩‍👧 family", "עברית", "\xcc\x81 stray", "ﷺ", "…", "x\xe2\x83\x9d",
  };
  for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
    g_autoptr(canvas_t) canvas = canvas_new(1, 80);
    struct area area = area_whole(canvas);
    int end = area_text(&area, 0, 0, STYLE_STRONG, texts[i]), styled = 0;
    assert_int_equal(end, text_width(texts[i], -1));
    for (int column = 0; column < 80; column++) {
      const struct cell *cell = &canvas->cells[column];
      styled += cell->style == STYLE_STRONG;
      if (cell->columns == 0)
        assert_int_equal(canvas->cells[column - 1].columns, 2);
      assert_true(strlen(cell->text) < CELL_BYTES);
    }
    assert_int_equal(styled, end);
  }
}

static void
a_wide_character_that_loses_a_half_leaves_a_blank(void **state)
{
  g_autoptr(canvas_t) canvas = canvas_new(1, 6);
  struct area area = area_whole(canvas);
  area_text(&area, 0, 0, STYLE_NORMAL, "日本語");
  area_text(&area, 0, 1, STYLE_NORMAL, "x");
  area_text(&area, 0, 4, STYLE_NORMAL, "y");
  g_autofree char *got = canvas_row_text(canvas, 0);
  assert_string_equal(got, " x本y");
}

static void
nothing_is_drawn_outside_of_its_area(void **state)
{
  g_autoptr(canvas_t) canvas = canvas_new(3, 10);
  struct area whole = area_whole(canvas);
  struct area part = area_part(&whole, 1, 3, 1, 4);
  area_text(&part, 0, 0, STYLE_NORMAL, "0123456789");
  area_text(&part, 1, 0, STYLE_NORMAL, "below");
  area_text(&part, -1, 0, STYLE_NORMAL, "above");
  area_right(&part, 0, STYLE_NORMAL, "much too long for it");
  area_fill(&part, 7, STYLE_NORMAL, "x");
  area_restyle(&part, 0, -5, 50, STYLE_BAD);
  struct area beyond = area_part(&whole, 9, 40, 5, 5);
  area_text(&beyond, 0, 0, STYLE_NORMAL, "gone");
  area_field(&beyond, 0, 0, 5, STYLE_NORMAL, "gone");
  for (int row = 0; row < 3; row += 2) {
    g_autofree char *got = canvas_row_text(canvas, row);
    assert_string_equal(got, "");
  }
  g_autofree char *got = canvas_row_text(canvas, 1);
  assert_string_equal(got, "   muc…");
  assert_int_equal(canvas->cells[10 + 2].style, STYLE_NORMAL);
  assert_int_equal(canvas->cells[10 + 3].style, STYLE_BAD);
}

static void
fields_are_cut_or_padded_to_their_width(void **state)
{
  static const struct { const char *text; int columns; const char *wanted; } cases[] = {
      {"short", 8, "short   |"}, {"exactly8", 8, "exactly8|"}, {"much longer", 8, "much lo…|"},
      {"日本語日本", 8, "日本語… |"}, {"", 3, "   |"},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autoptr(canvas_t) canvas = canvas_new(1, 20);
    struct area area = area_whole(canvas);
    area_text(&area, 0, 0, STYLE_NORMAL, "####################");
    area_field(&area, 0, 0, cases[i].columns, STYLE_NORMAL, cases[i].text);
    area_text(&area, 0, cases[i].columns, STYLE_NORMAL, "|");
    g_autofree char *got = canvas_row_text(canvas, 0);
    got[strlen(cases[i].wanted)] = '\0';
    assert_string_equal(got, cases[i].wanted);
  }
}

static void
a_cell_is_written_in_ascii_where_the_locale_has_no_more(void **state)
{
  static const struct { const char *text; int columns; const wchar_t *wanted; } cases[] = {
      {"a", 1, L"a"}, {"\xc3\xa9", 1, L"e"}, {"\xe2\x94\x82", 1, L"|"}, {"\xe2\x80\xa6", 1, L"."},
      {"\xe6\x97\xa5", 2, L"? "}, {"e\xcc\x81", 1, L"e"}, {"\xe2\x80\x87", 1, L" "},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    struct cell cell = {.columns = (uint8_t)cases[i].columns};
    wchar_t out[8];
    g_strlcpy(cell.text, cases[i].text, sizeof cell.text);
    locale_cell(&cell, out, G_N_ELEMENTS(out));
    assert_int_equal(wcscmp(out, cases[i].wanted), 0);
  }
}

static void
a_paste_comes_as_clean_text_and_not_as_keys(void **state)
{
  term_key key;
  g_autoptr(term_t) term = term_fake(24, 80);
  term_feed(term, 'a');
  term_feed_paste(term, "rm -rf\r\n\033[31mred\xe2\x80\xae");
  assert_true(term_read(term, &key));
  assert_int_equal(key, 'a');
  assert_true(term_read(term, &key));
  assert_int_equal(key, TERM_KEY_PASTE);
  assert_string_equal(term_pasted(term), "rm -rf\n\xef\xbf\xbd[31mred");
  assert_false(term_read(term, &key));
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(text_is_clipped_between_clusters),
      cmocka_unit_test(a_match_is_marked_where_it_stands),
      cmocka_unit_test(risky_clusters_are_reduced_to_what_every_terminal_draws),
      cmocka_unit_test(every_cell_agrees_with_the_width_of_the_text),
      cmocka_unit_test(a_wide_character_that_loses_a_half_leaves_a_blank),
      cmocka_unit_test(nothing_is_drawn_outside_of_its_area),
      cmocka_unit_test(fields_are_cut_or_padded_to_their_width),
      cmocka_unit_test(a_cell_is_written_in_ascii_where_the_locale_has_no_more),
      cmocka_unit_test(a_paste_comes_as_clean_text_and_not_as_keys),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "base/text.h"

#include "tests/unit/test.h"

static void
columns_are_counted_by_cluster(void **state)
{
  assert_int_equal(text_width("abc", -1), 3);
  assert_int_equal(text_width("e\xcc\x81", -1), 1);
  assert_int_equal(text_width("東京", -1), 4);
  assert_int_equal(text_width("👨‍👩‍👧", -1), 2);
  assert_int_equal(text_width("🇮🇹", -1), 2);
}

static void
a_cut_text_ends_in_an_ellipsis(void **state)
{
  g_autofree char *cut = text_fit("abcdef", 4);
  g_autofree char *wide = text_fit("東京都", 4);
  g_autofree char *whole = text_fit("abc", 3);
  assert_string_equal(cut, "abc…");
  assert_string_equal(wide, "東…");
  assert_string_equal(whole, "abc");
}

static void
padding_fills_the_columns_exactly(void **state)
{
  g_autofree char *padded = text_pad("東京都", 4);
  assert_int_equal(text_width(padded, -1), 4);
  g_autofree char *shorter = text_pad("ab", 4);
  assert_string_equal(shorter, "ab  ");
}

static void
paragraphs_wrap_between_words(void **state)
{
  g_auto(GStrv) lines = text_wrap("the quick brown fox", 10);
  assert_int_equal(g_strv_length(lines), 2);
  assert_string_equal(lines[0], "the quick");
  assert_string_equal(lines[1], "brown fox");
}

static void
a_word_too_long_is_broken(void **state)
{
  g_auto(GStrv) lines = text_wrap("aaaaaaaaaaaa", 5);
  assert_int_equal(g_strv_length(lines), 3);
  assert_string_equal(lines[0], "aaaaa");
  assert_string_equal(lines[2], "aa");
}

static void
an_empty_paragraph_is_one_empty_line(void **state)
{
  g_auto(GStrv) lines = text_wrap("", 10);
  assert_int_equal(g_strv_length(lines), 1);
  assert_string_equal(lines[0], "");
}

static void
folding_forgets_case_and_accents(void **state)
{
  g_autofree char *a = text_fold("Perché STRAẞE Ünï", -1);
  assert_string_equal(a, "perche strasse uni");
  g_autofree char *combined = text_fold("e\xcc\x81", -1);
  assert_string_equal(combined, "e");
}

static void
the_nearest_name_is_offered_only_when_near(void **state)
{
  static const char *const names[] = {"password", "password-command", "server", NULL};
  assert_string_equal(text_nearest("pasword", names), "password");
  assert_string_equal(text_nearest("sevrer", names), "server");
  assert_null(text_nearest("zzzzzz", names));
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(columns_are_counted_by_cluster),
      cmocka_unit_test(a_cut_text_ends_in_an_ellipsis),
      cmocka_unit_test(padding_fills_the_columns_exactly),
      cmocka_unit_test(paragraphs_wrap_between_words),
      cmocka_unit_test(a_word_too_long_is_broken),
      cmocka_unit_test(an_empty_paragraph_is_one_empty_line),
      cmocka_unit_test(folding_forgets_case_and_accents),
      cmocka_unit_test(the_nearest_name_is_offered_only_when_near),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

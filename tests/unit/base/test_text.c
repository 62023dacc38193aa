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
a_folded_word_has_its_place(void **state)
{
  (void)state;
  static const struct {
    const char *text, *wanted;
    gssize at;
    size_t length;
  } rows[] = {
      {"plain text", "TEXT", 6, 4},       {"un caff\u00e8 lungo", "caffe", 3, 6},
      {"un caffe\u0300 lungo", "caffè", 3, 7}, {"ﬁne", "fin", 0, 4},
      {"Straße", "strass", 0, 6},         {"aab", "ab", 1, 2},
      {"nothing", "else", -1, 0},         {"", "x", -1, 0},
      {"東京の手紙", "手紙", 9, 6},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    size_t length = 0;
    g_autofree char *folded = text_fold(rows[i].wanted, -1);
    assert_int_equal(text_place(rows[i].text, folded, &length), rows[i].at);
    if (rows[i].at >= 0)
      assert_int_equal(length, rows[i].length);
  }
  size_t length;
  assert_int_equal(text_place("text", "", &length), -1);
}

static void
addresses_stay_whole(void **state)
{
  (void)state;
  g_auto(GStrv) lines = text_wrap("see https://a-b.example/c-d or a-b@c-d.example now", 24);
  assert_string_equal(lines[0], "see");
  assert_string_equal(lines[1], "https://a-b.example/c-d");
  assert_string_equal(lines[2], "or a-b@c-d.example now");
  assert_null(lines[3]);
  g_auto(GStrv) cut = text_wrap("in https://a.example/b/c", 12);
  assert_string_equal(cut[0], "in");
  assert_string_equal(cut[1], "https://a.ex");
  assert_string_equal(cut[2], "ample/b/c");
  assert_null(cut[3]);
  g_auto(GStrv) mixed = text_wrap("手紙は@anna宛てに出してください", 10);
  assert_string_equal(mixed[0], "手紙は");
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
      cmocka_unit_test(addresses_stay_whole),
      cmocka_unit_test(a_folded_word_has_its_place),
      cmocka_unit_test(a_word_too_long_is_broken),
      cmocka_unit_test(an_empty_paragraph_is_one_empty_line),
      cmocka_unit_test(folding_forgets_case_and_accents),
      cmocka_unit_test(the_nearest_name_is_offered_only_when_near),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

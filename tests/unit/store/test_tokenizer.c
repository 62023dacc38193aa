#include "store/tokenizer.h"

#include "tests/unit/test.h"

static int
append(void *data, bool together, const char *word, size_t length, size_t start, size_t end)
{
  GString *out = data;
  if (out->len > 0)
    g_string_append_c(out, together ? '+' : ' ');
  g_string_append_len(out, word, (gssize)length);
  return 0;
}

struct sample { const char *text, *words; };

static void
check(const struct sample *samples, size_t n, bool query)
{
  for (size_t i = 0; i < n; i++) {
    size_t length = strlen(samples[i].text);
    char *copy = exact_copy(samples[i].text, length);
    g_autoptr(GString) out = g_string_new(NULL);
    assert_int_equal(tokenize(copy, length, query, append, out), 0);
    assert_string_equal(out->str, samples[i].words);
    free(copy);
  }
}

static void
words_are_folded(void **state)
{
  static const struct sample samples[] = {
      {"", ""},
      {" ,;- ", ""},
      {"Hello, World-wide 42!", "hello world wide 42"},
      {"perché CAFFÈ", "perche caffe"},
      {"e\xcc\x80 gro\xcc\x88\xc3\x9f", "e gross"},
      {"Привет, МИР", "привет мир"},
      {"ＡＢＣ ﬁn", "abc fin"},
      {"a\xff" "b", "a b"},
      {"\xe4\xba", ""},
  };
  check(samples, G_N_ELEMENTS(samples), false);
}

static void
scripts_without_spaces_give_a_word_a_letter(void **state)
{
  static const struct sample samples[] = {
      {"東京から京都へ", "東 京 か ら 京 都 へ"},
      {"abc東京def", "abc 東 京 def"},
      {"한국어", "한 국 어"},
      {"ﾊﾟﾝ", "パ ン"},
      {"か\xe3\x82\x99", "が"},
      {"☕ tea", "☕ tea"},
  };
  check(samples, G_N_ELEMENTS(samples), false);
}

static void
addresses_are_pieces_and_whole(void **state)
{
  static const struct sample samples[] = {
      {"Anna <Anna.Rossi@TuoISP.example>",
       "anna anna+anna.rossi@tuoisp.example rossi tuoisp example"},
      {"a@b.c.", "a+a@b.c b c"},
      {"news@", "news"},
      {"@tuoisp.example", "tuoisp example"},
      {"a@b", "a b"},
      {"a@b.c@d.e", "a+a@b.c b+b.c@d.e c d e"},
  };
  check(samples, G_N_ELEMENTS(samples), false);
}

static void
a_whole_address_in_a_query_is_only_that(void **state)
{
  static const struct sample samples[] = {
      {"anna.rossi@tuoisp.example", "anna.rossi@tuoisp.example"},
      {"anna@tuoisp", "anna tuoisp"},
      {"news@", "news"},
  };
  check(samples, G_N_ELEMENTS(samples), true);
}

static void
endless_words_are_cut(void **state)
{
  g_autofree char *ascii = g_strnfill(100000, 'x');
  g_autoptr(GString) out = g_string_new(NULL);
  tokenize(ascii, 100000, false, append, out);
  assert_int_equal(out->len, 96);
  g_autoptr(GString) wide = g_string_new(NULL);
  for (int i = 0; i < 10000; i++)
    g_string_append(wide, "ж");
  g_string_truncate(out, 0);
  tokenize(wide->str, wide->len, false, append, out);
  assert_int_equal(out->len, 96);
  assert_true(g_utf8_validate(out->str, -1, NULL));
}

static void
text_without_words_is_known(void **state)
{
  assert_true(tokenizer_has_words("a"));
  assert_true(tokenizer_has_words("- 京"));
  assert_false(tokenizer_has_words("-- ..."));
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(words_are_folded),
      cmocka_unit_test(scripts_without_spaces_give_a_word_a_letter),
      cmocka_unit_test(addresses_are_pieces_and_whole),
      cmocka_unit_test(a_whole_address_in_a_query_is_only_that),
      cmocka_unit_test(endless_words_are_cut),
      cmocka_unit_test(text_without_words_is_known),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "store/terms.h"

#include "tests/unit/test.h"

static struct terms *
terms_of(const char *subject, const char *text)
{
  struct index_doc doc = {.from = (char *)"Anna Rossi <anna@tuoisp.example>",
                          .subject = (char *)subject, .text = (char *)text};
  return terms_new(&doc, true);
}

static int
append(void *data, bool together, const char *word, size_t length, size_t start, size_t end)
{
  (void)start, (void)end;
  GString *out = data;
  g_string_append(out, together ? "+" : " ");
  g_string_append_len(out, word, (gssize)length);
  return 0;
}

static void
a_column_is_the_words_of_its_text(void **state)
{
  (void)state;
  g_autofree char *longest = g_strnfill(400, 'x');
  g_autofree char *text = g_strconcat("Perché, ask tom@harbour.example? 東京 ", longest, NULL);
  g_autoptr(terms_t) terms = terms_of("the boat", text);
  g_autoptr(GString) wanted = g_string_new(NULL), got = g_string_new(NULL);
  tokenize(text, strlen(text), false, append, wanted);
  const GString *column = terms->columns[TERMS_BODY];
  char *copy = exact_copy(column->str, column->len);
  assert_int_equal(terms_each(copy, column->len, append, got), 0);
  assert_string_equal(got->str, wanted->str);
  for (size_t cut = 0; cut < column->len; cut++) {
    char *part = exact_copy(column->str, cut);
    g_string_truncate(got, 0);
    terms_each(part, cut, append, got);
    assert_memory_equal(got->str, wanted->str, got->len);
    free(part);
  }
  free(copy);
}

static void
a_list_holds_its_words_and_their_starts(void **state)
{
  (void)state;
  static const struct {
    const char *word;
    bool begins;
    const char *column;
    bool held;
  } samples[] = {
      {"boat", false, NULL, true},      {"boa", false, NULL, false},
      {"boa", true, NULL, true},        {"boats", true, NULL, false},
      {"boat", false, "subject", true}, {"boat", false, "body", true},
      {"kettle", false, "body", true},  {"kettle", false, "subject", false},
      {"k", true, "subject", false},    {"k", true, "body", true},
      {"ann", true, "sender", true},    {"ann", true, "body", false},
      {"anna@tuoisp.example", false, NULL, true},
      {"perche", false, NULL, true},    {"p", true, NULL, true},
      {"z", true, NULL, false},         {"quay", false, "subject", true},
  };
  g_autoptr(terms_t) terms = terms_of("The boat at the quay", "the boat, the kettle, perché");
  char *copy = exact_copy(terms->list->str, terms->list->len);
  for (size_t i = 0; i < G_N_ELEMENTS(samples); i++)
    if (terms_hold(copy, terms->list->len, samples[i].word, samples[i].begins,
                   terms_column(samples[i].column)) != samples[i].held)
      fail_msg("%s", samples[i].word);
  free(copy);
}

static void
a_list_that_is_cut_or_none_is_read_within_its_bounds(void **state)
{
  (void)state;
  g_autoptr(terms_t) terms = terms_of("The boat at the quay", "the boat, the kettle, perché");
  for (size_t cut = 0; cut < terms->list->len; cut++) {
    char *part = exact_copy(terms->list->str, cut);
    terms_hold(part, cut, "zzz", true, TERMS_ANYWHERE);
    for (size_t at = 0; at < cut; at++)
      part[at] = (char)(part[at] ^ 0x5a);
    terms_hold(part, cut, "zzz", true, TERMS_ANYWHERE);
    free(part);
  }
}

static void
only_one_word_is_an_only_word(void **state)
{
  (void)state;
  static const struct { const char *text; bool begins; const char *word; } samples[] = {
      {"Perch\303\251", true, "perche"}, {"two words", false, NULL}, {"...", true, NULL},
      {"anna@tuoisp.example", false, "anna@tuoisp.example"}, {"anna@tuoisp.example", true, NULL},
      {"\346\235\261", true, "\346\235\261"}, {"\346\235\261\344\272\254", true, NULL},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(samples); i++) {
    g_autofree char *word = tokenizer_only_word(samples[i].text, samples[i].begins);
    assert_int_equal(g_strcmp0(word, samples[i].word), 0);
  }
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_column_is_the_words_of_its_text),
      cmocka_unit_test(a_list_holds_its_words_and_their_starts),
      cmocka_unit_test(a_list_that_is_cut_or_none_is_read_within_its_bounds),
      cmocka_unit_test(only_one_word_is_an_only_word),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

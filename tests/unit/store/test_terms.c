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
  gsize length;
  const char *column = g_bytes_get_data(terms->columns[TERMS_BODY], &length);
  char *copy = exact_copy(column, length);
  assert_int_equal(terms_each(copy, length, append, got), 0);
  assert_string_equal(got->str, wanted->str);
  for (size_t cut = 0; cut < length; cut++) {
    char *part = exact_copy(column, cut);
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
  gsize length;
  const char *list = g_bytes_get_data(terms->list, &length);
  char *copy = exact_copy(list, length);
  for (size_t i = 0; i < G_N_ELEMENTS(samples); i++)
    if (terms_hold(copy, length, samples[i].word, samples[i].begins,
                   terms_column(samples[i].column)) != samples[i].held)
      fail_msg("%s", samples[i].word);
  free(copy);
}

static void
a_list_that_is_cut_or_none_is_read_within_its_bounds(void **state)
{
  (void)state;
  g_autoptr(terms_t) terms = terms_of("The boat at the quay", "the boat, the kettle, perché");
  gsize length;
  const char *list = g_bytes_get_data(terms->list, &length);
  for (size_t cut = 0; cut < length; cut++) {
    char *part = exact_copy(list, cut);
    terms_hold(part, cut, "zzz", true, TERMS_ANYWHERE);
    for (size_t at = 0; at < cut; at++)
      part[at] = (char)(part[at] ^ 0x5a);
    terms_hold(part, cut, "zzz", true, TERMS_ANYWHERE);
    free(part);
  }
}

#define MEETING 400

/* How many words a list has, which are all that were written, each once. */
static guint
count_listed(GBytes *list, bool begins)
{
  gsize length;
  guint n = 0, words = 0;
  const guchar *at = g_bytes_get_data(list, &length);
  for (const guchar *end = at + length; at < end; words++)
    at += 1 + ((*at & 0x80) != 0) + (*at & 0x7f);
  for (guint i = 0; i < MEETING; i++) {
    g_autofree char *word = g_strdup_printf("word%u%s", i, begins ? "" : "end");
    n += terms_hold(g_bytes_get_data(list, NULL), length, word, begins, TERMS_ANYWHERE);
  }
  assert_int_equal(n, MEETING);
  assert_false(terms_hold(g_bytes_get_data(list, NULL), length, "word", false, TERMS_ANYWHERE));
  return words;
}

static void
words_that_meet_in_the_table_are_each_listed_once(void **state)
{
  (void)state;
  g_autoptr(GString) text = g_string_new(NULL);
  for (guint i = 0; i < 2 * MEETING; i++)
    g_string_append_printf(text, "word%uend ", i % MEETING);
  struct index_doc doc = {.subject = (char *)"word7end", .text = text->str};
  g_autoptr(terms_t) terms = terms_new(&doc, false);
  /* By 1 all of them have one hash; by the others, drawn or not, many have one place. */
  const guint64 keys[] = {1, 3, G_MAXUINT64, G_GUINT64_CONSTANT(0x9e3779b97f4a7c15)};
  for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
    g_autoptr(GBytes) list = terms_list_by(terms, keys[i]);
    assert_int_equal(count_listed(list, false), MEETING);
    assert_int_equal(count_listed(list, true), MEETING);
    gsize length;
    const void *words = g_bytes_get_data(list, &length);
    assert_true(terms_hold(words, length, "word7end", false, terms_column("subject")));
    assert_true(terms_hold(words, length, "word7end", false, terms_column("body")));
    assert_false(terms_hold(words, length, "word8end", false, terms_column("subject")));
  }
}

/* What a letter can know of the table is nothing: the order of its words differs. */
static void
the_places_of_words_are_drawn_anew_for_each_letter(void **state)
{
  (void)state;
  g_autoptr(terms_t) terms = terms_of("subject", "boat kettle lamp quay harbour rope anchor sail");
  for (int tries = 0; tries < 100; tries++) {
    g_autoptr(GBytes) list = terms_list(terms);
    assert_int_equal(g_bytes_get_size(list), g_bytes_get_size(terms->list));
    if (!g_bytes_equal(list, terms->list))
      return;
  }
  fail();
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
      cmocka_unit_test(words_that_meet_in_the_table_are_each_listed_once),
      cmocka_unit_test(the_places_of_words_are_drawn_anew_for_each_letter),
      cmocka_unit_test(only_one_word_is_an_only_word),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

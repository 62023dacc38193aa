#include "store/query.h"

#include "tests/unit/store/mirror.h"

#define LETTERS 1250

/* ---- what a start is said by ---- */

static char *
exact_of(struct fixture *f, const char *text, guint most)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(query_t) query = query_parse(text, 0, &error);
  g_autoptr(conn_t) conn = conn_read(f->store, NULL, &error);
  if (query == NULL || conn == NULL || !query_expand(query, conn, most, &error))
    fail_msg("%s", error->message);
  if (query->children == NULL)
    return g_strdup(query->exact != NULL ? query->exact : "-");
  g_autoptr(GString) out = g_string_new(NULL);
  for (guint i = 0; i < query->children->len; i++) {
    const struct query *child = query->children->pdata[i];
    g_string_append_printf(out, "%s;", child->exact != NULL ? child->exact : "-");
  }
  return g_string_free(g_steal_pointer(&out), FALSE);
}

static void
a_start_is_said_by_the_words_that_there_are(void **state)
{
  struct fixture *f = *state;
  static const struct { const char *query; guint most; const char *exact; } samples[] = {
      {"tra*", 9, "\1tra\2trace\2tram\2tramp"},
      {"tra*", 4, "\1tra\2trace\2tram\2tramp"},
      {"tra*", 3, "-"},
      {"tra*", 0, "-"},
      {"tram*", 9, "\1tram\2tramp"},
      {"TR\303\201m*", 9, "\1tram\2tramp"},
      {"subject:tram*", 9, "\1tram\2tramp"},
      {"trb*", 9, "\1trb"},
      {"zzz*", 0, "\1zzz"},
      {"tramps*", 9, "\1tramps"},
      {"tram", 9, "-"},
      {"\"the tram\"*", 9, "\1the\1tram\2tramp"},
      {"\"tra tra\"*", 9, "\1tra\1tra\2trace\2tram\2tramp"},
      {"\"the tra\"*", 3, "-"},
      {"anna@tuoisp.ex*", 9, "\1anna\2anna@tuoisp.ex\1tuoisp\1example"},
      {"anna@*", 9, "\1anna\2anna@tuoisp.example"},
      {"\346\235\261*", 9, "\1\346\235\261"},
      {"\346\235\261\344\272\254*", 9, "\1\346\235\261\1\344\272\254"},
      {"tram* or trac*", 3, "\1tram\2tramp;\1trace;"},
      {"tram* or trac*", 2, "\1tram\2tramp;-;"},
      {"trac* tram*", 2, "\1trace;-;"},
  };
  g_autoptr(GString) text = g_string_new("Subject: the tram\nFrom: anna@tuoisp.example\n"
                                         "Content-Type: text/plain; charset=utf-8\n\n"
                                         "\346\235\261\344\272\254 tra trace\n");
  for (int i = 0; i < 40; i++)
    g_string_append(text, "trace tramp tram\n");
  mirror_add(f, "Inbox", "a", 0, NULL, text->str);
  mirror_add(f, "Inbox", "b", 0, NULL, "Subject: trz\n\ntqz tramp\n");
  for (gsize i = 0; i < G_N_ELEMENTS(samples); i++) {
    g_autofree char *exact = exact_of(f, samples[i].query, samples[i].most);
    if (strcmp(exact, samples[i].exact) != 0)
      fail_msg("%s of %u is %s, not %s", samples[i].query, samples[i].most, exact,
               samples[i].exact);
  }
}

/* ---- the plain rule ---- */

/* Letter i, 0 the oldest: the words of its subject and of its body. */
struct letter { GPtrArray *subject, *body; };

static const char *const few[] = {"tra", "trafo", "trano", "te", "teso", "bo", "perche",
                                  "\346\235\261", "\344\272\254"};

static const char *
any_word(GRand *rand)
{
  return few[g_rand_int_range(rand, 0, G_N_ELEMENTS(few))];
}

static void
add_words(GRand *rand, GPtrArray *words, guint n)
{
  while (n-- > 0)
    g_ptr_array_add(words, g_strdup(any_word(rand)));
}

/* A third of the letters has a word that no other has. */
static struct letter *
letter_make(GRand *rand, guint i)
{
  struct letter *letter = g_new0(struct letter, 1);
  letter->subject = g_ptr_array_new_with_free_func(g_free);
  letter->body = g_ptr_array_new_with_free_func(g_free);
  add_words(rand, letter->subject, (guint)g_rand_int_range(rand, 1, 3));
  add_words(rand, letter->body, (guint)g_rand_int_range(rand, 0, 5));
  g_ptr_array_add(letter->body, g_strdup_printf("w%u", i));
  if (i % 3 == 0)
    g_ptr_array_add(letter->body, g_strdup_printf("tr%ux", i));
  add_words(rand, letter->body, (guint)g_rand_int_range(rand, 0, 3));
  return letter;
}

static void
letter_drop(void *data)
{
  struct letter *letter = data;
  g_ptr_array_unref(letter->subject);
  g_ptr_array_unref(letter->body);
  g_free(letter);
}

static char *
joined(GPtrArray *words)
{
  GString *out = g_string_new(NULL);
  for (guint i = 0; i < words->len; i++)
    g_string_append_printf(out, "%s ", (char *)words->pdata[i]);
  return g_string_free(out, FALSE);
}

static void
letter_put(struct fixture *f, const struct letter *letter, guint i)
{
  g_autofree char *subject = joined(letter->subject), *body = joined(letter->body);
  g_autofree char *coded = g_base64_encode((const guchar *)subject, strlen(subject));
  g_autofree char *base = g_strdup_printf("n%u", i);
  g_autofree char *text = g_strdup_printf(
      "Date: 1 Jan 2024 %02u:%02u:00 +0000\nContent-Type: text/plain; charset=utf-8\n"
      "Subject: =?utf-8?b?%s?=\n\n%s\n", i / 60, i % 60, coded, body);
  mirror_add(f, "Many", base, 0, NULL, text);
}

struct term { const char *column, *first, *word; bool begins; };

static bool
is_word(const struct term *term, const char *word)
{
  return term->begins ? g_str_has_prefix(word, term->word) : strcmp(word, term->word) == 0;
}

static bool
words_hold(const struct term *term, const GPtrArray *words)
{
  for (guint i = 0; i < words->len; i++)
    if (is_word(term, words->pdata[i]) &&
        (term->first == NULL || (i > 0 && strcmp(words->pdata[i - 1], term->first) == 0)))
      return true;
  return false;
}

static bool
letter_holds(const struct term *term, const struct letter *letter)
{
  bool subject = term->column == NULL || strcmp(term->column, "subject:") == 0;
  bool body = term->column == NULL || strcmp(term->column, "body:") == 0;
  return (subject && words_hold(term, letter->subject)) || (body && words_hold(term, letter->body));
}

/* A part of a query is written to `text`; the letters of `left` that it does not find are
 * taken out. */
static void
add_term(GRand *rand, GPtrArray *letters, GString *text, bool *left)
{
  static const char *const starts[] = {"tr", "tra", "traf", "t", "te", "w", "w1", "w11", "w118", "tr3",
                                       "zz", "perch", "\346\235\261", "\346", "tr1"};
  static const char *const columns[] = {NULL, NULL, NULL, "subject:", "body:"};
  struct term term = {.column = columns[g_rand_int_range(rand, 0, G_N_ELEMENTS(columns))]};
  bool negated = g_rand_int_range(rand, 0, 3) == 0;
  term.begins = g_rand_int_range(rand, 0, 4) != 0;
  do
    term.word = term.begins ? starts[g_rand_int_range(rand, 0, G_N_ELEMENTS(starts))]
                            : any_word(rand);
  while (!g_utf8_validate(term.word, -1, NULL));
  if (g_rand_int_range(rand, 0, 5) == 0)
    term.first = any_word(rand);
  g_string_append_printf(text, " %s%s", negated ? "-" : "", term.column != NULL ? term.column : "");
  if (term.first != NULL)
    g_string_append_printf(text, "\"%s %s\"%s", term.first, term.word, term.begins ? "*" : "");
  else
    g_string_append_printf(text, "%s%s", term.word, term.begins ? "*" : "");
  for (guint i = 0; i < letters->len; i++)
    left[i] = left[i] && letter_holds(&term, letters->pdata[i]) != negated;
}

static void
add_terms(GRand *rand, GPtrArray *letters, GString *text, bool *found)
{
  g_autofree bool *left = g_new(bool, letters->len);
  memset(left, true, letters->len);
  for (int n = g_rand_int_range(rand, 1, 4); n > 0; n--)
    add_term(rand, letters, text, left);
  for (guint i = 0; i < letters->len; i++)
    found[i] |= left[i];
}

/* The pages of a query, one after the other, are the letters found, newest first. */
static void
check_pages(struct fixture *f, const char *text, const bool *found, guint n)
{
  g_autoptr(GPtrArray) before = NULL;
  struct rows_query asked = {.query = text, .limit = 90};
  guint left = n;
  for (;;) {
    g_autoptr(GPtrArray) rows = mirror_rows(f, &asked);
    for (guint i = 0; i < rows->len; i++) {
      const char *base = strrchr(((struct row *)rows->pdata[i])->key, '/') + 1;
      while (left > 0 && !found[left - 1])
        left--;
      g_autofree char *wanted = g_strdup_printf("n%u", left - 1);
      if (left == 0 || strcmp(base, wanted) != 0)
        fail_msg("%s: %s, not %s", text, base, left == 0 ? "the end" : wanted);
      left--;
    }
    if (rows->len < asked.limit)
      break;
    g_clear_pointer(&before, g_ptr_array_unref);
    before = g_steal_pointer(&rows);
    asked.after = before->pdata[before->len - 1];
  }
  while (left > 0 && !found[left - 1])
    left--;
  if (left > 0)
    fail_msg("%s: n%u is missing", text, left - 1);
}

static void
check_queries(struct fixture *f, GRand *rand, GPtrArray *letters, guint queries)
{
  g_autofree bool *found = g_new(bool, letters->len);
  while (queries-- > 0) {
    g_autoptr(GString) text = g_string_new(NULL);
    memset(found, false, letters->len);
    add_terms(rand, letters, text, found);
    if (g_rand_int_range(rand, 0, 3) == 0) {
      g_string_append(text, " or");
      add_terms(rand, letters, text, found);
    }
    check_pages(f, text->str, found, letters->len);
    if (queries % 4 == 0)
      mirror_count(f, text->str, found, letters->len);
  }
}

/* Words that begin so are fewer than are said at once, more, and more than are said at all;
 * all letters have lists of their words, some, and none. */
static void
random_queries_find_what_the_plain_rule_finds(void **state)
{
  struct fixture *f = *state;
  g_autoptr(GRand) rand = g_rand_new_with_seed(11);
  g_autoptr(GPtrArray) letters = g_ptr_array_new_with_free_func(letter_drop);
  for (guint i = 0; i < LETTERS; i++) {
    g_ptr_array_add(letters, letter_make(rand, i));
    letter_put(f, letters->pdata[i], i);
  }
  static const struct { const char *query; guint few, most; } bounds[] = {
      {"w118*", 32, 0}, {"w11*", 1000, 32}, {"w*", LETTERS, 1000}};
  for (gsize i = 0; i < G_N_ELEMENTS(bounds); i++) {
    g_autofree char *said = exact_of(f, bounds[i].query, bounds[i].few);
    g_autofree char *not = exact_of(f, bounds[i].query, bounds[i].most);
    assert_string_not_equal(said, "-");
    assert_string_equal(not, "-");
  }
  static const guint kept[] = {2200, 200, 0};
  for (gsize i = 0; i < G_N_ELEMENTS(kept); i++) {
    lists_trim(f->store, kept[i], MAX(kept[i], 1));
    check_queries(f, rand, letters, 40);
  }
}

int
main(void)
{
  g_setenv("TZ", "UTC", TRUE);
  const struct CMUnitTest tests[] = {
      fixture_test(a_start_is_said_by_the_words_that_there_are),
      fixture_test(random_queries_find_what_the_plain_rule_finds),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "store/view.h"

#include "tests/unit/store/mirror.h"

/* So many that the text has more hits than the look ahead counts. */
#define LETTERS 1400
#define WORDS 6

/* Letter i, 0 the oldest: which of the words it has, and what else can be asked of it. */
struct letter { unsigned words; bool few, flagged, read, tagged; };

static const char *const words[WORDS] = {"the", "boat", "sea", "wind", "rope", "zibibbo"};

static struct letter
letter_make(GRand *rand, guint i)
{
  struct letter letter = {.few = i % 45 == 7, .flagged = i % 61 == 3, .read = i % 53 != 5,
                          .tagged = i % 71 == 2};
  static const int of_hundred[WORDS] = {97, 60, 50, 30, 10, 1};
  for (guint word = 0; word < WORDS; word++)
    if (g_rand_int_range(rand, 0, 100) < of_hundred[word])
      letter.words |= 1u << word;
  return letter;
}

static void
letter_put(struct fixture *f, const struct letter *letter, guint i)
{
  g_autoptr(GString) text = g_string_new(NULL);
  g_string_printf(text, "Date: 1 Jan 2024 %02u:%02u:00 +0000\n\nhello", i / 60, i % 60);
  for (guint word = 0; word < WORDS; word++)
    if (letter->words & 1u << word)
      g_string_append_printf(text, " %s", words[word]);
  g_autofree char *base = g_strdup_printf("n%u", i);
  mirror_add(f, letter->few ? "Few" : "Many", base,
             (letter->flagged ? ROW_FLAGGED : 0) | (letter->read ? ROW_SEEN : 0),
             letter->tagged ? "todo" : NULL, text->str);
}

/* ---- queries, and what they find by the plain rule ---- */

static void
add_leaf(GRand *rand, const struct letter *letters, GString *text, bool *found)
{
  static const char *const others[] = {"in:Few", "is:flagged", "is:unread", "tag:todo", "in:None"};
  guint word = (guint)g_rand_int_range(rand, 0, WORDS + 3);
  guint other = (guint)g_rand_int_range(rand, 0, G_N_ELEMENTS(others));
  bool negated = g_rand_int_range(rand, 0, 3) == 0;
  g_string_append_printf(text, "%s%s", negated ? "-" : "", word < WORDS ? words[word] : others[other]);
  for (guint i = 0; i < LETTERS; i++) {
    const struct letter *letter = &letters[i];
    bool has[] = {letter->few, letter->flagged, !letter->read, letter->tagged, false};
    found[i] = (word < WORDS ? (letter->words & 1u << word) != 0 : has[other]) != negated;
  }
}

static void
add_node(GRand *rand, const struct letter *letters, int depth, GString *text, bool *found)
{
  if (depth == 0) {
    add_leaf(rand, letters, text, found);
    return;
  }
  bool either = g_rand_int_range(rand, 0, 3) == 0, negated = g_rand_int_range(rand, 0, 4) == 0;
  g_autofree bool *one = g_new(bool, LETTERS);
  g_string_append(text, negated ? "not (" : "(");
  add_node(rand, letters, g_rand_int_range(rand, 0, depth), text, found);
  for (int n = g_rand_int_range(rand, 1, 3); n > 0; n--) {
    g_string_append(text, either ? " or " : " ");
    add_node(rand, letters, g_rand_int_range(rand, 0, depth), text, one);
    for (guint i = 0; i < LETTERS; i++)
      found[i] = either ? found[i] || one[i] : found[i] && one[i];
  }
  g_string_append_c(text, ')');
  for (guint i = 0; i < LETTERS; i++)
    found[i] = found[i] != negated;
}

/* The pages from one end to the other. */
static void
check_pages(struct fixture *f, struct rows_query asked, const struct letter *letters,
            const bool *found)
{
  g_autoptr(GPtrArray) before = NULL;
  bool up = asked.order == ROWS_OLDEST, few = asked.folder != NULL;
  guint seen = 0;
  asked.limit = 37;
  for (;;) {
    g_autoptr(GPtrArray) rows = mirror_rows(f, &asked);
    for (guint i = 0; i <= rows->len; i++) {
      while (seen < LETTERS) {
        guint at = up ? seen : LETTERS - 1 - seen;
        if (found[at] && (!few || letters[at].few))
          break;
        seen++;
      }
      if (i == rows->len)
        break;
      const char *base = strrchr(((struct row *)rows->pdata[i])->key, '/') + 1;
      g_autofree char *wanted = g_strdup_printf("n%u", up ? seen : LETTERS - 1 - seen);
      if (seen == LETTERS || strcmp(base, wanted) != 0)
        fail_msg("%s: %s, not %s", asked.query, base, seen == LETTERS ? "the end" : wanted);
      seen++;
    }
    if (rows->len < asked.limit)
      break;
    g_clear_pointer(&before, g_ptr_array_unref);
    before = g_steal_pointer(&rows);
    asked.after = before->pdata[before->len - 1];
  }
  if (seen < LETTERS)
    fail_msg("%s: letters are missing", asked.query);
}

static void
check_queries(struct fixture *f, GRand *rand, const struct letter *letters, guint queries)
{
  g_autofree bool *found = g_new(bool, LETTERS);
  while (queries-- > 0) {
    g_autoptr(GString) text = g_string_new(NULL);
    add_node(rand, letters, g_rand_int_range(rand, 0, 3), text, found);
    check_pages(f, (struct rows_query){.query = text->str}, letters, found);
    check_pages(f, (struct rows_query){.query = text->str, .folder = "Few"}, letters, found);
    if (queries % 3 == 0)
      check_pages(f, (struct rows_query){.query = text->str, .order = ROWS_OLDEST}, letters, found);
    if (queries % 4 == 0)
      mirror_count(f, text->str, found, LETTERS);
  }
}

static void
fill(struct fixture *f, GRand *rand, struct letter *letters)
{
  for (guint i = 0; i < LETTERS; i++) {
    letters[i] = letter_make(rand, i);
    letter_put(f, &letters[i], i);
  }
}

static void
random_queries_find_what_the_plain_rule_finds(void **state)
{
  struct fixture *f = *state;
  g_autoptr(GRand) rand = g_rand_new_with_seed(5);
  g_autofree struct letter *letters = g_new(struct letter, LETTERS);
  fill(f, rand, letters);
  check_queries(f, rand, letters, 120);
}

static bool
put_words(struct conn *conn, int64_t id, unsigned has, GError **error)
{
  g_autoptr(GString) text = g_string_new("hello");
  for (guint word = 0; word < WORDS; word++)
    if (has & 1u << word)
      g_string_append_printf(text, " %s", words[word]);
  struct index_doc doc = {.text = text->str};
  g_autoptr(terms_t) terms = terms_new(&doc, false);
  return letter_add_text(conn, id, terms, error) &&
         conn_run(conn, error, "UPDATE letter SET texted = 1 WHERE id = ?", "i", id);
}

/* The words of every fifth letter are not in the table yet. */
static void
take_texts(struct fixture *f, struct letter *letters)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(conn_t) conn = conn_write(f->store, NULL, &error);
  bool ok = conn_run(conn, &error, "INSERT INTO text(text) VALUES('delete-all')", "") &&
            conn_run(conn, &error, "UPDATE letter SET texted = 0", "");
  for (guint i = 0; ok && i < LETTERS; i++) {
    int64_t id;
    g_autofree char *base = g_strdup_printf("n%u", i);
    ok = letter_find(conn, letters[i].few ? "Few" : "Many", base, &id, &error);
    if (i % 5 == 0)
      letters[i].words = 0;
    else
      ok = ok && put_words(conn, id, letters[i].words, &error);
  }
  if (!ok || !conn_commit(conn, &error))
    fail_msg("%s", error->message);
}

/* What has no word is not said by a table that lacks letters. */
static void
letters_whose_words_are_not_there_yet_have_none(void **state)
{
  struct fixture *f = *state;
  g_autoptr(GRand) rand = g_rand_new_with_seed(7);
  g_autofree struct letter *letters = g_new(struct letter, LETTERS);
  fill(f, rand, letters);
  take_texts(f, letters);
  check_queries(f, rand, letters, 40);
  g_autofree bool *found = g_new(bool, LETTERS);
  for (guint i = 0; i < LETTERS; i++)
    found[i] = (letters[i].words & 3) == 0 || (letters[i].words & 32) != 0;
  check_pages(f, (struct rows_query){.query = "(-the -boat) or zibibbo"}, letters, found);
}

/* ---- which way ---- */

static void
the_shorter_way_is_gone(void **state)
{
  struct fixture *f = *state;
  g_autoptr(GRand) rand = g_rand_new_with_seed(5);
  g_autofree struct letter *letters = g_new(struct letter, LETTERS);
  fill(f, rand, letters);
  static const struct { const char *folder, *query; bool each; } samples[] = {
      {"Few", "the", true},          {"Few", "zibibbo", false},     {"Many", "the", false},
      {NULL, "the", false},          {NULL, "the is:flagged", true}, {NULL, "the tag:todo", true},
      {NULL, "the in:Few", true},    {NULL, "the in:Many", false},  {NULL, "zibibbo the in:Few", false},
      {NULL, "-zibibbo in:Few", true}, {"Few", "zibibbo or the", true}, {"Few", "rope zibibbo", false},
      {NULL, "the or in:Few", false}, {"Few", "in:Few", false},     {"Few", "th*", false},
      {"Few", "\"the boat\"", false}, {NULL, "the is:read", false}, {"Few", "(the or is:read)", true},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(samples); i++) {
    g_autoptr(GError) error = NULL;
    g_auto(view_t) view = {0};
    struct rows_query asked = {.query = samples[i].query, .folder = samples[i].folder};
    if (!view_open(&view, f->store, &asked, NULL, &error))
      fail_msg("%s", error->message);
    if (view.each != samples[i].each)
      fail_msg("%s: %s", samples[i].query, view.each ? "each letter is asked" : "the text leads");
  }
}

/* ---- letters that cannot be read ---- */

static void
a_letter_without_words_has_no_word(void **state)
{
  struct fixture *f = *state;
  g_autoptr(GError) error = NULL;
  mirror_add(f, "Inbox", "a", 0, NULL, "Subject: boat\n\nsea\n");
  mirror_add(f, "Inbox", "b", 0, NULL, "Subject: rope\n\nsea\n");
  g_autoptr(conn_t) conn = conn_write(f->store, NULL, &error);
  assert_true(conn_run(conn, &error, "INSERT INTO text(text) VALUES('delete-all')", ""));
  int64_t id;
  assert_true(letter_find(conn, "Inbox", "a", &id, &error));
  assert_true(letter_add_text(conn, id, NULL, &error));
  assert_true(letter_find(conn, "Inbox", "b", &id, &error));
  assert_true(letter_add_text(conn, id, NULL, &error));
  assert_true(conn_commit(conn, &error));
  g_clear_pointer(&conn, conn_release);
  struct rows_query none = {.query = "sea", .limit = 9}, both = {.query = "-sea", .limit = 9};
  g_autoptr(GPtrArray) found = mirror_rows(f, &none), others = mirror_rows(f, &both);
  assert_int_equal(found->len, 0);
  assert_int_equal(others->len, 2);
}

int
main(void)
{
  g_setenv("TZ", "UTC", TRUE);
  const struct CMUnitTest tests[] = {
      fixture_test(random_queries_find_what_the_plain_rule_finds),
      fixture_test(letters_whose_words_are_not_there_yet_have_none),
      fixture_test(the_shorter_way_is_gone),
      fixture_test(a_letter_without_words_has_no_word),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

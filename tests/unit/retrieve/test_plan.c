#include <string.h>

#include "retrieve/plan.h"
#include "store/waiting.h"
#include "tests/unit/test.h"

/* Letters "UID/SIZE[:DIGEST]", a UID of "-" being none; rows "UID/SIZE[.GENERATION]
 * [:DIGEST]" and then "!" (being deleted), "#" (gone), "<N" (fetched N days ago),
 * "@" (its file is in a folder here), "%" (in none any more), "-" (another program's),
 * "+" (of either: the user keeps it there).
 * What comes out, a word per letter: K keep, D delete, F fetch, L too large, E
 * examine; "?" not certain, "*" renamed, "!" not what another program knew by its
 * UID, a digit: its generation.  A letter's "<N": it came N days ago. */
struct sample {
  const char *what;
  const char *letters, *rows;
  const char *flags;        /* t: TOP is there; n: never delete; u: folders unknown; a digit:
                             * so many newest stay */
  int leave;
  const char *plan;
};
static const struct sample table[] = {
    {"an empty drop", "", "", "t", -1, ""},
    {"all is new", "a/10 b/20", "", "t", -1, "F F"},
    {"all is known", "a/10 b/20", "a/10 b/20", "t", -1, "K K"},
    {"known by row alone, the rest is fetched", "a/10 c/20", "a/10 b/20", "t", -1, "K F"},
    {"order does not matter", "b/20 a/10", "a/10 b/20", "t", -1, "K K"},

    {"deleted once known", "a/10 b/20", "a/10", "t", 0, "D F"},
    {"deleted after its days", "a/10 b/10 c/10", "a/10<15 b/10<14 c/10<13", "t", 14, "D D K"},
    {"nothing is deleted when the list is odd", "a/10 b/20", "a/10 b/20!", "tn", 0, "K K"},
    {"being deleted is deleted again whatever the policy", "a/10", "a/10!", "", -1, "D"},
    {"and with TOP by its headers", "a/10", "a/10:d!", "t", -1, "E"},
    {"being the same", "a/10:d", "a/10:d!", "", -1, "D"},
    {"being another letter of this UID", "a/10:e", "a/10:d!", "", -1, "F1"},

    {"deleted once it is in no folder here", "a/10 b/20 c/30", "a/10@ b/20% c/30", "t", -2, "K D K"},
    {"but not while the folders are unknown", "a/10", "a/10%", "tu", -2, "K"},
    {"nor when the list is odd", "a/10", "a/10%", "tn", -2, "K"},
    {"what was deleted here may stay for ever", "a/10", "a/10%", "t", -1, "K"},
    {"the newest two stay", "a/10 b/20 c/30 d/40", "a/10 b/20 c/30 d/40", "t2", -1, "D D K K"},
    {"what is not here yet is fetched, not deleted", "a/10 b/20 c/30", "b/20", "t1", -1, "F D F"},
    {"its days count all the same", "a/10 b/20 c/30", "a/10 b/20<15 c/30", "t2", 14, "D D K"},

    {"what another program retrieved is examined", "a/10 b/20", "a/9223372036854775807-",
     "t", -1, "E F"},
    {"and known when it had come by then", "a/10:d<3 b/20", "a/9223372036854775807-<2", "", 0, "K* F"},
    {"not when it came later", "a/10:d<1 b/20", "a/9223372036854775807-<2", "", 0, "F! F"},
    {"nor when nobody says when it came", "a/10:d b/20", "a/9223372036854775807-<2", "", 0, "F! F"},
    {"nor without TOP", "a/10 b/20", "a/9223372036854775807-<2", "", 0, "F! F"},
    {"and not deleted by any policy", "a/10:d<3 b/20", "a/9223372036854775807- b/20-", "1", 0, "K* K"},
    {"nor when no folder has it", "a/10", "a/10-", "t", -2, "K"},
    {"but when the user said so", "a/10", "a/10-!", "", 0, "D"},

    {"what the user keeps there stays", "a/10+ b/20 c/30+", "a/10 b/20", "t", 0, "K D F"},
    {"also beyond its days", "a/10+ b/10", "a/10<15 b/10<15", "t", 14, "K D"},
    {"also when it is in no folder here", "a/10+ b/10", "a/10% b/10%", "t", -2, "K D"},
    {"also beyond the newest", "a/10+ b/20 c/30", "a/10 b/20 c/30", "t1", -1, "K D K"},
    {"also when a deletion was not answered", "a/10+", "a/10!", "", 0, "K"},
    {"also under a new name", "x/10:d", "a/10:d+", "", 0, "K*"},
    {"another size is another letter", "a/10 b/11", "a/10 b/11:d a/11+", "t", 0, "D D"},

    {"too large", "a/1000001 b/1000000", "", "t", -1, "L F"},
    {"too large but known", "a/1000001", "a/1000001", "t", 0, "D"},

    {"a UID of another size is examined", "a/11", "a/10:d", "t", 0, "E"},
    {"and is the same letter", "a/11:d", "a/10:d", "", 0, "D*"},
    {"or another", "a/11:e", "a/10:d", "", 0, "F"},
    {"or is fetched in doubt without TOP", "a/11", "a/10:d", "", 0, "F?"},

    {"a gone one that is back is examined", "a/10", "a/10:d#", "t", 0, "E"},
    {"and deleted again when it is the same", "a/10:d", "a/10:d#", "", 0, "D"},
    {"or fetched when the server used its UID again", "a/10:e", "a/10:d#", "", 0, "F1"},
    {"or fetched in doubt without TOP", "a/10", "a/10:d#", "", 0, "F?1"},

    {"doubled UIDs are examined", "a/10 a/10", "", "t", 0, "E E"},
    {"two letters of one UID", "a/10:d a/10:e", "", "", 0, "F F1"},
    {"one of them known", "a/10:d a/10:e", "a/10:e", "", 0, "F1 D"},
    {"both known", "a/10:d a/10:e", "a/10.0:e a/10.1:d", "", -1, "K K"},
    {"identical ones are known one for one", "a/10:d a/10:d a/10:d", "a/10.0:d a/10.1:d", "", -1,
     "K K F2"},
    {"doubled without TOP: fetched, never deleted", "a/10 a/10", "a/10:d", "", 0, "F?1 F?2"},
    {"doubled UIDs of two sizes", "a/10:d a/20:e", "a/10:d", "", -1, "K F"},

    {"no UIDs: all are examined", "-/10 -/20", "", "t", -1, "E E"},
    {"and named by their headers", "-/10:d -/20:e", "~d/10:d", "", -1, "K F"},
    {"identical ones one for one", "-/10:d -/10:d", "~d/10:d", "", -1, "K F1"},
    {"no UIDs, no TOP: fetched in doubt", "-/10 -/20", "~d/10:d", "", 0, "F? F?"},
    {"a server that lost its UIDL", "-/10:d -/20:e", "a/10:d b/20:e", "", -1, "K* K*"},

    {"renamed letters are examined by their size", "x/10 y/30", "a/10:d b/20:e", "t", -1, "E F"},
    {"and recognised", "x/10:d", "a/10:d", "", -1, "K*"},
    {"and deleted under their new name", "x/10:d", "a/10:d", "", 0, "D*"},
    {"letters that changed their UIDs are examined", "a/20 b/10", "a/10:d b/20:e", "t", -1, "E E"},
    {"and recognised", "a/20:e b/10:d", "a/10:d b/20:e", "", -1, "K* K*"},
    {"a new letter under a known UID, the old one under a new", "a/20:f c/10:d", "a/10:d", "", -1, "F K*"},
    {"a new letter of a lost one's size", "x/10:z", "a/10:d", "", -1, "F"},
    {"all renamed, one new", "x/10:d y/10:e z/10:f", "a/10:d b/10:e", "", -1, "K* K* F"},
    {"a listed letter is nobody's old name", "a/10 x/10", "a/10:d", "t", -1, "K F"},
    {"what is gone was not renamed", "x/10", "a/10:d#", "t", -1, "F"},
    {"without TOP a renamed one is fetched in doubt", "x/10", "a/10:d", "", 0, "F?"},

    {"letters that the user skipped stay known", "a/10", "a/10", "", -1, "K"},
    {"several generations need their headers", "a/10", "a/10.0:d# a/10.1:e", "t", -1, "E"},
    {"and are told apart", "a/10:e", "a/10.0:d# a/10.1:e", "", 0, "D"},
};

#define NOW 1800000000

/* Of the first letter. */
static const struct {
  const char *letters, *rows, *flags;
  int leave;
  enum plan_why why;
} reasons[] = {
    {"a/10", "a/10", "t", -1, WHY_NOTHING},
    {"a/10", "a/10<1", "t", 14, WHY_NOTHING},
    {"a/10", "a/10", "t", 0, WHY_NOTHING_STAYS},
    {"a/10", "a/10<15", "t", 14, WHY_DAYS_OVER},
    {"a/10", "a/10%", "t", -2, WHY_DELETED_HERE},
    {"a/10 b/20", "a/10 b/20", "t1", -1, WHY_NOT_NEWEST},
    {"a/10", "a/10!", "", -1, WHY_UNANSWERED},
    {"a/10+", "a/10", "t", 0, WHY_KEPT},
    {"a/10+", "a/10", "t", -1, WHY_KEPT},
    {"a/10", "a/10-", "t", 0, WHY_ELSEWHERE},
    {"a/10", "a/10", "tn", 0, WHY_ODD_LIST},
};

static char *
cut(char **at, const char *stops)
{
  size_t length = strcspn(*at, stops);
  char *word = g_strndup(*at, length);
  *at += length;
  return word;
}

static struct drop_row *
row_of(char *at)
{
  g_autofree char *uid = cut(&at, "/");
  g_autofree char *digest = NULL;
  struct drop_row row = {.uid = uid, .size = strtoull(at + 1, &at, 10), .fetched = NOW};
  while (*at != '\0') {
    char mark = *at++;
    if (mark == '.')
      row.generation = (guint)strtoul(at, &at, 10);
    else if (mark == ':')
      row.digest = digest = cut(&at, "!#<.@%-+");
    else if (mark == '<')
      row.fetched -= 86400 * (int64_t)strtol(at, &at, 10);
    else if (mark == '-')
      row.base = DROP_ELSEWHERE;
    else if (mark == '@' || mark == '%')
      row.base = mark == '@' ? "here" : "lost";
    else if (mark != '+')
      row.state = mark == '!' ? DROP_DELETING : DROP_GONE;
  }
  return drop_row_copy(&row);
}

static void
free_row(void *row)
{
  drop_row_free(row);
}

/* The words of `text` as rows, and as letters beside them. */
static GPtrArray *
read_words(const char *text, GArray *letters)
{
  GPtrArray *rows = g_ptr_array_new_with_free_func(free_row);
  g_auto(GStrv) words = g_strsplit(text, " ", -1);
  for (char **word = words; *word != NULL && **word != '\0'; word++) {
    struct drop_row *row = row_of(*word);
    bool named = !g_str_equal(row->uid, "-");
    struct plan_letter letter = {.number = rows->len + 1,
                                 .uid = named ? row->uid : NULL,
                                 .size = row->size,
                                 .digest = row->digest,
                                 .arrived = row->fetched < NOW ? row->fetched : 0};
    g_ptr_array_add(rows, row);
    g_array_append_val(letters, letter);
  }
  return rows;
}

/* Adds those of the words that are kept. */
static void
read_kept(const char *text, GHashTable *kept)
{
  g_auto(GStrv) words = g_strsplit(text, " ", -1);
  for (char **word = words; *word != NULL; word++) {
    char *at = *word;
    if (strchr(at, '+') == NULL)
      continue;
    g_autofree char *uid = cut(&at, "/");
    g_hash_table_add(kept, store_kept_key(uid, strtoull(at + 1, NULL, 10)));
  }
}

static void
append_step(GString *out, const struct plan_step *step)
{
  static const char names[] = {
      [PLAN_KEEP] = 'K', [PLAN_DELETE] = 'D', [PLAN_FETCH] = 'F', [PLAN_TOO_LARGE] = 'L',
      [PLAN_EXAMINE] = 'E'};
  if (out->len > 0)
    g_string_append_c(out, ' ');
  g_string_append_c(out, names[step->action]);
  if (step->action == PLAN_FETCH && !step->certain)
    g_string_append_c(out, '?');
  if (step->renamed)
    g_string_append_c(out, '*');
  if (step->refuted)
    g_string_append_c(out, '!');
  if (step->action == PLAN_FETCH && step->generation > 0)
    g_string_append_printf(out, "%u", step->generation);
}

struct planned {
  GPtrArray *listed, *rows; /* own what the plan points to */
  struct plan *plan;
};

static struct planned
planned_make(const char *words, const char *known, const char *flags, int leave)
{
  struct planned planned;
  g_autoptr(GArray) letters = g_array_new(FALSE, FALSE, sizeof(struct plan_letter));
  g_autoptr(GArray) unused = g_array_new(FALSE, FALSE, sizeof(struct plan_letter));
  planned.listed = read_words(words, letters);
  planned.rows = read_words(known, unused);
  g_autoptr(GHashTable) bases = g_hash_table_new(NULL, NULL);
  g_hash_table_add(bases, store_base_key("here"));
  g_autoptr(GHashTable) kept = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  read_kept(words, kept);
  read_kept(known, kept);
  struct plan_policy policy = {.leave = leave,
                               .kept = kept,
                               .keep_newest = (guint)strtoul(flags + strcspn(flags, "0123456789"), NULL, 10),
                               .bases = strchr(flags, 'u') != NULL ? NULL : bases,
                               .max_size = 1000000,
                               .now = NOW,
                               .can_examine = strchr(flags, 't') != NULL,
                               .never_delete = strchr(flags, 'n') != NULL};
  planned.plan = plan_make((const struct plan_letter *)(void *)letters->data, letters->len,
                           planned.rows, &policy);
  return planned;
}

static void
planned_clear(struct planned *planned)
{
  plan_free(planned->plan);
  g_ptr_array_unref(planned->rows);
  g_ptr_array_unref(planned->listed);
}

static void
check(const struct sample *row)
{
  struct planned planned = planned_make(row->letters, row->rows, row->flags, row->leave);
  g_autoptr(GString) out = g_string_new(NULL);
  for (guint i = 0; i < planned.plan->count; i++)
    append_step(out, &planned.plan->steps[i]);
  if (!g_str_equal(out->str, row->plan))
    fail_msg("%s: \"%s\", not \"%s\"", row->what, out->str, row->plan);
  planned_clear(&planned);
}

static void
each_fate_has_its_reason(void **state)
{
  for (size_t i = 0; i < G_N_ELEMENTS(reasons); i++) {
    struct planned planned =
        planned_make(reasons[i].letters, reasons[i].rows, reasons[i].flags, reasons[i].leave);
    enum plan_why why = planned.plan->steps[0].why;
    if (why != reasons[i].why)
      fail_msg("row %zu: %d, not %d", i, why, reasons[i].why);
    assert_int_equal(plan_why_words(why) != NULL, why != WHY_NOTHING);
    planned_clear(&planned);
  }
}

static void
each_letter_gets_what_is_due_to_it(void **state)
{
  for (size_t i = 0; i < G_N_ELEMENTS(table); i++)
    check(&table[i]);
}

static void
a_download_in_doubt_is_met_by_its_digest_once(void **state)
{
  g_autoptr(GArray) letters = g_array_new(FALSE, FALSE, sizeof(struct plan_letter));
  g_autoptr(GArray) unused = g_array_new(FALSE, FALSE, sizeof(struct plan_letter));
  GPtrArray *listed = read_words("a/10 a/10 b/5", letters); /* owns their strings */
  g_autoptr(GPtrArray) rows = read_words("a/10:d b/5:d", unused);
  struct plan_policy policy = {.leave = -1, .max_size = 1000, .now = NOW};
  g_autoptr(plan_t) plan = plan_make((const struct plan_letter *)(void *)letters->data,
                                     letters->len, rows, &policy);
  g_autoptr(plan_claims_t) claims = plan_claims_new(plan, rows);
  assert_ptr_equal(plan_claim(claims, "a", 10, "d"), g_ptr_array_index(rows, 0));
  assert_null(plan_claim(claims, "a", 10, "d"));
  assert_null(plan_claim(claims, "a", 10, "e"));
  g_ptr_array_unref(listed);
}

/* Nothing may be quadratic: a large drop is planned in far less than the seconds
 * that the test may take. */
static void
a_hundred_thousand_letters_are_no_trouble(void **state)
{
  guint n = 100000;
  g_autoptr(GArray) letters = g_array_new(FALSE, FALSE, sizeof(struct plan_letter));
  g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func(free_row);
  for (guint i = 0; i < n; i++) {
    g_autofree char *uid = g_strdup_printf("%08x", i);
    struct drop_row *row = drop_row_copy(
        &(struct drop_row){.uid = uid, .size = i % 1000, .digest = uid});
    g_ptr_array_add(rows, row);
    struct plan_letter letter = {.number = i + 1, .uid = row->uid, .size = row->size};
    g_array_append_val(letters, letter);
  }
  struct plan_policy policy = {.leave = -1, .max_size = 1000, .now = NOW, .can_examine = true};
  g_autoptr(plan_t) plan =
      plan_make((const struct plan_letter *)(void *)letters->data, n, rows, &policy);
  assert_int_equal(plan_count(plan, PLAN_KEEP), n);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_letter_gets_what_is_due_to_it),
      cmocka_unit_test(each_fate_has_its_reason),
      cmocka_unit_test(a_download_in_doubt_is_met_by_its_digest_once),
      cmocka_unit_test(a_hundred_thousand_letters_are_no_trouble),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

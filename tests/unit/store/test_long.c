/* References made to hurt: long chains, wide and circular threads, thousands of ids in one
 * header.  Four times the letters may not cost much more than four times as much.
 * POSTINO_LONG=25000 measures with so many letters, and says what it took. */
#include <time.h>

#include "tests/unit/store/mirror.h"

#define LETTERS 700
#define TIMES 4
/* More than TIMES by what logarithms, caches and a busy machine add; squares are 16. */
#define MOST 9.0
#define BATCH 1000

typedef void (*references_fn)(GString *out, guint i, guint n);

static void
add_id(GString *out, guint i)
{
  g_string_append_printf(out, " <%u@long.example>", i);
}

/* What an old list's software writes: all that came before. */
static void
chain(GString *out, guint i, guint n)
{
  for (guint at = i > 250 ? i - 250 : 0; at < i; at++)
    add_id(out, at);
}

/* The same from its end: every letter comes before the one that it answers. */
static void
chain_backwards(GString *out, guint i, guint n)
{
  add_id(out, i + 1);
}

static void
star(GString *out, guint i, guint n)
{
  add_id(out, n + 1);
}

static void
circle(GString *out, guint i, guint n)
{
  add_id(out, (i + 1) % n);
  add_id(out, (i + n / 2) % n);
}

/* Ends of threads that were apart are joined, over and over. */
static void
ladder(GString *out, guint i, guint n)
{
  if (i % 2 == 1)
    return;
  add_id(out, i > 2 ? i - 2 : 0);
  add_id(out, i + 1);
}

static double
seconds(void)
{
  struct timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void
add_one(struct conn *conn, int64_t folder, const char *text, guint i)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(index_doc_t) doc = index_message(text, strlen(text), 1800000000);
  g_autofree char *base = g_strdup_printf("l%u", i);
  struct letter_file file = {base, ":2,", false, 0, 1700000000};
  int64_t id;
  if (!letter_add(conn, folder, false, &file, strlen(text), doc, NULL, &id, &error) || id == 0)
    fail_msg("%s", error->message);
}

/* Seconds of work for adding n letters. */
static double
fill(struct fixture *f, references_fn references, guint n)
{
  double start = seconds();
  for (guint i = 0; i < n;) {
    g_autoptr(conn_t) conn = conn_write(f->store, NULL, NULL);
    int64_t folder;
    assert_true(letter_folder(conn, "Inbox", &folder, NULL));
    for (guint end = MIN(i + BATCH, n); i < end; i++) {
      g_autoptr(GString) text = g_string_new(NULL);
      g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(1600000000 + i);
      g_autofree char *stamp = g_date_time_format(time, "%d %b %Y %H:%M:%S +0000");
      g_string_append_printf(text, "Message-ID: <%u@long.example>\nSubject: s%u\nDate: %s\nReferences:",
                             i, i, stamp);
      references(text, i, n);
      g_string_append(text, "\n\nx\n");
      add_one(conn, folder, text->str, i);
    }
    assert_true(conn_commit(conn, NULL));
  }
  return seconds() - start;
}

/* Seconds for the first screen, the last one, and one in the midst of the thread. */
static double
look(struct fixture *f, guint n)
{
  double start = seconds();
  struct rows_query asked = {.folder = "Inbox", .order = ROWS_THREAD, .limit = 50};
  g_autoptr(GPtrArray) first = mirror_rows(f, &asked);
  asked.backwards = true;
  g_autoptr(GPtrArray) last = mirror_rows(f, &asked);
  g_autofree char *key = g_strdup_printf("Inbox/l%u", n / 2);
  g_autoptr(row_t) middle = store_row(f->store, key, NULL);
  asked.backwards = false;
  asked.after = middle;
  g_autoptr(GPtrArray) rows = mirror_rows(f, &asked);
  assert_true(first->len == 50 && last->len == 50 && rows->len > 0);
  return seconds() - start;
}

struct cost { double adding, looking; };

static struct cost
cost_of(references_fn references, guint n, guint threads)
{
  void *own = NULL;
  fixture_open(&own);
  struct fixture *f = own;
  struct cost cost = {0};
  cost.adding = fill(f, references, n);
  cost.looking = look(f, n);
  g_autoptr(conn_t) conn = conn_read(f->store, NULL, NULL);
  int64_t seen;
  assert_true(conn_number(conn, &seen, 0, NULL, "SELECT count(DISTINCT thread) FROM letter", ""));
  assert_int_equal(seen, threads);
  conn_release(g_steal_pointer(&conn));
  fixture_close(&own);
  return cost;
}

static guint
letters(void)
{
  const char *value = g_getenv("POSTINO_LONG");
  return value != NULL ? (guint)g_ascii_strtoull(value, NULL, 10) : LETTERS;
}

static void
assert_linear(const char *name, double few, double many)
{
  /* What takes no time has none to be measured by. */
  if (many > 0.05 && many > few * MOST)
    fail_msg("%s: %.3f s for a quarter, %.3f s for all", name, few, many);
}

static void
long_threads_stay_linear(void **state)
{
  static const struct { const char *name; references_fn references; bool one; } cases[] = {
      {"chain", chain, true}, {"chain, backwards", chain_backwards, true}, {"star", star, true},
      {"circle", circle, true}, {"ladder", ladder, true}};
  guint n = letters();
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    struct cost few = cost_of(cases[i].references, n, 1);
    struct cost many = cost_of(cases[i].references, n * TIMES, 1);
    if (g_getenv("POSTINO_LONG") != NULL)
      print_message("# %s: adding %u %.2f s, %u %.2f s; looking %.3f s, %.3f s\n", cases[i].name, n,
                    few.adding, n * TIMES, many.adding, few.looking, many.looking);
    assert_linear(cases[i].name, few.adding, many.adding);
    assert_linear(cases[i].name, few.looking, many.looking);
  }
}

/* Ids in one header, of which the last are kept. */
static double
read_header(guint ids)
{
  g_autoptr(GString) text = g_string_new("Message-ID: <x@long.example>\nReferences:");
  for (guint i = 0; i < ids; i++) {
    g_string_append(text, i % 8 == 0 ? "\n" : "");
    add_id(text, i);
  }
  g_string_append(text, "\n\nx\n");
  double start = seconds();
  for (int i = 0; i < 10; i++) {
    g_autoptr(index_doc_t) doc = index_message(text->str, text->len, 1800000000);
    assert_in_range(g_strv_length(doc->references), 1, 200);
    g_autofree char *last = g_strdup_printf("%u@long.example", ids - 1);
    assert_string_equal(doc->references[g_strv_length(doc->references) - 1], last);
  }
  return seconds() - start;
}

static void
ten_thousand_ids_in_a_header_stay_linear(void **state)
{
  double few = read_header(10000), many = read_header(40000);
  if (g_getenv("POSTINO_LONG") != NULL)
    print_message("# 10 headers of 10000 ids %.3f s, of 40000 ids %.3f s\n", few, many);
  assert_linear("ids", few, many);
}

/* Tags of one letter: long, in any script, all set at once; one more; and all of it back. */
static double
tag_with(struct fixture *f, const char *key, guint n)
{
  const char *keys[] = {key, NULL};
  g_autofree char *one = g_strdup_printf("tag%u-\303\251\346\274\242", n / 2), *query = NULL;
  g_autoptr(GString) words = g_string_new(NULL);
  for (guint i = 0; i < n; i++)
    g_string_append_printf(words, "+tag%u-%s ", i,
                           i == n / 2 ? "\303\251\346\274\242" : "of-many-letters-and-'signs\"%_");
  query = g_strconcat("tag:", one, NULL);
  struct rows_query asked = {.query = query, .limit = 10};
  double start = seconds();
  assert_true(store_tag(f->store, keys, words->str, NULL));
  assert_true(store_tag(f->store, keys, "+more", NULL));
  {
    g_autoptr(GPtrArray) rows = mirror_rows(f, &asked);
    assert_int_equal(rows->len, 1);
    g_auto(GStrv) tags = g_strsplit_set(((struct row *)rows->pdata[0])->tags, " ", -1);
    assert_int_equal(g_strv_length(tags), n + 1);
  }
  assert_true(store_undo(f->store, NULL, NULL));
  assert_true(store_undo(f->store, NULL, NULL));
  double took = seconds() - start;
  g_autoptr(GPtrArray) rows = mirror_rows(f, &asked);
  assert_int_equal(rows->len, 0);
  return took;
}

static void
ten_thousand_tags_of_a_letter_stay_linear(void **state)
{
  struct fixture *f = *state;
  g_autofree char *key = fixture_deliver(f, "Inbox", "Subject: x\n\nx\n", 0);
  const char *base = strrchr(key, '/') + 1;
  mirror_add(f, "Inbox", base, 0, NULL, "Subject: x\n\nx\n");
  double few = tag_with(f, key, 2500), many = tag_with(f, key, 10000);
  if (g_getenv("POSTINO_LONG") != NULL)
    print_message("# 2500 tags %.3f s, 10000 tags %.3f s\n", few, many);
  assert_linear("tags", few, many);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(long_threads_stay_linear),
      cmocka_unit_test(ten_thousand_ids_in_a_header_stay_linear),
      fixture_test(ten_thousand_tags_of_a_letter_stay_linear),
  };
  if (access("/dev/shm", W_OK) == 0)
    g_setenv("TMPDIR", "/dev/shm", TRUE);
  return cmocka_run_group_tests(tests, NULL, NULL);
}

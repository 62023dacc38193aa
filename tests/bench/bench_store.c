/* Makes letters, then prints what opening, refreshing and searching cost:
 * bench_store [LETTERS [DIR]].  A DIR that is there is used as it is. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/error.h"
#include "store/store.h"

#define WORDS 20000

static double
now(void)
{
  return (double)g_get_monotonic_time() / 1000;
}

/* Words by Zipf's law, so that some are in every letter and most in few. */
static guint
word(GRand *rand)
{
  double u = g_rand_double_range(rand, 0, 1);
  return (guint)(WORDS * u * u * u * u);
}

static char *
make_letter(GRand *rand, guint n, guint i)
{
  GString *text = g_string_new(NULL);
  g_autoptr(GDateTime) time =
      g_date_time_new_from_unix_utc(1500000000 + (gint64)i * 200000000 / n);
  g_autofree char *stamp = g_date_time_format(time, "%a, %d %b %Y %H:%M:%S +0000");
  g_string_append_printf(text, "From: Person %u <p%u@d%u.example>\nTo: me@here.example\n",
                         i % 1000, i % 1000, i % 97);
  g_string_append_printf(text, "Date: %s\nMessage-ID: <%u@bench.example>\n", stamp, i);
  if (i > 10 && g_rand_int_range(rand, 0, 3) > 0)
    g_string_append_printf(text, "References: <%u@bench.example>\n",
                           i - (guint)g_rand_int_range(rand, 1, 10));
  g_string_append_printf(text, "Subject: w%u w%u w%u\n\n", word(rand), word(rand), word(rand));
  int length = g_rand_int_range(rand, 20, 500);
  for (int j = 0; j < length; j++)
    g_string_append_printf(text, "w%u%c", word(rand), j % 12 == 11 ? '\n' : ' ');
  g_string_append_c(text, '\n');
  return g_string_free(text, FALSE);
}

static void
make_letters(const char *dir, guint n)
{
  static const char *const subs[] = {"cur", "new", "tmp"};
  for (gsize i = 0; i < G_N_ELEMENTS(subs); i++) {
    g_autofree char *sub = g_build_filename(dir, "Inbox", subs[i], NULL);
    g_mkdir_with_parents(sub, 0700);
  }
  g_autoptr(GRand) rand = g_rand_new_with_seed(1);
  for (guint i = 0; i < n; i++) {
    g_autofree char *text = make_letter(rand, n, i);
    g_autofree char *path = g_strdup_printf("%s/Inbox/cur/%u.b%u.bench:2,%s", dir,
                                            1500000000 + (guint)((guint64)i * 200000000 / n), i,
                                            i % 10 == 0 ? "" : "S");
    g_autofree char *tmp = g_strdup(path);
    FILE *file = fopen(tmp, "w");
    if (file == NULL)
      exit(1);
    fputs(text, file);
    fclose(file);
  }
}

static void
say(const char *what, double since)
{
  printf("%-44s %10.2f ms\n", what, now() - since);
}

static void
die(const GError *error)
{
  fprintf(stderr, "%s\n", error->message);
  exit(1);
}

static void
bench_rows(struct store *store, const char *what, struct rows_query query)
{
  g_autoptr(GError) error = NULL;
  query.limit = 50;
  /* The first time warms the file's pages. */
  for (int i = 0; i < 2; i++) {
    double start = now();
    g_autoptr(GPtrArray) rows = store_rows(store, &query, NULL, &error);
    if (rows == NULL)
      die(error);
    g_autofree char *label = g_strdup_printf("%s (%u)", what, rows->len);
    if (i == 1)
      say(label, start);
  }
}

static void
bench_all(const char *dir, struct reader_pool *readers)
{
  g_autoptr(GError) error = NULL;
  double start = now();
  g_autoptr(store_t) store = store_open(dir, readers, &error);
  if (store == NULL)
    die(error);
  say("open", start);
  struct rows_query screen = {.folder = "Inbox", .limit = 50};
  g_autoptr(GPtrArray) rows = store_rows(store, &screen, NULL, &error);
  if (rows != NULL)
    say("open and first screen", start);
  start = now();
  if (!store_refresh(store, NULL, NULL, NULL, NULL, &error))
    die(error);
  say("refresh", start);
  start = now();
  if (!store_refresh(store, NULL, NULL, NULL, NULL, &error))
    die(error);
  say("refresh, nothing new", start);
  bench_rows(store, "newest", (struct rows_query){.folder = "Inbox"});
  bench_rows(store, "by sender", (struct rows_query){.folder = "Inbox", .order = ROWS_FROM});
  bench_rows(store, "by subject", (struct rows_query){.folder = "Inbox", .order = ROWS_SUBJECT});
  bench_rows(store, "by size", (struct rows_query){.folder = "Inbox", .order = ROWS_SIZE});
  bench_rows(store, "threads", (struct rows_query){.folder = "Inbox", .order = ROWS_THREAD});
  bench_rows(store, "threads of all folders", (struct rows_query){.order = ROWS_THREAD});
  bench_rows(store, "unread", (struct rows_query){.query = "is:unread"});
  bench_rows(store, "rare word", (struct rows_query){.query = "w19990"});
  bench_rows(store, "common word", (struct rows_query){.query = "w0"});
  bench_rows(store, "two common words", (struct rows_query){.query = "w0 w1"});
  bench_rows(store, "phrase", (struct rows_query){.query = "\"w0 w1\""});
  bench_rows(store, "prefix", (struct rows_query){.query = "w123*"});
  bench_rows(store, "sender and date", (struct rows_query){.query = "from:p7 date:2018-01..2019-01"});
  bench_rows(store, "in the folder", (struct rows_query){.folder = "Inbox", .query = "w5 -w6"});
}

int
main(int argc, char **argv)
{
  guint n = argc > 1 ? (guint)atoi(argv[1]) : 10000;
  g_autofree char *dir = argc > 2 ? g_strdup(argv[2])
                                  : g_dir_make_tmp("postino-bench-XXXXXX", NULL);
  if (argc <= 2 || !g_file_test(dir, G_FILE_TEST_IS_DIR))
    make_letters(dir, n);
  struct reader_pool *readers = reader_pool_new((int)g_get_num_processors());
  printf("%u letters in %s\n", n, dir);
  bench_all(dir, readers);
  reader_pool_free(readers);
  return 0;
}

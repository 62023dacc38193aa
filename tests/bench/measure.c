/* What the store's answers cost in the process: measure DIR [NEW…].  DIR is a mail directory
 * with a folder Inbox that corpus made, beside which a small one is made; the letters of each Maildir NEW are delivered into it,
 * and what the index needs for them is measured (the first time with the start of the
 * readers).  A line each: name, tab, milliseconds, tab, rows. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/error.h"
#include "store/store.h"

#define RUNS 5

static double
now(void)
{
  return (double)g_get_monotonic_time() / 1000;
}

/* What this process has had of the processors; the readers are other processes. */
static double
worked(void)
{
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
         (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000;
}

static void
die(const GError *error)
{
  fprintf(stderr, "%s\n", error != NULL ? error->message : "failed");
  exit(1);
}

static void
say(const char *what, double milliseconds, guint rows)
{
  printf("%s\t%.2f\t%u\n", what, milliseconds, rows);
}

static int
compare(const void *a, const void *b)
{
  double one = *(const double *)a, two = *(const double *)b;
  return (one > two) - (one < two);
}

/* The median; the first time warms the file's pages and is not counted. */
static void
measure_rows(struct store *store, const char *what, struct rows_query query)
{
  g_autoptr(GError) error = NULL;
  double took[RUNS];
  guint rows = 0;
  query.limit = 50;
  for (int i = -1; i < RUNS; i++) {
    double start = now();
    g_autoptr(GPtrArray) page = store_rows(store, &query, NULL, &error);
    if (page == NULL)
      die(error);
    rows = page->len;
    if (i >= 0)
      took[i] = now() - start;
  }
  qsort(took, RUNS, sizeof took[0], compare);
  say(what, took[RUNS / 2], rows);
}

static void
measure_refresh(struct store *store, const char *what)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *processor = g_strdup_printf("%s: processor", what);
  double start = now(), before = worked();
  if (!store_refresh(store, NULL, NULL, NULL, NULL, &error))
    die(error);
  say(what, now() - start, 0);
  say(processor, worked() - before, 0);
}

static void
measure_settle(struct store *store)
{
  double start = now(), before = worked();
  while (store_settle(store))
    ;
  say("putting the index in order", now() - start, 0);
  say("putting the index in order: processor", worked() - before, 0);
}

static void
measure_orders(struct store *store)
{
  static const struct { const char *name; enum rows_order order; } orders[] = {
      {"newest", ROWS_NEWEST}, {"oldest", ROWS_OLDEST}, {"from", ROWS_FROM},
      {"subject", ROWS_SUBJECT}, {"size", ROWS_SIZE}, {"arrival", ROWS_ARRIVAL},
      {"threads", ROWS_THREAD},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(orders); i++) {
    g_autofree char *here = g_strdup_printf("order %s", orders[i].name);
    g_autofree char *all = g_strdup_printf("order %s, all folders", orders[i].name);
    measure_rows(store, here, (struct rows_query){.folder = "Inbox", .order = orders[i].order});
    measure_rows(store, all, (struct rows_query){.order = orders[i].order});
  }
}

/* The row in the middle of the folder, by date. */
static struct row *
middle(struct store *store)
{
  g_autoptr(GError) error = NULL;
  struct rows_query first = {.folder = "Inbox", .limit = 1};
  struct rows_query last = {.folder = "Inbox", .order = ROWS_OLDEST, .limit = 1};
  g_autoptr(GPtrArray) newest = store_rows(store, &first, NULL, &error);
  g_autoptr(GPtrArray) oldest = newest != NULL ? store_rows(store, &last, NULL, &error) : NULL;
  if (oldest == NULL || oldest->len == 0)
    die(error);
  struct row *row = g_new0(struct row, 1);
  row->id = ((struct row *)newest->pdata[0])->id / 2 + ((struct row *)oldest->pdata[0])->id / 2;
  return row;
}

static void
measure_places(struct store *store)
{
  g_autoptr(row_t) at = middle(store);
  measure_rows(store, "scroll to the middle", (struct rows_query){.folder = "Inbox", .after = at});
  measure_rows(store, "scroll to the end", (struct rows_query){.folder = "Inbox", .backwards = true});
  measure_rows(store, "search rare prefix, from the middle",
               (struct rows_query){.query = "conconc*", .after = at});
  measure_rows(store, "search without the commonest, from the middle",
               (struct rows_query){.query = "-the", .after = at});
  measure_rows(store, "search prefix, from the middle",
               (struct rows_query){.query = "trafo*", .after = at});
  measure_rows(store, "search short prefix, from the middle",
               (struct rows_query){.query = "tra*", .after = at});
  measure_rows(store, "threads, to the end",
               (struct rows_query){.folder = "Inbox", .order = ROWS_THREAD, .backwards = true});
}

static void
measure_queries(struct store *store)
{
  static const struct { const char *name, *query; } queries[] = {
      {"rare word", "zibibbo"}, {"commonest word", "the"}, {"two common words", "the of"},
      {"rare and commonest word", "zibibbo the"}, {"rare or commonest word", "zibibbo or the"},
      {"phrase", "\"of the\""}, {"prefix", "trafo*"}, {"prefix and word", "trafo* the"},
      {"rare prefix", "conconc*"}, {"short prefix", "tra*"},
      {"rare word and prefix", "zibibbo trafo*"},
      {"rare word and short prefix", "zibibbo tra*"},
      {"commonest word without a short prefix", "the -tra*"},
      {"sender and date", "from:p7 date:2012"}, {"date", "date:2012"},
      {"unread", "is:unread"}, {"unread, word", "is:unread the"}, {"flagged", "is:flagged"}, {"flagged, word", "is:flagged the"},
      {"tag", "tag:todo"}, {"size", "size:>50K"}, {"size, word", "size:<2K the"},
      {"attachments", "has:attachment the"}, {"list", "list:list3"}, {"folder", "in:Inbox"},
      {"word without another", "the -of"}, {"without a common word", "-of"},
      {"without the commonest", "-the"}, {"CJK", "\346\227\245\346\234\254"},
      {"nothing", "xyzzyqwerty"},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(queries); i++) {
    g_autofree char *what = g_strdup_printf("search %s", queries[i].name);
    measure_rows(store, what, (struct rows_query){.query = queries[i].query});
  }
  measure_rows(store, "search commonest word, in the folder",
               (struct rows_query){.folder = "Inbox", .query = "the"});
}

/* ---- a small folder beside the large one ---- */

#define FEW 100

static GPtrArray *
names_in(const char *path)
{
  GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
  g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
  for (const char *name; dir != NULL && (name = g_dir_read_name(dir)) != NULL;)
    g_ptr_array_add(names, g_strdup(name));
  return names;
}

/* DIR/Few has some of Inbox's letters, from all its years. */
static void
make_few(const char *mail)
{
  static const char *const subs[] = {"new", "tmp", "cur"};
  g_autofree char *few = g_build_filename(mail, "Few", NULL);
  g_autofree char *from = g_build_filename(mail, "Inbox", "cur", NULL);
  if (g_file_test(few, G_FILE_TEST_IS_DIR))
    return;
  for (gsize i = 0; i < G_N_ELEMENTS(subs); i++) {
    g_autofree char *path = g_build_filename(few, subs[i], NULL);
    if (g_mkdir_with_parents(path, 0700) != 0)
      die(NULL);
  }
  g_autoptr(GPtrArray) names = names_in(from);
  for (guint i = 0; i < FEW && names->len >= FEW; i++) {
    const char *name = names->pdata[i * (names->len / FEW)];
    g_autofree char *was = g_build_filename(from, name, NULL);
    g_autofree char *is = g_build_filename(few, "cur", name, NULL);
    if (link(was, is) != 0)
      die(NULL);
  }
}

static void
measure_few(struct store *store)
{
  static const struct { const char *name, *query; } queries[] = {
      {"commonest word", "the"}, {"rare word", "zibibbo"}, {"without the commonest", "-the"},
      {"phrase", "\"of the\""}, {"short prefix", "tra*"}, {"unread, word", "is:unread the"},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(queries); i++) {
    g_autofree char *what = g_strdup_printf("search %s, in a small folder", queries[i].name);
    measure_rows(store, what, (struct rows_query){.folder = "Few", .query = queries[i].query});
  }
}

static guint
move_in(const char *mail, const char *from, const char *sub)
{
  guint n = 0;
  g_autofree char *path = g_build_filename(from, sub, NULL);
  g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
  for (const char *name; dir != NULL && (name = g_dir_read_name(dir)) != NULL; n++) {
    g_autofree char *was = g_build_filename(path, name, NULL);
    g_autofree char *base = g_strndup(name, strcspn(name, ":"));
    g_autofree char *is = g_build_filename(mail, "Inbox", "new", base, NULL);
    if (rename(was, is) != 0)
      die(NULL);
  }
  return n;
}

int
main(int argc, char **argv)
{
  g_autoptr(GError) error = NULL;
  if (argc < 2) {
    fputs("measure DIR [NEW…]\n", stderr);
    return 64;
  }
  struct reader_pool *readers = reader_pool_new((int)g_get_num_processors());
  make_few(argv[1]);
  double start = now();
  store_t *store = store_open(argv[1], readers, &error);
  if (store == NULL)
    die(error);
  struct rows_query screen = {.folder = "Inbox", .limit = 50};
  g_autoptr(GPtrArray) rows = store_rows(store, &screen, NULL, &error);
  if (rows == NULL)
    die(error);
  say("open, first screen", now() - start, rows->len);
  measure_refresh(store, "refresh, first");
  measure_refresh(store, "refresh, nothing new");
  measure_settle(store);
  measure_orders(store);
  measure_places(store);
  measure_queries(store);
  measure_few(store);
  for (int i = 2; i < argc; i++) {
    guint n = move_in(argv[1], argv[i], "cur") + move_in(argv[1], argv[i], "new");
    g_autofree char *what = g_strdup_printf("update %d, %u new letters", i - 1, n);
    measure_refresh(store, what);
    /* As the program does when it has shown them. */
    while (store_settle(store))
      ;
  }
  store_close(store);
  reader_pool_free(readers);
  return 0;
}

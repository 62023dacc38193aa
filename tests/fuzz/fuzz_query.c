/* Any bytes as a query, and as what is to be completed.  A query finds the same letters from
 * both ends; what it does not find is what its negation finds. */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "message/rendered.h"
#include "store/query.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LETTERS 48
/* A longer one is another's matter: no more words are allowed. */
#define QUERY_BYTES 600

static char *dir;
static struct store *store;

static void
need(bool done)
{
  if (!done)
    abort();
}

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
  (void)st, (void)kind, (void)at;
  return remove(path);
}

static void
clean(void)
{
  store_close(store);
  nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
  g_free(dir);
}

static void
put(guint i)
{
  static const char *const folders[] = {"Inbox", "Sent", "Lists/Boats", "Old mail"};
  static const char *const tags[] = {NULL, "todo", "Work a-1", NULL, NULL};
  static const char *const words[] = {"boat", "the boat of Anna", "tram trace tra", "caff\303\250",
                                      "\346\235\261\344\272\254", "anna@tuoisp.example 10:30", ""};
  g_autofree char *text = g_strdup_printf(
      "From: Bruno <b%u@tuoisp.example>\nTo: anna@tuoisp.example\nSubject: %s\n"
      "Date: %u Mar 2026 10:00:00 +0000\nMessage-ID: <%u@t>\n"
      "Content-Type: text/plain; charset=utf-8\n\n%s\n",
      i % 5, words[i % 7], 1 + i % 28, i, words[i % 6]);
  g_autofree char *base = g_strdup_printf("n%u", i);
  g_autoptr(index_doc_t) doc = index_message(text, strlen(text), 1800000000);
  g_autoptr(terms_t) terms = terms_new(doc, true);
  g_autoptr(conn_t) conn = conn_write(store, NULL, NULL);
  struct letter_file file = {base, "", false, i % 3 == 0 ? ROW_SEEN : i % 7 == 0 ? ROW_FLAGGED : 0, 1};
  int64_t folder, id;
  need(conn != NULL && letter_folder(conn, folders[i % 4], &folder, NULL) &&
       letter_add(conn, folder, i % 4 == 1, &file, 100 * i, doc, tags[i % 5], &id, NULL) &&
       lists_add(conn, id, terms, NULL) && letter_add_text(conn, id, terms, NULL) &&
       conn_commit(conn, NULL));
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
  (void)argc, (void)argv;
  g_setenv("TZ", "UTC", TRUE);
  dir = g_dir_make_tmp("postino-fuzz-XXXXXX", NULL);
  store = dir != NULL ? store_open(dir, NULL, NULL) : NULL;
  need(store != NULL);
  atexit(clean);
  for (guint i = 0; i < LETTERS; i++)
    put(i);
  return 0;
}

static GPtrArray *
rows_of(const char *query, const char *folder, enum rows_order order)
{
  struct rows_query asked = {.folder = folder, .query = query, .order = order, .limit = 2 * LETTERS};
  return store_rows(store, &asked, NULL, NULL);
}

/* The other order is the same, from its end. */
static void
compare(const GPtrArray *newest, const GPtrArray *oldest)
{
  need(oldest != NULL && oldest->len == newest->len);
  for (guint i = 0; i < newest->len; i++)
    need(((struct row *)newest->pdata[i])->id ==
         ((struct row *)oldest->pdata[oldest->len - 1 - i])->id);
}

static void
ask(const char *text, const char *folder)
{
  g_autoptr(GPtrArray) newest = rows_of(text, folder, ROWS_NEWEST);
  if (newest == NULL)
    return;
  g_autoptr(GPtrArray) oldest = rows_of(text, folder, ROWS_OLDEST);
  compare(newest, oldest);
  struct rows_query asked = {.folder = folder, .query = text};
  guint64 total, others;
  need(store_count(store, &asked, &total, NULL, NULL, NULL) && total == newest->len);
  g_autofree char *negated = g_strdup_printf("not (%s)", text);
  struct rows_query all = {.folder = folder}, rest = {.folder = folder, .query = negated};
  guint64 whole;
  need(store_count(store, &all, &whole, NULL, NULL, NULL));
  /* In one more parenthesis it may be too deep, or a quotation mark swallows that. */
  if (store_count(store, &rest, &others, NULL, NULL, NULL) && strchr(text, '"') == NULL)
    need(total + others == whole);
}

/* Bytes as they are, or each a word of the language, so that many can be read. */
static char *
query_of(const uint8_t *data, size_t size)
{
  static const char *const words[] = {
      "boat ", "the ", "tra* ", "t* ", "anna ", "none ", "\"of anna\" ", "\"the boat\" ",
      "\346\235\261 ", "\346\235\261\344\272\254 ", "-", "not ", "or ", "and ", "(", ") ", "(", ") ",
      "from:", "subject:", "to:", "body:", "in:Inbox ", "in:Lists/* ", "in:o* ", "in:None ",
      "tag:todo ", "tag:w* ", "is:unread ", "is:flagged ", "is:sent ", "has:attachment ",
      "date:2026-03-05 ", "before:2026-03-10 ", "size:>1K ", "id:7@t ", "10:30 ", "\"", "* ",
  };
  if (size == 0 || data[0] % 2 == 0)
    return g_strndup((const char *)data, MIN(size, QUERY_BYTES));
  GString *text = g_string_new(NULL);
  for (size_t i = 1; i < size && text->len < QUERY_BYTES; i++)
    g_string_append(text, words[data[i] % G_N_ELEMENTS(words)]);
  return g_string_free(text, FALSE);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  g_autofree char *text = query_of(data, size);
  g_auto(GStrv) terms = store_complete(store, STORE_TERMS, text, 20);
  g_auto(GStrv) tags = store_complete(store, STORE_TAGS, text, 20);
  ask(text, size > 0 && data[0] % 4 >= 2 ? "Lists/Boats" : NULL);
  return 0;
}

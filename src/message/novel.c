#include <string.h>

#include "message/render-private.h"

/* An HTML alternative mostly says what the plain one says, and would double the index.
 * Two texts are compared by every run of RUN words, however their lines are broken: a
 * word that is within a run of the known text is known.  With what is new go the
 * RUN - 1 words beside it, so that a phrase across the border is found. */
#define RUN 4

struct word { const char *at; gsize length; guint64 hash; };

/* FNV-1a (Fowler, Noll, Vo). */
static guint64
hash_word(const char *at, gsize length)
{
  guint64 hash = G_GUINT64_CONSTANT(14695981039346656037);
  for (gsize i = 0; i < length; i++)
    hash = (hash ^ (guchar)at[i]) * G_GUINT64_CONSTANT(1099511628211);
  return hash;
}

static GArray *
words_of(const char *text)
{
  static const char spaces[] = " \t\n";
  GArray *words = g_array_new(FALSE, FALSE, sizeof(struct word));
  for (const char *at = text + strspn(text, spaces); *at != '\0'; at += strspn(at, spaces)) {
    struct word word = {.at = at, .length = strcspn(at, spaces)};
    word.hash = hash_word(at, word.length);
    g_array_append_val(words, word);
    at += word.length;
  }
  return words;
}

static guint64
hash_run(const GArray *words, guint from)
{
  guint64 hash = 0;
  for (guint i = 0; i < RUN; i++)
    hash = hash * G_GUINT64_CONSTANT(6364136223846793005) +
           g_array_index(words, struct word, from + i).hash;
  return hash;
}

static GHashTable *
runs_of(const GArray *words, GArray *hashes)
{
  GHashTable *runs = g_hash_table_new(g_int64_hash, g_int64_equal);
  g_array_set_size(hashes, words->len >= RUN ? words->len - RUN + 1 : 0);
  for (guint i = 0; i < hashes->len; i++)
    g_array_index(hashes, guint64, i) = hash_run(words, i);
  for (guint i = 0; i < hashes->len; i++)
    g_hash_table_add(runs, &g_array_index(hashes, guint64, i));
  return runs;
}

static void
mark(guint8 *marks, guint n, guint from, guint count)
{
  for (guint i = from; i < MIN(from + count, n); i++)
    marks[i] = 1;
}

/* Which words are to be kept. */
static guint8 *
news_of(const GArray *words, GHashTable *runs)
{
  g_autofree guint8 *known = g_malloc0(words->len + 1);
  guint8 *kept = g_malloc0(words->len + 1);
  for (guint i = 0; i + RUN <= words->len; i++) {
    guint64 run = hash_run(words, i);
    if (g_hash_table_contains(runs, &run))
      mark(known, words->len, i, RUN);
  }
  for (guint i = 0; i < words->len; i++)
    if (!known[i])
      mark(kept, words->len, i >= RUN - 1 ? i - (RUN - 1) : 0,
           i >= RUN - 1 ? 2 * RUN - 1 : i + RUN);
  return kept;
}

char *
novel_text(const char *known, const char *text)
{
  g_autoptr(GArray) before = words_of(known), words = words_of(text);
  g_autoptr(GArray) hashes = g_array_new(FALSE, FALSE, sizeof(guint64));
  g_autoptr(GHashTable) runs = runs_of(before, hashes);
  g_autofree guint8 *kept = news_of(words, runs);
  GString *out = g_string_new(NULL);
  for (guint i = 0; i < words->len; i++) {
    const struct word *word = &g_array_index(words, struct word, i);
    if (kept[i])
      g_string_append_len(out, word->at, (gssize)word->length);
    if (kept[i])
      g_string_append_c(out, i + 1 < words->len && kept[i + 1] ? ' ' : '\n');
  }
  return g_string_free(out, FALSE);
}

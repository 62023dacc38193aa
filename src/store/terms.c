#include "store/terms.h"

#include <string.h>

/* A column is its words one after the other: two bytes, of which the lower 15 bits are the
 * length and the highest says that the word is in the place of the one before; the word. */
#define HEAD 2
#define TOGETHER 0x8000u
#define LENGTH_MOST 0x7fffu

/* A list is the words that differ, in any order: a byte with the length, cut to 127, the
 * columns in another byte, unless that is the body alone, as of most of them, which the highest
 * bit of the first says; the word. */
#define LISTED_MOST 0x7fu
#define HAS_COLUMNS 0x80u
#define BODY_ALONE (1u << TERMS_BODY)

static guint
length_at(const char *at)
{
  return ((guint)(guchar)at[0] | (guint)(guchar)at[1] << 8) & LENGTH_MOST;
}

/* ---- columns ---- */

struct taking { GString *column; guint words; };

static void
append_word(GString *column, bool together, const char *word, size_t length)
{
  size_t at = column->len, kept = MIN(length, LENGTH_MOST);
  g_string_set_size(column, at + HEAD + kept);
  char *head = column->str + at;
  head[0] = (char)kept;
  head[1] = (char)((kept | (together ? TOGETHER : 0)) >> 8);
  memcpy(head + HEAD, word, kept);
}

void
terms_append(GString *column, const char *word)
{
  append_word(column, false, word, strlen(word));
}

static int
append(void *data, bool together, const char *word, size_t length, size_t start, size_t end)
{
  (void)start, (void)end;
  struct taking *taking = data;
  append_word(taking->column, together, word, length);
  taking->words++;
  return 0;
}

int
terms_each(const char *column, size_t length, tokenizer_fn take, void *data)
{
  if (length == 0)
    return 0;
  for (const char *at = column, *end = column + length; end - at >= HEAD;) {
    guint word = length_at(at);
    bool together = ((guint)(guchar)at[1] << 8 & TOGETHER) != 0;
    at += HEAD;
    if ((size_t)(end - at) < word)
      break;
    int result = take(data, together, at, word, 0, 0);
    if (result != 0)
      return result;
    at += word;
  }
  return 0;
}

static const char *
text_of(const struct index_doc *doc, int column)
{
  switch (column) {
  case TERMS_BODY:
    return doc->text;
  case TERMS_SENDER:
    return doc->from;
  case TERMS_RECIPIENTS:
    return doc->to;
  case TERMS_COPIES:
    return doc->cc;
  case TERMS_SUBJECT:
    return doc->subject;
  case TERMS_FILENAME:
    return doc->filenames;
  default:
    return doc->list;
  }
}

unsigned
terms_column(const char *name)
{
  static const char *const names[TERMS_COLUMNS] = {"body",    "sender",   "recipients", "copies",
                                                   "subject", "filename", "list"};
  for (guint i = 0; name != NULL && i < TERMS_COLUMNS; i++)
    if (strcmp(names[i], name) == 0)
      return 1u << i;
  return TERMS_ANYWHERE;
}

/* ---- the list ---- */

/* Of a table of all words: one where it lies in a column, and where it occurs. */
struct slot { const char *word; guint hash, columns; };
struct gathering {
  struct slot *slots;
  guint mask;
  guint64 key;              /* of the hash: nobody can write words that meet in one slot */
  unsigned column;
};

static guint
hash_by(guint64 key, const char *word, guint length)
{
  guint64 hash = key;
  for (guint i = 0; i < length; i++)
    hash = (hash ^ (guchar)word[i]) * key;
  return (guint)(hash >> 32);
}

static struct slot *
find_slot(const struct gathering *gathering, const char *word, guint length)
{
  guint hash = hash_by(gathering->key, word, length);
  for (guint at = hash;; at++) {
    struct slot *slot = &gathering->slots[at & gathering->mask];
    if (slot->word == NULL)
      slot->hash = hash;
    if (slot->word == NULL || (slot->hash == hash && length_at(slot->word) == length &&
                               memcmp(slot->word + HEAD, word, length) == 0))
      return slot;
  }
}

static int
gather(void *data, bool together, const char *word, size_t length, size_t start, size_t end)
{
  (void)together, (void)start, (void)end;
  const struct gathering *gathering = data;
  struct slot *slot = find_slot(gathering, word, (guint)length);
  slot->word = word - HEAD;
  slot->columns |= gathering->column;
  return 0;
}

static void
list_word(GString *list, const struct slot *slot)
{
  guint length = MIN(length_at(slot->word), LISTED_MOST), head = 1;
  bool named = slot->columns != BODY_ALONE;
  size_t at = list->len;
  g_string_set_size(list, at + 1 + named + length);
  list->str[at] = (char)(length | (named ? HAS_COLUMNS : 0));
  if (named)
    list->str[at + head++] = (char)slot->columns;
  memcpy(list->str + at + head, slot->word + HEAD, length);
}

/* Many lie in memory until they are written: nothing but the bytes themselves. */
static GBytes *
fit(GString *string)
{
  gsize length = string->len;
  return g_bytes_new_take(g_realloc(g_string_free(string, FALSE), length), length);
}

GBytes *
terms_list_by(const struct terms *terms, guint64 key)
{
  guint n = 8;
  while (n < 2 * terms->words)
    n *= 2;
  g_autofree struct slot *slots = g_new0(struct slot, n);
  for (guint i = 0; i < TERMS_COLUMNS; i++) {
    struct gathering gathering = {slots, n - 1, key, 1u << i};
    gsize length;
    const char *column = g_bytes_get_data(terms->columns[i], &length);
    terms_each(column, length, gather, &gathering);
  }
  GString *list = g_string_new(NULL);
  for (guint i = 0; i < n; i++)
    if (slots[i].word != NULL)
      list_word(list, &slots[i]);
  return fit(list);
}

GBytes *
terms_list(const struct terms *terms)
{
  return terms_list_by(terms, (guint64)g_random_int() << 32 | g_random_int() | 1);
}

bool
terms_hold(const void *list, size_t length, const char *word, bool begins, unsigned columns)
{
  size_t wanted = strlen(word);
  for (const guchar *at = list, *end = at + length; end - at >= 2;) {
    size_t listed = *at & LISTED_MOST;
    bool named = (*at++ & HAS_COLUMNS) != 0;
    unsigned here = named ? *at++ : BODY_ALONE;
    if (listed == 0 || (size_t)(end - at) < listed)
      break;
    if (*at == (guchar)*word && (here & columns) != 0 &&
        (begins ? listed >= wanted : listed == wanted) && memcmp(at, word, wanted) == 0)
      return true;
    at += listed;
  }
  return false;
}

/* ---- the whole ---- */

struct terms *
terms_new(const struct index_doc *doc, bool listed)
{
  struct terms *terms = g_new0(struct terms, 1);
  for (int i = 0; i < TERMS_COLUMNS; i++) {
    const char *text = text_of(doc, i);
    size_t length = text != NULL ? strlen(text) : 0;
    struct taking taking = {g_string_sized_new(length + length / 4 + 16), 0};
    if (length > 0)
      tokenize(text, length, false, append, &taking);
    terms->columns[i] = fit(taking.column);
    terms->words += taking.words;
  }
  if (listed)
    terms->list = terms_list(terms);
  return terms;
}

void
terms_free(struct terms *terms)
{
  if (terms == NULL)
    return;
  for (guint i = 0; i < TERMS_COLUMNS; i++)
    g_bytes_unref(terms->columns[i]);
  g_clear_pointer(&terms->list, g_bytes_unref);
  g_free(terms);
}

size_t
terms_weight(const struct terms *terms)
{
  size_t weight = terms->list != NULL ? g_bytes_get_size(terms->list) : 0;
  for (guint i = 0; i < TERMS_COLUMNS; i++)
    weight += g_bytes_get_size(terms->columns[i]);
  return weight;
}

/* ---- SQL ---- */

static void
holds(sqlite3_context *context, int n, sqlite3_value **values)
{
  (void)n;
  const char *list = sqlite3_value_blob(values[0]);
  size_t length = (size_t)sqlite3_value_bytes(values[0]);
  const char *word = (const char *)sqlite3_value_text(values[1]);
  bool found = list != NULL && word != NULL &&
               terms_hold(list, length, word, sqlite3_value_int(values[2]) != 0,
                          (unsigned)sqlite3_value_int(values[3]));
  sqlite3_result_int(context, found);
}

bool
terms_register(sqlite3 *db)
{
  return sqlite3_create_function(db, "holds", 4, SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL, holds,
                                 NULL, NULL) == SQLITE_OK;
}

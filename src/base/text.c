#include "base/text.h"

#include <string.h>
#include <unicase.h>
#include <unigbrk.h>
#include <unilbrk.h>
#include <uninorm.h>
#include <unistr.h>
#include <uniwidth.h>

static size_t
length_of(const char *text, gssize length)
{
  return length < 0 ? strlen(text) : (size_t)length;
}

/* Bytes that one cluster may take; longer ones are cut between characters. */
#define CLUSTER_BYTES 64

/* u8_grapheme_next() sees only two characters at a time, so that it splits
 * joined emoji and pairs flags wrongly; u8_grapheme_breaks() sees all. */
static size_t
cluster_size(const uint8_t *at, size_t length)
{
  if (length == 1 || (at[0] < 0x80 && at[1] < 0x80))
    return at[0] == '\r' && length > 1 && at[1] == '\n' ? 2 : 1;
  char breaks[CLUSTER_BYTES];
  size_t window = MIN(length, CLUSTER_BYTES);
  while (window > 0 && window < length && (at[window] & 0xc0) == 0x80)
    window--;
  if (window == 0)
    return 1;
  u8_grapheme_breaks(at, window, breaks);
  size_t size = 1;
  while (size < window && !breaks[size])
    size++;
  return size;
}

size_t
text_cluster(const char *text, size_t length, int *columns_out)
{
  const uint8_t *at = (const uint8_t *)text;
  if (length == 0) {
    *columns_out = 0;
    return 0;
  }
  size_t size = cluster_size(at, length);
  ucs4_t first;
  int lead = u8_mbtouc(&first, at, length);
  int columns = uc_width(first, "UTF-8");
  /* A cluster is as wide as its base: a family of emoji is drawn as one. */
  if (columns < 0)
    columns = first < 0x20 ? 0 : 1;
  if ((size_t)lead < size && first >= 0x1f1e6 && first <= 0x1f1ff)
    columns = 2;
  /* Vowel signs of Indic scripts (Mc) stand in a column of their own. */
  ucs4_t mark;
  for (size_t i = (size_t)lead; i < size;) {
    i += (size_t)u8_mbtouc(&mark, at + i, size - i);
    if (g_unichar_type(mark) == G_UNICODE_SPACING_MARK && uc_width(mark, "UTF-8") > 0)
      columns++;
  }
  *columns_out = columns;
  return size;
}

int
text_width(const char *text, gssize length)
{
  size_t left = length_of(text, length);
  int total = 0, columns;
  for (size_t step; left > 0; text += step, left -= step) {
    step = text_cluster(text, left, &columns);
    total += columns;
  }
  return total;
}

/* Bytes of `text` that fit into `columns`; the columns used in *used_out. */
static size_t
fitting(const char *text, size_t length, int columns, int *used_out)
{
  size_t at = 0;
  int used = 0;
  while (at < length) {
    int wide;
    size_t step = text_cluster(text + at, length - at, &wide);
    if (used + wide > columns)
      break;
    used += wide;
    at += step;
  }
  *used_out = used;
  return at;
}

static GString *
fit(const char *text, int columns, int *used_out)
{
  size_t length = strlen(text);
  GString *out = g_string_new(NULL);
  size_t all = fitting(text, length, columns, used_out);
  if (all == length || columns <= 0)
    return g_string_append_len(out, text, (gssize)all);
  size_t cut = fitting(text, length, columns - 1, used_out);
  g_string_append_len(out, text, (gssize)cut);
  g_string_append(out, "…");
  *used_out += 1;
  return out;
}

char *
text_fit(const char *text, int columns)
{
  int used;
  return g_string_free(fit(text, columns, &used), FALSE);
}

char *
text_pad(const char *text, int columns)
{
  int used;
  GString *out = fit(text, columns, &used);
  for (; used < columns; used++)
    g_string_append_c(out, ' ');
  return g_string_free(out, FALSE);
}

static void
add_line(GPtrArray *lines, const char *from, size_t length)
{
  while (length > 0 && from[length - 1] == ' ')
    length--;
  g_ptr_array_add(lines, g_strndup(from, length));
}

/* Adds a run without break opportunities, cut where it is too wide. */
static void
add_run(GPtrArray *lines, const char *from, size_t length, int columns)
{
  int used;
  for (;;) {
    size_t n = fitting(from, length, columns, &used);
    if (n == 0 && length > 0)
      n = text_cluster(from, length, &used);
    add_line(lines, from, n);
    if (n >= length)
      return;
    from += n;
    length -= n;
  }
}

/* UAX 14 breaks behind the hyphens and slashes of an address, and who copies the
 * first half has a wrong one: what UAX 14 must leave together, a byte each; NULL:
 * nothing. */
static char *
whole_addresses(const char *paragraph, size_t length)
{
  char *overrides = NULL;
  for (size_t start = 0, end; start < length; start = end + 1) {
    end = start + strcspn(paragraph + start, " \t");
    gssize word = (gssize)(end - start);
    if (memchr(paragraph + start, '@', end - start) == NULL &&
        g_strstr_len(paragraph + start, word, "://") == NULL)
      continue;
    if (overrides == NULL) {
      overrides = g_malloc(length);
      memset(overrides, UC_BREAK_UNDEFINED, length);
    }
    for (size_t i = start + 1; i < end; i++)
      if ((guchar)paragraph[i - 1] < 0x80 && (guchar)paragraph[i] < 0x80)
        overrides[i] = UC_BREAK_PROHIBITED;
  }
  return overrides;
}

char **
text_wrap(const char *paragraph, int columns)
{
  size_t length = strlen(paragraph);
  GPtrArray *lines = g_ptr_array_new();
  if (columns < 1)
    columns = 1;
  /* Most lines fit; UAX 14 is for those that do not. */
  if (length == 0 || text_width(paragraph, (gssize)length) <= columns) {
    add_line(lines, paragraph, length);
  } else {
    g_autofree char *breaks = g_malloc(length);
    g_autofree char *overrides = whole_addresses(paragraph, length);
    u8_width_linebreaks((const uint8_t *)paragraph, length, columns, 0, 0, overrides, "UTF-8",
                        breaks);
    size_t start = 0;
    for (size_t i = 1; i <= length; i++)
      if (i == length || breaks[i] == UC_BREAK_POSSIBLE || breaks[i] == UC_BREAK_MANDATORY) {
        add_run(lines, paragraph + start, i - start, columns);
        start = i;
      }
  }
  g_ptr_array_add(lines, NULL);
  return (char **)g_ptr_array_free(lines, FALSE);
}

static void
append_folded(GString *out, const uint8_t *text, size_t length)
{
  size_t folded_length, plain_length;
  uint8_t *decomposed = u8_normalize(UNINORM_NFKD, text, length, NULL, &plain_length);
  if (decomposed == NULL)
    return;
  uint8_t *folded =
      u8_casefold(decomposed, plain_length, NULL, UNINORM_NFKD, NULL, &folded_length);
  free(decomposed);
  if (folded == NULL)
    return;
  ucs4_t c;
  for (size_t at = 0; at < folded_length;) {
    int step = u8_mbtouc(&c, folded + at, folded_length - at);
    if (!g_unichar_ismark(c))
      g_string_append_len(out, (const char *)folded + at, step);
    at += (size_t)step;
  }
  free(folded);
}

/* What the letters of western languages fold to, each by itself; libunistring takes
 * thousands of steps for a word. */
#define LATIN_FIRST 0x80
#define LATIN_END 0x180
static char latin[LATIN_END - LATIN_FIRST][8];

static void *
fold_latin_letters(void *unused)
{
  (void)unused;
  for (guint c = LATIN_FIRST; c < LATIN_END; c++) {
    const uint8_t letter[] = {(uint8_t)(0xc0 | c >> 6), (uint8_t)(0x80 | (c & 0x3f))};
    g_autoptr(GString) out = g_string_new(NULL);
    append_folded(out, letter, sizeof letter);
    g_strlcpy(latin[c - LATIN_FIRST], out->str, sizeof *latin);
  }
  return NULL;
}

/* False where there is any other letter. */
static bool
append_latin(GString *out, const char *text, size_t length)
{
  static GOnce once = G_ONCE_INIT;
  g_once(&once, fold_latin_letters, NULL);
  for (size_t at = 0; at < length; at++) {
    guchar first = (guchar)text[at];
    if (first < 0x80) {
      g_string_append_c(out, g_ascii_tolower((char)first));
      continue;
    }
    if (at + 1 == length || ((guchar)text[at + 1] & 0xc0) != 0x80)
      return false;
    guint c = (guint)(first & 0x1f) << 6 | ((guchar)text[++at] & 0x3f);
    if ((first & 0xe0) != 0xc0 || c < LATIN_FIRST || c >= LATIN_END)
      return false;
    g_string_append(out, latin[c - LATIN_FIRST]);
  }
  return true;
}

char *
text_fold(const char *text, gssize length)
{
  size_t left = length_of(text, length);
  GString *out = g_string_sized_new(left + 1);
  size_t ascii = 0;
  while (ascii < left && (guchar)text[ascii] < 0x80) {
    g_string_append_c(out, g_ascii_tolower(text[ascii]));
    ascii++;
  }
  if (ascii == left || append_latin(out, text + ascii, left - ascii))
    return g_string_free(out, FALSE);
  g_string_truncate(out, ascii);
  /* A combining mark belongs to the ASCII letter before it. */
  append_folded(out, (const uint8_t *)text + ascii, left - ascii);
  return g_string_free(out, FALSE);
}

/* The whole clusters at the start of `text` that fold to what starts with `folded`;
 * 0: they do not. */
static size_t
folded_prefix(const char *text, size_t length, const char *folded)
{
  size_t wanted = strlen(folded), at = 0, got = 0;
  while (at < length && got < wanted) {
    int columns;
    size_t step = text_cluster(text + at, length - at, &columns);
    g_autofree char *piece = text_fold(text + at, (gssize)step);
    size_t n = strlen(piece);
    if (step == 0 || memcmp(piece, folded + got, MIN(n, wanted - got)) != 0)
      return 0;
    got += n;
    at += step;
  }
  return got >= wanted ? at : 0;
}

gssize
text_place(const char *text, const char *folded, size_t *length_out)
{
  size_t length = strlen(text), step;
  for (size_t at = 0; at < length && *folded != '\0'; at += step) {
    int columns;
    step = text_cluster(text + at, length - at, &columns);
    if (step == 0)
      break;
    *length_out = folded_prefix(text + at, length - at, folded);
    if (*length_out > 0)
      return (gssize)at;
  }
  return -1;
}

guint64
text_hash(const char *text, guint64 start)
{
  guint64 hash = 1469598103934665603ull ^ start;
  for (const char *c = text; *c != '\0'; c++)
    hash = (hash ^ (unsigned char)*c) * 1099511628211ull;
  return hash;
}

bool
text_ascii_equal(const char *a, const char *b)
{
  return g_ascii_strcasecmp(a, b) == 0;
}

bool
text_ascii_prefix(const char *text, const char *prefix)
{
  return g_ascii_strncasecmp(text, prefix, strlen(prefix)) == 0;
}

/* Damerau's edit distance: insertions, deletions, changes and swaps of
 * neighbours cost one each. */
static guint
distance(const char *a, const char *b)
{
  size_t la = strlen(a), lb = strlen(b), width = lb + 1;
  g_autofree guint *d = g_new(guint, (la + 1) * width);
  for (size_t i = 0; i <= la; i++)
    for (size_t j = 0; j <= lb; j++) {
      if (i == 0 || j == 0) {
        d[i * width + j] = (guint)(i + j);
        continue;
      }
      guint cost = g_ascii_tolower(a[i - 1]) != g_ascii_tolower(b[j - 1]);
      guint best = MIN(d[(i - 1) * width + j], d[i * width + j - 1]) + 1;
      best = MIN(best, d[(i - 1) * width + j - 1] + cost);
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        best = MIN(best, d[(i - 2) * width + j - 2] + 1);
      d[i * width + j] = best;
    }
  return d[la * width + lb];
}

const char *
text_nearest(const char *word, const char *const *names)
{
  const char *best = NULL;
  size_t length = strlen(word);
  guint least = (guint)length / 3 + 2;
  if (length > 64)
    return NULL;
  for (; *names != NULL; names++) {
    guint d = distance(word, *names);
    if (d < least) {
      least = d;
      best = *names;
    }
  }
  return best;
}

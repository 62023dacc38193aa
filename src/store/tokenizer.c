#include "store/tokenizer.h"

#include <glib.h>
#include <stdint.h>
#include <string.h>
#include <uninorm.h>

#include "base/text.h"
#include "store/terms.h"

/* A word longer than this is no word (base64, a key): its start is kept, so that
 * the table does not grow by rubbish. */
#define WORD_BYTES 96
/* RFC 5321 4.5.3.1: 64 and 255 octets; what is longer is no address. */
#define ADDRESS_BYTES 320

/* One character of the text; `next` is where the following one begins. */
struct place { gunichar c; size_t next; };

/* Bytes that are no UTF-8 part words, one by one. */
static struct place
place_at(const char *text, size_t length, size_t at)
{
  guchar first = (guchar)text[at];
  if (first < 0x80)
    return (struct place){first, at + 1};
  gunichar c = g_utf8_get_char_validated(text + at, (gssize)(length - at));
  if (c == (gunichar)-1 || c == (gunichar)-2)
    return (struct place){' ', at + 1};
  return (struct place){c, at + (size_t)g_utf8_skip[first]};
}

/* What a byte of ASCII may be part of; most text is ASCII, and each of its bytes is
 * looked at several times. */
enum { IN_WORD = 1, IN_ATOM = 2, IN_DOMAIN = 4 };
#define NONE_32 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
#define ALL_26 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7
static const guint8 classes[128] = {
    NONE_32,
    /* sp !  "  #  $  %  &  '  (  )  *  +  ,  -  .  / */
    0, 2, 0, 2, 2, 2, 2, 2, 0, 0, 2, 2, 0, 6, 6, 2,
    /* digits, then : ; < = > ? */
    7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 0, 0, 0, 2, 0, 2,
    /* @, letters, [ \ ] ^ _ */
    0, ALL_26, 0, 0, 0, 2, 2,
    /* `, letters, { | } ~ DEL */
    2, ALL_26, 2, 2, 2, 2, 0,
};

static bool
is_word(gunichar c)
{
  if (c < 0x80)
    return (classes[c] & IN_WORD) != 0;
  return g_unichar_isalnum(c) || g_unichar_ismark(c) || g_unichar_type(c) == G_UNICODE_PRIVATE_USE ||
         g_unichar_type(c) == G_UNICODE_OTHER_SYMBOL;
}

/* Scripts without spaces between words: Han, Kana, Bopomofo, Hangul, Thai, Lao,
 * Myanmar, Khmer. */
static bool
stands_alone(gunichar c)
{
  static const struct { gunichar from, to; } ranges[] = {
      {0x0e01, 0x0eff}, {0x1000, 0x109f}, {0x1100, 0x11ff},   {0x1780, 0x17ff},
      {0x3005, 0x3007}, {0x3021, 0x3029}, {0x3031, 0x3035},   {0x3041, 0x30ff},
      {0x3105, 0x318e}, {0x31a0, 0x31bf}, {0x31f0, 0x31ff},   {0x3400, 0x4dbf},
      {0x4e00, 0x9fff}, {0xa960, 0xa97c}, {0xac00, 0xd7fb},   {0xf900, 0xfaff},
      {0xff66, 0xff9f}, {0xffa0, 0xffdc}, {0x1b000, 0x1b16f}, {0x20000, 0x3ffff},
  };
  if (c < ranges[0].from)
    return false;
  for (size_t i = 0; i < G_N_ELEMENTS(ranges); i++)
    if (c >= ranges[i].from && c <= ranges[i].to)
      return is_word(c);
  return false;
}

static bool
is_symbol(gunichar c)
{
  return c >= 0x80 && g_unichar_type(c) == G_UNICODE_OTHER_SYMBOL;
}

/* What belongs to the letter before it: voicing marks of Kana, vowels and finals
 * of Hangul written in pieces, marks of all kinds. */
static bool
joins(gunichar c)
{
  return g_unichar_ismark(c) || c == 0xff9e || c == 0xff9f || (c >= 0x1160 && c <= 0x11ff);
}

struct words { tokenizer_fn take; void *data; };

static int
give(const struct words *words, bool together, const char *word, size_t length, size_t start,
     size_t end)
{
  if (length > WORD_BYTES) {
    length = WORD_BYTES;
    while (length > 0 && ((guchar)word[length] & 0xc0) == 0x80)
      length--;
  }
  return length == 0 ? 0 : words->take(words->data, together, word, length, start, end);
}

/* NFKC, not NFKD: a voicing mark makes another letter of a Kana, no accent. */
static int
give_letter(const struct words *words, const char *text, size_t start, size_t end)
{
  size_t length = 0;
  g_autofree char *composed = NULL;
  uint8_t *normal = u8_normalize(UNINORM_NFKC, (const uint8_t *)text + start, end - start, NULL,
                                 &length);
  if (normal == NULL)
    return 0;
  composed = g_memdup2(normal, length);
  free(normal);
  return give(words, false, composed, length, start, end);
}

static int
give_word(const struct words *words, const char *text, size_t start, size_t end, bool ascii)
{
  if (ascii) {
    char lower[WORD_BYTES];
    size_t length = MIN(end - start, sizeof lower);
    for (size_t i = 0; i < length; i++) {
      guchar c = (guchar)text[start + i];
      lower[i] = (char)(c | ((guchar)(c - 'A') < 26) << 5);
    }
    return words->take(words->data, false, lower, length, start, end);
  }
  /* Folding grows a word at most a few times: more than this is cut anyway. */
  size_t cut = MIN(end, start + (size_t)4 * WORD_BYTES);
  while (cut > start && cut < end && ((guchar)text[cut] & 0xc0) == 0x80)
    cut--;
  g_autofree char *folded = text_fold(text + start, (gssize)(cut - start));
  return give(words, false, folded, strlen(folded), start, end);
}

static size_t
letter_end(const char *text, size_t length, size_t at)
{
  size_t limit = at + WORD_BYTES;
  while (at < length && at < limit) {
    struct place place = place_at(text, length, at);
    if (!joins(place.c))
      break;
    at = place.next;
  }
  return at;
}

/* The end of a word that begins at `at`; *ascii_out: of ASCII only. */
static size_t
word_end(const char *text, size_t length, size_t at, bool *ascii_out)
{
  *ascii_out = true;
  while (at < length) {
    if ((guchar)text[at] < 0x80) {
      if ((classes[(guchar)text[at]] & IN_WORD) == 0)
        break;
      at++;
      continue;
    }
    struct place place = place_at(text, length, at);
    if (!is_word(place.c) || stands_alone(place.c) || is_symbol(place.c))
      break;
    *ascii_out = false;
    at = place.next;
  }
  return at;
}

/* ---- addresses ---- */

static bool
is_atom(char c)
{
  return (guchar)c >= 0x80 || (classes[(guchar)c] & IN_ATOM) != 0;
}

static bool
is_domain(char c)
{
  return (guchar)c >= 0x80 || (classes[(guchar)c] & IN_DOMAIN) != 0;
}

/* The address that begins at `start` and whose domain has a dot: its end, or 0. */
static size_t
address_end(const char *text, size_t length, size_t start)
{
  size_t limit = MIN(length, start + ADDRESS_BYTES), at = start;
  while (at < limit && is_atom(text[at]))
    at++;
  if (at == start || at >= limit || text[at] != '@')
    return 0;
  size_t domain = ++at;
  while (at < limit && is_domain(text[at]))
    at++;
  while (at > domain && (text[at - 1] == '.' || text[at - 1] == '-'))
    at--;
  return at > domain && memchr(text + domain, '.', at - domain) != NULL ? at : 0;
}

static int
give_address(const struct words *words, bool together, const char *text, size_t start, size_t end)
{
  g_autofree char *folded = text_fold(text + start, (gssize)(end - start));
  return words->take(words->data, together, folded, strlen(folded), start, end);
}

/* ---- the walk ---- */

struct walk {
  const char *text;
  size_t length;
  bool query;
  struct words words;
  size_t atoms;             /* no address begins before this place */
  size_t sign;              /* the next @, or the end */
};

static size_t
next_sign(const char *text, size_t length, size_t at)
{
  const char *sign = memchr(text + at, '@', length - at);
  return sign != NULL ? (size_t)(sign - text) : length;
}

/* Words that begin inside a run of atoms start no address of their own, so each
 * run is looked at once. */
static size_t
address_here(struct walk *walk, size_t at)
{
  if (at < walk->atoms)
    return 0;
  if (walk->sign < at)
    walk->sign = next_sign(walk->text, walk->length, at);
  if (walk->sign - at > ADDRESS_BYTES || walk->sign == walk->length)
    return 0;
  size_t end = at;
  while (end < walk->length && is_atom(walk->text[end]))
    end++;
  walk->atoms = end;
  if (end >= walk->length || walk->text[end] != '@')
    return 0;
  return address_end(walk->text, walk->length, at);
}

/* One word at `at`; *next_out: where to go on. */
static int
take_word(struct walk *walk, size_t at, struct place place, size_t *next_out)
{
  if (place.c >= 0x80 && (stands_alone(place.c) || is_symbol(place.c))) {
    *next_out = letter_end(walk->text, walk->length, place.next);
    return give_letter(&walk->words, walk->text, at, *next_out);
  }
  size_t address = address_here(walk, at);
  if (address != 0 && walk->query) {
    *next_out = address;
    return give_address(&walk->words, false, walk->text, at, address);
  }
  bool ascii;
  *next_out = word_end(walk->text, walk->length, at, &ascii);
  int result = give_word(&walk->words, walk->text, at, *next_out, ascii);
  if (result == 0 && address != 0)
    result = give_address(&walk->words, true, walk->text, at, address);
  return result;
}

int
tokenize(const char *text, size_t length, bool query, tokenizer_fn take, void *data)
{
  struct walk walk = {text, length, query, {take, data}, 0, 0};
  walk.sign = next_sign(text, length, 0);
  size_t at = 0;
  while (at < length) {
    struct place place = place_at(text, length, at);
    size_t next = place.next;
    if (is_word(place.c)) {
      int result = take_word(&walk, at, place, &next);
      if (result != 0)
        return result;
    }
    at = next;
  }
  return 0;
}

static int
stop_at_first(void *data, bool together, const char *word, size_t length, size_t start, size_t end)
{
  (void)data, (void)together, (void)word, (void)length, (void)start, (void)end;
  return 1;
}

bool
tokenizer_has_words(const char *text)
{
  return tokenize(text, strlen(text), true, stop_at_first, NULL) != 0;
}

struct only { char *word; guint n; };

static int
take_only(void *data, bool together, const char *word, size_t length, size_t start, size_t end)
{
  (void)together, (void)start, (void)end;
  struct only *only = data;
  if (only->n++ > 0 || length > WORD_BYTES)
    return 1;
  only->word = g_strndup(word, length);
  return 0;
}

char *
tokenizer_only_word(const char *text, bool begins)
{
  struct only only = {NULL, 0};
  if (tokenize(text, strlen(text), !begins, take_only, &only) != 0)
    g_clear_pointer(&only.word, g_free);
  return only.word;
}

/* ---- FTS5 ---- */

typedef int (*fts5_token)(void *context, int flags, const char *word, int length, int start,
                          int end);
struct bridge { fts5_token take; void *context; };

static int
pass_on(void *data, bool together, const char *word, size_t length, size_t start, size_t end)
{
  const struct bridge *bridge = data;
  return bridge->take(bridge->context, together ? FTS5_TOKEN_COLOCATED : 0, word, (int)length,
                      (int)start, (int)end);
}

static int
create(void *context, const char **args, int n_args, Fts5Tokenizer **out)
{
  static int nothing;
  (void)context, (void)args, (void)n_args;
  *out = (Fts5Tokenizer *)&nothing;
  return SQLITE_OK;
}

static void
delete(Fts5Tokenizer *tokenizer)
{
  (void)tokenizer;
}

static int
pass_exact(struct bridge *bridge, const char *text, size_t length)
{
  for (const char *at = text, *end = text + length, *next; at < end; at = next) {
    next = at + 1;
    while (next < end && *next != *EXACT_PLACE && *next != *EXACT_TOGETHER)
      next++;
    int result = pass_on(bridge, *at == *EXACT_TOGETHER, at + 1, (size_t)(next - at - 1), 0, 0);
    if (result != 0)
      return result;
  }
  return 0;
}

static int
run(Fts5Tokenizer *tokenizer, void *context, int flags, const char *text, int length,
    fts5_token take)
{
  (void)tokenizer;
  struct bridge bridge = {take, context};
  if ((flags & FTS5_TOKENIZE_DOCUMENT) != 0)
    return terms_each(text, (size_t)length, pass_on, &bridge);
  if (length > 0 && *text == *EXACT_PLACE)
    return pass_exact(&bridge, text, (size_t)length);
  bool query = (flags & FTS5_TOKENIZE_QUERY) != 0 && (flags & FTS5_TOKENIZE_PREFIX) == 0;
  return tokenize(text, (size_t)length, query, pass_on, &bridge);
}

/* The way to FTS5's own interface that its manual gives. */
static fts5_api *
find_api(sqlite3 *db)
{
  fts5_api *api = NULL;
  sqlite3_stmt *stmt = NULL;
  if (sqlite3_prepare_v2(db, "SELECT fts5(?1)", -1, &stmt, NULL) == SQLITE_OK) {
    sqlite3_bind_pointer(stmt, 1, &api, "fts5_api_ptr", NULL);
    sqlite3_step(stmt);
  }
  sqlite3_finalize(stmt);
  return api;
}

bool
tokenizer_register(sqlite3 *db)
{
  fts5_api *api = find_api(db);
  fts5_tokenizer functions = {create, delete, run};
  return api != NULL &&
         api->xCreateTokenizer(api, "postino", NULL, &functions, NULL) == SQLITE_OK;
}

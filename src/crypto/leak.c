#include "crypto/leak.h"

#include <string.h>

#include "base/limits.h"
#include "crypto/mime.h"

#define WINDOW 24
#define DISTINCT 8
/* Every window of 24 bytes holds one of 8 that begins at a multiple of 16: only those
 * are kept of the clear text. */
#define KEPT 8
#define STRIDE 16
/* The same 8 bytes may stand in many places; so many of them are kept. */
#define MOST_PLACES 64
/* Of a body in its encoded form: enough to recognise it. */
#define ENCODED_PREFIX LIMIT_KIB(64)
/* Ciphertext has no such runs by chance. */
#define SHORTEST_RUN 64
#define DEEPEST 3

struct needles {
  GByteArray *text;         /* all of it, one behind the other */
  guint32 *slots;           /* place / STRIDE + 1; 0: free */
  gsize mask;
  /* Three bits of one word for each kept one: answers nearly every question, with one
   * look into a memory that is not much larger than the cache. */
  guint64 *words;
  gsize word_mask;
  GPtrArray *short_ones;    /* GBytes: shorter than a window, sought whole */
};

static guint
distinct(const guint8 *bytes, size_t length)
{
  bool seen[256] = {false};
  guint count = 0;
  for (size_t i = 0; i < length; i++) {
    count += !seen[bytes[i]];
    seen[bytes[i]] = true;
  }
  return count;
}

static guint64
hash_of(const guint8 *bytes)
{
  guint64 a;
  memcpy(&a, bytes, KEPT);
  a *= 0x9E3779B97F4A7C15u;
  return a ^ (a >> 32);
}

static guint64
bits_of(guint64 hash)
{
  return (guint64)1 << (hash & 63) | (guint64)1 << (hash >> 6 & 63) |
         (guint64)1 << (hash >> 12 & 63);
}

/* ---- what must not be found ---- */

static void
add_text(struct needles *needles, const char *text, size_t length)
{
  while (length > 0 && g_ascii_isspace(text[length - 1]))
    length--;
  while (length > 0 && g_ascii_isspace(*text)) {
    text++;
    length--;
  }
  if (length >= WINDOW)
    g_byte_array_append(needles->text, (const guint8 *)text, (guint)length);
  else if (distinct((const guint8 *)text, length) >= DISTINCT)
    g_ptr_array_add(needles->short_ones, g_bytes_new(text, length));
}

static void
add_entity(struct needles *needles, const char *bytes, size_t length, int depth)
{
  g_auto(entity_t) entity = {0};
  g_auto(multipart_t) multipart = {0};
  entity_init(&entity, bytes, length);
  if (depth < LIMIT_PART_DEPTH && g_str_has_prefix(params_main(entity.type), "multipart/") &&
      multipart_split(&entity, &multipart)) {
    for (guint i = 0; i < multipart.parts->len; i++) {
      struct span part = g_array_index(multipart.parts, struct span, i);
      add_entity(needles, part.at, part.length, depth + 1);
    }
    return;
  }
  g_autoptr(GBytes) decoded = entity_decode(&entity);
  gsize size;
  const char *text = g_bytes_get_data(decoded, &size);
  if (size > 0)
    add_text(needles, text, size);
  if (size != entity.body.length)
    add_text(needles, entity.body.at, MIN(entity.body.length, ENCODED_PREFIX));
}

/* Do both places look the same as far as a window around them reaches? */
static bool
is_same_around(const GByteArray *text, gsize a, gsize b)
{
  gsize before = WINDOW - KEPT, whole = before + WINDOW;
  return a >= before && b >= before && a - before + whole <= text->len &&
         b - before + whole <= text->len &&
         memcmp(text->data + a - before, text->data + b - before, whole) == 0;
}

static void
keep(struct needles *needles, gsize at)
{
  const guint8 *text = needles->text->data;
  guint64 hash = hash_of(text + at);
  gsize slot = hash & needles->mask;
  for (int equal = 0; needles->slots[slot] != 0; slot = (slot + 1) & needles->mask) {
    gsize other = (gsize)(needles->slots[slot] - 1) * STRIDE;
    if (memcmp(text + other, text + at, KEPT) == 0 &&
        (is_same_around(needles->text, other, at) || ++equal == MOST_PLACES))
      return;
  }
  needles->words[hash >> 40 & needles->word_mask] |= bits_of(hash >> 18);
  needles->slots[slot] = (guint32)(at / STRIDE) + 1;
}

static void
build_table(struct needles *needles)
{
  gsize kept = needles->text->len / STRIDE + 1, slots = 1024;
  while (slots < kept * 2)
    slots *= 2;
  needles->slots = g_new0(guint32, slots);
  needles->mask = slots - 1;
  needles->words = g_new0(guint64, slots / 16);
  needles->word_mask = slots / 16 - 1;
  for (gsize at = 0; at + KEPT <= needles->text->len; at += STRIDE)
    keep(needles, at);
}

struct needles *
needles_new(GBytes *entity, const char *subject)
{
  struct needles *needles = g_new0(struct needles, 1);
  gsize length;
  const char *bytes = g_bytes_get_data(entity, &length);
  needles->text = g_byte_array_new();
  needles->short_ones = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
  if (subject != NULL)
    add_text(needles, subject, strlen(subject));
  add_entity(needles, bytes, length, 0);
  build_table(needles);
  return needles;
}

void
needles_free(struct needles *needles)
{
  if (needles == NULL)
    return;
  g_byte_array_unref(needles->text);
  g_ptr_array_unref(needles->short_ones);
  g_free(needles->slots);
  g_free(needles->words);
  g_free(needles);
}

/* ---- the search ---- */

/* Is the common run around two equal places long and varied enough? */
static bool
is_leak(const guint8 *text, gsize text_length, gsize at, const guint8 *payload,
        gsize payload_length, gsize place)
{
  gsize before = 0, after = KEPT;
  while (before < WINDOW && before < at && before < place &&
         text[at - before - 1] == payload[place - before - 1])
    before++;
  while (after < WINDOW * 2 && at + after < text_length && place + after < payload_length &&
         text[at + after] == payload[place + after])
    after++;
  for (gsize i = 0; i + WINDOW <= before + after; i++)
    if (distinct(text + at - before + i, WINDOW) >= DISTINCT)
      return true;
  return false;
}

static bool
is_leak_at(const struct needles *needles, const guint8 *payload, gsize length, gsize place,
           guint64 hash)
{
  const guint8 *text = needles->text->data;
  for (gsize slot = hash & needles->mask; needles->slots[slot] != 0;
       slot = (slot + 1) & needles->mask) {
    gsize at = (gsize)(needles->slots[slot] - 1) * STRIDE;
    if (memcmp(text + at, payload + place, KEPT) == 0 &&
        is_leak(text, needles->text->len, at, payload, length, place))
      return true;
  }
  return false;
}

/* The looks of so many places are under way at once: the memory is slow, not far. */
#define BATCH 32

static bool
has_window(const struct needles *needles, const guint8 *payload, gsize length)
{
  const guint64 *words = needles->words;
  gsize mask = needles->word_mask, end = length >= KEPT ? length - KEPT + 1 : 0;
  guint64 hashes[BATCH];
  for (gsize place = 0; place < end; place += BATCH) {
    gsize n = MIN(end - place, BATCH);
    for (gsize i = 0; i < n; i++) {
      hashes[i] = hash_of(payload + place + i);
      __builtin_prefetch(&words[hashes[i] >> 40 & mask]);
    }
    for (gsize i = 0; i < n; i++) {
      guint64 bits = bits_of(hashes[i] >> 18);
      if ((words[hashes[i] >> 40 & mask] & bits) == bits &&
          is_leak_at(needles, payload, length, place + i, hashes[i]))
        return true;
    }
  }
  return false;
}

static bool
has_short_one(const struct needles *needles, const guint8 *payload, gsize length)
{
  for (guint i = 0; i < needles->short_ones->len; i++) {
    gsize size;
    const void *data = g_bytes_get_data(needles->short_ones->pdata[i], &size);
    if (memmem(payload, length, data, size) != NULL)
      return true;
  }
  return false;
}

static GBytes *
decode_hex(const char *text, gsize length)
{
  GByteArray *out = g_byte_array_new();
  int high = -1;
  for (gsize i = 0; i < length; i++) {
    int digit = g_ascii_xdigit_value(text[i]);
    if (digit >= 0 && high >= 0) {
      guint8 byte = (guint8)(high << 4 | digit);
      g_byte_array_append(out, &byte, 1);
      high = -1;
    } else if (digit >= 0)
      high = digit;
    else if (!g_ascii_isspace(text[i])) {
      g_byte_array_unref(out);
      return NULL;
    }
  }
  return g_byte_array_free_to_bytes(out);
}

static bool search(const struct needles *needles, const guint8 *payload, gsize length, int depth);

static bool
search_run(const struct needles *needles, const guint8 *run, gsize length, int depth)
{
  g_autoptr(GBytes) base64 = decode_base64_text((const char *)run, length);
  g_autoptr(GBytes) hex = decode_hex((const char *)run, length);
  gsize size;
  const guint8 *data = g_bytes_get_data(base64, &size);
  if (search(needles, data, size, depth + 1))
    return true;
  data = hex != NULL ? g_bytes_get_data(hex, &size) : NULL;
  return data != NULL && search(needles, data, size, depth + 1);
}

static bool
is_run_byte(guint8 c)
{
  return g_ascii_isalnum(c) || c == '+' || c == '/' || c == '=' || c == '\r' || c == '\n';
}

static bool
search(const struct needles *needles, const guint8 *payload, gsize length, int depth)
{
  if (length == 0)
    return false;
  if (has_window(needles, payload, length) || has_short_one(needles, payload, length))
    return true;
  if (depth >= DEEPEST)
    return false;
  for (gsize at = 0; at < length; at++) {
    gsize end = at;
    while (end < length && is_run_byte(payload[end]))
      end++;
    if (end - at >= SHORTEST_RUN && search_run(needles, payload + at, end - at, depth))
      return true;
    at = end;
  }
  return false;
}

bool
needles_found(const struct needles *needles, const void *payload, size_t length, bool decode)
{
  return search(needles, payload, length, decode ? 0 : DEEPEST);
}

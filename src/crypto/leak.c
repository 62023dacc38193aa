#include "crypto/leak.h"

#include <string.h>

#include "base/limits.h"
#include "crypto/mime.h"

#define WINDOW 24
#define DISTINCT 8
/* Every window of 24 bytes holds one of 16 that begins at a multiple of 8: only
 * those are kept of the clear text. */
#define KEPT 16
#define STRIDE 8
/* Of a body in its encoded form: enough to recognise it. */
#define ENCODED_PREFIX LIMIT_KIB(64)
/* Ciphertext has no such runs by chance. */
#define SHORTEST_RUN 64
#define DEEPEST 3

/* Says of nearly every window of a payload that it is none of the clear text's: a word
 * has four bits for each window of its own, and few windows. */
struct filter {
  guint64 *words;
  gsize mask;
};

struct needles {
  GByteArray *text;         /* all of it, one behind the other */
  struct filter any;
  struct filter plain;      /* those of nothing but the bytes of base64 and line ends: few */
  GPtrArray *short_ones;    /* GBytes: shorter than a window, sought whole */
};

/* Equal windows that are told apart by what stands around them. */
#define MOST_TWINS 8
/* Windows that are looked up together: memory is asked for early. */
#define BATCH 64
/* Windows of the payload that are held against the clear text together. */
#define MOST_SUSPECTS 32768
/* What stays in a core's nearest memory can be as thin as it likes. */
#define NEAR_WORDS 8192
#define MOST_THREADS 4
#define SMALLEST_SLICE LIMIT_MIB(4)

/* The bytes of base64 and hexadecimal, and line ends. */
static const bool run_bytes[256] = {
    ['\n'] = true, ['\r'] = true, ['+'] = true, ['/'] = true, ['='] = true,
    ['0' ... '9'] = true, ['A' ... 'Z'] = true, ['a' ... 'z'] = true,
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
  guint64 a, b;
  memcpy(&a, bytes, 8);
  memcpy(&b, bytes + 8, 8);
  a = (a ^ (b * 0x9E3779B97F4A7C15u)) * 0xC2B2AE3D27D4EB4Fu;
  return a ^ (a >> 32);
}

/* ---- what must not be found ---- */

/* What was added behind `from`, without the white space around it. */
static void
settle_text(struct needles *needles, guint from)
{
  GByteArray *text = needles->text;
  while (text->len > from && g_ascii_isspace(text->data[text->len - 1]))
    g_byte_array_set_size(text, text->len - 1);
  guint start = from;
  while (start < text->len && g_ascii_isspace(text->data[start]))
    start++;
  guint length = text->len - start;
  if (length >= WINDOW)
    return;
  if (distinct(text->data + start, length) >= DISTINCT)
    g_ptr_array_add(needles->short_ones, g_bytes_new(text->data + start, length));
  g_byte_array_set_size(text, from);
}

static void
add_text(struct needles *needles, const char *text, size_t length)
{
  guint from = needles->text->len;
  g_byte_array_append(needles->text, (const guint8 *)text, (guint)length);
  settle_text(needles, from);
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
  guint from = needles->text->len;
  entity_decode_into(&entity, needles->text);
  bool encoded = needles->text->len - from != entity.body.length;
  settle_text(needles, from);
  if (encoded)
    add_text(needles, entity.body.at, MIN(entity.body.length, ENCODED_PREFIX));
}

static bool
is_plain(const guint8 *bytes)
{
  for (gsize i = 0; i < KEPT; i++)
    if (!run_bytes[bytes[i]])
      return false;
  return true;
}

static void
filter_init(struct filter *filter, gsize windows)
{
  gsize words = 1024;
  while (words < windows / 4 || words < MIN(windows, NEAR_WORDS))
    words *= 2;
  filter->words = g_new0(guint64, words);
  filter->mask = words - 1;
}

static guint64 *
word_of(const struct filter *filter, guint64 hash)
{
  return &filter->words[(hash >> 24) & filter->mask];
}

static guint64
bits_of(guint64 hash)
{
  return (guint64)1 << (hash & 63) | (guint64)1 << (hash >> 6 & 63) |
         (guint64)1 << (hash >> 12 & 63) | (guint64)1 << (hash >> 18 & 63);
}

static void
fill_filters(struct needles *needles)
{
  const guint8 *text = needles->text->data;
  gsize length = needles->text->len, plain = 0;
  for (gsize at = 0; at + KEPT <= length; at += STRIDE)
    plain += is_plain(text + at);
  filter_init(&needles->any, length / STRIDE + 1 - plain);
  filter_init(&needles->plain, plain);
  for (gsize from = 0; from + KEPT <= length; from += BATCH * STRIDE) {
    guint64 *words[BATCH], bits[BATCH];
    gsize n = MIN(BATCH, (length - KEPT - from) / STRIDE + 1);
    for (gsize i = 0; i < n; i++) {
      const guint8 *window = text + from + i * STRIDE;
      guint64 hash = hash_of(window);
      words[i] = word_of(is_plain(window) ? &needles->plain : &needles->any, hash);
      bits[i] = bits_of(hash);
      __builtin_prefetch(words[i], 1);
    }
    for (gsize i = 0; i < n; i++)
      *words[i] |= bits[i];
  }
}

struct needles *
needles_new(GBytes *entity, const char *subject)
{
  struct needles *needles = g_new0(struct needles, 1);
  gsize length;
  const char *bytes = g_bytes_get_data(entity, &length);
  needles->text = g_byte_array_sized_new((guint)length);
  needles->short_ones = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
  if (subject != NULL)
    add_text(needles, subject, strlen(subject));
  add_entity(needles, bytes, length, 0);
  fill_filters(needles);
  return needles;
}

void
needles_free(struct needles *needles)
{
  if (needles == NULL)
    return;
  g_byte_array_unref(needles->text);
  g_ptr_array_unref(needles->short_ones);
  g_free(needles->any.words);
  g_free(needles->plain.words);
  g_free(needles);
}

/* ---- the search ---- */

/* Is there a window of enough different bytes in it?  Counted as it moves along. */
static bool
has_varied_window(const guint8 *bytes, gsize length)
{
  guint8 seen[256] = {0};
  guint count = 0;
  for (gsize i = 0; i < length; i++) {
    count += seen[bytes[i]]++ == 0;
    if (i >= WINDOW)
      count -= --seen[bytes[i - WINDOW]] == 0;
    if (i + 1 >= WINDOW && count >= DISTINCT)
      return true;
  }
  return false;
}

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
  return has_varied_window(text + at - before, before + after);
}

struct slice {
  const struct needles *needles;
  const guint8 *payload;
  gsize length;
  gsize from, to;           /* the windows that begin there */
  gint *found;              /* by any of the slices */
  GArray *suspects;         /* struct suspect: those that passed the filter */
};

/* A window of the payload. */
struct suspect {
  guint64 hash;
  gsize place;
};

/* Whatever the clear text is: what stands around the window is as little varied. */
static bool
is_dull(const struct slice *slice, gsize place)
{
  gsize from = place - MIN(place, WINDOW);
  gsize to = MIN(place + WINDOW * 2, slice->length);
  return !has_varied_window(slice->payload + from, to - from);
}

static int
by_hash(const void *a, const void *b)
{
  const struct suspect *one = a, *other = b;
  return one->hash < other->hash ? -1 : one->hash > other->hash;
}

/* The suspects in the order of their hashes, and where those of a hash begin. */
struct index {
  const struct suspect *suspects;
  gsize n, mask;
  guint32 *slots;           /* place of the first + 1; 0: free */
  guint8 *twins;            /* of the first: windows of the clear text that it was held against */
};

static void
index_init(struct index *index, GArray *suspects)
{
  gsize slots = 64;
  g_array_sort(suspects, by_hash);
  while (slots < (gsize)suspects->len * 2)
    slots *= 2;
  *index = (struct index){(const void *)suspects->data, suspects->len, slots - 1,
                          g_new0(guint32, slots), g_new0(guint8, suspects->len)};
  for (gsize i = 0; i < index->n; i++) {
    guint64 hash = index->suspects[i].hash;
    gsize slot = (gsize)(hash >> 24) & index->mask;
    if (i > 0 && index->suspects[i - 1].hash == hash)
      continue;
    while (index->slots[slot] != 0)
      slot = (slot + 1) & index->mask;
    index->slots[slot] = (guint32)i + 1;
  }
}

static void
index_clear(struct index *index)
{
  g_free(index->slots);
  g_free(index->twins);
}

/* The first of this hash; `n` when there is none. */
static gsize
index_find(const struct index *index, guint64 hash)
{
  gsize slot = (gsize)(hash >> 24) & index->mask;
  for (; index->slots[slot] != 0; slot = (slot + 1) & index->mask)
    if (index->suspects[index->slots[slot] - 1].hash == hash)
      return index->slots[slot] - 1;
  return index->n;
}

/* The window of the clear text at `at`, held against those of its hash. */
static bool
is_leaked(const struct slice *slice, struct index *index, gsize at)
{
  const GByteArray *text = slice->needles->text;
  guint64 hash = hash_of(text->data + at);
  gsize first = index_find(index, hash);
  bool twin = false;
  for (gsize i = first; i < index->n && index->suspects[i].hash == hash &&
                        index->twins[first] < MOST_TWINS; i++) {
    gsize place = index->suspects[i].place;
    if (memcmp(text->data + at, slice->payload + place, KEPT) != 0)
      continue;
    twin = true;
    if (is_leak(text->data, text->len, at, slice->payload, slice->length, place))
      return true;
  }
  if (twin)
    index->twins[first]++;
  return false;
}

/* What passed the filter by chance is told from what stands in the clear text. */
static void
weigh(struct slice *slice)
{
  struct index index;
  if (slice->suspects->len == 0)
    return;
  index_init(&index, slice->suspects);
  for (gsize at = 0; at + KEPT <= slice->needles->text->len && !g_atomic_int_get(slice->found);
       at += STRIDE)
    if (is_leaked(slice, &index, at))
      g_atomic_int_set(slice->found, 1);
  index_clear(&index);
  g_array_set_size(slice->suspects, 0);
}

static void
suspect(struct slice *slice, guint64 hash, gsize place)
{
  struct suspect found = {hash, place};
  if (is_dull(slice, place))
    return;
  g_array_append_val(slice->suspects, found);
  if (slice->suspects->len >= MOST_SUSPECTS)
    weigh(slice);
}

/* One look at each window, many at a time. */
static gpointer
look_through(gpointer data)
{
  struct slice *slice = data;
  const struct needles *needles = slice->needles;
  const guint8 *payload = slice->payload;
  gsize run = 0; /* of plain bytes, up to the end of the window */
  for (gsize i = slice->from; i + 1 < slice->from + KEPT; i++)
    run = run_bytes[payload[i]] ? run + 1 : 0;
  for (gsize from = slice->from; from < slice->to && !g_atomic_int_get(slice->found);
       from += BATCH) {
    const guint64 *words[BATCH];
    guint64 hashes[BATCH];
    gsize n = MIN(BATCH, slice->to - from);
    for (gsize i = 0; i < n; i++) {
      run = run_bytes[payload[from + i + KEPT - 1]] ? run + 1 : 0;
      hashes[i] = hash_of(payload + from + i);
      words[i] = word_of(run >= KEPT ? &needles->plain : &needles->any, hashes[i]);
      __builtin_prefetch(words[i]);
    }
    for (gsize i = 0; i < n; i++) {
      guint64 bits = bits_of(hashes[i]);
      if ((*words[i] & bits) == bits)
        suspect(slice, hashes[i], from + i);
    }
  }
  weigh(slice);
  return NULL;
}

/* A large payload is looked through by several threads. */
static bool
has_window(const struct needles *needles, const guint8 *payload, gsize length)
{
  struct slice slices[MOST_THREADS];
  GThread *threads[MOST_THREADS];
  gint found = 0;
  if (length < KEPT)
    return false;
  gsize windows = length - KEPT + 1;
  gsize n = MIN(MIN(MOST_THREADS, g_get_num_processors()), windows / SMALLEST_SLICE + 1);
  for (gsize i = 0; i < n; i++) {
    slices[i] = (struct slice){needles, payload, length, windows / n * i,
                               i + 1 < n ? windows / n * (i + 1) : windows, &found,
                               g_array_new(FALSE, FALSE, sizeof(struct suspect))};
    threads[i] = i + 1 < n ? g_thread_new("search", look_through, &slices[i]) : NULL;
  }
  look_through(&slices[n - 1]);
  for (gsize i = 0; i + 1 < n; i++)
    g_thread_join(threads[i]);
  for (gsize i = 0; i < n; i++)
    g_array_unref(slices[i].suspects);
  return found != 0;
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
search(const struct needles *needles, const guint8 *payload, gsize length, int depth)
{
  if (length == 0)
    return false;
  if (has_window(needles, payload, length) || has_short_one(needles, payload, length))
    return true;
  if (depth >= DEEPEST)
    return false;
  /* A run that reaches the place looked at began behind the last that it cannot hold. */
  for (gsize at = 0; length - at >= SHORTEST_RUN;) {
    gsize end = at + SHORTEST_RUN;
    gsize begin = end;
    while (begin > at && run_bytes[payload[begin - 1]])
      begin--;
    if (begin > at) {
      at = begin;
      continue;
    }
    while (end < length && run_bytes[payload[end]])
      end++;
    if (search_run(needles, payload + at, end - at, depth))
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

#include "crypto/packets.h"

#include <string.h>

#include "base/error.h"
#include "base/i18n.h"
#include "base/limits.h"

/* More packets than any message has. */
#define MOST_PACKETS 2000

/* ---- armour ---- */

/* Bytes between two words of how far the text was read. */
#define TOLD_EVERY LIMIT_MIB(4)

struct line { const char *at; size_t length; };

/* The next line without its end and trailing blanks. */
static bool
next_line(const char **at, const char *end, struct line *line)
{
  if (*at >= end)
    return false;
  const char *stop = memchr(*at, '\n', (size_t)(end - *at));
  line->at = *at;
  line->length = (size_t)((stop != NULL ? stop : end) - *at);
  *at = stop != NULL ? stop + 1 : end;
  while (line->length > 0 && strchr(" \t\r", line->at[line->length - 1]) != NULL &&
         line->at[line->length - 1] != '\0')
    line->length--;
  return true;
}

static bool
line_is(const struct line *line, const char *text)
{
  return line->length == strlen(text) && memcmp(line->at, text, line->length) == 0;
}

/* RFC 4880, 6.1; a byte at a time, what each does to the sum being known before. */
static guint32
crc24(const guint8 *data, size_t length)
{
  guint32 table[256], crc = 0xB704CE;
  for (guint32 i = 0; i < 256; i++) {
    table[i] = i << 16;
    for (int bit = 0; bit < 8; bit++)
      table[i] = table[i] << 1 ^ ((table[i] & 0x800000) != 0 ? 0x1864CFB : 0);
  }
  for (size_t i = 0; i < length; i++)
    crc = (crc << 8 ^ table[(crc >> 16 ^ data[i]) & 0xFF]) & 0xFFFFFF;
  return crc;
}

/* The headers known by RFC 4880, and Autocrypt's (level 1, 4); others are text that has no business there. */
static bool
take_armour_header(const struct line *line, GString *headers)
{
  static const char *const known[] = {"Version: ", "Comment: ", "Hash: ", "Charset: ",
                                      "Passphrase-Format: ", "Passphrase-Begin: "};
  for (gsize i = 0; i < G_N_ELEMENTS(known); i++) {
    size_t name = strlen(known[i]);
    if (line->length < name || memcmp(line->at, known[i], name) != 0)
      continue;
    if (headers != NULL) {
      g_string_append_len(headers, line->at + name, (gssize)(line->length - name));
      g_string_append_c(headers, '\n');
    }
    return true;
  }
  return false;
}

static bool
is_base64(const struct line *line)
{
  size_t length = line->length;
  while (length > 0 && line->at[length - 1] == '=')
    length--;
  if (line->length - length > 2)
    return false;
  for (size_t i = 0; i < length; i++)
    if (!g_ascii_isalnum(line->at[i]) && line->at[i] != '+' && line->at[i] != '/')
      return false;
  return true;
}

/* Line by line: a long armour never lies in memory twice. */
struct decoding {
  GByteArray *data;
  gint state;
  guint save;
};

static void
decode_line(struct decoding *decoding, const struct line *line)
{
  GByteArray *data = decoding->data;
  guint before = data->len;
  g_byte_array_set_size(data, before + (guint)(line->length / 4 * 3 + 3));
  gsize got = g_base64_decode_step(line->at, line->length, data->data + before, &decoding->state,
                                   &decoding->save);
  g_byte_array_set_size(data, before + (guint)got);
}

static bool
checksum_fits(const struct line *line, const GByteArray *data)
{
  g_autofree char *text = g_strndup(line->at + 1, line->length - 1);
  gsize length;
  g_autofree guchar *sum = g_base64_decode(text, &length);
  return length == 3 && (((guint32)sum[0] << 16) | ((guint32)sum[1] << 8) | sum[2]) ==
                            crc24(data->data, data->len);
}

static GBytes *
bad_armour(GError **error, const char *why)
{
  error_set(error, POSTINO_ERROR_INVALID, _("the OpenPGP armour is damaged: %s"), why);
  return NULL;
}

/* From behind the BEGIN line to the END line: headers, blank line, base64,
 * checksum. */
static GBytes *
decode_block(const char **at, const char *end, const char *last, const struct armour *armour,
             GError **error)
{
  const char *told = *at;
  g_autoptr(GByteArray) data = g_byte_array_sized_new((guint)((end - *at) / 4 * 3 + 3));
  struct decoding decoding = {.data = data};
  struct line line, sum = {NULL, 0};
  for (;;) {
    if (!next_line(at, end, &line))
      return bad_armour(error, _("it ends too early"));
    if (line.length == 0)
      break;
    if (!take_armour_header(&line, armour->headers))
      return bad_armour(error, _("it has a header that is none of OpenPGP's"));
  }
  for (;;) {
    if (!next_line(at, end, &line))
      return bad_armour(error, _("it ends too early"));
    if (line_is(&line, last))
      break;
    if (sum.at != NULL)
      return bad_armour(error, _("something stands behind its checksum"));
    if (line.length == 5 && line.at[0] == '=')
      sum = line;
    else if (is_base64(&line))
      decode_line(&decoding, &line);
    else
      return bad_armour(error, _("it holds what is not base64"));
    if (armour->passed != NULL && (size_t)(*at - told) >= TOLD_EVERY)
      armour->passed(told = *at, armour->data);
  }
  if (sum.at != NULL && !checksum_fits(&sum, data))
    return bad_armour(error, _("its checksum is wrong"));
  return g_byte_array_free_to_bytes(g_steal_pointer(&data));
}

GBytes *
armour_decode(const char *text, size_t length, const struct armour *armour, GError **error)
{
  g_autofree char *first = g_strdup_printf("-----BEGIN PGP %s-----", armour->label);
  g_autofree char *last = g_strdup_printf("-----END PGP %s-----", armour->label);
  const char *at = text, *end = length > 0 ? text + length : text;
  struct line line = {NULL, 0};
  while (next_line(&at, end, &line) && line.length == 0)
    continue;
  if (line.at == NULL || !line_is(&line, first))
    return bad_armour(error, _("it does not begin with its first line"));
  g_autoptr(GBytes) data = decode_block(&at, end, last, armour, error);
  if (data == NULL)
    return NULL;
  while (next_line(&at, end, &line))
    if (line.length > 0)
      return bad_armour(error, _("something stands behind it"));
  return g_steal_pointer(&data);
}

/* ---- packets ---- */

struct walk {
  const guint8 *at, *end;
  int tag;
  const guint8 *body;       /* its first chunk */
  size_t length;
};

static bool
take(struct walk *walk, size_t length)
{
  if ((size_t)(walk->end - walk->at) < length)
    return false;
  walk->at += length;
  return true;
}

static size_t
big_endian(const guint8 *bytes, int n)
{
  size_t number = 0;
  for (int i = 0; i < n; i++)
    number = number << 8 | bytes[i];
  return number;
}

/* RFC 4880, 4.2.1: an indeterminate length is for streams, which nobody armours. */
static bool
old_length(struct walk *walk, guint8 kind)
{
  static const int sizes[] = {1, 2, 4};
  const guint8 *at = walk->at;
  if (kind == 3) {
    walk->length = (size_t)(walk->end - walk->at);
    walk->body = walk->at;
    walk->at = walk->end;
    return true;
  }
  if (!take(walk, (size_t)sizes[kind]))
    return false;
  walk->length = big_endian(at, sizes[kind]);
  walk->body = walk->at;
  return take(walk, walk->length);
}

/* 4.2.2: one chunk; *partial_out when more follow. */
static bool
new_chunk(struct walk *walk, size_t *length_out, bool *partial_out)
{
  const guint8 *at = walk->at;
  if (!take(walk, 1))
    return false;
  *partial_out = at[0] >= 224 && at[0] < 255;
  if (at[0] < 192)
    *length_out = at[0];
  else if (at[0] < 224 && take(walk, 1))
    *length_out = ((size_t)(at[0] - 192) << 8) + at[1] + 192;
  else if (*partial_out)
    *length_out = (size_t)1 << (at[0] & 31);
  else if (at[0] == 255 && take(walk, 4))
    *length_out = big_endian(at + 1, 4);
  else
    return false;
  return true;
}

static bool
new_length(struct walk *walk)
{
  bool partial, first = true;
  do {
    size_t length;
    if (!new_chunk(walk, &length, &partial))
      return false;
    if (first) {
      walk->body = walk->at;
      walk->length = length;
    }
    first = false;
    if (!take(walk, length))
      return false;
  } while (partial);
  return true;
}

static bool
next_packet(struct walk *walk)
{
  guint8 head = *walk->at++;
  if ((head & 0x80) == 0)
    return false;
  if ((head & 0x40) != 0) {
    walk->tag = head & 0x3f;
    return new_length(walk);
  }
  walk->tag = (head >> 2) & 0x0f;
  return old_length(walk, head & 3);
}

static void
count_public_key(struct packets *packets, const struct walk *walk, GHashTable *seen)
{
  /* Version 3 names the key by its id; all zeroes hide it. */
  guint64 id = walk->length >= 9 ? (guint64)big_endian(walk->body + 1, 8) : 0;
  packets->public_keys++;
  if (id != 0 && !g_hash_table_add(seen, g_memdup2(&id, sizeof id)))
    packets->doubled++;
}

static void
count_packet(struct packets *packets, const struct walk *walk, GHashTable *seen)
{
  guint data = packets->protected + packets->unprotected;
  switch (walk->tag) {
  case 1:
    count_public_key(packets, walk, seen);
    break;
  case 2:
    packets->signatures++;
    break;
  case 3:
    packets->passwords++;
    packets->cipher = walk->length >= 3 && walk->body[0] == 4 ? walk->body[1] : 0;
    packets->s2k = walk->length >= 3 ? walk->body[2] : 0;
    break;
  case 9:
    packets->unprotected++;
    break;
  case 18:
  case 20:
    packets->protected++;
    break;
  default:
    packets->others++;
  }
  packets->ordered = packets->ordered && data == 0;
}

bool
packets_read(GBytes *data, struct packets *packets_out, GError **error)
{
  g_autoptr(GHashTable) seen = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
  struct packets packets = {.ordered = true};
  gsize length;
  const guint8 *bytes = g_bytes_get_data(data, &length);
  struct walk walk = {.at = bytes, .end = length > 0 ? bytes + length : bytes};
  for (guint n = 0; walk.at < walk.end; n++) {
    if (n >= MOST_PACKETS || !next_packet(&walk))
      return error_set(error, POSTINO_ERROR_INVALID, "%s",
                       _("the OpenPGP data is damaged: its packets do not fit together"));
    count_packet(&packets, &walk, seen);
  }
  *packets_out = packets;
  return true;
}

bool
packets_are_sealed(const struct packets *packets)
{
  return packets->public_keys + packets->passwords > 0 && packets->protected == 1 &&
         packets->unprotected == 0 && packets->signatures == 0 && packets->others == 0 &&
         packets->ordered;
}

bool
packets_are_setup(const struct packets *packets)
{
  return packets_are_sealed(packets) && packets->passwords == 1 && packets->public_keys == 0;
}

bool
packets_are_strong_setup(const struct packets *packets)
{
  enum { AES_128 = 7, AES_256 = 9, ITERATED_AND_SALTED = 3 };
  return packets_are_setup(packets) && packets->s2k == ITERATED_AND_SALTED &&
         (packets->cipher == AES_128 || packets->cipher == AES_256);
}

bool
packets_are_signatures(const struct packets *packets)
{
  guint rest = packets->public_keys + packets->passwords + packets->protected +
               packets->unprotected + packets->others;
  return packets->signatures > 0 && rest == 0;
}

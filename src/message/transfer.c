#include "message/transfer.h"

#include <stdint.h>
#include <string.h>

struct name { const char *name; enum transfer transfer; };
static const struct name names[] = {
    {"base64", TRANSFER_BASE64},
    {"quoted-printable", TRANSFER_QUOTED_PRINTABLE},
    {"x-uuencode", TRANSFER_UUENCODE},
    {"x-uue", TRANSFER_UUENCODE},
    {"uuencode", TRANSFER_UUENCODE},
};

enum transfer
transfer_parse(const char *value)
{
  for (size_t i = 0; value != NULL && i < G_N_ELEMENTS(names); i++) {
    size_t length = strlen(names[i].name);
    if (g_ascii_strncasecmp(value, names[i].name, length) == 0 &&
        (value[length] == '\0' || strchr(" \t;(", value[length]) != NULL))
      return names[i].transfer;
  }
  return TRANSFER_IDENTITY;
}

/* Where decoded bytes go; without an array they are only counted. */
struct sink {
  GByteArray *out;
  size_t count, limit;
  guint8 buffer[4096];
  guint held;
};

static void
sink_flush(struct sink *sink)
{
  if (sink->out != NULL)
    g_byte_array_append(sink->out, sink->buffer, sink->held);
  sink->held = 0;
}

/* False when the limit is met. */
static inline bool
sink_byte(struct sink *sink, guint8 byte)
{
  if (sink->count >= sink->limit)
    return false;
  sink->count++;
  sink->buffer[sink->held++] = byte;
  if (sink->held == sizeof sink->buffer)
    sink_flush(sink);
  return true;
}

/* 0–63, or -1 for what is none of the alphabet. */
static const gint8 *
base64_values(void)
{
  static gint8 values[256];
  static gsize ready = 0;
  if (g_once_init_enter(&ready)) {
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    memset(values, -1, sizeof values);
    for (int i = 0; i < 64; i++)
      values[(guchar)alphabet[i]] = (gint8)i;
    g_once_init_leave(&ready, 1);
  }
  return values;
}

/* What stands behind the padding (lists add their footers there) is no more
 * base64. */
static bool
decode_base64(struct sink *sink, const char *at, const char *end)
{
  const gint8 *values = base64_values();
  guint32 bits = 0;
  int n = 0;
  for (; at < end && *at != '='; at++) {
    int value = values[(guchar)*at];
    if (value < 0)
      continue;
    bits = bits << 6 | (guint32)value;
    if (++n < 4)
      continue;
    if (!sink_byte(sink, (guint8)(bits >> 16)) || !sink_byte(sink, (guint8)(bits >> 8)) ||
        !sink_byte(sink, (guint8)bits))
      return false;
    n = 0;
  }
  if (n == 2)
    return sink_byte(sink, (guint8)(bits >> 4));
  if (n == 3)
    return sink_byte(sink, (guint8)(bits >> 10)) && sink_byte(sink, (guint8)(bits >> 2));
  return true;
}

/* Past blanks at `at` if a line end or the end follows them, else NULL. */
static const char *
line_end_after_blanks(const char *at, const char *end)
{
  while (at < end && (*at == ' ' || *at == '\t'))
    at++;
  if (at == end || *at == '\n')
    return at;
  return *at == '\r' && at + 1 < end && at[1] == '\n' ? at : NULL;
}

static const char *
past_line_end(const char *at, const char *end)
{
  if (at < end && *at == '\r')
    at++;
  return at < end && *at == '\n' ? at + 1 : at;
}

/* RFC 2045, 6.7: blanks at the end of a line were added on the way; what is no
 * escape stands for itself. */
static bool
decode_quoted(struct sink *sink, const char *at, const char *end)
{
  const char *stop;
  const char *looked = at; /* no line end follows the blanks before here */
  while (at < end) {
    if (*at == '=' && end - at > 2 && g_ascii_isxdigit(at[1]) && g_ascii_isxdigit(at[2])) {
      int value = g_ascii_xdigit_value(at[1]) << 4 | g_ascii_xdigit_value(at[2]);
      if (!sink_byte(sink, (guint8)value))
        return false;
      at += 3;
      continue;
    }
    if (*at == '=' && (stop = line_end_after_blanks(at + 1, end)) != NULL) {
      at = past_line_end(stop, end);
      continue;
    }
    if ((*at == ' ' || *at == '\t') && at >= looked) {
      if ((stop = line_end_after_blanks(at, end)) != NULL) {
        at = stop;
        continue;
      }
      for (looked = at; looked < end && (*looked == ' ' || *looked == '\t');)
        looked++;
    }
    if (!sink_byte(sink, (guint8)*at++))
      return false;
  }
  return true;
}

/* One line of uuencoded bytes (POSIX uuencode). */
static bool
decode_uu_line(struct sink *sink, const char *at, const char *end)
{
  int left = (*at++ - ' ') & 077;
  for (; left > 0 && end - at >= 4; at += 4, left -= 3) {
    guint32 bits = 0;
    for (int i = 0; i < 4; i++)
      bits = bits << 6 | (guint32)((at[i] - ' ') & 077);
    for (int i = 0; i < 3 && i < left; i++)
      if (!sink_byte(sink, (guint8)(bits >> (16 - 8 * i))))
        return false;
  }
  return true;
}

static bool
decode_uu(struct sink *sink, const char *at, const char *end)
{
  bool begun = false;
  while (at < end) {
    const char *lf = memchr(at, '\n', (size_t)(end - at));
    const char *stop = lf != NULL ? lf : end;
    if (!begun)
      begun = stop - at > 6 && memcmp(at, "begin ", 6) == 0;
    else if (stop - at >= 3 && memcmp(at, "end", 3) == 0)
      break;
    else if (stop > at && !decode_uu_line(sink, at, stop))
      return false;
    at = lf != NULL ? lf + 1 : end;
  }
  return true;
}

static bool
decode(struct sink *sink, enum transfer transfer, const char *bytes, size_t length)
{
  switch (transfer) {
  case TRANSFER_BASE64:
    return decode_base64(sink, bytes, bytes + length);
  case TRANSFER_QUOTED_PRINTABLE:
    return decode_quoted(sink, bytes, bytes + length);
  case TRANSFER_UUENCODE:
    return decode_uu(sink, bytes, bytes + length);
  case TRANSFER_IDENTITY:
    break;
  }
  return true;
}

size_t
transfer_size(enum transfer transfer, const char *bytes, size_t length)
{
  if (transfer == TRANSFER_IDENTITY)
    return length;
  struct sink sink = {.limit = SIZE_MAX};
  (void)decode(&sink, transfer, bytes, length);
  return sink.count;
}

bool
transfer_decode(GByteArray *out, enum transfer transfer, const char *bytes, size_t length,
                size_t limit)
{
  if (transfer == TRANSFER_IDENTITY) {
    if (length > 0)
      g_byte_array_append(out, (const guint8 *)bytes, (guint)MIN(length, limit));
    return length <= limit;
  }
  struct sink sink = {.out = out, .limit = limit};
  bool whole = decode(&sink, transfer, bytes, length);
  sink_flush(&sink);
  return whole;
}

#include "crypto/mime.h"

#include <string.h>

#include "base/limits.h"
#include "base/text.h"

void
entity_init(struct entity *entity, const char *bytes, size_t length)
{
  /* An empty GBytes has no address. */
  if (bytes == NULL)
    bytes = "";
  entity->headers = headers_parse(bytes, length);
  const char *type = headers_get(entity->headers, "Content-Type");
  entity->type = params_parse(type != NULL ? type : "text/plain");
  size_t body = MIN(headers_body(entity->headers), length);
  entity->body = (struct span){bytes + body, length - body};
}

void
entity_clear(struct entity *entity)
{
  g_clear_pointer(&entity->headers, headers_free);
  g_clear_pointer(&entity->type, params_free);
}

bool
entity_is(const struct entity *entity, const char *type)
{
  return strcmp(params_main(entity->type), type) == 0;
}

/* ---- splitting ---- */

enum delimiter { NONE, PART, CLOSE };

/* What the line [at, end) is: "--BOUNDARY" and perhaps "--", then blanks. */
static enum delimiter
delimiter_of(const char *at, const char *end, const char *boundary, size_t length)
{
  if ((size_t)(end - at) < length + 2 || at[0] != '-' || at[1] != '-' ||
      memcmp(at + 2, boundary, length) != 0)
    return NONE;
  const char *rest = at + 2 + length;
  enum delimiter kind = PART;
  if (end - rest >= 2 && rest[0] == '-' && rest[1] == '-') {
    kind = CLOSE;
    rest += 2;
  }
  for (; rest < end; rest++)
    if (*rest != ' ' && *rest != '\t' && *rest != '\r')
      return NONE;
  return kind;
}

/* From `from` to the line at `to`, without the line end before it. */
static struct span
until_line(const char *from, const char *to)
{
  if (to > from && to[-1] == '\n')
    to--;
  if (to > from && to[-1] == '\r')
    to--;
  return (struct span){from, (size_t)(to - from)};
}

static bool
split_lines(struct span body, const char *boundary, struct multipart *multipart)
{
  const char *at = body.at, *end = body.at + body.length, *from = body.at;
  size_t length = strlen(boundary);
  bool inside = false;
  while (at < end) {
    const char *stop = memchr(at, '\n', (size_t)(end - at));
    const char *next = stop != NULL ? stop + 1 : end;
    enum delimiter kind = delimiter_of(at, stop != NULL ? stop : end, boundary, length);
    if (kind != NONE) {
      struct span span = until_line(from, at);
      if (inside)
        g_array_append_val(multipart->parts, span);
      else
        multipart->before = span;
      inside = true;
      from = next;
      if (multipart->parts->len > LIMIT_PARTS)
        return false;
    }
    if (kind == CLOSE) {
      multipart->after = (struct span){next, (size_t)(end - next)};
      return multipart->parts->len > 0;
    }
    at = next;
  }
  return false;
}

bool
multipart_split(const struct entity *entity, struct multipart *multipart_out)
{
  const char *boundary = params_raw(entity->type, "boundary");
  struct multipart multipart = {.parts = g_array_new(FALSE, FALSE, sizeof(struct span))};
  if (boundary == NULL || *boundary == '\0' || strlen(boundary) > 200 ||
      !split_lines(entity->body, boundary, &multipart)) {
    multipart_clear(&multipart);
    return false;
  }
  *multipart_out = multipart;
  return true;
}

void
multipart_clear(struct multipart *multipart)
{
  g_clear_pointer(&multipart->parts, g_array_unref);
}

bool
span_is_blank(struct span span)
{
  for (size_t i = 0; i < span.length; i++)
    if (!g_ascii_isspace(span.at[i]))
      return false;
  return true;
}

/* ---- decoding ---- */

static void
decode_base64_into(const char *text, size_t length, GByteArray *out)
{
  guint before = out->len;
  gint state = 0;
  guint save = 0;
  g_byte_array_set_size(out, before + (guint)(length / 4 * 3 + 3));
  gsize got = g_base64_decode_step(text, length, out->data + before, &state, &save);
  g_byte_array_set_size(out, before + (guint)got);
}

GBytes *
decode_base64_text(const char *text, size_t length)
{
  GByteArray *out = g_byte_array_new();
  decode_base64_into(text, length, out);
  return g_byte_array_free_to_bytes(out);
}

/* Where the white space before a line's end begins, if it is one. */
static size_t
blank_run(const char *text, size_t length, size_t i)
{
  while (i < length && (text[i] == ' ' || text[i] == '\t' || text[i] == '\r'))
    i++;
  return i;
}

static void
decode_quoted_printable_into(const char *text, size_t length, GByteArray *out)
{
  for (size_t i = 0; i < length; i++) {
    guint8 byte = (guint8)text[i];
    if (text[i] == '=') {
      size_t next = blank_run(text, length, i + 1);
      if (next >= length || text[next] == '\n') {
        i = next;
        continue;
      }
      int high = length - i > 2 ? g_ascii_xdigit_value(text[i + 1]) : -1;
      int low = high >= 0 ? g_ascii_xdigit_value(text[i + 2]) : -1;
      if (low >= 0) {
        byte = (guint8)(high << 4 | low);
        i += 2;
      }
    }
    g_byte_array_append(out, &byte, 1);
  }
}

void
entity_decode_into(const struct entity *entity, GByteArray *out)
{
  const char *raw = headers_get(entity->headers, "Content-Transfer-Encoding");
  struct span body = entity->body;
  g_autofree char *encoding = raw != NULL ? g_strdup(raw) : g_strdup("7bit");
  g_strstrip(encoding);
  if (text_ascii_equal(encoding, "base64"))
    decode_base64_into(body.at, body.length, out);
  else if (text_ascii_equal(encoding, "quoted-printable"))
    decode_quoted_printable_into(body.at, body.length, out);
  else
    g_byte_array_append(out, (const guint8 *)body.at, (guint)body.length);
}

GBytes *
entity_decode(const struct entity *entity)
{
  GByteArray *out = g_byte_array_new();
  entity_decode_into(entity, out);
  return g_byte_array_free_to_bytes(out);
}

GBytes *
canonical_lines(struct span span)
{
  GByteArray *out = g_byte_array_sized_new((guint)(span.length + span.length / 32 + 16));
  for (size_t i = 0; i < span.length;) {
    const char *stop = memchr(span.at + i, '\n', span.length - i);
    size_t end = stop != NULL ? (size_t)(stop - span.at) : span.length;
    g_byte_array_append(out, (const guint8 *)span.at + i, (guint)(end - i));
    if (stop != NULL && (end == i || span.at[end - 1] != '\r'))
      g_byte_array_append(out, (const guint8 *)"\r", 1);
    if (stop != NULL)
      g_byte_array_append(out, (const guint8 *)"\n", 1);
    i = end + 1;
  }
  return g_byte_array_free_to_bytes(out);
}

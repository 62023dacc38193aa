#include "message/sevenbit.h"

#include <string.h>

#include "base/error.h"
#include "base/i18n.h"
#include "message/encode.h"
#include "message/mime.h"
#include "message/params.h"
#include "message/span.h"
#include "message/words.h"
#include "message/write.h"

struct conversion {
  const struct mime *mime;
  struct blob_writer *out;
};

static bool
is_eight_bit(struct span span)
{
  for (const char *at = span.at; at < span.end; at++)
    if ((guchar)*at >= 0x80)
      return true;
  return false;
}

static bool
write_span(const struct conversion *conversion, struct span span, GError **error)
{
  return span.at >= span.end ||
         blob_write(conversion->out, span.at, (size_t)(span.end - span.at), error);
}

static bool
cannot(GError **error)
{
  return error_set(error, POSTINO_ERROR_INVALID, "%s",
                   _("the letter has 8-bit text in a form that cannot be encoded afterwards, and the "
                     "server does not offer 8BITMIME; encode it as quoted-printable or base64"));
}

/* ---- fields ---- */

static char *
name_of(struct span field)
{
  const char *colon = memchr(field.at, ':', (size_t)(field.end - field.at));
  char *name = g_strndup(field.at, (gsize)((colon != NULL ? colon : field.at) - field.at));
  return g_strchomp(name);
}

static char *
value_of(struct span field)
{
  const char *colon = memchr(field.at, ':', (size_t)(field.end - field.at));
  GString *out = g_string_new(NULL);
  for (const char *at = colon + 1; at < field.end; at++)
    if (*at != '\r' && *at != '\n')
      g_string_append_c(out, *at);
  return g_strstrip(g_string_free(out, FALSE));
}

/* A boundary is looked for byte by byte, so that it cannot become another. */
static bool
append_parameters(GString *out, const char *name, const char *value, GError **error)
{
  g_autoptr(params_t) params = params_parse(value);
  g_string_append_printf(out, "%s: %s", name, params_main(params));
  for (guint i = 0; params_name(params, i) != NULL; i++) {
    const char *parameter = params_name(params, i), *raw = params_raw(params, parameter);
    g_autofree char *text = params_text(params, parameter);
    if (!g_str_is_ascii(parameter) || (!g_str_is_ascii(raw) && strcmp(parameter, "boundary") == 0))
      return cannot(error);
    write_parameter(out, parameter, g_str_is_ascii(raw) || text == NULL ? raw : text);
  }
  g_string_append(out, "\r\n");
  return true;
}

static bool
append_ascii(GString *out, struct span field, GError **error)
{
  g_autofree char *name = name_of(field);
  if (*name == '\0' || !g_str_is_ascii(name))
    return cannot(error);
  g_autofree char *value = value_of(field);
  if (g_ascii_strcasecmp(name, "Content-Type") == 0 ||
      g_ascii_strcasecmp(name, "Content-Disposition") == 0)
    return append_parameters(out, name, value, error);
  return write_raw(out, name, value, error);
}

/* Its fields, with `encoding` for its Content-Transfer-Encoding (NULL: none), and the
 * empty line. */
static bool
write_header(const struct conversion *conversion, const struct mime_part *part,
             const char *encoding, GError **error)
{
  struct span block = {part->start, part->body}, field;
  g_autoptr(GString) out = g_string_new(NULL);
  while (span_next_field(&block, &field)) {
    g_autofree char *name = name_of(field);
    if (g_ascii_strcasecmp(name, "Content-Transfer-Encoding") == 0)
      continue;
    if (!is_eight_bit(field))
      g_string_append_len(out, field.at, field.end - field.at);
    else if (!append_ascii(out, field, error))
      return false;
  }
  if (encoding != NULL)
    g_string_append_printf(out, "Content-Transfer-Encoding: %s\r\n", encoding);
  g_string_append(out, "\r\n");
  /* An address that is not ASCII has no other form. */
  if (is_eight_bit((struct span){out->str, out->str + out->len}))
    return cannot(error);
  return blob_write(conversion->out, out->str, out->len, error);
}

/* ---- parts ---- */

static bool write_part(const struct conversion *conversion, int i, GError **error);

/* Bytes as they are: 7bit, 8bit and binary (RFC 2045, 6.2). */
static bool
is_bare(const struct mime_part *part)
{
  static const char *const names[] = {"", "7bit", "8bit", "binary"};
  const char *value = headers_get(part->headers, "Content-Transfer-Encoding");
  g_autofree char *name = g_strstrip(g_strdup(value != NULL ? value : ""));
  for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
    if (g_ascii_strcasecmp(name, names[i]) == 0)
      return true;
  return false;
}

/* No such type may be encoded (RFC 2046, 5.1 and 5.2; RFC 6522). */
static bool
is_composite(const struct mime_part *part)
{
  const char *type = params_main(part->type);
  return g_str_has_prefix(type, "multipart/") || g_str_has_prefix(type, "message/");
}

static bool
write_leaf(const struct conversion *conversion, const struct mime_part *part, GError **error)
{
  struct span body = {part->body, part->end};
  size_t length = (size_t)(body.end - body.at);
  const char *declared = headers_get(part->headers, "Content-Transfer-Encoding");
  if (!is_eight_bit(body))
    return write_header(conversion, part, declared, error) &&
           write_span(conversion, body, error);
  if (!is_bare(part) || is_composite(part))
    return cannot(error);
  struct survey survey = {0};
  survey_take(&survey, body.at, length);
  bool quoted = mime_is(part, "text/") && encode_need(&survey) == ENCODE_QUOTED;
  if (!write_header(conversion, part, quoted ? "quoted-printable" : "base64", error))
    return false;
  g_autoptr(GString) out = g_string_new(NULL);
  encode_bytes(out, quoted ? ENCODE_QUOTED : ENCODE_BASE64, body.at, length);
  return blob_write(conversion->out, out->str, out->len, error);
}

/* What stands before, between and behind parts: delimiters, and text that nobody is
 * shown. */
static bool
write_between(const struct conversion *conversion, struct span span, GError **error)
{
  if (!is_eight_bit(span))
    return write_span(conversion, span, error);
  g_autoptr(GString) text = g_string_new_len(span.at, span.end - span.at);
  for (size_t i = 0; i < text->len; i++)
    if ((guchar)text->str[i] >= 0x80)
      text->str[i] = '?';
  return blob_write(conversion->out, text->str, text->len, error);
}

static bool
is_sealed(const struct mime_part *part)
{
  return strcmp(part->media, "multipart/signed") == 0 ||
         strcmp(part->media, "multipart/encrypted") == 0;
}

static bool
write_around(const struct conversion *conversion, int i, GError **error)
{
  const struct mime_part *part = mime_part(conversion->mime, (guint)i);
  if (is_sealed(part) || !is_bare(part))
    return cannot(error);
  const char *declared = headers_get(part->headers, "Content-Transfer-Encoding");
  if (!write_header(conversion, part, declared != NULL ? "7bit" : NULL, error))
    return false;
  const char *at = part->body;
  for (int child = mime_first(conversion->mime, i); child >= 0;
       child = mime_next(conversion->mime, child)) {
    const struct mime_part *inner = mime_part(conversion->mime, (guint)child);
    if (!write_between(conversion, (struct span){at, inner->start}, error) ||
        !write_part(conversion, child, error))
      return false;
    at = inner->end;
  }
  return write_between(conversion, (struct span){at, part->end}, error);
}

/* As deep as mime_parse() goes. */
static bool
write_part(const struct conversion *conversion, int i, GError **error)
{
  const struct mime_part *part = mime_part(conversion->mime, (guint)i);
  struct span all = {part->start, part->end};
  if (!is_eight_bit(all))
    return write_span(conversion, all, error);
  return part->kind == MIME_LEAF ? write_leaf(conversion, part, error)
                                 : write_around(conversion, i, error);
}

bool
sevenbit_write(GBytes *letter, struct blob_writer *out, GError **error)
{
  size_t length;
  const char *bytes = g_bytes_get_data(letter, &length);
  g_autoptr(mime_t) mime = mime_parse(bytes, length);
  if (mime->cut_parts || mime->cut_depth || mime->doubled)
    return cannot(error);
  struct conversion conversion = {mime, out};
  return write_part(&conversion, 0, error);
}

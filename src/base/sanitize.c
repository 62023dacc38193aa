#include "base/sanitize.h"

#include <string.h>

enum verdict { KEEP, DROP, REPLACE };

static bool
is_bidi_control(gunichar c)
{
  return c == 0x061c || c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e) ||
         (c >= 0x2066 && c <= 0x2069);
}

/* Invisible characters that shape no script: zero-width space, word joiner and
 * invisible operators, byte order mark, interlinear marks, tags, soft hyphen. */
static bool
is_invisible(gunichar c)
{
  return c == 0x00ad || c == 0x200b || (c >= 0x2060 && c <= 0x2065) ||
         (c >= 0x206a && c <= 0x206f) || c == 0xfeff || (c >= 0xfff9 && c <= 0xfffb) ||
         (c >= 0xe0000 && c <= 0xe007f) || c == 0x2028 || c == 0x2029 || c == 0x180e ||
         c == 0x034f || c == 0x115f || c == 0x1160 || c == 0x3164 || c == 0xffa0;
}

static bool
is_joiner(gunichar c)
{
  return c == 0x200c || c == 0x200d || (c >= 0xfe00 && c <= 0xfe0f);
}

static enum verdict
judge(gunichar c, bool keep_joiners)
{
  if (is_bidi_control(c) || is_invisible(c))
    return DROP;
  if (is_joiner(c))
    return keep_joiners ? KEEP : DROP;
  if (c < 0x20 || (c >= 0x7f && c < 0xa0))
    return REPLACE;
  return KEEP;
}

/* Decodes one character at `at`; U+FFFD and one byte for what is no UTF-8. */
static gunichar
decode(const char *at, const char *end, size_t *length_out)
{
  gunichar c = g_utf8_get_char_validated(at, end - at);
  if (c == (gunichar)-1 || c == (gunichar)-2) {
    *length_out = 1;
    return 0xfffd;
  }
  *length_out = (size_t)(g_utf8_next_char(at) - at);
  return c;
}

static void
append_clean(GString *out, gunichar c, bool keep_joiners)
{
  switch (judge(c, keep_joiners)) {
  case KEEP:
    g_string_append_unichar(out, c);
    break;
  case REPLACE:
    g_string_append_unichar(out, 0xfffd);
    break;
  case DROP:
    break;
  }
}

/* How many printable ASCII characters stand at `text`: most of most text, of
 * which nothing has to be judged. */
static size_t
plain_run(const char *text, const char *end)
{
  const char *at = text;
  while (at < end && *at >= 0x20 && *at < 0x7f)
    at++;
  return (size_t)(at - text);
}

char *
sanitize_line(const char *text, gssize length)
{
  const char *end = text + (length < 0 ? (gssize)strlen(text) : length);
  GString *out = g_string_sized_new((gsize)(end - text) + 1);
  bool space = false;
  for (size_t step; text < end; text += step) {
    if ((step = plain_run(text, end)) > 0) {
      g_string_append_len(out, text, (gssize)step);
      space = false;
      continue;
    }
    gunichar c = decode(text, end, &step);
    if (c == '\t' || c == '\n' || c == '\r') {
      if (!space)
        g_string_append_c(out, ' ');
      space = true;
      continue;
    }
    space = false;
    append_clean(out, c, false);
  }
  return g_string_free(out, FALSE);
}

char *
sanitize_text(const char *text, gssize length)
{
  const char *end = text + (length < 0 ? (gssize)strlen(text) : length);
  GString *out = g_string_sized_new((gsize)(end - text) + 1);
  for (size_t step; text < end; text += step) {
    if ((step = plain_run(text, end)) > 0) {
      g_string_append_len(out, text, (gssize)step);
      continue;
    }
    gunichar c = decode(text, end, &step);
    if (c == '\r' && text + 1 < end && text[1] == '\n')
      continue;
    if (c == '\r' || c == '\n')
      g_string_append_c(out, '\n');
    else if (c == '\t')
      g_string_append_c(out, '\t');
    else
      append_clean(out, c, true);
  }
  return g_string_free(out, FALSE);
}

bool
sanitize_has_bidi(const char *text, gssize length)
{
  const char *end = text + (length < 0 ? (gssize)strlen(text) : length);
  for (size_t step; text < end; text += step)
    if (is_bidi_control(decode(text, end, &step)))
      return true;
  return false;
}

static bool
fits_file_name(gunichar c)
{
  return c != '/' && c != '\\' && c != 0xfffd && c >= 0x20;
}

#define FILE_NAME_BYTES 200

char *
sanitize_filename(const char *name, const char *fallback)
{
  for (const char *at = name; *at != '\0'; at++)
    if ((*at == '/' || *at == '\\') && at[1] != '\0')
      name = at + 1;
  g_autofree char *line = sanitize_line(name, -1);
  GString *out = g_string_new(NULL);
  for (const char *at = line; *at != '\0'; at = g_utf8_next_char(at)) {
    gunichar c = g_utf8_get_char(at);
    if (out->len == 0 && (c == '.' || c == '-' || c == ' '))
      continue;
    if (out->len + 6 > FILE_NAME_BYTES)
      break;
    if (fits_file_name(c))
      g_string_append_unichar(out, c);
  }
  while (out->len > 0 && out->str[out->len - 1] == ' ')
    g_string_truncate(out, out->len - 1);
  if (out->len == 0)
    g_string_assign(out, fallback);
  return g_string_free(out, FALSE);
}

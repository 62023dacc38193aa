#include "message/encode.h"

#include <string.h>

#include "base/text.h"

/* RFC 5322, 2.1.1 and RFC 2045, 6.7. */
#define LONGEST_LINE 998
#define ENCODED_LINE 76

void
encode_base64(GString *out, const void *bytes, size_t length)
{
  const guchar *at = bytes;
  while (length > 0) {
    size_t take = MIN(length, (size_t)ENCODED_LINE / 4 * 3);
    g_autofree char *line = g_base64_encode(at, take);
    g_string_append(out, line);
    g_string_append(out, "\r\n");
    at += take;
    length -= take;
  }
}

struct quoting {
  GString *out;
  size_t column;
};

/* The encoded line ends here, the text's does not. */
static void
break_softly(struct quoting *q)
{
  g_string_append(q->out, "=\r\n");
  q->column = 0;
}

static void
quote_piece(struct quoting *q, const char *piece, size_t length)
{
  if (q->column + length > ENCODED_LINE - 1)
    break_softly(q);
  g_string_append_len(q->out, piece, (gssize)length);
  q->column += length;
}

static void
quote_byte(struct quoting *q, guchar byte)
{
  static const char digits[] = "0123456789ABCDEF";
  char piece[3] = {'=', digits[byte >> 4], digits[byte & 15]};
  quote_piece(q, piece, sizeof piece);
}

static bool
at_line_end(const char *at, const char *end)
{
  return end - at >= 2 && at[0] == '\r' && at[1] == '\n';
}

/* "From " at the start of a line is changed by those who keep mail in an mbox, a
 * lone dot by servers that forget to stuff it. */
static bool
is_endangered(const struct quoting *q, const char *at, const char *end)
{
  if (q->column != 0)
    return false;
  return *at == '.' || (end - at >= 5 && memcmp(at, "From ", 5) == 0);
}

void
encode_quoted(GString *out, const char *bytes, size_t length)
{
  struct quoting q = {out, 0};
  for (const char *at = bytes, *end = bytes + length; at < end; at++) {
    if (at_line_end(at, end)) {
      g_string_append(out, "\r\n");
      q.column = 0;
      at++;
      continue;
    }
    if (q.column == ENCODED_LINE - 1)
      break_softly(&q);
    bool blank = *at == ' ' || *at == '\t';
    bool last = at + 1 == end || at_line_end(at + 1, end);
    if ((blank && !last) || (*at > ' ' && *at < 0x7f && *at != '=' && !is_endangered(&q, at, end)))
      quote_piece(&q, at, 1);
    else
      quote_byte(&q, (guchar)*at);
    /* A line of the file stays a line to the eye. */
    if (*at == '\n' && !last)
      break_softly(&q);
  }
}

bool
encode_is_plain(const char *bytes, size_t length)
{
  size_t column = 0;
  for (const char *at = bytes, *end = bytes + length; at < end; at++) {
    if (*at == '\n') {
      column = 0;
      continue;
    }
    if (*at == '\0' || (guchar)*at >= 0x80 || (*at == '\r' && !at_line_end(at, end)))
      return false;
    if (*at != '\r' && ++column > LONGEST_LINE)
      return false;
  }
  return true;
}

bool
encode_has_blank_ends(const char *bytes, size_t length)
{
  for (size_t i = 1; i + 1 < length; i++)
    if (bytes[i] == '\r' && (bytes[i - 1] == ' ' || bytes[i - 1] == '\t'))
      return true;
  return false;
}

enum encode_need
encode_need(const char *bytes, size_t length)
{
  if (encode_is_plain(bytes, length))
    return ENCODE_NOTHING;
  size_t costly = 0;
  for (size_t i = 0; i < length; i++)
    costly += (guchar)bytes[i] >= 0x7f || (guchar)bytes[i] < '\t' || bytes[i] == '=';
  return length + 2 * costly > length / 3 * 4 ? ENCODE_BASE64 : ENCODE_QUOTED;
}

/* RFC 3676, 4.2: lines of at most 78, better 72. */
#define FLOWED_COLUMNS 78
#define FLOWED_BREAK 72

static bool
needs_stuffing(const char *line, size_t length, bool quotes_too)
{
  return length > 0 && (line[0] == ' ' || (line[0] == '>' && quotes_too) ||
                        (length >= 5 && memcmp(line, "From ", 5) == 0));
}

/* Where the piece at `at` ends: behind the last blank before the columns are
 * full, or behind the first one after.  A piece may not look like the separator
 * of a signature. */
static const char *
soft_break(const char *at, const char *end)
{
  const char *best = NULL;
  int columns = 0;
  for (const char *p = at; p < end; p = g_utf8_next_char(p)) {
    columns += text_width(p, g_utf8_next_char(p) - p);
    if (columns > FLOWED_COLUMNS && best != NULL)
      return best;
    bool separator = p - at == 2 && memcmp(at, "-- ", 3) == 0;
    if (*p == ' ' && p + 1 < end && !separator && (columns <= FLOWED_BREAK || best == NULL))
      best = p + 1;
  }
  return columns > FLOWED_COLUMNS && best != NULL ? best : end;
}

static void
flow_paragraph(GString *out, const char *at, const char *end)
{
  bool first = true;
  do {
    const char *stop = soft_break(at, end);
    if (needs_stuffing(at, (size_t)(stop - at), !first))
      g_string_append_c(out, ' ');
    g_string_append_len(out, at, stop - at);
    g_string_append(out, "\r\n");
    at = stop;
    first = false;
  } while (at < end);
}

char *
encode_flowed(const char *text)
{
  GString *out = g_string_new(NULL);
  while (*text != '\0') {
    const char *end = text + strcspn(text, "\n"), *next = *end == '\n' ? end + 1 : end;
    bool separator = end - text == 3 && memcmp(text, "-- ", 3) == 0;
    while (end > text && (end[-1] == ' ' || end[-1] == '\t') && !separator)
      end--;
    if (separator || *text == '>')
      g_string_append_printf(out, "%.*s\r\n", (int)(end - text), text);
    else
      flow_paragraph(out, text, end);
    text = next;
  }
  return g_string_free(out, FALSE);
}

char *
encode_unflow(const char *flowed)
{
  GString *out = g_string_new(NULL);
  while (*flowed != '\0') {
    const char *end = flowed + strcspn(flowed, "\n"), *next = *end == '\n' ? end + 1 : end;
    if (end > flowed && end[-1] == '\r')
      end--;
    const char *at = *flowed == ' ' ? flowed + 1 : flowed;
    bool separator = end - flowed == 3 && memcmp(flowed, "-- ", 3) == 0;
    bool soft = end > at && end[-1] == ' ' && !separator && *flowed != '>' && *next != '>';
    g_string_append_len(out, at, end - at);
    if (!soft)
      g_string_append_c(out, '\n');
    flowed = next;
  }
  return g_string_free(out, FALSE);
}

#include "message/encode.h"

#include <string.h>

#include "base/text.h"

/* RFC 2045, 6.7. */
#define ENCODED_LINE 76
/* Bytes that a whole line of base64 encodes. */
#define BASE64_LINE (ENCODED_LINE / 4 * 3)
/* How far quoted-printable looks ahead: "From ". */
#define AHEAD 5

/* ---- base64 ---- */

static void
append_base64_line(GString *out, const char *bytes, size_t length)
{
  char line[ENCODED_LINE + 8];
  gint state = 0, save = 0;
  size_t n = g_base64_encode_step((const guchar *)bytes, length, FALSE, line, &state, &save);
  n += g_base64_encode_close(FALSE, line + n, &state, &save);
  g_string_append_len(out, line, (gssize)n);
  g_string_append(out, "\r\n");
}

static void
take_base64(struct encoding *encoding, GString *out, const char *bytes, size_t length)
{
  if (encoding->rest_length > 0) {
    size_t more = MIN(BASE64_LINE - encoding->rest_length, length);
    memcpy(encoding->rest + encoding->rest_length, bytes, more);
    encoding->rest_length += more;
    bytes += more;
    length -= more;
    if (encoding->rest_length < BASE64_LINE)
      return;
    append_base64_line(out, encoding->rest, BASE64_LINE);
    encoding->rest_length = 0;
  }
  for (; length >= BASE64_LINE; bytes += BASE64_LINE, length -= BASE64_LINE)
    append_base64_line(out, bytes, BASE64_LINE);
  if (length > 0)
    memcpy(encoding->rest, bytes, length);
  encoding->rest_length = length;
}

/* ---- quoted-printable ---- */

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

/* What begins before `stop`; what stands from there to `end` is only looked at.  Where it
 * stopped. */
static const char *
quote(struct quoting *q, const char *at, const char *stop, const char *end)
{
  for (; at < stop; at++) {
    if (at_line_end(at, end)) {
      g_string_append(q->out, "\r\n");
      q->column = 0;
      at++;
      continue;
    }
    if (q->column == ENCODED_LINE - 1)
      break_softly(q);
    bool blank = *at == ' ' || *at == '\t';
    bool last = at + 1 == end || at_line_end(at + 1, end);
    if ((blank && !last) || (*at > ' ' && *at < 0x7f && *at != '=' && !is_endangered(q, at, end)))
      quote_piece(q, at, 1);
    else
      quote_byte(q, (guchar)*at);
    /* A line of the file stays a line to the eye. */
    if (*at == '\n' && !last)
      break_softly(q);
  }
  return at;
}

static void
take_quoted(struct encoding *encoding, GString *out, const char *bytes, size_t length, bool last)
{
  g_autoptr(GString) joined = NULL;
  if (encoding->rest_length > 0) {
    joined = g_string_new_len(encoding->rest, (gssize)encoding->rest_length);
    g_string_append_len(joined, bytes, (gssize)length);
    bytes = joined->str;
    length = joined->len;
  }
  const char *end = bytes + length;
  size_t ahead = last ? 0 : MIN(AHEAD, length);
  struct quoting q = {out, encoding->column};
  const char *at = quote(&q, bytes, end - ahead, end);
  encoding->column = q.column;
  encoding->rest_length = (size_t)(end - at);
  memcpy(encoding->rest, at, encoding->rest_length);
}

/* ---- both ---- */

void
encode_take(struct encoding *encoding, GString *out, const char *bytes, size_t length)
{
  if (encoding->need == ENCODE_NOTHING)
    g_string_append_len(out, bytes, (gssize)length);
  else if (encoding->need == ENCODE_QUOTED)
    take_quoted(encoding, out, bytes, length, false);
  else
    take_base64(encoding, out, bytes, length);
}

void
encode_end(struct encoding *encoding, GString *out)
{
  if (encoding->need == ENCODE_QUOTED)
    take_quoted(encoding, out, "", 0, true);
  else if (encoding->need == ENCODE_BASE64 && encoding->rest_length > 0)
    append_base64_line(out, encoding->rest, encoding->rest_length);
  encoding->rest_length = 0;
}

void
encode_bytes(GString *out, enum encode_need need, const char *bytes, size_t length)
{
  struct encoding encoding = {.need = need};
  encode_take(&encoding, out, bytes, length);
  encode_end(&encoding, out);
}

bool
encode_is_plain(const char *bytes, size_t length)
{
  struct survey survey = {0};
  survey_take(&survey, bytes, length);
  return survey_is_plain(&survey);
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
encode_need(const struct survey *survey)
{
  if (survey_is_plain(survey))
    return ENCODE_NOTHING;
  return survey->length + 2 * survey->costly > survey->length / 3 * 4 ? ENCODE_BASE64
                                                                      : ENCODE_QUOTED;
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

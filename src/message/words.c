#include "message/words.h"

#include <string.h>

#include "base/sanitize.h"
#include "message/charset.h"

/* RFC 2047, 2: a word has at most 75 characters; senders exceed it. */
#define CHARSET_LENGTH 64

struct word {
  const char *charset;
  size_t charset_length;
  char encoding;            /* 'b' or 'q' */
  const char *text, *text_end, *end;
};

/* Reads "=?charset?b?text?=" at `at`.  Each look ends at the next '?', so that
 * a value full of beginnings stays linear. */
static bool
read_word(const char *at, const char *end, struct word *word)
{
  if (end - at < 8 || at[0] != '=' || at[1] != '?')
    return false;
  const char *p = at + 2;
  word->charset = p;
  while (p < end && *p != '?' && *p != ' ' && p - word->charset < CHARSET_LENGTH)
    p++;
  if (end - p < 4 || *p != '?' || p[2] != '?')
    return false;
  word->charset_length = (size_t)(p - word->charset);
  const char *language = memchr(word->charset, '*', word->charset_length);
  if (language != NULL)
    word->charset_length = (size_t)(language - word->charset);
  word->encoding = g_ascii_tolower(p[1]);
  if (word->encoding != 'b' && word->encoding != 'q')
    return false;
  word->text = p + 3;
  const char *mark = memchr(word->text, '?', (size_t)(end - word->text));
  if (mark == NULL || mark + 1 >= end || mark[1] != '=')
    return false;
  word->text_end = mark;
  word->end = mark + 2;
  return true;
}

static void
decode_q(GString *out, const char *at, const char *end)
{
  for (; at < end; at++) {
    if (*at == '_')
      g_string_append_c(out, ' ');
    else if (*at == '=' && end - at > 2 && g_ascii_isxdigit(at[1]) && g_ascii_isxdigit(at[2])) {
      g_string_append_c(out, (char)(g_ascii_xdigit_value(at[1]) << 4 | g_ascii_xdigit_value(at[2])));
      at += 2;
    } else
      g_string_append_c(out, *at);
  }
}

static void
decode_b(GString *out, const char *at, const char *end)
{
  gint state = 0;
  guint save = 0;
  gsize had = out->len;
  g_string_set_size(out, had + (gsize)(end - at) / 4 * 3 + 6);
  gsize n = g_base64_decode_step(at, (gsize)(end - at), (guchar *)out->str + had, &state, &save);
  g_string_truncate(out, had + n);
}

/* Bytes of adjacent words of one charset, converted together. */
struct pending {
  GString *bytes;
  char charset[CHARSET_LENGTH + 1];
  bool any;
};

static void
flush(struct pending *pending, GString *out)
{
  if (pending->any)
    charset_append(out, pending->charset, pending->bytes->str, pending->bytes->len);
  g_string_truncate(pending->bytes, 0);
  pending->any = false;
}

static void
take_word(struct pending *pending, const struct word *word, GString *out)
{
  char charset[CHARSET_LENGTH + 1];
  memcpy(charset, word->charset, word->charset_length);
  charset[word->charset_length] = '\0';
  if (pending->any && g_ascii_strcasecmp(charset, pending->charset) != 0)
    flush(pending, out);
  memcpy(pending->charset, charset, sizeof charset);
  pending->any = true;
  if (word->encoding == 'q')
    decode_q(pending->bytes, word->text, word->text_end);
  else
    decode_b(pending->bytes, word->text, word->text_end);
}

static const char *
skip_space(const char *at, const char *end)
{
  while (at < end && (*at == ' ' || *at == '\t' || *at == '\r' || *at == '\n'))
    at++;
  return at;
}

/* The value with its encoded words decoded, not clean. */
static GString *
decode(const char *value, gssize length)
{
  const char *end = value + (length < 0 ? (gssize)strlen(value) : length);
  GString *out = g_string_new(NULL);
  struct pending pending = {.bytes = g_string_new(NULL)};
  struct word word;
  const char *raw = value;
  for (const char *at = value; at < end;) {
    if (*at != '=' || !read_word(at, end, &word)) {
      at++;
      continue;
    }
    /* White space between two words belongs to neither. */
    if (!pending.any || skip_space(raw, at) != at) {
      flush(&pending, out);
      charset_append(out, NULL, raw, (size_t)(at - raw));
    }
    take_word(&pending, &word, out);
    raw = at = word.end;
  }
  flush(&pending, out);
  charset_append(out, NULL, raw, (size_t)(end - raw));
  g_string_free(pending.bytes, TRUE);
  return out;
}

char *
words_decode(const char *value, gssize length)
{
  g_autoptr(GString) out = decode(value, length);
  char *clean = sanitize_line(out->str, (gssize)out->len);
  return g_strstrip(clean);
}

bool
words_have_bidi(const char *value)
{
  g_autoptr(GString) out = decode(value, -1);
  return sanitize_has_bidi(out->str, (gssize)out->len);
}

/* What a Q word may hold unencoded in a phrase (RFC 2047, 5 (3)). */
static bool
is_q_safe(guchar c)
{
  return g_ascii_isalnum(c) || c == '!' || c == '*' || c == '+' || c == '-' || c == '/';
}

static size_t
q_length(const char *text, size_t length)
{
  size_t n = 0;
  for (size_t i = 0; i < length; i++)
    n += is_q_safe((guchar)text[i]) || text[i] == ' ' ? 1 : 3;
  return n;
}

static void
append_q(GString *out, const char *text, size_t length)
{
  for (size_t i = 0; i < length; i++) {
    if (text[i] == ' ')
      g_string_append_c(out, '_');
    else if (is_q_safe((guchar)text[i]))
      g_string_append_c(out, text[i]);
    else
      g_string_append_printf(out, "=%02X", (guchar)text[i]);
  }
}

/* "=?UTF-8?B?" and "?=" take 12 of a word's 75 characters. */
#define WORD_ROOM 63
#define LINE_COLUMNS 76

static size_t
encode_run(GString *out, const char *text, size_t length, size_t column)
{
  bool base64 = q_length(text, length) > (length + 2) / 3 * 4;
  for (size_t at = 0; at < length;) {
    size_t take = 0;
    size_t room = column + 14 < LINE_COLUMNS ? MIN(WORD_ROOM, LINE_COLUMNS - column - 12) : 0;
    while (at + take < length) {
      size_t step = (size_t)(g_utf8_next_char(text + at + take) - (text + at + take));
      size_t cost = base64 ? (take + step + 2) / 3 * 4 : q_length(text + at, take + step);
      if (cost > room)
        break;
      take += step;
    }
    if (take == 0) {
      /* The blank before the word moves behind the fold: both would be read. */
      if (out->len > 0 && out->str[out->len - 1] == ' ')
        g_string_truncate(out, out->len - 1);
      g_string_append(out, "\r\n ");
      column = 1;
      continue;
    }
    gsize had = out->len;
    g_string_append(out, base64 ? "=?UTF-8?B?" : "=?UTF-8?Q?");
    if (base64) {
      g_autofree char *encoded = g_base64_encode((const guchar *)text + at, take);
      g_string_append(out, encoded);
    } else
      append_q(out, text + at, take);
    g_string_append(out, "?=");
    column += out->len - had;
    at += take;
    if (at < length) {
      g_string_append(out, "\r\n ");
      column = 1;
    }
  }
  return column;
}

/* A word that must be encoded: not ASCII, a control, long beyond folding, or
 * what would be taken for an encoded word. */
static bool
needs_encoding(const char *word, size_t length)
{
  if (length > 200 || g_strstr_len(word, (gssize)length, "=?") != NULL)
    return true;
  for (size_t i = 0; i < length; i++)
    if ((guchar)word[i] >= 0x7f || (guchar)word[i] < 0x20)
      return true;
  return false;
}

static size_t
append_plain(GString *out, const char *word, size_t length, size_t column, bool space)
{
  if (space && column + 1 + length > LINE_COLUMNS && column > 1) {
    g_string_append(out, "\r\n");
    column = 0;
  }
  if (space) {
    g_string_append_c(out, ' ');
    column++;
  }
  g_string_append_len(out, word, (gssize)length);
  return column + length;
}

/* The end of the run that starts at `at`: from the first word that needs
 * encoding to the last one before a plain word. */
static size_t
run_end(const char *text, size_t at, size_t length)
{
  size_t end = at;
  for (size_t word = at; word <= length;) {
    size_t stop = word;
    while (stop < length && text[stop] != ' ')
      stop++;
    if (stop > word && !needs_encoding(text + word, stop - word))
      break;
    end = stop;
    word = stop + 1;
  }
  return MIN(end, length);
}

static size_t
encode_text(GString *out, const char *text, size_t column)
{
  size_t length = strlen(text);
  /* Outer or doubled blanks would be lost by unfolding elsewhere. */
  if (length > 0 && (text[0] == ' ' || text[length - 1] == ' ' || strstr(text, "  ") != NULL))
    return encode_run(out, text, length, column);
  bool first = true;
  for (size_t at = 0; at < length;) {
    size_t stop = at;
    while (stop < length && text[stop] != ' ')
      stop++;
    if (!needs_encoding(text + at, stop - at)) {
      column = append_plain(out, text + at, stop - at, column, !first);
    } else {
      stop = run_end(text, at, length);
      if (!first) {
        g_string_append_c(out, ' ');
        column++;
      }
      column = encode_run(out, text + at, stop - at, column);
    }
    first = false;
    at = stop + 1;
  }
  return column;
}

static bool
is_atom_text(const char *text)
{
  for (; *text != '\0'; text++)
    if (!g_ascii_isalnum(*text) && strchr(" !#$%&'*+-/=?^_`{|}~", *text) == NULL)
      return false;
  return true;
}

static size_t
encode_phrase(GString *out, const char *text, size_t column)
{
  size_t length = strlen(text);
  bool encode = needs_encoding(text, length) || length > 60;
  if (encode)
    return encode_run(out, text, length, column);
  gsize had = out->len;
  if (column + length + 2 > LINE_COLUMNS && column > 1) {
    g_string_append(out, "\r\n ");
    had = out->len;
    column = 1;
  }
  if (is_atom_text(text) && text[0] != ' ' && length > 0 && text[length - 1] != ' ' &&
      strstr(text, "  ") == NULL) {
    g_string_append(out, text);
  } else {
    g_string_append_c(out, '"');
    for (; *text != '\0'; text++) {
      if (*text == '"' || *text == '\\')
        g_string_append_c(out, '\\');
      g_string_append_c(out, *text);
    }
    g_string_append_c(out, '"');
  }
  return column + (out->len - had);
}

size_t
words_encode(GString *out, const char *text, bool phrase, size_t column)
{
  return phrase ? encode_phrase(out, text, column) : encode_text(out, text, column);
}

#include "submit/reply.h"

#include <string.h>

#include "base/limits.h"
#include "base/sanitize.h"

/* What is kept of a reply's words for people. */
#define WORDS_MAX 400

void
smtp_reply_clear(struct smtp_reply *reply)
{
  g_free(reply->status);
  g_free(reply->words);
  if (reply->gathered != NULL)
    g_string_free(reply->gathered, TRUE);
  *reply = (struct smtp_reply){0};
}

/* "250", then "-", a blank or the end. */
static int
code_of(const char *line)
{
  if (*line < '2' || *line > '5' || !g_ascii_isdigit(line[1]) || !g_ascii_isdigit(line[2]) ||
      (line[3] != '\0' && line[3] != ' ' && line[3] != '-' && line[3] != '\t'))
    return 0;
  return (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
}

const char *
smtp_reply_text(const char *line)
{
  return line[3] != '\0' ? line + 4 : line + 3;
}

/* The length of "d.ddd.ddd" of this class at `text`, 0 if there is none. */
static size_t
status_length(const char *text, char class)
{
  const char *at = text;
  if (*at++ != class)
    return 0;
  for (int part = 0; part < 2; part++) {
    if (*at++ != '.')
      return 0;
    size_t digits = strspn(at, "0123456789");
    if (digits < 1 || digits > 3)
      return 0;
    at += digits;
  }
  return *at == '\0' || *at == ' ' || *at == '\t' ? (size_t)(at - text) : 0;
}

static void
gather(struct smtp_reply *reply, const char *text, size_t status)
{
  const char *words = reply->lines > 1 ? text + status : text;
  if (reply->gathered->len >= WORDS_MAX || *words == '\0')
    return;
  if (*words != ' ')
    g_string_append_c(reply->gathered, ' ');
  g_string_append_len(reply->gathered, words, (gssize)MIN(strlen(words), WORDS_MAX));
}

static void
finish(struct smtp_reply *reply)
{
  g_autofree char *raw = g_strdup_printf("%d%s", reply->code, reply->gathered->str);
  reply->words = g_strchomp(sanitize_line(raw, (gssize)MIN(strlen(raw), WORDS_MAX)));
}

enum reply_line
smtp_reply_take(struct smtp_reply *reply, const char *line)
{
  int code = code_of(line);
  if (code == 0 || (reply->lines > 0 && code != reply->code) ||
      reply->lines >= LIMIT_REPLY_LINES)
    return REPLY_BROKEN;
  reply->code = code;
  reply->lines++;
  if (reply->gathered == NULL)
    reply->gathered = g_string_new(NULL);
  const char *text = smtp_reply_text(line);
  size_t status = status_length(text, line[0]);
  if (status > 0 && reply->status == NULL)
    reply->status = g_strndup(text, status);
  gather(reply, text, status);
  if (line[3] == '-')
    return REPLY_MORE;
  finish(reply);
  return REPLY_WHOLE;
}

enum postino_error
smtp_reply_error(const struct smtp_reply *reply, bool login)
{
  if (reply->code < 400)
    return POSTINO_ERROR_PROTOCOL;
  if (reply->code < 500)
    return POSTINO_ERROR_RETRY;
  return login ? POSTINO_ERROR_AUTH : POSTINO_ERROR_REFUSED;
}

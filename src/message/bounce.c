#include "message/report-private.h"

#include <string.h>

#include "base/sanitize.h"
#include "message/address.h"
#include "message/headers.h"

#define LONGEST_REASON 1000

/* Where the human words end and the returned letter begins (qmail, exim,
 * sendmail, older Exchange). */
static bool
begins_copy(const char *line)
{
  static const char *const starts[] = {
      "--- Below this line is a copy", "------ This is a copy",  "------ The body of the message",
      "----- Original message",        "--- Returned message",   "----- Unsent message",
      "----- Message header",          "--- Original message",   "Received: ",
      "Return-Path: ",                 "------ This is a copy of",
      "--- The header of the original",
  };
  while (*line == ' ')
    line++;
  for (size_t i = 0; i < G_N_ELEMENTS(starts); i++)
    if (g_ascii_strncasecmp(line, starts[i], strlen(starts[i])) == 0)
      return true;
  return false;
}

static const char *
behind_label(const char *at)
{
  static const char label[] = "Recipient address: ";
  return g_ascii_strncasecmp(at, label, strlen(label)) == 0 ? at + strlen(label) : at;
}

/* The address that a line is about: "<a@b>: why" (qmail, Postfix), "<a@b>" (sendmail),
 * "  a@b" (exim), "\"a@b\":" (GMX), "  Recipient address: a@b" (iCloud); what follows it in
 * *rest_out. */
static char *
address_of(const char *line, const char **rest_out)
{
  const char *at = behind_label(line + strspn(line, " "));
  bool angle = *at == '<' || *at == '"';
  const char *close = *at == '"' ? "\"" : ">";
  at += angle;
  size_t length = strcspn(at, angle ? close : " :");
  g_autofree char *spec = g_strndup(at, length);
  if (strchr(spec, '@') == NULL || !address_is_valid_spec(spec))
    return NULL;
  const char *rest = at + length;
  if (angle && *rest++ != *close)
    return NULL;
  /* A bare address stands alone, or before a colon at the line's end. */
  if (!angle && (at == line || (*rest != '\0' && strcmp(rest, ":") != 0)))
    return NULL;
  const char *colon = strchr(rest, ':');
  if (*rest != '\0' && colon == NULL)
    return NULL;
  *rest_out = colon != NULL ? colon + 1 : rest;
  return g_steal_pointer(&spec);
}

/* "   ----- Transcript of session follows -----" (sendmail): of nobody alone. */
static bool
is_heading(const char *line)
{
  return g_str_has_prefix(line + strspn(line, " "), "-----");
}

static void
add_reason(struct report_recipient *recipient, const char *line)
{
  line += strspn(line, " \t");
  gsize length = strlen(recipient->reason);
  if (*line == '\0' || length + strlen(line) > LONGEST_REASON)
    return;
  char *joined = g_strconcat(recipient->reason, length > 0 ? " " : "", line, NULL);
  g_free(recipient->reason);
  recipient->reason = sanitize_line(joined, -1);
  g_free(joined);
}

/* The recipient of this name; a transcript names him again.  NULL: there are too many. */
static struct report_recipient *
name_recipient(struct report *report, GHashTable *named, const char *spec, bool delayed)
{
  char *key = g_ascii_strdown(spec, -1);
  struct report_recipient *recipient = g_hash_table_lookup(named, key);
  if (recipient == NULL)
    recipient = report_add(report, spec, delayed ? REPORT_DELAYED : REPORT_FAILED);
  if (recipient != NULL)
    g_hash_table_insert(named, key, recipient);
  else
    g_free(key);
  return recipient;
}

static char *
find_id(char *const *lines)
{
  for (; *lines != NULL; lines++) {
    const char *line = *lines + strspn(*lines, " ");
    if (g_ascii_strncasecmp(line, "Message-ID:", 11) != 0)
      continue;
    g_autoptr(headers_t) headers = headers_parse(line, strlen(line));
    char *id = headers_message_id(headers);
    if (id != NULL)
      return id;
    if (lines[1] != NULL && g_ascii_isspace(*lines[1])) {
      g_autofree char *folded = g_strconcat("Message-ID:", lines[1], NULL);
      g_autoptr(headers_t) second = headers_parse(folded, strlen(folded));
      return headers_message_id(second);
    }
  }
  return NULL;
}

/* Lines beyond this many are not of a report. */
#define MOST_LINES 20000

static char **
split_lines(const char *text)
{
  GPtrArray *lines = g_ptr_array_new();
  while (*text != '\0' && lines->len < MOST_LINES) {
    const char *lf = strchr(text, '\n');
    size_t length = lf != NULL ? (size_t)(lf - text) : strlen(text);
    g_ptr_array_add(lines, g_strndup(text, length));
    text += length + (lf != NULL ? 1 : 0);
  }
  g_ptr_array_add(lines, NULL);
  return (char **)g_ptr_array_free(lines, FALSE);
}

void
report_read_human(struct report *report, const char *text, bool delayed)
{
  g_auto(GStrv) lines = split_lines(text);
  g_autoptr(GHashTable) named = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  struct report_recipient *open = NULL;
  guint first = report->recipients->len;
  char **line = lines;
  for (; *line != NULL && !begins_copy(*line); line++) {
    const char *rest;
    g_autofree char *spec = address_of(*line, &rest);
    if (spec != NULL) {
      open = name_recipient(report, named, spec, delayed);
      if (open == NULL)
        break;
      add_reason(open, rest);
    } else if (is_heading(*line))
      open = NULL;
    else if (**line == '\0')
      open = open != NULL && *open->reason == '\0' ? open : NULL;
    else if (open != NULL)
      add_reason(open, *line);
  }
  if (report->message_id == NULL)
    report->message_id = find_id(*line != NULL ? line : lines);
  for (guint i = first; i < report->recipients->len; i++) {
    struct report_recipient *recipient = g_ptr_array_index(report->recipients, i);
    recipient->status = report_find_status(recipient->reason);
  }
}

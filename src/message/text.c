#include "message/render-private.h"

#include <string.h>

/* How a text/plain part is laid out (RFC 3676). */
struct layout {
  struct page *page;
  bool flowed, delsp, fixed;
  GString *paragraph;       /* flowed lines joined so far */
  int quote;                /* its depth */
  bool open, in_signature;
  const char *signature;    /* the line "-- ", or NULL */
};

/* Takes the marks of quoting off the line.  Blanks may stand between them where
 * the text is not flowed. */
static int
take_quote(const struct layout *layout, const char **at, const char *end)
{
  int depth = 0;
  const char *p = *at;
  while (p < end && *p == '>') {
    depth++;
    p++;
    if (!layout->flowed && end - p > 1 && p[0] == ' ' && p[1] == '>')
      p++;
  }
  if ((depth > 0 || layout->flowed) && p < end && *p == ' ')
    p++;
  *at = p;
  return MIN(depth, RENDERED_QUOTE);
}

static bool
is_signature_line(const char *at, const char *end)
{
  return end - at == 3 && memcmp(at, "-- ", 3) == 0;
}

/* The last "-- " of the text: what follows is the signature. */
static const char *
find_signature(const char *text)
{
  const char *found = NULL;
  for (const char *at = text; at != NULL; ) {
    const char *lf = strchr(at, '\n');
    if (is_signature_line(at, lf != NULL ? lf : at + strlen(at)))
      found = at;
    at = lf != NULL ? lf + 1 : NULL;
  }
  return found;
}

/* Columns meant as columns: tabs, an indent, gaps within. */
static bool
is_columnar(const char *at, const char *end)
{
  if (at < end && (*at == ' ' || *at == '\t'))
    return true;
  for (; at < end && (at = memchr(at, ' ', (size_t)(end - at))) != NULL; at++)
    if (end - at > 2 && at[1] == ' ' && at[2] == ' ')
      return true;
  return false;
}

static void
put(struct layout *layout, const char *at, const char *end, int quote, bool signature)
{
  if (!is_signature_line(at, end))
    while (end > at && (end[-1] == ' ' || end[-1] == '\t'))
      end--;
  bool fixed = layout->fixed || is_columnar(at, end) ||
               (end > at && memchr(at, '\t', (size_t)(end - at)) != NULL);
  enum line_kind kind = signature ? LINE_SIGNATURE : quote > 0 ? LINE_QUOTE : LINE_TEXT;
  page_line(layout->page, kind, quote, fixed, at, end - at);
}

static void
flush(struct layout *layout)
{
  if (layout->open)
    put(layout, layout->paragraph->str, layout->paragraph->str + layout->paragraph->len,
        layout->quote, layout->in_signature);
  g_string_truncate(layout->paragraph, 0);
  layout->open = false;
}

static void
take_flowed(struct layout *layout, const char *at, const char *end, bool signature)
{
  int quote = take_quote(layout, &at, end);
  bool mark = is_signature_line(at, end);
  if (layout->open && (layout->quote != quote || mark))
    flush(layout);
  layout->open = true;
  layout->in_signature = signature;
  layout->quote = quote;
  bool flows = !mark && end > at && end[-1] == ' ';
  g_string_append_len(layout->paragraph, at, end - at - (flows && layout->delsp ? 1 : 0));
  if (!flows)
    flush(layout);
}

static void
take_line(struct layout *layout, const char *at, const char *end)
{
  bool signature = layout->signature != NULL && at >= layout->signature;
  if (layout->flowed) {
    take_flowed(layout, at, end, signature);
    return;
  }
  int quote = take_quote(layout, &at, end);
  put(layout, at, end, quote, signature && quote == 0);
}

static bool
says(const struct mime_part *part, const char *name, const char *value)
{
  const char *found = part != NULL ? params_raw(part->type, name) : NULL;
  return found != NULL && g_ascii_strcasecmp(found, value) == 0;
}

void
text_layout(struct page *page, const char *text, const struct mime_part *part)
{
  g_autoptr(GString) paragraph = g_string_new(NULL);
  struct layout layout = {
      .page = page,
      .flowed = says(part, "format", "flowed"),
      .delsp = says(part, "delsp", "yes"),
      .fixed = part != NULL && mime_is(part, "text/") && !mime_is(part, "text/plain"),
      .paragraph = paragraph,
      .signature = find_signature(text),
  };
  for (const char *at = text; *at != '\0' && !page->full; ) {
    const char *lf = strchr(at, '\n');
    take_line(&layout, at, lf != NULL ? lf : at + strlen(at));
    at = lf != NULL ? lf + 1 : at + strlen(at);
  }
  flush(&layout);
}

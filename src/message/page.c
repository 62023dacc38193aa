#include "message/render-private.h"

#include <string.h>

#include "base/i18n.h"
#include "base/limits.h"
#include "base/sanitize.h"
#include "message/charset.h"

/* Numbers of links are for typing. */
#define MAX_LINKS 999

void
page_init(struct page *page, struct rendered *rendered)
{
  *page = (struct page){.rendered = rendered, .budget = 2 * LIMIT_TEXT};
  page->links = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
}

void
page_clear(struct page *page)
{
  g_hash_table_unref(page->links);
}

void
page_say_cut(struct page *page)
{
  page_notice(page, g_strdup(_("The letter is longer than what is shown; "
                               "save it to read the rest.")));
}

static void
page_fill(struct page *page)
{
  page_say_cut(page);
  page->full = true;
}

/* `length` cut to `room` on a character's border. */
static size_t
cut(const char *text, size_t length, size_t room)
{
  if (length <= room)
    return length;
  while (room > 0 && ((guchar)text[room] & 0xc0) == 0x80)
    room--;
  return room;
}

void
page_line(struct page *page, enum line_kind kind, int quote, bool fixed, const char *text,
          gssize length)
{
  size_t size = length < 0 ? strlen(text) : (size_t)length;
  size_t fits = cut(text, size, LIMIT_TEXT - page->used);
  if (page->full || page->rendered->lines->len >= RENDERED_LINES || (fits == 0 && size > 0)) {
    page_fill(page);
    return;
  }
  struct rendered_line *line = g_new(struct rendered_line, 1);
  *line = (struct rendered_line){kind, MIN(quote, RENDERED_QUOTE), fixed, g_strndup(text, fits)};
  g_ptr_array_add(page->rendered->lines, line);
  page->used = MIN(page->used + fits + 1, LIMIT_TEXT);
  if (fits < size)
    page_fill(page);
}

static const struct rendered_line *
last_line(const struct page *page)
{
  const GPtrArray *lines = page->rendered->lines;
  return lines->len > 0 ? lines->pdata[lines->len - 1] : NULL;
}

void
page_gap(struct page *page, int quote)
{
  const struct rendered_line *last = last_line(page);
  if (last != NULL && *last->text != '\0')
    page_line(page, quote > 0 ? LINE_QUOTE : LINE_TEXT, MIN(quote, last->quote), false, "", 0);
}

void
page_trim(struct page *page, guint keep)
{
  GPtrArray *lines = page->rendered->lines;
  while (lines->len > keep) {
    const struct rendered_line *last = g_ptr_array_index(lines, lines->len - 1);
    if (*last->text != '\0' || last->kind == LINE_RULE)
      return;
    g_ptr_array_set_size(lines, (gint)lines->len - 1);
  }
}

void
page_notice(struct page *page, char *sentence)
{
  g_autofree char *clean = sanitize_line(sentence, -1);
  g_free(sentence);
  GPtrArray *notices = page->rendered->notices;
  if (notices->len >= RENDERED_NOTICES ||
      g_ptr_array_find_with_equal_func(notices, clean, g_str_equal, NULL))
    return;
  g_ptr_array_add(notices, g_steal_pointer(&clean));
}

int
page_link(struct page *page, const char *address, bool *new_out)
{
  int number = GPOINTER_TO_INT(g_hash_table_lookup(page->links, address));
  *new_out = number == 0;
  if (number > 0)
    return number;
  number = (int)g_hash_table_size(page->links) + 1;
  if (number > MAX_LINKS)
    return 0;
  g_hash_table_insert(page->links, g_strdup(address), GINT_TO_POINTER(number));
  return number;
}

/* HTML may name its charset itself, near its beginning. */
static char *
charset_in_html(const char *bytes, size_t length)
{
  g_autofree char *head = g_ascii_strdown(bytes, (gssize)MIN(length, 2048));
  const char *at = strstr(head, "charset=");
  if (at == NULL)
    return NULL;
  at += strlen("charset=");
  at += strspn(at, "\"' ");
  return g_strndup(at, strspn(at, "abcdefghijklmnopqrstuvwxyz0123456789-_:."));
}

GString *
page_decode(struct page *page, const struct mime_part *part)
{
  bool whole;
  const char *bytes = part->body;
  gsize length = MIN((size_t)(part->end - part->body), page->budget);
  whole = part->body + length == part->end;
  g_autoptr(GBytes) decoded = NULL;
  if (part->transfer != TRANSFER_IDENTITY) {
    decoded = mime_decode(part, page->budget, &whole);
    bytes = g_bytes_get_data(decoded, &length);
  }
  page->budget -= length;
  g_autofree char *charset = params_text(part->type, "charset");
  if (charset == NULL && length > 0 && mime_is(part, "text/html"))
    charset = charset_in_html(bytes, length);
  GString *text = g_string_sized_new(length + length / 8 + 1);
  if (length > 0 && !charset_append(text, charset, bytes, length))
    page_notice(page, g_strdup_printf(_("The character set \"%s\" is not known; "
                                        "the text is shown by a guess."), charset));
  if (!whole)
    page_say_cut(page);
  return text;
}

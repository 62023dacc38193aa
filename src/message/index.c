#include <string.h>

#include "base/limits.h"
#include "base/sanitize.h"
#include "message/render-private.h"
#include "message/report-private.h"

static char *
format_field(const struct headers *headers, const char *name)
{
  g_autoptr(GPtrArray) addresses = headers_addresses(headers, name);
  return address_format_list(addresses);
}

/* Appends text without its armour, whose letters would fill the index with
 * nothing. */
static void
append_without_armour(GString *out, const char *text)
{
  static const char begin[] = "-----BEGIN PGP ", end[] = "-----END PGP ";
  const char *from;
  while ((from = strstr(text, begin)) != NULL) {
    const char *behind = from + strlen(begin);
    g_string_append_len(out, text, behind - text);
    text = behind;
    if (g_str_has_prefix(behind, "SIGNED"))
      continue;
    const char *close = strstr(behind, end);
    text = close != NULL ? close : "";
  }
  g_string_append(out, text);
}

static void
add_text(GString *out, const char *text)
{
  if (*text == '\0' || out->len >= LIMIT_TEXT)
    return;
  gsize length = strlen(text), room = LIMIT_TEXT - out->len;
  if (length > room)
    for (length = room; length > 0 && ((guchar)text[length] & 0xc0) == 0x80;)
      length--;
  g_string_append_len(out, text, (gssize)length);
  if (out->len > 0 && out->str[out->len - 1] != '\n' && out->len < LIMIT_TEXT)
    g_string_append_c(out, '\n');
}

/* HTML is laid out on a page of its own, whose lines are joined; what the text before it
 * says already is not said twice. */
static void
add_html(GString *out, const GString *source)
{
  g_autoptr(rendered_t) rendered = rendered_new();
  struct page page;
  page_init(&page, rendered);
  html_layout(&page, source->str, source->len);
  page_clear(&page);
  g_autoptr(GString) text = g_string_new(NULL);
  for (guint i = 0; i < rendered->lines->len; i++) {
    const struct rendered_line *line = g_ptr_array_index(rendered->lines, i);
    add_text(text, line->text);
  }
  g_autofree char *novel = out->len > 0 ? novel_text(out->str, text->str) : NULL;
  add_text(out, novel != NULL ? novel : text->str);
}

/* Decoded text of all text parts, and what inner messages are called. */
static char *
text_of(const struct mime *mime)
{
  GString *out = g_string_new(NULL);
  g_autoptr(rendered_t) scratch = rendered_new();
  struct page page;
  page_init(&page, scratch);
  for (guint i = 0; i < mime->parts->len && page.budget > 0 && out->len < LIMIT_TEXT; i++) {
    const struct mime_part *part = mime_part(mime, i);
    const struct mime_part *parent = part->parent >= 0 ? mime_part(mime, (guint)part->parent) : NULL;
    if (parent != NULL && parent->kind == MIME_MESSAGE) {
      g_autofree char *subject = headers_text(part->headers, "Subject");
      add_text(out, subject != NULL ? subject : "");
    }
    if (part->kind != MIME_LEAF || !mime_is(part, "text/"))
      continue;
    g_autoptr(GString) source = page_decode(&page, part);
    if (mime_is(part, "text/html")) {
      add_html(out, source);
      continue;
    }
    g_autofree char *clean = sanitize_text(source->str, (gssize)source->len);
    if (strstr(clean, "-----BEGIN PGP ") != NULL) {
      g_autoptr(GString) bare = g_string_new(NULL);
      append_without_armour(bare, clean);
      add_text(out, bare->str);
    } else
      add_text(out, clean);
  }
  page_clear(&page);
  return g_string_free(out, FALSE);
}

static char *
names_of(const struct mime *mime)
{
  GString *out = g_string_new(NULL);
  for (guint i = 0; i < mime->parts->len; i++) {
    g_autofree char *name = mime_name(mime_part(mime, i));
    if (name != NULL)
      g_string_append_printf(out, "%s\n", name);
  }
  return g_string_free(out, FALSE);
}

static unsigned
marks_of_envelope(const struct mime *mime)
{
  switch (envelope_of(mime)) {
  case ENVELOPE_PGP_SIGNED:
  case ENVELOPE_SMIME_SIGNED:
  case ENVELOPE_SMIME_OPAQUE:
    return INDEX_SIGNED;
  case ENVELOPE_PGP_SEALED:
  case ENVELOPE_SMIME_SEALED:
  case ENVELOPE_AGE_SEALED:
    return INDEX_SEALED;
  case ENVELOPE_PGP_INLINE:
    return envelope_has_armour(mime, "-----BEGIN PGP MESSAGE-----") ? INDEX_SEALED : INDEX_SIGNED;
  case ENVELOPE_PLAIN:
    break;
  }
  return 0;
}

static unsigned
marks_of_part(const struct mime *mime, const struct mime_part *part)
{
  unsigned marks = 0;
  bool calendar = mime_is(part, "text/calendar") || mime_is(part, "application/ics");
  bool sealed = mime_is(part, "application/pkcs7-mime") || mime_is(part, "application/x-pkcs7-mime");
  if (calendar)
    marks |= INDEX_CALENDAR;
  if (mime_is(part, "application/pgp-keys"))
    marks |= INDEX_KEY;
  if (!sealed && mime_is_listed(mime, part) && (!calendar || mime_is_attachment(part)))
    marks |= INDEX_ATTACHMENT;
  return marks;
}

static unsigned
marks_of(const struct mime *mime)
{
  unsigned marks = marks_of_envelope(mime);
  for (guint i = 0; i < mime->parts->len; i++)
    marks |= marks_of_part(mime, mime_part(mime, i));
  if (envelope_has_armour(mime, "-----BEGIN PGP PUBLIC KEY BLOCK-----"))
    marks |= INDEX_KEY;
  g_autoptr(report_t) report = report_from_mime(mime);
  if (report != NULL)
    marks |= INDEX_REPORT;
  return marks;
}

struct index_doc *
index_message(const char *bytes, size_t length, int64_t arrival)
{
  struct index_doc *doc = g_new0(struct index_doc, 1);
  g_autoptr(mime_t) mime = mime_parse(bytes, MIN(length, (size_t)LIMIT_MESSAGE));
  const struct headers *headers = mime_part(mime, 0)->headers;
  doc->date = headers_date(headers, arrival);
  doc->from = format_field(headers, "From");
  doc->to = format_field(headers, "To");
  doc->cc = format_field(headers, "Cc");
  doc->subject = headers_text(headers, "Subject");
  if (doc->subject == NULL)
    doc->subject = g_strdup("");
  doc->message_id = headers_message_id(headers);
  doc->references = headers_references(headers);
  doc->list = headers_text(headers, "List-Id");
  doc->text = text_of(mime);
  doc->filenames = names_of(mime);
  doc->marks = marks_of(mime);
  doc->digest = headers_digest(bytes, length);
  return doc;
}

#include "message/render-private.h"

#include <string.h>

#include "base/i18n.h"
#include "base/limits.h"
#include "base/sanitize.h"
#include "message/charset.h"

/* Why a part is not shown: another alternative was chosen, or it lies in
 * something that is kept whole. */
enum hidden { NOT_HIDDEN, NOT_CHOSEN, WITHIN };

/* One letter being shown. */
struct showing {
  struct page page;
  const struct mime *mime;
  bool *shown;              /* by index of the part */
  enum hidden *hidden;
};

static void show(struct showing *s, int i);

static bool
is_shown_as_text(const struct mime_part *part)
{
  static const char *const not_text[] = {"text/calendar", "text/x-vcard", "text/vcard",
                                         "text/directory", "text/x-vcalendar", NULL};
  if (strcmp(part->media, "application/pgp") == 0)
    return true;
  return mime_is(part, "text/") && !g_strv_contains(not_text, part->media);
}

static void
show_header_line(struct page *page, const struct headers *headers, const char *name)
{
  g_autofree char *value = headers_text(headers, name);
  if (value == NULL || *value == '\0')
    return;
  g_autofree char *line = g_strdup_printf("%s: %s", name, value);
  page_line(page, LINE_HEADER, 0, false, line, -1);
}

static void
show_header_lines(struct page *page, const struct headers *headers)
{
  static const char *const names[] = {"From", "To", "Cc", "Date", "Subject"};
  for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
    show_header_line(page, headers, names[i]);
}

/* text/rfc822-headers: what a report gives of the letter that it is about. */
static void
show_returned_headers(struct page *page, const struct mime_part *part)
{
  bool whole;
  g_autoptr(GBytes) bytes = mime_decode(part, LIMIT_HEADER, &whole);
  gsize length;
  const char *data = g_bytes_get_data(bytes, &length);
  g_autoptr(headers_t) headers = headers_parse(length > 0 ? data : "", length);
  show_header_lines(page, headers);
}

static bool
has_parameter(const struct mime_part *part, const char *name, const char *value)
{
  const char *found = params_raw(part->type, name);
  return found != NULL && g_ascii_strcasecmp(found, value) == 0;
}

/* The fields of this part are meant to be what the letter's are: RFC 9788, 2.1.1,
 * and what was written before it. */
static bool
protects_headers(const struct mime_part *root)
{
  return has_parameter(root, "hp", "cipher") || has_parameter(root, "hp", "clear") ||
         has_parameter(root, "protected-headers", "v1");
}

/* RFC 9788, 4.5.3.2: the Subject once more for programs that do not look within,
 * up to the first empty line. */
static void
drop_legacy_display(char *text, const struct mime_part *part)
{
  if (!has_parameter(part, "hp-legacy-display", "1"))
    return;
  char *end = strstr(text, "\n\n");
  if (end != NULL)
    memmove(text, end + 2, strlen(end + 2) + 1);
}

/* The same as a part of its own, as it was written before. */
static bool
is_legacy_display(const struct showing *s, int i)
{
  const struct mime_part *part = mime_part(s->mime, (guint)i);
  return part->parent == 0 && mime_first(s->mime, 0) == i &&
         has_parameter(part, "protected-headers", "v1") &&
         has_parameter(mime_part(s->mime, 0), "protected-headers", "v1") &&
         mime_is(mime_part(s->mime, 0), "multipart/mixed") && !mime_is_attachment(part) &&
         mime_next(s->mime, i) >= 0 && (size_t)(part->end - part->body) < LIMIT_KIB(4);
}

static void
show_text(struct page *page, const struct mime_part *part)
{
  GPtrArray *lines = page->rendered->lines;
  page_gap(page, 0);
  guint before = lines->len;
  if (mime_is(part, "text/rfc822-headers"))
    show_returned_headers(page, part);
  else {
    g_autoptr(GString) source = page_decode(page, part);
    if (mime_is(part, "text/html"))
      html_layout(page, source->str, source->len);
    else {
      g_autofree char *clean = sanitize_text(source->str, (gssize)source->len);
      drop_legacy_display(clean, part);
      text_layout(page, clean, part);
    }
  }
  page_trim(page, before);
}

static void
show_leaf(struct showing *s, int i)
{
  const struct mime_part *part = mime_part(s->mime, (guint)i);
  if (mime_is(part, "message/delivery-status") || mime_is(part, "message/global-delivery-status")) {
    report_notices(&s->page, part);
    return;
  }
  if (report_is_receipt(part)) {
    receipt_notices(&s->page, part);
    return;
  }
  if (mime_is(part, "message/external-body"))
    page_notice(&s->page, g_strdup(_("A part of this letter lies on a server; "
                                     "it is not fetched.")));
  if (mime_is(part, "application/pkcs7-mime") || mime_is(part, "application/x-pkcs7-mime"))
    page_notice(&s->page, g_strdup(_("A part that is sealed is not shown.")));
  if (mime_is_attachment(part) || !is_shown_as_text(part) || is_legacy_display(s, i))
    return;
  show_text(&s->page, part);
  s->shown[i] = true;
}

static void
hide_below(struct showing *s, int i, enum hidden why)
{
  for (int child = mime_first(s->mime, i); child >= 0; child = mime_next(s->mime, child)) {
    s->hidden[child] = why;
    bool whole = mime_part(s->mime, (guint)child)->kind == MIME_MESSAGE;
    hide_below(s, child, whole ? WITHIN : why);
  }
}

static void
show_message(struct showing *s, int i)
{
  const struct mime_part *part = mime_part(s->mime, (guint)i);
  int child = mime_first(s->mime, i);
  if (mime_is_attachment(part) || child < 0) {
    hide_below(s, i, WITHIN);
    return;
  }
  struct page *page = &s->page;
  if (page->rendered->lines->len > 0)
    page_line(page, LINE_RULE, 0, false, "", 0);
  show_header_lines(page, mime_part(s->mime, (guint)child)->headers);
  page_gap(page, 0);
  s->shown[i] = true;
  show(s, child);
}

static void
show_alternative(struct showing *s, int i)
{
  int chosen = mime_choose(s->mime, i, s->page.html);
  for (int child = mime_first(s->mime, i); child >= 0; child = mime_next(s->mime, child)) {
    if (child == chosen) {
      show(s, child);
      continue;
    }
    s->hidden[child] = NOT_CHOSEN;
    hide_below(s, child, NOT_CHOSEN);
  }
}

/* RFC 2387: the root is named by `start`, else the first. */
static int
related_root(const struct mime *mime, int i)
{
  const char *start = params_raw(mime_part(mime, (guint)i)->type, "start");
  for (int child = mime_first(mime, i); start != NULL && child >= 0;
       child = mime_next(mime, child)) {
    const char *id = headers_get(mime_part(mime, (guint)child)->headers, "Content-ID");
    if (id != NULL && strcmp(id, start) == 0)
      return child;
  }
  return mime_first(mime, i);
}

static void
show_children(struct showing *s, int i)
{
  for (int child = mime_first(s->mime, i); child >= 0; child = mime_next(s->mime, child))
    show(s, child);
}

static void
show_multipart(struct showing *s, int i)
{
  const struct mime_part *part = mime_part(s->mime, (guint)i);
  if (mime_first(s->mime, i) < 0) {
    page_notice(&s->page, g_strdup(_("The parts of this letter cannot be told apart; "
                                     "it is shown as text.")));
    show_text(&s->page, part);
  } else if (mime_is(part, "multipart/alternative"))
    show_alternative(s, i);
  else if (mime_is(part, "multipart/related"))
    show(s, related_root(s->mime, i));
  else if (mime_is(part, "multipart/signed"))
    show(s, mime_first(s->mime, i));
  else if (mime_is(part, "multipart/encrypted")) {
    page_notice(&s->page, g_strdup(_("A part that is sealed is not shown.")));
    hide_below(s, i, WITHIN);
  } else
    show_children(s, i);
}

/* Recursion is bounded by LIMIT_PART_DEPTH. */
static void
show(struct showing *s, int i)
{
  switch (mime_part(s->mime, (guint)i)->kind) {
  case MIME_LEAF:
    show_leaf(s, i);
    break;
  case MIME_MESSAGE:
    show_message(s, i);
    break;
  case MIME_MULTIPART:
    show_multipart(s, i);
    break;
  }
}

bool
mime_is_listed(const struct mime *mime, const struct mime_part *part)
{
  static const char *const machinery[] = {
      "application/pgp-signature", "application/pgp-encrypted", "application/age-encrypted",
      "application/pkcs7-signature",
      "application/x-pkcs7-signature", "message/delivery-status",
      "message/global-delivery-status", "text/rfc822-headers", NULL};
  if (part->kind == MIME_MULTIPART || g_strv_contains(machinery, part->media))
    return false;
  if (mime_is_attachment(part))
    return true;
  if (part->parent < 0)
    return part->kind == MIME_LEAF && !mime_is(part, "text/");
  const struct mime_part *parent = mime_part(mime, (guint)part->parent);
  if (mime_is(parent, "multipart/encrypted"))
    return false;
  if (mime_is(parent, "multipart/alternative") && mime_is(part, "text/"))
    return strcmp(part->media, "text/calendar") == 0;
  /* Pictures that the HTML alternative draws within itself. */
  if (mime_is(parent, "multipart/related") && mime_is(part, "image/") &&
      headers_get(part->headers, "Content-ID") != NULL)
    return false;
  if (mime_is(part, "text/plain") || mime_is(part, "text/html") || part->kind == MIME_MESSAGE)
    return params_raw(part->disposition, "filename") != NULL ||
           params_raw(part->disposition, "filename*") != NULL ||
           params_raw(part->disposition, "filename*0*") != NULL;
  return true;
}

static bool
is_attachment(const struct showing *s, guint i)
{
  const struct mime_part *part = mime_part(s->mime, i);
  if (s->hidden[i] == WITHIN || !mime_is_listed(s->mime, part))
    return false;
  return s->hidden[i] == NOT_HIDDEN || mime_is(part, "text/calendar") || mime_is_attachment(part);
}

static void
list_parts(struct showing *s)
{
  for (guint i = 0; i < s->mime->parts->len; i++) {
    const struct mime_part *part = mime_part(s->mime, i);
    if (part->number == 0)
      continue;
    struct rendered_part *row = g_new0(struct rendered_part, 1);
    row->number = part->number;
    row->type = g_strdup(part->media);
    row->name = mime_name(part);
    row->size = transfer_size(part->transfer, part->body, (size_t)(part->end - part->body));
    row->shown = s->shown[i];
    row->attachment = is_attachment(s, i);
    g_ptr_array_add(s->page.rendered->parts, row);
  }
}

static void
notice_structure(struct page *page, const struct mime *mime)
{
  struct { bool true_of_it; const char *sentence; } rows[] = {
      {mime->cut_parts, N_("The letter has more parts than are read; the rest is left out.")},
      {mime->cut_depth, N_("The letter's parts are nested too deep; the inner ones are not read.")},
      {mime->no_boundary, N_("The letter says that it has parts, but not where they begin; "
                             "it is shown as text.")},
      {mime->unclosed, N_("The end of the letter is missing: it may have been cut on its way.")},
      {mime->doubled, N_("A part of the letter names its type twice; the first is believed.")},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
    if (rows[i].true_of_it)
      page_notice(page, g_strdup(_(rows[i].sentence)));
}

static void
show_source(struct page *page, const char *bytes, size_t length)
{
  g_autoptr(GString) text = g_string_new(NULL);
  size_t taken = MIN(length, (size_t)LIMIT_TEXT);
  charset_append(text, NULL, bytes, taken);
  g_autofree char *clean = sanitize_text(text->str, (gssize)text->len);
  for (const char *at = clean; *at != '\0' && !page->full; ) {
    size_t line = strcspn(at, "\n");
    page_line(page, LINE_TEXT, 0, true, at, (gssize)line);
    at += line + (at[line] == '\n' ? 1 : 0);
  }
  if (taken < length)
    page_say_cut(page);
}

/* A letter larger than what is parsed whole is shown by its headers. */
static size_t
bounded_length(struct page *page, const char *bytes, size_t length)
{
  if (length <= LIMIT_MESSAGE)
    return length;
  g_autoptr(headers_t) headers = headers_parse(bytes, LIMIT_HEADER);
  page_notice(page, g_strdup(_("The letter is too large to be read whole; "
                               "save it to see what it holds.")));
  return headers_body(headers);
}

struct rendered *
render_message(const char *bytes, size_t length, const struct render_options *options)
{
  struct rendered *rendered = rendered_new();
  struct showing s = {0};
  page_init(&s.page, rendered);
  s.page.html = options->html;
  length = bounded_length(&s.page, bytes, length);
  g_autoptr(mime_t) mime = mime_parse(bytes, length);
  g_autofree bool *shown = g_new0(bool, mime->parts->len);
  g_autofree enum hidden *hidden = g_new0(enum hidden, mime->parts->len);
  s.mime = mime;
  s.shown = shown;
  s.hidden = hidden;
  fields_take(&s.page, mime_part(mime, 0)->headers);
  rendered->envelope = envelope_of(mime);
  rendered->protects = protects_headers(mime_part(mime, 0));
  notice_structure(&s.page, mime);
  if (options->raw)
    show_source(&s.page, bytes, length);
  else
    show(&s, 0);
  list_parts(&s);
  page_clear(&s.page);
  return rendered;
}

GBytes *
render_part(const char *bytes, size_t length, int number, bool as_text, char **name_out,
            char **type_out)
{
  g_autoptr(mime_t) mime = mime_parse(bytes, length);
  const struct mime_part *part = mime_numbered(mime, number);
  if (part == NULL)
    return NULL;
  bool whole;
  GBytes *decoded = mime_decode(part, SIZE_MAX, &whole);
  if (as_text && mime_is(part, "text/")) {
    gsize size;
    const char *data = g_bytes_get_data(decoded, &size);
    GString *text = g_string_sized_new(size + 1);
    g_autofree char *charset = params_text(part->type, "charset");
    charset_append(text, charset, size > 0 ? data : "", size);
    g_bytes_unref(decoded);
    decoded = g_string_free_to_bytes(text);
  }
  if (name_out != NULL)
    *name_out = mime_name(part);
  if (type_out != NULL)
    *type_out = g_strdup(part->media);
  return decoded;
}

#include "ui/reader/reader.h"

#include <string.h>

#include "base/i18n.h"
#include "base/text.h"
#include "ui/index/index.h"

#define WIDEST_TEXT 100
#define TAB_COLUMNS 8

/* ---- the letter ---- */

static struct row *
copy_row(const struct row *row)
{
  struct row *copy = g_memdup2(row, sizeof *row);
  copy->key = g_strdup(row->key);
  copy->folder = g_strdup(row->folder);
  copy->path = g_strdup(row->path);
  copy->from = g_strdup(row->from);
  copy->to = g_strdup(row->to);
  copy->subject = g_strdup(row->subject);
  copy->message_id = g_strdup(row->message_id);
  copy->tags = g_strdup(row->tags);
  return copy;
}

static void
forget_letter(struct reader_view *reader)
{
  if (reader->letter != NULL)
    letter_free(g_steal_pointer(&reader->letter));
  g_clear_pointer(&reader->laid, g_ptr_array_unref);
  g_clear_pointer(&reader->why, g_free);
  g_clear_pointer(&reader->fates, g_ptr_array_unref);
}

static void
mark_seen(struct reader_view *reader)
{
  const char *keys[] = {reader->row->key, NULL};
  if (reader->preview || reader->row->flags & ROW_SEEN)
    return;
  ui_await_plain(&reader->view, engine_flag(reader->view.ui->engine, keys, ROW_SEEN, 0), NULL);
  reader->row->flags |= ROW_SEEN;
}

static void
arrived(struct view *view, struct event *event, void *data)
{
  struct reader_view *reader = (struct reader_view *)view;
  forget_letter(reader);
  reader->asked = 0;
  if (event->error != NULL || event->letter == NULL) {
    reader->why = g_strdup(event->error != NULL ? event->error->message : "");
    return;
  }
  reader->letter = g_steal_pointer(&event->letter);
  mark_seen(reader);
  reader_ask_fates(reader);
}

void
reader_view_load(struct reader_view *reader)
{
  struct ui *ui = reader->view.ui;
  struct letter_ref ref = {.key = reader->row->key};
  ui_forget(ui, reader->asked);
  reader->asked = engine_letter(ui->engine, &ref, &reader->how);
  ui_await_quiet(ui, reader->asked, &reader->view, arrived, NULL, NULL);
}

void
reader_view_take_row(struct reader_view *reader, const struct row *row)
{
  struct row *old = reader->row;
  reader->row = copy_row(row);
  if (old != NULL)
    row_free(old);
  forget_letter(reader);
  reader->top = 0;
  reader->how = (struct render_options){0};
  /* A sealed letter may ask for a passphrase: not unless it is opened. */
  if (!reader->preview || !(row->marks & INDEX_SEALED))
    reader_view_load(reader);
}

void
reader_view_changed(struct view *view)
{
  struct reader_view *reader = (struct reader_view *)view;
  struct view *list = ui_find(view->ui, &index_class);
  const GPtrArray *rows = list != NULL ? ((struct index_view *)list)->rows : NULL;
  for (guint i = 0; rows != NULL && i < rows->len; i++) {
    const struct row *row = g_ptr_array_index(rows, i);
    if (strcmp(row->key, reader->row->key) != 0)
      continue;
    bool came = (reader->row->flags & ROW_WAITING) != 0 && (row->flags & ROW_WAITING) == 0;
    reader->row->flags = row->flags;
    if (came)
      reader_view_load(reader);
  }
}

const struct rendered_part *
reader_view_part(const struct reader_view *reader, int number)
{
  const GPtrArray *parts = reader->letter != NULL ? reader->letter->rendered->parts : NULL;
  for (guint i = 0; parts != NULL && i < parts->len; i++) {
    const struct rendered_part *part = g_ptr_array_index(parts, i);
    if (part->number == number)
      return part;
  }
  return NULL;
}

int
reader_view_only_part(const struct reader_view *reader)
{
  const GPtrArray *parts = reader->letter != NULL ? reader->letter->rendered->parts : NULL;
  int found = 0, n = 0;
  for (guint i = 0; parts != NULL && i < parts->len; i++) {
    const struct rendered_part *part = g_ptr_array_index(parts, i);
    if (!part->attachment)
      continue;
    found = part->number;
    n++;
  }
  return n == 1 ? found : 0;
}

/* ---- layout ---- */

static void
laid_free(struct laid_line *line)
{
  g_free(line->text);
  g_free(line);
}

static void
lay(GPtrArray *laid, unsigned style, int indent, char *text)
{
  struct laid_line *line = g_new0(struct laid_line, 1);
  *line = (struct laid_line){style, indent, text};
  g_ptr_array_add(laid, line);
}

static char *
without_tabs(const char *text)
{
  GString *out = g_string_new(NULL);
  int column = 0;
  for (const char *at = text; *at != '\0';) {
    size_t run = strcspn(at, "\t");
    g_string_append_len(out, at, (gssize)run);
    column += text_width(at, (gssize)run);
    at += run;
    if (*at == '\t') {
      int spaces = TAB_COLUMNS - column % TAB_COLUMNS;
      g_string_append_printf(out, "%*s", spaces, "");
      column += spaces;
      at++;
    }
  }
  return g_string_free(out, FALSE);
}

static void
lay_wrapped(GPtrArray *laid, unsigned style, int indent, const char *prefix, const char *text,
            int columns)
{
  int room = MAX(columns - text_width(prefix, -1), 8);
  g_autofree char *plain = without_tabs(text);
  g_auto(GStrv) lines = text_wrap(plain, room);
  for (size_t i = 0; lines[i] != NULL; i++)
    lay(laid, style, indent, g_strconcat(prefix, lines[i], NULL));
}

static bool
is_brief(const char *name)
{
  static const char *const names[] = {"From", "To", "Cc", "Bcc", "Date", "Subject", "Reply-To"};
  for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
    if (g_ascii_strcasecmp(names[i], name) == 0)
      return true;
  return false;
}

static void
lay_headers(const struct reader_view *reader, GPtrArray *laid, int columns)
{
  const GPtrArray *headers = reader->letter->rendered->headers;
  for (guint i = 0; i < headers->len; i++) {
    const struct rendered_header *header = g_ptr_array_index(headers, i);
    if (!reader->all_headers && !is_brief(header->name))
      continue;
    /* The verdict's own word is never the letter's. */
    const char *forged = g_ascii_strcasecmp(header->name, "Seal") == 0 ? "X-" : "";
    g_autofree char *line = g_strdup_printf("%s%s: %s", forged, header->name, header->value);
    g_auto(GStrv) lines = text_wrap(line, MAX(columns - 2, 8));
    for (size_t k = 0; lines[k] != NULL; k++)
      lay(laid, STYLE_LABEL, k == 0 ? 0 : 2, g_strdup(lines[k]));
  }
  lay(laid, STYLE_NORMAL, 0, g_strdup(""));
}

static unsigned
style_of(const struct rendered_line *line)
{
  static const unsigned quotes[] = {STYLE_QUOTE1, STYLE_QUOTE2, STYLE_QUOTE3};
  if (line->quote > 0)
    return quotes[(line->quote - 1) % 3];
  switch (line->kind) {
  case LINE_QUOTE: return STYLE_QUOTE1;
  case LINE_SIGNATURE: return STYLE_DIM;
  case LINE_HEADER: return STYLE_LABEL;
  case LINE_NOTICE: return STYLE_NOTICE;
  case LINE_RULE: return STYLE_DIM;
  case LINE_LINK: return STYLE_LINK;
  case LINE_TEXT: break;
  }
  return STYLE_NORMAL;
}

static void
lay_rule(GPtrArray *laid, int columns)
{
  GString *rule = g_string_new(NULL);
  for (int i = 0; i < columns; i++)
    g_string_append(rule, "─");
  lay(laid, STYLE_DIM, 0, g_string_free(rule, FALSE));
}

static void
lay_text(const struct reader_view *reader, GPtrArray *laid, int columns)
{
  const GPtrArray *lines = reader->letter->rendered->lines;
  for (guint i = 0; i < lines->len; i++) {
    const struct rendered_line *line = g_ptr_array_index(lines, i);
    if (line->kind == LINE_RULE && line->text[0] == '\0') {
      lay_rule(laid, columns);
      continue;
    }
    g_autoptr(GString) prefix = g_string_new(NULL);
    for (int depth = 0; depth < MIN(line->quote, 10); depth++)
      g_string_append_c(prefix, '>');
    if (prefix->len > 0)
      g_string_append_c(prefix, ' ');
    lay_wrapped(laid, style_of(line), 0, prefix->str, line->text, columns);
  }
}

static void
lay_parts(const struct reader_view *reader, GPtrArray *laid, int columns)
{
  const GPtrArray *parts = reader->letter->rendered->parts;
  bool first = true;
  for (guint i = 0; i < parts->len; i++) {
    const struct rendered_part *part = g_ptr_array_index(parts, i);
    if (!part->attachment)
      continue;
    if (first) {
      lay(laid, STYLE_NORMAL, 0, g_strdup(""));
      lay(laid, STYLE_LABEL, 0, g_strdup(_("Attachments (s saves them, o opens one):")));
    }
    first = false;
    g_autofree char *size = g_format_size(part->size);
    g_autofree char *line = g_strdup_printf("[%d] %s  %s, %s", part->number,
                                            part->name != NULL ? part->name : _("(no name)"),
                                            part->type, size);
    lay_wrapped(laid, STYLE_LINK, 2, "", line, columns - 2);
  }
}

static void
lay_notices(const struct reader_view *reader, GPtrArray *laid, int columns)
{
  const GPtrArray *notices = reader->letter->rendered->notices;
  for (guint i = 0; i < notices->len; i++)
    lay_wrapped(laid, STYLE_NOTICE, 0, "! ", g_ptr_array_index(notices, i), columns);
  if (notices->len > 0)
    lay(laid, STYLE_NORMAL, 0, g_strdup(""));
}

static void
lay_fate(const char *line, bool bad, void *data)
{
  struct reader_view *reader = data;
  lay_wrapped(reader->laid, bad ? STYLE_BAD : STYLE_DIM, 0, "→ ", line,
              CLAMP(reader->width - 2, 8, WIDEST_TEXT));
}

static void
lay_fates(struct reader_view *reader)
{
  reader_each_fate(reader, lay_fate, reader);
  if (reader->fates != NULL)
    lay(reader->laid, STYLE_NORMAL, 0, g_strdup(""));
}

void
reader_view_lay(struct reader_view *reader, int width)
{
  if (reader->letter == NULL || (reader->laid != NULL && reader->width == width))
    return;
  int columns = CLAMP(width - 2, 8, WIDEST_TEXT);
  g_clear_pointer(&reader->laid, g_ptr_array_unref);
  reader->laid = g_ptr_array_new_with_free_func((GDestroyNotify)laid_free);
  reader->width = width;
  if (!reader->how.raw)
    lay_headers(reader, reader->laid, columns);
  lay_fates(reader);
  lay_notices(reader, reader->laid, columns);
  lay_text(reader, reader->laid, columns);
  lay_parts(reader, reader->laid, columns);
}

void
reader_view_scroll(struct reader_view *reader, int by)
{
  int n = reader->laid != NULL ? (int)reader->laid->len : 0;
  reader->top = CLAMP(reader->top + by, 0, MAX(n - MAX(reader->height, 1), 0));
}

int
reader_view_find(const struct reader_view *reader, int from)
{
  for (int i = MAX(from, 0); reader->laid != NULL && i < (int)reader->laid->len; i++) {
    const struct laid_line *line = g_ptr_array_index(reader->laid, i);
    g_autofree char *folded = text_fold(line->text, -1);
    if (strstr(folded, reader->wanted) != NULL)
      return i;
  }
  return -1;
}

void
reader_view_close(struct view *view)
{
  struct reader_view *reader = (struct reader_view *)view;
  if (reader->asked != 0)
    engine_cancel(view->ui->engine, reader->asked);
  forget_letter(reader);
  row_free(reader->row);
  g_free(reader->wanted);
  g_free(reader);
}

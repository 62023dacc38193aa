#include "ui/reader/reader.h"

#include "base/clock.h"
#include "base/i18n.h"

static unsigned
style_of(enum seal seal)
{
  switch (seal) {
  case SEAL_POSTCARD: return STYLE_POSTCARD;
  case SEAL_SIGNED: return STYLE_SIGNED;
  case SEAL_SEALED: case SEAL_SEALED_SIGNED: return STYLE_SEALED;
  case SEAL_UNVERIFIED: case SEAL_SEALED_UNVERIFIED: return STYLE_NOTICE;
  case SEAL_BROKEN: break;
  }
  return STYLE_BROKEN;
}

/* Rows for why a seal is not what it should be. */
#define SEAL_ROWS 4

/* What no letter can draw: it lies outside of the letter's area.  The row behind it. */
static int
draw_seal(const struct reader_view *reader, const struct area *area)
{
  const struct verdict *verdict = reader->letter != NULL ? reader->letter->verdict : NULL;
  if (verdict == NULL) {
    area_fill(area, 0, STYLE_DIM, "");
    return 1;
  }
  g_autofree char *words = verdict_words(verdict);
  g_autoptr(GDateTime) known = verdict->known != 0 ? clock_local(verdict->known) : NULL;
  g_autofree char *since =
      known != NULL ? g_date_time_format(known, _(" (key known since %Y-%m-%d)")) : g_strdup("");
  g_autofree char *text = g_strdup_printf("Seal: %s%s", words, since);
  int rows = area_wrapped(area, 0, 1, SEAL_ROWS, style_of(verdict->seal), text);
  for (int row = 0; row < rows; row++)
    area_restyle(area, row, 0, 1, style_of(verdict->seal));
  return rows;
}

/* It is not here: what is known of it stands in the list. */
static void
draw_on_server(const struct reader_view *reader, const struct area *body)
{
  g_autofree char *size = g_format_size(reader->row->size);
  g_autofree char *fetches = g_strdup_printf(_("Enter in the list fetches its %s."), size);
  area_field(body, 0, 1, -1, STYLE_DIM, _("This letter lies on the server alone."));
  area_field(body, 1, 1, -1, STYLE_DIM, fetches);
}

static void
draw_waiting(const struct reader_view *reader, const struct area *body)
{
  if (reader->row->flags & ROW_WAITING)
    draw_on_server(reader, body);
  else if (reader->why != NULL)
    area_wrapped(body, 0, 1, body->rows, STYLE_BAD, reader->why);
  else if (reader->asked == 0)
    area_field(body, 0, 1, -1, STYLE_DIM, _("Sealed; Enter opens it."));
  else
    area_field(body, 0, 1, -1, STYLE_DIM, _("opening…"));
}

static void
draw_line(const struct reader_view *reader, const struct area *body, int row,
          const struct laid_line *line)
{
  const char *wanted = reader->wanted != NULL ? reader->wanted : "";
  area_matched_text(body, row, 1 + line->indent, line->style, line->text, wanted);
}

static void
draw(struct view *view, const struct area *area, bool focused)
{
  struct reader_view *reader = (struct reader_view *)view;
  struct area body = area_part(area, draw_seal(reader, area), 0, -1, -1);
  reader->height = body.rows;
  reader_view_lay(reader, body.columns);
  if (reader->letter == NULL) {
    draw_waiting(reader, &body);
    return;
  }
  reader_view_scroll(reader, 0);
  for (int row = 0; row < body.rows && reader->top + row < (int)reader->laid->len; row++)
    draw_line(reader, &body, row, g_ptr_array_index(reader->laid, reader->top + row));
}

static char *
heading(struct view *view)
{
  const struct reader_view *reader = (const struct reader_view *)view;
  const char *subject = reader->row->subject != NULL && *reader->row->subject != '\0'
                            ? reader->row->subject
                            : _("(no subject)");
  const char *mode = reader->how.raw ? _(" (source)") : reader->how.html ? _(" (HTML)") : "";
  int n = reader->laid != NULL ? (int)reader->laid->len : 0;
  if (n <= reader->height)
    return g_strdup_printf("%s: %s%s", reader->row->folder, subject, mode);
  return g_strdup_printf("%s: %s%s  %d%%", reader->row->folder, subject, mode,
                         MIN(reader->top + reader->height, n) * 100 / n);
}

static char **
letters(struct view *view)
{
  const struct reader_view *reader = (const struct reader_view *)view;
  char **keys = g_new0(char *, 2);
  keys[0] = g_strdup(reader->row->key);
  return keys;
}

static const struct row *
row_of(struct view *view)
{
  return ((struct reader_view *)view)->row;
}

/* On to the next letter of the list, or back to it. */
static void
dealt_with(struct view *view)
{
  struct view *list = ui_find(view->ui, &index_class);
  if (list != NULL && (index_view_step(list, 1) || index_view_step(list, -1)))
    reader_view_take_row((struct reader_view *)view, list->kind->row(list));
  else
    ui_close(view);
}

static const struct command_group *const groups[] = {&reader_group, &letter_group, &mail_group,
                                                     &any_group, NULL};

const struct view_class reader_class = {
    .name = "reader",
    .groups = groups,
    .draw = draw,
    .heading = heading,
    .changed = reader_view_changed,
    .free = reader_view_close,
    .letters = letters,
    .row = row_of,
    .dealt_with = dealt_with,
};

struct view *
reader_view_new(struct ui *ui, const struct row *row, bool preview)
{
  struct reader_view *reader = g_new0(struct reader_view, 1);
  reader->view = (struct view){&reader_class, ui};
  reader->preview = preview;
  reader_view_take_row(reader, row);
  return &reader->view;
}

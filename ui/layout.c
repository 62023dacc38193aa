/* Where the views lie on the screen. */
#include "ui/ui-private.h"

#include <string.h>

#include "base/i18n.h"
#include "base/text.h"

#define COLUMNS_FOR_FOLDERS 120
#define COLUMNS_FOR_MESSAGE 160
#define FOLDERS_COLUMNS 24
#define LEAST_ROWS 6
#define LEAST_COLUMNS 24

/* Views that share the screen when it is wide; the others take it whole. */
static bool
shares(const struct view *view)
{
  return view->kind == &index_class || view->kind == &reader_class ||
         view->kind == &folders_class;
}

static void
draw_view(struct ui *ui, struct view *view, struct area area)
{
  if (area.columns > 0 && area.rows > 0)
    view->kind->draw(view, &area, view == ui_view(ui));
}

static void
draw_rule(const struct area *body, int column)
{
  for (int row = 0; row < body->rows; row++)
    area_text(body, row, column, STYLE_DIM, "│");
}

/* The letter shown beside the index: the open one, else the preview. */
static struct view *
letter_beside(struct ui *ui)
{
  return ui_view(ui)->kind == &reader_class ? ui_view(ui) : ui->preview;
}

static void
draw_main(struct ui *ui, const struct area *area, bool with_message)
{
  struct view *top = ui_view(ui), *index = ui_find(ui, &index_class);
  if (!with_message || index == NULL) {
    draw_view(ui, top->kind == &folders_class && index != NULL ? index : top, *area);
    return;
  }
  int columns = area->columns * 45 / 100;
  draw_view(ui, index, area_part(area, 0, 0, -1, columns));
  draw_rule(area, columns);
  struct view *letter = letter_beside(ui);
  if (letter != NULL)
    draw_view(ui, letter, area_part(area, 0, columns + 1, -1, -1));
}

static void
draw_body(struct ui *ui, const struct area *body)
{
  struct view *top = ui_view(ui);
  if (body->columns < COLUMNS_FOR_FOLDERS || !shares(top)) {
    draw_view(ui, top, *body);
    return;
  }
  draw_view(ui, ui->folders, area_part(body, 0, 0, -1, FOLDERS_COLUMNS));
  draw_rule(body, FOLDERS_COLUMNS);
  struct area rest = area_part(body, 0, FOLDERS_COLUMNS + 1, -1, -1);
  draw_main(ui, &rest, body->columns >= COLUMNS_FOR_MESSAGE);
}

static void
draw_bar(struct ui *ui, const struct area *bar)
{
  struct view *top = ui_view(ui);
  g_autofree char *heading = top->kind->heading(top);
  area_fill(bar, 0, STYLE_BAR, "");
  int column = area_text(bar, 0, 0, STYLE_BAR, " postino │ ");
  g_autofree char *corner = top->kind->corner != NULL ? top->kind->corner(top) : NULL;
  int right = corner != NULL ? MIN(text_width(corner, -1) + 2, bar->columns - column - 1) : 0;
  area_field(bar, 0, column, bar->columns - column - 1 - right, STYLE_BAR, heading);
  if (corner != NULL)
    area_field(bar, 0, bar->columns - right + 1, right - 2, STYLE_BAR, corner);
}

static void
draw_last_line(struct ui *ui, const struct area *line)
{
  struct prompt *prompt = ui_asked(ui);
  if (prompt == NULL) {
    status_draw_hints(ui->keymap, ui_view(ui), line);
    return;
  }
  const char *hint = prompt->hint != NULL ? prompt->hint
                     : prompt->yes_no ? _("y yes, any other key no")
                     : prompt->complete != COMPLETE_NOTHING
                         ? _("Enter takes it, Tab completes, Esc cancels")
                         : _("Enter takes it, Esc cancels");
  area_field(line, 0, 0, -1, STYLE_DIM, hint);
}

static void
draw_pending(struct ui *ui, const struct area *line)
{
  if (ui->pending.n == 0)
    return;
  g_autofree char *word = key_format(&ui->pending);
  g_autofree char *text = g_strdup_printf("%s-", word);
  area_right(line, 0, STYLE_KEY, text);
}

void
ui_draw(struct ui *ui)
{
  struct canvas *canvas = term_canvas(ui->term);
  canvas_clear(canvas);
  struct area whole = area_whole(canvas);
  if (whole.rows < LEAST_ROWS || whole.columns < LEAST_COLUMNS) {
    area_text(&whole, 0, 0, STYLE_NORMAL, _("Too small."));
    term_show(ui->term);
    return;
  }
  struct area bar = area_part(&whole, 0, 0, 1, -1);
  int said = MIN(status_rows(ui->status, whole.columns), whole.rows / 3);
  int asked = ui_asked(ui) != NULL ? prompt_rows(ui_asked(ui), whole.columns) : 0;
  /* What was said stands above what is asked: it often says why. */
  int height = asked == 0 ? said : asked + (status_speaks(ui->status) ? said : 0);
  height = MIN(height, whole.rows / 2);
  struct area body = area_part(&whole, 1, 0, whole.rows - 2 - height, -1);
  struct area status = area_part(&whole, whole.rows - 1 - height, 0, MAX(height - asked, 1), -1);
  struct area last = area_part(&whole, whole.rows - 1, 0, 1, -1);
  draw_bar(ui, &bar);
  draw_body(ui, &body);
  status_draw(ui->status, &status);
  draw_last_line(ui, &last);
  draw_pending(ui, &last);
  if (ui_asked(ui) != NULL) {
    struct area asking = area_part(&whole, 0, 0, whole.rows - 1, -1);
    prompt_draw(ui_asked(ui), &asking);
  }
  term_show(ui->term);
}

void
ui_settle(struct ui *ui)
{
  struct view *top = ui_view(ui);
  if (term_canvas(ui->term)->columns < COLUMNS_FOR_MESSAGE || top->kind != &index_class)
    return;
  const struct row *row = top->kind->row(top);
  const struct row *shown = ui->preview != NULL ? ui->preview->kind->row(ui->preview) : NULL;
  if (row == NULL || (shown != NULL && strcmp(row->key, shown->key) == 0 &&
                      ((row->flags ^ shown->flags) & ROW_WAITING) == 0))
    return;
  struct view *old = ui->preview;
  ui->preview = reader_view_new(ui, row, true);
  if (old != NULL)
    ui_drop(old);
}

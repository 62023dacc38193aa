#include "ui/help/text.h"

#include "base/i18n.h"

static void
draw(struct view *view, const struct area *area, bool focused)
{
  struct text_view *text = (struct text_view *)view;
  text->height = area->rows;
  text_lay_out(text, MAX(area->columns - 2, 8));
  text_scroll(text, 0);
  for (int row = 0; row < area->rows && text->top + row < (int)text->rows->len; row++) {
    const struct text_row *shown = g_ptr_array_index(text->rows, text->top + row);
    struct area field =
        area_part(area, row, 1 + shown->indent, 1, area->columns - 2 - shown->indent);
    area_fill(&field, 0, shown->style, "");
    area_matched_text(&field, 0, 0, shown->style, shown->text,
                      text->wanted != NULL ? text->wanted : "");
  }
}

static char *
heading(struct view *view)
{
  const struct text_view *text = (const struct text_view *)view;
  int n = text->rows != NULL ? (int)text->rows->len : 0, seen = MIN(text->top + text->height, n);
  if (text->height == 0 || n <= text->height)
    return g_strdup(text->heading);
  return g_strdup_printf(_("%s  %d%%"), text->heading, seen * 100 / n);
}

static void
close_view(struct view *view)
{
  struct text_view *text = (struct text_view *)view;
  g_ptr_array_unref(text->lines);
  g_clear_pointer(&text->rows, g_ptr_array_unref);
  g_free(text->heading);
  g_free(text->wanted);
  g_free(text);
}

static const struct command_group *const groups[] = {&text_group, &any_group, NULL};

const struct view_class text_class = {
    .name = "text", .groups = groups, .draw = draw, .heading = heading, .free = close_view};

struct view *
text_view_new(struct ui *ui, const char *title, GPtrArray *lines)
{
  struct text_view *text = g_new0(struct text_view, 1);
  text->view = (struct view){&text_class, ui};
  text->heading = g_strdup(title);
  text->lines = lines;
  return &text->view;
}

#include "ui/help/text.h"

#include <string.h>

#include "base/i18n.h"
#include "base/text.h"

static void
draw(struct view *view, const struct area *area, bool focused)
{
  struct text_view *text = (struct text_view *)view;
  text->height = area->rows;
  text_scroll(text, 0);
  for (int row = 0; row < area->rows && text->top + row < (int)text->lines->len; row++) {
    const struct text_line *line = g_ptr_array_index(text->lines, text->top + row);
    unsigned style = line->style;
    g_autofree char *folded = text->wanted != NULL ? text_fold(line->text, -1) : NULL;
    if (folded != NULL && strstr(folded, text->wanted) != NULL)
      style = STYLE_MATCH;
    area_field(area, row, 1, area->columns - 2, style, line->text);
  }
}

static char *
heading(struct view *view)
{
  const struct text_view *text = (const struct text_view *)view;
  int n = (int)text->lines->len, seen = MIN(text->top + text->height, n);
  if (text->height == 0 || n <= text->height)
    return g_strdup(text->heading);
  return g_strdup_printf(_("%s  %d%%"), text->heading, seen * 100 / n);
}

static void
close_view(struct view *view)
{
  struct text_view *text = (struct text_view *)view;
  g_ptr_array_free(text->lines, TRUE);
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

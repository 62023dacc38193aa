#include "ui/folders/folders.h"

#include <string.h>

#include "base/i18n.h"
#include "base/text.h"

static bool
is_open(const struct folders_view *folders, const struct folder_row *row)
{
  struct view *index = ui_find(folders->view.ui, &index_class);
  const char *open = index != NULL ? index_view_folder(index) : NULL;
  return open != NULL && strcmp(open, row->name) == 0;
}

static void
draw_row(const struct folders_view *folders, const struct area *area, int line,
         const struct folder_row *row, bool cursor)
{
  g_autofree char *counts =
      row->unread > 0
          ? g_strdup_printf("%" G_GUINT64_FORMAT "/%" G_GUINT64_FORMAT, row->unread, row->total)
          : g_strdup_printf("%" G_GUINT64_FORMAT, row->total);
  unsigned style = row->unread > 0 ? STYLE_UNREAD : STYLE_NORMAL;
  int width = text_width(counts, -1);
  if (cursor)
    style |= STYLE_CURSOR;
  area_fill(area, line, style, "");
  if (is_open(folders, row))
    area_text(area, line, 0, style, "▸");
  area_field(area, line, 1, area->columns - width - 3, style, row->name);
  area_text(area, line, area->columns - width - 1, style, counts);
}

static void
draw(struct view *view, const struct area *area, bool focused)
{
  struct folders_view *folders = (struct folders_view *)view;
  list_show(&folders->list, area->rows);
  for (int line = 0; line < area->rows; line++) {
    int i = folders->list.top + line;
    const struct folder_row *row = folders_row(folders, i);
    if (row != NULL)
      draw_row(folders, area, line, row, focused && i == folders->list.cursor);
  }
  if (view->ui->folder_rows == NULL)
    area_field(area, 0, 1, -1, STYLE_DIM, _("reading…"));
}

static char *
heading(struct view *view)
{
  return g_strdup(_("Folders"));
}

static void
close_view(struct view *view)
{
  struct folders_view *folders = (struct folders_view *)view;
  g_free(folders->name);
  g_free(folders);
}

static const struct command_group *const groups[] = {&folders_group, &mail_group, &any_group,
                                                     NULL};

const struct view_class folders_class = {
    .name = "folders",
    .groups = groups,
    .draw = draw,
    .heading = heading,
    .changed = folders_changed,
    .free = close_view,
};

struct view *
folders_view_new(struct ui *ui)
{
  struct folders_view *folders = g_new0(struct folders_view, 1);
  folders->view = (struct view){&folders_class, ui};
  return &folders->view;
}

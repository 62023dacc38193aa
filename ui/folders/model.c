#include "ui/folders/folders.h"

#include <string.h>

const struct folder_row *
folders_row(const struct folders_view *folders, int i)
{
  const GPtrArray *rows = folders->view.ui->folder_rows;
  return rows != NULL && i >= 0 && i < (int)rows->len ? g_ptr_array_index(rows, i) : NULL;
}

static void
remember(struct folders_view *folders)
{
  const struct folder_row *row = folders_row(folders, folders->list.cursor);
  g_free(folders->name);
  folders->name = row != NULL ? g_strdup(row->name) : NULL;
}

void
folders_changed(struct view *view)
{
  struct folders_view *folders = (struct folders_view *)view;
  const GPtrArray *rows = view->ui->folder_rows;
  list_set(&folders->list, rows != NULL ? (int)rows->len : 0);
  for (int i = 0; folders->name != NULL && i < folders->list.n; i++) {
    const struct folder_row *row = folders_row(folders, i);
    if (row != NULL && strcmp(row->name, folders->name) == 0)
      folders->list.cursor = i;
  }
  remember(folders);
}

void
folders_move(struct folders_view *folders, int by)
{
  list_move(&folders->list, by);
  remember(folders);
}

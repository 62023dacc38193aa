/* The list of folders with their counts. */
#pragma once

#include "ui/list.h"
#include "ui/ui-private.h"

struct folders_view {
  struct view view;
  struct list list;
  char *name;               /* of the folder under the cursor */
};

/* The rows are the ui's snapshot; the cursor stays on its folder. */
void folders_changed(struct view *view);
const struct folder_row *folders_row(const struct folders_view *folders, int i);
void folders_move(struct folders_view *folders, int by);

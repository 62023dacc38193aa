/* Lines to be read: what the help, route and messages views are made of. */
#pragma once

#include "ui/ui-private.h"

struct text_view {
  struct view view;
  char *heading;
  GPtrArray *lines;         /* struct text_line */
  int top, height;
  char *wanted;             /* what was searched for, folded; NULL */
};

/* The first line from `from` on that holds `wanted` (folded); -1: none. */
int text_find(const GPtrArray *lines, const char *wanted, int from);
void text_scroll(struct text_view *text, int by);

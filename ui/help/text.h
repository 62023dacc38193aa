/* Lines to be read: what the help, route and messages views are made of. */
#pragma once

#include "ui/ui-private.h"

/* A row of the screen: a part of a line. */
struct text_row { unsigned style; int indent; char *text; guint line; };

struct text_view {
  struct view view;
  char *heading;
  GPtrArray *lines;         /* struct text_line */
  GPtrArray *rows;          /* struct text_row: the lines wrapped for `columns`; NULL: not yet */
  int columns;
  int top, height;          /* in rows */
  char *wanted;             /* what was searched for, folded; NULL */
  int found;                /* the line where it was found last */
};

/* Wraps the lines for so many columns; what was at the top stays there. */
void text_lay_out(struct text_view *text, int columns);
/* The first line from `from` on that holds `wanted` (folded); -1: none. */
int text_find(const GPtrArray *lines, const char *wanted, int from);
/* The line that the top row shows, and the other way round. */
int text_top_line(const struct text_view *text);
void text_go_to_line(struct text_view *text, int line);
void text_scroll(struct text_view *text, int by);

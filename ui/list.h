/* A cursor in a list of known length, and the part of it that is shown. */
#pragma once

struct list {
  int n, cursor, top;
  int height;               /* rows shown last; set by list_show() */
};

/* The list has `n` rows now. */
void list_set(struct list *list, int n);
void list_move(struct list *list, int by);
/* The screen has `height` rows: moves `top` so that the cursor is among them. */
void list_show(struct list *list, int height);
/* By how much a page moves: all but one row. */
int list_page(const struct list *list);

#include "ui/list.h"

#include <glib.h>

void
list_set(struct list *list, int n)
{
  list->n = n;
  list->cursor = CLAMP(list->cursor, 0, MAX(n - 1, 0));
  list->top = CLAMP(list->top, 0, MAX(n - 1, 0));
}

void
list_move(struct list *list, int by)
{
  list->cursor = CLAMP(list->cursor + by, 0, MAX(list->n - 1, 0));
}

void
list_show(struct list *list, int height)
{
  list->height = MAX(height, 1);
  if (list->cursor < list->top)
    list->top = list->cursor;
  if (list->cursor >= list->top + list->height)
    list->top = list->cursor - list->height + 1;
  list->top = CLAMP(list->top, 0, MAX(list->n - list->height, 0));
}

int
list_page(const struct list *list)
{
  return MAX(list->height - 1, 1);
}

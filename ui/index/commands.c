#include "ui/index/index.h"

#include <string.h>

#include "base/i18n.h"
#include "base/text.h"

static struct index_view *
of(struct view *view)
{
  return (struct index_view *)view;
}

static void
down(struct view *view, const char *const *args)
{
  index_view_move(of(view), 1);
}

static void
up(struct view *view, const char *const *args)
{
  index_view_move(of(view), -1);
}

static void
page_down(struct view *view, const char *const *args)
{
  index_view_move(of(view), list_page(&of(view)->list));
}

static void
page_up(struct view *view, const char *const *args)
{
  index_view_move(of(view), -list_page(&of(view)->list));
}

static void
first(struct view *view, const char *const *args)
{
  struct index_view *index = of(view);
  if (index->before != NULL)
    index_view_load(index, false);
  else
    index->list.cursor = 0;
}

static void
last(struct view *view, const char *const *args)
{
  struct index_view *index = of(view);
  if (!index->at_end)
    index_view_load(index, true);
  else
    index->list.cursor = MAX(index->list.n - 1, 0);
}

static void
open_letter(struct view *view, const char *const *args)
{
  const struct row *row = index_view_cursor(of(view));
  if (row != NULL)
    ui_open_letter(view->ui, row);
}

static void
threads(struct view *view, const char *const *args)
{
  struct index_view *index = of(view);
  index->order = index->order == ROWS_THREAD ? ROWS_NEWEST : ROWS_THREAD;
  index_view_load(index, false);
}

static void
sort(struct view *view, const char *const *args)
{
  static const char *const names[] = {"newest", "oldest", "from", "subject",
                                      "size",   "arrival", "thread", NULL};
  static const enum rows_order orders[] = {ROWS_NEWEST,  ROWS_OLDEST, ROWS_FROM,
                                           ROWS_SUBJECT, ROWS_SIZE,   ROWS_ARRIVAL,
                                           ROWS_THREAD};
  for (size_t i = 0; names[i] != NULL; i++)
    if (strcmp(names[i], args[0]) == 0) {
      of(view)->order = orders[i];
      index_view_load(of(view), false);
      return;
    }
  ui_complain(view->ui, _("There is no order '%s'; the orders are newest, oldest, from, subject, "
                          "size, arrival and thread."),
              args[0]);
}

static void
choose(struct view *view, const char *const *args)
{
  struct index_view *index = of(view);
  const struct row *row = index_view_cursor(index);
  if (row == NULL)
    return;
  if (!g_hash_table_remove(index->chosen, row->key))
    g_hash_table_add(index->chosen, g_strdup(row->key));
  index_view_move(index, 1);
}

static const struct command rows[] = {
    {.name = "down", .keys = "j Down", .help = N_("Go to the next letter"), .run = down},
    {.name = "up", .keys = "k Up", .help = N_("Go to the letter before"), .run = up},
    {.name = "page-down", .keys = "Space PageDown", .help = N_("Go a page down"),
     .run = page_down},
    {.name = "page-up", .keys = "- PageUp", .help = N_("Go a page up"), .run = page_up},
    {.name = "first", .keys = "Home <", .help = N_("Go to the first letter"), .run = first},
    {.name = "last", .keys = "End >", .help = N_("Go to the last letter"), .run = last},
    {.name = "open", .keys = "Enter l Right",
     .help = N_("Open the letter; a draft is taken up again"), .hint = N_("open"),
     .run = open_letter},
    {.name = "threads", .keys = "T", .help = N_("Show threads, or newest first"), .run = threads},
    {.name = "sort", .keys = "z", .args = "order", .ask = N_("Sort by:"),
     .complete = COMPLETE_ORDER, 
     .help = N_("Sort by newest, oldest, from, subject, size, arrival, thread"),
     .run = sort},
    {.name = "choose", .keys = "x", .help = N_("Choose the letter for the next command, or not"),
     .run = choose},
    {.name = "fold", .keys = "v", .help = N_("Show only the first letter of the thread, or all"),
     .run = index_fold},
    {.name = "fold-all", .keys = "V", .help = N_("Show only the first letter of every thread, or all"),
     .run = index_fold_all},
    {.name = "join", .keys = "&",
     .help = N_("Join the chosen letters to the thread, as answers to this one"),
     .run = index_join},
    {.name = "break", .keys = "#", .help = N_("Break the letter and its answers off their thread"),
     .run = index_break},
};

const struct command_group index_group = {"index", N_("The list of letters"), rows,
                                          G_N_ELEMENTS(rows)};

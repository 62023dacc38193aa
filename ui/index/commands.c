#include "ui/index/index.h"

#include <string.h>

#include "base/i18n.h"
#include "base/text.h"

const char *const index_order_names[] = {"newest",  "oldest", "arrival", "from",
                                         "subject", "size",   "thread",  NULL};

const char *
index_order_help(enum rows_order order)
{
  static const char *const help[] = {
      [ROWS_NEWEST] = N_("newest first"),
      [ROWS_OLDEST] = N_("oldest first"),
      [ROWS_ARRIVAL] = N_("by arrival"),
      [ROWS_FROM] = N_("by sender"),
      [ROWS_SUBJECT] = N_("by subject"),
      [ROWS_SIZE] = N_("by size"),
      [ROWS_THREAD] = N_("by threads"),
  };
  return _(help[order]);
}

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

/* What is typed next is typed for the rows that come. */
static void
load(struct index_view *index, bool from_end)
{
  index_view_load(index, from_end);
  ui_hold(index->view.ui, index->asked);
}

static void
first(struct view *view, const char *const *args)
{
  struct index_view *index = of(view);
  if (index->before != NULL)
    load(index, false);
  else
    index->list.cursor = 0;
}

static void
last(struct view *view, const char *const *args)
{
  struct index_view *index = of(view);
  if (!index->at_end)
    load(index, true);
  else
    index->list.cursor = MAX(index->list.n - 1, 0);
}

/* ---- going to a place ---- */

static void
go_there(struct view *view, struct event *event, void *data)
{
  if (event->error != NULL || event->rows == NULL)
    return;
  if (event->rows->len > 0)
    index_view_go_to(of(view), g_ptr_array_steal_index(event->rows, 0));
  else
    last(view, NULL);
}

/* "500": the letter of that number; "50%": the one in the middle. */
static void
jump_to(struct ui *ui, struct view *view, const char *text, void *data)
{
  struct index_view *index = of(view);
  guint64 total = index_view_total(index), n;
  char *end;
  if (text == NULL || *text == '\0')
    return;
  n = g_ascii_strtoull(text, &end, 10);
  bool part = *end == '%' && n <= 100;
  if (!g_ascii_isdigit(*text) || end[part] != '\0') {
    ui_complain(ui, _("'%s' is no place in the list; write a number or a part: 500, 50%%."), text);
    return;
  }
  n = part ? (guint64)((double)(total > 0 ? total - 1 : 0) * (double)n / 100) : n > 0 ? n - 1 : 0;
  struct rows_query query = index_view_query(index);
  request_id request = engine_row_at(ui->engine, &query, n, total);
  ui_await(ui, request, view, go_there, NULL, NULL);
  ui_hold(ui, request);
}

/* A digit that was typed for it begins the number. */
static void
jump(struct view *view, const char *const *args)
{
  struct ui *ui = view->ui;
  if (args[0] != NULL) {
    jump_to(ui, view, args[0], NULL);
    return;
  }
  char digit[] = {'0' <= ui->key && ui->key <= '9' ? (char)ui->key : '\0', '\0'};
  struct prompt_options options = {.label = _("Go to letter (500, 50%):"), .text = digit};
  ui_prompt(ui, view, &options, jump_to, NULL, NULL);
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
  load(index, false);
}

static void
sort(struct view *view, const char *const *args)
{
  for (guint i = 0; index_order_names[i] != NULL; i++)
    if (strcmp(index_order_names[i], args[0]) == 0) {
      of(view)->order = (enum rows_order)i;
      load(of(view), false);
      return;
    }
  g_autofree char *all = g_strjoinv(", ", (char **)index_order_names);
  ui_complain(view->ui, _("There is no order '%s'; the orders are %s."), args[0], all);
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
    {.name = "jump", .keys = "% 1 2 3 4 5 6 7 8 9", .args = "[place]",
     .help = N_("Go to a number or part: 500, 50%"), .run = jump},
    {.name = "open", .keys = "Enter l Right",
     .help = N_("Open the letter; a draft is taken up again"), .hint = N_("open"),
     .run = open_letter},
    {.name = "threads", .keys = "T", .help = N_("Show threads, or newest first"), .run = threads},
    {.name = "sort", .keys = "z", .args = "order", .ask = N_("Sort by:"),
     .complete = COMPLETE_ORDER, .live = true,
     .help = N_("Sort by newest, oldest, arrival, from, subject, size, thread"),
     .run = sort},
    {.name = "choose", .keys = "x", .help = N_("Choose the letter for the next command, or not"),
     .run = choose},
    {.name = "choose-all", .keys = "X", .help = N_("Choose all letters of the list, or none"),
     .run = index_choose_all},
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

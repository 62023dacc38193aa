#include "ui/folders/folders.h"

#include "base/i18n.h"

static struct folders_view *
of(struct view *view)
{
  return (struct folders_view *)view;
}

static void
down(struct view *view, const char *const *args)
{
  folders_move(of(view), 1);
}

static void
up(struct view *view, const char *const *args)
{
  folders_move(of(view), -1);
}

static void
page_down(struct view *view, const char *const *args)
{
  folders_move(of(view), list_page(&of(view)->list));
}

static void
page_up(struct view *view, const char *const *args)
{
  folders_move(of(view), -list_page(&of(view)->list));
}

static void
first(struct view *view, const char *const *args)
{
  folders_move(of(view), -of(view)->list.n);
}

static void
last(struct view *view, const char *const *args)
{
  folders_move(of(view), of(view)->list.n);
}

static void
open_folder(struct view *view, const char *const *args)
{
  const struct folder_row *row = folders_row(of(view), of(view)->list.cursor);
  if (row == NULL)
    return;
  g_autofree char *name = g_strdup(row->name);
  const char *argument[] = {name, NULL};
  command_run(view, command_find(view->kind->groups, "go"), argument);
}

static const struct command rows[] = {
    {.name = "down", .keys = "j Down", .help = N_("Go to the next folder"), .run = down},
    {.name = "up", .keys = "k Up", .help = N_("Go to the folder before"), .run = up},
    {.name = "page-down", .keys = "Space PageDown", .help = N_("Go a page down"),
     .run = page_down},
    {.name = "page-up", .keys = "- PageUp", .help = N_("Go a page up"), .run = page_up},
    {.name = "first", .keys = "Home <", .help = N_("Go to the first folder"), .run = first},
    {.name = "last", .keys = "End >", .help = N_("Go to the last folder"), .run = last},
    {.name = "open", .keys = "Enter l Right", .help = N_("Open the folder"), .hint = N_("open"),
     .run = open_folder},
};

const struct command_group folders_group = {"folders", N_("The list of folders"), rows,
                                            G_N_ELEMENTS(rows)};

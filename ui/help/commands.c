#include "ui/help/text.h"

#include "base/i18n.h"
#include "base/text.h"

static struct text_view *
of(struct view *view)
{
  return (struct text_view *)view;
}

static void
down(struct view *view, const char *const *args)
{
  text_scroll(of(view), 1);
}

static void
up(struct view *view, const char *const *args)
{
  text_scroll(of(view), -1);
}

static void
page_down(struct view *view, const char *const *args)
{
  text_scroll(of(view), MAX(of(view)->height - 1, 1));
}

static void
page_up(struct view *view, const char *const *args)
{
  text_scroll(of(view), -MAX(of(view)->height - 1, 1));
}

static void
first(struct view *view, const char *const *args)
{
  text_scroll(of(view), -of(view)->top);
}

static void
last(struct view *view, const char *const *args)
{
  text_scroll(of(view), G_MAXINT / 2);
}

static void
go_to_match(struct text_view *text, int from)
{
  int found = text_find(text->lines, text->wanted, from);
  if (found < 0 && from > 0) {
    found = text_find(text->lines, text->wanted, 0);
    if (found >= 0)
      ui_say(text->view.ui, _("Searched on from the beginning."));
  }
  if (found < 0)
    ui_say(text->view.ui, _("Not found here."));
  else
    text_go_to_line(text, text->found = found);
}

static void
find(struct view *view, const char *const *args)
{
  struct text_view *text = of(view);
  g_free(text->wanted);
  text->wanted = text_fold(args[0], -1);
  go_to_match(text, text_top_line(text));
}

static void
find_next(struct view *view, const char *const *args)
{
  if (of(view)->wanted != NULL)
    go_to_match(of(view), of(view)->found + 1);
}

static const struct command rows[] = {
    {.name = "down", .keys = "j Down Enter", .help = N_("Scroll down by a line"), .run = down},
    {.name = "up", .keys = "k Up", .help = N_("Scroll up by a line"), .run = up},
    {.name = "page-down", .keys = "Space PageDown", .help = N_("Scroll down by a page"),
     .hint = N_("page"), .run = page_down},
    {.name = "page-up", .keys = "- PageUp", .help = N_("Scroll up by a page"), .run = page_up},
    {.name = "first", .keys = "Home <", .help = N_("Go to the beginning"), .run = first},
    {.name = "last", .keys = "End >", .help = N_("Go to the end"), .run = last},
    {.name = "find", .keys = "/", .args = "text", .ask = N_("Find:"),
     .help = N_("Find text here"), .hint = N_("find"), .run = find},
    {.name = "find-next", .keys = "n", .help = N_("Find it once more"), .run = find_next},
};

const struct command_group text_group = {"text", N_("Reading a text"), rows, G_N_ELEMENTS(rows)};

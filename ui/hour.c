/* When a letter leaves, as a person reads and writes it. */
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/i18n.h"
#include "base/text.h"
#include "base/when.h"
#include "ui/ui-private.h"

#define DAY (24 * 60 * 60)

char *
hour_words(int64_t at)
{
  if (at == LEDGER_NEVER)
    return g_strdup(_("when you tell it to"));
  g_autoptr(GDateTime) then = clock_local(at);
  bool near = llabs((long long)at - time(NULL)) < DAY / 2;
  return then != NULL ? g_date_time_format(then, near ? "%H:%M" : "%a %e %b %H:%M") : g_strdup("");
}

bool
hour_read(const char *text, int64_t *at_out, GError **error)
{
  g_autofree char *clean = g_strstrip(g_strdup(text));
  bool at_once = *clean == '\0' || text_ascii_equal(clean, "now");
  if (at_once)
    *at_out = 0;
  else if (text_ascii_equal(clean, "hold"))
    *at_out = LEDGER_NEVER;
  else
    return when_parse(clean, time(NULL), at_out, error);
  return true;
}

void
hour_ask(struct view *view, ui_answer answer, void *data, GDestroyNotify destroy)
{
  struct prompt_options options = {
      .label = _("Leaves at (now: at once):"),
      .hint = _("18:30, tomorrow 8:00, friday, 2026-12-24 9:00, +2h, now, or hold"),
  };
  ui_prompt(view->ui, view, &options, answer, data, destroy);
}

#include "ui/fate.h"

#include "base/i18n.h"

static const char *
fate_words(enum recipient_state state)
{
  static const char *const words[] = {
      [RECIPIENT_WAITING] = N_("waits"),
      [RECIPIENT_ACCEPTED] = N_("taken by the server"),
      [RECIPIENT_RETRY] = N_("is tried again"),
      [RECIPIENT_REFUSED] = N_("refused"),
      [RECIPIENT_UNSURE] = N_("may have been sent"),
      [RECIPIENT_DELIVERED] = N_("delivered"),
      [RECIPIENT_BOUNCED] = N_("came back"),
  };
  return _(words[state]);
}

char *
fate_line(const struct ledger_recipient *one, bool *bad_out)
{
  *bad_out = one->state == RECIPIENT_REFUSED || one->state == RECIPIENT_BOUNCED ||
             one->state == RECIPIENT_UNSURE;
  const char *words = fate_words(one->state);
  return one->reason != NULL && *one->reason != '\0'
             ? g_strdup_printf("%s: %s (%s)", one->spec, words, one->reason)
             : g_strdup_printf("%s: %s", one->spec, words);
}

/* The states of a letter: their words, and what its recipients make of it. */
#include "base/error.h"
#include "base/i18n.h"
#include "base/sanitize.h"
#include "submit/outbox.h"

/* Recipients that a letter's sentence names. */
#define NAMED 3
/* RFC 5321, 4.5.4.1: a letter is given up after four or five days.  A machine that
 * slept for a week has not tried: so many tries belong to it. */
#define TRYING_SECONDS (5 * 24 * 60 * 60)
#define TRIES_LEAST 12

const char *
letter_state_word(enum letter_state state)
{
  static const char *const words[] = {
      [LETTER_HELD] = "held",       [LETTER_QUEUED] = "queued",   [LETTER_SENDING] = "sending",
      [LETTER_BODY] = "sending",    [LETTER_BLOCKED] = "blocked", [LETTER_UNSURE] = "unsure",
      [LETTER_ACCEPTED] = "sent",   [LETTER_DONE] = "sent",       [LETTER_CANCELLED] = "cancelled",
  };
  return (size_t)state < G_N_ELEMENTS(words) ? words[state] : "unknown";
}

const char *
recipient_state_word(enum recipient_state state)
{
  static const char *const words[] = {
      [RECIPIENT_WAITING] = "waiting",     [RECIPIENT_ACCEPTED] = "accepted",
      [RECIPIENT_RETRY] = "later",         [RECIPIENT_REFUSED] = "refused",
      [RECIPIENT_UNSURE] = "unsure",       [RECIPIENT_DELIVERED] = "delivered",
      [RECIPIENT_BOUNCED] = "bounced",
  };
  return (size_t)state < G_N_ELEMENTS(words) ? words[state] : "unknown";
}

/* ---- what recipients make of a letter ---- */

static guint
count_state(const struct ledger_letter *letter, enum recipient_state state)
{
  guint count = 0;
  for (guint i = 0; i < letter->recipients->len; i++)
    count += outbox_recipient(letter, i)->state == state;
  return count;
}

enum letter_state
outbox_classify(const struct ledger_letter *letter)
{
  if (count_state(letter, RECIPIENT_UNSURE) > 0)
    return LETTER_UNSURE;
  if (count_state(letter, RECIPIENT_WAITING) + count_state(letter, RECIPIENT_RETRY) > 0)
    return LETTER_QUEUED;
  return count_state(letter, RECIPIENT_REFUSED) > 0 ? LETTER_BLOCKED : LETTER_ACCEPTED;
}

static char *
recipient_sentence(const struct ledger_recipient *recipient)
{
  const char *why = recipient->reason != NULL ? recipient->reason : _("no reason was given");
  switch (recipient->state) {
  case RECIPIENT_REFUSED:
    return g_strdup_printf(_("%s was refused: %s"), recipient->spec, why);
  case RECIPIENT_RETRY:
    return g_strdup_printf(_("%s is to be tried later: %s"), recipient->spec, why);
  case RECIPIENT_UNSURE:
    return g_strdup_printf(_("%s: %s"), recipient->spec, why);
  default:
    return NULL;
  }
}

char *
outbox_reason(const struct ledger_letter *letter)
{
  g_autoptr(GString) all = g_string_new(NULL);
  guint named = 0, more = 0;
  for (guint i = 0; i < letter->recipients->len; i++) {
    g_autofree char *sentence = recipient_sentence(outbox_recipient(letter, i));
    if (sentence == NULL)
      continue;
    if (named == NAMED) {
      more++;
      continue;
    }
    g_string_append_printf(all, "%s%s", named++ > 0 ? "; " : "", sentence);
  }
  if (more > 0)
    g_string_append_printf(all, ngettext("; and %u more", "; and %u more", more), more);
  return named > 0 ? sanitize_line(all->str, (gssize)all->len) : NULL;
}

int64_t
outbox_pause(guint attempts, int64_t now)
{
  static const int minutes[] = {1, 5, 15, 60, 120, 240};
  guint step = attempts > 0 ? attempts - 1 : 0;
  return now + 60 * minutes[MIN(step, G_N_ELEMENTS(minutes) - 1)];
}

bool
outbox_is_hopeless(const struct ledger_letter *letter, int64_t now)
{
  return letter->attempts >= TRIES_LEAST &&
         now - MAX(letter->created, letter->not_before) >= TRYING_SECONDS;
}

/* ---- after a try ---- */

/* Which failures of a connection another try may mend. */
bool
outbox_is_for_later(const GError *why)
{
  return error_is(why, POSTINO_ERROR_RETRY) || error_is(why, POSTINO_ERROR_HOST) ||
         error_is(why, POSTINO_ERROR_CANCELLED) || error_is(why, POSTINO_ERROR_LOCAL);
}

/* The next try after a growing pause, or none any more.  The user stopped it: it
 * waits for the next flush, not for a pause. */
void
outbox_wait(struct ledger_letter *letter, const GError *why)
{
  int64_t now = outbox_now();
  letter->next_try = 0;
  if (letter->state != LETTER_QUEUED || error_is(why, POSTINO_ERROR_CANCELLED))
    return;
  if (!outbox_is_hopeless(letter, now)) {
    letter->next_try = outbox_pause(letter->attempts, now);
    return;
  }
  g_autofree char *last = letter->reason;
  letter->state = LETTER_BLOCKED;
  letter->reason = g_strdup_printf(_("tried for days, given up: %s"),
                                   last != NULL ? last : _("no reason was given"));
}

/* What the recipients' fates, or the line's failure, make of the letter. */
void
outbox_judge(struct ledger_letter *letter, const GError *why)
{
  g_autofree char *remark = g_steal_pointer(&letter->reason);
  letter->state = outbox_classify(letter);
  letter->reason = remark != NULL ? g_steal_pointer(&remark) : outbox_reason(letter);
  if (letter->state == LETTER_QUEUED && why != NULL && !outbox_is_for_later(why))
    letter->state = LETTER_BLOCKED;
  if (letter->reason == NULL && why != NULL && letter->state != LETTER_ACCEPTED)
    letter->reason = g_strdup(why->message);
  outbox_wait(letter, why);
}

/* A letter that reached some of its recipients, taken up again: for the others. */
#include "base/i18n.h"
#include "engine/out.h"

static bool
is_reached(const struct ledger_recipient *recipient)
{
  return recipient->state == RECIPIENT_ACCEPTED || recipient->state == RECIPIENT_DELIVERED;
}

static const struct ledger_recipient *
find_recipient(const struct ledger_letter *letter, const char *spec)
{
  for (guint i = 0; i < letter->recipients->len; i++) {
    const struct ledger_recipient *recipient = letter->recipients->pdata[i];
    if (address_same(recipient->spec, spec))
      return recipient;
  }
  return NULL;
}

static bool
has_spec(const GPtrArray *addresses, const char *spec)
{
  for (guint i = 0; i < addresses->len; i++)
    if (address_same(((const struct address *)addresses->pdata[i])->spec, spec))
      return true;
  return false;
}

static guint
count_reached(const struct ledger_letter *letter)
{
  guint count = 0;
  for (guint i = 0; i < letter->recipients->len; i++)
    count += is_reached(letter->recipients->pdata[i]);
  return count;
}

/* They stay in the draft: its writer alone can know. */
static void
tell_unsure(struct work *work, const struct ledger_letter *letter)
{
  for (guint i = 0; i < letter->recipients->len; i++) {
    const struct ledger_recipient *recipient = letter->recipients->pdata[i];
    if (recipient->state != RECIPIENT_UNSURE)
      continue;
    g_autofree char *text = g_strdup_printf(
        _("%s may have the letter already: take the address out unless it is to go twice."),
        recipient->spec);
    work_notice(work, true, text);
    return;
  }
}

static void
drop_reached(GPtrArray *addresses, const struct ledger_letter *letter)
{
  for (guint i = addresses->len; i-- > 0;) {
    const struct address *address = addresses->pdata[i];
    const struct ledger_recipient *recipient = find_recipient(letter, address->spec);
    if (recipient != NULL && is_reached(recipient))
      g_ptr_array_remove_index(addresses, i);
  }
}

/* Who stood in the envelope alone is hidden still. */
static void
add_hidden(struct draft *draft, const struct ledger_letter *letter)
{
  for (guint i = 0; i < letter->recipients->len; i++) {
    const struct ledger_recipient *recipient = letter->recipients->pdata[i];
    if (!is_reached(recipient) && !has_spec(draft->to, recipient->spec) &&
        !has_spec(draft->cc, recipient->spec) && !has_spec(draft->bcc, recipient->spec))
      g_ptr_array_add(draft->bcc, address_new(NULL, recipient->spec));
  }
}

void
address_to_the_rest(struct work *work, struct draft *draft)
{
  g_autoptr(ledger_letter_t) letter =
      draft->message_id != NULL ? ledger_by_message_id(work->engine->store, draft->message_id)
                                : NULL;
  guint reached = letter != NULL ? count_reached(letter) : 0;
  if (letter != NULL)
    tell_unsure(work, letter);
  if (reached == 0)
    return;
  /* Those who have it know it by that name. */
  g_clear_pointer(&draft->message_id, g_free);
  if (reached == letter->recipients->len)
    return;
  drop_reached(draft->to, letter);
  drop_reached(draft->cc, letter);
  drop_reached(draft->bcc, letter);
  add_hidden(draft, letter);
  g_autofree char *text = g_strdup_printf(
      ngettext("%u recipient has the letter and is left out.",
               "%u recipients have the letter and are left out.", reached),
      reached);
  work_notice(work, false, text);
}

/* The letters that lie in the outbox: what a crash left of them, and the user's word. */
#include "submit/outbox.h"

#include <string.h>

#include "base/error.h"
#include "base/i18n.h"
#include "base/sanitize.h"

static void
set_reason(struct ledger_letter *letter, char *reason)
{
  g_free(letter->reason);
  letter->reason = reason;
}

char *
outbox_lock_name(const char *account)
{
  /* An account's title may hold what no file name can. */
  g_autofree char *name = sanitize_filename(account, "account");
  if (g_str_equal(name, account))
    return g_strconcat("outbox-", account, NULL);
  g_autofree char *digest = g_compute_checksum_for_string(G_CHECKSUM_SHA256, account, -1);
  return g_strdup_printf("outbox-%.16s", digest);
}

/* ---- what a crash left ---- */

/* Recipients that were beyond the last byte stand as unsure since before it. */
static bool
recover_body(struct store *store, struct ledger_letter *letter, GError **error)
{
  letter->state = LETTER_UNSURE;
  set_reason(letter, g_strdup(_("postino was stopped between the last byte of the letter and the "
                                "server's answer; it may have been sent")));
  for (guint i = 0; i < letter->recipients->len; i++) {
    struct ledger_recipient *recipient = outbox_recipient(letter, i);
    if (recipient->state == RECIPIENT_UNSURE && recipient->reason == NULL)
      recipient->reason = g_strdup(letter->reason);
  }
  return ledger_update(store, letter, STATE_BIT(LETTER_BODY), error);
}

bool
outbox_file(struct store *store, struct ledger_letter *letter)
{
  g_autoptr(GError) later = NULL;
  (void)!ledger_file_sent(store, letter, &later);
  return true;
}

static bool
recover_letter(struct store *store, struct ledger_letter *letter, GError **error)
{
  switch (letter->state) {
  case LETTER_SENDING:
    letter->state = LETTER_QUEUED;
    letter->next_try = 0;
    return ledger_update(store, letter, STATE_BIT(LETTER_SENDING), error);
  case LETTER_BODY:
    return recover_body(store, letter, error);
  case LETTER_ACCEPTED:
    return outbox_file(store, letter);
  default:
    return true;
  }
}

bool
outbox_recover(struct store *store, const char *account, GError **error)
{
  g_autoptr(GPtrArray) letters = ledger_open(store, error);
  if (letters == NULL)
    return false;
  for (guint i = 0; i < letters->len; i++) {
    struct ledger_letter *letter = g_ptr_array_index(letters, i);
    g_autoptr(GError) why = NULL;
    if (!g_str_equal(letter->account, account) || recover_letter(store, letter, &why) ||
        error_is(why, POSTINO_ERROR_NOTFOUND))
      continue;
    g_propagate_error(error, g_steal_pointer(&why));
    return false;
  }
  return true;
}

struct ledger_letter *
outbox_get_settled(struct store *store, const char *id, GError **error)
{
  g_autoptr(ledger_letter_t) letter = ledger_get(store, id, error);
  if (letter == NULL)
    return NULL;
  if (letter->state != LETTER_SENDING && letter->state != LETTER_BODY &&
      letter->state != LETTER_ACCEPTED)
    return g_steal_pointer(&letter);
  g_autofree char *name = outbox_lock_name(letter->account);
  g_autoptr(store_lock_t) lock = store_lock(store, name, 0, NULL, NULL);
  if (lock == NULL)
    return g_steal_pointer(&letter);
  if (!outbox_recover(store, letter->account, error))
    return NULL;
  return ledger_get(store, id, error);
}

/* ---- the user's word ---- */

static bool
too_late(const struct ledger_letter *letter, GError **error)
{
  switch (letter->state) {
  case LETTER_ACCEPTED:
  case LETTER_DONE:
    return error_set(error, POSTINO_ERROR_REFUSED, _("letter %s was sent already"), letter->id);
  case LETTER_CANCELLED:
    return error_set(error, POSTINO_ERROR_REFUSED, _("letter %s was cancelled already"),
                     letter->id);
  default:
    return error_set(error, POSTINO_ERROR_REFUSED,
                     _("letter %s is being sent at this moment; see \"postino queue\" for how it "
                       "ends"),
                     letter->id);
  }
}

#define AT_REST                                                                             \
  (STATE_BIT(LETTER_HELD) | STATE_BIT(LETTER_QUEUED) | STATE_BIT(LETTER_BLOCKED) |          \
   STATE_BIT(LETTER_UNSURE))

static bool
move_to(struct store *store, struct ledger_letter *letter, enum letter_state state, GError **error)
{
  unsigned from = STATE_BIT(letter->state);
  if ((from & AT_REST) == 0)
    return too_late(letter, error);
  letter->state = state;
  g_autoptr(GError) why = NULL;
  if (ledger_update(store, letter, from, &why))
    return true;
  if (!error_is(why, POSTINO_ERROR_NOTFOUND)) {
    g_propagate_error(error, g_steal_pointer(&why));
    return false;
  }
  letter->state = LETTER_SENDING;
  return too_late(letter, error);
}

bool
outbox_cancel(struct store *store, const char *id, const char *folder, GError **error)
{
  g_autoptr(ledger_letter_t) letter = outbox_get_settled(store, id, error);
  return letter != NULL && move_to(store, letter, LETTER_CANCELLED, error) &&
         ledger_discard(store, letter, folder, error);
}

bool
outbox_retry(struct store *store, const char *id, GError **error)
{
  g_autoptr(ledger_letter_t) letter = outbox_get_settled(store, id, error);
  if (letter == NULL)
    return false;
  for (guint i = 0; i < letter->recipients->len; i++) {
    struct ledger_recipient *recipient = outbox_recipient(letter, i);
    if (recipient->state == RECIPIENT_ACCEPTED || recipient->state == RECIPIENT_DELIVERED ||
        recipient->state == RECIPIENT_BOUNCED)
      continue;
    recipient->state = RECIPIENT_WAITING;
    g_clear_pointer(&recipient->reason, g_free);
    g_clear_pointer(&recipient->status, g_free);
  }
  set_reason(letter, NULL);
  letter->next_try = 0;
  /* From now on it is tried as a new one is. */
  letter->attempts = 0;
  letter->not_before = outbox_now();
  return move_to(store, letter, LETTER_QUEUED, error);
}

bool
outbox_hold(struct store *store, const char *id, int64_t not_before, GError **error)
{
  g_autoptr(ledger_letter_t) letter = outbox_get_settled(store, id, error);
  if (letter == NULL)
    return false;
  if (letter->state == LETTER_UNSURE)
    return error_set(error, POSTINO_ERROR_REFUSED,
                     _("letter %s may have been sent; try it again or take it back"), id);
  letter->next_try = 0;
  letter->not_before = not_before;
  return move_to(store, letter, LETTER_HELD, error);
}

int64_t
outbox_next(struct store *store, const char *account)
{
  g_autoptr(GPtrArray) letters = ledger_open(store, NULL);
  int64_t next = 0;
  for (guint i = 0; letters != NULL && i < letters->len; i++) {
    const struct ledger_letter *letter = g_ptr_array_index(letters, i);
    if (account != NULL && !g_str_equal(letter->account, account))
      continue;
    if (letter->state != LETTER_HELD && letter->state != LETTER_QUEUED)
      continue;
    bool early = letter->state == LETTER_HELD && letter->next_try > 0;
    int64_t due = MAX(early ? MIN(letter->not_before, letter->next_try)
                            : MAX(letter->not_before, letter->next_try),
                      1);
    if (due == LEDGER_NEVER)
      continue;
    next = next == 0 ? due : MIN(next, due);
  }
  return next;
}

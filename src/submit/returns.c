/* What comes back of letters that were sent: delivery reports, and copies. */
#include <string.h>

#include "base/error.h"
#include "base/i18n.h"
#include "base/sanitize.h"
#include "message/address.h"
#include "message/headers.h"
#include "submit/outbox.h"

/* Seconds by which a server's clock may be behind ours. */
#define CLOCKS_DIFFER 600

static int64_t
now_seconds(void)
{
  return g_get_real_time() / G_USEC_PER_SEC;
}

static struct ledger_recipient *
recipient_at(const struct ledger_letter *letter, guint i)
{
  return g_ptr_array_index(letter->recipients, i);
}

static void
set_reason(struct ledger_letter *letter, char *reason)
{
  g_free(letter->reason);
  letter->reason = reason;
}

/* ---- delivery reports ---- */

static const struct { enum report_action action; enum recipient_state state; } reported[] = {
    {REPORT_FAILED, RECIPIENT_BOUNCED},
    {REPORT_DELIVERED, RECIPIENT_DELIVERED},
    {REPORT_RELAYED, RECIPIENT_ACCEPTED},
    {REPORT_EXPANDED, RECIPIENT_ACCEPTED},
    {REPORT_DELAYED, RECIPIENT_ACCEPTED},
    {REPORT_DISPLAYED, RECIPIENT_DELIVERED},
    {REPORT_DELETED, RECIPIENT_DELIVERED},
};

static char *
reason_of(const struct report_recipient *said)
{
  if (said->action == REPORT_DISPLAYED)
    return g_strdup(_("it was shown to the recipient, who sent a receipt"));
  if (said->action == REPORT_DELETED)
    return g_strdup(_("it was deleted without a look, says a receipt"));
  return said->reason != NULL ? sanitize_line(said->reason, -1) : NULL;
}

/* Whatever a report says of a recipient, the letter got beyond the server that
 * took it. */
static bool
apply(struct ledger_recipient *recipient, const struct report_recipient *said)
{
  if (recipient->state == RECIPIENT_BOUNCED || !address_same(recipient->spec, said->spec))
    return false;
  for (size_t i = 0; i < G_N_ELEMENTS(reported); i++)
    if (reported[i].action == said->action && recipient->state != RECIPIENT_DELIVERED)
      recipient->state = reported[i].state;
  g_free(recipient->reason);
  g_free(recipient->status);
  recipient->reason = reason_of(said);
  recipient->status = said->status != NULL ? sanitize_line(said->status, -1) : NULL;
  recipient->changed = now_seconds();
  return true;
}

/* One answer after the last byte is for all recipients of a wire copy: what is known
 * of one says for the others that the server took it. */
static void
vouch(struct ledger_letter *letter, guint copy)
{
  for (guint i = 0; i < letter->recipients->len; i++) {
    struct ledger_recipient *recipient = recipient_at(letter, i);
    if (recipient->copy != copy || recipient->state != RECIPIENT_UNSURE)
      continue;
    recipient->state = RECIPIENT_ACCEPTED;
    g_clear_pointer(&recipient->reason, g_free);
    recipient->changed = now_seconds();
  }
}

static bool
apply_all(struct ledger_letter *letter, const struct report *report)
{
  bool changed = false;
  for (guint i = 0; i < report->recipients->len; i++)
    for (guint j = 0; j < letter->recipients->len; j++) {
      struct ledger_recipient *recipient = recipient_at(letter, j);
      if (!apply(recipient, g_ptr_array_index(report->recipients, i)))
        continue;
      changed = true;
      vouch(letter, recipient->copy);
    }
  return changed;
}

/* A server that knows no ORCPT names whom it forwarded to: where there is but one on
 * either side, it is he. */
static void
rename_only(const struct ledger_letter *letter, const struct report *report)
{
  if (letter->recipients->len != 1 || report->recipients->len != 1)
    return;
  struct report_recipient *said = g_ptr_array_index(report->recipients, 0);
  g_free(said->spec);
  said->spec = g_strdup(recipient_at(letter, 0)->spec);
}

static struct ledger_letter *
find_reported(struct store *store, const struct report *report)
{
  g_autoptr(ledger_letter_t) letter = NULL;
  if (report->envelope_id != NULL)
    letter = ledger_get(store, report->envelope_id, NULL);
  if (letter == NULL && report->message_id != NULL)
    letter = ledger_by_message_id(store, report->message_id);
  if (letter == NULL || letter->state != LETTER_BODY)
    return g_steal_pointer(&letter);
  return outbox_get_settled(store, letter->id, NULL);
}

/* An unsure letter is unsure no more when the last recipient is not. */
static bool
settle(struct store *store, struct ledger_letter *letter, GError **error)
{
  unsigned from = STATE_BIT(letter->state);
  if (letter->state == LETTER_UNSURE) {
    letter->state = outbox_classify(letter);
    set_reason(letter, outbox_reason(letter));
  }
  return ledger_update(store, letter, from, error) &&
         (letter->state != LETTER_ACCEPTED || outbox_file(store, letter));
}

bool
outbox_report(struct store *store, const struct report *report, struct ledger_letter **letter_out,
              GError **error)
{
  g_autoptr(ledger_letter_t) letter = find_reported(store, report);
  if (letter != NULL)
    rename_only(letter, report);
  if (letter != NULL && apply_all(letter, report) && !settle(store, letter, error))
    return false;
  *letter_out = g_steal_pointer(&letter);
  return true;
}

/* ---- a copy that came back ---- */

/* When the last server took it; 0: nobody says so. */
static int64_t
received_at(const struct headers *headers)
{
  const char *field = headers_get(headers, "Received");
  const char *date = field != NULL ? strrchr(field, ';') : NULL;
  int64_t when = 0;
  return date != NULL && headers_parse_date(date + 1, &when) ? when : 0;
}

/* Letters may be sent on under the Message-ID that they came with: only one that
 * travelled after ours was written can be ours. */
static bool
is_copy_of(const struct ledger_letter *letter, GBytes *copy)
{
  size_t length;
  const char *data = g_bytes_get_data(copy, &length);
  g_autoptr(headers_t) headers = headers_parse(length > 0 ? data : "", length);
  g_autofree char *id = headers_message_id(headers);
  return g_strcmp0(id, letter->message_id) == 0 &&
         received_at(headers) >= letter->created - CLOCKS_DIFFER;
}

static bool
is_own(const struct ledger_recipient *recipient, const char *const *own)
{
  for (; *own != NULL; own++)
    if (address_same(recipient->spec, *own))
      return true;
  return false;
}

bool
outbox_returned(struct store *store, const char *id, GBytes *copy, const char *const *own,
                bool *settled_out, GError **error)
{
  g_autoptr(ledger_letter_t) letter = outbox_get_settled(store, id, error);
  *settled_out = false;
  if (letter == NULL)
    return false;
  if (letter->state != LETTER_UNSURE || !is_copy_of(letter, copy))
    return true;
  for (guint i = 0; i < letter->recipients->len; i++) {
    struct ledger_recipient *recipient = recipient_at(letter, i);
    if (is_own(recipient, own) || letter->copies == 1)
      vouch(letter, recipient->copy);
  }
  if (!settle(store, letter, error))
    return false;
  *settled_out = letter->state != LETTER_UNSURE;
  return true;
}

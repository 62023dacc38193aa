/* One letter of a flush, copy after copy, and the one behind it. */
#include "base/clock.h"
#include "base/error.h"
#include "base/i18n.h"
#include "submit/command.h"
#include "submit/flush-private.h"

/* ---- one copy of one letter ---- */

static bool
store_state(struct flush *flush, struct ledger_letter *letter, enum letter_state state,
            unsigned from, GError **error)
{
  letter->state = state;
  return ledger_update(flush->store, letter, from, error);
}

static bool
is_pending(const struct ledger_recipient *recipient)
{
  return recipient->state == RECIPIENT_WAITING || recipient->state == RECIPIENT_RETRY;
}

static enum recipient_state
state_of(enum smtp_fate fate)
{
  static const enum recipient_state states[] = {
      [SMTP_WAITING] = RECIPIENT_WAITING, [SMTP_ACCEPTED] = RECIPIENT_ACCEPTED,
      [SMTP_LATER] = RECIPIENT_RETRY,     [SMTP_REFUSED] = RECIPIENT_REFUSED,
      [SMTP_UNSURE] = RECIPIENT_UNSURE,
  };
  return states[fate];
}

static void
take_fate(struct ledger_recipient *recipient, struct smtp_recipient *told)
{
  recipient->state = state_of(told->fate);
  g_free(recipient->reason);
  g_free(recipient->status);
  recipient->reason = told->fate == SMTP_ACCEPTED ? NULL : g_steal_pointer(&told->words);
  recipient->status = told->fate == SMTP_ACCEPTED ? NULL : g_steal_pointer(&told->status);
  if (told->fate == SMTP_UNSURE && recipient->reason == NULL)
    recipient->reason = g_strdup(_("the connection was lost between the last byte of the letter "
                                   "and the server's answer; it may have been sent"));
  recipient->changed = outbox_now();
}

/* The recipients of this copy that still have to get it, as places in the letter. */
static GArray *
pending_of(const struct ledger_letter *letter, guint copy)
{
  GArray *places = g_array_new(FALSE, FALSE, sizeof(guint));
  for (guint i = 0; i < letter->recipients->len; i++)
    if (outbox_recipient(letter, i)->copy == copy && is_pending(outbox_recipient(letter, i)))
      g_array_append_val(places, i);
  return places;
}

/* Whom the server took stands as unsure from before the last byte leaves until the
 * server has answered: that is what a crash must find.  Whom it did not take has his
 * fate already. */
static bool
before_last_byte(void *data, GError **error)
{
  const struct sending *sending = data;
  struct flush *flush = sending->flush;
  for (guint i = 0; i < sending->places->len; i++) {
    struct ledger_recipient *recipient =
        outbox_recipient(sending->letter, g_array_index(sending->places, guint, i));
    const struct smtp_recipient *told = &sending->out.recipients[i];
    recipient->state = told->fate == SMTP_WAITING ? RECIPIENT_UNSURE : state_of(told->fate);
    g_free(recipient->reason);
    recipient->reason = g_strdup(told->words);
  }
  if (!store_state(flush, sending->letter, LETTER_BODY, STATE_BIT(LETTER_SENDING), error))
    return false;
  flush_tell(flush, _("waiting for the server's answer"), 0, 0, true);
  return true;
}

static void
progress_of(guint64 bytes, guint64 all, void *data)
{
  flush_tell(((struct sending *)data)->flush, _("sending"), bytes, all, bytes == all);
}

/* A letter that leaves before its time is held by the server until then. */
guint64
flush_seconds_to_hold(const struct ledger_letter *letter)
{
  int64_t left = letter->not_before - outbox_now();
  return left > 0 && letter->not_before != LEDGER_NEVER ? (guint64)left : 0;
}

static char *
held_words(const struct ledger_letter *letter)
{
  g_autoptr(GDateTime) then = clock_local(letter->not_before);
  g_autofree char *date = then != NULL ? g_date_time_format_iso8601(then) : g_strdup("?");
  return g_strdup_printf(_("the server holds it until %s"), date);
}

void
sending_free(struct sending *sending)
{
  if (sending == NULL)
    return;
  smtp_letter_clear(&sending->out);
  g_array_unref(sending->places);
  blob_unref(sending->blob);
  g_free(sending);
}

static struct smtp_letter *follow(void *data);
static void meanwhile(void *data);

/* Owns `places`. */
static struct sending *
sending_new(struct flush *flush, struct ledger_letter *letter, guint copy, GArray *places,
            GError **error)
{
  struct blob *blob = ledger_copy(flush->store, letter, copy, error);
  if (blob == NULL) {
    g_array_unref(places);
    return NULL;
  }
  struct sending *sending = g_new0(struct sending, 1);
  *sending = (struct sending){.flush = flush, .letter = letter, .copy = copy, .places = places,
                              .blob = blob};
  sending->out = (struct smtp_letter){.from = letter->from,
                                      .dsn = {.id = letter->id, .wishes = letter->dsn},
                                      .blob = blob,
                                      .hold = flush_seconds_to_hold(letter),
                                      .recipients = g_new0(struct smtp_recipient, places->len + 1),
                                      .count = places->len,
                                      .before_last_byte = before_last_byte,
                                      .next = follow,
                                      .meanwhile = meanwhile,
                                      .progress = progress_of,
                                      .data = sending};
  for (guint i = 0; i < places->len; i++)
    sending->out.recipients[i].spec = outbox_recipient(letter, g_array_index(places, guint, i))->spec;
  return sending;
}

static void
take_told(struct sending *sending, guint i)
{
  struct ledger_recipient *recipient =
      outbox_recipient(sending->letter, g_array_index(sending->places, guint, i));
  take_fate(recipient, &sending->out.recipients[i]);
  if (sending->out.hold > 0 && recipient->state == RECIPIENT_ACCEPTED)
    recipient->reason = held_words(sending->letter);
}

static bool
send_copy(struct flush *flush, struct sending *sending, GError **error)
{
  struct ledger_letter *letter = sending->letter;
  bool alive = flush->account->smtp->command != NULL
                   ? command_send(flush->account, &sending->out, flush->cancel, error)
                   : smtp_send(flush->smtp, &sending->out, error);
  for (guint i = 0; i < sending->places->len; i++)
    take_told(sending, i);
  if (sending->out.remark != NULL) {
    g_free(letter->reason);
    letter->reason = g_steal_pointer(&sending->out.remark);
  }
  return alive;
}

/* ---- one letter ---- */

/* False with NOTFOUND: it was cancelled a moment ago, or taken by another process. */
static bool
claim(struct flush *flush, struct ledger_letter *letter, GError **error)
{
  unsigned from = STATE_BIT(letter->state);
  letter->attempts++;
  g_clear_pointer(&letter->reason, g_free);
  return store_state(flush, letter, LETTER_SENDING, from, error);
}

/* The first copy from `copy` on that somebody waits for; its places are the caller's. */
static guint
copy_from(const struct ledger_letter *letter, guint copy, GArray **places_out)
{
  for (; copy <= letter->copies; copy++) {
    g_autoptr(GArray) places = pending_of(letter, copy);
    if (places->len == 0)
      continue;
    *places_out = g_steal_pointer(&places);
    return copy;
  }
  return 0;
}

/* Copy after copy (a sealed letter has one for each hidden recipient); what is
 * settled is on the disk before the next. */
static bool
send_copies(struct flush *flush, struct ledger_letter *letter, GError **error)
{
  g_autoptr(sending_t) sending = g_steal_pointer(&flush->ahead);
  GArray *places;
  guint copy = sending != NULL ? sending->copy : copy_from(letter, 1, &places);
  while (copy > 0) {
    if (letter->state == LETTER_BODY &&
        !store_state(flush, letter, LETTER_SENDING, STATE_BIT(LETTER_BODY), error)) {
      g_array_unref(places);
      return false;
    }
    if (sending == NULL)
      sending = sending_new(flush, letter, copy, places, error);
    if (sending == NULL || !send_copy(flush, sending, error))
      return false;
    g_clear_pointer(&sending, sending_free);
    copy = copy_from(letter, copy + 1, &places);
  }
  return true;
}

/* The line is gone; a server that cannot bear envelopes ahead gets none any more. */
static void
lose_line(struct flush *flush)
{
  g_clear_pointer(&flush->smtp, smtp_close);
  flush->wary = flush->wary || flush->went_ahead;
}

/* False when the session is over or the disk failed; the letter's own failure is in
 * its row. */
bool
flush_send_letter(struct flush *flush, struct ledger_letter *letter, GError **error)
{
  g_autoptr(GError) why = NULL;
  if (letter->state != LETTER_SENDING && !claim(flush, letter, &why)) {
    if (error_is(why, POSTINO_ERROR_NOTFOUND))
      return true;
    g_propagate_error(error, g_steal_pointer(&why));
    return false;
  }
  flush_tell(flush, _("sending"), 0, 0, true);
  bool alive = send_copies(flush, letter, &why);
  outbox_judge(letter, why);
  if (!ledger_update(flush->store, letter,
                     STATE_BIT(LETTER_SENDING) | STATE_BIT(LETTER_BODY), error)) {
    letter->state = LETTER_BODY; /* for all that the row says */
    return false;
  }
  flush_settled(flush, letter);
  flush->done++;
  if (alive)
    return true;
  lose_line(flush);
  /* The row says all of a letter that is unsure; to the line nothing else happened. */
  if (letter->state == LETTER_UNSURE || letter->state == LETTER_ACCEPTED)
    return true;
  g_propagate_error(error, g_steal_pointer(&why));
  return false;
}

/* ---- the letter that follows ---- */

static bool
has_more_copies(const struct sending *sending)
{
  g_autoptr(GArray) places = NULL;
  return copy_from(sending->letter, sending->copy + 1, &places) > 0;
}

/* Claims the next letter; what hinders it is told when its turn comes. */
static void
claim_following(struct flush *flush)
{
  struct ledger_letter *letter;
  GArray *places;
  g_autoptr(GError) why = NULL;
  if (!flush_next_due(flush, 1, &letter, &why) || letter == NULL)
    return;
  if (flush_is_early(letter, outbox_now())) { /* whether it may leave is weighed in its turn */
    g_hash_table_remove(flush->tried, letter->id);
    g_queue_push_head(&flush->due, g_steal_pointer(&letter->id));
    ledger_letter_free(letter);
    return;
  }
  if (!claim(flush, letter, &why)) {
    if (!error_is(why, POSTINO_ERROR_NOTFOUND))
      g_hash_table_remove(flush->tried, letter->id);
    ledger_letter_free(letter);
    return;
  }
  flush->following = letter;
  guint copy = copy_from(letter, 1, &places);
  if (copy > 0)
    flush->ahead = sending_new(flush, letter, copy, places, &why);
}

static struct smtp_letter *
follow(void *data)
{
  const struct sending *sending = data;
  struct flush *flush = sending->flush;
  if (flush->wary || has_more_copies(sending))
    return NULL;
  claim_following(flush);
  if (flush->ahead == NULL)
    return NULL;
  flush->went_ahead = true;
  return &flush->ahead->out;
}

static void
meanwhile(void *data)
{
  const struct sending *sending = data;
  struct flush *flush = sending->flush;
  flush_file_some(flush);
  if (flush->following == NULL && !has_more_copies(sending))
    claim_following(flush);
}

/* A letter that was claimed and whose turn does not come is as it was. */
void
flush_release_following(struct flush *flush)
{
  g_autoptr(ledger_letter_t) letter = g_steal_pointer(&flush->following);
  g_autoptr(GError) recovered_later = NULL;
  g_clear_pointer(&flush->ahead, sending_free);
  if (letter == NULL)
    return;
  letter->attempts--;
  (void)!store_state(flush, letter, LETTER_QUEUED, STATE_BIT(LETTER_SENDING), &recovered_later);
}

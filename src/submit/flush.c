#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/i18n.h"
#include "store/trust.h"
#include "submit/command.h"
#include "submit/outbox.h"
#include "submit/smtp.h"

/* Microseconds between two reports of progress. */
#define PROGRESS_EVERY 100000

struct flush {
  struct store *store;
  const struct conf_account *account;
  struct keyring *keyring;
  const struct submit_options *options;
  GCancellable *cancel;
  struct smtp *smtp;
  GHashTable *tried;        /* ids of this flush */
  struct ledger_letter *letter; /* that is being sent */
  gint64 told;
  guint done, total;
};

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

static bool
is_pending(const struct ledger_recipient *recipient)
{
  return recipient->state == RECIPIENT_WAITING || recipient->state == RECIPIENT_RETRY;
}

static void
tell(struct flush *flush, const char *what, guint64 bytes, guint64 all, bool always)
{
  const struct submit_options *options = flush->options;
  gint64 now = g_get_monotonic_time();
  if (options == NULL || options->progress == NULL ||
      (!always && now - flush->told < PROGRESS_EVERY))
    return;
  flush->told = now;
  struct submit_progress progress = {.what = what, .bytes = bytes, .all_bytes = all,
                                     .letter = flush->done + 1, .letters = flush->total};
  options->progress(&progress, options->data);
}

static void
settled(struct flush *flush, const struct ledger_letter *letter)
{
  if (flush->options != NULL && flush->options->settled != NULL)
    flush->options->settled(letter, flush->options->data);
}

/* ---- what is due ---- */

/* A held letter before its time: `next_try` is when the server may be asked to hold it
 * (RFC 4865), and 0 once it did not. */
static bool
is_early(const struct ledger_letter *letter, int64_t now)
{
  return letter->state == LETTER_HELD && letter->not_before > now;
}

static bool
is_to_be_handed_over(const struct flush *flush, const struct ledger_letter *letter, int64_t now)
{
  const struct conf_server *server = flush->account->smtp;
  return is_early(letter, now) && server->hold_at_server && server->command == NULL &&
         letter->next_try > 0 && letter->next_try <= now;
}

static bool
is_due(const struct flush *flush, const struct ledger_letter *letter)
{
  const struct submit_options *options = flush->options;
  int64_t now = now_seconds();
  bool now_anyway = options != NULL && (options->due_now || options->only != NULL);
  if (!g_str_equal(letter->account, flush->account->name) ||
      g_hash_table_contains(flush->tried, letter->id) ||
      (options != NULL && options->only != NULL && !g_str_equal(options->only, letter->id)))
    return false;
  switch (letter->state) {
  case LETTER_HELD:
    return letter->not_before <= now || is_to_be_handed_over(flush, letter, now);
  case LETTER_QUEUED:
    return letter->not_before <= now && (now_anyway || letter->next_try <= now);
  default:
    return false;
  }
}

/* Rows that came meanwhile are among them: the ledger is read anew for each. */
static bool
next_due(struct flush *flush, struct ledger_letter **letter_out, GError **error)
{
  g_autoptr(GPtrArray) letters = ledger_open(flush->store, error);
  if (letters == NULL)
    return false;
  guint due = 0;
  *letter_out = NULL;
  for (guint i = 0; i < letters->len; i++) {
    if (!is_due(flush, g_ptr_array_index(letters, i)))
      continue;
    if (due++ == 0) {
      *letter_out = g_ptr_array_index(letters, i);
      letters->pdata[i] = NULL;
    }
  }
  flush->total = flush->done + due;
  return true;
}

/* ---- one copy of one letter ---- */

static bool
store_state(struct flush *flush, enum letter_state state, unsigned from, GError **error)
{
  flush->letter->state = state;
  return ledger_update(flush->store, flush->letter, from, error);
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
  recipient->changed = now_seconds();
}

/* The recipients of this copy that still have to get it, as places in the letter. */
static GArray *
pending_of(const struct ledger_letter *letter, guint copy)
{
  GArray *places = g_array_new(FALSE, FALSE, sizeof(guint));
  for (guint i = 0; i < letter->recipients->len; i++)
    if (recipient_at(letter, i)->copy == copy && is_pending(recipient_at(letter, i)))
      g_array_append_val(places, i);
  return places;
}

struct sending {
  struct flush *flush;
  GArray *places;
  const struct smtp_letter *out;
};

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
        recipient_at(flush->letter, g_array_index(sending->places, guint, i));
    const struct smtp_recipient *told = &sending->out->recipients[i];
    recipient->state = told->fate == SMTP_WAITING ? RECIPIENT_UNSURE : state_of(told->fate);
    g_free(recipient->reason);
    recipient->reason = g_strdup(told->words);
  }
  if (!store_state(flush, LETTER_BODY, STATE_BIT(LETTER_SENDING), error))
    return false;
  tell(flush, _("waiting for the server's answer"), 0, 0, true);
  return true;
}

static void
progress_of(guint64 bytes, guint64 all, void *data)
{
  tell(((struct sending *)data)->flush, _("sending"), bytes, all, bytes == all);
}

/* A letter that leaves before its time is held by the server until then. */
static guint64
seconds_to_hold(const struct ledger_letter *letter)
{
  int64_t left = letter->not_before - now_seconds();
  return left > 0 && letter->not_before != LEDGER_NEVER ? (guint64)left : 0;
}

static char *
held_words(const struct ledger_letter *letter)
{
  g_autoptr(GDateTime) then = clock_local(letter->not_before);
  g_autofree char *date = then != NULL ? g_date_time_format_iso8601(then) : g_strdup("?");
  return g_strdup_printf(_("the server holds it until %s"), date);
}

static bool
send_copy(struct flush *flush, guint copy, GArray *places, GError **error)
{
  struct ledger_letter *letter = flush->letter;
  g_autoptr(GBytes) bytes = ledger_copy(flush->store, letter, copy, error);
  if (bytes == NULL)
    return false;
  struct sending sending = {.flush = flush, .places = places};
  struct smtp_letter out = {.from = letter->from,
                            .dsn = {.id = letter->id, .wishes = letter->dsn},
                            .bytes = bytes,
                            .hold = seconds_to_hold(letter),
                            .recipients = g_new0(struct smtp_recipient, places->len + 1),
                            .count = places->len,
                            .before_last_byte = before_last_byte,
                            .progress = progress_of,
                            .data = &sending};
  sending.out = &out;
  for (guint i = 0; i < places->len; i++)
    out.recipients[i].spec = recipient_at(letter, g_array_index(places, guint, i))->spec;
  bool alive = flush->account->smtp->command != NULL
                   ? command_send(flush->account, &out, flush->cancel, error)
                   : smtp_send(flush->smtp, &out, error);
  for (guint i = 0; i < places->len; i++)
  {
    struct ledger_recipient *recipient = recipient_at(letter, g_array_index(places, guint, i));
    take_fate(recipient, &out.recipients[i]);
    if (out.hold > 0 && recipient->state == RECIPIENT_ACCEPTED)
      recipient->reason = held_words(letter);
  }
  if (out.remark != NULL) {
    g_free(letter->reason);
    letter->reason = g_steal_pointer(&out.remark);
  }
  smtp_letter_clear(&out);
  return alive;
}

/* ---- one letter ---- */

/* Which failures of a connection another try may mend. */
static bool
is_for_later(const GError *why)
{
  return error_is(why, POSTINO_ERROR_RETRY) || error_is(why, POSTINO_ERROR_HOST) ||
         error_is(why, POSTINO_ERROR_CANCELLED) || error_is(why, POSTINO_ERROR_LOCAL);
}

/* The next try after a growing pause, or none any more.  The user stopped it: it
 * waits for the next flush, not for a pause. */
static void
wait_or_give_up(struct ledger_letter *letter, const GError *why)
{
  int64_t now = now_seconds();
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
static void
judge(struct flush *flush, const GError *why)
{
  struct ledger_letter *letter = flush->letter;
  g_autofree char *remark = g_steal_pointer(&letter->reason);
  letter->state = outbox_classify(letter);
  letter->reason = remark != NULL ? g_steal_pointer(&remark) : outbox_reason(letter);
  if (letter->state == LETTER_QUEUED && why != NULL && !is_for_later(why))
    letter->state = LETTER_BLOCKED;
  if (letter->reason == NULL && why != NULL && letter->state != LETTER_ACCEPTED)
    letter->reason = g_strdup(why->message);
  wait_or_give_up(letter, why);
}

/* An accepted letter whose copy cannot be filed was sent all the same: whoever
 * comes next files it. */
static bool
file_letter(struct flush *flush, unsigned from, GError **error)
{
  struct ledger_letter *letter = flush->letter;
  g_autoptr(GError) later = NULL;
  if (!ledger_update(flush->store, letter, from, error))
    return false;
  if (letter->state == LETTER_ACCEPTED)
    (void)!ledger_file_sent(flush->store, letter, &later);
  return true;
}

/* Copy after copy (a sealed letter has one for each hidden recipient); what is
 * settled is on the disk before the next. */
static bool
send_copies(struct flush *flush, GError **error)
{
  struct ledger_letter *letter = flush->letter;
  for (guint copy = 1; copy <= letter->copies; copy++) {
    g_autoptr(GArray) places = pending_of(letter, copy);
    if (places->len == 0)
      continue;
    if (letter->state == LETTER_BODY &&
        !store_state(flush, LETTER_SENDING, STATE_BIT(LETTER_BODY), error))
      return false;
    if (!send_copy(flush, copy, places, error))
      return false;
  }
  return true;
}

/* False when the session is over or the disk failed; the letter's own failure is in
 * its row. */
static bool
send_letter(struct flush *flush, struct ledger_letter *letter, GError **error)
{
  flush->letter = letter;
  unsigned from = STATE_BIT(letter->state);
  letter->attempts++;
  g_clear_pointer(&letter->reason, g_free);
  g_autoptr(GError) why = NULL;
  if (!store_state(flush, LETTER_SENDING, from, &why)) {
    if (error_is(why, POSTINO_ERROR_NOTFOUND))
      return true;          /* cancelled a moment ago, or taken by another process */
    g_propagate_error(error, g_steal_pointer(&why));
    return false;
  }
  tell(flush, _("sending"), 0, 0, true);
  bool alive = send_copies(flush, &why);
  from = STATE_BIT(LETTER_SENDING) | STATE_BIT(LETTER_BODY);
  judge(flush, why);
  if (!file_letter(flush, from, error))
    return false;
  settled(flush, letter);
  flush->done++;
  if (alive)
    return true;
  g_clear_pointer(&flush->smtp, smtp_close);
  /* The row says all of a letter that is unsure; to the line nothing else happened. */
  if (letter->state == LETTER_UNSURE || letter->state == LETTER_ACCEPTED)
    return true;
  g_propagate_error(error, g_steal_pointer(&why));
  return false;
}

/* ---- the line ---- */

/* No server to hold it: it is sent when its time has come. */
static void
keep_held(struct flush *flush, struct ledger_letter *letter)
{
  g_autoptr(GError) ignored = NULL;
  letter->next_try = 0;
  (void)!ledger_update(flush->store, letter, STATE_BIT(LETTER_HELD), &ignored);
}

/* No connection: every letter that is due has the reason, and waits or is blocked by
 * it. */
static void
fail_letter(struct flush *flush, struct ledger_letter *letter, const GError *why)
{
  unsigned from = STATE_BIT(letter->state);
  flush->letter = letter;
  if (is_early(letter, now_seconds())) {
    keep_held(flush, letter);
    return;
  }
  letter->attempts++;
  letter->state = is_for_later(why) ? LETTER_QUEUED : LETTER_BLOCKED;
  g_free(letter->reason);
  letter->reason = g_strdup(why->message);
  wait_or_give_up(letter, why);
  g_autoptr(GError) ignored = NULL;
  if (ledger_update(flush->store, letter, from, &ignored))
    settled(flush, letter);
}

static void
fail_all(struct flush *flush, struct ledger_letter *first, const GError *why)
{
  g_autoptr(ledger_letter_t) letter = first;
  while (letter != NULL) {
    g_hash_table_add(flush->tried, g_strdup(letter->id));
    fail_letter(flush, letter, why);
    ledger_letter_free(g_steal_pointer(&letter));
    if (!next_due(flush, &letter, NULL))
      return;
  }
}

/* What the account's line once proved is never silently less (store/trust.h). */
static bool
connect_line(struct flush *flush, GError **error)
{
  const struct conf_account *account = flush->account;
  if (flush->smtp != NULL || account->smtp->command != NULL)
    return true;
  if (!trust_check(flush->store, account, account->smtp, "smtp", error))
    return false;
  tell(flush, _("connecting"), 0, 0, true);
  flush->smtp = smtp_open(account, flush->keyring, flush->cancel, error);
  if (flush->smtp == NULL)
    return false;
  const struct connection *connection = flush->smtp->connection;
  struct trust trust = {.tls = connection_is_tls(connection),
                        .key = connection_peer_pin(connection)};
  return trust_keep(flush->store, account, account->smtp, "smtp", &trust, error);
}

/* Each letter once; a line that broke is opened again for the next.  The last
 * failure of a line is told. */
static bool
send_all(struct flush *flush, GError **error)
{
  g_autoptr(GError) last = NULL;
  for (;;) {
    struct ledger_letter *due;
    if (!next_due(flush, &due, error))
      return false;
    if (due == NULL)
      break;
    g_autoptr(GError) why = NULL;
    if (!connect_line(flush, &why)) {
      fail_all(flush, due, why);
      g_propagate_error(error, g_steal_pointer(&why));
      return false;
    }
    g_autoptr(ledger_letter_t) letter = due;
    g_hash_table_add(flush->tried, g_strdup(letter->id));
    if (is_early(letter, now_seconds()) &&
        seconds_to_hold(letter) > flush->smtp->hold_limit) {
      keep_held(flush, letter);
      continue;
    }
    if (send_letter(flush, letter, &why))
      continue;
    g_clear_error(&last);
    last = g_steal_pointer(&why);
    if (error_is(last, POSTINO_ERROR_CANCELLED) || error_is(last, POSTINO_ERROR_LOCAL))
      break;
  }
  if (flush->smtp != NULL)
    smtp_quit(flush->smtp);
  if (last == NULL)
    return true;
  g_propagate_error(error, g_steal_pointer(&last));
  return false;
}

static bool
check_account(const struct conf_account *account, GError **error)
{
  return account->smtp != NULL ||
         error_set(error, POSTINO_ERROR_CONFIG,
                   _("account \"%s\" has no smtp block, so it cannot send"), account->name);
}

bool
outbox_flush(struct store *store, const struct conf_account *account, struct keyring *keyring,
             const struct submit_options *options, GCancellable *cancel, GError **error)
{
  if (!check_account(account, error))
    return false;
  g_autofree char *name = outbox_lock_name(account->name);
  g_autoptr(store_lock_t) lock = store_lock(store, name, account->smtp->timeout, cancel, error);
  if (lock == NULL) {
    g_prefix_error(error, "%s smtp: ", account->name);
    return false;
  }
  struct flush flush = {.store = store,
                        .account = account,
                        .keyring = keyring,
                        .options = options,
                        .cancel = cancel,
                        .tried = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL)};
  bool ok = outbox_recover(store, account->name, error) && send_all(&flush, error);
  smtp_close(flush.smtp);
  g_hash_table_unref(flush.tried);
  return ok;
}

bool
submit_test(const struct conf_account *account, struct keyring *keyring, char **found_out,
            GCancellable *cancel, GError **error)
{
  if (!check_account(account, error))
    return false;
  if (account->smtp->command != NULL)
    return (*found_out = command_program(account->smtp->command, error)) != NULL;
  g_autoptr(smtp_t) smtp = smtp_open(account, keyring, cancel, error);
  if (smtp == NULL)
    return false;
  const char *cipher = connection_cipher(smtp->connection);
  g_autofree char *version = cipher != NULL ? g_strndup(cipher, strcspn(cipher, ","))
                                            : g_strdup(_("no TLS"));
  g_autofree char *size = smtp->size_limit > 0 ? g_format_size(smtp->size_limit) : NULL;
  const char *method = smtp->method != NULL ? smtp->method : _("no login");
  *found_out = size != NULL
                   ? g_strdup_printf(_("%s, %s, letters of up to %s"), version, method, size)
                   : g_strdup_printf("%s, %s", version, method);
  smtp_quit(smtp);
  return true;
}

/* All letters of one account that are due, over one line. */
#include "base/error.h"
#include "base/i18n.h"
#include "base/limits.h"
#include "store/trust.h"
#include "submit/flush-private.h"

/* Microseconds between two reports of progress. */
#define PROGRESS_EVERY 100000
/* A letter that is longer than this is not sent before the one before it is filed. */
#define SOON_SENT LIMIT_KIB(64)
/* Letters that are filed together, and microseconds for which one may have to wait. */
#define FILED_TOGETHER 32
#define FILED_WITHIN 500000

void
flush_tell(struct flush *flush, const char *what, guint64 bytes, guint64 all, bool always)
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

void
flush_settled(struct flush *flush, const struct ledger_letter *letter)
{
  if (flush->options != NULL && flush->options->settled != NULL)
    flush->options->settled(letter, flush->options->data);
}

/* ---- filing ---- */

/* An accepted letter whose copy cannot be filed was sent all the same: whoever
 * comes next files it. */
void
flush_file_waiting(struct flush *flush)
{
  g_autoptr(GError) later = NULL;
  if (flush->unfiled->len > 0)
    (void)!ledger_file_all(flush->store, flush->unfiled, &later);
  g_ptr_array_set_size(flush->unfiled, 0);
}

/* Syncs and commits are dear: those of many letters are made together. */
void
flush_file_some(struct flush *flush)
{
  if (flush->unfiled->len >= FILED_TOGETHER ||
      g_get_monotonic_time() - flush->unfiled_since > FILED_WITHIN)
    flush_file_waiting(flush);
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
  if (flush_is_early(letter, outbox_now())) {
    keep_held(flush, letter);
    return;
  }
  letter->attempts += letter->state != LETTER_SENDING;
  letter->state = outbox_is_for_later(why) ? LETTER_QUEUED : LETTER_BLOCKED;
  g_free(letter->reason);
  letter->reason = g_strdup(why->message);
  outbox_wait(letter, why);
  g_autoptr(GError) ignored = NULL;
  if (ledger_update(flush->store, letter, from, &ignored))
    flush_settled(flush, letter);
}

static void
fail_all(struct flush *flush, struct ledger_letter *first, const GError *why)
{
  g_autoptr(ledger_letter_t) letter = first;
  while (letter != NULL) {
    fail_letter(flush, letter, why);
    ledger_letter_free(g_steal_pointer(&letter));
    if (!flush_next_due(flush, 0, &letter, NULL))
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
  flush_tell(flush, _("connecting"), 0, 0, true);
  g_autofree char *known_key = trust_known_key(flush->store, account, account->smtp, "smtp");
  flush->smtp = smtp_open(account, flush->keyring, known_key, flush->cancel, error);
  if (flush->smtp == NULL)
    return false;
  const struct connection *connection = flush->smtp->connection;
  struct trust trust = {.tls = connection_is_tls(connection),
                        .key = connection_peer_pin(connection)};
  return trust_keep(flush->store, account, account->smtp, "smtp", &trust, error);
}

/* What was claimed already, else the next that is due. */
static bool
take_next(struct flush *flush, struct ledger_letter **letter_out, GError **error)
{
  *letter_out = g_steal_pointer(&flush->following);
  return *letter_out != NULL || flush_next_due(flush, 0, letter_out, error);
}

/* It is filed while the next one is on its way, where that is soon done. */
static void
file_soon(struct flush *flush, struct ledger_letter **letter)
{
  if ((*letter)->state != LETTER_ACCEPTED)
    return;
  if (flush->unfiled->len == 0)
    flush->unfiled_since = g_get_monotonic_time();
  g_ptr_array_add(flush->unfiled, g_steal_pointer(letter));
  if (flush->smtp == NULL || flush->ahead == NULL ||
      blob_size(flush->ahead->blob) > SOON_SENT)
    flush_file_waiting(flush);
}

/* Each letter once; a line that broke is opened again for the next.  The last
 * failure of a line is told. */
static bool
send_all(struct flush *flush, GError **error)
{
  g_autoptr(GError) last = NULL;
  for (;;) {
    struct ledger_letter *due;
    if (!take_next(flush, &due, error))
      return false;
    if (due == NULL)
      break;
    g_autoptr(GError) why = NULL;
    if (!connect_line(flush, &why)) {
      g_clear_pointer(&flush->ahead, sending_free);
      fail_all(flush, due, why);
      g_propagate_error(error, g_steal_pointer(&why));
      return false;
    }
    g_autoptr(ledger_letter_t) letter = due;
    if (flush_is_early(letter, outbox_now()) &&
        flush_seconds_to_hold(letter) > flush->smtp->hold_limit) {
      keep_held(flush, letter);
      continue;
    }
    bool sent = flush_send_letter(flush, letter, &why);
    file_soon(flush, &letter);
    if (sent)
      continue;
    g_clear_error(&last);
    last = g_steal_pointer(&why);
    if (error_is(last, POSTINO_ERROR_CANCELLED) || error_is(last, POSTINO_ERROR_LOCAL))
      break;
  }
  flush_file_waiting(flush);
  if (flush->smtp != NULL)
    smtp_quit(flush->smtp);
  if (last == NULL)
    return true;
  g_propagate_error(error, g_steal_pointer(&last));
  return false;
}

static void
free_letter(void *letter)
{
  ledger_letter_free(letter);
}

bool
outbox_check_account(const struct conf_account *account, GError **error)
{
  return account->smtp != NULL ||
         error_set(error, POSTINO_ERROR_CONFIG,
                   _("account \"%s\" has no smtp block, so it cannot send"), account->name);
}

bool
outbox_flush(struct store *store, const struct conf_account *account, struct keyring *keyring,
             const struct submit_options *options, GCancellable *cancel, GError **error)
{
  if (!outbox_check_account(account, error))
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
                        .unfiled = g_ptr_array_new_with_free_func(free_letter),
                        .tried = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL)};
  bool ok = outbox_recover(store, account->name, error) && send_all(&flush, error);
  flush_file_waiting(&flush);
  smtp_close(flush.smtp);
  flush_release_following(&flush);
  g_queue_clear_full(&flush.due, g_free);
  g_ptr_array_unref(flush.unfiled);
  g_hash_table_unref(flush.tried);
  return ok;
}

#include "submit/outbox.h"

#include <string.h>

#include "base/error.h"
#include "base/i18n.h"
#include "base/sanitize.h"
#include "message/address.h"
#include "message/headers.h"

/* Recipients that a letter's sentence names. */
#define NAMED 3
/* RFC 5321, 4.5.4.1: a letter is given up after four or five days.  A machine that
 * slept for a week has not tried: so many tries belong to it. */
#define TRYING_SECONDS (5 * 24 * 60 * 60)
#define TRIES_LEAST 12

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

/* ---- words ---- */

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

/* ---- what recipients make of a letter ---- */

static guint
count_state(const struct ledger_letter *letter, enum recipient_state state)
{
  guint count = 0;
  for (guint i = 0; i < letter->recipients->len; i++)
    count += recipient_at(letter, i)->state == state;
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
    g_autofree char *sentence = recipient_sentence(recipient_at(letter, i));
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

/* ---- adding ---- */

static bool
check_recipients(const struct submission *submission, GError **error)
{
  const GPtrArray *recipients = submission->recipients;
  if (recipients == NULL || recipients->len == 0)
    return error_set(error, POSTINO_ERROR_INVALID,
                     _("the letter has no recipient; nothing was sent"));
  /* The empty one is the null sender, to whom nothing comes back. */
  if (*submission->from != '\0' && !address_is_valid_spec(submission->from))
    return error_set(error, POSTINO_ERROR_INVALID, _("\"%s\" is no address to send from"),
                     submission->from);
  for (guint i = 0; i < recipients->len; i++) {
    const struct ledger_recipient *recipient = g_ptr_array_index(recipients, i);
    if (!address_is_valid_spec(recipient->spec)) {
      g_autofree char *clean = sanitize_line(recipient->spec, -1);
      return error_set(error, POSTINO_ERROR_INVALID,
                       _("\"%s\" is no address; nothing was sent"), clean);
    }
    if (recipient->copy < 1 || recipient->copy > submission->n_copies)
      return error_set(error, POSTINO_ERROR_BUG, _("recipient %s has no copy of the letter"),
                       recipient->spec);
  }
  return true;
}

static void
digest_bytes(GChecksum *sum, const void *data, size_t length)
{
  guint64 size = GUINT64_TO_LE(length);
  g_checksum_update(sum, (const guchar *)&size, sizeof size);
  if (length > 0)
    g_checksum_update(sum, data, (gssize)length);
}

static int
compare_specs(const void *a, const void *b)
{
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Envelope and bytes, each with its length before it, recipients in an order of
 * their own. */
static char *
digest_of(const struct submission *submission)
{
  g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
  g_autoptr(GPtrArray) specs = g_ptr_array_new();
  size_t length;
  const void *data;
  digest_bytes(sum, submission->account->name, strlen(submission->account->name));
  digest_bytes(sum, submission->from, strlen(submission->from));
  for (guint i = 0; i < submission->recipients->len; i++)
    g_ptr_array_add(specs, ((struct ledger_recipient *)g_ptr_array_index(submission->recipients,
                                                                         i))->spec);
  g_ptr_array_sort(specs, compare_specs);
  for (guint i = 0; i < specs->len; i++)
    digest_bytes(sum, g_ptr_array_index(specs, i), strlen(g_ptr_array_index(specs, i)));
  for (guint i = 0; submission->given == NULL && i < submission->n_copies; i++) {
    data = g_bytes_get_data(submission->copies[i], &length);
    digest_bytes(sum, data, length);
  }
  data = g_bytes_get_data(submission->given != NULL ? submission->given : submission->readable,
                          &length);
  digest_bytes(sum, data, length);
  return g_strdup(g_checksum_get_string(sum));
}

static void
recipient_free(void *data)
{
  struct ledger_recipient *recipient = data;
  g_free(recipient->spec);
  g_free(recipient->reason);
  g_free(recipient->status);
  g_free(recipient);
}

/* One recipient named twice (To and Cc, say) gets one letter. */
static bool
is_there(const GPtrArray *recipients, const char *spec)
{
  for (guint i = 0; i < recipients->len; i++)
    if (g_str_equal(((struct ledger_recipient *)g_ptr_array_index(recipients, i))->spec, spec))
      return true;
  return false;
}

static GPtrArray *
copy_recipients(const struct submission *submission)
{
  GPtrArray *copies = g_ptr_array_new_with_free_func(recipient_free);
  for (guint i = 0; i < submission->recipients->len; i++) {
    const struct ledger_recipient *from = g_ptr_array_index(submission->recipients, i);
    if (is_there(copies, from->spec))
      continue;
    struct ledger_recipient *copy = g_new0(struct ledger_recipient, 1);
    copy->spec = g_strdup(from->spec);
    copy->copy = from->copy;
    copy->changed = now_seconds();
    g_ptr_array_add(copies, copy);
  }
  return copies;
}

static struct ledger_letter *
make_letter(const struct submission *submission)
{
  struct ledger_letter *letter = g_new0(struct ledger_letter, 1);
  size_t length;
  const char *data = g_bytes_get_data(submission->readable, &length);
  g_autoptr(headers_t) headers = headers_parse(length > 0 ? data : "", length);
  letter->account = g_strdup(submission->account->name);
  letter->from = g_strdup(submission->from);
  letter->message_id = headers_message_id(headers);
  letter->digest = digest_of(submission);
  letter->sent_folder = g_strdup(submission->account->sent);
  letter->created = letter->changed = now_seconds();
  letter->not_before = submission->not_before;
  letter->dsn = g_strdup(submission->dsn);
  letter->recipients = copy_recipients(submission);
  letter->state = LETTER_QUEUED;
  if (submission->not_before > now_seconds())
    letter->state = LETTER_HELD;
  if (letter->state == LETTER_HELD && submission->hand_over > 0 &&
      submission->hand_over + HOLD_SECONDS_MIN < submission->not_before &&
      submission->not_before != LEDGER_NEVER)
    letter->next_try = submission->hand_over;
  if (submission->not_sent_because != NULL) {
    letter->state = LETTER_BLOCKED;
    letter->reason = sanitize_line(submission->not_sent_because, -1);
  }
  return letter;
}

static bool
find_known(struct store *store, const char *digest, char **id_out, bool *known_out)
{
  g_autoptr(ledger_letter_t) known = ledger_by_digest(store, digest);
  if (known == NULL)
    return false;
  *id_out = g_strdup(known->id);
  *known_out = true;
  return true;
}

char *
outbox_known(struct store *store, const struct submission *submission)
{
  g_autofree char *digest = digest_of(submission);
  char *id = NULL;
  bool known;
  return find_known(store, digest, &id, &known) ? id : NULL;
}

bool
outbox_add(struct store *store, const struct submission *submission, char **id_out,
           bool *known_out, GError **error)
{
  if (!check_recipients(submission, error))
    return false;
  g_autoptr(ledger_letter_t) letter = make_letter(submission);
  if (find_known(store, letter->digest, id_out, known_out))
    return true;
  g_autoptr(GError) why = NULL;
  if (ledger_add(store, letter, submission->readable, submission->copies, submission->n_copies,
                 &why)) {
    *id_out = g_strdup(letter->id);
    *known_out = false;
    return true;
  }
  /* Another `send` of the same letter may have been a moment earlier. */
  if (find_known(store, letter->digest, id_out, known_out))
    return true;
  g_propagate_error(error, g_steal_pointer(&why));
  return false;
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
    struct ledger_recipient *recipient = recipient_at(letter, i);
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
    struct ledger_recipient *recipient = recipient_at(letter, i);
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
  letter->not_before = now_seconds();
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

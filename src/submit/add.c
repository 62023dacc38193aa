/* Letters on their way into the outbox. */
#include <string.h>

#include "base/error.h"
#include "base/i18n.h"
#include "base/limits.h"
#include "base/sanitize.h"
#include "message/address.h"
#include "message/headers.h"
#include "submit/outbox.h"

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

static bool
digest_block(const char *data, size_t length, void *context, GError **error)
{
  g_checksum_update(context, (const guchar *)data, (gssize)length);
  return true;
}

static bool
digest_blob(GChecksum *sum, const struct blob *blob, GError **error)
{
  guint64 size = GUINT64_TO_LE(blob_size(blob));
  g_checksum_update(sum, (const guchar *)&size, sizeof size);
  return blob_each(blob, 0, digest_block, sum, error);
}

/* What a second `send` of the letter has too. */
static bool
digest_letter(GChecksum *sum, const struct submission *submission, GError **error)
{
  size_t length;
  const void *data;
  if (submission->given != NULL) {
    data = g_bytes_get_data(submission->given, &length);
    digest_bytes(sum, data, length);
    return true;
  }
  for (guint i = 0; i < submission->n_copies; i++)
    if (!digest_blob(sum, submission->copies[i], error))
      return false;
  return digest_blob(sum, submission->readable, error);
}

/* Envelope and bytes, each with its length before it, recipients in an order of
 * their own. */
static char *
digest_of(const struct submission *submission, GError **error)
{
  g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
  g_autoptr(GPtrArray) specs = g_ptr_array_new();
  digest_bytes(sum, submission->account->name, strlen(submission->account->name));
  digest_bytes(sum, submission->from, strlen(submission->from));
  for (guint i = 0; i < submission->recipients->len; i++)
    g_ptr_array_add(specs, ((struct ledger_recipient *)g_ptr_array_index(submission->recipients,
                                                                         i))->spec);
  g_ptr_array_sort(specs, compare_specs);
  for (guint i = 0; i < specs->len; i++)
    digest_bytes(sum, g_ptr_array_index(specs, i), strlen(g_ptr_array_index(specs, i)));
  return digest_letter(sum, submission, error) ? g_strdup(g_checksum_get_string(sum)) : NULL;
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
    copy->changed = outbox_now();
    g_ptr_array_add(copies, copy);
  }
  return copies;
}

static char *
message_id_of(const struct blob *blob)
{
  g_autoptr(GBytes) head = blob_head(blob, LIMIT_HEADER, NULL);
  if (head == NULL)
    return NULL;
  size_t length;
  const char *data = g_bytes_get_data(head, &length);
  g_autoptr(headers_t) headers = headers_parse(length > 0 ? data : "", length);
  return headers_message_id(headers);
}

static struct ledger_letter *
make_letter(const struct submission *submission, GError **error)
{
  g_autofree char *digest = digest_of(submission, error);
  if (digest == NULL)
    return NULL;
  struct ledger_letter *letter = g_new0(struct ledger_letter, 1);
  letter->account = g_strdup(submission->account->name);
  letter->from = g_strdup(submission->from);
  letter->message_id = message_id_of(submission->readable);
  letter->digest = g_steal_pointer(&digest);
  letter->sent_folder = g_strdup(submission->account->sent);
  letter->created = letter->changed = outbox_now();
  letter->not_before = submission->not_before;
  letter->dsn = g_strdup(submission->dsn);
  letter->recipients = copy_recipients(submission);
  letter->state = LETTER_QUEUED;
  if (submission->not_before > outbox_now())
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
  g_autofree char *digest = digest_of(submission, NULL);
  char *id = NULL;
  bool known;
  return digest != NULL && find_known(store, digest, &id, &known) ? id : NULL;
}

bool
outbox_add(struct store *store, const struct submission *submission, char **id_out,
           bool *known_out, GError **error)
{
  if (!check_recipients(submission, error))
    return false;
  g_autoptr(ledger_letter_t) letter = make_letter(submission, error);
  if (letter == NULL)
    return false;
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

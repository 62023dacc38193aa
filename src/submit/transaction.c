/* One letter's turn in a session: whether this server can take it, and its envelope. */
#include <string.h>

#include "base/error.h"
#include "base/i18n.h"
#include "message/sevenbit.h"
#include "net/resolve.h"
#include "submit/transaction-private.h"

void
smtp_letter_clear(struct smtp_letter *letter)
{
  for (guint i = 0; i < letter->count; i++) {
    g_free(letter->recipients[i].words);
    g_free(letter->recipients[i].status);
  }
  g_free(letter->recipients);
  g_free(letter->remark);
}

/* ---- what this server can take ---- */

/* A domain has a form in ASCII that every server takes (RFC 5891). */
char *
smtp_wire_spec(const char *spec)
{
  const char *at = strrchr(spec, '@');
  if (at == NULL || g_str_is_ascii(at))
    return g_strdup(spec);
  g_autofree char *domain = resolve_ascii(at + 1, NULL);
  return domain == NULL ? g_strdup(spec)
                        : g_strdup_printf("%.*s%s", (int)(at + 1 - spec), spec, domain);
}

static char **
specs_of(const struct smtp_letter *letter)
{
  char **specs = g_new0(char *, letter->count + 1);
  for (guint i = 0; i < letter->count; i++)
    specs[i] = smtp_wire_spec(letter->recipients[i].spec);
  return specs;
}

static bool
weigh(struct transaction *t, GError **error)
{
  bool weighed =
      envelope_needs(t->blob, t->from, (const char *const *)t->specs, &t->needs, error);
  t->needs.hold = t->letter->hold;
  return weighed;
}

static struct blob *
as_seven_bit(const struct blob *letter, GError **error)
{
  g_autoptr(GBytes) bytes = blob_bytes(letter, error);
  g_autoptr(blob_writer_t) writer = bytes != NULL ? blob_writer_memory(error) : NULL;
  return writer != NULL && sevenbit_write(bytes, writer, error) ? blob_writer_end(writer, error)
                                                                : NULL;
}

/* RFC 6152, 3: 8-bit text is encoded for a server that does not take it as it is.  What
 * cannot be is this letter's obstacle. */
static bool
fit(struct transaction *t, GError **error)
{
  if (!t->needs.eight_bit || t->needs.utf8 || (t->smtp->capabilities & SMTP_8BITMIME) != 0)
    return true;
  g_autoptr(GError) why = NULL;
  struct blob *fitting = as_seven_bit(t->blob, &why);
  if (fitting != NULL) {
    blob_unref(t->blob);
    t->blob = fitting;
    return weigh(t, error);
  }
  if (error_is(why, POSTINO_ERROR_INVALID)) {
    t->obstacle = g_strdup(why->message);
    return true;
  }
  g_propagate_error(error, g_steal_pointer(&why));
  return false;
}

struct transaction *
transaction_new(struct smtp *smtp, struct smtp_letter *letter, GError **error)
{
  g_autoptr(transaction_t) t = g_new0(struct transaction, 1);
  t->smtp = smtp;
  t->letter = letter;
  t->specs = specs_of(letter);
  t->from = smtp_wire_spec(letter->from);
  t->taken = g_new0(bool, letter->count + 1);
  t->owed = g_array_new(FALSE, FALSE, sizeof(struct owed));
  t->blob = blob_ref(letter->blob);
  if (!weigh(t, error) || !fit(t, error))
    return NULL;
  if (t->obstacle == NULL)
    t->obstacle = envelope_obstacle(&t->needs, smtp->capabilities, smtp->size_limit);
  return g_steal_pointer(&t);
}

void
transaction_free(struct transaction *t)
{
  if (t == NULL)
    return;
  g_strfreev(t->specs);
  g_free(t->from);
  g_free(t->obstacle);
  blob_unref(t->blob);
  g_free(t->taken);
  g_array_unref(t->owed);
  g_free(t);
}

/* ---- commands and their replies ---- */

bool
transaction_settle(struct transaction *t, GError **error)
{
  if (!connection_flush(t->smtp->connection, error))
    return false;
  for (guint i = 0; i < t->owed->len; i++) {
    g_auto(smtp_reply_t) reply = {0};
    if (!smtp_read(t->smtp, &reply, error))
      return false;
    if (reply.code == 421) {
      t->left = true;
      return error_set(error, POSTINO_ERROR_RETRY, _("%s: the server ends the session: \"%s\""),
                       t->smtp->place, reply.words);
    }
    if (!transaction_take_reply(t, &g_array_index(t->owed, struct owed, i), &reply, error))
      return false;
  }
  g_array_set_size(t->owed, 0);
  t->bytes = 0;
  return true;
}

bool
transaction_ask(struct transaction *t, enum step step, guint recipient, const char *command, GError **error)
{
  struct owed owed = {step, recipient};
  if (!connection_printf(t->smtp->connection, error, "%s\r\n", command))
    return false;
  g_array_append_val(t->owed, owed);
  t->bytes += strlen(command) + 2;
  bool pipelined = (t->smtp->capabilities & SMTP_PIPELINING) != 0;
  return (pipelined && step != STEP_DATA && t->bytes < COMMANDS_MAX) || transaction_settle(t, error);
}

char *
transaction_recipient_command(const struct transaction *t, guint i)
{
  return envelope_rcpt(t->specs[i], t->smtp->capabilities, &t->letter->dsn);
}

static bool
ask_recipients(struct transaction *t, GError **error)
{
  for (guint i = 0; i < t->letter->count && !t->refused; i++) {
    g_autofree char *command = transaction_recipient_command(t, i);
    if (!transaction_ask(t, STEP_RECIPIENT, i, command, error))
      return false;
  }
  return true;
}

bool
transaction_is_hopeless(const struct transaction *t)
{
  return t->owed->len == 0 && (t->refused || t->taken_count == 0);
}

char *
transaction_mail_command(const struct transaction *t)
{
  return envelope_mail(t->from, &t->needs, t->smtp->capabilities, &t->letter->dsn);
}

/* MAIL and RCPT, in one flush with what follows where the server lets them. */
bool
transaction_address(struct transaction *t, GError **error)
{
  g_autofree char *mail = transaction_mail_command(t);
  if (t->smtp->used && !transaction_ask(t, STEP_RESET, 0, "RSET", error))
    return false;
  t->smtp->used = true;
  return transaction_ask(t, STEP_MAIL, 0, mail, error) && ask_recipients(t, error);
}

/* ---- the letter ---- */

static bool
refuse_here(struct smtp *smtp, struct smtp_letter *letter, const char *obstacle)
{
  for (guint i = 0; i < letter->count; i++) {
    letter->recipients[i].fate = SMTP_REFUSED;
    g_free(letter->recipients[i].words);
    letter->recipients[i].words = g_strdup(obstacle);
  }
  letter->remark = g_strdup_printf("%s: %s", smtp->place, obstacle);
  return true;
}

bool
smtp_send(struct smtp *smtp, struct smtp_letter *letter, GError **error)
{
  g_autoptr(transaction_t) t = g_steal_pointer(&smtp->ahead);
  if (t == NULL)
    t = transaction_new(smtp, letter, error);
  if (t == NULL)
    return false;
  if (t->letter != letter)
    return error_set(error, POSTINO_ERROR_BUG, _("%s: another letter's turn has come"),
                     smtp->place);
  if (t->obstacle != NULL)
    return refuse_here(smtp, letter, t->obstacle);
  return (smtp->capabilities & SMTP_CHUNKING) != 0 ? transaction_by_chunk(t, error)
                                                   : transaction_by_data(t, error);
}

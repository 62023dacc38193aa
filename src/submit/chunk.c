/* A letter by BDAT (RFC 3030). */
#include "base/limits.h"
#include "submit/transaction-private.h"

/* A chunk that is sent with its envelope before anything of it is answered. */
#define TOGETHER_MAX LIMIT_KIB(64)

/* Of many commands that are answered together a server may answer one twice: then what
 * was read last was no answer to the letter.  421 says that it leaves. */
static bool
says_too_much(struct transaction *t, GError **error)
{
  g_auto(smtp_reply_t) reply = {0};
  return !connection_is_quiet(t->smtp->connection) && smtp_read(t->smtp, &reply, NULL) &&
         reply.code != 421 && !transaction_unexpected(t, &reply, error);
}

/* A letter that was refused and taken all the same. */
static bool
contradicts(struct transaction *t, const struct smtp_reply *reply, GError **error)
{
  if (!t->confused || reply->code >= 300)
    return false;
  for (guint i = 0; i < t->letter->count; i++)
    transaction_set_fate(&t->letter->recipients[i], SMTP_UNSURE, reply);
  return !transaction_unexpected(t, reply, error);
}

/* Nothing but what is owed may have been said before the last byte leaves; what is, is
 * read now, since the server may have had time to answer. */
static bool
is_undisturbed(struct transaction *t, GError **error)
{
  if (t->owed->len > 0 && !connection_is_quiet(t->smtp->connection) && !transaction_settle(t, error))
    return false;
  return t->owed->len > 0 || connection_is_quiet(t->smtp->connection) ||
         transaction_interrupted(t, error);
}

/* RFC 3030.  A small letter goes with its envelope: one round trip in all.  Then its
 * recipients' fates are not known when the last byte leaves, so all stand as unsure
 * until they are; a server that says 421 before has taken nothing. */
static bool
send_chunk(struct transaction *t, GError **error)
{
  g_autoptr(GString) last = g_string_sized_new(BLOCK + 64);
  g_auto(smtp_reply_t) reply = {0};
  if (!connection_printf(t->smtp->connection, error, "BDAT %" G_GUINT64_FORMAT " LAST\r\n",
                         t->needs.size) ||
      !transaction_write(t, true, 1, last, error) ||
      (t->owed->len == 0 && !connection_flush(t->smtp->connection, error)) ||
      !t->letter->before_last_byte(t->letter->data, error))
    return false;
  if (!is_undisturbed(t, error))
    return false;
  if (transaction_finish(t, last->str, last->len, "", &reply, error) && !says_too_much(t, error))
    return !contradicts(t, &reply, error) && !transaction_is_confused(t, error) &&
           transaction_take_answer(t, &reply, error);
  if (!t->left)
    transaction_set_unsure(t);
  return false;
}

bool
transaction_by_chunk(struct transaction *t, GError **error)
{
  bool together =
      (t->smtp->capabilities & SMTP_PIPELINING) != 0 && t->needs.size <= TOGETHER_MAX;
  if (!transaction_address(t, error) || (!together && !transaction_settle(t, error)) ||
      transaction_is_confused(t, error))
    return false;
  return transaction_is_hopeless(t) || send_chunk(t, error);
}

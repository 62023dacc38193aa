/* What a server's replies make of each recipient. */
#include "base/error.h"
#include "base/i18n.h"
#include "submit/transaction-private.h"

void
transaction_set_fate(struct smtp_recipient *recipient, enum smtp_fate fate, const struct smtp_reply *reply)
{
  recipient->fate = fate;
  g_free(recipient->words);
  g_free(recipient->status);
  recipient->words = g_strdup(reply->words);
  recipient->status = g_strdup(reply->status);
}

static enum smtp_fate
fate_of(const struct smtp_reply *reply)
{
  return reply->code < 300 ? SMTP_ACCEPTED : reply->code < 500 ? SMTP_LATER : SMTP_REFUSED;
}

/* A reply about the letter as a whole: `all` its recipients, or those that were
 * taken. */
static void
set_fates(struct transaction *t, const struct smtp_reply *reply, bool all)
{
  struct smtp_letter *letter = t->letter;
  enum smtp_fate fate = fate_of(reply);
  for (guint i = 0; i < letter->count; i++)
    if (all || t->taken[i])
      transaction_set_fate(&letter->recipients[i], fate, reply);
  /* Where every recipient was refused, "no valid recipients" to DATA says nothing. */
  if (fate == SMTP_ACCEPTED || (!all && t->taken_count == 0))
    return;
  g_free(letter->remark);
  letter->remark = g_strdup_printf(fate == SMTP_LATER
                                       ? _("%s: the server wants the letter later: \"%s\"")
                                       : _("%s: the server refused the letter: \"%s\""),
                                   t->smtp->place, reply->words);
}

/* Of whom nothing is known after the last byte left, all may be. */
void
transaction_set_unsure(struct transaction *t)
{
  for (guint i = 0; i < t->letter->count; i++)
    if (t->letter->recipients[i].fate == SMTP_WAITING)
      t->letter->recipients[i].fate = SMTP_UNSURE;
}

bool
transaction_unexpected(const struct transaction *t, const struct smtp_reply *reply, GError **error)
{
  return error_set(error, POSTINO_ERROR_PROTOCOL,
                   _("%s: the server answered \"%s\" where it may not"), t->smtp->place,
                   reply->words);
}

static void
take_recipient(struct transaction *t, guint i, const struct smtp_reply *reply)
{
  /* After a refused MAIL no recipient can be taken: what the server said of the
   * letter stands, and the session ends before a dot sends nothing to him. */
  if (t->refused) {
    t->confused = t->confused || reply->code < 300;
    return;
  }
  if (reply->code < 300) {
    t->taken[i] = true;
    t->taken_count++;
  } else
    transaction_set_fate(&t->letter->recipients[i], fate_of(reply), reply);
}

bool
transaction_take_reply(struct transaction *t, const struct owed *owed, const struct smtp_reply *reply,
           GError **error)
{
  /* 3yz answers DATA alone. */
  if (reply->code / 100 == 3 && owed->step != STEP_DATA)
    return transaction_unexpected(t, reply, error);
  switch (owed->step) {
  case STEP_MAIL:
    t->refused = reply->code >= 300;
    if (t->refused)
      set_fates(t, reply, true);
    return true;
  case STEP_RECIPIENT:
    take_recipient(t, owed->recipient, reply);
    return true;
  case STEP_DATA:
    t->open = reply->code == 354;
    if (!t->open && reply->code < 400)
      return transaction_unexpected(t, reply, error);
    if (!t->open && !t->refused)
      set_fates(t, reply, false);
    return true;
  default:
    return true;
  }
}

bool
transaction_is_confused(const struct transaction *t, GError **error)
{
  return t->confused &&
         !error_set(error, POSTINO_ERROR_RETRY,
                    _("%s: the server took recipients of a letter that it had refused"),
                    t->smtp->place);
}

/* The answer to the letter as a whole. */
bool
transaction_take_answer(struct transaction *t, const struct smtp_reply *reply, GError **error)
{
  if (reply->code / 100 == 3) {
    transaction_set_unsure(t);
    return transaction_unexpected(t, reply, error);
  }
  if (!t->refused)
    set_fates(t, reply, false);
  t->smtp->used = reply->code >= 300;
  return reply->code != 421 ||
         error_set(error, POSTINO_ERROR_RETRY, _("%s: the server ends the session: \"%s\""),
                   t->smtp->place, reply->words);
}

/* The server speaks or hangs up before the dot has left: the letter was certainly not
 * taken, and what it says is no answer to the dot. */
bool
transaction_interrupted(struct transaction *t, GError **error)
{
  g_auto(smtp_reply_t) reply = {0};
  if (!smtp_read(t->smtp, &reply, error))
    return false;
  if (reply.code < 400)
    return transaction_unexpected(t, &reply, error);
  set_fates(t, &reply, false);
  return error_set(error, POSTINO_ERROR_RETRY, _("%s: the server ends the session: \"%s\""),
                   t->smtp->place, reply.words);
}

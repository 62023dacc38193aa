/* A letter by DATA (RFC 5321, 4.1.1.4). */
#include <string.h>

#include "submit/transaction-private.h"

static bool
send_body(struct transaction *t, GError **error)
{
  g_autoptr(GString) out = g_string_sized_new(BLOCK + 64);
  return transaction_write(t, false, 0, out, error) && connection_flush(t->smtp->connection, error);
}

static bool
send_dot(struct transaction *t, struct smtp_reply *reply, GError **error)
{
  return transaction_finish(t, ".\r\n", 3, NULL, reply, error);
}

/* ---- the letter that follows ---- */

/* All of its envelope, DATA too, or nothing: what one side may have to buffer while
 * the other does not read is bounded. */
static GPtrArray *
commands_ahead(const struct transaction *t)
{
  g_autoptr(GPtrArray) commands = g_ptr_array_new_with_free_func(g_free);
  size_t bytes = 0;
  g_ptr_array_add(commands, transaction_mail_command(t));
  for (guint i = 0; i < t->letter->count; i++)
    g_ptr_array_add(commands, transaction_recipient_command(t, i));
  g_ptr_array_add(commands, g_strdup("DATA"));
  for (guint i = 0; i < commands->len; i++)
    bytes += strlen(commands->pdata[i]) + 2;
  return bytes < COMMANDS_MAX ? g_steal_pointer(&commands) : NULL;
}

static bool
queue_ahead(struct transaction *t, const GPtrArray *commands, GError **error)
{
  for (guint i = 0; i < commands->len; i++) {
    struct owed owed = {i == 0                   ? STEP_MAIL
                        : i + 1 < commands->len  ? STEP_RECIPIENT
                                                 : STEP_DATA,
                        i > 0 ? i - 1 : 0};
    if (!connection_printf(t->smtp->connection, error, "%s\r\n", (char *)commands->pdata[i]))
      return false;
    g_array_append_val(t->owed, owed);
  }
  t->sent_ahead = true;
  return true;
}

/* RFC 2920, 3.1: the end of one letter may begin a group that goes on with the next
 * one's envelope: a letter then takes one round trip.  Its own answers are read when
 * its turn comes. */
static bool
send_ahead(struct transaction *t, GError **error)
{
  struct smtp *smtp = t->smtp;
  if ((smtp->capabilities & SMTP_PIPELINING) == 0 || t->letter->next == NULL)
    return true;
  struct smtp_letter *next = t->letter->next(t->letter->data);
  if (next == NULL)
    return true;
  smtp->ahead = transaction_new(smtp, next, NULL); /* what hinders it is told in its turn */
  if (smtp->ahead == NULL)
    return true;
  g_autoptr(GPtrArray) commands =
      smtp->ahead->obstacle == NULL ? commands_ahead(smtp->ahead) : NULL;
  return commands == NULL || queue_ahead(smtp->ahead, commands, error);
}

/* The dot, and the next letter's envelope with it. */
static bool
end_letter(struct transaction *t, struct smtp_reply *reply, GError **error)
{
  return connection_write(t->smtp->connection, ".\r\n", 3, NULL, error) &&
         send_ahead(t, error) && transaction_finish(t, "", 0, NULL, reply, error);
}

/* ---- the letter itself ---- */

static bool
hand_over(struct transaction *t, GError **error)
{
  g_auto(smtp_reply_t) reply = {0};
  if (!send_body(t, error) || !t->letter->before_last_byte(t->letter->data, error))
    return false;
  if (!connection_is_quiet(t->smtp->connection))
    return transaction_interrupted(t, error);
  if (end_letter(t, &reply, error))
    return transaction_take_answer(t, &reply, error);
  transaction_set_unsure(t);
  return false;
}

/* 354 although nobody is left to have it: a lone dot, and whatever is answered. */
static bool
close_empty(struct transaction *t, GError **error)
{
  g_auto(smtp_reply_t) reply = {0};
  return send_dot(t, &reply, error);
}

static bool
ask_for_data(struct transaction *t, GError **error)
{
  if (t->sent_ahead) {
    t->smtp->used = true;
    return transaction_settle(t, error);
  }
  return transaction_address(t, error) &&
         (transaction_is_hopeless(t) || transaction_ask(t, STEP_DATA, 0, "DATA", error));
}

bool
transaction_by_data(struct transaction *t, GError **error)
{
  if (!ask_for_data(t, error))
    return false;
  if (!t->open)
    return true;
  if (transaction_is_confused(t, error))
    return false;
  return t->refused || t->taken_count == 0 ? close_empty(t, error) : hand_over(t, error);
}

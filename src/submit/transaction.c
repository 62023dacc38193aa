#include <string.h>

#include "base/error.h"
#include "base/i18n.h"
#include "base/limits.h"
#include "message/sevenbit.h"
#include "net/resolve.h"
#include "submit/smtp.h"

/* Commands that are sent before the first is answered: far below what both sides
 * can buffer. */
#define COMMANDS_MAX 4000
#define BLOCK LIMIT_KIB(64)
/* A chunk that is sent with its envelope before anything of it is answered. */
#define TOGETHER_MAX LIMIT_KIB(64)
/* A user who lowered the timeout below this meant every wait. */
#define USUAL_TIMEOUT 60

enum step { STEP_RESET, STEP_MAIL, STEP_RECIPIENT, STEP_DATA };
struct owed { enum step step; guint recipient; };

struct transaction {
  struct smtp *smtp;
  struct smtp_letter *letter;
  char **specs;             /* of the recipients, as they go over the line */
  char *from;               /* and of the sender */
  struct blob *blob;        /* the letter as this server takes it */
  struct envelope_needs needs;
  char *obstacle;           /* why this server cannot take it; NULL */
  GArray *owed;             /* struct owed: replies to come */
  size_t bytes;             /* of commands without reply */
  bool *taken;              /* recipients whose RCPT was answered with 2yz */
  guint taken_count;
  bool refused;             /* MAIL was: the rest does not matter */
  bool confused;            /* and yet a recipient was taken */
  bool open;                /* DATA was answered with 354 */
  bool left;                /* the server said that it ends the session */
  bool sent_ahead;          /* the envelope went with the dot of the letter before */
};

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

/* ---- a transaction ---- */

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

static struct transaction *
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

/* ---- fates ---- */

static void
set_fate(struct smtp_recipient *recipient, enum smtp_fate fate, const struct smtp_reply *reply)
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
      set_fate(&letter->recipients[i], fate, reply);
  /* Where every recipient was refused, "no valid recipients" to DATA says nothing. */
  if (fate == SMTP_ACCEPTED || (!all && t->taken_count == 0))
    return;
  g_free(letter->remark);
  letter->remark = g_strdup_printf(fate == SMTP_LATER
                                       ? _("%s: the server wants the letter later: \"%s\"")
                                       : _("%s: the server refused the letter: \"%s\""),
                                   t->smtp->place, reply->words);
}

static bool
unexpected(const struct transaction *t, const struct smtp_reply *reply, GError **error)
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
    set_fate(&t->letter->recipients[i], fate_of(reply), reply);
}

static bool
take_reply(struct transaction *t, const struct owed *owed, const struct smtp_reply *reply,
           GError **error)
{
  /* 3yz answers DATA alone. */
  if (reply->code / 100 == 3 && owed->step != STEP_DATA)
    return unexpected(t, reply, error);
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
      return unexpected(t, reply, error);
    if (!t->open && !t->refused)
      set_fates(t, reply, false);
    return true;
  default:
    return true;
  }
}

/* ---- commands and their replies ---- */

static bool
settle(struct transaction *t, GError **error)
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
    if (!take_reply(t, &g_array_index(t->owed, struct owed, i), &reply, error))
      return false;
  }
  g_array_set_size(t->owed, 0);
  t->bytes = 0;
  return true;
}

static bool
ask(struct transaction *t, enum step step, guint recipient, const char *command, GError **error)
{
  struct owed owed = {step, recipient};
  if (!connection_printf(t->smtp->connection, error, "%s\r\n", command))
    return false;
  g_array_append_val(t->owed, owed);
  t->bytes += strlen(command) + 2;
  bool pipelined = (t->smtp->capabilities & SMTP_PIPELINING) != 0;
  return (pipelined && step != STEP_DATA && t->bytes < COMMANDS_MAX) || settle(t, error);
}

static char *
recipient_command(const struct transaction *t, guint i)
{
  return envelope_rcpt(t->specs[i], t->smtp->capabilities, &t->letter->dsn);
}

static bool
ask_recipients(struct transaction *t, GError **error)
{
  for (guint i = 0; i < t->letter->count && !t->refused; i++) {
    g_autofree char *command = recipient_command(t, i);
    if (!ask(t, STEP_RECIPIENT, i, command, error))
      return false;
  }
  return true;
}

static bool
is_hopeless(const struct transaction *t)
{
  return t->owed->len == 0 && (t->refused || t->taken_count == 0);
}

static char *
mail_command(const struct transaction *t)
{
  return envelope_mail(t->from, &t->needs, t->smtp->capabilities, &t->letter->dsn);
}

/* MAIL and RCPT, in one flush with what follows where the server lets them. */
static bool
address_envelope(struct transaction *t, GError **error)
{
  g_autofree char *mail = mail_command(t);
  if (t->smtp->used && !ask(t, STEP_RESET, 0, "RSET", error))
    return false;
  t->smtp->used = true;
  return ask(t, STEP_MAIL, 0, mail, error) && ask_recipients(t, error);
}

/* ---- the letter ---- */

struct body {
  struct transaction *t;
  struct stuffing stuffing;
  guint64 at;
  size_t keep;              /* bytes at the end that are not written */
  GString *out;             /* and are left here */
};

static bool
write_block(const char *data, size_t length, void *context, GError **error)
{
  struct body *body = context;
  const struct smtp_letter *letter = body->t->letter;
  guint64 size = blob_size(body->t->blob);
  g_autofree char *log = body->at > 0 ? g_strdup("")
                                      : g_strdup_printf("(the letter, %" G_GUINT64_FORMAT
                                                        " bytes)", size);
  body->at += length;
  envelope_stuff(&body->stuffing, data, length, body->out);
  if (body->at >= size)
    envelope_stuff_end(&body->stuffing, body->out);
  size_t ready = body->out->len - MIN(body->keep, body->out->len);
  if (!connection_write(body->t->smtp->connection, body->out->str, ready, log, error))
    return false;
  g_string_erase(body->out, 0, (gssize)ready);
  if (letter->progress != NULL)
    letter->progress(body->at, size, letter->data);
  return true;
}

/* Writes all but the last `keep` bytes of the form in which it goes over the line;
 * those are in `out`. */
static bool
write_body(struct transaction *t, bool no_dots, size_t keep, GString *out, GError **error)
{
  struct body body = {.t = t, .stuffing = {.no_dots = no_dots}, .keep = keep, .out = out};
  return blob_each(t->blob, 0, write_block, &body, error);
}

static bool
send_body(struct transaction *t, GError **error)
{
  g_autoptr(GString) out = g_string_sized_new(BLOCK + 64);
  return write_body(t, false, 0, out, error) && connection_flush(t->smtp->connection, error);
}

/* RFC 5321, 4.5.3.2.6 gives the server ten minutes to take a letter over.  What is
 * owed to the envelope is answered first. */
static bool
finish(struct transaction *t, const char *end, size_t length, const char *log,
       struct smtp_reply *reply, GError **error)
{
  struct smtp *smtp = t->smtp;
  int usual = smtp->server->timeout;
  connection_set_timeout(smtp->connection,
                         usual < USUAL_TIMEOUT ? usual : MAX(usual, LIMIT_AFTER_DOT_SECONDS));
  bool answered = connection_write(smtp->connection, end, length, log, error) &&
                  connection_flush(smtp->connection, error);
  if (answered && t->letter->meanwhile != NULL)
    t->letter->meanwhile(t->letter->data);
  answered = answered && settle(t, error) && smtp_read(smtp, reply, error);
  connection_set_timeout(smtp->connection, usual);
  return answered;
}

static bool
send_dot(struct transaction *t, struct smtp_reply *reply, GError **error)
{
  return finish(t, ".\r\n", 3, NULL, reply, error);
}

/* ---- the letter that follows ---- */

/* All of its envelope, DATA too, or nothing: what one side may have to buffer while
 * the other does not read is bounded. */
static GPtrArray *
commands_ahead(const struct transaction *t)
{
  g_autoptr(GPtrArray) commands = g_ptr_array_new_with_free_func(g_free);
  size_t bytes = 0;
  g_ptr_array_add(commands, mail_command(t));
  for (guint i = 0; i < t->letter->count; i++)
    g_ptr_array_add(commands, recipient_command(t, i));
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
         send_ahead(t, error) && finish(t, "", 0, NULL, reply, error);
}

/* Of whom nothing is known after the last byte left, all may be. */
static void
set_unsure(struct transaction *t)
{
  for (guint i = 0; i < t->letter->count; i++)
    if (t->letter->recipients[i].fate == SMTP_WAITING)
      t->letter->recipients[i].fate = SMTP_UNSURE;
}

/* The server speaks or hangs up before the dot has left: the letter was certainly not
 * taken, and what it says is no answer to the dot. */
static bool
was_interrupted(struct transaction *t, GError **error)
{
  g_auto(smtp_reply_t) reply = {0};
  if (!smtp_read(t->smtp, &reply, error))
    return false;
  if (reply.code < 400)
    return unexpected(t, &reply, error);
  set_fates(t, &reply, false);
  return error_set(error, POSTINO_ERROR_RETRY, _("%s: the server ends the session: \"%s\""),
                   t->smtp->place, reply.words);
}

/* The answer to the letter as a whole. */
static bool
take_answer(struct transaction *t, const struct smtp_reply *reply, GError **error)
{
  if (reply->code / 100 == 3) {
    set_unsure(t);
    return unexpected(t, reply, error);
  }
  if (!t->refused)
    set_fates(t, reply, false);
  t->smtp->used = reply->code >= 300;
  return reply->code != 421 ||
         error_set(error, POSTINO_ERROR_RETRY, _("%s: the server ends the session: \"%s\""),
                   t->smtp->place, reply->words);
}

static bool
hand_over(struct transaction *t, GError **error)
{
  g_auto(smtp_reply_t) reply = {0};
  if (!send_body(t, error) || !t->letter->before_last_byte(t->letter->data, error))
    return false;
  if (!connection_is_quiet(t->smtp->connection))
    return was_interrupted(t, error);
  if (end_letter(t, &reply, error))
    return take_answer(t, &reply, error);
  set_unsure(t);
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
is_confused(const struct transaction *t, GError **error)
{
  return t->confused &&
         !error_set(error, POSTINO_ERROR_RETRY,
                    _("%s: the server took recipients of a letter that it had refused"),
                    t->smtp->place);
}

static bool
ask_for_data(struct transaction *t, GError **error)
{
  if (t->sent_ahead) {
    t->smtp->used = true;
    return settle(t, error);
  }
  return address_envelope(t, error) &&
         (is_hopeless(t) || ask(t, STEP_DATA, 0, "DATA", error));
}

static bool
send_by_data(struct transaction *t, GError **error)
{
  if (!ask_for_data(t, error))
    return false;
  if (!t->open)
    return true;
  if (is_confused(t, error))
    return false;
  return t->refused || t->taken_count == 0 ? close_empty(t, error) : hand_over(t, error);
}

/* Of many commands that are answered together a server may answer one twice: then what
 * was read last was no answer to the letter.  421 says that it leaves. */
static bool
says_too_much(struct transaction *t, GError **error)
{
  g_auto(smtp_reply_t) reply = {0};
  return !connection_is_quiet(t->smtp->connection) && smtp_read(t->smtp, &reply, NULL) &&
         reply.code != 421 && !unexpected(t, &reply, error);
}

/* A letter that was refused and taken all the same. */
static bool
contradicts(struct transaction *t, const struct smtp_reply *reply, GError **error)
{
  if (!t->confused || reply->code >= 300)
    return false;
  for (guint i = 0; i < t->letter->count; i++)
    set_fate(&t->letter->recipients[i], SMTP_UNSURE, reply);
  return !unexpected(t, reply, error);
}

/* Nothing but what is owed may have been said before the last byte leaves; what is, is
 * read now, since the server may have had time to answer. */
static bool
is_undisturbed(struct transaction *t, GError **error)
{
  if (t->owed->len > 0 && !connection_is_quiet(t->smtp->connection) && !settle(t, error))
    return false;
  return t->owed->len > 0 || connection_is_quiet(t->smtp->connection) ||
         was_interrupted(t, error);
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
      !write_body(t, true, 1, last, error) ||
      (t->owed->len == 0 && !connection_flush(t->smtp->connection, error)) ||
      !t->letter->before_last_byte(t->letter->data, error))
    return false;
  if (!is_undisturbed(t, error))
    return false;
  if (finish(t, last->str, last->len, "", &reply, error) && !says_too_much(t, error))
    return !contradicts(t, &reply, error) && !is_confused(t, error) &&
           take_answer(t, &reply, error);
  if (!t->left)
    set_unsure(t);
  return false;
}

static bool
send_by_chunk(struct transaction *t, GError **error)
{
  bool together =
      (t->smtp->capabilities & SMTP_PIPELINING) != 0 && t->needs.size <= TOGETHER_MAX;
  if (!address_envelope(t, error) || (!together && !settle(t, error)) ||
      is_confused(t, error))
    return false;
  return is_hopeless(t) || send_chunk(t, error);
}

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
  return (smtp->capabilities & SMTP_CHUNKING) != 0 ? send_by_chunk(t, error)
                                                   : send_by_data(t, error);
}

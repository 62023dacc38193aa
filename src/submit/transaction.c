#include <string.h>

#include "base/error.h"
#include "base/i18n.h"
#include "base/limits.h"
#include "net/resolve.h"
#include "submit/smtp.h"

/* Commands that are sent before the first is answered: far below what both sides
 * can buffer. */
#define COMMANDS_MAX 4000
#define BLOCK LIMIT_KIB(16)
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
  const char *from;         /* and of the sender */
  GArray *owed;             /* struct owed: replies to come */
  size_t bytes;             /* of commands without reply */
  bool *taken;              /* recipients whose RCPT was answered with 2yz */
  guint taken_count;
  bool refused;             /* MAIL was: the rest does not matter */
  bool confused;            /* and yet a recipient was taken */
  bool open;                /* DATA was answered with 354 */
  bool left;                /* the server said that it ends the session */
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

static bool
ask_recipients(struct transaction *t, GError **error)
{
  for (guint i = 0; i < t->letter->count && !t->refused; i++) {
    g_autofree char *command =
        envelope_rcpt(t->specs[i], t->smtp->capabilities, &t->letter->dsn);
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

/* MAIL and RCPT, in one flush with what follows where the server lets them. */
static bool
address_envelope(struct transaction *t, const struct envelope_needs *needs, GError **error)
{
  g_autofree char *mail = envelope_mail(t->from, needs, t->smtp->capabilities, &t->letter->dsn);
  if (t->smtp->used && !ask(t, STEP_RESET, 0, "RSET", error))
    return false;
  t->smtp->used = true;
  return ask(t, STEP_MAIL, 0, mail, error) && ask_recipients(t, error);
}

/* ---- the letter ---- */

/* Writes all but the last `keep` bytes of the form in which it goes over the line;
 * those are in `out`. */
static bool
write_body(struct transaction *t, struct stuffing *stuffing, size_t keep, GString *out,
           GError **error)
{
  size_t length;
  const char *data = g_bytes_get_data(t->letter->bytes, &length);
  g_autofree char *log = g_strdup_printf("(the letter, %" G_GSIZE_FORMAT " bytes)", length);
  for (size_t at = 0; at < length; at += BLOCK) {
    envelope_stuff(stuffing, data + at, MIN(BLOCK, length - at), out);
    if (at + BLOCK >= length)
      envelope_stuff_end(stuffing, out);
    size_t ready = out->len - MIN(keep, out->len);
    if (!connection_write(t->smtp->connection, out->str, ready, at == 0 ? log : "", error))
      return false;
    g_string_erase(out, 0, (gssize)ready);
    if (t->letter->progress != NULL)
      t->letter->progress(MIN(at + BLOCK, length), length, t->letter->data);
  }
  return true;
}

static bool
send_body(struct transaction *t, GError **error)
{
  struct stuffing stuffing = {0};
  g_autoptr(GString) out = g_string_sized_new(BLOCK + 64);
  return write_body(t, &stuffing, 0, out, error) && connection_flush(t->smtp->connection, error);
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
                  settle(t, error) && smtp_read(smtp, reply, error);
  connection_set_timeout(smtp->connection, usual);
  return answered;
}

static bool
send_dot(struct transaction *t, struct smtp_reply *reply, GError **error)
{
  return finish(t, ".\r\n", 3, NULL, reply, error);
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
  if (send_dot(t, &reply, error))
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
send_by_data(struct transaction *t, const struct envelope_needs *needs, GError **error)
{
  if (!address_envelope(t, needs, error) ||
      (!is_hopeless(t) && !ask(t, STEP_DATA, 0, "DATA", error)))
    return false;
  if (!t->open)
    return true;
  if (is_confused(t, error))
    return false;
  return t->refused || t->taken_count == 0 ? close_empty(t, error) : hand_over(t, error);
}

/* RFC 3030.  A small letter goes with its envelope: one round trip in all.  Then its
 * recipients' fates are not known when the last byte leaves, so all stand as unsure
 * until they are; a server that says 421 before has taken nothing. */
static bool
send_chunk(struct transaction *t, const struct envelope_needs *needs, GError **error)
{
  struct stuffing stuffing = {.no_dots = true};
  g_autoptr(GString) last = g_string_sized_new(BLOCK + 64);
  g_auto(smtp_reply_t) reply = {0};
  if (!connection_printf(t->smtp->connection, error, "BDAT %" G_GUINT64_FORMAT " LAST\r\n",
                         needs->size) ||
      !write_body(t, &stuffing, 1, last, error) ||
      (t->owed->len == 0 && !connection_flush(t->smtp->connection, error)) ||
      !t->letter->before_last_byte(t->letter->data, error))
    return false;
  if (!connection_is_quiet(t->smtp->connection))
    return was_interrupted(t, error);
  if (finish(t, last->str, last->len, "", &reply, error))
    return !is_confused(t, error) && take_answer(t, &reply, error);
  if (!t->left)
    set_unsure(t);
  return false;
}

static bool
send_by_chunk(struct transaction *t, const struct envelope_needs *needs, GError **error)
{
  bool together =
      (t->smtp->capabilities & SMTP_PIPELINING) != 0 && needs->size <= TOGETHER_MAX;
  if (!address_envelope(t, needs, error) || (!together && !settle(t, error)) ||
      is_confused(t, error))
    return false;
  return is_hopeless(t) || send_chunk(t, needs, error);
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

bool
smtp_send(struct smtp *smtp, struct smtp_letter *letter, GError **error)
{
  g_auto(GStrv) specs = specs_of(letter);
  g_autofree char *from = smtp_wire_spec(letter->from);
  struct envelope_needs needs =
      envelope_needs(letter->bytes, from, (const char *const *)specs);
  needs.hold = letter->hold;
  g_autofree char *obstacle = envelope_obstacle(&needs, smtp->capabilities, smtp->size_limit);
  if (obstacle != NULL)
    return refuse_here(smtp, letter, obstacle);
  g_autofree bool *taken = g_new0(bool, letter->count + 1);
  g_autoptr(GArray) owed = g_array_new(FALSE, FALSE, sizeof(struct owed));
  struct transaction t = {.smtp = smtp, .letter = letter, .from = from, .specs = specs,
                          .owed = owed, .taken = taken};
  return (smtp->capabilities & SMTP_CHUNKING) != 0 ? send_by_chunk(&t, &needs, error)
                                                   : send_by_data(&t, &needs, error);
}

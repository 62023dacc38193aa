/* The letter in the form in which it goes over the line, and the answer to it. */
#include "base/limits.h"
#include "submit/transaction-private.h"

/* A user who lowered the timeout below this meant every wait. */
#define USUAL_TIMEOUT 60

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
bool
transaction_write(struct transaction *t, bool no_dots, size_t keep, GString *out, GError **error)
{
  struct body body = {.t = t, .stuffing = {.no_dots = no_dots}, .keep = keep, .out = out};
  return blob_each(t->blob, 0, write_block, &body, error);
}

/* RFC 5321, 4.5.3.2.6 gives the server ten minutes to take a letter over.  What is
 * owed to the envelope is answered first. */
bool
transaction_finish(struct transaction *t, const char *end, size_t length, const char *log,
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
  answered = answered && transaction_settle(t, error) && smtp_read(smtp, reply, error);
  connection_set_timeout(smtp->connection, usual);
  return answered;
}

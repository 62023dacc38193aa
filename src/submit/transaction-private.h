/* What the files of one transaction share. */
#pragma once

#include "base/limits.h"
#include "submit/smtp.h"

/* Commands that are sent before the first is answered: far below what both sides
 * can buffer. */
#define COMMANDS_MAX 4000
#define BLOCK LIMIT_KIB(64)

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

/* NULL when the letter cannot be read; why this server cannot take it is its obstacle. */
struct transaction *transaction_new(struct smtp *smtp, struct smtp_letter *letter, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
char *transaction_mail_command(const struct transaction *t);
char *transaction_recipient_command(const struct transaction *t, guint i);
/* One command; settled at once where the server wants it so. */
bool transaction_ask(struct transaction *t, enum step step, guint recipient, const char *command,
                     GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* MAIL and RCPT, in one flush with what follows where the server lets them. */
bool transaction_address(struct transaction *t, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Sends what was written and reads every reply that is owed. */
bool transaction_settle(struct transaction *t, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Is nothing owed, and nobody left to have the letter? */
bool transaction_is_hopeless(const struct transaction *t);

/* ---- fates.c: what replies make of the recipients ---- */

void transaction_set_fate(struct smtp_recipient *recipient, enum smtp_fate fate,
                          const struct smtp_reply *reply);
/* Of whom nothing is known after the last byte left, all may be. */
void transaction_set_unsure(struct transaction *t);
/* False, with the error: a reply that may not stand there. */
bool transaction_unexpected(const struct transaction *t, const struct smtp_reply *reply,
                            GError **error);
bool transaction_take_reply(struct transaction *t, const struct owed *owed,
                            const struct smtp_reply *reply, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* The answer to the letter as a whole.  False when the session is over. */
bool transaction_take_answer(struct transaction *t, const struct smtp_reply *reply,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* False, with the error: the server spoke or hung up before the last byte has left. */
bool transaction_interrupted(struct transaction *t, GError **error);
/* Was somebody taken for a letter that was refused?  With the error. */
bool transaction_is_confused(const struct transaction *t, GError **error);

/* ---- body.c: the letter over the line ---- */

/* Writes all but the last `keep` bytes of the form in which it goes over the line;
 * those are in `out`. */
bool transaction_write(struct transaction *t, bool no_dots, size_t keep, GString *out,
                       GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Its last bytes, what is owed, and the answer to the whole. */
bool transaction_finish(struct transaction *t, const char *end, size_t length, const char *log,
                        struct smtp_reply *reply, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* ---- data.c and chunk.c: its two ways ---- */

bool transaction_by_data(struct transaction *t, GError **error) G_GNUC_WARN_UNUSED_RESULT;
bool transaction_by_chunk(struct transaction *t, GError **error) G_GNUC_WARN_UNUSED_RESULT;

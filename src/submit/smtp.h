/* One submission session (RFC 6409): greeting, EHLO, STARTTLS, AUTH, and letters
 * one after another.  A failure of the line ends it. */
#pragma once

#include "account/account.h"
#include "net/connection.h"
#include "submit/envelope.h"
#include "submit/reply.h"

struct transaction;

struct smtp {
  struct connection *connection;
  const struct conf_account *account;
  const struct conf_server *server;
  char *place;              /* "home smtp (smtp.example:465)" */
  unsigned capabilities;    /* enum smtp_capability */
  guint64 size_limit;       /* of SIZE; 0: none */
  guint64 hold_limit;       /* seconds for which it holds a letter; 0: not at all */
  char **mechanisms;        /* of AUTH; never NULL */
  char *method;             /* how it logged in; NULL: it did not have to */
  bool used;                /* a transaction was begun: RSET comes before the next */
  struct transaction *ahead; /* of the letter whose envelope is on its way; NULL */
};

/* Connects, upgrades by the account's policy, and logs in when a user is set.
 * `known_key`: as in struct connection_options.
 * HOST, RETRY, TRUST, AUTH, REFUSED, PROTOCOL, CANCELLED. */
struct smtp *smtp_open(const struct conf_account *account, struct keyring *keyring,
                       const char *known_key, GCancellable *cancel, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
void smtp_close(struct smtp *smtp);
/* QUIT.  All is settled before it, so nobody waits for the answer (RFC 5321 would
 * have us wait; Postfix does not either): a round trip. */
void smtp_quit(struct smtp *smtp);

/* What became of one recipient. */
enum smtp_fate { SMTP_WAITING, SMTP_ACCEPTED, SMTP_LATER, SMTP_REFUSED, SMTP_UNSURE };
struct smtp_recipient {
  const char *spec;
  enum smtp_fate fate;
  char *words;              /* the server's, clean; NULL */
  char *status;             /* NULL */
};
struct smtp_letter {
  const char *from;
  struct envelope_dsn dsn;
  struct blob *blob;
  guint64 hold;             /* seconds for which the server is to hold it, within its limit; 0 */
  struct smtp_recipient *recipients;
  guint count;
  /* Called when all but the last byte have left: the letter must be on the disk
   * as one that may have been sent, before that byte goes.  False: it stays. */
  bool (*before_last_byte)(void *data, GError **error);
  /* Called after that, where a letter's envelope may go with this one's last byte: the
   * letter for which smtp_send() is called next on this session, if any, which lives
   * until then.  Nothing of it leaves but the envelope.  May be NULL, or answer so. */
  struct smtp_letter *(*next)(void *data);
  /* Called when the last byte has left and the answer is yet to come: there is time.
   * May be NULL. */
  void (*meanwhile)(void *data);
  void (*progress)(guint64 bytes, guint64 all, void *data);
  void *data;
  char *remark;             /* what the server or this machine said of the letter as a
                             * whole, clean; NULL */
};
/* Sends one letter to its recipients and tells each one's fate.  False when the
 * session is over (`error` says why); the fates hold then too: WAITING is safe to
 * try again. */
bool smtp_send(struct smtp *smtp, struct smtp_letter *letter, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
void smtp_letter_clear(struct smtp_letter *letter);

/* An address as it goes over a line: its domain in ASCII.  Free it. */
char *smtp_wire_spec(const char *spec);

/* What EHLO's answer says: its text, line after line from 1, the server's name, on. */
void capability_take(struct smtp *smtp, const char *text, guint line);
void capability_forget(struct smtp *smtp);

/* For smtp.c and transaction.c. */
void transaction_free(struct transaction *transaction);
bool smtp_read(struct smtp *smtp, struct smtp_reply *reply, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

typedef struct transaction transaction_t;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(transaction_t, transaction_free)
typedef struct smtp smtp_t;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(smtp_t, smtp_close)
typedef struct smtp_reply smtp_reply_t;
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(smtp_reply_t, smtp_reply_clear)

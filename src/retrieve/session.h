/* One POP3 session up to and with the login: greeting, CAPA, STLS, who may hear
 * the password, and the status lines of everything after.  A failure of the line
 * ends the session: it is closed without QUIT, so that nothing is deleted. */
#pragma once

#include "account/account.h"
#include "base/error.h"
#include "net/connection.h"

enum pop3_capability {
  POP3_TOP = 1 << 0,
  POP3_UIDL = 1 << 1,
  POP3_USER = 1 << 2,
  POP3_STLS = 1 << 3,
  POP3_PIPELINING = 1 << 4,
  POP3_SASL = 1 << 5,
  POP3_CAPA = 1 << 6,       /* CAPA was answered at all */
  POP3_UTF8 = 1 << 7,
};

struct pop3 {
  struct connection *connection;
  const struct conf_account *account;
  const struct conf_server *server;
  char *place;              /* "home pop3 (pop.example:995)" */
  char *stamp;              /* of the greeting, for APOP; NULL */
  unsigned capabilities;
  char **mechanisms;        /* of SASL; never NULL */
  int login_delay;          /* seconds that must lie between two logins */
  int expire;               /* days that a fetched letter stays; -1: not said */
  char *method;             /* how it logged in: "SCRAM-SHA-256", "USER" */
  bool ahead;               /* a status line was read before its turn */
  char *ahead_line;
  bool may_list;            /* what a listing needs may be asked for with the login */
  bool listed;              /* CAPA, LIST and UIDL were: their answers come next */
  bool assumed;             /* the capabilities are those of an earlier session */
  bool utf8_asked;          /* its answer comes before that of the login */
  bool proof_taken;         /* the empty answer to the server's proof was sent with ours */
  char *memory;             /* what the next session is to be told; NULL: nothing new */
};

struct pop3_options {
  const struct conf_account *account;
  struct keyring *keyring;
  bool list;                /* listing_read() follows at once */
  const char *memory;       /* of an earlier session of this drop, or NULL */
  const char *known_key;    /* see struct connection_options */
};

/* What one status line says. */
enum pop3_answer {
  POP3_DEAD,                /* no answer, or none of POP3: the session is over */
  POP3_NO,                  /* -ERR */
  POP3_YES,                 /* +OK */
};

/* Connects, upgrades by the account's policy and logs in.  Where the server pipelines,
 * what a listing needs is asked for with the last word of the login; where an earlier
 * session remembers what it offers, that is not asked first.  *memory_out (also after a
 * failure): what to remember now, NULL when that is as before.
 * HOST, RETRY, TRUST, AUTH, REFUSED, PROTOCOL, CANCELLED. */
struct pop3 *pop3_open(const struct pop3_options *options, char **memory_out,
                       GCancellable *cancel, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The memory of a server that does not take what is sent ahead of its answers.  Free it. */
char *pop3_memory_of_steps(void);
void pop3_close(struct pop3 *pop3);
/* QUIT and its answer.  True only when the server said +OK, that is when it has
 * deleted what was marked. */
bool pop3_quit(struct pop3 *pop3, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* QUIT where nothing was deleted, so that nothing hangs on its answer: none is waited
 * for. */
void pop3_leave(struct pop3 *pop3);

/* Queues a command ("LIST"); pop3_flush sends what is queued. */
bool pop3_send(struct pop3 *pop3, GError **error, const char *format, ...)
    G_GNUC_PRINTF(3, 4) G_GNUC_WARN_UNUSED_RESULT;
/* Reads a status line.  Both failures fill `error`: NO by the response code of
 * RFC 2449 and 3206 (else `otherwise`), quoting the server; DEAD as the
 * connection says, or PROTOCOL. */
enum pop3_answer pop3_answer(struct pop3 *pop3, enum postino_error otherwise, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* Reads the next status line before its turn: is there one? */
bool pop3_look_ahead(struct pop3 *pop3, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The next line of a multi-line answer without its stuffed dot; *end_out is set
 * at the end.  NULL on failure and at the end. */
const char *pop3_next(struct pop3 *pop3, bool *end_out, GError **error);
/* Reads the answer to a CAPA that was sent. */
bool pop3_read_capabilities(struct pop3 *pop3, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* May commands follow each other unanswered? */
bool pop3_pipelines(const struct pop3 *pop3);
/* How many commands (of some bytes each) leave at once, so that none waits here while the
 * server waits for us to hear it. */
guint pop3_room(const struct pop3 *pop3);
/* PROTOCOL, with where it happened before the sentence.  Returns false. */
bool pop3_broken(const struct pop3 *pop3, const char *sentence, GError **error);

/* Notes one line of what CAPA answers (pure: touches nothing but *pop3). */
void pop3_take_capability(struct pop3 *pop3, const char *line);
/* RFC 1939, 7: "<process.clock@host>" somewhere in the greeting; NULL: none.  Free it. */
char *pop3_stamp(const char *line);
/* The code that a "-ERR [CODE] text" asks for (pure). */
enum postino_error pop3_code(const char *text, enum postino_error otherwise);

typedef struct pop3 pop3_t;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(pop3_t, pop3_close)

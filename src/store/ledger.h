/* The outbox's ledger in state.db (synchronous=FULL).  A letter in the outbox is
 * a file in the Maildir Outbox (as its sender may read it), a row here, a row
 * per recipient, and wire copies in .postino/outbox/.  Each call is one durable
 * commit.  submit/ decides; this only remembers. */
#pragma once

#include "store/store.h"

enum letter_state {
  LETTER_HELD,              /* not before `not_before`: undo, send-at; LEDGER_NEVER: until told */
  LETTER_QUEUED,            /* to be tried at `next_try` */
  LETTER_SENDING,           /* claimed; nothing beyond the last byte yet */
  LETTER_BODY,              /* the last byte may have left: found so = unsure */
  LETTER_BLOCKED,           /* needs the user */
  LETTER_UNSURE,            /* sent or not: only the user or a report settles it */
  LETTER_ACCEPTED,          /* accepted; the file is yet to be filed in Sent */
  LETTER_DONE,              /* filed */
  LETTER_CANCELLED,
};
#define LEDGER_NEVER G_MAXINT64
enum recipient_state { RECIPIENT_WAITING, RECIPIENT_ACCEPTED, RECIPIENT_RETRY, RECIPIENT_REFUSED,
                       RECIPIENT_UNSURE, RECIPIENT_DELIVERED, RECIPIENT_BOUNCED };

struct ledger_recipient {
  char *spec;
  guint copy;               /* which wire copy is for it (Bcc of a sealed letter: its own) */
  enum recipient_state state;
  char *reason;             /* the server's words, clean; NULL */
  char *status;             /* "5.1.1"; NULL */
  int64_t changed;
};
struct ledger_letter {
  char *id;                 /* eight lower-case letters and digits: what the user types */
  char *account;
  char *from;               /* envelope sender */
  char *message_id;
  char *digest;             /* SHA-256 of envelope and bytes: finds a second `send` */
  char *base;               /* base name in Outbox, and later in Sent */
  char *sent_folder;
  enum letter_state state;
  char *reason;             /* clean; NULL */
  guint attempts;
  int64_t created, changed, not_before, next_try;
  char *dsn;                /* "NOTIFY=FAILURE,DELAY RET=FULL" as the user wants it; NULL */
  guint copies;             /* wire copies .postino/outbox/ID.N, 1…copies */
  GPtrArray *recipients;    /* struct ledger_recipient */
};
void ledger_letter_free(struct ledger_letter *letter);

/* Writes wire copies (GBytes, made durable first), then the Outbox file, then the rows.
 * Fills letter->id and letter->base. */
bool ledger_add(struct store *store, struct ledger_letter *letter, GBytes *readable,
                GBytes *const *copies, guint n_copies, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Rows that are not done or cancelled, oldest first; struct ledger_letter. */
GPtrArray *ledger_open(struct store *store, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Was no letter ever sent from here, so that nothing that comes can be about one? */
bool ledger_is_empty(struct store *store);
struct ledger_letter *ledger_get(struct store *store, const char *id, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* The unfinished letter with this digest, or the newest one (any state) with
 * this Message-ID; NULL without error when there is none. */
struct ledger_letter *ledger_by_digest(struct store *store, const char *digest);
struct ledger_letter *ledger_by_message_id(struct store *store, const char *message_id);
/* Moves a letter from one of `from` (bits 1 << state) to its new state and stores
 * reason, attempts, times and all recipients.  False with NOTFOUND when another
 * process moved it meanwhile (compare and set). */
bool ledger_update(struct store *store, const struct ledger_letter *letter, unsigned from,
                   GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The bytes of a wire copy (1…copies), CRLF ends. */
GBytes *ledger_copy(struct store *store, const struct ledger_letter *letter, guint copy,
                    GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* ACCEPTED → DONE: renames Outbox file to the Sent folder by name, syncs both
 * directories, removes the wire copies; safe to repeat. */
bool ledger_file_sent(struct store *store, struct ledger_letter *letter, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* Removes a cancelled letter's wire copies and its Outbox file (moved to `folder`
 * when not NULL, say Drafts). */
bool ledger_discard(struct store *store, struct ledger_letter *letter, const char *folder,
                    GError **error) G_GNUC_WARN_UNUSED_RESULT;

typedef struct ledger_letter ledger_letter_t;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ledger_letter_t, ledger_letter_free)

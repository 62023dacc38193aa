/* submit/ owns the way out: envelopes (pure), the outbox over store/ledger.h,
 * SMTP submission (RFC 6409, 5321, 4954, 3207, 8314, 2920, 1870, 6152, 6531,
 * 3030, 3461), and what delivery reports say. */
#pragma once

#include "account/account.h"
#include "message/report.h"
#include "store/ledger.h"

struct submission {
  const struct conf_account *account;
  const char *from;                 /* envelope sender spec */
  GBytes *readable;                 /* as its sender may read it: kept in Outbox, then Sent */
  GBytes *const *copies;            /* wire copies, CRLF, without Bcc */
  guint n_copies;
  const GPtrArray *recipients;      /* struct ledger_recipient: spec and copy */
  int64_t not_before;               /* 0: at once; LEDGER_NEVER: when it is told to go */
  int64_t hand_over;                /* from when on a server that holds letters may have it before
                                     * its time; 0: never */
  GBytes *given;                    /* what it was made of, where sealing makes other bytes each
                                     * time: tells a second `send`; NULL: the copies do */
  const char *dsn;                  /* "NOTIFY=NEVER RET=HDRS", either or both; NULL: as the server does */
  const char *not_sent_because;     /* kept BLOCKED with this reason; NULL: to be sent */
};
/* Puts a letter into the outbox, durably.  An unfinished letter of the same
 * Message-ID, envelope and bytes is answered with its id.  INVALID for no or bad
 * recipients.  Nothing is kept on error. */
bool outbox_add(struct store *store, const struct submission *submission, char **id_out,
                bool *known_out, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The id of the unfinished letter of the same Message-ID, envelope and `given` bytes
 * (copies are not looked at), or NULL. */
char *outbox_known(struct store *store, const struct submission *submission);

struct submit_progress { const char *what; guint64 bytes, all_bytes; guint letter, letters; };
struct submit_options {
  void (*progress)(const struct submit_progress *progress, void *data);
  void (*settled)(const struct ledger_letter *letter, void *data); /* after each letter's commit */
  void *data;
  bool due_now;                     /* try also what waits for its next try */
  const char *only;                 /* this letter alone; NULL: all that are due */
};
/* Sends what is due of one account over one connection; takes rows that arrive
 * meanwhile before it leaves; repeats what a crash left (ACCEPTED → Sent; BODY
 * without a living holder → UNSURE).  A letter's own failure is in its row; the
 * error is for the connection (HOST, TRUST, AUTH, RETRY…), whose reason the
 * letters have too. */
bool outbox_flush(struct store *store, const struct conf_account *account,
                  struct keyring *keyring, const struct submit_options *options,
                  GCancellable *cancel, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Held, queued, blocked, unsure → cancelled; the file goes to `folder` or away.
 * REFUSED when it is being or was sent. */
bool outbox_cancel(struct store *store, const char *id, const char *folder, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* Blocked, unsure or waiting → due now: the user says that it shall be tried. */
bool outbox_retry(struct store *store, const char *id, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Held, queued, blocked → held until then; LEDGER_NEVER: until outbox_retry(). */
bool outbox_hold(struct store *store, const char *id, int64_t not_before, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* When something is due next: seconds since 1970, or 0 for nothing. */
int64_t outbox_next(struct store *store, const char *account);

/* The contract's word for a state: held, queued, sending, blocked, unsure, … */
const char *letter_state_word(enum letter_state state);
const char *recipient_state_word(enum recipient_state state);

/* Matches a delivery report to its letter and stores each recipient's fate;
 * *letter_out is NULL when it is none of ours. */
bool outbox_report(struct store *store, const struct report *report,
                   struct ledger_letter **letter_out, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* A letter came in that may be a copy (Bcc, a list's, an own address's) of the unsure
 * letter `id`: then it was sent to those whose wire copy that is.  `own`: the user's
 * addresses among its recipients. */
bool outbox_returned(struct store *store, const char *id, GBytes *copy, const char *const *own,
                     bool *settled_out, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Logs in and out and says what it found. */
bool submit_test(const struct conf_account *account, struct keyring *keyring, char **found_out,
                 GCancellable *cancel, GError **error) G_GNUC_WARN_UNUSED_RESULT;

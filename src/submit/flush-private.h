/* What the files of one flush share. */
#pragma once

#include "submit/outbox.h"
#include "submit/smtp.h"

struct flush {
  struct store *store;
  const struct conf_account *account;
  struct keyring *keyring;
  const struct submit_options *options;
  GCancellable *cancel;
  struct smtp *smtp;
  GHashTable *tried;        /* ids of this flush */
  GQueue due;               /* ids, as the ledger was when it was last read */
  struct ledger_letter *following; /* claimed while the one before it is on its way */
  struct sending *ahead;    /* its first copy; NULL: it could not be read */
  GPtrArray *unfiled;       /* struct ledger_letter: accepted, not yet in Sent */
  gint64 unfiled_since;
  bool wary;                /* a line broke after envelopes had gone ahead: none does any more */
  bool went_ahead;
  gint64 told;
  guint done, total;
};

/* One copy of a letter for those who still have to get it. */
struct sending {
  struct flush *flush;
  struct ledger_letter *letter;
  guint copy;
  GArray *places;           /* of its recipients in the letter */
  struct blob *blob;
  struct smtp_letter out;
};
void sending_free(struct sending *sending);

/* ---- flush.c ---- */

/* Progress, when enough time has passed since the last or `always`. */
void flush_tell(struct flush *flush, const char *what, guint64 bytes, guint64 all, bool always);
void flush_settled(struct flush *flush, const struct ledger_letter *letter);
/* Files the letters that wait for it; flush_file_some(): when it is worth its while. */
void flush_file_waiting(struct flush *flush);
void flush_file_some(struct flush *flush);

/* ---- due.c ---- */

/* A held letter before its time: `next_try` is when the server may be asked to hold it
 * (RFC 4865), and 0 once it did not. */
bool flush_is_early(const struct ledger_letter *letter, int64_t now);
/* The next letter that is due, NULL when none is.  Letters that are `on_way` count. */
bool flush_next_due(struct flush *flush, guint on_way, struct ledger_letter **letter_out,
                    GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* ---- sending.c ---- */

/* False when the session is over or the disk failed; the letter's own failure is in
 * its row. */
bool flush_send_letter(struct flush *flush, struct ledger_letter *letter, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* For which a server is to hold a letter that leaves before its time. */
guint64 flush_seconds_to_hold(const struct ledger_letter *letter);
/* A letter that was claimed and whose turn does not come is as it was. */
void flush_release_following(struct flush *flush);

typedef struct sending sending_t;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(sending_t, sending_free)

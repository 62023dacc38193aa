/* What outbox.c and flush.c share. */
#pragma once

#include "submit/submit.h"

/* A letter whose time is nearer is not worth a server's holding it. */
#define HOLD_SECONDS_MIN 60

#define STATE_BIT(state) (1u << (state))

/* A letter's sentence from its recipients: who was refused, who is to wait.  NULL
 * when all is well.  Free it. */
char *outbox_reason(const struct ledger_letter *letter);

/* The letter's state from its recipients' (whole letters of one or several
 * copies): ACCEPTED, UNSURE, QUEUED (somebody waits), or BLOCKED. */
enum letter_state outbox_classify(const struct ledger_letter *letter);

/* When the next try after `attempts` is due. */
int64_t outbox_pause(guint attempts, int64_t now);

/* Has it been tried in vain for so long that it is given up? */
bool outbox_is_hopeless(const struct ledger_letter *letter, int64_t now);

/* What a crash left of this account's letters; only for who holds the lock. */
bool outbox_recover(struct store *store, const char *account, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
char *outbox_lock_name(const char *account);

/* An accepted letter's copy goes to Sent.  One that still cannot be filed must not
 * keep other letters from being sent: whoever comes next files it. */
bool outbox_file(struct store *store, struct ledger_letter *letter);

/* The letter as it is; where nobody sends, what a crash left is put right before. */
struct ledger_letter *outbox_get_settled(struct store *store, const char *id, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

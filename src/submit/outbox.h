/* What the files that keep and send letters share. */
#pragma once

#include "submit/submit.h"

static inline int64_t
outbox_now(void)
{
  return g_get_real_time() / G_USEC_PER_SEC;
}

static inline struct ledger_recipient *
outbox_recipient(const struct ledger_letter *letter, guint i)
{
  return g_ptr_array_index(letter->recipients, i);
}

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

/* What the recipients' fates, or the line's failure `why` (NULL: none), make of a letter
 * that was tried. */
void outbox_judge(struct ledger_letter *letter, const GError *why);
/* May another try mend this failure of a connection? */
bool outbox_is_for_later(const GError *why);
/* The next try after a growing pause, or none any more. */
void outbox_wait(struct ledger_letter *letter, const GError *why);

/* Has it been tried in vain for so long that it is given up? */
bool outbox_is_hopeless(const struct ledger_letter *letter, int64_t now);

/* What a crash left of this account's letters; only for who holds the lock. */
bool outbox_recover(struct store *store, const char *account, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
char *outbox_lock_name(const char *account);
/* CONFIG: it has no smtp block. */
bool outbox_check_account(const struct conf_account *account, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* An accepted letter's copy goes to Sent.  One that still cannot be filed must not
 * keep other letters from being sent: whoever comes next files it. */
bool outbox_file(struct store *store, struct ledger_letter *letter);

/* The letter as it is; where nobody sends, what a crash left is put right before. */
struct ledger_letter *outbox_get_settled(struct store *store, const char *id, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

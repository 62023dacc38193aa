/* What is to be deleted on the server: its DELEs, their answers, and what becomes of the
 * rows. */
#pragma once

#include "retrieve/session.h"
#include "store/drops.h"

struct deletions;
struct deletions *deletions_new(struct pop3 *pop3);
void deletions_free(struct deletions *deletions);

/* The row is durable as DROP_DELETING.  The UID in its name is borrowed. */
void deletions_add(struct deletions *deletions, guint number, const struct drop_name *name);
guint deletions_count(const struct deletions *deletions);
/* Queues the DELEs that were not sent yet, as many as leave at once; they leave with what
 * is flushed next.  *sent_out: how many there are now, in all. */
bool deletions_send(struct deletions *deletions, guint *sent_out, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* Reads the answers to the first `upto` of all. */
bool deletions_read(struct deletions *deletions, guint upto, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* Sends and reads all that is left. */
bool deletions_finish(struct deletions *deletions, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* What was refused stays; with `confirmed` (QUIT was answered) what was not is gone.
 * *deleted_out: how many are. */
bool deletions_settle(const struct deletions *deletions, struct store *store, const char *drop,
                      bool confirmed, guint *deleted_out, GError **error) G_GNUC_WARN_UNUSED_RESULT;

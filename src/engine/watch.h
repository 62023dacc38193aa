/* What the interface's engine does by itself: it sees other programs' changes,
 * fetches every so often, and sends what falls due.  One thread that waits and
 * starts requests; it never does the work. */
#pragma once

#include <glib.h>
#include <stdbool.h>

struct conf_account;
struct engine;
struct watch;

/* Sets engine->watch. */
bool watch_start(struct engine *engine, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Ends its thread: nothing is started any more.  What runs may still tell it
 * things until watch_free(). */
void watch_stop(struct watch *watch);
void watch_free(struct watch *watch);
/* Something may be due now (a letter was queued); NULL is fine. */
void watch_wake(struct watch *watch);
/* An own fetch or flush of the account ended; NULL watch is fine.  `error`: why it
 * failed, or NULL; the same failure is told once, not every five minutes, and not at
 * all when it was `told` already. */
void watch_fetched(struct watch *watch, const struct conf_account *account, const GError *error);
void watch_flushed(struct watch *watch, const struct conf_account *account, const GError *error,
                   bool told);

/* A plugin's process that is started while it is only likely to be needed. */
#pragma once

#include "crypto/client.h"

/* One at most.  Safe for threads. */
struct ahead;
struct ahead *ahead_new(void);
/* Ends it, too. */
void ahead_free(struct ahead *ahead);
/* Returns at once.  Nobody is asked for its rights; `spec` outlives `ahead`. */
void ahead_start(struct ahead *ahead, const struct plugin_spec *spec, crypto_ask ask, void *data);
/* The process of `spec`, which has said hello and done nothing; waits for its start.
 * NULL when there is none, or it lives no more. */
struct client *ahead_take(struct ahead *ahead, const struct plugin_spec *spec);

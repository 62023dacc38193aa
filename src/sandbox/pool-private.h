/* What the room's own tests see of the pool. */
#pragma once

#include "sandbox/reader.h"

/* Calls whose request a child has been sent and not yet answered. */
int reader_pool_asking(struct reader_pool *pool);
/* Seconds that a child has for one letter, in place of LIMIT_READER_SECONDS. */
void reader_pool_set_patience(struct reader_pool *pool, int seconds);

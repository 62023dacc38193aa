/* The letters at which sessions broke: an endless body, an ending in its middle.
 * An order of trying, no more: losing it costs a session. */
#pragma once

#include "retrieve/visit.h"

struct failures;
struct failures *failures_read(struct store *store, const char *drop);
void failures_free(struct failures *failures);
/* How often a session broke at this letter. */
guint failures_of(const struct failures *failures, const struct plan_letter *letter);
/* Letters (struct plan_letter) by that, the least first. */
void failures_sort(const struct failures *failures, GPtrArray *letters);
/* What is kept for the next run: of the letters that this visit wanted, and
 * `broke_at` once more; NULL: all came. */
void failures_write(struct failures *failures, const struct visit *visit,
                    const struct plan_letter *broke_at);

typedef struct failures failures_t;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(failures_t, failures_free)

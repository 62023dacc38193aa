/* What a fetch of everything (retrieve.c) and of the user's choice (server.c)
 * share. */
#pragma once

#include "retrieve/intake.h"
#include "retrieve/visit.h"

/* Letters known under a new name, or again on the server, get their rows. */
bool retrieve_rewrite_rows(struct visit *visit, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Letters that are too large are listed by their headers, and those that are gone no
 * longer. */
bool retrieve_note_waiting(struct visit *visit, struct retrieve_result *result, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
struct intake *retrieve_intake(struct visit *visit, guint64 max_size,
                               const struct retrieve_options *options,
                               struct retrieve_result *result);
/* Marks the letter of step `i`, which is known, to be deleted. */
void retrieve_delete_step(struct intake *intake, const struct visit *visit, guint i);
/* All remarks into the result. */
void retrieve_gather_remarks(struct visit *visit, const struct intake *intake,
                             struct retrieve_result *result);

/* The order in which letters become durable here before the server may delete
 * them: a window of letters is synced and named, its rows are committed, only then
 * its DELEs are sent; QUIT must be answered before a deletion counts. */
#pragma once

#include "retrieve/list.h"
#include "retrieve/plan.h"
#include "retrieve/retrieve.h"
#include "retrieve/transfer.h"

struct intake_options {
  struct pop3 *pop3;
  struct store *store;
  const char *drop;
  const GPtrArray *rows;    /* struct drop_row, as they were at the start */
  const struct plan *plan;
  guint64 max_size;
  bool delete_fetched;      /* what is fetched certainly is deleted there */
  const struct retrieve_options *options;
  struct retrieve_result *result; /* fetched, known, failed, deleted, keys grow */
};
struct intake;
struct intake *intake_new(const struct intake_options *options);
void intake_free(struct intake *intake);

/* Fetches the letter at this place of the plan with the others that were added. */
void intake_want(struct intake *intake, guint place);
/* Marks the letter at this place to be deleted; its row has this name, whose UID is
 * borrowed from the plan. */
void intake_delete(struct intake *intake, guint place, const struct drop_name *name);
/* Fetches all that was wanted, deletes, ends the session with QUIT.  What was
 * committed before a failure stays counted. */
bool intake_run(struct intake *intake, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The letter at which the line or the server broke, or NULL. */
const struct plan_letter *intake_broke_at(const struct intake *intake);
/* Why letters failed: one clean sentence, or NULL. */
const char *intake_remark(const struct intake *intake);

/* TIME.HEX.postino: always the same name for the same letter, so that one whose
 * row was lost is met again; hence the time is the letter's own.  Free it. */
char *intake_base(const char *drop, const struct drop_row *row, const struct header_block *block);

typedef struct intake intake_t;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(intake_t, intake_free)

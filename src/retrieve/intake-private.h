/* What intake.c (windows, durability, DELEs) and letter.c (one letter as it comes) share. */
#pragma once

#include "retrieve/deletions.h"
#include "retrieve/intake.h"

struct wanted {
  guint place;              /* in the plan */
  guint deleted_before;     /* DELEs that were sent before its RETR */
};

struct intake {
  struct intake_options o;
  struct delivery *delivery;
  GArray *wanted;           /* struct wanted */
  guint sent;               /* of wanted: RETRs that left */
  guint read;               /* of wanted: answers that came */
  guint flight;             /* RETRs that may leave at once */
  GArray *known;            /* struct drop_name: known letters that the policy deletes */
  GArray *known_numbers;    /* guint, the same letters */
  struct deletions *deletions;
  GStringChunk *names;      /* of letters without UIDs that are deleted */
  GPtrArray *closed;        /* struct drop_row: closed, not yet durable */
  GArray *closed_places;    /* guint, the same letters in the plan */
  bool doubt;               /* a letter was shorter than announced */
  bool unproven;            /* and one of these stands closed */
  GPtrArray *recorded;      /* struct drop_row: written in this session, of letters without UIDs */
  GPtrArray *keys;
  struct plan_claims *claims; /* NULL: no letter was in doubt yet */
  struct header_block block;
  GError *delivery_error;   /* the disk's: nothing more can be saved */
  const struct plan_letter *broke_at; /* its answer was not whole */
  char *remark;
  struct retrieve_progress progress;
  gint64 told;              /* when progress was last reported */
};

static inline const struct plan_letter *
intake_letter(const struct intake *in, const struct wanted *wanted)
{
  return &in->o.plan->letters[wanted->place];
}

static inline const struct plan_step *
intake_step(const struct intake *in, const struct wanted *wanted)
{
  return &in->o.plan->steps[wanted->place];
}

/* ---- intake.c ---- */

/* Durable files, then durable rows, of all that stands closed. */
bool intake_commit(struct intake *in, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Their rows are durable: the server may forget what was to be deleted. */
bool intake_release(struct intake *in, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Nothing more can be saved; takes `why`.  Returns false. */
bool intake_disk_failed(struct intake *in, GError *why, GError **error);
/* A transfer's progress. */
void intake_count_bytes(guint64 bytes, void *in);

/* ---- letter.c ---- */

/* Reads the answer to one RETR: the letter stands closed then, or is met again, or was
 * refused, which is noted. */
bool intake_read_letter(struct intake *in, const struct wanted *wanted, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* A server that forgets to stuff dots ends a letter early and sends its rest as
 * answers.  A letter shorter than announced counts only when an answer follows. */
bool intake_is_over(struct intake *in, GError **error) G_GNUC_WARN_UNUSED_RESULT;

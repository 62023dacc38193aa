/* What to fetch and what to delete, decided from data alone.  A UID by itself
 * licenses neither skipping nor deleting: the LIST size must match too, and where
 * it does not, where a UID stands twice or is missing, or where a letter may be
 * an old one under a new name, the digest of its header block decides, identical
 * letters one for one. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "conf/conf.h"
#include "store/drops.h"

struct plan_letter {
  guint number;
  const char *uid;          /* NULL: the server gave none that can be used */
  guint64 size;
  const char *digest;       /* of what TOP gave; NULL: not asked or not to be had */
  int64_t arrived;          /* by the same; 0: not known */
};

enum plan_action {
  PLAN_KEEP,                /* known; it stays */
  PLAN_DELETE,              /* known; to be deleted there */
  PLAN_FETCH,
  PLAN_TOO_LARGE,           /* not known; stays until it is asked for */
  PLAN_EXAMINE,             /* TOP decides: plan again with its digest */
};

/* Why a letter goes, or stays in spite of the account's policy. */
enum plan_why {
  WHY_NOTHING,
  WHY_UNANSWERED,           /* its deletion was begun */
  WHY_NOTHING_STAYS, WHY_DAYS_OVER, WHY_DELETED_HERE, WHY_NOT_NEWEST,
  WHY_KEPT, WHY_ELSEWHERE, WHY_ODD_LIST,
};

/* Kept small: there may be a hundred thousand. */
struct plan_step {
  const struct drop_row *row; /* known as; NULL.  Owned by the rows */
  const char *uid;          /* what its row is called: the UID, or "~DIGEST" where there is none;
                             * NULL until it is known.  Owned by the letter or the plan */
  int64_t until;            /* KEEP: when the policy deletes it; 0: never */
  guint generation;         /* of the row to be written when it is fetched (FETCH, TOO_LARGE) */
  enum plan_action action : 8;
  enum plan_why why : 8;    /* KEEP, DELETE */
  bool certain : 1;         /* false: after the download its digest is to be compared */
  bool kept : 1;            /* the user's word: no policy deletes it */
  bool while_here : 1;      /* KEEP: until it is deleted here */
  bool renamed : 1;         /* known under another UID or size: its row is to be written anew */
  bool refuted : 1;         /* another program knew another letter by this UID: plan->refuted */
};

struct plan_policy {
  int leave;                /* CONF_LEAVE_…, 0 delete, else days */
  guint keep_newest;        /* of all that is listed; 0: any number */
  GHashTable *bases;        /* store_base_key() of the letters that are in a folder here; NULL:
                             * unknown, all */
  GHashTable *kept;         /* store_kept(): what no policy deletes; NULL: nothing */
  guint64 max_size;         /* G_MAXUINT64: any */
  int64_t now;
  bool can_examine;         /* TOP is there and was not asked yet */
  bool never_delete;        /* the server's lists cannot be trusted */
};

struct plan {
  struct plan_step *steps;  /* one per letter, in their order */
  guint count;
  const struct plan_letter *letters; /* borrowed */
  GPtrArray *refuted;       /* struct drop_row that are no letter of the server's; the rows' */
  GStringChunk *names;
};

/* The letters stand in the order of their numbers.  Rows: struct drop_row, of any
 * state, in any order.  The plan borrows both. */
struct plan *plan_make(const struct plan_letter *letters, guint count, const GPtrArray *rows,
                       const struct plan_policy *policy);
void plan_free(struct plan *plan);
guint plan_count(const struct plan *plan, enum plan_action action);
/* Does it rest on names and sizes alone, so that no row's digest or base name is asked
 * for?  With `bases` in the policy their base names are, of course. */
bool plan_is_plain(const struct plan *plan);

/* The unclaimed row that a downloaded letter, fetched without certainty, is the
 * same letter as; NULL for none.  What it returns is claimed from then on. */
struct plan_claims;
struct plan_claims *plan_claims_new(const struct plan *plan, const GPtrArray *rows);
const struct drop_row *plan_claim(struct plan_claims *claims, const char *uid, guint64 size,
                                  const char *digest);
void plan_claims_free(struct plan_claims *claims);

/* In a few words, translated; NULL for WHY_NOTHING. */
const char *plan_why_words(enum plan_why why);
/* One line of what is to be done with a letter, for --dry-run; translated. */
char *plan_describe(const struct plan_letter *letter, const struct plan_step *step);

typedef struct plan plan_t;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(plan_t, plan_free)
typedef struct plan_claims plan_claims_t;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(plan_claims_t, plan_claims_free)

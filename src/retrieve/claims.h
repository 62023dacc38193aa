/* The rows of a drop and its listed letters by what they are called, and which rows are
 * taken.  Sorted places, so that a hundred thousand of each are less than one MB. */
#pragma once

#include "retrieve/plan.h"

/* Places in the rows or letters, in no order that means anything. */
struct span {
  const guint *at, *end;
};

/* Borrows both. */
struct plan_claims *claims_new(const struct plan_letter *letters, guint count,
                               const GPtrArray *rows);

const struct drop_row *claims_row(const struct plan_claims *claims, guint place);
struct span claims_rows_named(struct plan_claims *claims, const char *uid);
/* How often a UID is listed. */
guint claims_times_listed(struct plan_claims *claims, const char *uid);
/* Is the row's letter on the server under the name and size that the row knows? */
bool claims_stands(struct plan_claims *claims, const struct drop_row *row);

bool claims_is_taken(const struct plan_claims *claims, guint place);
const struct drop_row *claims_take(struct plan_claims *claims, guint place);
/* The best unclaimed row of this header digest, now claimed: of this UID and size, of this
 * UID, else one of another name whose letter should be there and is not.  NULL: none. */
const struct drop_row *claims_take_digest(struct plan_claims *claims, const char *uid,
                                          guint64 size, const char *digest);

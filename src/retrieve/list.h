/* What lies on the server: LIST and UIDL, read within bounds. */
#pragma once

#include "retrieve/plan.h"
#include "retrieve/session.h"

struct listing {
  GArray *letters;          /* struct plan_letter, by number */
  GPtrArray *rows;          /* struct drop_row by UID: what is listed mostly has its text there;
                             * NULL: none */
  guint row;                /* the last that was found among them */
  GStringChunk *strings;    /* of UIDs that they have not */
  guint odd;                /* lines that made no sense: nothing is deleted then */
  bool uids;                /* UIDL was answered */
};

/* Asks for the capabilities, LIST and UIDL, in one flush where that is allowed.  `rows`:
 * as store_drop_rows() gives them; a reference is kept. */
struct listing *listing_read(struct pop3 *pop3, GPtrArray *rows, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
void listing_free(struct listing *listing);

/* The pure part: one line each.  A line that makes no sense is counted as odd;
 * false when there are too many. */
bool listing_take_size(struct listing *listing, const char *line);
bool listing_take_uid(struct listing *listing, const char *line);
struct listing *listing_new(void);
/* Sorts what LIST said; to be called before the UIDs are taken. */
void listing_sort(struct listing *listing);
/* A UID as rows keep it: itself when RFC 1939 allows it, else "~~" and a digest
 * of it; NULL for an empty one. */
char *listing_clean_uid(const char *uid);

typedef struct listing listing_t;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(listing_t, listing_free)

/* Letters from their files through the reader children, several at a time. */
#pragma once

#include "store/scan.h"

struct letter_read {
  const struct change *what;
  struct index_doc *doc;    /* NULL: there is no letter */
  bool odd;                 /* what is there is a pipe, a directory, a link to nothing */
  guint64 size;
  int64_t arrival;
  size_t weight;            /* bytes that doc holds, about */
  GError *error;            /* no reader can be had: nothing more is read */
};
void letter_read_free(struct letter_read *letter);

/* Called on the caller's thread with letters (struct letter_read) in the order
 * of their dates; false stops. */
typedef bool (*reading_fn)(GPtrArray *letters, void *data, GError **error);
/* Reads the files that `wanted` (struct change) names, in its order, and gives them on by
 * batches.  What was read before a cancel is given on too. */
bool reading_run(struct store *store, const struct scan *scan, GArray *wanted, reading_fn give,
                 void (*tell)(void *data), void *data, GCancellable *cancel, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

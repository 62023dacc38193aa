/* Letters from their files through the reader children, several at a time. */
#pragma once

#include "store/scan.h"

struct letter_read {
  const struct change *what;
  int64_t listed;           /* as in struct reading_order when its reading began */
  struct index_doc *doc;    /* NULL: there is no letter; its text is in `terms` alone */
  struct terms *terms;
  bool odd;                 /* what is there is a pipe, a directory, a link to nothing */
  guint64 size;
  int64_t arrival;
  size_t weight;            /* bytes that it holds, about */
  GError *error;            /* no reader can be had: nothing more is read */
};
void letter_read_free(struct letter_read *letter);

/* Called on the caller's thread with letters (struct letter_read) in the order
 * of their dates; false stops. */
typedef bool (*reading_fn)(GPtrArray *letters, void *data, GError **error);
struct reading_order {
  GArray *wanted;           /* struct change: the files that are read, in this order */
  reading_fn give;
  void (*tell)(void *data); /* for each letter that was read; or NULL */
  void *data;
  const int64_t *listed;    /* row from which on letters have a list of words; give() may
                             * change it */
};
/* Reads the files and gives them on by batches.  What was read before a cancel is given
 * on too. */
bool reading_run(struct store *store, const struct scan *scan, const struct reading_order *order,
                 GCancellable *cancel, GError **error) G_GNUC_WARN_UNUSED_RESULT;

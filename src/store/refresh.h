/* What the files of a refresh share: one look at the mail on disk, and what follows
 * from it in the index. */
#pragma once

#include "store/disk.h"
#include "store/reading.h"
#include "store/scan.h"

struct refresh {
  struct store *store;
  struct scan *scan;
  store_progress_fn progress;
  void *data;
  struct store_progress count;
  GCancellable *cancel;
  GHashTable *tagged;       /* state_tagged(), once it is needed */
  GPtrArray *left;          /* struct left */
  int64_t listed;           /* lists_from() */
  reading_fn give;          /* of refresh_read() */
  bool changed;
};

static inline struct scanned_folder *
folder_at(struct refresh *refresh, guint at)
{
  return refresh->scan->folders->pdata[at];
}

/* Its directory differs from what was read: it is looked at again next time. */
static inline void
unsettle(struct refresh *refresh, guint folder)
{
  folder_at(refresh, folder)->cur_time = 0;
}

/* A file name taken apart; the strings live as long as `base`. */
struct letter_file refresh_file(const char *name, bool fresh, char **base);

/* ---- refresh.c ---- */

/* Reads the letters in `wanted` (struct change) and gives them to `give`. */
bool refresh_read(struct refresh *refresh, GArray *wanted, reading_fn give,
                  void (*tell)(void *data), GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* ---- refresh-names.c: files that have other names, or none ---- */

bool refresh_names(struct refresh *refresh, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Tags of what has gone, once new letters have rows: what came elsewhere may have them. */
bool refresh_tags(struct refresh *refresh, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* ---- refresh-texts.c: the full-text table made anew ---- */

/* FTS5 without content cannot forget: where much in it is dead, all that lives is put in
 * again. */
bool refresh_texts(struct refresh *refresh, GError **error) G_GNUC_WARN_UNUSED_RESULT;

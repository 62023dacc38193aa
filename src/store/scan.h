/* Compares the Maildirs with the index by names alone. */
#pragma once

#include "store/index-private.h"

struct scanned_folder {
  char *name;
  int64_t id;               /* 0: not in the index yet */
  int64_t cur_time, new_time;/* of the directories when they were read; 0: look again */
  bool looked;              /* its names were read */
  bool only_new;            /* of them those in new/: cur/ is as it was */
  bool vanished;            /* in the index, not on the disk */
};
struct change {
  guint folder;             /* where the file lies: place in scan.folders */
  const char *name;         /* its file name; owned by the scan */
  bool fresh;               /* in new/ */
  int64_t id;               /* the letter's row; 0: none yet */
};
struct scan {
  GPtrArray *folders;       /* struct scanned_folder */
  GStringChunk *names;
  GArray *added, *renamed, *gone; /* struct change; of gone, the folder is where it lay */
};

/* Of nothing. */
struct scan *scan_new(void);
struct scan *scan_run(struct store *store, GCancellable *cancel, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
void scan_free(struct scan *scan);

typedef struct scan scan_t;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(scan_t, scan_free)

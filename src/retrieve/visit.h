/* One visit to a drop: its lock, the session, what lies there, what is known of
 * it, and the plan. */
#pragma once

#include "retrieve/list.h"
#include "retrieve/plan.h"
#include "retrieve/retrieve.h"

struct visit {
  const struct conf_account *account;
  struct store *store;
  char *drop;
  struct store_lock *lock;  /* held while connected */
  struct pop3 *pop3;
  struct listing *listing;
  guint64 max_size;
  GPtrArray *rows;          /* struct drop_row, with what `detail` says */
  enum drop_detail detail;
  struct plan *plan;
  GHashTable *bases;        /* of what lies in the folders here; NULL as `folders`, and when one left */
  GHashTable *kept;         /* store_kept() */
  char *folders;            /* their names, a line each; NULL: not asked or not known */
  GStringChunk *digests;    /* of letters that were examined */
  GPtrArray *remarks;       /* char *: clean, no stop at their end */
};

/* Locks, connects, logs in, lists, and plans with this size limit.  RETRY when
 * another process holds the drop. */
struct visit *visit_begin(const struct conf_account *account, struct keyring *keyring,
                          struct store *store, guint64 max_size,
                          const struct retrieve_options *options, GCancellable *cancel,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;
void visit_end(struct visit *visit);
/* Reads the rows with all that they hold, and plans by them. */
bool visit_read_whole(struct visit *visit, GError **error) G_GNUC_WARN_UNUSED_RESULT;

struct plan_letter *visit_letter(const struct visit *visit, guint i);
/* A folder that is gone now is not missed the next time. */
bool visit_keep_folders(struct visit *visit, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The remarks as one sentence, or NULL.  Free it. */
char *visit_remark(const struct visit *visit);

typedef struct visit visit_t;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(visit_t, visit_end)

/* Letters that wait on a POP3 server because they are too large to be fetched
 * unasked: what TOP told of them is kept in state.db, so that they are listed like
 * letters, and again after the index was made anew.  No file stands for them: other
 * programs see letters alone. */
#pragma once

#include "store/store.h"

struct waiting {
  char *drop;               /* id of store_drop() */
  char *uid;                /* as in struct drop_row, with size and generation */
  guint64 size;
  guint generation;
  char *folder, *base;      /* the key that it will have here */
  GBytes *headers;          /* NULL: not known */
  guint asked;              /* how often they were asked for */
  int64_t noticed;          /* seconds */
};
void waiting_free(struct waiting *waiting);

/* What waits in this drop.  struct waiting, without headers. */
GPtrArray *store_waiting(struct store *store, const char *drop, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* Adds or replaces in one durable commit; their folders are made. */
bool store_waiting_record(struct store *store, const GPtrArray *waiting, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* They were fetched, or are no longer there. */
bool store_waiting_forget(struct store *store, const GPtrArray *waiting, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* The one of this key, and whose it is.  NOTFOUND. */
struct waiting *store_waiting_find(struct store *store, const char *key, char **account_out,
                                   GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Forgets what waits for accounts that there are no longer. */
bool store_waiting_keep(struct store *store, const char *const *accounts, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* Letters that the user keeps on the server, whatever the account's policy says. */
bool store_keep(struct store *store, const char *drop, const char *uid, guint64 size, bool keep,
                GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* A set of store_kept_key(). */
GHashTable *store_kept(struct store *store, const char *drop, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
char *store_kept_key(const char *uid, guint64 size);

typedef struct waiting waiting_t;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(waiting_t, waiting_free)

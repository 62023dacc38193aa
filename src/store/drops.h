/* What state.db knows of POP3 drops: which letters were seen, with which UID and
 * size, where they were put, and what became of them on the server. */
#pragma once

#include "store/store.h"

enum drop_state {
  DROP_HERE,                /* durable here, still on the server */
  DROP_DELETING,            /* DELE is to be or was sent, QUIT not yet answered */
  DROP_GONE,                /* the server no longer has it */
};
struct drop_row {
  char *uid;                /* as the server names it; clean bytes 0x21-0x7e */
  guint64 size;             /* the server's LIST size */
  guint generation;         /* 0, then one more for each other letter of this UID and size */
  char *base;               /* Maildir base name it was delivered under; NULL: skipped */
  char *digest;             /* headers_digest() of the letter; NULL: unknown */
  int64_t fetched;          /* seconds */
  enum drop_state state;
};
void drop_row_free(struct drop_row *row);

/* The id of the drop of `user` at `server` for this account, made when new; an
 * account that was renamed or moved inherits by store_drop_inherit(). */
bool store_drop(struct store *store, const char *account, const char *server, const char *user,
                char **id_out, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Drops other than `id` that share at least half of these UIDs; NULL if none. */
char *store_drop_like(struct store *store, const char *id, const char *const *uids);
bool store_drop_inherit(struct store *store, const char *id, const char *from, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* All rows of a drop.  struct drop_row. */
GPtrArray *store_drop_rows(struct store *store, const char *id, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* Adds or replaces rows in one durable commit. */
bool store_drop_record(struct store *store, const char *id, const GPtrArray *rows, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* Forgets rows that the server has not listed for `days`. */
bool store_drop_prune(struct store *store, const char *id, const char *const *listed, int days,
                      GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The base names of all letters in all folders, and the folders' names; LOCAL when
 * one of them cannot be read. */
GHashTable *store_bases(struct store *store, GStrv *folders_out, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* What an account once achieved ("tls", "pin"), never silently less. */
char *store_memory_get(struct store *store, const char *account, const char *name);
bool store_memory_set(struct store *store, const char *account, const char *name,
                      const char *value, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* What state.db knows of POP3 drops: which letters were seen, with which UID and
 * size, where they were put, and what became of them on the server. */
#pragma once

#include "store/store.h"

enum drop_state {
  DROP_HERE,                /* durable here, still on the server */
  DROP_DELETING,            /* DELE is to be or was sent, QUIT not yet answered */
  DROP_GONE,                /* the server no longer has it */
};
/* The size of a letter that another program retrieved, until the server lists it. */
#define DROP_SIZE_UNKNOWN ((guint64)G_MAXINT64)
/* In place of the base name of such a letter, for good: it is not in a folder of ours
 * for certain, so no policy deletes it on the server. */
#define DROP_ELSEWHERE "-"

struct drop_row {
  const char *uid;          /* as the server names it; clean bytes 0x21-0x7e */
  guint64 size;             /* the server's LIST size */
  const char *base;         /* Maildir base name it was delivered under; NULL: skipped */
  const char *digest;       /* headers_digest() of the letter; NULL: unknown */
  int64_t fetched;          /* seconds */
  guint generation;         /* 0, then one more for each other letter of this UID and size */
  enum drop_state state;
};
/* A copy in one block with its strings, to be freed by drop_row_free(). */
struct drop_row *drop_row_copy(const struct drop_row *row);
void drop_row_free(struct drop_row *row);

/* The id of the drop of `user` at `server` for this account, made when new; an
 * account that was renamed or moved inherits by store_drop_inherit(). */
bool store_drop(struct store *store, const char *account, const char *server, const char *user,
                char **id_out, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Drops other than `id` that share at least half of these UIDs; NULL if none. */
char *store_drop_like(struct store *store, const char *id, const char *const *uids);
bool store_drop_inherit(struct store *store, const char *id, const char *from, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* What rows are read with beside their names: a hundred thousand digests are 7 MB, and
 * asked for by few. */
enum drop_detail { DROP_NAMES = 0, DROP_BASES = 1 << 0, DROP_DIGESTS = 1 << 1, DROP_WHOLE = 3 };
/* In place of a base name (but DROP_ELSEWHERE) or a digest that there is and that was not
 * asked for. */
extern const char drop_unread[];
/* All rows of a drop.  struct drop_row. */
GPtrArray *store_drop_rows(struct store *store, const char *id, enum drop_detail detail,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Adds or replaces rows in one durable commit. */
bool store_drop_record(struct store *store, const char *id, const GPtrArray *rows, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* What a row is called. */
struct drop_name {
  const char *uid;
  guint64 size;
  guint generation;
};
/* Gives the rows of these names (struct drop_name) this state, in one durable commit. */
bool store_drop_settle(struct store *store, const char *id, const GArray *names,
                       enum drop_state state, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Forgets rows that the server has not listed for `days`, and what the user kept there and
 * of which no row is left.  `missing`: the UIDs of all rows and of all that is kept which it
 * does not list now, NULL-terminated. */
bool store_drop_prune(struct store *store, const char *id, const char *const *missing, int days,
                      GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* A set of store_base_key() of all letters in all folders, and the folders' names; LOCAL
 * when one of them cannot be read. */
GHashTable *store_bases(struct store *store, GStrv *folders_out, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* A hash: a hundred thousand names are 8 MB.  Two that it takes for one keep a letter on
 * the server that may go. */
void *store_base_key(const char *base);
/* What an account once achieved ("tls", "pin"), never silently less. */
char *store_memory_get(struct store *store, const char *account, const char *name);
bool store_memory_set(struct store *store, const char *account, const char *name,
                      const char *value, GError **error) G_GNUC_WARN_UNUSED_RESULT;

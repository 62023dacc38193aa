/* What the files of store/ share: disk (Maildirs and state.db, what must not be
 * lost) and index (index.db, a mirror that can be rebuilt). */
#pragma once

#include <sqlite3.h>

#include "store/store.h"

struct index;
struct state;

struct store {
  char *dir;                  /* absolute, without a slash at its end */
  struct reader_pool *readers;
  struct state *state;        /* state.c: state.db behind its own lock */
  struct index *index;        /* index.c: index.db behind its own locks */
  struct seal_key *seal_key;  /* sealed.c: of the locked index */
};

/* ---- maildir.c: names and directories, nothing of databases ---- */

/* A key "FOLDER/BASE" taken apart; false for what cannot be a key. */
bool key_split(const char *key, char **folder_out, char **base_out);
char *key_join(const char *folder, const char *base);
/* A file name of cur or new: its base (before ":2,") and its flags. */
char *maildir_base(const char *name, unsigned *flags_out);
/* What of a base name is the letter's for good: the unique part before the fields that
 * other programs put behind it and change (",S=", ",W=", ",U=", ",FMD5="). */
char *maildir_stem(const char *base);
/* A condition on `column`, a base name: its stem is the parameter `n`.  One range of an
 * index, since ',' and what follows it sort before '-'. */
#define OF_STEM(column, n) \
  column " >= " n " AND " column " < " n " || '-' AND substr(" column ", length(" n ") + 1, 1)" \
         " IN ('', ',')"
/* The name for cur: BASE:2,FLAGS (letters in ASCII order). */
char *maildir_name(const char *base, unsigned flags);
/* The directory of a folder as the user names it: DIR/FOLDER, DIR for ".". */
char *maildir_path(const struct store *store, const char *folder);
bool maildir_name_is_valid(const char *folder, GError **error);
/* Where the letter lies now: absolute path, flags; looks in cur, then new, by
 * base name, then by its stem.  `hint`: its path as last seen, tried first; may be
 * NULL.  NULL with NOTFOUND. */
char *maildir_find(const struct store *store, const char *key, const char *hint,
                   unsigned *flags_out, GError **error);
/* Names of all folders on the disk (INTERFACE.md "On disk").  g_strfreev.  CANCELLED. */
char **maildir_folders(const struct store *store, GCancellable *cancel, GError **error);

/* ---- index.c, index-follow.c: the mirror ---- */

bool index_open(struct store *store, GError **error);
void index_close(struct store *store);
/* The disk was changed by this store; the mirror follows at once without reading
 * a letter again.  A failure only means that the next refresh has more to do. */
void index_moved(struct store *store, const char *old_key, const char *new_key,
                 const char *new_path, unsigned flags);
void index_removed(struct store *store, const char *key);
void index_tagged(struct store *store, const char *key, const char *tags);
/* The path of a key as last seen, or NULL. */
char *index_path(struct store *store, const char *key);
/* The key of any row whose base name, or at least its stem, is that of `base`, or NULL. */
char *index_find_base(struct store *store, const char *base);
/* Is it the row of a letter that lies on a server alone? */
bool index_waits(struct store *store, const char *key);

/* ---- sealed.c ---- */

struct seal_key *seal_key_new(void);
void seal_key_free(struct seal_key *key);

/* ---- state.c ---- */

bool state_open(struct store *store, GError **error);
void state_close(struct store *store);
/* The tags of a letter, named by its base's stem and header digest; NULL: none.
 * For the index, which mirrors them. */
char *state_tags(struct store *store, const char *base, const char *digest);
/* The stem of every base name that has tags, in one reading, so that indexing a million
 * letters does not ask a million times: stem → tags (of any digest). */
GHashTable *state_tagged(struct store *store);
/* What waits on any server, without headers (waiting.c), and the headers of one. */
struct waiting;
GPtrArray *state_waiting(struct store *store, GError **error) G_GNUC_WARN_UNUSED_RESULT;
GBytes *state_waiting_headers(struct store *store, const struct waiting *waiting);

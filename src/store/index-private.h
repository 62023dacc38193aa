/* What the files of the mirror share: connections to index.db, its rows, its
 * threads.  A connection belongs to one thread at a time. */
#pragma once

#include "store/store-private.h"
#include "store/terms.h"

struct index;
struct conn {
  sqlite3 *db;
  struct index *index;
  GHashTable *statements;   /* address of SQL that is a constant → sqlite3_stmt */
  guint generation;         /* of the file that it has open */
  bool attached;            /* state.db beside it, to be read */
  int64_t full_from, full_to;/* seconds without a free row number, as last seen */
  enum { HANDS_UNKNOWN, HANDS_NONE, HANDS_SOME } hands; /* rows of `hand`, in this transaction */
};

/* ---- conn.c: a connection and its statements ---- */

/* How long another program that writes is waited for. */
#define CONN_BUSY_MS 10000

/* A connection to index_file(), set up, whatever lies in it.  The generation is the
 * caller's to say. */
struct conn *conn_open(struct index *index, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void conn_close(struct conn *conn);

/* Binds by `types` ("i" int64_t, "s" const char * or NULL) and returns the
 * statement, which is reset by stmt_reset() or `auto_stmt`; NULL with `error`. */
sqlite3_stmt *conn_query(struct conn *conn, GError **error, const char *sql, const char *types, ...)
    G_GNUC_WARN_UNUSED_RESULT;
/* One step: 1 a row, 0 the end, -1 with `error`. */
int conn_step(struct conn *conn, sqlite3_stmt *stmt, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* A statement without rows. */
bool conn_run(struct conn *conn, GError **error, const char *sql, const char *types, ...)
    G_GNUC_WARN_UNUSED_RESULT;
/* The first column of the first row, or `otherwise`. */
bool conn_number(struct conn *conn, int64_t *out, int64_t otherwise, GError **error,
                 const char *sql, const char *types, ...) G_GNUC_WARN_UNUSED_RESULT;
/* The sentence of the connection's present error; false. */
bool conn_fail(struct conn *conn, GError **error);

/* ---- index.c: the file, and who reads and writes it ---- */

const char *index_file(const struct index *index);
/* A statement met damage: refreshing makes the file anew. */
void index_damaged(struct index *index);

/* A connection that reads one consistent state until it is released; statements
 * stop when `cancel` is. */
struct conn *conn_read(struct store *store, GCancellable *cancel, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* The one writer, within a transaction.  conn_commit() keeps it; released
 * without, it is rolled back. */
struct conn *conn_write(struct store *store, GCancellable *cancel, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
bool conn_commit(struct conn *conn, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void conn_release(struct conn *conn);

/* Is the file damaged, so that refreshing makes it anew? */
bool index_is_broken(struct store *store);
/* Makes index.db anew, empty. */
bool index_replace(struct store *store, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Changes with every commit of another process; 0 when it cannot be known. */
int64_t index_data_version(struct store *store);
/* Brings a log of at least so many bytes home into the file, so that the next opening need
 * not read it through; not while others read. */
void index_checkpoint(struct store *store, guint64 least);
/* How many parts the full-text table has. */
bool index_parts(struct store *store, int64_t *parts_out);
/* A step of merging them, of about so many pages.  Returns whether there is more to do. */
bool index_merge(struct store *store, guint pages);

static inline void
stmt_reset(sqlite3_stmt **stmt)
{
  if (*stmt == NULL)
    return;
  sqlite3_reset(*stmt);
  sqlite3_clear_bindings(*stmt);
}
#define auto_stmt __attribute__((cleanup(stmt_reset))) sqlite3_stmt

static inline const char *
column_text(sqlite3_stmt *stmt, int column)
{
  const char *text = (const char *)sqlite3_column_text(stmt, column);
  return text != NULL ? text : "";
}

/* The state of the refreshing half, kept beside the connections. */
struct refreshing {
  GMutex lock;              /* one refresh at a time in this store */
  int waiting;              /* atomic: refreshes that would like to begin */
  int64_t seen;             /* data version after the last one */
  int watch;                /* inotify, or -1 */
  int unwatched;            /* atomic: directories of which it tells nothing, or not all */
};
struct refreshing *index_refreshing(struct store *store);

/* ---- letters.c: rows and their threads, within a write ---- */

/* letter.id >> LETTER_ID_BITS is the date.  Few bits keep the full-text table small:
 * it writes row numbers as differences of 7 bits a byte, and 20 bits here made it
 * a fifth larger.  What does not fit into a second goes to the next one. */
#define LETTER_ID_BITS 8

/* The row number of a folder; made when it is new. */
bool letter_folder(struct conn *conn, const char *folder, int64_t *id_out, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* A file of a Maildir as its name says. */
struct letter_file {
  const char *base;
  const char *suffix;       /* what follows the base, ":2,S" or "" */
  bool fresh;               /* in new/ */
  unsigned flags;
  int64_t arrival;          /* of a letter that is added; 0: its date */
};
/* Adds a letter's row; *id_out is 0 when its folder has a row of this base. */
bool letter_add(struct conn *conn, int64_t folder, bool sent, const struct letter_file *file,
                guint64 size, const struct index_doc *doc, const char *tags, int64_t *id_out,
                GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Puts the words of a letter that has a row into the full-text table (NULL: it cannot be
 * read; it has none but WORD_OF_ALL).  After all that a
 * commit writes into other tables: there are statements that make FTS5 write out what
 * it has gathered, which costs more than all the rest. */
bool letter_add_text(struct conn *conn, int64_t id, const struct terms *terms, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* The same into temp.read (candidates.c). */
bool letter_add_read(struct conn *conn, int64_t id, const struct terms *terms, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
bool letter_remove(struct conn *conn, int64_t id, GError **error) G_GNUC_WARN_UNUSED_RESULT;
bool letter_move(struct conn *conn, int64_t id, int64_t folder, const struct letter_file *file,
                 GError **error) G_GNUC_WARN_UNUSED_RESULT;
bool letter_tag(struct conn *conn, int64_t id, const char *tags, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* 0: there is none. */
bool letter_find(struct conn *conn, const char *folder, const char *base, int64_t *id_out,
                 GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Also one whose name has other fields behind the same stem. */
bool letter_find_stem(struct conn *conn, const char *folder, const char *base, int64_t *id_out,
                      GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Does a folder of this name hold what its owner sent? */
bool folder_is_sent(const char *folder);
/* What names are compared and sorted by; cut to a few words. */
char *sort_key_sender(const char *from);
char *sort_key_subject(const char *subject, bool *reply_out);
/* A word's 63 bits for the tables that look up ids and names. */
int64_t hash_of(const char *text);

/* ---- lists.c: the words of the newest letters ---- */

/* Every letter from this row on has a list in letter_words. */
bool lists_from(struct conn *conn, int64_t *from_out, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Adds a letter's list, if it is to have one and has none yet. */
bool lists_add(struct conn *conn, int64_t id, const struct terms *terms, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* Where more than `most` letters have a list, all but the `kept` newest letters lose it. */
void lists_trim(struct store *store, guint most, guint kept);
#define LISTS_KEPT 2200

/* ---- waiting-rows.c ---- */

/* Rows for what waits on servers as state.db says, and for nothing else. */
bool waiting_sync(struct store *store, bool *changed, GCancellable *cancel, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* ---- addresses.c ---- */

bool addresses_add(struct conn *conn, const struct index_doc *doc, bool sent, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* As store_addresses(); `specs`: without names. */
char **addresses_find(struct conn *conn, const char *prefix, guint limit, bool specs);

/* ---- threads.c ---- */

/* How a letter hangs together with others. */
struct thread_link {
  int64_t thread;
  int64_t hash;             /* of its Message-ID, or of its base name */
  bool orphan;              /* an answer that names no letter */
  char *subject_key;
};
void thread_link_clear(struct thread_link *link);
typedef struct thread_link thread_link_t;
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(thread_link_t, thread_link_clear)

/* Finds the thread of a letter about to be added as row `id` and notes its ids;
 * threads that it joins become one. */
bool thread_join(struct conn *conn, const struct index_doc *doc, const char *base, int64_t folder,
                 int64_t id, struct thread_link *link, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The newest letter per folder (0: all folders), after one came or went. */
bool thread_gained(struct conn *conn, int64_t thread, int64_t folder, int64_t id, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
bool thread_lost(struct conn *conn, int64_t thread, int64_t folder, int64_t id, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* The letters of a thread in a folder (0: all) depth first; `only` (sorted ids)
 * keeps those in it, NULL all.  struct thread_place. */
struct thread_place { int64_t id; int depth; };
GArray *thread_tree(struct conn *conn, int64_t thread, int64_t folder, GHashTable *only,
                    GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* What the user said of a letter's place: mark is an enum thread_mark. */
struct hand {
  int64_t hash;             /* of its Message-ID, or of its base name */
  bool placed;              /* not where its References say, but below `parent` (0: nothing) */
  int64_t parent;
  int mark;
};
/* Fills in what the index knows of hand->hash: nothing is no failure. */
bool thread_hand(struct conn *conn, struct hand *hand, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* ---- thread-hand.c ---- */

/* Keeps what was said and changes the threads that hang on it. */
bool thread_set_hand(struct conn *conn, const struct hand *hand, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* Does `hash` hang below `above` in this thread? */
bool thread_is_below(struct conn *conn, int64_t thread, int64_t hash, int64_t above,
                     bool *below_out, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* hash → the hash that it hangs below, of all ids of the thread. */
GHashTable *thread_parents(struct conn *conn, int64_t thread, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* Makes the threads of the array (int64_t, not empty) one. */
bool thread_unite(struct conn *conn, const GArray *threads, int64_t *thread_out, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* ---- hand.c ---- */

/* Brings the index to what state.db says of threads. */
bool hand_follow(struct store *store, bool *changed_out, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* ---- rows.c ---- */

#define ROW_COLUMNS \
  "l.id, f.name, l.base, l.suffix, l.fresh, l.sender, l.recipients, l.subject, l.message_id, " \
  "l.size, l.flags, l.marks, l.tags, l.thread, " \
  "(SELECT m.mark FROM thread_mark m WHERE m.thread = l.thread), l.arrival"
struct row *row_take(struct store *store, sqlite3_stmt *stmt);
char *row_file(struct store *store, const char *folder, bool fresh, const char *base,
               const char *suffix);

typedef struct conn conn_t;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(conn_t, conn_release)

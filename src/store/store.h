/* store/ owns what lies on the disk: Maildir folders, state.db (what must not
 * be lost) and index.db (what can be rebuilt), search, threads.  The Maildirs
 * are the mail; the index mirrors them.  Every call may wait for the disk and so
 * belongs on a worker thread; a store is safe for threads, and for other
 * processes on the same mail directory. */
#pragma once

#include <gio/gio.h>
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/secret.h"
#include "sandbox/reader.h"

struct store;

/* Removes what writers of ours that died left in the folders' tmp directories: the time
 * grows with the folders.  Cancelled, it leaves the rest. */
void store_sweep(const struct store *store, GCancellable *cancel);
/* Opens `mail_dir`, which is made when missing.  LOCAL; CONFIG when state.db is of
 * a newer postino; a broken index.db is replaced. */
struct store *store_open(const char *mail_dir, struct reader_pool *readers, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
void store_close(struct store *store);
const char *store_dir(const struct store *store);
/* The reader children that it was opened with.  Owned by who opened it. */
struct reader_pool *store_readers(struct store *store);

/* A letter is named by its key "FOLDER/BASE": folder as the user names it
 * ("Inbox", "Lists/debian", "."), Maildir base name without flags.  A key stays
 * right when flags change. */

/* ---- bringing up to date ---- */

struct store_progress {
  guint64 done, total;
  guint64 rows;             /* of a refresh: those that can be asked for already; of an import:
                             * letters that are settled */
};
typedef void (*store_progress_fn)(const struct store_progress *progress, void *data);

/* Compares every Maildir whose directories changed with the index, reads new
 * letters in the reader children, drops what vanished.  *changed_out (may be
 * NULL): did any row change?  Cheap when nothing did.  CANCELLED keeps what was
 * done. */
bool store_refresh(struct store *store, store_progress_fn progress, void *data, bool *changed_out,
                   GCancellable *cancel, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The same from nothing: index.db is made anew. */
bool store_rebuild(struct store *store, store_progress_fn progress, void *data,
                   GCancellable *cancel, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* What can wait until all were told of what a refresh changed: parts of the index are merged,
 * its log is brought home.  A step of some hundredths of a second; returns whether there is
 * more to do.  Cheap where little came since. */
bool store_settle(struct store *store);
/* The index is one file then, as small as it gets: for who asked for that and waits. */
void store_write_back(struct store *store);
/* A descriptor that becomes readable when another program touches a Maildir
 * (inotify); the caller reads it empty and refreshes.  Cancelled, it does not tell of all. */
int store_watch_fd(struct store *store, GCancellable *cancel);
/* Does it tell of all folders?  Not where the system's watches ran out, or the mail lies
 * on another machine: then whoever wants to know refreshes now and then. */
bool store_watch_is_whole(struct store *store);

/* ---- folders ---- */

struct folder_row {
  char *name;
  guint64 unread, total;
};
/* All folders by name; Inbox first.  struct folder_row. */
GPtrArray *store_folders(struct store *store, GCancellable *cancel, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* Makes a Maildir folder; fine when it is there.  INVALID for a name that leaves
 * the mail directory, hides, or holds controls. */
bool store_make_folder(struct store *store, const char *folder, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* ---- rows ---- */

/* What the user said of a thread. */
enum thread_mark { THREAD_PLAIN, THREAD_MUTED, THREAD_WATCHED };

enum row_flag {
  ROW_SEEN = 1 << 0, ROW_REPLIED = 1 << 1, ROW_FLAGGED = 1 << 2, ROW_DRAFT = 1 << 3,
  ROW_PASSED = 1 << 4, ROW_TRASHED = 1 << 5,
  ROW_WAITING = 1 << 6,     /* too large: it lies on the server alone, and has no file */
};
struct row {
  int64_t id;               /* an order, never an identity: newest is greatest */
  char *key;
  char *folder;
  char *path;               /* absolute, as last seen; NULL: ROW_WAITING */
  int64_t date;
  int64_t arrival;          /* when it came here, as far as its file tells */
  char *from, *to, *subject;/* clean, one line */
  char *message_id;         /* without <>, or NULL */
  guint64 size;
  unsigned flags;           /* enum row_flag */
  unsigned marks;           /* enum index_mark */
  char *tags;               /* space-separated, or NULL */
  int depth;                /* in a threaded view, else 0 */
  guint64 thread;
  enum thread_mark thread_mark;
  guint folded;             /* letters of the thread that are hidden behind this one */
  guint folded_unread;      /* of these, those that were not read */
};
void row_free(struct row *row);

/* ROWS_ARRIVAL: what came last first; ROWS_THREAD: threads by their newest letter. */
enum rows_order {
  ROWS_NEWEST, ROWS_OLDEST, ROWS_ARRIVAL, ROWS_FROM, ROWS_SUBJECT, ROWS_SIZE, ROWS_THREAD
};
struct rows_query {
  const char *folder;       /* NULL: all folders */
  const char *query;        /* INTERFACE.md "Queries", or NULL */
  enum rows_order order;
  const struct row *after;  /* rows that follow this one; NULL: from the start */
  bool backwards;           /* the rows before `after` (NULL: from the end), still in order */
  bool folded;              /* ROWS_THREAD: of each thread only the first row */
  const guint64 *folds;     /* threads that are the other way round */
  guint n_folds;
  guint limit;
  bool waiting;             /* also what lies on servers alone (waiting.h) */
};
/* The rows on the screen, by key: the cost does not depend on the folder's size.
 * struct row.  INVALID with the place marked for a query that cannot be read;
 * NOTFOUND for a folder that is not there. */
GPtrArray *store_rows(struct store *store, const struct rows_query *query, GCancellable *cancel,
                      GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* How many rows the query has (folder counts are kept, searches are counted). */
bool store_count(struct store *store, const struct rows_query *query, guint64 *total_out,
                 guint64 *unread_out, GCancellable *cancel, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* The row of a key, of an absolute path, or the newest of a Message-ID. */
struct row *store_row(struct store *store, const char *key, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* Any letter of this base name that has a file; NULL when the index has none. */
struct row *store_row_by_base(struct store *store, const char *base);
struct row *store_row_by_path(struct store *store, const char *path, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
struct row *store_row_by_id(struct store *store, const char *message_id, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* The row that `n` others stand before, or none behind the end; in the order of threads,
 * whose rows have no numbers, one of the thread that stands `n` of `of` parts down. */
GPtrArray *store_row_at(struct store *store, const struct rows_query *query, guint64 n, guint64 of,
                        GCancellable *cancel, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* How many rows stand before `query->after`, *all_out being 0; in the order of threads how
 * many parts of *all_out do. */
bool store_place(struct store *store, const struct rows_query *query, guint64 *before_out,
                 guint64 *all_out, GCancellable *cancel, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* The nearest unread row after `after` in this order, or NULL (no error). */
struct row *store_next_unread(struct store *store, const struct rows_query *query, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* Is the query well formed?  INVALID with the place marked. */
bool store_query_check(const char *query, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The letter's bytes (found again by its base name when it was renamed). */
GBytes *store_read(struct store *store, const char *key, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* Addresses seen that begin with `prefix` (name or address, folded), the most
 * used and newest first: "Name <spec>".  g_strfreev. */
char **store_addresses(struct store *store, const char *prefix, guint limit);
/* How what was typed may go on: tags that begin so; a term of a query, without “-”: the fields,
 * or the values of its field.  Whole tags and terms.  g_strfreev. */
enum store_completion { STORE_TAGS, STORE_TERMS };
char **store_complete(struct store *store, enum store_completion what, const char *start,
                      guint limit);

/* ---- the locked index: words of letters that were sealed, as keyed hashes ---- */

/* The key of 32 bytes: from here on such words are found, and may be added. */
bool store_seal_unlock(struct store *store, const char *bytes, size_t length, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
bool store_seal_is_unlocked(struct store *store);
/* Adds the words of a letter, once; AUTH when it is locked. */
bool store_seal_add(struct store *store, const char *key, const char *text, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* Keys of sealed letters whose words are not here, newest first, from row *before on,
 * which goes on with them. */
GStrv store_seal_waiting(struct store *store, int64_t *before, guint limit, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* No such words are kept any more. */
bool store_seal_forget(struct store *store, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* ---- changing ---- */

/* A change of very many letters: told of as it goes on, and cancelled between two
 * letters: CANCELLED then, and what was done stays, to be taken back as one change. */
struct store_bulk {
  store_progress_fn progress;
  void *data;
  GCancellable *cancel;
};
bool store_flag_bulk(struct store *store, const char *const *keys, unsigned set, unsigned clear,
                     const struct store_bulk *bulk, GError **error) G_GNUC_WARN_UNUSED_RESULT;
bool store_move_bulk(struct store *store, const char *const *keys, const char *folder,
                     GStrv *moved_out, const struct store_bulk *bulk, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
bool store_copy_bulk(struct store *store, const char *const *keys, const char *folder,
                     const struct store_bulk *bulk, GError **error) G_GNUC_WARN_UNUSED_RESULT;
bool store_tag_bulk(struct store *store, const char *const *keys, const char *words,
                    const struct store_bulk *bulk, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* What was stopped or died is gone on with by the next one. */
bool store_undo_bulk(struct store *store, const struct store_bulk *bulk, char **what_out,
                     GError **error) G_GNUC_WARN_UNUSED_RESULT;
bool store_expunge_bulk(struct store *store, const char *const *keys,
                        const struct store_bulk *bulk, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Sets and clears flags of the letters by renaming their files. */
bool store_flag(struct store *store, const char *const *keys, unsigned set, unsigned clear,
                GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Moves to a folder (made when missing); *moved_out (may be NULL) has the new
 * keys in order. */
bool store_move(struct store *store, const char *const *keys, const char *folder,
                GStrv *moved_out, GError **error) G_GNUC_WARN_UNUSED_RESULT;
bool store_copy(struct store *store, const char *const *keys, const char *folder, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* Removes the files, for good: store_undo() refuses then, once. */
bool store_expunge(struct store *store, const char *const *keys, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* Tags: "+todo -read" style words, kept in state.db. */
bool store_tag(struct store *store, const char *const *keys, const char *words, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* Threads by hand, for the letters (all copies of them) and what hangs below them; kept
 * in state.db.  They hang below the letter `below`: INVALID when that is one of them or
 * an answer to one. */
bool store_thread_join(struct store *store, const char *const *keys, const char *below,
                       GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Each begins a thread of its own. */
bool store_thread_break(struct store *store, const char *const *keys, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* Of the threads that the letters are in, whatever comes into them. */
bool store_thread_mark(struct store *store, const char *const *keys, enum thread_mark mark,
                       GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Takes back the last flag, move, tag or thread change that is still possible;
 * *what_out says what was undone, and how many letters changed since and are left alone.  NOTFOUND when there is nothing; INVALID when letters
 * were removed for good: the next call takes back what was done before that. */
bool store_undo(struct store *store, char **what_out, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* ---- delivering ---- */

/* Writes letters into a folder durably.  With `base` (a Maildir base name) a
 * letter that is there already under that name is met again, not doubled.  LF line ends
 * on disk; what comes with CRLF is normalised by the writer. */
struct delivery;
struct delivery *delivery_begin(struct store *store, const char *folder, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* One letter: open, write its bytes as they come, close with its base name (NULL:
 * a fresh one) and flags.  Nothing is visible yet. */
bool delivery_open(struct delivery *delivery, GError **error) G_GNUC_WARN_UNUSED_RESULT;
bool delivery_write(struct delivery *delivery, const void *data, size_t length, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
bool delivery_close(struct delivery *delivery, const char *base, unsigned flags, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* Drops the letter that is open (the line was cut). */
void delivery_abandon(struct delivery *delivery);
/* Makes all that was closed durable: files synced, renamed into place, directory
 * synced.  *keys_out (may be NULL) has their keys in order.  More may follow. */
bool delivery_commit(struct delivery *delivery, GStrv *keys_out, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
void delivery_end(struct delivery *delivery);
/* One whole letter, durable on return; its key in *key_out (may be NULL). */
bool store_deliver(struct store *store, const char *folder, GBytes *message, unsigned flags,
                   char **key_out, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Is a file of this base name in any folder?  Its key, or NULL. */
char *store_find_base(struct store *store, const char *base);

/* A file or a Maildir, and the folder that its letters go to. */
struct import_source { char *path, *folder; };
void import_source_free(struct import_source *source);
/* What there is to import at a path, GPtrArray of struct import_source: a file, or a directory
 * with all Maildirs and mbox files below it (nested, Maildir++, Thunderbird's NAME.sbd).  What
 * lies at the path itself goes to `to` (NULL: the inbox), what is below to the folder of its
 * name, in `to` if that is given.  INVALID when there is nothing. */
GPtrArray *store_import_sources(const char *path, const char *to, const char *inbox,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* mbox (mboxrd, mboxo, mboxcl read alike) or Maildir in; what the folder
 * holds already (same digest and body) is not imported twice. */
bool store_import(struct store *store, const char *path, const char *folder,
                  guint64 *imported_out, guint64 *known_out, store_progress_fn progress,
                  void *data, GCancellable *cancel, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* A folder as mboxrd into a new file (CREATE when it exists). */
bool store_export(struct store *store, const char *folder, const char *path,
                  guint64 *exported_out, const struct store_bulk *bulk, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* ---- locks ---- */

/* One holder per name ("drop-ID", "outbox-ACCOUNT"): flock on .postino/lock/NAME.
 * Waits up to `seconds`, then RETRY naming the holder's pid. */
struct store_lock;
struct store_lock *store_lock(struct store *store, const char *name, int seconds,
                              GCancellable *cancel, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void store_unlock(struct store_lock *lock);

typedef struct store store_t;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(store_t, store_close)
typedef struct row row_t;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(row_t, row_free)
typedef struct delivery delivery_t;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(delivery_t, delivery_end)
typedef struct store_lock store_lock_t;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(store_lock_t, store_unlock)

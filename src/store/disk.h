/* What the files of store/ that must not lose mail share among themselves. */
#pragma once

#include <sys/types.h>

#include "store/store-private.h"

/* ---- maildir.c, tree.c ---- */

void disk_random(void *data, size_t length);

/* The name of a file whose flags change: what other programs put behind ":2,"
 * (Dovecot's keywords) stays. */
char *maildir_reflag(const char *name, unsigned flags);
/* A base name that nobody else has: TIME.HEX.postino; `time` 0: now. */
char *maildir_fresh_base(int64_t time);
/* When a letter came: its name says it, as a copy of the file keeps, but in our own names
 * that is the letter's date; else the file's time of change.  0: nothing tells. */
int64_t maildir_arrival(const char *name, int64_t changed, int64_t now);
/* Renames without ever replacing; EEXIST when `to` is there.  0 or an errno. */
int maildir_rename(const char *from, const char *to);
/* The same, and copied (byte for byte, synced) through the target's tmp where
 * the two lie on different file systems. */
bool maildir_transfer(const char *from, const char *to, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* A copy of `from` under the name `to`, synced, by way of `to`'s ../tmp. */
bool maildir_copy(const char *from, const char *to, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Makes DIR/FOLDER with cur, new and tmp where it is missing; its path. */
char *maildir_make(const struct store *store, const char *folder, GError **error);
bool maildir_is(const char *path);
/* The directories in which folders are looked for, be they folders or not: absolute
 * paths; the folders among them are added to `names`.  Cancelled, it is a part of them. */
GPtrArray *maildir_places(const struct store *store, GPtrArray *names, GCancellable *cancel);
/* Is a letter of this base name in the Maildir `path`?  Asks for the names that
 * standard flags make, never reads the directory. */
bool maildir_has(const char *path, const char *base);
/* A new file in `path`/tmp, opened for writing and reading, its name in
 * *name_out (absolute); -1 with `error`. */
int maildir_tmp(const char *path, char **name_out, GError **error);
/* Calls `each` for every letter of a folder: absolute path, file name. */
typedef bool (*maildir_each_fn)(const char *path, const char *name, void *data);
bool maildir_each(const struct store *store, const char *folder, maildir_each_fn each, void *data,
                  GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* ---- state.c: one connection, one user at a time ---- */

/* What is between begin and end is one durable commit or nothing.  A read needs
 * one too: it keeps the connection to itself. */
typedef struct txn {
  struct store *store;      /* NULL: not begun */
  bool writing;
} txn_t;
/* `writing` takes the write lock at once (BEGIN IMMEDIATE), so that no reader
 * finds itself unable to become a writer.  RETRY when another process keeps it. */
bool txn_begin(txn_t *txn, struct store *store, bool writing, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
bool txn_commit(txn_t *txn, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Takes back what was not committed. */
void txn_end(txn_t *txn);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(txn_t, txn_end)

/* A statement with its values: `types` has a letter each: t text (NULL: null),
 * b GBytes (NULL: null), i int64_t.  NULL with `error`. */
sqlite3_stmt *state_prepare(txn_t *txn, GError **error, const char *sql, const char *types,
                            ...);
/* The same values for a statement that was used. */
void state_bind(sqlite3_stmt *statement, const char *types, ...);
enum step { STEP_ROW, STEP_DONE, STEP_FAILED };
enum step state_step(txn_t *txn, sqlite3_stmt *statement, GError **error);
/* Prepares, runs to the end, forgets its rows. */
bool state_run(txn_t *txn, GError **error, const char *sql, const char *types, ...)
    G_GNUC_WARN_UNUSED_RESULT;
/* Rows that the last statement changed. */
int state_changes(const txn_t *txn);
/* Column `i` as text, NULL for null.  Free it. */
char *state_text(sqlite3_stmt *statement, int i);

typedef sqlite3_stmt state_stmt_t;
static inline void
state_stmt_done(sqlite3_stmt *statement)
{
  sqlite3_finalize(statement);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(state_stmt_t, state_stmt_done)

/* ---- digest.c ---- */

/* What a letter is, whatever its name: headers_digest() of its header block and
 * the SHA-256 of its body (NULL: not asked), whatever its line ends, and whether or not
 * its last line has one. */
bool digest_file(const char *path, char **headers_out, char **body_out, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* ---- delivery.c ---- */

/* The open letter's file time: when it arrived elsewhere.  Its fresh base name
 * begins with it. */
void delivery_set_time(struct delivery *delivery, int64_t time);
/* The open letter's CRLF stay as they are: it was a file of this kind before. */
void delivery_keep_ends(struct delivery *delivery);
/* All bytes written to the tmp file, its path owned by the delivery. */
const char *delivery_flush(struct delivery *delivery, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* ---- change.c, change-move.c ---- */

/* How often a letter is looked for that other programs rename meanwhile. */
#define RACE_TRIES 64

/* Moves one letter; no syncing (the caller syncs *dirs, absolute paths).  Its key then.
 * `base` NULL: its base name stays, but for the number that mbsync gave it in another
 * folder, and unless the folder has another letter under it. */
bool change_move(struct store *store, const char *key, const char *folder, const char *base,
                 GHashTable *dirs, char **key_out, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Sets the flags in `mask` as in `flags`; what they were and became. */
bool change_flags(struct store *store, const char *key, unsigned mask, unsigned flags,
                  GHashTable *dirs, unsigned *was_out, unsigned *now_out, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
GHashTable *change_dirs_new(void);
bool change_sync(GHashTable *dirs, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Tells of a change of many before a letter of it; CANCELLED when it was the last. */
bool change_goes_on(const struct store_bulk *bulk, bool undoable, guint done, guint total,
                    GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* ---- tags.c ---- */

/* Adds and removes tags within a transaction; the tags before and after. */
bool tags_change(txn_t *txn, const char *base, const char *digest, const char *const *add,
                 const char *const *remove, char **was_out, char **now_out, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* A letter, or a copy of it, got another base name: its tags go with it.  They stay with
 * the old one too, which a copy in another folder may have. */
void tags_copy(struct store *store, const char *from, const char *to);

/* ---- waiting.c ---- */

/* Its row is written: it waits no longer. */
bool waiting_settle(txn_t *txn, const char *drop, const char *uid, guint64 size, guint generation,
                    GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* ---- undo.c ---- */

enum undo_kind { UNDO_FLAG, UNDO_MOVE, UNDO_TAG, UNDO_GONE, UNDO_THREAD };
struct undo_step {
  char *key;                  /* as the letter is named now */
  char *digest;               /* UNDO_TAG; UNDO_THREAD: what its thread knows it by */
  char *was, *now;            /* flags as a number; the old key; tags */
};
GPtrArray *undo_steps_new(void);
void undo_steps_add(GPtrArray *steps, const char *key, const char *digest, const char *was,
                    const char *now);
bool undo_record(txn_t *txn, enum undo_kind kind, GPtrArray *steps, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* A change of many letters, recorded some at a time before they are changed, so that all
 * can be taken back wherever it dies; undo passes over what was not done.  undo_log_add()
 * gives the step's number, undo_log_strike() says that it was not done after all: both
 * are kept by the next undo_log_flush(). */
#define UNDO_AT_ONCE 200
struct undo_log {
  struct store *store;
  enum undo_kind kind;
  GPtrArray *steps;           /* not written yet */
  GArray *struck;             /* guint; NULL: none */
  int64_t number;             /* of the change; 0: none is written */
  guint written;
};
guint undo_log_add(struct undo_log *log, const char *key, const char *was, const char *now);
void undo_log_strike(struct undo_log *log, guint step);
void undo_log_flush(struct undo_log *log);
/* Within a transaction of the caller, who says when that stands. */
bool undo_log_write(struct undo_log *log, txn_t *txn, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void undo_log_written(struct undo_log *log);
void undo_log_clear(struct undo_log *log);

/* Letters were removed for good; said once however many were. */
void undo_record_gone(struct store *store);

/* ---- hand.c ---- */

/* Takes back a change of a thread by hand; false without error when another one
 * followed. */
bool hand_undo(struct store *store, const struct undo_step *step, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* ---- ids ---- */

/* Eight random lower-case letters and digits. */
char *disk_id(void);

/* ---- ledger.c ---- */

/* Removes wire copies that no letter needs any more. */
void ledger_sweep(struct store *store);
typedef struct undo_log undo_log_t;
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(undo_log_t, undo_log_clear)

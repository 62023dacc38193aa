/* engine/ is the only door for ui/: requests go in and return at once with a
 * number; events and snapshots come out.  Everything that may wait (disk,
 * network, plugins, gpg) happens on worker threads behind it.  Snapshots are
 * plain data, owned by the event until it is freed or they are taken. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/secret.h"
#include "conf/conf.h"
#include "crypto/crypto.h"
#include "message/draft.h"
#include "message/rendered.h"
#include "retrieve/retrieve.h"
#include "store/ledger.h"
#include "store/store.h"

struct engine;
typedef uint64_t request_id;

struct letter_ref;
struct engine_options {
  /* The interface: folders are watched, mail is fetched every conf->fetch_every
   * minutes, the outbox is sent when due.  Without, only requests run. */
  bool interactive;
  /* Delay sending by conf->send_delay, so that it can be undone. */
  bool delay_sending;
  /* What is known of the first request: the processes that it needs begin while the
   * store is opened.  Read by engine_new() alone. */
  bool seals;
  const char *seals_for;    /* the account; NULL: the first */
  const struct letter_ref *shows;
};
/* Opens the store (milliseconds; nothing is scanned).  `conf` must outlive it. */
struct engine *engine_new(const struct conf *conf, const struct engine_options *options,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Cancels what runs, waits for it (bounded), closes. */
void engine_free(struct engine *engine);
const struct conf *engine_conf(const struct engine *engine);

/* ---- events ---- */

enum event_kind {
  EVENT_DONE,               /* the request ended: error or its result */
  EVENT_PROGRESS,           /* what, done of total (0: unknown) */
  EVENT_ASK,                /* a person must answer: engine_answer() */
  EVENT_CHANGED,            /* rows or folder counts changed: ask again for what is shown */
  EVENT_TERMINAL,           /* what was handed over by an ASK for the terminal is free again */
  EVENT_ARRIVED,            /* letters came that want to be read: text: one sentence, for the
                             * terminal to pass on */
  EVENT_NOTICE,             /* one sentence for the status line: mail came, a letter was sent or failed */
};

struct fetched {
  char *account;
  guint fetched, known, failed, too_large, deleted;
  char *remark;             /* or NULL */
  GError *error;            /* or NULL */
};

struct sealing {            /* what would happen to a draft if it were sent now */
  struct seal_plan plan;
  GPtrArray *recipients;    /* struct seal_recipient, To then Cc then Bcc */
  char *plugin;
  GError *error;            /* why it cannot be sent so (policy cannot be met), or NULL */
};

struct letter {             /* an opened letter */
  char *key;                /* NULL when it lies in no folder */
  char *path;               /* NULL for bytes */
  struct verdict *verdict;  /* never NULL */
  struct rendered *rendered;/* never NULL; what may be shown, under the outer headers */
  unsigned flags;           /* enum row_flag */
};

struct part {
  int number;
  char *name, *type;
  GBytes *bytes;
  struct blob *file;        /* of engine_attach(), in place of bytes */
};

struct event {
  enum event_kind kind;
  request_id request;       /* 0: the engine's own doing; a refresh that it began itself has a
                             * number that nobody asked for, so that it can be cancelled */
  GError *error;            /* DONE: why it failed, or NULL */
  char *text;               /* PROGRESS, ASK, NOTICE: translated; DONE: what was done (one sentence), a key, an id */
  guint64 done, total;      /* PROGRESS; DONE of a count: unread, total; of an import: new, known already;
                             * of an export: letters written; of a deletion: those removed for good */
  uint64_t ask;             /* ASK: the number of the question */
  bool secret;              /* ASK: do not echo; else yes or no */
  bool terminal;            /* ASK: no question: leave the terminal to another program until
                             * EVENT_TERMINAL, and answer with its device */
  bool bad;                 /* NOTICE: something failed */
  const char *command;      /* NOTICE: the command of the interface that does at once what it speaks of,
                             * so that its key can be said; NULL: none; never freed */
  /* DONE: what was asked for; the others are NULL */
  GPtrArray *rows;          /* struct row */
  GPtrArray *folders;       /* struct folder_row */
  GPtrArray *fetched;       /* struct fetched */
  GPtrArray *queue;         /* struct ledger_letter */
  GPtrArray *server;        /* struct server_row */
  GPtrArray *plugins;       /* struct plugin_info */
  GPtrArray *keys;          /* struct key_info */
  struct letter *letter;
  struct draft *draft;
  struct sealing *sealing;
  struct part *part;
  GStrv strings;            /* addresses, saved names, new keys, a plan */
};
void event_free(struct event *event);
void letter_free(struct letter *letter);
void sealing_free(struct sealing *sealing);

/* Readable when an event waits. */
int engine_fd(struct engine *engine);
/* The next event, or NULL; never blocks.  event_free() it. */
struct event *engine_next(struct engine *engine);
/* Blocks until the next event (the command line only). */
struct event *engine_wait(struct engine *engine);
/* Asks a running or queued request to end; its DONE says CANCELLED. */
void engine_cancel(struct engine *engine, request_id request);
/* The answer to EVENT_ASK; NULL refuses. */
void engine_answer(struct engine *engine, uint64_t ask, secret_t *answer);

/* ---- looking: results in EVENT_DONE ---- */

/* A letter by one of these; the others NULL. */
struct letter_ref {
  const char *key;
  const char *path;
  const char *message_id;   /* the newest copy */
  GBytes *bytes;
};

request_id engine_folders(struct engine *engine);
request_id engine_rows(struct engine *engine, const struct rows_query *query);
request_id engine_count(struct engine *engine, const struct rows_query *query);
/* store_row_at(): rows: 0 or 1. */
request_id engine_row_at(struct engine *engine, const struct rows_query *query, guint64 n,
                         guint64 of);
/* store_place(): done rows or threads before it, of total. */
request_id engine_place(struct engine *engine, const struct rows_query *query);
request_id engine_next_unread(struct engine *engine, const struct rows_query *query); /* rows: 0 or 1 */
request_id engine_letter(struct engine *engine, const struct letter_ref *ref,
                         const struct render_options *options);
/* Part `number` decoded; 0: the letter's own bytes. */
request_id engine_part(struct engine *engine, const struct letter_ref *ref, int number);
/* Saves part `number` (0: every attachment) into `dir` under safe names, never
 * over a file; strings: the paths written. */
request_id engine_save(struct engine *engine, const struct letter_ref *ref, int number,
                       const char *dir);
request_id engine_addresses(struct engine *engine, const char *prefix);
/* store_complete(). */
request_id engine_complete(struct engine *engine, enum store_completion what, const char *start);
/* The first 200 names in `dir` that begin with `start`, sorted, a directory's with a `/` at its end;
 * without hidden ones unless `start` begins with a dot, and none where `dir` cannot be read. */
request_id engine_paths(struct engine *engine, const char *dir, const char *start);
bool engine_query_check(struct engine *engine, const char *query, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* A folder of the rc (a saved search): shown among the folders, never a place. */
bool engine_is_search(const struct engine *engine, const char *folder);

/* ---- changing what is here ---- */

request_id engine_flag(struct engine *engine, const char *const *keys, unsigned set,
                       unsigned clear);
request_id engine_move(struct engine *engine, const char *const *keys, const char *folder);
request_id engine_copy(struct engine *engine, const char *const *keys, const char *folder);
/* To the account's trash; letters that are there already are removed for good. */
request_id engine_delete(struct engine *engine, const char *const *keys);
/* Removes every letter of the folder for good (emptying the trash). */
request_id engine_empty(struct engine *engine, const char *folder);
request_id engine_tag(struct engine *engine, const char *const *keys, const char *words);
/* Threads by hand, as store_thread_join() and its neighbours. */
request_id engine_thread_join(struct engine *engine, const char *const *keys, const char *below);
request_id engine_thread_break(struct engine *engine, const char *const *keys);
request_id engine_thread_mark(struct engine *engine, const char *const *keys,
                              enum thread_mark mark);
request_id engine_undo(struct engine *engine);
request_id engine_refresh(struct engine *engine, bool rebuild);
/* Has the look at the Maildirs ended that an interactive engine begins with?  EVENT_CHANGED
 * tells when.  Until then a folder that seems empty may not be. */
bool engine_has_looked(struct engine *engine);
/* Unlocks the index of sealed letters (the key is made the first time) and reads those
 * that it lacks.  CONFIG when the rc does not have it. */
request_id engine_unlock(struct engine *engine);
/* store_import_sources() with the engine's inbox; each is then imported by itself. */
GPtrArray *engine_import_sources(struct engine *engine, const char *path, const char *to,
                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;
request_id engine_import(struct engine *engine, const char *path, const char *folder);
/* What another program knows of the account's drop (NULL: of the default account).
 * DONE: done: letters that are not fetched now, total: known already. */
request_id engine_import_state(struct engine *engine, const char *path, const char *account);
request_id engine_export(struct engine *engine, const char *folder, const char *path);
/* The names that hold the account's mail of this kind. */
const char *engine_trash(struct engine *engine);
const char *engine_drafts(struct engine *engine);
const char *engine_inbox(struct engine *engine);
const char *engine_outbox(struct engine *engine);

/* ---- in ---- */

/* NULL: all accounts that have pop3, at the same time.  DONE: `fetched`, one per
 * account in order, each with its own error; `error` only when nothing was begun
 * (unknown account, none with pop3); strings: the plan of a dry run, a line a
 * letter. */
request_id engine_fetch(struct engine *engine, const char *const *accounts, bool dry_run);
request_id engine_server_list(struct engine *engine, const char *account);
request_id engine_server_fetch(struct engine *engine, const char *account,
                               const struct server_pick *picks, guint n);
request_id engine_server_delete(struct engine *engine, const char *account,
                                const struct server_pick *picks, guint n);
/* No policy deletes them there; or (`keep` false), it may again. */
request_id engine_server_keep(struct engine *engine, const char *account,
                              const struct server_pick *picks, guint n, bool keep);
/* Fetches the letter of a row with ROW_WAITING; the row becomes the letter's own. */
request_id engine_fetch_waiting(struct engine *engine, const char *key);
/* Logs in to both servers (NULL: of the default account).  text: what was found, one
 * line; error: the first that did not let us in. */
request_id engine_account_test(struct engine *engine, const char *account);

/* What its servers proved until now; strings: "PROTOCOL TAB HOST TAB HOW TAB KEY", HOW
 * being "checked", "pinned", "checked, pinned" or "-". */
request_id engine_account_trust(struct engine *engine, const char *account);

/* What the account's servers proved (TLS, the checked key) may be less from now on. */
request_id engine_account_forget(struct engine *engine, const char *account);

/* ---- out: drafts come in EVENT_DONE ---- */

request_id engine_compose(struct engine *engine, const char *account, const char *mailto);
request_id engine_reply(struct engine *engine, const struct letter_ref *ref,
                        enum draft_reply how);
request_id engine_forward(struct engine *engine, const struct letter_ref *ref);
/* A file to be attached: part->name, type and file. */
request_id engine_attach(struct engine *engine, const char *path);
/* A letter of Drafts (or the Outbox, cancelled) taken up again; any other as a draft of
 * its own.  Those who have it already, where others do not, are left out. */
request_id engine_resume(struct engine *engine, const char *key);
/* Keeps a draft in Drafts (sealed to oneself if it would be sealed), in place of
 * draft->origin. text: its key. */
request_id engine_postpone(struct engine *engine, const struct draft *draft);
/* What would happen to it: who can be sealed to, which key, postcard or sealed. */
request_id engine_sealing(struct engine *engine, const struct draft *draft);
/* Builds, seals and puts it into the outbox; done when it is durable there
 * (text: its id).  `plan`: what was shown to the user, and what then happens:
 * it is sealed so, or not sent.  draft->not_before: held until then. */
request_id engine_send(struct engine *engine, const struct draft *draft,
                       const struct seal_plan *plan);
/* Tells the sender who asked for it that the letter was shown (RFC 8098).  NOTFOUND when
 * nobody asks, REFUSED when it was told before.  text: the receipt's id in the outbox. */
request_id engine_receipt(struct engine *engine, const struct letter_ref *ref);
/* Takes back what was sent within send-delay (or waits): back to Drafts.  text: its
 * key there, for engine_resume(). */
request_id engine_unsend(struct engine *engine, const char *id);

/* `postino send`: a whole letter from outside. */
struct send_options {
  const char *account;      /* NULL: the one that owns From, else the default */
  const char *from;         /* envelope sender, or NULL */
  const char *full_name;    /* -F, or NULL */
  bool recipients_from_headers;
  bool sender_from_header;  /* From's address is the envelope's too, whosever it is */
  int sign, encrypt;        /* -1 by the rc (`always` only), 0 no, 1 yes */
  const char *const *recipients;
  bool queue_only;          /* durable is enough: the sendmail link */
  const char *dsn;          /* "NOTIFY=… RET=…" (RFC 3461), either or both; NULL: by the rc */
  int64_t not_before;       /* held until then; LEDGER_NEVER: until it is told to go; 0 */
  int input;                /* with no message: the descriptor to read it from */
};
/* Done when the fate of every recipient is known or it is kept (or held, as it was
 * asked); text: the id. */
request_id engine_submit(struct engine *engine, GBytes *message,
                         const struct send_options *options);
/* What lies in the outbox: queue; strings: the subjects, "" where the index has none. */
request_id engine_queue(struct engine *engine);
/* What became of a letter for each recipient, by its id in the ledger or its
 * Message-ID: queue: 0 letters (none of ours) or 1. */
request_id engine_fates(struct engine *engine, const char *id);
/* Sends what is due (`due_now`: also what waits for its next try).  DONE: queue: what
 * is left in the outbox; error: the first connection or letter that failed. */
request_id engine_flush(struct engine *engine, bool due_now);
/* Tries this letter now, whatever its state; DONE as of engine_submit(). */
request_id engine_queue_retry(struct engine *engine, const char *id);
/* It waits until then (LEDGER_NEVER: until engine_queue_retry()); not what is unsure. */
request_id engine_queue_hold(struct engine *engine, const char *id, int64_t not_before);
/* The letter goes to Drafts; text: its key there. */
request_id engine_queue_cancel(struct engine *engine, const char *id);

/* The contract's words for states: held, queued, … */
const char *engine_state_word(enum letter_state state);
const char *engine_recipient_word(enum recipient_state state);

/* ---- plugins ---- */

request_id engine_plugins(struct engine *engine);
/* It may have what its manifest asks for; text: that, in words. */
request_id engine_plugin_grant(struct engine *engine, const char *name);
/* One NOTICE of this request a check (bad: failed), then DONE. */
request_id engine_plugin_check(struct engine *engine, const char *name_or_path);

/* ---- keys: `account` NULL: the default one, whose plugin is asked ---- */

/* keys: those with the address `query` or a part of it, "": all; NULL: one's own. */
request_id engine_keys(struct engine *engine, const char *account, const char *query);
/* The user's word that this key is this address's (or, no longer). */
request_id engine_key_confirm(struct engine *engine, const char *address, const char *fingerprint,
                              bool yes);
/* The public key into a new file, never over one that is there.  text: its path. */
request_id engine_key_export(struct engine *engine, const char *account, const char *fingerprint,
                             const char *path);
/* The pair, its secret half locked by its passphrase, into a new file that others
 * cannot read.  text: its path. */
request_id engine_key_backup(struct engine *engine, const char *account, const char *fingerprint,
                             const char *path);
/* Renewed for two years, revoked for good, deleted with its secret. */
request_id engine_key_change(struct engine *engine, const char *account, enum key_change change,
                             const char *fingerprint);
/* A key pair for the account's own address.  text: what was made, and to keep a copy. */
request_id engine_key_make(struct engine *engine, const char *account);
/* keys: what was imported, from bytes or from what a letter brings (attached keys,
 * its Autocrypt field).  NOTFOUND when it brings none. */
request_id engine_key_import(struct engine *engine, const char *account, struct blob *file);
request_id engine_key_import_from(struct engine *engine, const char *account,
                                  const struct letter_ref *ref);

/* The pair of the account sealed with a code.  text: the code, part: the letter for
 * oneself that carries it (engine_submit()). */
request_id engine_key_setup(struct engine *engine, const char *account);
/* keys: those of the address that were found in its letters and, if `outside` and the
 * rc does not forbid it, at its provider; text: where.  NOTFOUND. */
request_id engine_key_find(struct engine *engine, const char *account, const char *address,
                           bool outside);
/* total: 1 once in a mail-dir's life, when the user has no key pair of his own yet. */
request_id engine_key_offer(struct engine *engine);

/* ---- accounts: pure, no request ---- */

struct engine_server { char *host; int port; enum conf_tls tls; char *user; }; /* host NULL: none known */
struct engine_discovery {
  char *provider;           /* its name, or the domain */
  char *source;             /* "built-in table", "guess" */
  char *hint;               /* what must be switched on, or NULL */
  struct engine_server pop3, smtp;
};
/* The servers of an address, without sending anything.  INVALID when it is none. */
struct engine_discovery *engine_discover(const char *address, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
void engine_discovery_free(struct engine_discovery *found);
/* The account block for the rc file that uses what was found.  Free it. */
char *engine_discovery_rc(const struct engine_discovery *found, const char *address,
                          const char *name);

typedef struct engine engine_t;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(engine_t, engine_free)
typedef struct event event_t;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(event_t, event_free)
typedef struct engine_discovery engine_discovery_t;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(engine_discovery_t, engine_discovery_free)

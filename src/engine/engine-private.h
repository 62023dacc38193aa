#pragma once

#include "account/account.h"
#include "engine/engine.h"
#include "jobs/jobs.h"

struct watch;

/* Of all accounts' inboxes (news.c). */
struct news_count { guint64 unread, total; bool known; };

struct engine {
  const struct conf *conf;
  struct engine_options options;
  struct reader_pool *readers;
  struct store *store;
  struct keyring *keyring;
  struct crypto *crypto;
  struct jobs *jobs;
  struct watch *watch;      /* NULL unless interactive */
  struct event_queue *events;
  struct ask_desk *asks;
  GMutex lock;              /* requests, last_request, and what works share */
  GHashTable *requests;     /* &request->id -> struct request: not ended */
  request_id last_request;
  GHashTable *asked_rights; /* digests: whoever refused is not asked again (lock) */
  bool refreshing;          /* a refresh waits or runs (lock) */
  bool looking;             /* that beside everything runs (lock) */
  gint64 look_began, look_ended; /* of the last one, monotonic (lock) */
  bool settled;             /* what lay in the folders at first is known (lock) */
  guint fetching;           /* works that bring letters (lock) */
  struct news_count inboxes;/* as last seen, or made here (lock) */
};

/* ---- events.c ---- */

struct event_queue;
struct event_queue *event_queue_new(GError **error);
void event_queue_free(struct event_queue *queue);
int event_queue_fd(struct event_queue *queue);
/* Takes `event`.  A CHANGED that waits already, and a PROGRESS of the same request
 * that nobody saw, are not said twice. */
void event_queue_push(struct event_queue *queue, struct event *event);
struct event *event_queue_pop(struct event_queue *queue, bool wait);
struct event *event_new(enum event_kind kind, request_id request);
void fetched_free(void *fetched);

/* ---- engine.c: requests and the works that they are made of ---- */

enum work_how {
  WORK_OWN = 1 << 0,        /* the engine's own doing: its events have request 0, no DONE */
  WORK_SILENT = 1 << 1,     /* never asks a person: what only a timer wanted */
};
/* A request ends when its last work has: DONE goes out, and only then may another
 * thread look at it. */
struct request {
  request_id id;
  unsigned how;             /* enum work_how */
  guint left;               /* works not ended (engine->lock) */
  GArray *jobs;             /* uint64_t (engine->lock) */
  struct event *done;
};

struct work {
  struct engine *engine;
  struct request *request;
  GCancellable *cancel;     /* of this work, while it runs */
  const void *args;
  struct event *done;       /* request->done: a work that is not alone touches only its own part */
  const char *doing;        /* what a plugin is waited for, translated; NULL */
  gint64 told;              /* when progress was told last */
  guint64 rows;             /* that were said to be there */
  gint64 began;             /* when progress of many began */
  gint64 shown;             /* when what was read so far was last said to have changed */
};
/* Fills work->done, or `error` and returns false. */
typedef bool (*work_run)(struct work *work, GError **error);

struct work_spec {
  const char *group;        /* as in jobs.h */
  work_run run;
  void *args;
  GDestroyNotify free_args;
};
/* `n` works (at least one) under one number.  `done` (taken; NULL: an empty one) is
 * the DONE that they fill. */
request_id engine_start(struct engine *engine, const struct work_spec *specs, guint n, unsigned how,
                        struct event *done);
/* The usual case: one work whose arguments are freed by `free_args`. */
request_id engine_request(struct engine *engine, const char *group, work_run run, void *args,
                          GDestroyNotify free_args);
/* A request that ends at once with this error (taken). */
request_id engine_refuse(struct engine *engine, GError *error);

request_id work_request(const struct work *work); /* as events tell it */
void work_progress(struct work *work, const char *what, guint64 done, guint64 total);
/* The same of letters, with the rate and the time that is left as soon as they can be said. */
void work_progress_of_many(struct work *work, const char *what,
                           const struct store_progress *progress);
void work_notice(struct work *work, bool bad, const char *text);
/* The work that runs on this thread, or NULL. */
struct work *work_current(void);
void engine_notice(struct engine *engine, bool bad, const char *text);
/* What is shown is old: something was changed here; or a refresh found changes. */
void engine_changed(struct engine *engine);
void engine_found(struct engine *engine);

/* Groups: their jobs run one after another. */
#define GROUP_CHANGE "change"
#define GROUP_REFRESH "refresh"
char *group_of(const char *what, const struct conf_account *account);

/* The account of this name, or with NULL the default one; USAGE for a name that
 * the rc does not have, CONFIG when it has none at all. */
const struct conf_account *engine_account(struct engine *engine, const char *name, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* The account whose mail this folder holds, else the default one; NULL: none. */
const struct conf_account *account_of_folder(struct engine *engine, const char *folder);
char *folder_of_key(const char *key);
char *base_of_key(const char *key);

/* ---- ask.c ---- */

struct ask_desk;
struct ask_desk *ask_desk_new(struct event_queue *events);
/* Refuses what is asked, now and later. */
void ask_desk_close(struct ask_desk *desk);
void ask_desk_free(struct ask_desk *desk);
void ask_desk_answer(struct ask_desk *desk, uint64_t ask, secret_t *answer);
secret_t *ask_password(const char *prompt, void *engine);
/* crypto_grants. */
bool plugin_may(const char *plugin, const char *words, const char *digest, bool ask, void *engine);
bool plugin_grant(const char *plugin, const char *digest, void *engine, GError **error);
secret_t *ask_plugin(const char *prompt, bool secret, void *engine);
/* A crypto_progress: told as the work's that waits. */
void plugin_progress(const char *plugin, const char *what, uint64_t done, uint64_t total,
                     void *engine);
/* struct crypto_screen: the interface leaves the terminal, and has it again. */
char *terminal_hand_over(void *engine);
void terminal_take_back(void *engine);

/* ---- keys.c ---- */

/* A crypto_confirmed: what the user has confirmed. */
bool key_is_confirmed(const char *address, const char *fingerprint, void *engine);
/* struct crypto_memory: the key that letters to an address were sealed to. */
char *key_known(const char *address, void *engine);
void key_note(const char *address, const char *fingerprint, void *engine);
/* Since when the key is known here: from now on, if it was not. */
int64_t key_seen(struct engine *engine, const char *fingerprint);

/* ---- news.c ---- */

/* Of these keys those that want to be read are told of. */
void news_tell(struct engine *engine, GHashTable *keys);
/* After a refresh: what others have put into the inboxes is told of.  Not the first time,
 * and not while letters are fetched here. */
void news_compare(struct engine *engine);
/* What was changed here is no news. */
void news_settle(struct engine *engine);
void news_fetching(struct engine *engine, bool begins);

/* ---- in.c ---- */

/* The account NAME (NULL: the default one), which must have a `pop3`. */
const struct conf_account *pop3_account(struct engine *engine, const char *name, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* A single letter is told of by its bytes. */
void tell_progress(struct work *work, const char *account,
                   const struct retrieve_progress *progress);
/* FETCHED takes over what RESULT says. */
void take_result(struct fetched *fetched, struct retrieve_result *result);
/* The letters that came are dealt with; what lies on the server alone is listed. */
void take_fetched(struct work *work, const struct retrieve_result *result);

/* ---- change.c ---- */

/* A place that letters can be put into by hand? */
bool is_place(struct engine *engine, const char *folder, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* ---- refresh.c ---- */

/* Runs store_refresh once; CHANGED follows when something did. */
bool refresh_now(struct work *work, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* What a command without a screen does before it looks: a cheap refresh.  With the
 * interface the watch does it, and this is nothing. */
bool refresh_first(struct work *work, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Asks for a refresh beside, unless one waits already. */
void refresh_beside(struct engine *engine);
/* Monotonic µs before which the next one is not worth its time. */
gint64 refresh_rests_until(struct engine *engine);

/* ---- open.c: a letter and what may be shown of it ---- */

struct ref {                /* a struct letter_ref of one's own */
  char *key, *path, *message_id;
  GBytes *bytes;
};
struct ref *ref_copy(const struct letter_ref *ref);
void ref_free(void *ref);

struct opened {
  char *key;                /* NULL: in no folder */
  char *path;
  unsigned flags;
  GBytes *source;           /* the letter's own bytes */
  GBytes *shown;            /* the entity that is shown (source for a postcard); NULL: nothing may be */
  struct verdict *verdict;
  struct rendered *rendered;
  bool sealed;              /* its text came out of a seal: never in the clear again */
};
void opened_free(struct opened *opened);
struct opened *open_letter(struct work *work, const struct ref *ref,
                           const struct render_options *options, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* Finds the bytes alone. */
bool find_letter(struct work *work, const struct ref *ref, struct opened *opened, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* ---- sealed.c: the index of sealed letters, where the rc has it ---- */

/* Its words go into it, unless that is locked and cannot be unlocked. */
void sealed_note(struct work *work, const struct opened *opened);
/* Without a screen: unlocks it; why not is a notice. */
void sealed_before_search(struct work *work, const char *query);
/* The rc does not have it any more: nothing of it stays. */
bool sealed_forget(struct engine *engine, GError **error) G_GNUC_WARN_UNUSED_RESULT;

typedef struct opened opened_t;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(opened_t, opened_free)
typedef struct ref ref_t;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ref_t, ref_free)

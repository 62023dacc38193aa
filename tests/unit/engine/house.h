/* A mail directory, an rc file and an engine over them, for the tests of engine/. */
#pragma once

#include "tests/unit/test.h"

#include "engine/engine-private.h"

struct house {
  char *dir;                /* removed at the end */
  char *mail_dir;
  struct conf *conf;
  struct engine *engine;
  const char *answer;       /* to every question; NULL refuses */
  guint asked;
  GPtrArray *notices;       /* char *: what was told, of every request */
  GPtrArray *arrived;       /* char *: what ARRIVED events said */
  guint changed;            /* CHANGED events seen */
  GPtrArray *ended;         /* struct event: DONE of requests not yet waited for */
};

/* The engine of an rc file that holds `rc` after mail-dir.  NULL options: a command
 * without a screen. */
void house_open(struct house *house, const char *rc, const struct engine_options *options);
/* Closes and opens the engine again on the same mail. */
void house_reopen(struct house *house, const struct engine_options *options);
void house_close(struct house *house);

/* The next event, within a generous time. */
struct event *house_event(struct house *house);
/* The DONE of this request; questions are answered and notices kept meanwhile. */
struct event *house_done(struct house *house, request_id request);
/* The same for a request that must succeed. */
struct event *house_good(struct house *house, request_id request);
/* Waits until `house` was told a sentence with `part` in it. */
const char *house_told(struct house *house, const char *part);

/* Waits for the n-th ARRIVED event and gives its sentence. */
const char *house_arrived(struct house *house, guint n);

/* A letter into a folder behind the engine's back; its path. */
char *house_deliver(struct house *house, const char *folder, const char *name, const char *text);
/* How many files lie in cur and new of a folder. */
guint house_count(struct house *house, const char *folder);
/* The key of the only letter that a query has. */
char *house_key(struct house *house, const char *query);

/* The last two lines: what happened or goes on, and the keys of the moment. */
#pragma once

#include "engine/engine.h"
#include "ui/keymap.h"
#include "ui/term/canvas.h"
#include "ui/view.h"

struct status;

struct status *status_new(void);
void status_free(struct status *status);
/* What cancels, as the keymap has it. */
void status_set_cancel_key(struct status *status, const char *key);

/* A sentence; it stays for a while and in the list of messages. */
void status_say(struct status *status, bool bad, const char *sentence);
/* A key was pressed: what was read may go. */
void status_key(struct status *status);
/* All sentences so far, oldest first: char *, owned by it. */
const GPtrArray *status_messages(const struct status *status);

/* What goes on; progress ends with the request. */
void status_progress(struct status *status, request_id request, const char *text, guint64 done,
                     guint64 total);
/* True when it was shown as going on. */
bool status_ended(struct status *status, request_id request);
/* The newest request that goes on, 0: none. */
request_id status_running(const struct status *status);

/* Milliseconds until it would look different by itself; -1: never. */
int status_timeout(const struct status *status);

/* Is there a sentence to be read? */
bool status_speaks(const struct status *status);
/* Rows that it wants on a screen of so many columns: a long sentence takes some. */
int status_rows(const struct status *status, int columns);
/* Draws into as many rows as `area` has. */
void status_draw(const struct status *status, const struct area *area);
/* The keys of the moment of this view. */
void status_draw_hints(const struct keymap *keymap, struct view *view, const struct area *line);

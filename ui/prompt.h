/* One line that a person types: an editor with history and completion.  The
 * editor (struct prompt) knows no terminal; the loop feeds it keys. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "ui/command.h"
#include "ui/term/canvas.h"
#include "ui/term/keys.h"

struct prompt_options {
  const char *label;        /* translated */
  const char *text;         /* what stands there first; NULL: nothing */
  enum completion complete;
  bool secret;              /* not echoed, kept in locked memory at the end, no history */
  bool yes_no;              /* one key: y, or anything else for no */
  bool live;                /* candidates are shown while one types */
  const char *choices;      /* one key: one of these ASCII letters, or anything else to cancel */
  const char *hint;         /* translated: for the last line; NULL: the usual one */
  /* Told of what was typed after each pause, and of NULL when it is given up. */
  void (*typed)(struct view *view, const char *text);
};

struct candidate { char *text, *help; };

struct prompt {
  char *label;
  GString *text;
  size_t cursor;            /* byte in text, on a cluster's border */
  enum completion complete;
  bool secret, yes_no, live;
  char *choices, *hint;     /* NULL: none */
  GPtrArray *history;       /* char *, oldest first; borrowed; NULL: none */
  guint history_at;         /* == len: what is typed now */
  char *typed;              /* kept while one looks at history */
  GPtrArray *candidates;    /* struct candidate, or NULL */
  size_t replace_from;      /* where the candidate goes */
  int chosen;               /* -1: none yet */
};

struct prompt *prompt_new(const struct prompt_options *options, GPtrArray *history);
void prompt_free(struct prompt *prompt);

enum prompt_result { PROMPT_MORE, PROMPT_DONE, PROMPT_CANCELLED, PROMPT_COMPLETE };
/* PROMPT_COMPLETE: candidates are wanted for the text before the cursor. */
enum prompt_result prompt_key(struct prompt *prompt, term_key key);
/* Pasted text is text: line ends become spaces. */
void prompt_paste(struct prompt *prompt, const char *text);
/* Takes candidates (struct candidate; owned from here).  `insert`: the user asked
 * with TAB, so that their common beginning is filled in. */
void prompt_offer(struct prompt *prompt, GPtrArray *candidates, size_t replace_from, bool insert);

/* How many rows its line takes: a question as many as it needs. */
int prompt_rows(const struct prompt *prompt, int columns);
/* Draws line and candidates: the last row of `area` is the line. */
void prompt_draw(const struct prompt *prompt, const struct area *area);

struct candidate *candidate_new(const char *text, const char *help);
void candidate_free(struct candidate *candidate);

typedef struct prompt prompt_t;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(prompt_t, prompt_free)

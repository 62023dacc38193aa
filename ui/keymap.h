/* Keymaps: which key runs which command in which view.
 *
 *   bind VIEW KEY COMMAND [ARGUMENT…]
 *   unbind VIEW KEY
 *   include FILE
 *   # a comment
 *
 * VIEW is a group of command rows: a view, or "letter", "mail", "any", which hold
 * in several; the nearer wins.  KEY: x, PageUp, C-x, M-x, or several in a row:
 * gg, <C-x><C-s>. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "ui/command.h"
#include "ui/term/keys.h"

struct keymap;

struct binding {
  struct key_sequence keys;
  const struct command_group *group;
  const struct command *command; /* NULL: the key does nothing here */
  char **args;              /* never NULL */
  const char *file;         /* NULL: from the rows */
  int line;
};

/* What the rows say. */
struct keymap *keymap_new(void);
void keymap_free(struct keymap *keymap);

/* The keymap that the rc names: a bundled one or a file.  "default" is
 * keymap_new(). Faults (struct conf_fault) are added to `faults`; what is right
 * in the file holds nevertheless. */
struct keymap *keymap_load(const char *name, GPtrArray *faults);
/* For `postino check`: the faults alone, struct conf_fault, with a free function;
 * never NULL. */
GPtrArray *keymap_check(const char *name);

enum keymap_match { KEYMAP_NONE, KEYMAP_PREFIX, KEYMAP_FOUND };
enum keymap_match keymap_find(const struct keymap *keymap,
                              const struct command_group *const *groups,
                              const struct key_sequence *keys, const struct binding **found_out);
/* The keys of a command in a view, the first ones `max`: "j Down".  NULL when it
 * has none.  Free it. */
char *keymap_keys(const struct keymap *keymap, const struct command_group *const *groups,
                  const struct command *command, int max);

/* The key of the command of this name, as a sentence names it: "u", or ":undo" when
 * it has none.  Free it. */
char *keymap_key_word(const struct keymap *keymap, const struct command_group *const *groups,
                      const char *name);

typedef struct keymap keymap_t;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(keymap_t, keymap_free)

/* Commands: one row each, beside its handler.  Keymaps, help, hints, the prompt's
 * completion and keymaps/default.keys come from the rows. */
#pragma once

#include <glib.h>
#include <stdbool.h>

struct ui;
struct view;

enum completion {
  COMPLETE_NOTHING, COMPLETE_COMMAND, COMPLETE_FOLDER, COMPLETE_PATH, COMPLETE_ADDRESS,
  COMPLETE_ACCOUNT, COMPLETE_ORDER, COMPLETE_SENDER, COMPLETE_QUERY, COMPLETE_TAG,
};

struct command {
  const char *name;
  const char *keys;         /* key words parted by spaces; "" for none */
  const char *args;         /* "[folder]", "N", …; NULL: none */
  enum completion complete; /* of its arguments */
  bool live;                /* it is chosen from what is offered while one types */
  const char *ask;          /* N_(): asked for when no argument is given; NULL: run without */
  const char *help;         /* N_() */
  const char *hint;         /* N_(): one word for the last line; NULL: not shown there */
  /* `args` ends with NULL; it may be empty. */
  void (*run)(struct view *view, const char *const *args);
  /* Told of its argument while that is typed, after each pause; NULL: it was given up. */
  void (*typed)(struct view *view, const char *text);
};

/* Rows that belong together.  A view has groups, its own first; a keymap file
 * names a group where the grammar says VIEW. */
struct command_group {
  const char *name;
  const char *help;         /* N_() */
  const struct command *rows;
  size_t n;
};

/* All groups, NULL-terminated. */
const struct command_group *const *command_groups(void);
const struct command_group *command_group(const char *name);

/* The row of this name in the first of the groups that has it, or NULL. */
const struct command *command_find(const struct command_group *const *groups, const char *name);
/* Runs it; asks for its argument when it has `ask` and `args` is empty. */
void command_run(struct view *view, const struct command *command, const char *const *args);
/* Runs "NAME ARGUMENT…" as it was typed; what is wrong becomes a notice. */
void command_run_line(struct view *view, const char *line);

/* keymaps/default.keys: the rows' own keys as a keymap file.  Free it. */
char *command_default_keymap(void);

/* A view: a model (snapshot and cursor), a way to draw it, rows of commands. */
#pragma once

#include "engine/engine.h"
#include "ui/command.h"
#include "ui/term/canvas.h"

struct view_class {
  const char *name;
  const struct command_group *const *groups; /* nearest first, NULL-terminated */
  /* Draws the model and changes nothing but what the size decides. */
  void (*draw)(struct view *view, const struct area *area, bool focused);
  /* For the first line; free it. */
  char *(*heading)(struct view *view);
  /* For its right end, or NULL; free it.  NULL: there is never anything. */
  char *(*corner)(struct view *view);
  /* Rows or counts changed in the store; NULL: does not matter. */
  void (*changed)(struct view *view);
  void (*free)(struct view *view);
  /* The letters that a command is for: keys, g_strfreev; NULL in views without
   * letters, empty when there is none under the cursor. */
  char **(*letters)(struct view *view);
  /* The one under the cursor, or NULL. */
  const struct row *(*row)(struct view *view);
  /* Moves on after the letters were taken away or dealt with; may be NULL. */
  void (*dealt_with)(struct view *view);
  /* May it be closed now?  NULL: always.  If not, it asks and closes itself. */
  bool (*may_close)(struct view *view);
  /* Is this command's hint one of the moment?  NULL: always. */
  bool (*hinted)(struct view *view, const struct command *command);
  /* The program ends and nobody can be asked: keeps what would be lost.  True while
   * that goes on; called until it does not.  NULL: there is never anything. */
  bool (*rescue)(struct view *view);
};

struct view {
  const struct view_class *kind;
  struct ui *ui;
};

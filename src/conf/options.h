/* Every option of the rc file as a row: its name, where its value goes, what it
 * may be.  The parser, the manual, completion and the editor's syntax read it. */
#pragma once

#include "conf/conf.h"

enum option_type {
  OPTION_TEXT, OPTION_PATH, OPTION_BOOL, OPTION_INT, OPTION_SIZE, OPTION_LIST, OPTION_WORD,
  OPTION_SECRET, OPTION_DAYS, OPTION_PIN, OPTION_PROXY, OPTION_ACTION, OPTION_BLOCK,
};

struct option_row {
  struct conf_option shown;
  enum option_type type;
  size_t offset;            /* in the struct of its block */
  int min, max;             /* INT */
  const char *const *words; /* WORD: the enum's values in order */
};

/* The blocks: "" is the file itself. */
struct option_block {
  const char *name;
  bool titled;
  const char *parent;       /* the block that it stands in */
};
const struct option_block *option_block(const char *name, const char *parent);

/* The row of an option, or NULL. */
const struct option_row *option_row(const char *block, const char *name);
/* All names that may stand in a block, NULL-terminated; g_free. */
const char **option_names(const char *block);
/* All rows of a block in turn: `i` from 0 until NULL. */
const struct option_row *option_of_block(const char *block, size_t i);

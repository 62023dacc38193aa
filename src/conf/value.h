/* Values of the rc file: tokens into the field that a row names. */
#pragma once

#include "conf/lexer.h"
#include "conf/options.h"

/* Stores one value (a WORD or STRING) into `target` at the row's offset; what is
 * wrong with it, and the mend, or NULL.  Free it. */
char *value_store(const struct option_row *row, const struct token *token, void *target);
/* The same for a list of values (struct token). */
char *value_store_list(const struct option_row *row, const GPtrArray *tokens, void *target);

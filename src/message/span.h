/* Bytes of a letter where they lie, and the fields of a header block as they stand there. */
#pragma once

#include <stdbool.h>

struct span { const char *at, *end; };

/* The next field of `block`, from its name to behind its line end, folded lines with it;
 * *block begins behind it then.  False at the empty line or the end (RFC 5322, 2.2). */
bool span_next_field(struct span *block, struct span *field);

/* What became of a letter for one recipient, in words. */
#pragma once

#include "engine/engine.h"

/* "a@x.example: came back (no such user)"; *bad_out: somebody has to do something.  Free
 * it. */
char *fate_line(const struct ledger_recipient *one, bool *bad_out);

/* What a plugin says of its work while it is waited for (PROGRESS of
 * postino-plugin(7)). */
#pragma once

#include "crypto/crypto.h"
#include "crypto/protocol.h"

/* Of one call; `began` is set when it begins. */
struct progress {
  const char *plugin;
  crypto_progress tell;     /* may be NULL */
  void *data;
  gint64 began, told;       /* monotonic microseconds */
  unsigned reports;
  uint64_t done;            /* the most so far */
  bool odd;                 /* one of them was not as the manual has it */
};

/* Takes a PROGRESS frame and passes it on, unless the call has taken but a moment or
 * the last one was passed on just now.  Has the work grown? */
bool progress_take(struct progress *progress, const struct frame *frame);

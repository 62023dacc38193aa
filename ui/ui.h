/* ui/ owns the terminal interface: views, keys, prompts, the status line.  It
 * sees engine/engine.h, conf/ and base/ alone, and never waits for anything but
 * the next key, event or signal. */
#pragma once

#include <stdbool.h>

#include "conf/conf.h"

struct ui_options {
  const char *folder;           /* where it opens; NULL: the inbox */
  const char *mailto;           /* mailto: URI: it opens composing; or NULL */
  const char *const *notices;   /* sentences to be shown first, NULL-terminated; or NULL */
};

/* Runs the interface on the terminal of stdin and stdout until the user leaves.
 * `conf` must outlive it.  Returns the exit status (sysexits.h); when it cannot
 * start, the reason is one line on stderr. */
int ui_run(const struct conf *conf, const struct ui_options *options);

/* Lets a process of its own send what is due in the outbox; `wait`: until nothing waits
 * there by itself any more. */
void ui_flush_behind(const struct conf *conf, bool wait);

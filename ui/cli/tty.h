/* Questions on the terminal of a command without a screen. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "base/secret.h"

/* Asks on /dev/tty; `hidden` does not echo, otherwise y or yes (and the locale's)
 * is given back as "yes".  NULL when there is no terminal or nothing is given. */
secret_t *tty_ask(const char *prompt, bool hidden);
/* A line of text with echo; NULL as above.  Free it. */
char *tty_line(const char *prompt);

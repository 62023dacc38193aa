/* Commands of the rc that run when letters arrive: an argument vector, never a
 * shell, nothing on their standard output is read. */
#pragma once

#include <gio/gio.h>
#include <stdbool.h>

/* Runs `command` with `in` (NULL: nothing) on its standard input and NAME=VALUE
 * pairs added to the surroundings, for at most a minute.  *status_out: what it
 * exited with.  CONFIG when it cannot be run, RETRY when it does not end. */
bool hook_run(const char *command, GBytes *in, const char *const *pairs, GCancellable *cancel,
              int *status_out, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The protocol dialogue that -v shows.  Off unless a sink is set; what is
 * logged passes base/sanitize.h; secrets are never given to it (callers log a
 * mask in their place). */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef void (*log_sink)(const char *line, void *data);

/* One sink for the process, set before threads start.  Called from any thread,
 * one line at a time. */
void log_set_sink(log_sink sink, void *data);
bool log_enabled(void);

/* One line "WHO DIRECTION TEXT"; direction '>' sent, '<' received, '*' remark. */
void log_dialogue(const char *who, char direction, const char *text, gssize length);

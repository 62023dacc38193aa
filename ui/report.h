/* The one place that decides how an error is shown without a screen: one clean
 * line on stderr, and the exit status. */
#pragma once

#include <glib.h>

/* Prints "postino: SENTENCE" and returns the exit status that it asks for. */
int report_error(const GError *error);
/* Prints a sentence that is no failure, or one line of a listing of faults. */
void report_line(const char *line);
/* The exit status after what was written to stdout is flushed: `status`, or 74
 * (and a sentence) when the output could not be written. */
int report_flush(int status);

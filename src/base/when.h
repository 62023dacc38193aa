/* A moment as a person or a program writes it. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* Seconds since 1970 of `text`, after `now`, in the local zone unless it names one:
 * RFC 3339 ("2026-03-01T08:00:00+01:00"), "2026-03-01 8:00", "2026-03-01", "18:30"
 * (the next one), "tomorrow 8:00", "tomorrow", "friday 9:00", "+2h", "+1d12h" (w, d,
 * h, m, s).  A day without a time means WHEN_MORNING o'clock.  USAGE when it is none
 * of these, is past, or is more than a year away. */
bool when_parse(const char *text, int64_t now, int64_t *seconds_out, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

#define WHEN_MORNING 8

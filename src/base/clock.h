/* Times of the day where the user is. */
#pragma once

#include <glib.h>
#include <stdint.h>

/* Seconds since 1970 as local time; NULL when no calendar has such a year.  GLib looks
 * for the system's zone in five files for each GDateTime: here it is looked for
 * once a minute. */
GDateTime *clock_local(int64_t seconds) G_GNUC_WARN_UNUSED_RESULT;
GDateTime *clock_now(void) G_GNUC_WARN_UNUSED_RESULT;

/* Waiting for a descriptor with everything that can end the wait: the user's
 * cancel, the idle time, a total deadline, and patience with a peer that drips. */
#pragma once

#include <gio/gio.h>
#include <glib.h>
#include <stdbool.h>

struct wait {
  GCancellable *cancel;     /* may be NULL; a reference */
  int cancel_fd;            /* -1: none */
  int fd;
  gint64 idle;              /* microseconds that one wait may take */
  gint64 deadline;          /* monotonic microseconds; 0: none */
  gint64 patience;          /* microseconds of waiting to read that are left */
};

bool wait_init(struct wait *wait, GCancellable *cancel, int seconds, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
void wait_clear(struct wait *wait);
void wait_set_timeout(struct wait *wait, int seconds);

/* A new exchange: the peer has twice the idle time, and earns more with bytes. */
void wait_renew(struct wait *wait);
/* `bytes` came: each earns 1/64 s, so that a slow line lives and a drip of a
 * byte a second does not hold a session for hours. */
void wait_earn(struct wait *wait, size_t bytes);

/* Waits until `fd` has one of `events` (POLLIN, POLLOUT; patience is for reading alone).  RETRY when time is
 * over, CANCELLED, LOCAL. */
bool wait_for(struct wait *wait, short events, GError **error) G_GNUC_WARN_UNUSED_RESULT;

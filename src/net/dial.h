/* Reaching a host: each of its addresses in turn. */
#pragma once

#include "net/wait.h"

struct dial {
  const char *host;         /* from resolve_ascii() */
  int port;
  const char *proxy;        /* "socks5://HOST[:PORT]"; NULL: none */
  bool loopback_only;       /* clear text, and the user did not allow it */
};

/* A connected, non-blocking socket, and whether its peer is loopback.  The wait's
 * idle time, at most LIMIT_CONNECT_SECONDS, is given to each address, twice that
 * to all.  HOST, RETRY, TRUST (clear text to a foreign host), CANCELLED.  -1 on
 * failure. */
int dial_connect(const struct dial *dial, struct wait *wait, bool *loopback_out, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

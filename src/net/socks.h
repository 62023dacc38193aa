/* Through a SOCKS5 proxy (RFC 1928) without authentication; the proxy looks the
 * host's name up, so that nobody here hears it. */
#pragma once

#include "net/wait.h"

/* Asks the proxy at the connected socket `fd` for host and port.  RETRY, REFUSED,
 * PROTOCOL, CANCELLED. */
bool socks_connect(int fd, const char *host, int port, struct wait *wait, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

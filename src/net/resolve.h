/* Host names: as people write them, as the wire and certificates have them, and
 * their addresses. */
#pragma once

#include <netdb.h>

#include "net/wait.h"

/* The name for DNS, SNI and certificates: A-labels, no final dot, no brackets.
 * CONFIG for what can be no host.  Free it. */
char *resolve_ascii(const char *host, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The addresses of `host` (from resolve_ascii), in the system's order, for
 * freeaddrinfo.  The look-up runs in a thread of its own that is left behind when
 * the wait ends first.  HOST, RETRY, CANCELLED. */
struct addrinfo *resolve_addresses(const char *host, int port, struct wait *wait, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* "127.0.0.1", "::1".  Free it. */
char *resolve_text(const struct sockaddr *address, socklen_t length);
bool resolve_is_loopback(const struct sockaddr *address);

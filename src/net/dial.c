#include "net/dial.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "base/error.h"
#include "base/file.h"
#include "base/i18n.h"
#include "base/limits.h"
#include "net/resolve.h"
#include "net/socks.h"

#define SOCKS_PORT 1080

static bool
finish_connecting(int fd, struct wait *wait, GError **error)
{
  wait->fd = fd;
  if (!wait_for(wait, POLLOUT, error))
    return false;
  int errnum = 0;
  socklen_t length = sizeof errnum;
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &errnum, &length) < 0)
    errnum = errno;
  return errnum == 0 || error_errno(error, POSTINO_ERROR_RETRY, errnum, _("cannot connect"));
}

static int
connect_one(const struct addrinfo *address, struct wait *wait, GError **error)
{
  auto_fd fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    error_errno(error, POSTINO_ERROR_RETRY, errno, _("no socket"));
    return -1;
  }
  int on = 1;
  (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  if (connect(fd, address->ai_addr, address->ai_addrlen) < 0) {
    if (errno != EINPROGRESS && errno != EINTR) {
      error_errno(error, POSTINO_ERROR_RETRY, errno, _("cannot connect"));
      return -1;
    }
    if (!finish_connecting(fd, wait, error))
      return -1;
  }
  return fd_steal(&fd);
}

static int
try_address(const struct dial *dial, const struct addrinfo *address, struct wait *wait,
            bool *loopback_out, GError **error)
{
  bool loopback = resolve_is_loopback(address->ai_addr);
  if (dial->loopback_only && !loopback) {
    error_set(error, POSTINO_ERROR_TRUST,
              _("tls = \"none\" would show the password and all mail to the network; use tls = "
                "\"implicit\" or \"starttls\", or set allow-cleartext = yes"));
    return -1;
  }
  int fd = connect_one(address, wait, error);
  if (fd >= 0)
    *loopback_out = loopback;
  else {
    g_autofree char *text = resolve_text(address->ai_addr, address->ai_addrlen);
    g_prefix_error(error, "%s: ", text);
  }
  return fd;
}

static int
try_each(const struct dial *dial, const struct addrinfo *addresses, struct wait *wait,
         bool *loopback_out, GError **error)
{
  g_autoptr(GError) first = NULL;
  for (const struct addrinfo *at = addresses; at != NULL; at = at->ai_next) {
    g_autoptr(GError) fault = NULL;
    int fd = try_address(dial, at, wait, loopback_out, &fault);
    if (fd >= 0)
      return fd;
    bool last = error_is(fault, POSTINO_ERROR_CANCELLED) ||
                g_get_monotonic_time() >= wait->deadline;
    if (first == NULL || error_is(fault, POSTINO_ERROR_CANCELLED)) {
      g_clear_error(&first);
      first = g_steal_pointer(&fault);
    }
    if (last)
      break;
  }
  g_propagate_error(error, g_steal_pointer(&first));
  return -1;
}

/* The proxy's name and port.  Free the name. */
static char *
proxy_place(const char *proxy, int *port_out, GError **error)
{
  g_autofree char *scheme = NULL, *host = NULL;
  int port = -1;
  if (!g_uri_split_network(proxy, G_URI_FLAGS_NONE, &scheme, &host, &port, NULL) ||
      strcmp(scheme, "socks5") != 0 || host == NULL) {
    error_set(error, POSTINO_ERROR_CONFIG, _("proxy takes socks5://HOST:PORT"));
    return NULL;
  }
  *port_out = port > 0 ? port : SOCKS_PORT;
  return resolve_ascii(host, error);
}

/* The proxy resolves and reaches the host, so nothing of it is loopback here. */
static int
connect_through(const struct dial *dial, struct wait *wait, bool *loopback_out, GError **error)
{
  if (dial->loopback_only) {
    error_set(error, POSTINO_ERROR_TRUST,
              _("tls = \"none\" would show the password and all mail to the proxy; use tls = "
                "\"implicit\" or \"starttls\", or set allow-cleartext = yes"));
    return -1;
  }
  struct dial to = {0};
  g_autofree char *host = proxy_place(dial->proxy, &to.port, error);
  to.host = host;
  if (host == NULL)
    return -1;
  auto_fd fd = dial_connect(&to, wait, loopback_out, error);
  *loopback_out = false;
  if (fd < 0 || !socks_connect(fd, dial->host, dial->port, wait, error)) {
    g_prefix_error(error, _("proxy %s: "), dial->proxy);
    wait->fd = -1;
    return -1;
  }
  return fd_steal(&fd);
}

int
dial_connect(const struct dial *dial, struct wait *wait, bool *loopback_out, GError **error)
{
  if (dial->proxy != NULL)
    return connect_through(dial, wait, loopback_out, error);
  struct wait limited = *wait;
  limited.idle = MIN(wait->idle, LIMIT_CONNECT_SECONDS * G_USEC_PER_SEC);
  limited.deadline = g_get_monotonic_time() + 2 * limited.idle;
  struct addrinfo *addresses = resolve_addresses(dial->host, dial->port, &limited, error);
  if (addresses == NULL)
    return -1;
  int fd = try_each(dial, addresses, &limited, loopback_out, error);
  freeaddrinfo(addresses);
  wait->fd = fd;
  return fd;
}

#include "net/socks.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "base/error.h"
#include "base/i18n.h"

enum { SOCKS_5 = 5, NO_AUTH = 0, CONNECT = 1, IPV4 = 1, NAME = 3, IPV6 = 4 };

static bool
send_all(int fd, const GByteArray *bytes, struct wait *wait, GError **error)
{
  for (size_t at = 0; at < bytes->len;) {
    ssize_t n = send(fd, bytes->data + at, bytes->len - at, MSG_NOSIGNAL);
    if (n > 0)
      at += (size_t)n;
    else if (n < 0 && errno != EAGAIN && errno != EINTR)
      return error_errno(error, POSTINO_ERROR_RETRY, errno, _("the proxy"));
    else if (!wait_for(wait, POLLOUT, error))
      return false;
  }
  return true;
}

/* Exactly so many bytes: what follows them is the server's. */
static bool
read_exactly(int fd, guint8 *data, size_t size, struct wait *wait, GError **error)
{
  for (size_t at = 0; at < size;) {
    ssize_t n = recv(fd, data + at, size - at, 0);
    if (n > 0)
      at += (size_t)n;
    else if (n == 0)
      return error_set(error, POSTINO_ERROR_RETRY, _("the proxy closed the connection"));
    else if (errno != EAGAIN && errno != EINTR)
      return error_errno(error, POSTINO_ERROR_RETRY, errno, _("the proxy"));
    else if (!wait_for(wait, POLLIN, error))
      return false;
  }
  return true;
}

static bool
no_socks(GError **error)
{
  return error_set(error, POSTINO_ERROR_PROTOCOL,
                   _("the proxy does not speak SOCKS5; check proxy in the rc file"));
}

static bool
greet(int fd, struct wait *wait, GError **error)
{
  static const guint8 hello[] = {SOCKS_5, 1, NO_AUTH};
  g_autoptr(GByteArray) bytes = g_byte_array_new();
  guint8 answer[2];
  g_byte_array_append(bytes, hello, sizeof hello);
  if (!send_all(fd, bytes, wait, error) ||
      !read_exactly(fd, answer, sizeof answer, wait, error))
    return false;
  if (answer[0] != SOCKS_5)
    return no_socks(error);
  return answer[1] == NO_AUTH ||
         error_set(error, POSTINO_ERROR_REFUSED, _("the proxy wants a user and a password, which "
                                                   "postino does not give to proxies"));
}

static GByteArray *
request_for(const char *host, int port)
{
  GByteArray *bytes = g_byte_array_new();
  guint8 head[] = {SOCKS_5, CONNECT, 0}, address[16], type;
  g_byte_array_append(bytes, head, sizeof head);
  if (inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1) {
    bool six = strchr(host, ':') != NULL;
    type = six ? IPV6 : IPV4;
    g_byte_array_append(bytes, &type, 1);
    g_byte_array_append(bytes, address, six ? 16 : 4);
  } else {
    type = NAME;
    guint8 length = (guint8)MIN(strlen(host), 255);
    g_byte_array_append(bytes, &type, 1);
    g_byte_array_append(bytes, &length, 1);
    g_byte_array_append(bytes, (const guint8 *)host, length);
  }
  guint8 ends[] = {(guint8)(port >> 8), (guint8)port};
  g_byte_array_append(bytes, ends, sizeof ends);
  return bytes;
}

static bool
refused(guint8 code, GError **error)
{
  static const char *const why[] = {
      [1] = N_("general failure"),       [2] = N_("its rules forbid it"),
      [3] = N_("network unreachable"),   [4] = N_("host unreachable or unknown"),
      [5] = N_("connection refused"),    [6] = N_("it took too long"),
      [7] = N_("it cannot do that"),     [8] = N_("it does not know such addresses"),
  };
  bool known = code < G_N_ELEMENTS(why) && why[code] != NULL;
  return error_set(error, code == 2 ? POSTINO_ERROR_REFUSED : POSTINO_ERROR_RETRY,
                   _("the proxy cannot reach the server: %s"),
                   known ? _(why[code]) : _("no reason given"));
}

static bool
read_reply(int fd, struct wait *wait, GError **error)
{
  guint8 head[5], rest[256 + 2];
  if (!read_exactly(fd, head, 4, wait, error))
    return false;
  if (head[0] != SOCKS_5 || (head[3] != IPV4 && head[3] != NAME && head[3] != IPV6))
    return head[0] == SOCKS_5 && head[1] != 0 ? refused(head[1], error) : no_socks(error);
  if (head[1] != 0)
    return refused(head[1], error);
  size_t length = head[3] == IPV4 ? 4 : 16;
  if (head[3] == NAME) {
    if (!read_exactly(fd, &head[4], 1, wait, error))
      return false;
    length = head[4];
  }
  return read_exactly(fd, rest, length + 2, wait, error);
}

bool
socks_connect(int fd, const char *host, int port, struct wait *wait, GError **error)
{
  g_autoptr(GByteArray) request = request_for(host, port);
  return greet(fd, wait, error) && send_all(fd, request, wait, error) &&
         read_reply(fd, wait, error);
}

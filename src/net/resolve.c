#include "net/resolve.h"

#include <errno.h>
#include <idn2.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/i18n.h"
#include "base/limits.h"
#include "base/sanitize.h"

static bool
is_plain_name(const char *host)
{
  for (const char *at = host; *at != '\0'; at++)
    if (!g_ascii_isalnum(*at) && strchr(".-_:%", *at) == NULL)
      return false;
  return *host != '\0' && strlen(host) <= 255;
}

static char *
to_a_labels(const char *host, GError **error)
{
  g_autofree char *shown = sanitize_line(host, -1);
  uint8_t *found = NULL;
  int rc = idn2_lookup_u8((const uint8_t *)host, &found, IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT);
  if (rc != IDN2_OK) {
    error_set(error, POSTINO_ERROR_CONFIG, _("“%s” is no host name (%s); mend server in the rc file"),
              shown, idn2_strerror(rc));
    return NULL;
  }
  char *name = g_strdup((const char *)found);
  idn2_free(found);
  return name;
}

char *
resolve_ascii(const char *host, GError **error)
{
  size_t length = strlen(host);
  g_autofree char *name = host[0] == '[' && host[length - 1] == ']'
                              ? g_strndup(host + 1, length - 2)
                              : g_strdup(host);
  if (!g_str_is_ascii(name)) {
    char *labels = to_a_labels(name, error);
    if (labels == NULL)
      return NULL;
    g_free(name);
    name = labels;
  }
  length = strlen(name);
  if (length > 1 && name[length - 1] == '.')
    name[length - 1] = '\0';
  if (!is_plain_name(name)) {
    g_autofree char *shown = sanitize_line(host, -1);
    error_set(error, POSTINO_ERROR_CONFIG, _("“%s” is no host name; mend server in the rc file"),
              shown);
    return NULL;
  }
  return g_steal_pointer(&name);
}

/* Shared by the one who waits and the thread that asks: whoever is last frees. */
struct lookup {
  gint refs;
  int done_fd;
  char *host;
  char port[12];
  int status, errnum;
  struct addrinfo *found;
};

static void
lookup_unref(struct lookup *lookup)
{
  if (!g_atomic_int_dec_and_test(&lookup->refs))
    return;
  if (lookup->found != NULL)
    freeaddrinfo(lookup->found);
  fd_clear(&lookup->done_fd);
  g_free(lookup->host);
  g_free(lookup);
}

static gpointer
ask(gpointer data)
{
  struct lookup *lookup = data;
  struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM,
                           .ai_flags = AI_NUMERICSERV};
  lookup->status = getaddrinfo(lookup->host, lookup->port, &hints, &lookup->found);
  lookup->errnum = errno;
  if (eventfd_write(lookup->done_fd, 1) < 0)
    g_warning("a name look-up could not report its end");
  lookup_unref(lookup);
  return NULL;
}

static bool
lookup_failed(const struct lookup *lookup, GError **error)
{
  switch (lookup->status) {
  case EAI_AGAIN:
    return error_set(error, POSTINO_ERROR_RETRY,
                     _("no name server answers for this host; is the network up?"));
  case EAI_SYSTEM:
    return error_errno(error, POSTINO_ERROR_RETRY, lookup->errnum, _("the name look-up failed"));
  default:
    return error_set(error, POSTINO_ERROR_HOST, _("host unknown (%s); check server in the rc file"),
                     gai_strerror(lookup->status));
  }
}

static struct lookup *
lookup_start(const char *host, int port, GError **error)
{
  struct lookup *lookup = g_new0(struct lookup, 1);
  lookup->refs = 2;
  lookup->host = g_strdup(host);
  g_snprintf(lookup->port, sizeof lookup->port, "%d", port);
  lookup->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  GThread *thread = lookup->done_fd < 0 ? NULL : g_thread_try_new("resolve", ask, lookup, NULL);
  if (thread == NULL) {
    error_set(error, POSTINO_ERROR_LOCAL, _("no thread for the name look-up"));
    lookup->refs = 1;
    lookup_unref(lookup);
    return NULL;
  }
  g_thread_unref(thread);
  return lookup;
}

struct addrinfo *
resolve_addresses(const char *host, int port, struct wait *wait, GError **error)
{
  struct lookup *lookup = lookup_start(host, port, error);
  if (lookup == NULL)
    return NULL;
  struct wait limited = *wait;
  limited.fd = lookup->done_fd;
  limited.idle = MIN(wait->idle, LIMIT_RESOLVE_SECONDS * G_USEC_PER_SEC);
  g_autoptr(GError) late = NULL;
  struct addrinfo *found = NULL;
  if (!wait_for(&limited, POLLIN, &late)) {
    if (error_is(late, POSTINO_ERROR_RETRY))
      error_set(error, POSTINO_ERROR_RETRY, _("the name look-up takes too long; try again later"));
    else
      g_propagate_error(error, g_steal_pointer(&late));
  } else if (lookup->status != 0)
    lookup_failed(lookup, error);
  else
    found = g_steal_pointer(&lookup->found);
  lookup_unref(lookup);
  return found;
}

char *
resolve_text(const struct sockaddr *address, socklen_t length)
{
  char text[NI_MAXHOST];
  if (getnameinfo(address, length, text, sizeof text, NULL, 0, NI_NUMERICHOST) != 0)
    return g_strdup("?");
  return g_strdup(text);
}

bool
resolve_is_loopback(const struct sockaddr *address)
{
  if (address->sa_family == AF_INET) {
    const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)address;
    return ntohl(in->sin_addr.s_addr) >> 24 == 127;
  }
  if (address->sa_family != AF_INET6)
    return false;
  const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)address;
  const uint8_t *bytes = in6->sin6_addr.s6_addr;
  return IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr) ||
         (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr) && bytes[12] == 127);
}

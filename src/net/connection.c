#include "net/connection.h"

#include <libetpan/mailstream.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/error.h"
#include "base/i18n.h"
#include "base/log.h"
#include "base/sanitize.h"
#include "base/secret.h"
#include "net/dial.h"
#include "net/resolve.h"
#include "net/stream.h"

/* What a TLS record holds at most, and what is queued before it is sent. */
#define BUFFER_SIZE 16384

struct connection {
  struct stream stream;     /* outlives the mailstream: it has the true cause */
  mailstream *buffers;      /* libetpan's, over our driver below */
  GByteArray *input;        /* taken from libetpan's buffer at once: it moves what
                             * is left of its own after each small read */
  size_t taken;             /* of input */
  GString *line;
  char *who, *host, *place; /* place: "home pop3 (pop.example:995)" */
  char *ca_file, *pin, *known_key, *literal;
  char *client_cert, *client_key;
  bool loopback;
  bool secret_queued;       /* the write buffer is to be wiped once it is sent */
};

static ssize_t
driver_read(mailstream_low *low, void *data, size_t size)
{
  return stream_read(low->data, data, size);
}

static ssize_t
driver_write(mailstream_low *low, const void *data, size_t size)
{
  return stream_write(low->data, data, size);
}

static int
driver_close(mailstream_low *low)
{
  return 0;
}

static int
driver_fd(mailstream_low *low)
{
  return ((struct stream *)low->data)->wait.fd;
}

static void
driver_free(mailstream_low *low)
{
  free(low);
}

static int
driver_no_idle(mailstream_low *low)
{
  return -1;
}

static mailstream_low_driver driver = {
    .mailstream_read = driver_read,
    .mailstream_write = driver_write,
    .mailstream_close = driver_close,
    .mailstream_get_fd = driver_fd,
    .mailstream_free = driver_free,
    .mailstream_setup_idle = driver_no_idle,
    .mailstream_unsetup_idle = driver_no_idle,
    .mailstream_interrupt_idle = driver_no_idle,
};

static bool
failed(const struct connection *connection, GError **error)
{
  if (connection->stream.failure == NULL)
    return error_set(error, POSTINO_ERROR_BUG, _("a connection failed without a cause"));
  if (error != NULL)
    *error = g_error_copy(connection->stream.failure);
  g_prefix_error(error, "%s: ", connection->place);
  return false;
}

/* The connection is dead from here on, for this reason. */
static bool
die(struct connection *connection, enum postino_error code, const char *sentence, GError **error)
{
  if (connection->stream.failure == NULL)
    error_set(&connection->stream.failure, code, "%s", sentence);
  return failed(connection, error);
}

static bool
set_up_buffers(struct connection *connection)
{
  mailstream_low *low = mailstream_low_new(&connection->stream, &driver);
  if (low == NULL)
    return false;
  connection->buffers = mailstream_new(low, BUFFER_SIZE);
  if (connection->buffers == NULL)
    free(low);
  return connection->buffers != NULL;
}

static char *
literal_of(int fd)
{
  struct sockaddr_storage own;
  socklen_t length = sizeof own;
  if (getsockname(fd, (struct sockaddr *)&own, &length) < 0)
    return g_strdup("[127.0.0.1]");
  g_autofree char *text = resolve_text((struct sockaddr *)&own, length);
  char *scope = strchr(text, '%');
  if (scope != NULL)
    *scope = '\0';
  return g_strdup_printf(own.ss_family == AF_INET6 ? "[IPv6:%s]" : "[%s]", text);
}

/* A pin that was dropped from the rc: its key is compared all the same. */
static bool
shows_known_key(struct connection *connection)
{
  const char *shown = tls_peer_pin(connection->stream.tls);
  if (connection->pin != NULL || connection->known_key == NULL ||
      g_ascii_strcasecmp(connection->known_key, shown != NULL ? shown : "") == 0)
    return true;
  g_autofree char *known = sanitize_line(connection->known_key, -1);
  return error_set(&connection->stream.failure, POSTINO_ERROR_TRUST,
                   _("the rc file has no pin any more, and the server's key is not the one that "
                     "was pinned until now: pinned %s, presented %s; nothing was sent to it; if "
                     "your provider says that it changed its key, run 'postino account forget' "
                     "for this account, else somebody sits between"),
                   known, shown != NULL ? shown : _("none"));
}

static bool
handshake(struct connection *connection, GError **error)
{
  g_autofree char *resume = g_strdup_printf("%s\n%s", connection->who, connection->place);
  struct tls_policy policy = {.host = connection->host, .ca_file = connection->ca_file,
                              .pin = connection->pin, .resume = resume,
                              .client_cert = connection->client_cert,
                              .client_key = connection->client_key};
  if (!stream_start_tls(&connection->stream, &policy))
    return failed(connection, error);
  if (!shows_known_key(connection))
    return failed(connection, error);
  g_autofree char *remark =
      g_strdup_printf("%s, key %s%s", tls_cipher(connection->stream.tls),
                      tls_peer_pin(connection->stream.tls),
                      tls_is_resumed(connection->stream.tls) ? ", resumed" : "");
  log_dialogue(connection->who, '*', remark, -1);
  return true;
}

static bool
reach(struct connection *connection, const struct connection_options *options, GError **error)
{
  struct dial dial = {
      .host = connection->host,
      .port = options->port,
      .proxy = options->proxy,
      .loopback_only = options->tls == CONF_TLS_NONE && !options->allow_cleartext,
  };
  int fd = dial_connect(&dial, &connection->stream.wait, &connection->loopback,
                        &connection->stream.failure);
  if (fd < 0)
    return failed(connection, error);
  connection->literal = literal_of(fd);
  log_dialogue(connection->who, '*', connection->place, -1);
  if (!set_up_buffers(connection))
    return die(connection, POSTINO_ERROR_BUG, _("no memory for a connection"), error);
  return options->tls != CONF_TLS_IMPLICIT || handshake(connection, error);
}

struct connection *
connection_open(const struct connection_options *options, GCancellable *cancel, GError **error)
{
  g_autofree char *host = resolve_ascii(options->host, error);
  if (host == NULL) {
    g_prefix_error(error, "%s: ", options->who);
    return NULL;
  }
  g_autoptr(connection_t) connection = g_new0(struct connection, 1);
  connection->input = g_byte_array_new();
  connection->line = g_string_new(NULL);
  connection->who = g_strdup(options->who);
  connection->place = g_strdup_printf("%s (%s:%d)", options->who, host, options->port);
  connection->host = g_steal_pointer(&host);
  connection->ca_file = g_strdup(options->ca_file);
  connection->pin = g_strdup(options->pin);
  connection->client_cert = g_strdup(options->client_cert);
  connection->client_key = g_strdup(options->client_key);
  connection->known_key = g_strdup(options->known_key);
  if (!stream_init(&connection->stream, cancel, options->timeout, error) ||
      !reach(connection, options, error))
    return NULL;
  return g_steal_pointer(&connection);
}

struct connection *
connection_open_server(const struct conf_server *server, const char *who, const char *known_key,
                       GCancellable *cancel, GError **error)
{
  struct connection_options options = {
      .host = server->server,
      .port = server->port,
      .tls = server->tls,
      .allow_cleartext = server->allow_cleartext,
      .timeout = server->timeout,
      .ca_file = server->ca_file,
      .pin = server->pin,
      .client_cert = server->client_cert,
      .client_key = server->client_key,
      .known_key = known_key,
      .proxy = server->proxy,
      .who = who,
  };
  return connection_open(&options, cancel, error);
}

void
connection_close(struct connection *connection)
{
  if (connection == NULL)
    return;
  if (connection->buffers != NULL)
    mailstream_close(connection->buffers);
  stream_clear(&connection->stream);
  g_byte_array_unref(connection->input);
  g_string_free(connection->line, TRUE);
  g_free(connection->who);
  g_free(connection->host);
  g_free(connection->place);
  g_free(connection->ca_file);
  g_free(connection->pin);
  g_free(connection->client_cert);
  g_free(connection->client_key);
  g_free(connection->known_key);
  g_free(connection->literal);
  g_free(connection);
}

bool
connection_has_input(const struct connection *connection)
{
  return connection->taken < connection->input->len || connection->buffers->read_buffer_len > 0 ||
         stream_has_early(&connection->stream);
}

bool
connection_is_quiet(struct connection *connection)
{
  if (connection->stream.failure != NULL || connection_has_input(connection))
    return false;
  g_byte_array_set_size(connection->input, BUFFER_SIZE);
  connection->taken = 0;
  ssize_t n = stream_try_read(&connection->stream, connection->input->data, BUFFER_SIZE);
  g_byte_array_set_size(connection->input, n > 0 ? (guint)n : 0);
  return n == 0;
}

bool
connection_start_tls(struct connection *connection, GError **error)
{
  if (connection->stream.failure != NULL)
    return failed(connection, error);
  if (connection->stream.tls != NULL)
    return die(connection, POSTINO_ERROR_BUG, _("TLS is there already"), error);
  if (connection_has_input(connection) || connection->buffers->write_buffer_len > 0)
    return die(connection, POSTINO_ERROR_PROTOCOL,
               _("the server sent words before TLS began; somebody may sit between, so nothing "
                 "was sent to it"),
               error);
  return handshake(connection, error);
}

bool
connection_is_tls(const struct connection *connection)
{
  return connection->stream.tls != NULL && tls_cipher(connection->stream.tls) != NULL;
}

bool
connection_is_loopback(const struct connection *connection)
{
  return connection->loopback;
}

const char *
connection_cipher(const struct connection *connection)
{
  return connection->stream.tls == NULL ? NULL : tls_cipher(connection->stream.tls);
}

bool
connection_is_resumed(const struct connection *connection)
{
  return connection->stream.tls != NULL && tls_is_resumed(connection->stream.tls);
}

const char *
connection_peer_pin(const struct connection *connection)
{
  return connection->stream.tls == NULL ? NULL : tls_peer_pin(connection->stream.tls);
}

const char *
connection_local_literal(const struct connection *connection)
{
  return connection->literal;
}

static void
log_lines(const struct connection *connection, char direction, const char *text, size_t length)
{
  if (!log_enabled())
    return;
  while (length > 0) {
    const char *end = memchr(text, '\n', length);
    size_t step = end == NULL ? length : (size_t)(end - text) + 1;
    size_t shown = step;
    while (shown > 0 && (text[shown - 1] == '\n' || text[shown - 1] == '\r'))
      shown--;
    log_dialogue(connection->who, direction, text, (gssize)shown);
    text += step;
    length -= step;
  }
}

bool
connection_write(struct connection *connection, const void *data, size_t length, const char *log,
                 GError **error)
{
  if (connection->stream.failure != NULL)
    return failed(connection, error);
  connection->secret_queued |= log != NULL;
  log_lines(connection, '>', log != NULL ? log : data, log != NULL ? strlen(log) : length);
  for (const char *at = data; length > 0;) {
    ssize_t n = mailstream_write(connection->buffers, at, length);
    if (n <= 0)
      return failed(connection, error);
    at += n;
    length -= (size_t)n;
  }
  return true;
}

static size_t
count_line_ends(const char *text)
{
  size_t count = 0;
  for (; *text != '\0'; text++)
    count += *text == '\r' || *text == '\n';
  return count;
}

bool
connection_printf(struct connection *connection, GError **error, const char *format, ...)
{
  va_list ap;
  va_start(ap, format);
  g_autofree char *text = g_strdup_vprintf(format, ap);
  va_end(ap);
  if (count_line_ends(text) != count_line_ends(format))
    return error_set(error, POSTINO_ERROR_BUG, _("%s: a line end inside a command; not sent"),
                     connection->place);
  return connection_write(connection, text, strlen(text), NULL, error);
}

bool
connection_flush(struct connection *connection, GError **error)
{
  if (connection->stream.failure != NULL)
    return failed(connection, error);
  wait_renew(&connection->stream.wait);
  bool sent = mailstream_flush(connection->buffers) >= 0;
  if (connection->secret_queued)
    secret_wipe(connection->buffers->write_buffer, connection->buffers->buffer_max_size);
  connection->secret_queued = false;
  return sent || failed(connection, error);
}

size_t
connection_room(const struct connection *connection)
{
  int fd = connection->stream.wait.fd, most = 0, waiting = 0;
  socklen_t length = sizeof most;
  if (getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &most, &length) < 0 || ioctl(fd, TIOCOUTQ, &waiting) < 0)
    return 0;
  /* The system counts its own overhead too. */
  size_t used = (size_t)waiting + connection->buffers->write_buffer_len, room = (size_t)most / 2;
  return room > used ? room - used : 0;
}

/* At least one byte in `input` beyond `taken`. */
static bool
fill(struct connection *connection, GError **error)
{
  if (connection->taken < connection->input->len)
    return true;
  if (connection->stream.failure != NULL)
    return failed(connection, error);
  mailstream *buffers = connection->buffers;
  if (buffers->read_buffer_len == 0 && mailstream_feed_read_buffer(buffers) <= 0)
    return failed(connection, error);
  size_t ready = buffers->read_buffer_len;
  g_byte_array_set_size(connection->input, (guint)ready);
  connection->taken = 0;
  ssize_t n = mailstream_read(buffers, connection->input->data, ready);
  g_byte_array_set_size(connection->input, n < 0 ? 0 : (guint)n);
  return n > 0 || failed(connection, error);
}

const char *
connection_peek(struct connection *connection, size_t *length_out, GError **error)
{
  if (!fill(connection, error))
    return NULL;
  *length_out = connection->input->len - connection->taken;
  return (const char *)connection->input->data + connection->taken;
}

void
connection_skip(struct connection *connection, size_t length)
{
  connection->taken = MIN(connection->taken + length, connection->input->len);
}

ssize_t
connection_read(struct connection *connection, void *data, size_t size, GError **error)
{
  size_t ready;
  const char *at = connection_peek(connection, &ready, error);
  if (at == NULL)
    return -1;
  ready = MIN(ready, size);
  memcpy(data, at, ready);
  connection_skip(connection, ready);
  return (ssize_t)ready;
}

/* Moves bytes into `line` up to and with the LF; *whole_out: it came. */
static bool
take_line_part(struct connection *connection, size_t limit, bool *whole_out, GError **error)
{
  size_t ready;
  const char *at = connection_peek(connection, &ready, error);
  if (at == NULL)
    return false;
  const char *end = memchr(at, '\n', ready);
  size_t step = end == NULL ? ready : (size_t)(end - at) + 1;
  if (connection->line->len + step > limit + 2)
    return die(connection, POSTINO_ERROR_PROTOCOL, _("the server sent a line without end"), error);
  if (memchr(at, '\0', step) != NULL)
    return die(connection, POSTINO_ERROR_PROTOCOL, _("the server sent a NUL byte in a reply"),
               error);
  g_string_append_len(connection->line, at, (gssize)step);
  connection_skip(connection, step);
  *whole_out = end != NULL;
  return true;
}

const char *
connection_read_line(struct connection *connection, size_t limit, GError **error)
{
  GString *line = connection->line;
  g_string_truncate(line, 0);
  for (bool whole = false; !whole;)
    if (!take_line_part(connection, limit, &whole, error))
      return NULL;
  g_string_truncate(line, line->len - 1);
  if (line->len > 0 && line->str[line->len - 1] == '\r')
    g_string_truncate(line, line->len - 1);
  log_dialogue(connection->who, '<', line->str, (gssize)line->len);
  return line->str;
}

void
connection_set_timeout(struct connection *connection, int seconds)
{
  wait_set_timeout(&connection->stream.wait, seconds);
}

uint64_t
connection_bytes(const struct connection *connection)
{
  return connection->stream.bytes;
}

#include "net/stream.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "base/error.h"
#include "base/file.h"
#include "base/i18n.h"
#include "base/limits.h"

/* What is kept of a peer that talks and does not listen. */
#define EARLY_MOST LIMIT_MIB(64)
#define EARLY_STEP LIMIT_KIB(16)

bool
stream_init(struct stream *stream, GCancellable *cancel, int seconds, GError **error)
{
  *stream = (struct stream){0};
  return wait_init(&stream->wait, cancel, seconds, error);
}

void
stream_clear(struct stream *stream)
{
  g_clear_pointer(&stream->tls, tls_free);
  fd_clear(&stream->wait.fd);
  wait_clear(&stream->wait);
  g_clear_pointer(&stream->early, g_byte_array_unref);
  g_clear_error(&stream->failure);
}

static bool
closed(struct stream *stream)
{
  return error_set(&stream->failure, POSTINO_ERROR_RETRY,
                   _("the server closed the connection; try again later"));
}

/* Waits where `result` says so; false when the stream has ended. */
static bool
go_on(struct stream *stream, enum tls_result result)
{
  switch (result) {
  case TLS_WANTS_READ:
    return wait_for(&stream->wait, POLLIN, &stream->failure);
  case TLS_WANTS_WRITE:
    return wait_for(&stream->wait, POLLOUT, &stream->failure);
  case TLS_FAILED:
    return tls_fault(stream->tls, &stream->failure);
  default:
    return closed(stream);
  }
}

bool
stream_start_tls(struct stream *stream, const struct tls_policy *policy)
{
  stream->tls = tls_new(stream->wait.fd, policy, &stream->failure);
  if (stream->tls == NULL)
    return false;
  wait_renew(&stream->wait);
  stream->wait.deadline = g_get_monotonic_time() + stream->wait.idle;
  for (;;) {
    enum tls_result result = tls_handshake(stream->tls);
    if (result == TLS_DONE)
      break;
    if (!go_on(stream, result)) {
      g_prefix_error(&stream->failure, "%s", error_is(stream->failure, POSTINO_ERROR_RETRY)
                                                 ? _("in the TLS handshake: ") : "");
      return false;
    }
  }
  stream->wait.deadline = 0;
  wait_renew(&stream->wait);
  return true;
}

static enum tls_result
clear_result(struct stream *stream, ssize_t n, enum tls_result again, size_t *moved_out)
{
  if (n > 0) {
    *moved_out = (size_t)n;
    return TLS_DONE;
  }
  if (n == 0 || errno == ECONNRESET || errno == EPIPE)
    return TLS_END;
  if (errno == EAGAIN)
    return again;
  error_errno(&stream->failure, POSTINO_ERROR_RETRY, errno, _("the connection broke"));
  return TLS_FAILED;
}

static enum tls_result
read_once(struct stream *stream, void *data, size_t size, size_t *moved_out)
{
  if (stream->tls != NULL)
    return tls_read(stream->tls, data, size, moved_out);
  ssize_t n;
  do
    n = recv(stream->wait.fd, data, size, 0);
  while (n < 0 && errno == EINTR);
  return clear_result(stream, n, TLS_WANTS_READ, moved_out);
}

static enum tls_result
write_once(struct stream *stream, const void *data, size_t size, size_t *moved_out)
{
  if (stream->tls != NULL)
    return tls_write(stream->tls, data, size, moved_out);
  ssize_t n;
  do
    n = send(stream->wait.fd, data, size, MSG_NOSIGNAL);
  while (n < 0 && errno == EINTR);
  return clear_result(stream, n, TLS_WANTS_WRITE, moved_out);
}

static bool
stream_cancelled(struct stream *stream)
{
  if (stream->failure == NULL && g_cancellable_is_cancelled(stream->wait.cancel))
    error_set(&stream->failure, POSTINO_ERROR_CANCELLED, _("cancelled"));
  return stream->failure != NULL;
}

/* ---- what came while writing ---- */

bool
stream_has_early(const struct stream *stream)
{
  return stream->early != NULL;
}

static size_t
take_early(struct stream *stream, void *data, size_t size)
{
  if (stream->early == NULL)
    return 0;
  size_t length = MIN(size, stream->early->len - stream->early_taken);
  memcpy(data, stream->early->data + stream->early_taken, length);
  stream->early_taken += (guint)length;
  if (stream->early_taken == stream->early->len) {
    g_clear_pointer(&stream->early, g_byte_array_unref);
    stream->early_taken = 0;
  }
  return length;
}

static void
keep_early(struct stream *stream)
{
  char data[EARLY_STEP];
  size_t moved = 0;
  switch (read_once(stream, data, sizeof data, &moved)) {
  case TLS_DONE:
    stream->bytes += moved;
    wait_earn(&stream->wait, moved);
    if (stream->early == NULL)
      stream->early = g_byte_array_new();
    g_byte_array_append(stream->early, (const guint8 *)data, (guint)moved);
    break;
  case TLS_WANTS_READ:
  case TLS_WANTS_WRITE:
    break;
  default:
    /* The reader meets it again; the writer may still get rid of its bytes. */
    stream->ended = true;
  }
}

/* Waits until writing may go on. */
static bool
wait_to_write(struct stream *stream)
{
  bool listens = !stream->ended && (stream->early == NULL || stream->early->len < EARLY_MOST);
  short events = listens ? POLLOUT | POLLIN : POLLOUT;
  if (!wait_for(&stream->wait, events, &stream->failure))
    return false;
  if (listens)
    keep_early(stream);
  return stream->failure == NULL;
}

ssize_t
stream_read(struct stream *stream, void *data, size_t size)
{
  size_t moved = take_early(stream, data, size);
  if (moved > 0)
    return (ssize_t)moved;
  while (!stream_cancelled(stream)) {
    enum tls_result result = read_once(stream, data, size, &moved);
    if (result == TLS_DONE) {
      stream->bytes += moved;
      wait_earn(&stream->wait, moved);
      return (ssize_t)moved;
    }
    if (stream->failure != NULL || !go_on(stream, result))
      break;
  }
  return -1;
}

ssize_t
stream_try_read(struct stream *stream, void *data, size_t size)
{
  size_t moved = take_early(stream, data, size);
  if (moved > 0)
    return (ssize_t)moved;
  if (stream_cancelled(stream))
    return -1;
  enum tls_result result = read_once(stream, data, size, &moved);
  switch (result) {
  case TLS_DONE:
    stream->bytes += moved;
    return (ssize_t)moved;
  case TLS_WANTS_READ:
  case TLS_WANTS_WRITE:
    return 0;
  default:
    if (stream->failure == NULL)
      (void)go_on(stream, result);
    return -1;
  }
}

ssize_t
stream_write(struct stream *stream, const void *data, size_t size)
{
  size_t moved = 0;
  while (!stream_cancelled(stream)) {
    enum tls_result result = write_once(stream, data, size, &moved);
    if (result == TLS_DONE) {
      stream->bytes += moved;
      return (ssize_t)moved;
    }
    if (stream->failure != NULL ||
        !(result == TLS_WANTS_WRITE ? wait_to_write(stream) : go_on(stream, result)))
      break;
  }
  return -1;
}

/* The two ends of a byte stream: a non-blocking socket, in clear or in TLS, that
 * waits as net/wait.h says.  The first failure sticks. */
#pragma once

#include "net/tls.h"
#include "net/wait.h"

struct stream {
  struct wait wait;         /* wait.fd is the socket; the stream closes it */
  struct tls *tls;          /* NULL in clear */
  GError *failure;          /* the first; sticky */
  guint64 bytes;            /* moved, both ways */
  GByteArray *early;        /* read while writing had to wait; NULL: none */
  guint early_taken;        /* of it, given to the reader */
  bool ended;               /* the peer will send nothing more */
};

bool stream_init(struct stream *stream, GCancellable *cancel, int seconds, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
void stream_clear(struct stream *stream);

/* Shakes hands within the idle time altogether.  False: stream->failure. */
bool stream_start_tls(struct stream *stream, const struct tls_policy *policy)
    G_GNUC_WARN_UNUSED_RESULT;

/* Bytes moved, at least one; -1: stream->failure (the end of the stream too). */
ssize_t stream_read(struct stream *stream, void *data, size_t size);
/* The same without waiting: 0 when nothing has come. */
ssize_t stream_try_read(struct stream *stream, void *data, size_t size);
/* While the peer takes nothing, what it says is read and kept: one that must be heard
 * before it reads on would wait for ever. */
ssize_t stream_write(struct stream *stream, const void *data, size_t size);
/* Does something lie ready that was read while writing? */
bool stream_has_early(const struct stream *stream);

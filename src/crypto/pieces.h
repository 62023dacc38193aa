/* Letters to and from a plugin whose language cannot pass descriptors: DATA frames
 * after a request and before a reply. */
#pragma once

#include <gio/gio.h>
#include <stdbool.h>

#include "crypto/protocol.h"

/* What goes beside `frame`, in pieces; an empty one ends each.  `frame` itself was sent.
 * CANCELLED; LOCAL when the other side is gone or reads nothing. */
bool pieces_send(int socket, const struct frame *frame, GCancellable *cancel, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* A piece of what comes back; false when it grows beyond `limit` or nothing may follow. */
struct pieces { GByteArray *bytes; bool ended; };
bool pieces_take(struct pieces *pieces, const struct frame *piece, size_t limit);
/* Puts what came beside the reply, as if it had come so. */
bool pieces_give(struct pieces *pieces, struct frame *reply, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
void pieces_clear(struct pieces *pieces);

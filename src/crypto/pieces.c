#include "crypto/pieces.h"

#include "base/error.h"
#include "base/i18n.h"

/* Well below what a frame holds. */
#define PIECE ((gsize)32768)

static bool
send_piece(int socket, const struct frame *frame, const char *data, gsize length, GError **error)
{
  g_autoptr(frame_t) piece = frame_new(FRAME_DATA, frame_request(frame));
  frame_add(piece, FIELD_DATA, data, length);
  return frame_send(socket, piece, error);
}

bool
pieces_send(int socket, const struct frame *frame, GCancellable *cancel, GError **error)
{
  for (unsigned i = 0;; i++) {
    g_autoptr(GError) why = NULL;
    g_autoptr(GBytes) bytes = frame_bulk(frame, i, G_MAXSIZE, &why);
    if (bytes == NULL && why == NULL)
      return true;
    if (bytes == NULL) {
      g_propagate_error(error, g_steal_pointer(&why));
      return false;
    }
    gsize length;
    const char *data = g_bytes_get_data(bytes, &length);
    for (gsize at = 0; at < length; at += PIECE) {
      if (g_cancellable_is_cancelled(cancel))
        return error_set(error, POSTINO_ERROR_CANCELLED, "%s", _("cancelled"));
      if (!send_piece(socket, frame, data + at, MIN(PIECE, length - at), error))
        return false;
    }
    if (!send_piece(socket, frame, "", 0, error))
      return false;
  }
}

bool
pieces_take(struct pieces *pieces, const struct frame *piece, size_t limit)
{
  struct frame_value value;
  if (pieces->ended || !frame_find(piece, FIELD_DATA, &value))
    return false;
  if (pieces->bytes == NULL)
    pieces->bytes = g_byte_array_new();
  pieces->ended = value.length == 0;
  if (value.length > limit - pieces->bytes->len)
    return false;
  g_byte_array_append(pieces->bytes, (const guint8 *)value.data, (guint)value.length);
  return true;
}

bool
pieces_give(struct pieces *pieces, struct frame *reply, GError **error)
{
  if (pieces->bytes == NULL)
    return true;
  if (!pieces->ended)
    return error_set(error, POSTINO_ERROR_PROTOCOL, "%s", _("its letter has no end"));
  g_autoptr(GBytes) bytes = g_byte_array_free_to_bytes(g_steal_pointer(&pieces->bytes));
  return frame_add_bulk(reply, bytes, error);
}

void
pieces_clear(struct pieces *pieces)
{
  g_clear_pointer(&pieces->bytes, g_byte_array_unref);
}

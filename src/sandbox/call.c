#include "sandbox/call.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/limits.h"

/* A rendered letter: its text, headers and lists; a part is at most twice the
 * letter, since text may be turned into UTF-8. */
#define LONGEST_VARIANT LIMIT_MIB(32)
#define LONGEST_BYTES (2 * LIMIT_MESSAGE)

void
call_clear(struct call *call)
{
  g_clear_pointer(&call->content, g_variant_unref);
  g_clear_pointer(&call->bytes, g_bytes_unref);
}

enum call_result
call_ask(struct call *call, int socket, int letter_fd)
{
  if (frame_send_request(socket, &call->request, letter_fd))
    return CALL_ANSWERED;
  return errno == EPIPE || errno == ECONNRESET ? CALL_UNHEARD : CALL_LOCAL;
}

/* Waits until the socket can be read. */
static enum call_result
await_input(const struct call *call, int socket, int cancel_fd)
{
  for (;;) {
    struct pollfd set[2] = {{.fd = socket, .events = POLLIN}, {.fd = cancel_fd, .events = POLLIN}};
    gint64 left = call->deadline - g_get_monotonic_time();
    if (left <= 0)
      return CALL_LATE;
    int n = poll(set, G_N_ELEMENTS(set), (int)(left / 1000 + 1));
    if (n < 0 && errno != EINTR)
      return CALL_LOCAL;
    if (g_cancellable_is_cancelled(call->cancel))
      return CALL_CANCELLED;
    if (n > 0 && set[0].revents != 0)
      return CALL_ANSWERED;
  }
}

static enum call_result
receive(const struct call *call, int socket, int cancel_fd, void *data, size_t length)
{
  for (char *at = data; length > 0;) {
    enum call_result result = await_input(call, socket, cancel_fd);
    if (result != CALL_ANSWERED)
      return result;
    ssize_t n = recv(socket, at, length, MSG_DONTWAIT);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
      continue;
    if (n <= 0)
      return CALL_DIED;
    at += n;
    length -= (size_t)n;
  }
  return CALL_ANSWERED;
}

static enum call_result
receive_block(const struct call *call, int socket, int cancel_fd, uint64_t length,
              GBytes **block_out)
{
  char *data = g_try_malloc(MAX(length, 1));
  if (data == NULL)
    return CALL_LOCAL;
  enum call_result result = receive(call, socket, cancel_fd, data, (size_t)length);
  if (result == CALL_ANSWERED)
    *block_out = g_bytes_new_take(data, (size_t)length);
  else
    g_free(data);
  return result;
}

/* A child may have been taken over by a letter: nothing that it says is believed
 * before its form is checked. */
static bool
open_variant(struct call *call, GBytes *serialised)
{
  g_autoptr(GVariant) whole =
      g_variant_ref_sink(g_variant_new_from_bytes(G_VARIANT_TYPE_VARIANT, serialised, FALSE));
  if (!g_variant_is_normal_form(whole))
    return false;
  call->content = g_variant_get_variant(whole);
  return true;
}

static bool
is_sane(const struct frame_answer *head)
{
  if (head->status == FRAME_NONE)
    return head->variant == 0 && head->bytes == 0;
  return head->status == FRAME_DONE && head->variant <= LONGEST_VARIANT &&
         head->bytes <= LONGEST_BYTES;
}

static enum call_result
receive_answer(struct call *call, int socket, int cancel_fd)
{
  struct frame_answer head;
  g_autoptr(GBytes) serialised = NULL;
  enum call_result result = receive(call, socket, cancel_fd, &head, sizeof head);
  if (result != CALL_ANSWERED)
    return result;
  if (!is_sane(&head))
    return CALL_NONSENSE;
  if (head.status == FRAME_DONE) {
    result = receive_block(call, socket, cancel_fd, head.variant, &serialised);
    if (result == CALL_ANSWERED && head.bytes > 0)
      result = receive_block(call, socket, cancel_fd, head.bytes, &call->bytes);
    if (result != CALL_ANSWERED)
      return result;
    if (!open_variant(call, serialised))
      return CALL_NONSENSE;
  }
  return head.leaving != 0 ? CALL_LEAVING : CALL_ANSWERED;
}

enum call_result
call_await(struct call *call, int socket)
{
  int cancel_fd = -1;
  if (call->cancel != NULL && (cancel_fd = g_cancellable_get_fd(call->cancel)) < 0)
    return CALL_LOCAL;
  enum call_result result = receive_answer(call, socket, cancel_fd);
  if (cancel_fd >= 0)
    g_cancellable_release_fd(call->cancel);
  return result;
}

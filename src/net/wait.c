#include "net/wait.h"

#include <errno.h>
#include <poll.h>

#include "base/error.h"
#include "base/i18n.h"

#define EARNED_PER_BYTE (G_USEC_PER_SEC / 64)

bool
wait_init(struct wait *wait, GCancellable *cancel, int seconds, GError **error)
{
  *wait = (struct wait){.cancel_fd = -1, .fd = -1};
  wait_set_timeout(wait, seconds);
  if (cancel == NULL)
    return true;
  wait->cancel_fd = g_cancellable_get_fd(cancel);
  if (wait->cancel_fd < 0)
    return error_set(error, POSTINO_ERROR_LOCAL, _("too many open files"));
  wait->cancel = g_object_ref(cancel);
  return true;
}

void
wait_clear(struct wait *wait)
{
  if (wait->cancel_fd >= 0)
    g_cancellable_release_fd(wait->cancel);
  wait->cancel_fd = -1;
  g_clear_object(&wait->cancel);
}

void
wait_set_timeout(struct wait *wait, int seconds)
{
  wait->idle = (gint64)MAX(seconds, 1) * G_USEC_PER_SEC;
  wait_renew(wait);
}

void
wait_renew(struct wait *wait)
{
  wait->patience = 2 * wait->idle;
}

void
wait_earn(struct wait *wait, size_t bytes)
{
  gint64 most = 2 * wait->idle;
  if (bytes > (size_t)(most / EARNED_PER_BYTE))
    wait->patience = most;
  else
    wait->patience = MIN(most, wait->patience + (gint64)bytes * EARNED_PER_BYTE);
}

static gint64
end_of_wait(const struct wait *wait, short events, gint64 now)
{
  gint64 end = now + wait->idle;
  if (events == POLLIN)
    end = MIN(end, now + wait->patience);
  if (wait->deadline != 0)
    end = MIN(end, wait->deadline);
  return end;
}

static bool
timed_out(const struct wait *wait, short events, GError **error)
{
  int seconds = (int)(wait->idle / G_USEC_PER_SEC);
  if (events == POLLIN && wait->patience <= 0)
    return error_set(error, POSTINO_ERROR_RETRY,
                     _("the server answers too slowly; try again later"));
  return error_set(error, POSTINO_ERROR_RETRY,
                   ngettext("no answer within %d second; try again later",
                            "no answer within %d seconds; try again later", (gulong)seconds),
                   seconds);
}

bool
wait_for(struct wait *wait, short events, GError **error)
{
  gint64 start = g_get_monotonic_time(), now = start;
  gint64 end = end_of_wait(wait, events, start);
  for (;;) {
    struct pollfd set[2] = {{.fd = wait->fd, .events = events},
                            {.fd = wait->cancel_fd, .events = POLLIN}};
    int n = poll(set, G_N_ELEMENTS(set), (int)(MAX(end - now, 0) / 1000 + 1));
    int errnum = errno;
    now = g_get_monotonic_time();
    if (g_cancellable_is_cancelled(wait->cancel))
      return error_set(error, POSTINO_ERROR_CANCELLED, _("cancelled"));
    if (n < 0 && errnum != EINTR)
      return error_errno(error, POSTINO_ERROR_LOCAL, errnum, _("waiting failed"));
    if (n > 0 && set[0].revents != 0)
      break;
    if (now >= end)
      break;
  }
  if (events == POLLIN)
    wait->patience -= now - start;
  return now < end || timed_out(wait, events, error);
}

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>

#include "base/error.h"
#include "base/file.h"
#include "base/i18n.h"
#include "base/sanitize.h"
#include "store/disk.h"

/* flock, not fcntl: it belongs to the descriptor, so that two threads of one
 * process exclude each other too and a closed copy elsewhere frees nothing. */

struct store_lock {
  int fd;
};

#define LOCK_STEP_MS 50

/* Account titles may hold anything; a file name may not. */
static char *
lock_path(const struct store *store, const char *name)
{
  GString *path = g_string_new(store->dir);
  g_string_append(path, "/.postino/lock/");
  for (const char *c = name; *c != '\0'; c++)
    if (g_ascii_isalnum(*c) || *c == '-' || *c == '_' || (*c == '.' && c != name))
      g_string_append_c(path, *c);
    else
      g_string_append_printf(path, "%%%02X", (unsigned char)*c);
  return g_string_free(path, FALSE);
}

static bool
refuse_held(int fd, const char *name, GError **error)
{
  char text[32] = "";
  ssize_t got = pread(fd, text, sizeof text - 1, 0);
  gint64 pid = got > 0 ? g_ascii_strtoll(text, NULL, 10) : 0;
  g_autofree char *clean = sanitize_line(name, -1);
  if (pid > 0)
    return error_set(error, POSTINO_ERROR_RETRY,
                     _("%s is held by another postino (process %" G_GINT64_FORMAT
                       "); try again when it is done"),
                     clean, pid);
  return error_set(error, POSTINO_ERROR_RETRY,
                   _("%s is held by another postino; try again when it is done"), clean);
}

/* Waits a step; false when it was cancelled. */
static bool
wait_step(GCancellable *cancel, GError **error)
{
  GPollFD poll_fd;
  if (cancel != NULL && g_cancellable_make_pollfd(cancel, &poll_fd)) {
    g_poll(&poll_fd, 1, LOCK_STEP_MS);
    g_cancellable_release_fd(cancel);
  } else
    g_usleep(LOCK_STEP_MS * 1000);
  GError *stopped = NULL;
  return g_cancellable_set_error_if_cancelled(cancel, &stopped) ? error_adopt(error, stopped)
                                                                : true;
}

static bool
take(int fd, const char *path, const char *name, int seconds, GCancellable *cancel,
     GError **error)
{
  gint64 deadline = g_get_monotonic_time() + seconds * G_TIME_SPAN_SECOND;
  while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
    if (errno == EINTR)
      continue;
    if (errno != EWOULDBLOCK)
      return error_errno(error, POSTINO_ERROR_LOCAL, errno, _("cannot lock %s"), path);
    if (g_get_monotonic_time() >= deadline)
      return refuse_held(fd, name, error);
    if (!wait_step(cancel, error))
      return false;
  }
  return true;
}

struct store_lock *
store_lock(struct store *store, const char *name, int seconds, GCancellable *cancel,
           GError **error)
{
  g_autofree char *path = lock_path(store, name);
  auto_fd fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) {
    error_errno(error, POSTINO_ERROR_LOCAL, errno, _("cannot create %s"), path);
    return NULL;
  }
  if (!take(fd, path, name, seconds, cancel, error))
    return NULL;
  /* Only for the sentence of who waits: a full disk must not stop a lock. */
  g_autofree char *pid = g_strdup_printf("%-20d\n", (int)getpid());
  ssize_t ignored = pwrite(fd, pid, strlen(pid), 0);
  (void)ignored;
  struct store_lock *lock = g_new0(struct store_lock, 1);
  lock->fd = fd_steal(&fd);
  return lock;
}

void
store_unlock(struct store_lock *lock)
{
  if (lock == NULL)
    return;
  /* The file stays: were it removed, two holders could each have one. */
  ssize_t ignored = pwrite(lock->fd, "                    \n", 21, 0);
  (void)ignored;
  close(lock->fd);
  g_free(lock);
}

#include "engine/hook.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/i18n.h"

#define HOOK_SECONDS 60

/* A file, not a pipe: a command may end before it has heard all. */
static int
memory_file(GBytes *bytes, GError **error)
{
  gsize length;
  const void *data = g_bytes_get_data(bytes, &length);
  auto_fd fd = memfd_create("letter", MFD_CLOEXEC);
  if (fd < 0) {
    error_errno(error, POSTINO_ERROR_LOCAL, errno, _("no room for a letter in memory"));
    return -1;
  }
  if (!file_write_all(fd, data, length, error) || lseek(fd, 0, SEEK_SET) < 0)
    return -1;
  return fd_steal(&fd);
}

static GSubprocess *
start(const char *command, int input, const char *const *pairs, GError **error)
{
  g_auto(GStrv) argv = NULL;
  g_autoptr(GError) why = NULL;
  g_autoptr(GSubprocessLauncher) launcher = g_subprocess_launcher_new(
      G_SUBPROCESS_FLAGS_STDOUT_SILENCE | G_SUBPROCESS_FLAGS_STDERR_SILENCE);
  if (input >= 0)
    g_subprocess_launcher_take_stdin_fd(launcher, input);
  for (; pairs != NULL && *pairs != NULL; pairs++) {
    const char *value = strchr(*pairs, '=');
    g_autofree char *name = g_strndup(*pairs, (gsize)(value - *pairs));
    g_subprocess_launcher_setenv(launcher, name, value + 1, TRUE);
  }
  GSubprocess *process =
      g_shell_parse_argv(command, NULL, &argv, &why)
          ? g_subprocess_launcher_spawnv(launcher, (const char *const *)argv, &why)
          : NULL;
  if (process == NULL)
    error_set(error, POSTINO_ERROR_CONFIG, _("cannot run %s: %s"), command, why->message);
  return process;
}

struct run { bool ended; };

static void
on_end(GObject *source, GAsyncResult *result, void *data)
{
  (void)g_subprocess_wait_finish(G_SUBPROCESS(source), result, NULL);
  ((struct run *)data)->ended = true;
}

static gboolean
end_waiting(void *cancel)
{
  g_cancellable_cancel(cancel);
  return G_SOURCE_REMOVE;
}

static void
cancel_other(GCancellable *outer, void *inner)
{
  (void)outer;
  g_cancellable_cancel(inner);
}

/* In a main context of its own: this runs on a worker. */
static void
wait_for_end(GSubprocess *process, GCancellable *cancel)
{
  g_autoptr(GMainContext) context = g_main_context_new();
  g_autoptr(GCancellable) inner = g_cancellable_new();
  struct run run = {0};
  g_main_context_push_thread_default(context);
  gulong handler =
      cancel != NULL ? g_cancellable_connect(cancel, G_CALLBACK(cancel_other), inner, NULL) : 0;
  g_autoptr(GSource) timer = g_timeout_source_new_seconds(HOOK_SECONDS);
  g_source_set_callback(timer, end_waiting, inner, NULL);
  g_source_attach(timer, context);
  g_subprocess_wait_async(process, inner, on_end, &run);
  while (!run.ended)
    g_main_context_iteration(context, TRUE);
  g_source_destroy(timer);
  if (handler != 0)
    g_cancellable_disconnect(cancel, handler);
  if (g_cancellable_is_cancelled(inner))
    g_subprocess_force_exit(process);
  g_main_context_pop_thread_default(context);
}

bool
hook_run(const char *command, GBytes *in, const char *const *pairs, GCancellable *cancel,
         int *status_out, GError **error)
{
  int input = in != NULL ? memory_file(in, error) : -1;
  if (in != NULL && input < 0)
    return false;
  g_autoptr(GSubprocess) process = start(command, input, pairs, error);
  if (process == NULL)
    return false;
  wait_for_end(process, cancel);
  (void)g_subprocess_wait(process, NULL, NULL);
  if (!g_subprocess_get_if_exited(process))
    return error_set(error, POSTINO_ERROR_RETRY, _("%s did not end by itself within %d seconds"),
                     command, HOOK_SECONDS);
  *status_out = g_subprocess_get_exit_status(process);
  return true;
}

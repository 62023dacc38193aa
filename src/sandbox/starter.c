#include "sandbox/starter.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/i18n.h"
#include "base/paths.h"

struct starter {
  GThread *thread;
  GAsyncQueue *orders;      /* struct order, owned by the one who waits for it */
};

struct order {
  GMutex lock;
  GCond finished;
  bool done, last;
  pid_t pid;
  int socket;
  GError *fault;
};

/* What a child may know of its surroundings: the language, the time zone, and
 * what a sanitizer is told.  Nothing that may be a secret. */
static const char *const kept_variables[] = {
    "LANG",     "LANGUAGE",     "LC_ALL",       "LC_CTYPE",     "LC_MESSAGES",
    "LC_TIME",  "TZ",           "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS",
};

static char **
make_environment(void)
{
  char **environment = g_new0(char *, 1);
  for (size_t i = 0; i < G_N_ELEMENTS(kept_variables); i++) {
    const char *value = g_getenv(kept_variables[i]);
    if (value != NULL)
      environment = g_environ_setenv(environment, kept_variables[i], value, TRUE);
  }
  return environment;
}

/* Descriptor 0 the socket, 1 and 2 nowhere, none beyond. */
static void
plan_descriptors(posix_spawn_file_actions_t *actions, int socket)
{
  posix_spawn_file_actions_init(actions);
  posix_spawn_file_actions_adddup2(actions, socket, STDIN_FILENO);
  posix_spawn_file_actions_addopen(actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
#ifndef POSTINO_SANITIZERS
  posix_spawn_file_actions_addopen(actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
#endif
  posix_spawn_file_actions_addclosefrom_np(actions, STDERR_FILENO + 1);
}

/* Its own session: no key at the terminal reaches it.  No signal is blocked or
 * ignored. */
static void
plan_signals(posix_spawnattr_t *attributes)
{
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_init(attributes);
  posix_spawnattr_setsigmask(attributes, &none);
  posix_spawnattr_setsigdefault(attributes, &all);
  posix_spawnattr_setflags(attributes,
                           POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
}

static int
spawn(const char *program, int socket, pid_t *pid_out)
{
  g_autofree char *parent = g_strdup_printf("%ld", (long)getpid());
  char *argv[] = {(char *)"postino-reader", parent, NULL};
  g_auto(GStrv) environment = make_environment();
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  plan_descriptors(&actions, socket);
  plan_signals(&attributes);
  int errnum = posix_spawn(pid_out, program, &actions, &attributes, argv, environment);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return errnum;
}

static void
fulfil(struct order *order)
{
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
    error_errno(&order->fault, POSTINO_ERROR_LOCAL, errno, _("no socket for the reader"));
    return;
  }
  auto_fd ours = pair[0], theirs = pair[1];
  g_autofree char *program = paths_libexec("postino-reader");
  int errnum = spawn(program, theirs, &order->pid);
  if (errnum != 0)
    error_set(&order->fault, POSTINO_ERROR_LOCAL,
              _("cannot start %s, which reads letters: %s; install postino again"), program,
              g_strerror(errnum));
  else
    order->socket = fd_steal(&ours);
}

static gpointer
run(gpointer data)
{
  GAsyncQueue *orders = data;
  for (bool last = false; !last;) {
    struct order *order = g_async_queue_pop(orders);
    last = order->last;
    if (!last)
      fulfil(order);
    g_mutex_lock(&order->lock);
    order->done = true;
    g_cond_signal(&order->finished);
    g_mutex_unlock(&order->lock);
  }
  g_async_queue_unref(orders);
  return NULL;
}

struct starter *
starter_new(void)
{
  struct starter *starter = g_new0(struct starter, 1);
  starter->orders = g_async_queue_new();
  starter->thread = g_thread_new("starter", run, g_async_queue_ref(starter->orders));
  return starter;
}

static void
place(struct starter *starter, struct order *order)
{
  g_mutex_init(&order->lock);
  g_cond_init(&order->finished);
  g_async_queue_push(starter->orders, order);
  g_mutex_lock(&order->lock);
  while (!order->done)
    g_cond_wait(&order->finished, &order->lock);
  g_mutex_unlock(&order->lock);
  g_mutex_clear(&order->lock);
  g_cond_clear(&order->finished);
}

void
starter_free(struct starter *starter)
{
  if (starter == NULL)
    return;
  struct order order = {.last = true, .socket = -1};
  place(starter, &order);
  g_thread_join(starter->thread);
  g_async_queue_unref(starter->orders);
  g_free(starter);
}

bool
starter_start(struct starter *starter, pid_t *pid_out, int *socket_out, GError **error)
{
  struct order order = {.socket = -1};
  place(starter, &order);
  if (order.fault != NULL) {
    g_propagate_error(error, order.fault);
    return false;
  }
  *pid_out = order.pid;
  *socket_out = order.socket;
  return true;
}

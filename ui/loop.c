/* One poll: terminal, engine, signals. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/i18n.h"
#include "ui/ui-private.h"

/* So long the end may be put off to keep what is being written. */

/* A handler may only write: which signal came is read from the pipe. */
static int pipe_in = -1;

static void
on_signal(int number)
{
  int saved = errno;
  char byte = (char)number;
  ssize_t ignored = write(pipe_in, &byte, 1);
  (void)ignored;
  errno = saved;
}

static const int watched[] = {SIGWINCH, SIGTERM, SIGHUP, SIGINT, SIGTSTP, SIGCONT};

/* Set before curses starts, which leaves handlers that it finds alone; children
 * get the defaults back by exec. */
static bool
watch_signals(int *pipe_out, struct sigaction *before, GError **error)
{
  int ends[2];
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
    return error_errno(error, POSTINO_ERROR_LOCAL, errno, _("no pipe for signals could be made"));
  *pipe_out = ends[0];
  pipe_in = ends[1];
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
  sigemptyset(&action.sa_mask);
  for (size_t i = 0; i < G_N_ELEMENTS(watched); i++)
    sigaction(watched[i], &action, &before[i]);
  return true;
}

static void
unwatch_signals(int *pipe_out, const struct sigaction *before)
{
  for (size_t i = 0; i < G_N_ELEMENTS(watched); i++)
    sigaction(watched[i], &before[i], NULL);
  fd_clear(pipe_out);
  fd_clear(&pipe_in);
}

static void
take_signals(struct ui *ui, int fd)
{
  char byte;
  while (read(fd, &byte, 1) == 1) {
    switch (byte) {
    case SIGWINCH: case SIGCONT:
      if (!ui->lent)
        term_check_size(ui->term);
      break;
    case SIGTSTP:
      if (!ui->lent)
        ui_stop_self(ui);
      break;
    case SIGINT:
      ui->leaving = ui->leaving || !ui->lent;
      break;
    default: ui->leaving = true;
    }
  }
}

static void
take_keys(struct ui *ui)
{
  term_key key;
  while (!ui->leaving && term_read(ui->term, &key))
    ui_key(ui, key);
}

static void
take_events(struct ui *ui)
{
  for (struct event *event; !ui->leaving && (event = engine_next(ui->engine)) != NULL;) {
    ui_event(ui, event);
    event_free(event);
  }
}

static void
loop(struct ui *ui, int signals)
{
  struct pollfd fds[] = {
      {.fd = STDIN_FILENO, .events = POLLIN},
      {.fd = engine_fd(ui->engine), .events = POLLIN},
      {.fd = signals, .events = POLLIN},
  };
  while (!ui->leaving) {
    ui_tell_typed(ui);
    ui_settle(ui);
    if (!ui->lent)
      ui_draw(ui);
    fds[0].fd = ui->lent ? -1 : STDIN_FILENO;
    if (poll(fds, G_N_ELEMENTS(fds), ui_timeout(ui)) < 0 && errno != EINTR)
      break;
    /* The terminal went away: nobody is there to be asked. */
    if (!ui->lent && fds[0].revents & (POLLHUP | POLLERR | POLLNVAL))
      break;
    take_signals(ui, signals);
    take_keys(ui);
    take_events(ui);
  }
}

/* ---- what would be lost ---- */

#define RESCUE_SECONDS 10

static bool
is_rescuing(struct ui *ui)
{
  bool rescuing = false;
  for (guint i = ui->views->len; i-- > 0;) {
    struct view *view = g_ptr_array_index(ui->views, i);
    rescuing = (view->kind->rescue != NULL && view->kind->rescue(view)) || rescuing;
  }
  return rescuing;
}

/* The end came from outside (a signal, a terminal that went away): what is being
 * written goes to the drafts first, and nobody is there to be asked. */
static void
rescue(struct ui *ui)
{
  gint64 until = g_get_monotonic_time() + RESCUE_SECONDS * G_USEC_PER_SEC;
  struct pollfd fd = {.fd = engine_fd(ui->engine), .events = POLLIN};
  ui->leaving = true;
  while (is_rescuing(ui) && g_get_monotonic_time() < until) {
    poll(&fd, 1, 100);
    for (struct event *event; (event = engine_next(ui->engine)) != NULL; event_free(event)) {
      if (event->kind == EVENT_ASK)
        engine_answer(ui->engine, event->ask, NULL);
      else
        ui_event(ui, event);
    }
  }
}

static int
run_on_terminal(const struct conf *conf, const struct ui_options *options, int signals,
                GError **error)
{
  struct engine_options how = {.interactive = true, .delay_sending = true};
  g_autoptr(engine_t) engine = engine_new(conf, &how, error);
  if (engine == NULL)
    return -1;
  g_autoptr(term_t) term = term_open(error);
  if (term == NULL)
    return -1;
  struct ui *ui = ui_new(conf, engine, term);
  ui_begin(ui, options);
  loop(ui, signals);
  rescue(ui);
  bool behind = ui->flush_behind;
  ui_free(ui);
  /* The screen is the user's again before the engine ends. */
  term_close(g_steal_pointer(&term));
  engine_free(g_steal_pointer(&engine));
  if (behind)
    ui_flush_behind(conf, true);
  return 0;
}

int
ui_run(const struct conf *conf, const struct ui_options *options)
{
  g_autoptr(GError) error = NULL;
  auto_fd signals = -1;
  struct sigaction before[G_N_ELEMENTS(watched)];
  if (watch_signals(&signals, before, &error)) {
    int status = run_on_terminal(conf, options, signals, &error);
    unwatch_signals(&signals, before);
    if (status == 0)
      return 0;
  }
  fprintf(stderr, "postino: %s\n", error->message);
  return error_exit_status(error);
}

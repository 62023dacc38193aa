#include "crypto/client.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/i18n.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/paths.h"
#include "base/sanitize.h"
#include "crypto/pieces.h"
#include "crypto/postino-plugin.h"
#include "crypto/progress.h"
#include "crypto/rights.h"
#include "crypto/spawner.h"

/* Questions of one request: more are a plugin gone mad. */
#define MOST_QUESTIONS 10
/* What is kept of what it prints, for the error's sentence. */
#define MOST_PRINTED 300

struct client {
  char *name; /* as the rc names it */
  char *said_name, *version;
  unsigned capabilities;
  crypto_ask ask;
  void *data;
  pid_t pid;
  int socket;
  int printed_fd; /* its standard output and error */
  GString *printed;
  uint32_t requests;
  bool streams;             /* it cannot be passed descriptors */
  bool no_terminal;
  struct crypto_screen screen;
  bool lent;                /* it has the terminal */
  crypto_progress tell;
  void *tell_data;
  struct progress progress; /* of the last call */
};

struct plugin_spec *
plugin_spec_new(const char *name, const char *path, char **options)
{
  struct plugin_spec *spec = g_new0(struct plugin_spec, 1);
  spec->name = g_strdup(name);
  spec->path = g_strdup(path);
  spec->options = options != NULL ? g_strdupv(options) : g_new0(char *, 1);
  return spec;
}

void
plugin_spec_free(struct plugin_spec *spec)
{
  if (spec == NULL)
    return;
  g_free(spec->name);
  g_free(spec->path);
  g_strfreev(spec->granted);
  g_strfreev(spec->options);
  g_free(spec);
}

char **
plugin_spec_rights(const struct plugin_spec *spec, GError **error)
{
  if (spec->is_bundled && spec->granted == NULL)
    return rights_of_bundled(spec->name, spec->path, error);
  return rights_of(spec->name, spec->path, spec->granted, &spec->grants, error);
}

/* ---- starting ---- */

/* What is open in this process can be any number below; the child's 0 to 3 must
 * not be among the sources. */
static int
move_up(int fd)
{
  int moved = fcntl(fd, F_DUPFD_CLOEXEC, 10);
  close(fd);
  return moved;
}

static bool
make_channels(struct client *client, int *child_socket, int *child_output, GError **error)
{
  int sockets[2], pipes[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
    return error_errno(error, POSTINO_ERROR_LOCAL, errno, _("no socket for the plugin"));
  client->socket = sockets[0];
  /* Who does not read what it asked for is not waited for. */
  struct timeval patience = {LIMIT_PLUGIN_SECONDS, 0};
  (void)setsockopt(client->socket, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  *child_socket = move_up(sockets[1]);
  if (pipe2(pipes, O_CLOEXEC) < 0)
    return error_errno(error, POSTINO_ERROR_LOCAL, errno, _("no pipe for the plugin"));
  client->printed_fd = pipes[0];
  *child_output = move_up(pipes[1]);
  (void)fcntl(client->printed_fd, F_SETFL, O_NONBLOCK);
  return *child_socket >= 0 && *child_output >= 0
             ? true
             : error_errno(error, POSTINO_ERROR_LOCAL, errno, _("no descriptor for the plugin"));
}

static void
keep_variable(GPtrArray *environment, const char *name, const char *value)
{
  if (value != NULL && *value != '\0')
    g_ptr_array_add(environment, g_strdup_printf("%s=%s", name, value));
}

static char *
terminal_name(void)
{
  char name[128];
  const char *given = g_getenv("GPG_TTY");
  if (given != NULL)
    return g_strdup(given);
  return ttyname_r(STDIN_FILENO, name, sizeof name) == 0 ? g_strdup(name) : NULL;
}

static char **
minimal_environment(const struct plugin_spec *spec)
{
  static const char *const kept[] = {"HOME", "TERM", "GNUPGHOME", "PATH"};
  GPtrArray *environment = g_ptr_array_new();
  g_autofree char *terminal = spec->no_terminal ? NULL : terminal_name();
  for (gsize i = 0; i < G_N_ELEMENTS(kept); i++)
    keep_variable(environment, kept[i], g_getenv(kept[i]));
#ifdef POSTINO_SANITIZERS
  keep_variable(environment, "ASAN_OPTIONS", g_getenv("ASAN_OPTIONS"));
  keep_variable(environment, "UBSAN_OPTIONS", g_getenv("UBSAN_OPTIONS"));
#endif
  /* Before the plugin reads its options its home must be known: it is limited to it. */
  for (char **option = spec->options; spec->is_bundled && *option != NULL; option++)
    if (g_str_has_prefix(*option, "home="))
      keep_variable(environment, "GNUPGHOME", *option + strlen("home="));
  keep_variable(environment, "GPG_TTY", terminal);
  keep_variable(environment, "LANG", setlocale(LC_MESSAGES, NULL));
  g_ptr_array_add(environment, NULL);
  return (char **)g_ptr_array_free(environment, FALSE);
}

struct spawning {
  struct client *client;
  const struct plugin_spec *spec;
  char **rights;
  int socket, output;
};

/* posix_spawn, because a fork of the threaded program would copy its locks and
 * passwords.  The host gives up rights before the plugin's own code runs. */
static int
spawn_host(void *data)
{
  struct spawning *spawning = data;
  struct client *client = spawning->client;
  const struct plugin_spec *spec = spawning->spec;
  g_autofree char *host = paths_libexec("postino-plugin-host");
  g_autofree char *parent = g_strdup_printf("%ld", (long)getpid());
  g_autoptr(GPtrArray) argv = g_ptr_array_new();
  g_ptr_array_add(argv, host);
  g_ptr_array_add(argv, parent);
  g_ptr_array_add(argv, spec->path);
  for (char **right = spawning->rights; *right != NULL; right++)
    g_ptr_array_add(argv, *right);
  if (spec->asks_outside)
    g_ptr_array_add(argv, (char *)"dirmngr");
  g_ptr_array_add(argv, NULL);
  g_auto(GStrv) environment = minimal_environment(spec);
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, spawning->output, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, spawning->output, STDERR_FILENO);
  posix_spawn_file_actions_adddup2(&actions, spawning->socket, PROTOCOL_FD);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  int result = posix_spawn(&client->pid, host, &actions, &attributes, (char **)argv->pdata, environment);
  if (result != 0)
    client->pid = 0;
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return result;
}

static bool
start_process(struct client *client, const struct plugin_spec *spec, GError **error)
{
  auto_fd child_socket = -1;
  auto_fd child_output = -1;
  const char *path = spec->path;
  if (access(path, R_OK) < 0)
    return error_set(
        error, POSTINO_ERROR_REFUSED,
        _("plugin %s cannot be read (%s: %s); install it, or mend its command in the rc "
          "file"),
        client->name, path, g_strerror(errno));
  g_auto(GStrv) rights = plugin_spec_rights(spec, error);
  if (rights == NULL || !make_channels(client, &child_socket, &child_output, error))
    return false;
  struct spawning spawning = {client, spec, rights, child_socket, child_output};
  int result = spawner_run(spawn_host, &spawning);
  if (result != 0)
    return error_errno(error, POSTINO_ERROR_REFUSED, result,
                       _("postino-plugin-host cannot be started; install postino again"));
  return true;
}

/* ---- ending ---- */

/* How the process ended, in words, if it has.  What it started lives on in its
 * group, whose number is its own until it is reaped: that is killed first. */
static char *
obituary(struct client *client)
{
  siginfo_t info = {0};
  int status = 0;
  if (client->pid <= 0 ||
      waitid(P_PID, (id_t)client->pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0)
    return g_strdup(_("it has closed its socket"));
  (void)kill(-client->pid, SIGKILL);
  (void)waitpid(client->pid, &status, 0);
  client->pid = 0;
  if (WIFSIGNALED(status))
    return g_strdup_printf(_("it was ended by signal %d"), WTERMSIG(status));
  return g_strdup_printf(_("it ended with status %d"), WEXITSTATUS(status));
}

static void
kill_group(struct client *client)
{
  if (client->pid <= 0)
    return;
  /* The group is made before the host runs, but kill the process as well. */
  (void)kill(-client->pid, SIGKILL);
  (void)kill(client->pid, SIGKILL);
  while (waitpid(client->pid, NULL, 0) < 0 && errno == EINTR)
    continue;
  client->pid = 0;
}

void
client_end(struct client *client)
{
  if (client == NULL)
    return;
  kill_group(client);
  fd_clear(&client->socket);
  fd_clear(&client->printed_fd);
  if (client->printed != NULL)
    g_string_free(client->printed, TRUE);
  g_free(client->name);
  g_free(client->said_name);
  g_free(client->version);
  g_free(client);
}

/* ---- what it prints ---- */

/* Read so that it never blocks on it; the first lines are kept. */
static void
take_printed(struct client *client)
{
  char buffer[4096];
  ssize_t got = read(client->printed_fd, buffer, sizeof buffer);
  if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN))
    fd_clear(&client->printed_fd);
  if (got <= 0)
    return;
  log_dialogue(client->name, '*', buffer, got);
  if (client->printed->len < MOST_PRINTED)
    g_string_append_len(client->printed, buffer,
                        MIN(got, (gssize)(MOST_PRINTED - client->printed->len)));
}

static char *
printed_line(struct client *client)
{
  if (client->printed_fd >= 0)
    take_printed(client);
  g_autofree char *line = sanitize_line(client->printed->str, (gssize)client->printed->len);
  return g_strdup(g_strstrip(line));
}

/* ---- waiting ---- */

static bool
died(struct client *client, GError **error)
{
  /* The socket closes a moment before the process can be waited for. */
  if (client->pid > 0) {
    siginfo_t info;
    for (int i = 0; i < 50; i++) {
      info.si_pid = 0;
      if (waitid(P_PID, (id_t)client->pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
          info.si_pid != 0)
        break;
      g_usleep(2000);
    }
  }
  g_autofree char *how = obituary(client);
  g_autofree char *said = printed_line(client);
  if (*said == '\0')
    return error_set(error, POSTINO_ERROR_REFUSED,
                     _("plugin %s gave no answer: %s; see postino plugin check %s"), client->name,
                     how, client->name);
  return error_set(error, POSTINO_ERROR_REFUSED,
                   _("plugin %s gave no answer: %s (it said: %s); see postino plugin check %s"),
                   client->name, how, said, client->name);
}

static bool
misspoke(struct client *client, const char *what, GError **error)
{
  return error_set(error, POSTINO_ERROR_REFUSED,
                   _("plugin %s broke its protocol: %s; see postino plugin check %s"), client->name,
                   what, client->name);
}

/* Until its socket is readable.  `until`: monotonic microseconds. */
static bool
wait_readable(struct client *client, gint64 until, GCancellable *cancel, GError **error)
{
  for (;;) {
    struct pollfd fds[3] = {{client->socket, POLLIN, 0},
                            {client->printed_fd, POLLIN, 0},
                            {g_cancellable_get_fd(cancel), POLLIN, 0}};
    gint64 left = until - g_get_monotonic_time();
    int ready = left > 0 ? poll(fds, 3, (int)(left / 1000 + 1)) : 0;
    if (fds[2].fd >= 0)
      g_cancellable_release_fd(cancel);
    if (ready < 0 && errno != EINTR)
      return error_errno(error, POSTINO_ERROR_LOCAL, errno, _("cannot wait for the plugin"));
    if (g_cancellable_is_cancelled(cancel))
      return error_set(error, POSTINO_ERROR_CANCELLED, "%s", _("cancelled"));
    if (ready == 0)
      return error_set(error, POSTINO_ERROR_RETRY,
                       _("plugin %s did not answer in time and was stopped; try again"),
                       client->name);
    if (ready > 0 && fds[1].revents != 0)
      take_printed(client);
    if (ready > 0 && fds[0].revents != 0)
      return true;
  }
}

static struct frame *
receive(struct client *client, gint64 until, GCancellable *cancel, GError **error)
{
  g_autoptr(GError) why = NULL;
  if (!wait_readable(client, until, cancel, error))
    return NULL;
  struct frame *frame = frame_receive(client->socket, &why);
  if (frame == NULL && error_is(why, POSTINO_ERROR_PROTOCOL))
    (void)misspoke(client, why->message, error);
  else if (frame == NULL)
    (void)died(client, error);
  return frame;
}

/* ---- talking ---- */

static bool
answer_question(struct client *client, const struct frame *question, GError **error)
{
  g_autofree char *raw = frame_text(question, FIELD_PROMPT);
  g_autofree char *prompt = sanitize_line(raw != NULL ? raw : "", -1);
  bool secret = frame_number(question, FIELD_SECRET, 1) != 0;
  g_autoptr(secret_t) answer =
      client->ask != NULL ? client->ask(prompt, secret, client->data) : NULL;
  g_autoptr(frame_t) reply = frame_new(FRAME_ASK | FRAME_REPLY, frame_request(question));
  if (answer != NULL)
    frame_add(reply, FIELD_ANSWER, secret_text(answer), secret_length(answer));
  return frame_send(client->socket, reply, NULL) || died(client, error);
}

static void
take_terminal_back(struct client *client)
{
  if (client->lent && client->screen.take_back != NULL)
    client->screen.take_back(client->screen.data);
  client->lent = false;
}

/* Where no screen is drawn the terminal is free. */
static bool
lend_terminal(struct client *client, const struct frame *question, GError **error)
{
  g_autofree char *name = NULL;
  take_terminal_back(client);
  if (!client->no_terminal)
    name = terminal_name();
  else if (client->screen.hand_over != NULL)
    name = client->screen.hand_over(client->screen.data);
  client->lent = name != NULL && client->no_terminal;
  g_autoptr(frame_t) reply = frame_new(FRAME_TERMINAL | FRAME_REPLY, frame_request(question));
  frame_add_text(reply, FIELD_TERMINAL, name);
  return frame_send(client->socket, reply, NULL) || died(client, error);
}

static enum postino_error
error_of_code(int code)
{
  switch (code) {
  case POSTINO_UNTRUSTED:
    return POSTINO_ERROR_TRUST;
  case POSTINO_LOCKED:
    return POSTINO_ERROR_RETRY;
  case POSTINO_WRONG_PASSPHRASE:
    return POSTINO_ERROR_AUTH;
  case POSTINO_CANCELLED:
    return POSTINO_ERROR_CANCELLED;
  case POSTINO_BAD_DATA:
  case POSTINO_INTEGRITY:
  case POSTINO_TOO_LARGE:
    return POSTINO_ERROR_INVALID;
  default:
    return POSTINO_ERROR_REFUSED;
  }
}

static bool
refused(struct client *client, const struct frame *frame, int *code_out, GError **error)
{
  int code = (int)MIN(frame_number(frame, FIELD_CODE, POSTINO_INTERNAL), INT_MAX);
  g_autofree char *raw = frame_text(frame, FIELD_WHY);
  g_autofree char *why = sanitize_line(raw != NULL ? raw : "", -1);
  if (code_out != NULL)
    *code_out = code;
  return error_set(error, error_of_code(code), "%s: %s", client->name,
                   *g_strstrip(why) != '\0' ? why : _("refused, without a word"));
}

/* What came meanwhile.  `until` grows with its progress alone, `last` not even with
 * that. */
struct call {
  uint32_t request;
  unsigned wanted, seconds, questions;
  gint64 until, last;
  struct pieces pieces;
};

static gint64
in_seconds(unsigned seconds)
{
  return g_get_monotonic_time() + (gint64)seconds * G_USEC_PER_SEC;
}

static bool
between(struct client *client, const struct frame *frame, struct call *call, GError **error)
{
  if (frame_type(frame) == FRAME_PROGRESS) {
    if (client->progress.reports >= LIMIT_PLUGIN_PROGRESS)
      return misspoke(client, _("it reports progress without end"), error);
    if (progress_take(&client->progress, frame))
      call->until = in_seconds(call->seconds);
    return true;
  }
  if (frame_type(frame) == FRAME_DATA && client->streams) {
    call->until = in_seconds(call->seconds);
    return pieces_take(&call->pieces, frame, CLIENT_LARGEST)
               ? true
               : misspoke(client, _("it sent more of a letter than there can be"), error);
  }
  bool back = frame_type(frame) == FRAME_TERMINAL_DONE;
  bool terminal = frame_type(frame) == FRAME_TERMINAL;
  if ((frame_type(frame) != FRAME_ASK && !terminal && !back) || ++call->questions > MOST_QUESTIONS)
    return misspoke(client, _("it sent what was not asked for"), error);
  if (back)
    take_terminal_back(client);
  else if (!(terminal ? lend_terminal : answer_question)(client, frame, error))
    return false;
  call->until = in_seconds(client->lent ? LIMIT_PLUGIN_TERMINAL_SECONDS : call->seconds);
  call->last = in_seconds(LIMIT_PLUGIN_TOTAL_SECONDS);
  return true;
}

static struct frame *
await_reply(struct client *client, struct call *call, int *code_out, GCancellable *cancel,
            GError **error)
{
  for (;;) {
    g_autoptr(frame_t) frame = receive(client, MIN(call->until, call->last), cancel, error);
    if (frame == NULL)
      return NULL;
    if (frame_request(frame) != call->request) {
      (void)misspoke(client, _("it answered another request"), error);
      return NULL;
    }
    if (!frame_is_understood(frame)) {
      (void)misspoke(client, _("it sent a field of a later version that must be understood"), error);
      return NULL;
    }
    if (frame_type(frame) == call->wanted) {
      g_autoptr(GError) why = NULL;
      if (pieces_give(&call->pieces, frame, &why))
        return g_steal_pointer(&frame);
      (void)misspoke(client, why->message, error);
      return NULL;
    }
    if (frame_type(frame) == FRAME_ERROR) {
      (void)refused(client, frame, code_out, error);
      return NULL;
    }
    if (!between(client, frame, call, error))
      return NULL;
  }
}

struct frame *
client_request(struct client *client, enum frame_type type)
{
  return frame_new(type, ++client->requests);
}

struct frame *
client_call(struct client *client, struct frame *request, unsigned seconds, int *code_out,
            GCancellable *cancel, GError **error)
{
  g_autoptr(frame_t) sent = request;
  g_autoptr(GError) why = NULL;
  struct call call = {.request = frame_request(sent),
                      .wanted = frame_type(sent) | FRAME_REPLY,
                      .seconds = seconds,
                      .until = in_seconds(seconds),
                      .last = in_seconds(LIMIT_PLUGIN_TOTAL_SECONDS)};
  if (code_out != NULL)
    *code_out = 0;
  client->progress = (struct progress){client->name, client->tell, client->tell_data,
                                       .began = g_get_monotonic_time()};
  struct frame *reply = NULL;
  bool gone = client->streams ? frame_send_alone(client->socket, sent, &why) &&
                                    pieces_send(client->socket, sent, cancel, &why)
                              : frame_send(client->socket, sent, &why);
  if (gone)
    reply = await_reply(client, &call, code_out, cancel, error);
  else if (error_is(why, POSTINO_ERROR_INVALID) || error_is(why, POSTINO_ERROR_CANCELLED))
    g_propagate_error(error, g_steal_pointer(&why));
  else
    (void)died(client, error);
  pieces_clear(&call.pieces);
  take_terminal_back(client);
  /* What failed is not asked again: it may be anywhere. */
  if (reply == NULL)
    kill_group(client);
  return reply;
}

bool
client_hello(struct client *client, const struct plugin_spec *spec, unsigned version,
             GCancellable *cancel, GError **error)
{
  struct frame *hello = client_request(client, FRAME_HELLO);
  frame_add_number(hello, FIELD_VERSION_MIN, version);
  frame_add_number(hello, FIELD_VERSION_MAX, version);
  frame_add_number(hello, FIELD_CAN_ASK, client->ask != NULL);
  for (char **option = spec->options; *option != NULL; option++)
    frame_add_text(hello, FIELD_OPTION, *option);
  g_autoptr(frame_t) reply =
      client_call(client, hello, LIMIT_PLUGIN_ASK_SECONDS, NULL, cancel, error);
  if (reply == NULL)
    return false;
  uint64_t chosen = frame_number(reply, FIELD_VERSION, 0);
  if (chosen != version)
    return error_set(error, POSTINO_ERROR_REFUSED,
                     _("plugin %s speaks version %" PRIu64
                       " of the protocol, postino version %u; install one made for it"),
                     client->name, chosen, version);
  g_autofree char *name = frame_text(reply, FIELD_NAME);
  g_autofree char *said = frame_text(reply, FIELD_PLUGIN_VERSION);
  client->said_name = sanitize_line(name != NULL ? name : "", -1);
  client->version = sanitize_line(said != NULL ? said : "", -1);
  client->capabilities = (unsigned)frame_number(reply, FIELD_CAPABILITIES, 0);
  client->streams = frame_number(reply, FIELD_STREAM, 0) != 0;
  return true;
}

struct client *
client_spawn(const struct plugin_spec *spec, crypto_ask ask, void *data, GError **error)
{
  g_autoptr(client_t) client = g_new0(struct client, 1);
  client->socket = client->printed_fd = -1;
  client->name = sanitize_line(spec->name, -1);
  client->printed = g_string_new(NULL);
  client->ask = ask;
  client->data = data;
  client->no_terminal = spec->no_terminal;
  client->screen = spec->screen;
  client->tell = spec->progress;
  client->tell_data = spec->progress_data;
  return start_process(client, spec, error) ? g_steal_pointer(&client) : NULL;
}

struct client *
client_start(const struct plugin_spec *spec, crypto_ask ask, void *data, GCancellable *cancel,
             GError **error)
{
  g_autoptr(client_t) client = client_spawn(spec, ask, data, error);
  if (client == NULL || !client_hello(client, spec, PROTOCOL_VERSION, cancel, error))
    return NULL;
  return g_steal_pointer(&client);
}

const char *
client_name(const struct client *client)
{
  return client->said_name;
}

const char *
client_version(const struct client *client)
{
  return client->version;
}

unsigned
client_capabilities(const struct client *client)
{
  return client->capabilities;
}

bool
client_can_stay(const struct client *client)
{
  return client->pid > 0 && (client->capabilities & POSTINO_CAN_STAY) != 0;
}

bool
client_is_quiet(struct client *client)
{
  struct pollfd fd = {client->socket, POLLIN, 0};
  if (client->printed_fd >= 0)
    take_printed(client);
  g_string_truncate(client->printed, 0);
  return client->pid > 0 && poll(&fd, 1, 0) == 0;
}

bool
client_progress_was_odd(const struct client *client, unsigned *reports_out)
{
  *reports_out = client->progress.reports;
  return client->progress.odd;
}

/* Whoever lives on holds the other end of its output. */
bool
client_left_nothing(struct client *client, unsigned seconds)
{
  gint64 until = in_seconds(seconds);
  while (client->printed_fd >= 0 && g_get_monotonic_time() < until) {
    struct pollfd fd = {client->printed_fd, POLLIN, 0};
    if (poll(&fd, 1, 100) > 0)
      take_printed(client);
  }
  return client->pid <= 0 && client->printed_fd < 0;
}

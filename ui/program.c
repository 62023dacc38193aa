/* Other programs on our terminal: the editor, what a letter is piped to, what
 * opens an attachment.  Argument vectors, never a shell. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/i18n.h"
#include "base/paths.h"
#include "base/sanitize.h"
#include "base/secret.h"
#include "ui/ui-private.h"

#define EDITED_LIMIT (16 << 20)

char **
ui_program_words(const char *text, GError **error)
{
  GStrv words;
  g_autoptr(GError) cause = NULL;
  if (g_shell_parse_argv(text, NULL, &words, &cause))
    return words;
  error_set(error, POSTINO_ERROR_USAGE,
            _("this is no command: %s; write a program and its arguments, with quotes closed"),
            cause->message);
  return NULL;
}

static bool
spawn(const char *const *argv, int input, int output, GPid *pid_out, GError **error)
{
  g_autoptr(GError) cause = NULL;
  if (g_spawn_async_with_fds(NULL, (char **)argv, NULL,
                             G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, pid_out,
                             input, output, output, &cause))
    return true;
  g_autofree char *name = sanitize_line(argv[0], -1);
  return error_set(error, POSTINO_ERROR_LOCAL, _("%s could not be started: %s"), name,
                   cause->message);
}

static int
wait_for(GPid pid)
{
  int status = 0;
  while (waitpid(pid, &status, 0) < 0)
    if (errno != EINTR)
      return -1;
  return status;
}

static void
pause_for_enter(void)
{
  char byte;
  fputs(_("\nPress Enter to go back to postino. "), stdout);
  fflush(stdout);
  while (read(STDIN_FILENO, &byte, 1) == 1 && byte != '\n')
    ;
}

/* ^C at the program must not end postino, whose handlers would note it; ^Z stops
 * both, since the shell waits for postino. */
static int
run_in_front(GPid pid)
{
  static const struct { int number; void (*handler)(int); } keys[] = {
      {SIGINT, SIG_IGN}, {SIGQUIT, SIG_IGN}, {SIGTSTP, SIG_DFL}};
  struct sigaction before[G_N_ELEMENTS(keys)];
  for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
    struct sigaction action = {.sa_handler = keys[i].handler};
    sigemptyset(&action.sa_mask);
    sigaction(keys[i].number, &action, &before[i]);
  }
  int status = wait_for(pid);
  for (size_t i = 0; i < G_N_ELEMENTS(keys); i++)
    sigaction(keys[i].number, &before[i], NULL);
  return status;
}

bool
ui_run_program(struct ui *ui, const char *const *argv, GBytes *input, bool pause, GError **error)
{
  GPid pid;
  auto_fd bytes = input != NULL ? file_memfd(input, error) : STDIN_FILENO;
  if (bytes < 0)
    return false;
  auto_fd own_input = input == NULL ? dup(fd_steal(&bytes)) : fd_steal(&bytes);
  term_suspend(ui->term);
  int status = -1;
  bool started = spawn(argv, own_input, -1, &pid, error);
  if (started) {
    status = run_in_front(pid);
    g_spawn_close_pid(pid);
    if (pause)
      pause_for_enter();
  }
  tcflush(STDIN_FILENO, TCIFLUSH);
  held_forget(ui);
  term_resume(ui->term);
  if (!started)
    return false;
  g_autofree char *name = sanitize_line(argv[0], -1);
  if (WIFSIGNALED(status))
    return error_set(error, POSTINO_ERROR_LOCAL, _("%s was ended by signal %d"), name,
                     WTERMSIG(status));
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    return error_set(error, POSTINO_ERROR_LOCAL, _("%s ended with status %d"), name,
                     WEXITSTATUS(status));
  return true;
}

/* ---- private files ---- */

char *
ui_private_file(const char *name, GBytes *bytes, GError **error)
{
  g_autofree char *runtime = paths_memory(NULL);
  if (runtime == NULL)
    runtime = paths_runtime(error);
  if (runtime == NULL)
    return NULL;
  g_autofree char *pattern = g_build_filename(runtime, "postino-XXXXXX", NULL);
  if (g_mkdtemp_full(pattern, 0700) == NULL) {
    error_errno(error, POSTINO_ERROR_LOCAL, errno, "%s", pattern);
    return NULL;
  }
  g_autofree char *path = g_build_filename(pattern, name, NULL);
  auto_fd fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  gsize length;
  const void *data = g_bytes_get_data(bytes, &length);
  if (fd < 0)
    error_errno(error, POSTINO_ERROR_LOCAL, errno, "%s", path);
  else if (file_write_all(fd, data, length, error))
    return g_steal_pointer(&path);
  ui_wipe_file(path);
  return NULL;
}

void
ui_wipe_file(const char *path)
{
  static const char zeros[4096];
  struct stat found;
  g_autofree char *dir = g_path_get_dirname(path);
  auto_fd fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd >= 0 && fstat(fd, &found) == 0)
    for (off_t left = found.st_size; left > 0; left -= (off_t)sizeof zeros)
      if (!file_write_all(fd, zeros, MIN((size_t)left, sizeof zeros), NULL))
        break;
  unlink(path);
  /* An editor's back-up and swap files may lie beside it. */
  g_autoptr(GDir) opened = g_dir_open(dir, 0, NULL);
  for (const char *name; opened != NULL && (name = g_dir_read_name(opened)) != NULL;) {
    g_autofree char *other = g_build_filename(dir, name, NULL);
    unlink(other);
  }
  rmdir(dir);
}

/* ---- the editor ---- */

/* Debian's sensible-editor asks which one is meant until that is answered. */
static bool
has_selected_editor(void)
{
  g_autofree char *answer = paths_expand("~/.selected_editor");
  const char *selected = g_getenv("SELECTED_EDITOR");
  return (selected != NULL && *selected != '\0') || access(answer, R_OK) == 0;
}

static const char *
editor_of(const struct ui *ui)
{
  const char *const names[] = {"VISUAL", "EDITOR"};
  if (ui->conf->editor != NULL && *ui->conf->editor != '\0')
    return ui->conf->editor;
  for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
    const char *value = g_getenv(names[i]);
    if (value != NULL && *value != '\0')
      return value;
  }
  static const char *const usual[] = {"sensible-editor", "vim", "editor", "nano", "vi"};
  for (size_t i = has_selected_editor() ? 0 : 1; i < G_N_ELEMENTS(usual); i++) {
    g_autofree char *found = g_find_program_in_path(usual[i]);
    if (found != NULL)
      return usual[i];
  }
  return "vi";
}

static char **
editor_command(const struct ui *ui, const char *path, GError **error)
{
  g_auto(GStrv) words = ui_program_words(editor_of(ui), error);
  if (words == NULL)
    return NULL;
  guint n = g_strv_length(words);
  char **argv = g_new0(char *, n + 2);
  for (guint i = 0; i < n; i++)
    argv[i] = g_strdup(words[i]);
  argv[n] = g_strdup(path);
  return argv;
}

/* The user's own text is kept as it is, but for what is no text at all. */
static char *
lines_of(GBytes *bytes)
{
  gsize length;
  const char *data = g_bytes_get_data(bytes, &length);
  g_autofree char *valid = g_utf8_make_valid(length > 0 ? data : "", (gssize)length);
  g_auto(GStrv) pieces = g_strsplit(valid, "\r\n", -1);
  return g_strdelimit(g_strjoinv("\n", pieces), "\r", '\n');
}

char *
ui_edit_text(struct ui *ui, const char *text, bool secret, GError **error)
{
  g_autofree char *memory = secret ? paths_memory(error) : NULL;
  if (secret && memory == NULL) {
    g_prefix_error(error, "%s: ", _("a letter that is to be sealed is not given to an editor"));
    return NULL;
  }
  g_autoptr(GBytes) bytes = g_bytes_new_static(text, strlen(text));
  g_autofree char *path = ui_private_file("letter.eml", bytes, error);
  if (path == NULL)
    return NULL;
  g_auto(GStrv) argv = editor_command(ui, path, error);
  bool good = argv != NULL && ui_run_program(ui, (const char *const *)argv, NULL, false, error);
  g_autoptr(GBytes) result = argv != NULL ? file_read(path, EDITED_LIMIT, good ? error : NULL) : NULL;
  g_autofree char *edited = result != NULL ? lines_of(result) : NULL;
  ui_wipe_file(path);
  bool is_news = good || (edited != NULL && *edited != '\0' && strcmp(edited, text) != 0);
  return is_news ? g_steal_pointer(&edited) : NULL;
}

char *
ui_typed_path(const char *text)
{
  const char *start = text;
  for (const char *at = text; *at != '\0'; at++)
    if (g_str_has_prefix(at, "//") || g_str_has_prefix(at, "/~/"))
      start = at + 1;
  return paths_expand(start);
}

/* ---- programs that live on ---- */

bool
ui_start_program(struct ui *ui, const char *const *argv, const char *file, GError **error)
{
  g_autoptr(GError) cause = NULL;
  auto_fd nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
  g_ptr_array_add(ui->private_files, g_strdup(file));
  /* Without DO_NOT_REAP_CHILD GLib forks twice, so that nobody has to wait. */
  if (g_spawn_async_with_fds(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL,
                             nothing, nothing, nothing, &cause))
    return true;
  g_autofree char *name = sanitize_line(argv[0], -1);
  return error_set(error, POSTINO_ERROR_LOCAL, _("%s could not be started: %s"), name,
                   cause->message);
}

void
ui_stop_self(struct ui *ui)
{
  term_suspend(ui->term);
  raise(SIGSTOP);
  term_resume(ui->term);
}

/* Away from the terminal, whose end would end it too. */
static void
leave_terminal(void *data)
{
  setsid();
}

void
ui_flush_behind(const struct conf *conf, bool wait)
{
  const char *argv[8] = {"/proc/self/exe"};
  int n = 1;
  if (conf->path != NULL) {
    argv[n++] = "-c";
    argv[n++] = conf->path;
  }
  argv[n++] = "queue";
  argv[n++] = "flush";
  if (wait)
    argv[n++] = "--wait";
  auto_fd nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
  g_autofree char *self = g_file_read_link(argv[0], NULL);
  if (self == NULL || nothing < 0)
    return;
  argv[0] = self;
  /* What cannot be started leaves the letters in the outbox, as it says there. */
  (void)g_spawn_async_with_fds("/", (char **)argv, NULL, G_SPAWN_DEFAULT, leave_terminal, NULL,
                               NULL, nothing, nothing, nothing, NULL);
}

/* ---- a pinentry ---- */

/* It is started by gpg-agent, far from our process group: keys that make signals
 * come here, and mean it. */
void
ui_lend_terminal(struct ui *ui, uint64_t ask)
{
  char name[128];
  g_autoptr(secret_t) device = NULL;
  if (!ui->leaving && ttyname_r(STDIN_FILENO, name, sizeof name) == 0) {
    term_suspend(ui->term);
    ui->lent = true;
    signal(SIGQUIT, SIG_IGN);
    device = secret_new(name, strlen(name));
  }
  engine_answer(ui->engine, ask, device);
}

void
ui_take_terminal(struct ui *ui)
{
  if (!ui->lent)
    return;
  ui->lent = false;
  signal(SIGQUIT, SIG_DFL);
  tcflush(STDIN_FILENO, TCIFLUSH);
  held_forget(ui);
  term_resume(ui->term);
}

#include "submit/command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/i18n.h"
#include "base/limits.h"
#include "base/sanitize.h"
#include "net/wait.h"

#define BLOCK LIMIT_KIB(64)
/* What is kept of its complaints. */
#define WORDS_MAX LIMIT_KIB(16)

/* EX_IOERR is what msmtp says of a line that was lost behind the last byte too, so it
 * is left out with all that sysexits.h does not name. */
static const struct {
  int code;
  enum smtp_fate fate;
  const char *meaning;
} exits[] = {
    {EX_OK, SMTP_ACCEPTED, NULL},
    {EX_USAGE, SMTP_REFUSED, N_("it does not take sendmail's arguments")},
    {EX_DATAERR, SMTP_REFUSED, N_("it cannot use the letter")},
    {EX_NOINPUT, SMTP_REFUSED, N_("it cannot read the letter")},
    {EX_NOUSER, SMTP_REFUSED, N_("a recipient is unknown")},
    {EX_NOHOST, SMTP_LATER, N_("a host is unknown")},
    {EX_UNAVAILABLE, SMTP_REFUSED, N_("the service is not available, or refused the letter")},
    {EX_SOFTWARE, SMTP_REFUSED, N_("it has a fault of its own")},
    {EX_OSERR, SMTP_LATER, N_("the system does not let it work")},
    {EX_OSFILE, SMTP_REFUSED, N_("it lacks a file of the system")},
    {EX_CANTCREAT, SMTP_LATER, N_("it cannot write a file")},
    {EX_TEMPFAIL, SMTP_LATER, N_("it asks to try again later")},
    {EX_PROTOCOL, SMTP_REFUSED, N_("the server broke the protocol")},
    {EX_NOPERM, SMTP_REFUSED, N_("it was not let in")},
    {EX_CONFIG, SMTP_REFUSED, N_("its configuration is wrong")},
    {126, SMTP_REFUSED, N_("it cannot be run")},
    {127, SMTP_REFUSED, N_("what it runs is not there")},
};

/* ---- the letter and the complaints ---- */

/* As programs take it: lines end in LF, and the end of the file is its end. */
static bool
write_lines(int fd, GBytes *letter, GError **error)
{
  size_t length;
  const char *data = g_bytes_get_data(letter, &length);
  g_autoptr(GString) out = g_string_sized_new(BLOCK);
  for (size_t at = 0; at < length; at += BLOCK) {
    size_t end = MIN(at + BLOCK, length);
    g_string_truncate(out, 0);
    for (size_t i = at; i < end; i++)
      if (data[i] != '\r' || i + 1 == length || data[i + 1] != '\n')
        g_string_append_c(out, data[i]);
    if (!file_write_all(fd, out->str, out->len, error))
      return false;
  }
  return lseek(fd, 0, SEEK_SET) == 0 ||
         error_errno(error, POSTINO_ERROR_LOCAL, errno, _("no room for a letter in memory"));
}

static int
letter_file(GBytes *letter, GError **error)
{
  auto_fd fd = memfd_create("letter", MFD_CLOEXEC);
  if (fd < 0) {
    error_errno(error, POSTINO_ERROR_LOCAL, errno, _("no room for a letter in memory"));
    return -1;
  }
  return write_lines(fd, letter, error) ? fd_steal(&fd) : -1;
}

/* A file that cannot grow: who complains without end is not heard to the end. */
static int
complaints_file(void)
{
  auto_fd fd = memfd_create("complaints", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  bool made = fd >= 0 && ftruncate(fd, WORDS_MAX) == 0 &&
              fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK) == 0;
  return made ? fd_steal(&fd) : -1;
}

/* The last line that says anything. */
static char *
last_words(int fd)
{
  g_autofree char *text = g_malloc0(WORDS_MAX + 1);
  if (fd < 0 || pread(fd, text, WORDS_MAX, 0) < 0)
    return NULL;
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  for (guint n = g_strv_length(lines); n-- > 0;)
    if (*g_strstrip(lines[n]) != '\0')
      return sanitize_line(lines[n], (gssize)MIN(strlen(lines[n]), 400));
  return NULL;
}

/* ---- the program ---- */

static bool
read_command(const char *command, char ***argv_out, GError **error)
{
  g_autoptr(GError) why = NULL;
  return g_shell_parse_argv(command, NULL, argv_out, &why) ||
         error_set(error, POSTINO_ERROR_CONFIG, _("sendmail-command cannot be read: %s"),
                   why->message);
}

char *
command_program(const char *command, GError **error)
{
  g_auto(GStrv) argv = NULL;
  if (!read_command(command, &argv, error))
    return NULL;
  char *program = g_find_program_in_path(argv[0]);
  if (program == NULL)
    error_set(error, POSTINO_ERROR_CONFIG,
              _("there is no program %s to send letters with; check sendmail-command"), argv[0]);
  return program;
}

static void
add_wishes(GPtrArray *all, const char *wishes)
{
  g_auto(GStrv) words = g_strsplit(wishes != NULL ? wishes : "", " ", -1);
  for (char **word = words; *word != NULL; word++) {
    const char *value = strchr(*word, '=');
    if (value == NULL)
      continue;
    g_ptr_array_add(all, g_strdup(g_str_has_prefix(*word, "RET") ? "-R" : "-N"));
    g_ptr_array_add(all, g_ascii_strdown(value + 1, -1));
  }
}

/* A line with a dot is no end; who it is from; "--" before whom it is for. */
static char **
arguments(char **command, const struct smtp_letter *letter)
{
  GPtrArray *all = g_ptr_array_new();
  for (char **word = command; *word != NULL; word++)
    g_ptr_array_add(all, g_strdup(*word));
  g_ptr_array_add(all, g_strdup("-i"));
  g_ptr_array_add(all, g_strdup("-f"));
  g_ptr_array_add(all, smtp_wire_spec(letter->from));
  add_wishes(all, letter->dsn.wishes);
  g_ptr_array_add(all, g_strdup("--"));
  for (guint i = 0; i < letter->count; i++)
    g_ptr_array_add(all, smtp_wire_spec(letter->recipients[i].spec));
  g_ptr_array_add(all, NULL);
  return (char **)g_ptr_array_free(all, FALSE);
}

/* A group of its own: what interrupts us at the terminal does not cut it short. */
static int
spawn(const char *program, char **argv, int letter, int complaints, pid_t *pid_out)
{
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, letter, STDIN_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  if (complaints >= 0)
    posix_spawn_file_actions_adddup2(&actions, complaints, STDERR_FILENO);
  posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                            POSIX_SPAWN_SETPGROUP);
  int errnum = posix_spawn(pid_out, program, &actions, &attributes, argv, environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return errnum;
}

/* Its status.  Who does not end in time, or is not waited for, is ended. */
static int
wait_for_end(pid_t pid, int seconds, GCancellable *cancel, GError **error)
{
  struct wait wait;
  int status = 0;
  bool ended = false;
  if (wait_init(&wait, cancel, seconds, error)) {
    wait.fd = pidfd_open(pid, 0);
    wait_renew(&wait);
    ended = wait.fd >= 0 && wait_for(&wait, POLLIN, error);
    fd_clear(&wait.fd);
    wait_clear(&wait);
  }
  if (!ended)
    kill(-pid, SIGKILL);
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
    continue;
  return status;
}

/* ---- what came of it ---- */

static void
set_fates(struct smtp_letter *letter, enum smtp_fate fate, const char *words)
{
  for (guint i = 0; i < letter->count; i++) {
    struct smtp_recipient *recipient = &letter->recipients[i];
    recipient->fate = fate;
    g_free(recipient->words);
    recipient->words = g_strdup(words);
  }
  g_free(letter->remark);
  letter->remark = fate != SMTP_ACCEPTED ? g_strdup(words) : NULL;
}

static char *
sentence(const char *name, int status, const char *meaning, const char *said)
{
  g_autofree char *end =
      meaning != NULL        ? g_strdup_printf(_("%s: %s (exit status %d)"), name, _(meaning),
                                               WEXITSTATUS(status))
      : WIFEXITED(status)    ? g_strdup_printf(_("%s ended with %d, which does not say whether the "
                                                 "letter was sent"),
                                               name, WEXITSTATUS(status))
                             : g_strdup_printf(_("%s was killed before it ended; the letter may "
                                                 "have been sent"),
                                               name);
  return said != NULL ? g_strdup_printf("%s: \"%s\"", end, said) : g_steal_pointer(&end);
}

static void
judge(struct smtp_letter *letter, const char *name, int status, const char *said)
{
  for (size_t i = 0; WIFEXITED(status) && i < G_N_ELEMENTS(exits); i++)
    if (exits[i].code == WEXITSTATUS(status)) {
      g_autofree char *words = exits[i].code == EX_OK
                                   ? NULL
                                   : sentence(name, status, exits[i].meaning, said);
      set_fates(letter, exits[i].fate, words);
      return;
    }
  g_autofree char *words = sentence(name, status, NULL, said);
  set_fates(letter, SMTP_UNSURE, words);
}

static bool
run(const struct conf_account *account, struct smtp_letter *letter, const char *program,
    char **argv, GCancellable *cancel, GError **error)
{
  auto_fd input = letter_file(letter->bytes, error);
  auto_fd complaints = complaints_file();
  if (input < 0 || !letter->before_last_byte(letter->data, error))
    return false;
  pid_t pid;
  int errnum = spawn(program, argv, input, complaints, &pid);
  if (errnum != 0)
    return error_set(error, POSTINO_ERROR_CONFIG, _("cannot run %s: %s; check sendmail-command"),
                     program, g_strerror(errnum));
  g_autoptr(GError) why = NULL;
  int status = wait_for_end(pid, MAX(account->smtp->timeout, LIMIT_AFTER_DOT_SECONDS), cancel, &why);
  g_autofree char *said = last_words(complaints), *name = g_path_get_basename(program);
  judge(letter, name, status, said);
  if (!error_is(why, POSTINO_ERROR_CANCELLED))
    return true;
  g_propagate_error(error, g_steal_pointer(&why));
  return false;
}

bool
command_send(const struct conf_account *account, struct smtp_letter *letter,
             GCancellable *cancel, GError **error)
{
  g_autofree char *program = command_program(account->smtp->command, error);
  g_auto(GStrv) words = NULL;
  if (program == NULL || !read_command(account->smtp->command, &words, error))
    return false;
  g_auto(GStrv) argv = arguments(words, letter);
  return run(account, letter, program, argv, cancel, error);
}

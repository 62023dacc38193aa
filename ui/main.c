#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/i18n.h"
#include "base/log.h"
#include "base/text.h"
#include "ui/cli/cli.h"
#include "ui/report.h"
#include "ui/ui.h"

struct options {
  char *config;
  gboolean verbose, quiet, version;
};

static void
show_dialogue(const char *line, void *data)
{
  fprintf(stderr, "%s\n", line);
}

static char *
summary(void)
{
  GString *text = g_string_new(_("Mail in a terminal, as a postcard or in a sealed envelope.  "
                                 "Without a command it opens the interface.\n\nCommands:\n"));
  size_t count;
  const struct cli_command *commands = cli_commands(&count);
  for (size_t i = 0; i < count; i++)
    g_string_append_printf(text, "  %-10s%s\n", commands[i].name, _(commands[i].help));
  g_string_append(text, _("\n'postino COMMAND --help' shows what a command takes."));
  return g_string_free(text, FALSE);
}

/* Options stand before the command; what follows it belongs to it. */
static bool
parse(struct options *options, int *argc, char ***argv, GError **error)
{
  const GOptionEntry entries[] = {
      {"config", 'c', 0, G_OPTION_ARG_FILENAME, &options->config, N_("The rc file to be read"),
       "FILE"},
      {"verbose", 'v', 0, G_OPTION_ARG_NONE, &options->verbose,
       N_("Show the talk with servers on stderr, secrets masked"), NULL},
      {"quiet", 'q', 0, G_OPTION_ARG_NONE, &options->quiet, N_("Only errors"), NULL},
      {"version", 'V', 0, G_OPTION_ARG_NONE, &options->version, N_("Print the version"), NULL},
      {0}};
  g_autoptr(GOptionContext) context =
      g_option_context_new(_("[COMMAND … | FOLDER | mailto:…]"));
  g_option_context_add_main_entries(context, entries, GETTEXT_PACKAGE);
  g_option_context_set_strict_posix(context, TRUE);
  g_autofree char *text = summary();
  g_option_context_set_summary(context, text);
  g_autoptr(GError) fault = NULL;
  if (!g_option_context_parse(context, argc, argv, &fault))
    return error_set(error, POSTINO_ERROR_USAGE, _("%s; 'postino --help' shows what it takes"),
                     fault->message);
  return true;
}

/* The rc file; with faults in it, what holds without one, and cli->rc_error. */
static void
load_rc(struct cli *cli, const char *named)
{
  bool must_exist = named != NULL;
  g_autofree char *path = named != NULL ? cli_path(named) : conf_default_path(&must_exist);
  cli->conf = conf_load(path, &cli->rc_faults, &cli->rc_error);
  if (cli->conf != NULL)
    return;
  cli->conf = conf_new_default();
  if (error_is(cli->rc_error, POSTINO_ERROR_NOTFOUND) && !must_exist)
    g_clear_error(&cli->rc_error);
  else if (!error_is(cli->rc_error, POSTINO_ERROR_CONFIG)) {
    g_autofree char *why = g_strdup(cli->rc_error->message);
    g_clear_error(&cli->rc_error);
    error_set(&cli->rc_error, POSTINO_ERROR_CONFIG, "%s", why);
  }
}

static int
run_command(struct cli *cli, const struct cli_command *command,
            bool (*run)(struct cli *, int, char **, GError **), int argc, char **argv)
{
  if (cli->rc_error != NULL && (command == NULL || !command->faulty_rc))
    return report_error(cli->rc_error);
  g_autoptr(GError) error = NULL;
  bool done = run(cli, argc, argv, &error);
  g_clear_pointer(&cli->engine, engine_free);
  return report_flush(done ? cli->status : report_error(error));
}

/* The words in place of a command: a folder to open, or a letter to write. */
static int
run_interface(struct cli *cli, int argc, char **argv)
{
  if (cli->rc_error != NULL)
    return report_error(cli->rc_error);
  g_autoptr(GError) error = NULL;
  if (argc > 1) {
    error_set(&error, POSTINO_ERROR_USAGE,
              _("'%s' is no command and no folder; 'postino --help' shows the commands"), argv[0]);
    return report_error(error);
  }
  if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
    error_set(&error, POSTINO_ERROR_USAGE,
              _("the interface needs a terminal; 'postino --help' shows what works without one"));
    return report_error(error);
  }
  bool mailto = argc == 1 && g_ascii_strncasecmp(argv[0], "mailto:", 7) == 0;
  struct ui_options options = {.folder = argc == 1 && !mailto ? argv[0] : NULL,
                               .mailto = mailto ? argv[0] : NULL};
  return ui_run(cli->conf, &options);
}

/* Passwords and letters pass through this process: no core dumps. */
static void
harden(void)
{
  struct rlimit none = {0};
  setrlimit(RLIMIT_CORE, &none);
  signal(SIGPIPE, SIG_IGN);
}

/* Signals become readable, so that a command can cancel and end well. */
static bool
catch_signals(struct cli *cli, GError **error)
{
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGHUP);
  sigprocmask(SIG_BLOCK, &set, NULL);
  cli->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  return cli->signals >= 0 ||
         error_errno(error, POSTINO_ERROR_LOCAL, errno, _("signals cannot be waited for"));
}

static bool
is_sendmail(const char *program)
{
  g_autofree char *name = g_path_get_basename(program);
  return text_ascii_equal(name, "sendmail") || text_ascii_equal(name, "postino-sendmail");
}

static void
cli_clear(struct cli *cli)
{
  g_clear_pointer(&cli->rc_faults, g_ptr_array_unref);
  g_clear_error(&cli->rc_error);
  g_clear_pointer(&cli->conf, conf_free);
  fd_clear(&cli->signals);
}

static int
dispatch(struct cli *cli, const struct options *options, bool sendmail, int argc, char **argv)
{
  const struct cli_command *command =
      !sendmail && argc > 1 && !text_ascii_equal(argv[1], "--") ? cli_command(argv[1]) : NULL;
  g_autoptr(GError) error = NULL;
  load_rc(cli, options->config);
  if (sendmail || command != NULL) {
    if (!catch_signals(cli, &error))
      return report_error(error);
    return sendmail ? run_command(cli, NULL, cli_sendmail, argc, argv)
                    : run_command(cli, command, command->run, argc - 1, argv + 1);
  }
  int first = argc > 1 && text_ascii_equal(argv[1], "--") ? 2 : 1;
  return run_interface(cli, argc - first, argv + first);
}

int
main(int argc, char **argv)
{
  setlocale(LC_ALL, "");
  bindtextdomain(GETTEXT_PACKAGE, LOCALEDIR);
  bind_textdomain_codeset(GETTEXT_PACKAGE, "UTF-8");
  textdomain(GETTEXT_PACKAGE);
  harden();
  struct options options = {0};
  struct cli cli = {.signals = -1};
  g_autoptr(GError) error = NULL;
  bool sendmail = is_sendmail(argv[0]);
  if (!sendmail && !parse(&options, &argc, &argv, &error))
    return report_error(error);
  if (options.version) {
    printf("postino %s\n", PACKAGE_VERSION);
    return report_flush(0);
  }
  cli.quiet = options.quiet;
  if (options.verbose)
    log_set_sink(show_dialogue, NULL);
  int status = dispatch(&cli, &options, sendmail, argc, argv);
  cli_clear(&cli);
  g_free(options.config);
  return status;
}

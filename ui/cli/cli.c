#include "ui/cli/cli.h"

#include <errno.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/i18n.h"
#include "base/limits.h"
#include "base/sanitize.h"
#include "base/text.h"
#include "ui/cli/tty.h"
#include "ui/report.h"

static const struct cli_command commands[] = {
    {"account", "add ADDRESS | list | show [ACCOUNT] | test [ACCOUNT] | forget ACCOUNT | discover [--offline] ADDRESS",
     N_("Sets an account up, lists the accounts, shows what their servers proved until now (TLS, "
        "the certificate checked or the key pinned, the key), logs in to both servers and says "
        "what it found, or prints the servers known for an address"),
     cli_account},
    {"check", "", N_("Reads the rc file and the keymap: silent, or one line per fault"), cli_check,
     .faulty_rc = true},
    {"doctor", "", N_("Says in plain words what works and what does not"), cli_doctor,
     .faulty_rc = true},
    {"export", "FOLDER FILE", N_("Writes a folder into a new mbox file"), cli_export},
    {"fetch", "[--dry-run] [--watch] [ACCOUNT…]",
     N_("Retrieves mail, of all accounts if none is named"), cli_fetch},
    {"folders", "[--format json]", N_("Lists the folders: name, unread, total"), cli_folders},
    {"forward", "FILE|id:MESSAGE-ID|-", N_("Prints the draft that passes a letter on"),
     cli_forward},
    {"import", "PATH… [--to FOLDER] | --state FILE [--account NAME]",
     N_("Brings mbox files and Maildirs in, a directory with all that are below it, or what another"
        " program has fetched already"),
     cli_import},
    {"index", "[--rebuild] [--sealed]", N_("Brings the index up to date with the mail on disk"), cli_index},
    {"plugin", "list | check NAME|PATH | grant NAME | new NAME",
     N_("Lists the crypto plugins, tests one, grants one its rights, or writes the beginning of a "
       "new one"), cli_plugin},
    {"queue", "[list] | show ID | flush [--wait] | retry ID | cancel ID | edit ID | hold [--at TIME] ID",
     N_("Shows the outbox, sends what waits in it; tries a letter again, takes it back, holds it"),
     cli_queue},
    {"reply", "[--all|--list] FILE|id:MESSAGE-ID|-", N_("Prints the draft that answers a letter"),
     cli_reply},
    {"save", "[--to DIR] [--part N] FILE|id:MESSAGE-ID|-",
     N_("Saves attachments and prints the names that it wrote"), cli_save},
    {"search", "[--limit N] [--files|--ids|--count] [--format json] QUERY",
     N_("Finds letters, newest first"), cli_search},
    {"send",
     "[-a ACCOUNT] [-f ADDRESS] [-t] [-i] [--sign] [--encrypt] [--plain] "
     "[--at TIME|--hold] [--] [RECIPIENT…]",
     N_("Reads a letter on stdin, puts it into the outbox and submits it; takes sendmail's flags"),
     cli_send},
    {"server", "[-a ACCOUNT] list | fetch N… | delete N… | keep N… | release N…",
     N_("Shows, fetches or deletes what lies on the POP3 server; what is kept no policy deletes "
        "there until it is released"),
     cli_server},
    {"show", "[--headers brief|all] [--part N] [--raw] FILE|id:MESSAGE-ID|-",
     N_("Prints a letter as its reader would see it"), cli_show},
};

const struct cli_command *
cli_commands(size_t *count_out)
{
  *count_out = G_N_ELEMENTS(commands);
  return commands;
}

const struct cli_command *
cli_command(const char *name)
{
  for (size_t i = 0; i < G_N_ELEMENTS(commands); i++)
    if (text_ascii_equal(commands[i].name, name))
      return &commands[i];
  return NULL;
}

/* ---- words ---- */

static gboolean
parse_format(const char *option, const char *value, gpointer data, GError **error)
{
  struct cli *cli = data;
  cli->json = text_ascii_equal(value, "json");
  if (!cli->json && !text_ascii_equal(value, "text"))
    return error_set(error, POSTINO_ERROR_USAGE, _("--format takes json or text, not '%s'"), value);
  return true;
}

bool
cli_options(struct cli *cli, const GOptionEntry *entries, int *argc, char ***argv, GError **error)
{
  const struct cli_command *command = cli_command((*argv)[0]);
  g_autofree char *summary =
      g_strdup_printf("%s %s", (*argv)[0], command != NULL ? command->synopsis : "");
  g_autoptr(GOptionContext) context = g_option_context_new(summary);
  g_option_context_set_ignore_unknown_options(context, FALSE);
  const GOptionEntry common[] = {
      {"format", 0, 0, G_OPTION_ARG_CALLBACK, (gpointer)(void (*)(void))parse_format,
       N_("json: one array of objects, where something is listed"), "json"},
      {"quiet", 'q', 0, G_OPTION_ARG_NONE, &cli->quiet, N_("Only errors"), NULL},
      {0}};
  GOptionGroup *group = g_option_group_new("postino", "", "", cli, NULL);
  if (entries != NULL)
    g_option_group_add_entries(group, entries);
  g_option_group_add_entries(group, common);
  g_option_context_set_main_group(context, group);
  if (command != NULL)
    g_option_context_set_summary(context, _(command->help));
  GError *fault = NULL;
  if (g_option_context_parse(context, argc, argv, &fault)) {
    if (*argc > 1 && text_ascii_equal((*argv)[1], "--")) {
      (*argv)[1] = (*argv)[0];
      (*argv)++;
      (*argc)--;
    }
    return true;
  }
  if (fault->domain == POSTINO_ERROR)
    g_propagate_error(error, fault);
  else {
    error_set(error, POSTINO_ERROR_USAGE, _("%s: %s; 'postino %s --help' shows what it takes"),
              (*argv)[0], fault->message, (*argv)[0]);
    g_error_free(fault);
  }
  return false;
}

bool
cli_words(int argc, char **argv, int least, int most, GError **error)
{
  if (argc - 1 < least)
    return error_set(error, POSTINO_ERROR_USAGE,
                     _("%s needs more than that; 'postino %s --help' shows what it takes"),
                     argv[0], argv[0]);
  if (most >= 0 && argc - 1 > most)
    return error_set(error, POSTINO_ERROR_USAGE,
                     _("%s does not know what to do with '%s'; 'postino %s --help' shows what it "
                       "takes"),
                     argv[0], argv[most + 1], argv[0]);
  return true;
}

char *
cli_path(const char *word)
{
  return g_canonicalize_filename(word, NULL);
}

GBytes *
cli_stdin(GError **error)
{
  return file_read_fd(STDIN_FILENO, LIMIT_MESSAGE, error);
}

bool
cli_ref(const char *word, struct cli_ref *ref_out, GError **error)
{
  *ref_out = (struct cli_ref){0};
  if (text_ascii_equal(word, "-")) {
    ref_out->bytes = cli_stdin(error);
    ref_out->ref.bytes = ref_out->bytes;
    return ref_out->bytes != NULL;
  }
  if (g_str_has_prefix(word, "id:")) {
    const char *id = word + 3;
    size_t length = strlen(id);
    if (length > 1 && id[0] == '<' && id[length - 1] == '>') {
      id++;
      length -= 2;
    }
    ref_out->text = g_strndup(id, length);
    ref_out->ref.message_id = ref_out->text;
    return true;
  }
  ref_out->text = cli_path(word);
  ref_out->ref.path = ref_out->text;
  return true;
}

void
cli_ref_clear(struct cli_ref *ref)
{
  g_free(ref->text);
  if (ref->bytes != NULL)
    g_bytes_unref(ref->bytes);
  *ref = (struct cli_ref){0};
}

/* ---- the engine ---- */

bool
cli_engine_for(struct cli *cli, const struct engine_options *options, GError **error)
{
  if (cli->engine == NULL)
    cli->engine = engine_new(cli->conf, options, error);
  return cli->engine != NULL;
}

bool
cli_engine(struct cli *cli, GError **error)
{
  struct engine_options options = {0};
  return cli_engine_for(cli, &options, error);
}

static bool
wants_progress(const struct cli *cli)
{
  return !cli->quiet && isatty(STDERR_FILENO);
}

/* What is longer than the line cannot be taken back. */
static int
stderr_columns(void)
{
  struct winsize size;
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20 ? size.ws_col - 1 : 79;
}

static void
show_progress(const struct event *event)
{
  g_autofree char *clean = sanitize_line(event->text != NULL ? event->text : "", -1);
  g_autofree char *line =
      event->total > 0
          ? g_strdup_printf("%s %" G_GUINT64_FORMAT "/%" G_GUINT64_FORMAT, clean, event->done,
                            event->total)
          : g_strdup(clean);
  g_autofree char *fit = text_fit(line, stderr_columns());
  fprintf(stderr, "\r\033[K%s", fit);
  fflush(stderr);
}

static void
answer(struct cli *cli, const struct event *event)
{
  g_autoptr(secret_t) given = tty_ask(event->text, event->secret);
  engine_answer(cli->engine, event->ask, given);
}

static void
print_notice(const struct event *event, void *data)
{
  const struct cli *cli = data;
  if (!cli->quiet || event->bad)
    report_line(event->text);
}

/* The next event; a signal meanwhile cancels `request`. */
static struct event *
next_event(struct cli *cli, request_id request)
{
  struct event *event;
  while ((event = engine_next(cli->engine)) == NULL) {
    struct pollfd fds[] = {{.fd = engine_fd(cli->engine), .events = POLLIN},
                           {.fd = cli->signals, .events = POLLIN}};
    if (poll(fds, G_N_ELEMENTS(fds), -1) < 0 && errno != EINTR)
      continue;
    struct signalfd_siginfo info;
    if ((fds[1].revents & POLLIN) != 0 && read(cli->signals, &info, sizeof info) > 0)
      engine_cancel(cli->engine, request);
  }
  return event;
}

struct event *
cli_wait_notices(struct cli *cli, request_id request,
                 void (*notice)(const struct event *event, void *data), void *data, GError **error)
{
  bool progress = wants_progress(cli), shown = false;
  for (;;) {
    g_autoptr(event_t) event = next_event(cli, request);
    if (shown && event->kind != EVENT_PROGRESS) {
      fputs("\r\033[K", stderr);
      shown = false;
    }
    switch (event->kind) {
    case EVENT_DONE:
      if (event->request != request)
        break;
      if (event->error == NULL)
        return g_steal_pointer(&event);
      g_propagate_error(error, g_steal_pointer(&event->error));
      return NULL;
    case EVENT_PROGRESS:
      if (progress) {
        show_progress(event);
        shown = true;
      }
      break;
    case EVENT_ASK:
      answer(cli, event);
      break;
    case EVENT_NOTICE:
      notice(event, data);
      break;
    case EVENT_CHANGED:
    case EVENT_ARRIVED:
    case EVENT_TERMINAL:
      break;
    }
  }
}

struct event *
cli_wait(struct cli *cli, request_id request, GError **error)
{
  return cli_wait_notices(cli, request, print_notice, cli, error);
}

bool
cli_pause(struct cli *cli, int seconds)
{
  struct pollfd signals = {.fd = cli->signals, .events = POLLIN};
  return poll(&signals, 1, seconds * 1000) > 0;
}

/* ---- printing ---- */

void
cli_json(json_t *array)
{
  g_autofree char *text = json_dumps(array, JSON_INDENT(2));
  json_decref(array);
  puts(text);
}

json_t *
cli_json_text(const char *text)
{
  json_t *value = text != NULL ? json_string(text) : NULL;
  return value != NULL ? value : json_null();
}

char *
cli_date(int64_t seconds)
{
  if (seconds == 0)
    return NULL;
  g_autoptr(GDateTime) date = clock_local(seconds);
  return date != NULL ? g_date_time_format(date, "%Y-%m-%dT%H:%M:%S%:z") : NULL;
}

char *
cli_size(guint64 bytes)
{
  return g_format_size(bytes);
}

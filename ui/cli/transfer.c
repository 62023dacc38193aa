#include <inttypes.h>
#include <string.h>

#include "base/error.h"
#include "base/i18n.h"
#include "base/sanitize.h"
#include "ui/cli/cli.h"
#include "ui/report.h"

bool
cli_index(struct cli *cli, int argc, char **argv, GError **error)
{
  gboolean rebuild = FALSE, sealed = FALSE;
  const GOptionEntry entries[] = {
      {"rebuild", 0, 0, G_OPTION_ARG_NONE, &rebuild, N_("Make it anew from the mail"), NULL},
      {"sealed", 0, 0, G_OPTION_ARG_NONE, &sealed, N_("And open sealed letters for it"), NULL},
      {0}};
  if (!cli_options(cli, entries, &argc, &argv, error) || !cli_words(argc, argv, 0, 0, error) ||
      !cli_engine(cli, error))
    return false;
  g_autoptr(event_t) event = cli_wait(cli, engine_refresh(cli->engine, rebuild), error);
  if (event == NULL || !sealed)
    return event != NULL;
  g_autoptr(event_t) unlocked = cli_wait(cli, engine_unlock(cli->engine), error);
  return unlocked != NULL;
}

static void
say(const struct cli *cli, char *sentence)
{
  if (!cli->quiet)
    report_line(sentence);
  g_free(sentence);
}

static bool
import_state(struct cli *cli, const char *file, const char *account, GError **error)
{
  g_autofree char *path = cli_path(file);
  g_autoptr(event_t) event =
      cli_wait(cli, engine_import_state(cli->engine, path, account), error);
  if (event != NULL)
    say(cli, g_strdup(event->text));
  return event != NULL;
}

/* All folders below a path, a line each. */
static bool
import_path(struct cli *cli, const char *word, const char *to, GError **error)
{
  g_autofree char *path = cli_path(word);
  g_autoptr(GPtrArray) sources = engine_import_sources(cli->engine, path, to, error);
  for (guint i = 0; sources != NULL && i < sources->len; i++) {
    const struct import_source *source = sources->pdata[i];
    bool itself = strcmp(source->path, path) == 0;
    g_autofree char *shown = sanitize_line(itself ? word : source->path, -1);
    g_autofree char *folder = sanitize_line(source->folder, -1);
    g_autoptr(event_t) event =
        cli_wait(cli, engine_import(cli->engine, source->path, source->folder), error);
    if (event == NULL)
      return false;
    say(cli, g_strdup_printf(_("%s: %" PRIu64 " letters imported into %s, %" PRIu64
                               " were here already"), shown, event->done, folder, event->total));
  }
  return sources != NULL;
}

bool
cli_import(struct cli *cli, int argc, char **argv, GError **error)
{
  g_autofree char *folder = NULL, *state = NULL, *account = NULL;
  const GOptionEntry entries[] = {
      {"to", 0, 0, G_OPTION_ARG_STRING, &folder,
       N_("Into this folder and below it, not the inbox"), "FOLDER"},
      {"state", 0, 0, G_OPTION_ARG_FILENAME, &state,
       N_("What mpop, getmail, fetchmail, Thunderbird or Claws Mail has fetched already"), "FILE"},
      {"account", 'a', 0, G_OPTION_ARG_STRING, &account, N_("With --state: of this account"),
       "ACCOUNT"},
      {0}};
  if (!cli_options(cli, entries, &argc, &argv, error) ||
      !cli_words(argc, argv, state != NULL ? 0 : 1, -1, error) || !cli_engine(cli, error))
    return false;
  if (state != NULL && !import_state(cli, state, account, error))
    return false;
  for (int i = 1; i < argc; i++)
    if (!import_path(cli, argv[i], folder, error))
      return false;
  return true;
}

bool
cli_export(struct cli *cli, int argc, char **argv, GError **error)
{
  if (!cli_options(cli, NULL, &argc, &argv, error) || !cli_words(argc, argv, 2, 2, error) ||
      !cli_engine(cli, error))
    return false;
  g_autofree char *path = cli_path(argv[2]);
  g_autoptr(event_t) event = cli_wait(cli, engine_export(cli->engine, argv[1], path), error);
  if (event == NULL)
    return false;
  say(cli, g_strdup_printf(_("%" PRIu64 " letters written to %s"), event->done, path));
  return true;
}

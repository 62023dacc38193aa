#include "base/error.h"
#include "base/i18n.h"
#include "ui/cli/cli.h"

bool
cli_save(struct cli *cli, int argc, char **argv, GError **error)
{
  g_autofree char *dir = NULL;
  int part = 0;
  const GOptionEntry entries[] = {
      {"to", 0, 0, G_OPTION_ARG_FILENAME, &dir, N_("Into this directory, not the current one"),
       "DIR"},
      {"part", 0, 0, G_OPTION_ARG_INT, &part, N_("This part alone"), "N"},
      {0}};
  if (!cli_options(cli, entries, &argc, &argv, error) || !cli_words(argc, argv, 1, 1, error))
    return false;
  if (part < 0)
    return error_set(error, POSTINO_ERROR_USAGE, _("parts are numbered from 1"));
  g_auto(cli_ref_t) ref = {0};
  if (!cli_ref(argv[1], &ref, error) || !cli_engine(cli, error))
    return false;
  g_autofree char *path = cli_path(dir != NULL ? dir : ".");
  g_autoptr(event_t) event = cli_wait(cli, engine_save(cli->engine, &ref.ref, part, path), error);
  if (event == NULL)
    return false;
  for (char **name = event->strings; name != NULL && *name != NULL; name++)
    puts(*name);
  return true;
}

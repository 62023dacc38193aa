#include "base/error.h"
#include "base/i18n.h"
#include "base/paths.h"
#include "ui/cli/cli.h"
#include "ui/keymap.h"
#include "ui/report.h"

static guint
print_faults(const GPtrArray *faults)
{
  for (guint i = 0; faults != NULL && i < faults->len; i++) {
    const struct conf_fault *fault = faults->pdata[i];
    g_autofree char *line = g_strdup_printf("%s:%d: %s", fault->file, fault->line, fault->text);
    report_line(line);
  }
  return faults != NULL ? faults->len : 0;
}

/* The file of the keymap that the rc names. */
static char *
keymap_file(const struct conf *conf)
{
  return g_path_is_absolute(conf->keymap) ? g_strdup(conf->keymap) : paths_keymap(conf->keymap);
}

bool
cli_check(struct cli *cli, int argc, char **argv, GError **error)
{
  if (!cli_options(cli, NULL, &argc, &argv, error) || !cli_words(argc, argv, 0, 0, error))
    return false;
  if (cli->rc_error != NULL && print_faults(cli->rc_faults) == 0) {
    g_propagate_error(error, g_error_copy(cli->rc_error));
    return false;
  }
  g_autofree char *keymap = keymap_file(cli->conf);
  g_autoptr(GPtrArray) bad_keys = keymap_check(keymap);
  if (print_faults(bad_keys) > 0 || cli->rc_error != NULL)
    cli->status = 78;
  return true;
}

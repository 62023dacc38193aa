#include "base/error.h"
#include "base/i18n.h"
#include "base/paths.h"
#include "base/sanitize.h"
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

/* A query that cannot be read would find nothing. */
static bool
query_is_good(struct cli *cli, const struct conf_place *place, const char *what, const char *name,
              const char *query)
{
  g_autoptr(GError) why = NULL;
  if (query == NULL || engine_query_check(cli->engine, query, &why))
    return true;
  g_autofree char *clean = sanitize_line(name, -1);
  g_autofree char *line = g_strdup_printf("%s:%d: %s \"%s\": match: %s", place->file, place->line,
                                          what, clean, why->message);
  report_line(line);
  return false;
}

static bool
queries_are_good(struct cli *cli)
{
  bool good = true;
  for (guint i = 0; i < cli->conf->folders->len; i++) {
    const struct conf_folder *folder = cli->conf->folders->pdata[i];
    good &= query_is_good(cli, &folder->place, "folder", folder->name, folder->match);
  }
  for (guint i = 0; i < cli->conf->rules->len; i++) {
    const struct conf_rule *rule = cli->conf->rules->pdata[i];
    good &= query_is_good(cli, &rule->place, "rule", rule->name, rule->match);
  }
  return good;
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
  bool good = queries_are_good(cli);
  if (print_faults(bad_keys) > 0 || !good || cli->rc_error != NULL)
    cli->status = 78;
  return true;
}

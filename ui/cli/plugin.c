#include "base/error.h"
#include "base/i18n.h"
#include "base/text.h"
#include "ui/cli/cli.h"

static bool
list(struct cli *cli, GError **error)
{
  g_autoptr(event_t) event = cli_wait(cli, engine_plugins(cli->engine), error);
  if (event == NULL)
    return false;
  json_t *array = json_array();
  for (guint i = 0; i < event->plugins->len; i++) {
    const struct plugin_info *info = event->plugins->pdata[i];
    if (cli->json)
      json_array_append_new(
          array, json_pack("{s:o, s:o, s:o, s:o, s:o}", "name", cli_json_text(info->name),
                           "version", cli_json_text(info->version), "path",
                           cli_json_text(info->path), "capabilities",
                           cli_json_text(info->capabilities), "why_disabled",
                           cli_json_text(info->why_disabled)));
    else
      printf("%s\t%s\t%s\t%s\n", info->name, info->version != NULL ? info->version : "-",
             info->path != NULL ? info->path : "-",
             info->why_disabled != NULL ? info->why_disabled : info->capabilities);
  }
  if (cli->json)
    cli_json(array);
  else
    json_decref(array);
  return true;
}

static void
print_check(const struct event *event, void *data)
{
  guint *number = data;
  printf("%s %u - %s\n", event->bad ? "not ok" : "ok", ++*number, event->text);
}

static bool
check_one(struct cli *cli, const char *name, GError **error)
{
  guint number = 0;
  g_autoptr(event_t) event = cli_wait_notices(
      cli, engine_plugin_check(cli->engine, name), print_check, &number, error);
  printf("1..%u\n", number);
  return event != NULL;
}

bool
cli_plugin(struct cli *cli, int argc, char **argv, GError **error)
{
  if (!cli_options(cli, NULL, &argc, &argv, error) || !cli_words(argc, argv, 1, 2, error) ||
      !cli_engine(cli, error))
    return false;
  if (text_ascii_equal(argv[1], "list") && argc == 2)
    return list(cli, error);
  if (text_ascii_equal(argv[1], "check") && argc == 3)
    return check_one(cli, argv[2], error);
  return error_set(error, POSTINO_ERROR_USAGE, _("plugin takes list or check NAME|PATH"));
}

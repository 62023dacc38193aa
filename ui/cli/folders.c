#include "base/i18n.h"
#include "base/sanitize.h"
#include "ui/cli/cli.h"

bool
cli_folders(struct cli *cli, int argc, char **argv, GError **error)
{
  if (!cli_options(cli, NULL, &argc, &argv, error) || !cli_words(argc, argv, 0, 0, error) ||
      !cli_engine(cli, error))
    return false;
  g_autoptr(event_t) event = cli_wait(cli, engine_folders(cli->engine), error);
  if (event == NULL)
    return false;
  json_t *array = json_array();
  for (guint i = 0; i < event->folders->len; i++) {
    const struct folder_row *row = event->folders->pdata[i];
    g_autofree char *name = sanitize_line(row->name, -1);
    if (cli->json)
      json_array_append_new(array, json_pack("{s:o, s:I, s:I}", "folder", cli_json_text(name),
                                             "unread", (json_int_t)row->unread, "total",
                                             (json_int_t)row->total));
    else
      printf("%s\t%" G_GUINT64_FORMAT "\t%" G_GUINT64_FORMAT "\n", name, row->unread, row->total);
  }
  if (cli->json)
    cli_json(array);
  else
    json_decref(array);
  return true;
}

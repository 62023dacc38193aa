#include "base/error.h"
#include "base/i18n.h"
#include "base/text.h"
#include "ui/cli/cli.h"
#include "ui/report.h"

static json_t *
row_json(const struct server_row *row)
{
  g_autofree char *date = cli_date(row->date);
  return json_pack("{s:i, s:o, s:I, s:o, s:o, s:o, s:b, s:o}", "number", (int)row->number, "uid",
                   cli_json_text(row->uid), "size", (json_int_t)row->size, "date",
                   cli_json_text(date), "from", cli_json_text(row->from), "subject",
                   cli_json_text(row->subject), "here", (int)row->here, "fate",
                   cli_json_text(row->fate));
}

static void
print_row(const struct server_row *row)
{
  g_autofree char *size = cli_size(row->size);
  g_autofree char *date = cli_date(row->date);
  printf("%u\t%s\t%s\t%s\t%s\t%s\t%s\n", row->number, row->here ? "here" : "new", size,
         date != NULL ? date : "-", row->from != NULL ? row->from : "-",
         row->subject != NULL ? row->subject : "-", row->fate != NULL ? row->fate : "-");
}

static bool
list(struct cli *cli, const char *account, GError **error)
{
  g_autoptr(event_t) event = cli_wait(cli, engine_server_list(cli->engine, account), error);
  if (event == NULL)
    return false;
  json_t *array = json_array();
  for (guint i = 0; i < event->server->len; i++)
    if (cli->json)
      json_array_append_new(array, row_json(event->server->pdata[i]));
    else
      print_row(event->server->pdata[i]);
  if (cli->json)
    cli_json(array);
  else
    json_decref(array);
  return true;
}

static GArray *
numbers_of(char **words, GError **error)
{
  g_autoptr(GArray) numbers = g_array_new(FALSE, FALSE, sizeof(guint));
  for (; *words != NULL; words++) {
    guint64 number;
    if (!g_ascii_string_to_unsigned(*words, 10, 1, G_MAXUINT, &number, NULL)) {
      error_set(error, POSTINO_ERROR_USAGE,
                _("'%s' is no number of a letter; 'postino server list' shows them"), *words);
      return NULL;
    }
    guint value = (guint)number;
    g_array_append_val(numbers, value);
  }
  return g_steal_pointer(&numbers);
}

bool
cli_server(struct cli *cli, int argc, char **argv, GError **error)
{
  g_autofree char *account = NULL;
  const GOptionEntry entries[] = {
      {"account", 'a', 0, G_OPTION_ARG_STRING, &account, N_("Not the default account"), "ACCOUNT"},
      {0}};
  if (!cli_options(cli, entries, &argc, &argv, error) || !cli_words(argc, argv, 1, -1, error))
    return false;
  bool fetch = text_ascii_equal(argv[1], "fetch"), list_it = text_ascii_equal(argv[1], "list");
  if ((list_it && argc > 2) ||
      (!list_it && (argc < 3 || (!fetch && !text_ascii_equal(argv[1], "delete")))))
    return error_set(error, POSTINO_ERROR_USAGE, _("server takes list, fetch N… or delete N…"));
  if (!cli_engine(cli, error))
    return false;
  if (list_it)
    return list(cli, account, error);
  g_autoptr(GArray) numbers = numbers_of(argv + 2, error);
  if (numbers == NULL)
    return false;
  const guint *data = (const guint *)(void *)numbers->data;
  g_autoptr(event_t) event = cli_wait(
      cli,
      fetch ? engine_server_fetch(cli->engine, account, data, numbers->len)
            : engine_server_delete(cli->engine, account, data, numbers->len),
      error);
  if (event != NULL && event->text != NULL && !cli->quiet)
    report_line(event->text);
  return event != NULL;
}

#include "base/error.h"
#include "base/i18n.h"
#include "base/text.h"
#include "ui/cli/cli.h"
#include "ui/report.h"

static json_t *
row_json(const struct server_row *row)
{
  g_autofree char *date = cli_date(row->date);
  return json_pack("{s:i, s:o, s:I, s:o, s:o, s:o, s:b, s:b, s:o}", "number", (int)row->number, "uid",
                   cli_json_text(row->uid), "size", (json_int_t)row->size, "date",
                   cli_json_text(date), "from", cli_json_text(row->from), "subject",
                   cli_json_text(row->subject), "here", (int)row->here, "kept",
                   (int)row->kept, "fate", cli_json_text(row->fate));
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

/* Numbers as the last list had them: struct server_pick. */
static GArray *
picks_of(char **words, GError **error)
{
  g_autoptr(GArray) picks = g_array_new(FALSE, TRUE, sizeof(struct server_pick));
  for (; *words != NULL; words++) {
    guint64 number;
    if (!g_ascii_string_to_unsigned(*words, 10, 1, G_MAXUINT, &number, NULL)) {
      error_set(error, POSTINO_ERROR_USAGE,
                _("'%s' is no number of a letter; 'postino server list' shows them"), *words);
      return NULL;
    }
    struct server_pick pick = {.number = (guint)number};
    g_array_append_val(picks, pick);
  }
  return g_steal_pointer(&picks);
}

static request_id
start(struct engine *engine, const char *verb, const char *account, const GArray *picks)
{
  const struct server_pick *data = (const struct server_pick *)(void *)picks->data;
  if (text_ascii_equal(verb, "fetch"))
    return engine_server_fetch(engine, account, data, picks->len);
  if (text_ascii_equal(verb, "delete"))
    return engine_server_delete(engine, account, data, picks->len);
  return engine_server_keep(engine, account, data, picks->len, text_ascii_equal(verb, "keep"));
}

/* A word that takes numbers; "list" takes none. */
static bool
is_verb(const char *word)
{
  static const char *const verbs[] = {"fetch", "delete", "keep", "release", NULL};
  return g_strv_contains(verbs, word);
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
  bool list_it = text_ascii_equal(argv[1], "list");
  if (list_it ? argc > 2 : argc < 3 || !is_verb(argv[1]))
    return error_set(error, POSTINO_ERROR_USAGE,
                     _("server takes list, fetch N…, delete N…, keep N… or release N…"));
  if (!cli_engine(cli, error))
    return false;
  if (list_it)
    return list(cli, account, error);
  g_autoptr(GArray) picks = picks_of(argv + 2, error);
  if (picks == NULL)
    return false;
  g_autoptr(event_t) event = cli_wait(cli, start(cli->engine, argv[1], account, picks), error);
  if (event != NULL && event->text != NULL && !cli->quiet)
    report_line(event->text);
  return event != NULL;
}

#include "base/error.h"
#include "base/i18n.h"
#include "message/draft.h"
#include "ui/cli/cli.h"

static bool
print_draft(struct cli *cli, request_id request, GError **error)
{
  g_autoptr(event_t) event = cli_wait(cli, request, error);
  if (event == NULL)
    return false;
  g_autofree char *text = draft_format(event->draft);
  fputs(text, stdout);
  return true;
}

bool
cli_reply(struct cli *cli, int argc, char **argv, GError **error)
{
  gboolean all = FALSE, list = FALSE;
  const GOptionEntry entries[] = {
      {"all", 0, 0, G_OPTION_ARG_NONE, &all, N_("To everybody who got the letter"), NULL},
      {"list", 0, 0, G_OPTION_ARG_NONE, &list, N_("To the mailing list"), NULL},
      {0}};
  if (!cli_options(cli, entries, &argc, &argv, error) || !cli_words(argc, argv, 1, 1, error))
    return false;
  if (all && list)
    return error_set(error, POSTINO_ERROR_USAGE, _("reply takes --all or --list, not both"));
  g_auto(cli_ref_t) ref = {0};
  if (!cli_ref(argv[1], &ref, error) || !cli_engine(cli, error))
    return false;
  enum draft_reply how = all ? DRAFT_REPLY_ALL : list ? DRAFT_REPLY_LIST : DRAFT_REPLY;
  return print_draft(cli, engine_reply(cli->engine, &ref.ref, how), error);
}

bool
cli_forward(struct cli *cli, int argc, char **argv, GError **error)
{
  g_auto(cli_ref_t) ref = {0};
  if (!cli_options(cli, NULL, &argc, &argv, error) || !cli_words(argc, argv, 1, 1, error) ||
      !cli_ref(argv[1], &ref, error) || !cli_engine(cli, error))
    return false;
  return print_draft(cli, engine_forward(cli->engine, &ref.ref), error);
}

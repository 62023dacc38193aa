#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/i18n.h"
#include "ui/cli/cli.h"
#include "ui/report.h"

/* The contract's last line of each account. */
static void
print_account(const struct cli *cli, const struct fetched *fetched)
{
  if (cli->quiet)
    return;
  printf("%s: %u new, %u already here, %u failed", fetched->account, fetched->fetched,
         fetched->known, fetched->failed);
  if (fetched->too_large > 0)
    printf(", %u too large", fetched->too_large);
  putchar('\n');
}

static json_t *
account_json(const struct fetched *fetched)
{
  return json_pack("{s:o, s:i, s:i, s:i, s:i, s:i, s:o, s:o}", "account",
                   cli_json_text(fetched->account), "new", (int)fetched->fetched, "here",
                   (int)fetched->known, "failed", (int)fetched->failed, "too_large",
                   (int)fetched->too_large, "deleted", (int)fetched->deleted, "remark",
                   cli_json_text(fetched->remark), "error",
                   cli_json_text(fetched->error != NULL ? fetched->error->message : NULL));
}

static void
print_all(struct cli *cli, const GPtrArray *all)
{
  json_t *array = json_array();
  for (guint i = 0; i < all->len; i++) {
    const struct fetched *fetched = all->pdata[i];
    if (fetched->remark != NULL && !cli->quiet) {
      g_autofree char *line = g_strdup_printf("%s: %s", fetched->account, fetched->remark);
      report_line(line);
    }
    if (fetched->error != NULL) {
      int status = report_error(fetched->error);
      if (cli->status == 0)
        cli->status = status;
    } else if (fetched->failed > 0 && cli->status == 0)
      cli->status = 75;
    if (cli->json)
      json_array_append_new(array, account_json(fetched));
    else
      print_account(cli, fetched);
  }
  if (cli->json)
    cli_json(array);
  else
    json_decref(array);
  fflush(stdout);
}

static bool
fetch_once(struct cli *cli, const char *const *accounts, bool dry_run, GError **error)
{
  g_autoptr(event_t) event =
      cli_wait(cli, engine_fetch(cli->engine, accounts, dry_run), error);
  if (event == NULL)
    return false;
  for (char **line = event->strings; line != NULL && *line != NULL && !cli->json; line++)
    puts(*line);
  if (event->fetched != NULL)
    print_all(cli, event->fetched);
  return true;
}

/* Until a signal comes: what goes wrong once may go right the next time. */
static bool
watch(struct cli *cli, const char *const *accounts, GError **error)
{
  int minutes = cli->conf->fetch_every > 0 ? cli->conf->fetch_every : 5;
  for (;;) {
    g_autoptr(GError) fault = NULL;
    cli->status = 0;
    if (!fetch_once(cli, accounts, false, &fault)) {
      if (!error_is(fault, POSTINO_ERROR_RETRY)) {
        g_propagate_error(error, g_steal_pointer(&fault));
        return false;
      }
      report_error(fault);
    }
    if (cli_pause(cli, minutes * 60))
      return true;
  }
}

bool
cli_fetch(struct cli *cli, int argc, char **argv, GError **error)
{
  gboolean dry_run = FALSE, forever = FALSE;
  const GOptionEntry entries[] = {
      {"dry-run", 'n', 0, G_OPTION_ARG_NONE, &dry_run,
       N_("Print what would be fetched and deleted, and do nothing"), NULL},
      {"watch", 'w', 0, G_OPTION_ARG_NONE, &forever,
       N_("Stay, and fetch every fetch-every minutes"), NULL},
      {0}};
  if (!cli_options(cli, entries, &argc, &argv, error) || !cli_engine(cli, error))
    return false;
  const char *const *accounts = argc > 1 ? (const char *const *)argv + 1 : NULL;
  return forever ? watch(cli, accounts, error) : fetch_once(cli, accounts, dry_run, error);
}

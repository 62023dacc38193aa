#include <inttypes.h>
#include <langinfo.h>
#include <unistd.h>

#include "base/error.h"
#include "base/i18n.h"
#include "base/sanitize.h"
#include "base/text.h"
#include "ui/cli/cli.h"

/* One line: what was looked at, and what was found. */
static void
say(struct cli *cli, bool good, const char *what, const char *found)
{
  g_autofree char *clean = sanitize_line(found, -1);
  printf("%s  %s: %s\n", good ? _("good") : _("BAD "), what, clean);
  if (!good && cli->status == 0)
    cli->status = 69;
}

static void
say_error(struct cli *cli, const char *what, const GError *error)
{
  say(cli, false, what, error->message);
}

static void
look_at_rc(struct cli *cli)
{
  if (cli->rc_error != NULL)
    say_error(cli, _("rc file"), cli->rc_error);
  else if (cli->conf->path == NULL)
    say(cli, true, _("rc file"), _("none; 'postino account add ADDRESS' writes one"));
  else
    say(cli, true, _("rc file"), cli->conf->path);
}

static void
look_at_accounts(struct cli *cli)
{
  for (guint i = 0; i < cli->conf->accounts->len; i++) {
    const struct conf_account *account = cli->conf->accounts->pdata[i];
    g_autoptr(GError) error = NULL;
    g_autofree char *what = g_strdup_printf(_("account %s"), account->name);
    g_autoptr(event_t) event =
        cli_wait(cli, engine_account_test(cli->engine, account->name), &error);
    if (event == NULL)
      say_error(cli, what, error);
    else
      say(cli, true, what, event->text != NULL ? event->text : "");
  }
}

static void
look_at_plugins(struct cli *cli)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(event_t) event = cli_wait(cli, engine_plugins(cli->engine), &error);
  if (event == NULL) {
    say_error(cli, _("plugins"), error);
    return;
  }
  for (guint i = 0; i < event->plugins->len; i++) {
    const struct plugin_info *info = event->plugins->pdata[i];
    g_autofree char *what = g_strdup_printf(_("plugin %s"), info->name);
    say(cli, info->why_disabled == NULL, what,
        info->why_disabled != NULL ? info->why_disabled : info->capabilities);
  }
}

static void
look_at_index(struct cli *cli)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(event_t) refreshed = cli_wait(cli, engine_refresh(cli->engine, false), &error);
  struct rows_query all = {0};
  g_autoptr(event_t) counted =
      refreshed != NULL ? cli_wait(cli, engine_count(cli->engine, &all), &error) : NULL;
  if (counted == NULL) {
    say_error(cli, _("mail and index"), error);
    return;
  }
  g_autofree char *found =
      g_strdup_printf(_("%" PRIu64 " letters in %s, %" PRIu64 " unread"),
                      counted->total, cli->conf->mail_dir, counted->done);
  say(cli, true, _("mail and index"), found);
}

static void
look_at_terminal(struct cli *cli)
{
  const char *term = g_getenv("TERM"), *charset = nl_langinfo(CODESET);
  bool utf8 = text_ascii_equal(charset, "UTF-8");
  g_autofree char *found = g_strdup_printf(
      utf8 ? _("TERM=%s, %s") : _("TERM=%s, %s: letters outside it are shown by likenesses; a "
                                  "UTF-8 locale shows all of them"),
      term != NULL ? term : "", charset);
  say(cli, true, _("terminal"), found);
}

bool
cli_doctor(struct cli *cli, int argc, char **argv, GError **error)
{
  if (!cli_options(cli, NULL, &argc, &argv, error) || !cli_words(argc, argv, 0, 0, error))
    return false;
  look_at_rc(cli);
  look_at_terminal(cli);
  g_autoptr(GError) fault = NULL;
  if (!cli_engine(cli, &fault)) {
    say_error(cli, _("mail and index"), fault);
    return true;
  }
  look_at_index(cli);
  look_at_plugins(cli);
  look_at_accounts(cli);
  return true;
}

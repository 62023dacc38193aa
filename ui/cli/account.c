#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/file.h"
#include "base/i18n.h"
#include "base/limits.h"
#include "base/text.h"
#include "ui/cli/cli.h"
#include "ui/cli/tty.h"
#include "ui/report.h"

static const char *
tls_word(enum conf_tls tls)
{
  return tls == CONF_TLS_IMPLICIT ? "implicit" : tls == CONF_TLS_STARTTLS ? "starttls" : "none";
}

static json_t *
server_json(const char *host, int port, enum conf_tls tls, const char *user)
{
  return json_pack("{s:o, s:i, s:s, s:o}", "server", cli_json_text(host), "port", port, "tls",
                   tls_word(tls), "user", cli_json_text(user));
}

static json_t *
conf_server_json(const struct conf_server *server)
{
  if (server != NULL && server->command != NULL)
    return json_pack("{s:o}", "command", cli_json_text(server->command));
  return server != NULL ? server_json(server->server, server->port, server->tls, server->user)
                        : json_null();
}

static const char *
smtp_word(const struct conf_server *smtp)
{
  return smtp == NULL ? "-" : smtp->command != NULL ? smtp->command : smtp->server;
}

static bool
list(struct cli *cli)
{
  json_t *array = json_array();
  for (guint i = 0; i < cli->conf->accounts->len; i++) {
    const struct conf_account *account = cli->conf->accounts->pdata[i];
    bool is_default = account == conf_account(cli->conf, NULL);
    if (cli->json) {
      json_array_append_new(array,
                            json_pack("{s:o, s:o, s:b, s:o, s:o}", "name",
                                      cli_json_text(account->name), "from",
                                      cli_json_text(account->from), "default", (int)is_default,
                                      "pop3", conf_server_json(account->pop3), "smtp",
                                      conf_server_json(account->smtp)));
      continue;
    }
    printf("%s\t%s\t%s\t%s\t%s\n", account->name, account->from != NULL ? account->from : "-",
           account->pop3 != NULL ? account->pop3->server : "-",
           smtp_word(account->smtp), is_default ? "default" : "-");
  }
  if (cli->json)
    cli_json(array);
  else
    json_decref(array);
  return true;
}

static bool
test_one(struct cli *cli, const char *name, GError **error)
{
  g_autoptr(event_t) event = cli_wait(cli, engine_account_test(cli->engine, name), error);
  if (event == NULL)
    return false;
  if (event->text != NULL && !cli->quiet)
    puts(event->text);
  return true;
}

static bool
test(struct cli *cli, const char *name, GError **error)
{
  if (!cli_engine(cli, error))
    return false;
  if (name != NULL)
    return test_one(cli, name, error);
  if (cli->conf->accounts->len == 0)
    return error_set(error, POSTINO_ERROR_CONFIG,
                     _("there is no account; 'postino account add ADDRESS' makes one"));
  for (guint i = 0; i < cli->conf->accounts->len; i++) {
    const struct conf_account *account = cli->conf->accounts->pdata[i];
    g_autoptr(GError) fault = NULL;
    if (!test_one(cli, account->name, &fault)) {
      int status = report_error(fault);
      cli->status = cli->status != 0 ? cli->status : status;
    }
  }
  return true;
}

static bool
forget(struct cli *cli, const char *name, GError **error)
{
  if (!cli_engine(cli, error))
    return false;
  g_autoptr(event_t) event = cli_wait(cli, engine_account_forget(cli->engine, name), error);
  if (event != NULL && !cli->quiet)
    printf(_("what the servers of %s proved is forgotten; the next login begins anew\n"), name);
  return event != NULL;
}

static void
print_server(const char *what, const struct engine_server *server)
{
  if (server->host == NULL)
    printf("%s\t-\n", what);
  else
    printf("%s\t%s\t%d\t%s\t%s\n", what, server->host, server->port, tls_word(server->tls),
           server->user);
}

static bool
discover(struct cli *cli, const char *address, GError **error)
{
  g_autoptr(engine_discovery_t) found = engine_discover(address, error);
  if (found == NULL)
    return false;
  if (cli->json) {
    json_t *array = json_array();
    json_array_append_new(
        array,
        json_pack("{s:o, s:o, s:o, s:o, s:o}", "provider", cli_json_text(found->provider),
                  "source", cli_json_text(found->source), "pop3",
                  found->pop3.host != NULL ? server_json(found->pop3.host, found->pop3.port,
                                                         found->pop3.tls, found->pop3.user)
                                           : json_null(),
                  "smtp",
                  found->smtp.host != NULL ? server_json(found->smtp.host, found->smtp.port,
                                                         found->smtp.tls, found->smtp.user)
                                           : json_null(),
                  "hint", cli_json_text(found->hint)));
    cli_json(array);
    return true;
  }
  printf("source\t%s (%s)\n", found->source, found->provider);
  print_server("pop3", &found->pop3);
  print_server("smtp", &found->smtp);
  if (found->hint != NULL)
    printf("hint\t%s\n", found->hint);
  return true;
}

/* The name of the new account: the domain's first label, made unique. */
static char *
account_name(const struct conf *conf, const char *address)
{
  const char *domain = strchr(address, '@');
  g_autofree char *label = g_strndup(domain + 1, strcspn(domain + 1, "."));
  for (int i = 1;; i++) {
    char *name = i == 1 ? g_strdup(label) : g_strdup_printf("%s-%d", label, i);
    if (conf->accounts->len == 0 || conf_account(conf, name) == NULL)
      return name;
    g_free(name);
  }
}

/* Appends the block to the rc file, which nobody else may read from then on. */
static bool
write_rc(const char *path, const char *block, GError **error)
{
  g_autoptr(GString) text = g_string_new(NULL);
  g_autoptr(GError) fault = NULL;
  g_autoptr(GBytes) before = file_read(path, LIMIT_RC, &fault);
  if (before == NULL && !error_is(fault, POSTINO_ERROR_NOTFOUND)) {
    g_propagate_error(error, g_steal_pointer(&fault));
    return false;
  }
  if (before != NULL)
    g_string_append_len(text, g_bytes_get_data(before, NULL), (gssize)g_bytes_get_size(before));
  if (text->len > 0)
    g_string_append(text, text->str[text->len - 1] == '\n' ? "\n" : "\n\n");
  g_string_append(text, block);
  g_autofree char *dir = g_path_get_dirname(path);
  if (!file_make_dirs(dir, error))
    return false;
  g_autoptr(GBytes) bytes = g_bytes_new(text->str, text->len);
  return file_replace(path, bytes, 0600, error);
}

static bool
add(struct cli *cli, const char *address, GError **error)
{
  g_autoptr(engine_discovery_t) found = engine_discover(address, error);
  if (found == NULL)
    return false;
  if (conf_account_of_address(cli->conf, address) != NULL)
    return error_set(error, POSTINO_ERROR_USAGE, _("%s is in the rc file already: %s"), address,
                     cli->conf->path);
  if (found->pop3.host == NULL && found->smtp.host == NULL)
    return error_set(error, POSTINO_ERROR_NOTFOUND,
                     _("no server is known for %s%s%s; write the account into the rc file "
                       "(postinorc(5) has an example)"),
                     address, found->hint != NULL ? ": " : "",
                     found->hint != NULL ? found->hint : "");
  if (text_ascii_equal(found->source, "guess")) {
    g_autofree char *guessed = engine_discovery_rc(found, address, "home");
    fputs(guessed, stdout);
    return error_set(error, POSTINO_ERROR_NOTFOUND,
                     _("no server is known for %s and nothing was written; the names above are "
                       "guessed: put them right with what your provider says, and into the rc file"),
                     address);
  }
  bool named;
  g_autofree char *path =
      cli->conf->path != NULL ? g_strdup(cli->conf->path) : conf_default_path(&named);
  g_autofree char *name = account_name(cli->conf, address);
  g_autofree char *block = engine_discovery_rc(found, address, name);
  if (!write_rc(path, block, error))
    return false;
  printf(_("account %s was written to %s (servers from: %s)\n"), name, path, found->source);
  if (found->hint != NULL)
    printf("%s\n", found->hint);
  printf(_("'postino account test %s' logs in to both servers; the password is asked for, or put "
           "password-command into the account\n"),
         name);
  return true;
}

bool
cli_account(struct cli *cli, int argc, char **argv, GError **error)
{
  gboolean offline = FALSE;
  const GOptionEntry entries[] = {
      {"offline", 0, 0, G_OPTION_ARG_NONE, &offline,
       N_("discover: ask nobody, look only into the built-in table"), NULL},
      {0}};
  if (!cli_options(cli, entries, &argc, &argv, error) || !cli_words(argc, argv, 1, 2, error))
    return false;
  const char *what = argv[1], *word = argc > 2 ? argv[2] : NULL;
  if (text_ascii_equal(what, "list") && word == NULL)
    return list(cli);
  if (text_ascii_equal(what, "test"))
    return test(cli, word, error);
  if (text_ascii_equal(what, "discover") && word != NULL)
    return discover(cli, word, error);
  if (text_ascii_equal(what, "forget") && word != NULL)
    return forget(cli, word, error);
  if (text_ascii_equal(what, "add") && word != NULL)
    return add(cli, word, error);
  return error_set(error, POSTINO_ERROR_USAGE,
                   _("account takes add ADDRESS, list, test [ACCOUNT], forget ACCOUNT or discover "
                     "ADDRESS"));
}

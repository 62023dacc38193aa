#include "conf/conf.h"

#include <string.h>

#include "base/error.h"
#include "base/i18n.h"
#include "base/paths.h"
#include "conf/parser.h"
#include "message/address.h"

/* ---- memory ---- */

struct conf_server *
server_new(bool pop3)
{
  struct conf_server *server = g_new0(struct conf_server, 1);
  server->timeout = 60;
  server->leave_on_server = -1;
  server->max_size = (guint64)50 << 20;
  return server;
}

void
server_free(struct conf_server *server)
{
  if (server == NULL)
    return;
  g_free(server->server);
  g_free(server->proxy);
  g_free(server->ca_file);
  g_free(server->pin);
  g_free(server->client_cert);
  g_free(server->client_key);
  g_free(server->user);
  secret_unref(server->password);
  g_free(server->password_command);
  g_free(server->command);
  g_free(server);
}

void
account_free(struct conf_account *account)
{
  g_free(account->name);
  g_free(account->from);
  g_strfreev(account->also);
  g_free(account->user);
  secret_unref(account->password);
  g_free(account->password_command);
  g_free(account->inbox);
  g_free(account->sent);
  g_free(account->drafts);
  g_free(account->trash);
  g_free(account->signature);
  server_free(account->pop3);
  server_free(account->smtp);
  g_free(account->crypto_plugin);
  g_free(account);
}

void
plugin_free(struct conf_plugin *plugin)
{
  g_free(plugin->name);
  g_free(plugin->command);
  g_strfreev(plugin->options);
  g_free(plugin);
}

void
folder_free(struct conf_folder *folder)
{
  g_free(folder->name);
  g_free(folder->match);
  g_free(folder);
}

void
rule_free(struct conf_rule *rule)
{
  g_free(rule->name);
  g_free(rule->match);
  g_free(rule->action);
  g_free(rule->filter);
  g_free(rule);
}

static void
fault_free(void *data)
{
  struct conf_fault *fault = data;
  g_free(fault->file);
  g_free(fault->text);
  g_free(fault);
}

struct conf *
conf_new_default(void)
{
  struct conf *conf = g_new0(struct conf, 1);
  conf->mail_dir = paths_expand("~/Mail");
  conf->keymap = g_strdup("default");
  conf->theme = g_strdup("default");
  conf->send_delay = 10;
  conf->fetch_every = 5;
  conf->accounts = g_ptr_array_new_with_free_func((GDestroyNotify)account_free);
  conf->plugins = g_ptr_array_new_with_free_func((GDestroyNotify)plugin_free);
  conf->folders = g_ptr_array_new_with_free_func((GDestroyNotify)folder_free);
  conf->rules = g_ptr_array_new_with_free_func((GDestroyNotify)rule_free);
  return conf;
}

void
conf_free(struct conf *conf)
{
  if (conf == NULL)
    return;
  g_free(conf->path);
  g_free(conf->mail_dir);
  g_free(conf->keymap);
  g_free(conf->theme);
  g_free(conf->editor);
  g_free(conf->on_new_mail);
  g_ptr_array_unref(conf->accounts);
  g_ptr_array_unref(conf->plugins);
  g_ptr_array_unref(conf->folders);
  g_ptr_array_unref(conf->rules);
  g_free(conf);
}

/* ---- where ---- */

char *
conf_default_path(bool *named_out)
{
  const char *named = g_getenv("POSTINORC");
  *named_out = named != NULL && *named != '\0';
  if (*named_out)
    return g_strdup(named);
  const char *xdg = g_getenv("XDG_CONFIG_HOME");
  g_autofree char *config = xdg != NULL && g_path_is_absolute(xdg) ? g_strdup(xdg)
                                                                   : paths_expand("~/.config");
  g_autofree char *path = g_build_filename(config, "postino", "postinorc", NULL);
  if (g_file_test(path, G_FILE_TEST_EXISTS))
    return g_steal_pointer(&path);
  return paths_expand("~/.postinorc");
}

/* ---- what the parts must be together ---- */

static bool
is_loopback_name(const char *host)
{
  return strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 ||
         strcmp(host, "[::1]") == 0 || g_str_has_prefix(host, "127.");
}

static int
usual_port(const struct conf_server *server, bool pop3)
{
  if (server->tls == CONF_TLS_IMPLICIT)
    return pop3 ? 995 : 465;
  return pop3 ? 110 : 587;
}

/* A login by certificate: the server knows from it who comes, unless the block names
 * somebody. */
static void
complete_identity(struct parser *parser, const struct conf_account *account,
                  struct conf_server *server, bool pop3)
{
  bool external = server->auth == CONF_AUTH_EXTERNAL;
  if (external && server->user == NULL)
    server->user = g_strdup("");
  if (server->client_cert != NULL && server->client_key == NULL)
    server->client_key = g_strdup(server->client_cert);
  if (server->client_cert == NULL && (external || server->client_key != NULL))
    parser_fault(parser, parser->conf->path, account->line,
                 _("account \"%s\", %s: %s needs client-cert = \"FILE\""), account->name,
                 pop3 ? "pop3" : "smtp", external ? "auth = external" : "client-key");
}

static void
check_command(struct parser *parser, const struct conf_account *account)
{
  const char *command = account->smtp != NULL ? account->smtp->command : NULL;
  g_autoptr(GError) why = NULL;
  g_auto(GStrv) argv = NULL;
  if (command != NULL && account->smtp->server != NULL)
    parser_fault(parser, parser->conf->path, account->line,
                 _("account \"%s\", smtp has both server and sendmail-command; remove one"),
                 account->name);
  if (command != NULL && !g_shell_parse_argv(command, NULL, &argv, &why))
    parser_fault(parser, parser->conf->path, account->line,
                 _("account \"%s\": sendmail-command cannot be read: %s"), account->name,
                 why->message);
}

/* What the server does not say itself it has from its account. */
static void
complete_server(struct parser *parser, const struct conf_account *account, const char *address,
                struct conf_server *server, bool pop3)
{
  if (server == NULL)
    return;
  if (server->port == 0)
    server->port = usual_port(server, pop3);
  complete_identity(parser, account, server, pop3);
  server->user_assumed = server->user == NULL && account->user == NULL;
  if (server->user == NULL)
    server->user = g_strdup(account->user != NULL ? account->user : address);
  if (server->password == NULL && server->password_command == NULL) {
    server->password = secret_ref(account->password);
    server->password_command = g_strdup(account->password_command);
  }
  server->user_assumed = server->user_assumed && server->password == NULL &&
                         server->password_command == NULL && !account->keyring;
  if (server->tls == CONF_TLS_NONE && !server->allow_cleartext && server->server != NULL &&
      !is_loopback_name(server->server))
    parser_fault(parser, parser->conf->path, account->line,
                 _("account \"%s\", %s: tls = none would send the password where everyone on the "
                   "way can read it; use implicit or starttls, or say allow-cleartext = yes"),
                 account->name, pop3 ? "pop3" : "smtp");
}

static void
complete_account(struct parser *parser, struct conf_account *account)
{
  const char *address = NULL;
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) from =
      account->from != NULL ? address_parse_typed(account->from, &error) : NULL;
  if (from != NULL && from->len == 1)
    address = ((struct address *)g_ptr_array_index(from, 0))->spec;
  else if (account->from != NULL)
    parser_fault(parser, parser->conf->path, account->line,
                 _("account \"%s\": from is not one address; write \"Name <name@domain>\""),
                 account->name);
  if (account->password != NULL && account->password_command != NULL)
    parser_fault(parser, parser->conf->path, account->line,
                 _("account \"%s\" has both password and password-command; remove one"),
                 account->name);
  complete_server(parser, account, address, account->pop3, true);
  complete_server(parser, account, address, account->smtp, false);
  check_command(parser, account);
}

static void
check_defaults(struct parser *parser)
{
  const struct conf_account *first = NULL;
  for (guint i = 0; i < parser->conf->accounts->len; i++) {
    const struct conf_account *account = g_ptr_array_index(parser->conf->accounts, i);
    if (!account->is_default)
      continue;
    if (first != NULL)
      parser_fault(parser, parser->conf->path, account->line,
                   _("accounts \"%s\" and \"%s\" both say default = yes; let one of them"),
                   first->name, account->name);
    else
      first = account;
  }
}

/* A keymap with a slash is a file, else the name of a bundled one. */
static void
complete_keymap(struct conf *conf)
{
  if (strchr(conf->keymap, '/') == NULL)
    return;
  char *path = paths_expand(conf->keymap);
  g_free(conf->keymap);
  conf->keymap = path;
}

static int
by_place(gconstpointer a, gconstpointer b)
{
  const struct conf_fault *x = *(struct conf_fault *const *)a;
  const struct conf_fault *y = *(struct conf_fault *const *)b;
  int files = strcmp(x->file, y->file);
  return files != 0 ? files : x->line - y->line;
}

static void
tell_faults(const GPtrArray *faults, GError **error)
{
  const struct conf_fault *first = g_ptr_array_index(faults, 0);
  if (faults->len == 1)
    error_set(error, POSTINO_ERROR_CONFIG, "%s:%d: %s", first->file, first->line, first->text);
  else
    error_set(error, POSTINO_ERROR_CONFIG,
              _("%s:%d: %s (and %u more; `postino check` names them all)"), first->file,
              first->line, first->text, faults->len - 1);
}

struct conf *
conf_load(const char *path, GPtrArray **faults_out, GError **error)
{
  g_autoptr(conf_t) conf = conf_new_default();
  g_autoptr(GPtrArray) faults = g_ptr_array_new_with_free_func(fault_free);
  g_autoptr(GPtrArray) open_files = g_ptr_array_new();
  g_autoptr(GHashTable) titles = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  struct parser parser = {
      .conf = conf, .faults = faults, .open_files = open_files, .titles = titles};
  conf->path = g_canonicalize_filename(path, NULL);
  if (!parser_read(&parser, conf->path, error))
    return NULL;
  for (guint i = 0; i < conf->accounts->len; i++)
    complete_account(&parser, g_ptr_array_index(conf->accounts, i));
  check_defaults(&parser);
  complete_keymap(conf);
  g_ptr_array_sort(faults, by_place);
  if (faults->len > 0)
    tell_faults(faults, error);
  bool good = faults->len == 0;
  if (faults_out != NULL)
    *faults_out = g_steal_pointer(&faults);
  return good ? g_steal_pointer(&conf) : NULL;
}

/* ---- looking up ---- */

struct conf_account *
conf_account(const struct conf *conf, const char *name)
{
  for (guint i = 0; i < conf->accounts->len; i++) {
    struct conf_account *account = g_ptr_array_index(conf->accounts, i);
    if (name != NULL ? strcmp(account->name, name) == 0 : account->is_default)
      return account;
  }
  return name == NULL && conf->accounts->len > 0 ? g_ptr_array_index(conf->accounts, 0) : NULL;
}

static bool
is_address_of(const char *written, const char *address)
{
  g_autoptr(GPtrArray) list = address_parse_typed(written, NULL);
  for (guint i = 0; list != NULL && i < list->len; i++)
    if (address_same(((struct address *)g_ptr_array_index(list, i))->spec, address))
      return true;
  return false;
}

struct conf_account *
conf_account_of_address(const struct conf *conf, const char *address)
{
  for (guint i = 0; i < conf->accounts->len; i++) {
    struct conf_account *account = g_ptr_array_index(conf->accounts, i);
    if (account->from != NULL && is_address_of(account->from, address))
      return account;
    for (char **also = account->also; *also != NULL; also++)
      if (is_address_of(*also, address))
        return account;
  }
  return NULL;
}

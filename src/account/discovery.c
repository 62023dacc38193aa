#include <string.h>

#include "account/account.h"
#include "base/error.h"
#include "base/i18n.h"
#include "base/sanitize.h"
#include "message/address.h"

/* providers.tsv, a line a string; made at build time. */
static const char *const providers[] = {
#include "src/account/providers.inc"
    NULL,
};

enum { DOMAINS, NAME, POP3, SMTP, HINT, COLUMNS };

static void
server_free(struct found_server *server)
{
  if (server == NULL)
    return;
  g_free(server->host);
  g_free(server->user);
  g_free(server);
}

void
discovery_free(struct discovery *discovery)
{
  if (discovery == NULL)
    return;
  g_free(discovery->provider);
  g_free(discovery->source);
  server_free(discovery->pop3);
  server_free(discovery->smtp);
  g_free(discovery->hint);
  g_free(discovery);
}

/* ---- the table ---- */

static bool
names_domain(const char *domains, const char *domain)
{
  g_auto(GStrv) list = g_strsplit(domains, ",", -1);
  for (char **one = list; *one != NULL; one++)
    if (g_ascii_strcasecmp(*one, domain) == 0)
      return true;
  return false;
}

static char **
find_provider(const char *domain)
{
  for (const char *const *line = providers; *line != NULL; line++) {
    g_auto(GStrv) fields = g_strsplit(*line, "\t", COLUMNS);
    if (**line != '#' && g_strv_length(fields) == COLUMNS && names_domain(fields[DOMAINS], domain))
      return g_steal_pointer(&fields);
  }
  return NULL;
}

static enum conf_tls
tls_of(const char *word)
{
  return strcmp(word, "implicit") == 0   ? CONF_TLS_IMPLICIT
         : strcmp(word, "starttls") == 0 ? CONF_TLS_STARTTLS
                                         : CONF_TLS_NONE;
}

/* "@" is the whole address, "local" what stands before it. */
static char *
user_of(const char *form, const char *address, const char *domain)
{
  g_autofree char *local = g_strndup(address, (gsize)(strlen(address) - strlen(domain) - 1));
  if (strcmp(form, "local") == 0)
    return g_steal_pointer(&local);
  if (g_str_has_prefix(form, "local."))
    return g_strconcat(local, ".", domain, NULL);
  return g_strdup(address);
}

static struct found_server *
server_of(const char *field, const char *address, const char *domain)
{
  g_auto(GStrv) parts = g_strsplit(field, ":", 4);
  if (g_strv_length(parts) != 4)
    return NULL;
  struct found_server *server = g_new0(struct found_server, 1);
  g_auto(GStrv) around = g_strsplit(parts[0], "*", 2);
  server->host = around[1] != NULL ? g_strconcat(around[0], domain, around[1], NULL)
                                   : g_strdup(parts[0]);
  server->port = (int)g_ascii_strtoll(parts[1], NULL, 10);
  server->tls = tls_of(parts[2]);
  server->user = user_of(parts[3], address, domain);
  return server;
}

/* ---- the guess ---- */

static struct found_server *
guess(const char *prefix, int port, const char *address, const char *domain)
{
  struct found_server *server = g_new0(struct found_server, 1);
  server->host = g_strconcat(prefix, ".", domain, NULL);
  server->port = port;
  server->tls = CONF_TLS_IMPLICIT;
  server->user = g_strdup(address);
  return server;
}

struct discovery *
discovery_offline(const char *address, GError **error)
{
  const char *at = strrchr(address, '@');
  if (!address_is_valid_spec(address) || at == NULL) {
    g_autofree char *clean = sanitize_line(address, -1);
    error_set(error, POSTINO_ERROR_INVALID, _("\"%s\" is no e-mail address; write name@domain"),
              clean);
    return NULL;
  }
  const char *domain = at + 1;
  struct discovery *found = g_new0(struct discovery, 1);
  g_auto(GStrv) fields = find_provider(domain);
  if (fields != NULL) {
    found->provider = g_strdup(fields[NAME]);
    found->source = g_strdup(_("built-in table"));
    found->pop3 = server_of(fields[POP3], address, domain);
    found->smtp = server_of(fields[SMTP], address, domain);
    found->hint = *fields[HINT] != '\0' ? g_strdup(fields[HINT]) : NULL;
  } else {
    found->provider = g_strdup(domain);
    found->source = g_strdup(_("guess"));
    found->pop3 = guess("pop3", 995, address, domain);
    found->smtp = guess("smtp", 465, address, domain);
    found->hint = g_strdup(_("the names of the servers are guessed; put those that your provider "
                             "gave you into the rc file"));
  }
  return found;
}

/* ---- for the rc file ---- */

/* A string of the rc file: only \" and \\ are escapes. */
static void
append_string(GString *text, const char *value)
{
  g_string_append_c(text, '"');
  for (; *value != '\0'; value++) {
    if (*value == '"' || *value == '\\')
      g_string_append_c(text, '\\');
    g_string_append_c(text, *value);
  }
  g_string_append_c(text, '"');
}

static void
append_option(GString *text, const char *indent, const char *name, const char *value)
{
  g_string_append_printf(text, "%s%s = ", indent, name);
  append_string(text, value);
  g_string_append_c(text, '\n');
}

static void
append_server(GString *text, const char *block, const struct found_server *server,
              const char *account_user)
{
  static const char *const tls[] = {"implicit", "starttls", "none"};
  if (server == NULL)
    return;
  g_string_append_printf(text, "  %s {\n", block);
  append_option(text, "    ", "server", server->host);
  append_option(text, "    ", "tls", tls[server->tls]);
  g_string_append_printf(text, "    port = %d\n", server->port);
  if (strcmp(server->user, account_user) != 0)
    append_option(text, "    ", "user", server->user);
  if (server->tls == CONF_TLS_NONE)
    g_string_append(text, "    # this provider offers no TLS: only you can allow that\n"
                          "    # allow-cleartext = yes\n");
  g_string_append(text, "  }\n");
}

char *
discovery_rc(const struct discovery *discovery, const char *address, const char *name)
{
  GString *text = g_string_new("account ");
  const struct found_server *first =
      discovery->pop3 != NULL ? discovery->pop3 : discovery->smtp;
  const char *user = first != NULL ? first->user : address;
  append_string(text, name);
  g_string_append(text, " {\n");
  append_option(text, "  ", "from", address);
  append_option(text, "  ", "user", user);
  g_string_append(text, "  # password-command = \"pass show mail\"    without one, postino asks\n");
  append_server(text, "pop3", discovery->pop3, user);
  append_server(text, "smtp", discovery->smtp, user);
  g_string_append(text, "}\n");
  return g_string_free(text, FALSE);
}

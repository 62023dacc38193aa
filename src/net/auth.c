#include "net/auth.h"

#include <string.h>

bool
auth_is_confidential(const struct connection *connection, const struct conf_server *server)
{
  return connection_is_tls(connection) || connection_is_loopback(connection) ||
         server->allow_cleartext;
}

struct sasl *
auth_choose(const struct connection *connection, const char *service,
            const struct conf_server *server, const secret_t *password, char **offered,
            GError **error)
{
  struct sasl_options options = {
      .service = service,
      .host = server->server,
      .port = server->port,
      .user = server->user,
      .password = password,
      .auth = server->auth,
      .offered = (const char *const *)offered,
      .confidential = auth_is_confidential(connection, server),
  };
  return sasl_new(&options, error);
}

bool
auth_write(struct connection *connection, const char *prefix, const char *secret,
           const char *log, GError **error)
{
  return connection_write(connection, prefix, strlen(prefix), log, error) &&
         connection_write(connection, secret, strlen(secret), "", error) &&
         connection_write(connection, "\r\n", 2, "", error);
}

bool
auth_command(struct connection *connection, struct sasl *sasl, size_t most, GError **error)
{
  const char *name = sasl_mechanism(sasl);
  g_autofree char *prefix = g_strdup_printf("AUTH %s ", name);
  size_t around = strlen(prefix) + strlen("\r\n");
  g_autoptr(secret_t) initial = sasl_initial(sasl, most > around ? most - around : 0);
  if (initial == NULL)
    return connection_printf(connection, error, "AUTH %s\r\n", name);
  g_autofree char *log = g_strconcat(prefix, "********", NULL);
  return auth_write(connection, prefix, secret_text(initial), log, error);
}

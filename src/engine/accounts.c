/* What is found for a new account, in the words of engine.h. */
#include "base/error.h"
#include "engine/engine-private.h"

static void
take_server(struct engine_server *to, const struct found_server *from)
{
  if (from == NULL)
    return;
  to->host = g_strdup(from->host);
  to->port = from->port;
  to->tls = from->tls;
  to->user = g_strdup(from->user);
}

static void
server_clear(struct engine_server *server)
{
  g_free(server->host);
  g_free(server->user);
}

struct engine_discovery *
engine_discover(const char *address, GError **error)
{
  g_autoptr(discovery_t) from = discovery_offline(address, error);
  if (from == NULL)
    return NULL;
  struct engine_discovery *found = g_new0(struct engine_discovery, 1);
  found->provider = g_strdup(from->provider);
  found->source = g_strdup(from->source);
  found->hint = g_strdup(from->hint);
  take_server(&found->pop3, from->pop3);
  take_server(&found->smtp, from->smtp);
  return found;
}

void
engine_discovery_free(struct engine_discovery *found)
{
  if (found == NULL)
    return;
  g_free(found->provider);
  g_free(found->source);
  g_free(found->hint);
  server_clear(&found->pop3);
  server_clear(&found->smtp);
  g_free(found);
}

char *
engine_discovery_rc(const struct engine_discovery *found, const char *address, const char *name)
{
  const struct engine_server *from[] = {&found->pop3, &found->smtp};
  struct found_server servers[G_N_ELEMENTS(from)];
  for (size_t i = 0; i < G_N_ELEMENTS(from); i++)
    servers[i] = (struct found_server){.host = from[i]->host, .port = from[i]->port,
                                       .tls = from[i]->tls, .user = from[i]->user};
  struct discovery discovery = {.provider = found->provider, .source = found->source,
                                .hint = found->hint,
                                .pop3 = found->pop3.host != NULL ? &servers[0] : NULL,
                                .smtp = found->smtp.host != NULL ? &servers[1] : NULL};
  return discovery_rc(&discovery, address, name);
}

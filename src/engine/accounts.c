/* Accounts: what is found for a new one, whether one works, and whom it trusts. */
#include "base/error.h"
#include "base/i18n.h"
#include "engine/engine-private.h"
#include "engine/out.h"
#include "store/trust.h"

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

/* ---- does an account work? ---- */

static void
add_finding(GString *text, const char *protocol, const char *found)
{
  if (text->len > 0)
    g_string_append(text, "; ");
  g_string_append_printf(text, "%s: %s", protocol, found);
}

/* Both servers are tried, also when the first one fails. */
static bool
run_test(struct work *work, GError **error)
{
  const struct conf_account *account = work->args;
  struct engine *engine = work->engine;
  g_autoptr(GString) text = g_string_new(NULL);
  g_autofree char *pop3 = NULL, *smtp = NULL;
  g_autoptr(GError) first = NULL, second = NULL;
  if (account->pop3 != NULL && retrieve_test(account, engine->keyring, engine->store, &pop3, work->cancel, &first))
    add_finding(text, "POP3", pop3);
  if (account->smtp != NULL && submit_test(account, engine->keyring, engine->store, &smtp, work->cancel, &second))
    add_finding(text, "SMTP", smtp);
  work->done->text = g_strdup(text->str);
  if (account->pop3 == NULL && account->smtp == NULL)
    return error_set(error, POSTINO_ERROR_CONFIG, _("account \"%s\" has neither pop3 nor smtp"),
                     account->name);
  if (first == NULL && second == NULL)
    return true;
  g_propagate_error(error, first != NULL ? g_steal_pointer(&first) : g_steal_pointer(&second));
  return false;
}

static bool
run_forget(struct work *work, GError **error)
{
  const struct conf_account *account = work->args;
  return trust_forget(work->engine->store, account->name, error);
}

/* "PROTOCOL TAB HOST TAB HOW TAB KEY", "-" for what is not known. */
static char *
trust_line(struct store *store, const struct conf_account *account,
           const struct conf_server *server, const char *protocol)
{
  g_auto(trust_memory_t) memory = {0};
  if (server == NULL || server->server == NULL)
    return NULL;
  if (!trust_recall(store, account->name, protocol, &memory))
    return g_strdup_printf("%s\t%s\t-\t-", protocol, server->server);
  return g_strdup_printf("%s\t%s\t%s\t%s", protocol, memory.host,
                         memory.checked && memory.pinned ? "checked, pinned"
                         : memory.checked                ? "checked"
                                                         : "pinned",
                         memory.key);
}

static bool
run_trust(struct work *work, GError **error)
{
  const struct conf_account *account = work->args;
  struct store *store = work->engine->store;
  char *lines[] = {trust_line(store, account, account->pop3, "pop3"),
                   trust_line(store, account, account->smtp, "smtp")};
  work->done->strings = g_new0(char *, G_N_ELEMENTS(lines) + 1);
  for (size_t i = 0, at = 0; i < G_N_ELEMENTS(lines); i++)
    if (lines[i] != NULL)
      work->done->strings[at++] = lines[i];
  return true;
}

static request_id
request_for(struct engine *engine, const char *name, work_run run)
{
  g_autoptr(GError) error = NULL;
  const struct conf_account *account = engine_account(engine, name, &error);
  if (account == NULL)
    return engine_refuse(engine, g_steal_pointer(&error));
  return engine_request(engine, NULL, run, (void *)account, NULL);
}

request_id
engine_account_trust(struct engine *engine, const char *name)
{
  return request_for(engine, name, run_trust);
}

request_id
engine_account_forget(struct engine *engine, const char *name)
{
  return request_for(engine, name, run_forget);
}

request_id
engine_account_test(struct engine *engine, const char *name)
{
  return request_for(engine, name, run_test);
}

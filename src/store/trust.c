#include "store/trust.h"

#include <string.h>

#include "base/error.h"
#include "base/i18n.h"
#include "store/drops.h"

/* As it is kept: "tls checked|pinned KEY HOST"; nothing is kept of clear text. */
struct memory {
  char **words;             /* NULL: nothing is known */
  bool checked;             /* by an authority and the host's name */
  const char *key, *host;
};

static char *
memory_name(const char *protocol)
{
  return g_strconcat("trust-", protocol, NULL);
}

static struct memory
recall(struct store *store, const struct conf_account *account, const char *protocol)
{
  struct memory memory = {0};
  g_autofree char *name = memory_name(protocol);
  g_autofree char *text = store_memory_get(store, account->name, name);
  g_auto(GStrv) words = g_strsplit(text != NULL ? text : "", " ", 4);
  if (g_strv_length(words) != 4 || strcmp(words[0], "tls") != 0)
    return memory;
  memory.checked = strcmp(words[1], "checked") == 0;
  memory.key = words[2];
  memory.host = words[3];
  memory.words = g_steal_pointer(&words);
  return memory;
}

/* A pin without a ca-file decides alone. */
static bool
checks_certificate(const struct conf_server *server)
{
  return server->tls != CONF_TLS_NONE && (server->pin == NULL || server->ca_file != NULL);
}

static bool
is_same_host(const struct memory *memory, const struct conf_server *server)
{
  return g_ascii_strcasecmp(memory->host, server->server) == 0;
}

static bool
judge(const struct memory *memory, const struct conf_account *account,
      const struct conf_server *server, const char *protocol, GError **error)
{
  if (memory->words == NULL)
    return true;
  if (server->tls == CONF_TLS_NONE)
    return error_set(error, POSTINO_ERROR_TRUST,
                     _("%s %s: this account used TLS until now, and tls = \"none\" would end that; "
                       "set tls = \"implicit\" or \"starttls\", or, if it is to be so, run "
                       "'postino account forget %s' first"),
                     account->name, protocol, account->name);
  if (memory->checked && !checks_certificate(server) && is_same_host(memory, server) &&
      g_ascii_strcasecmp(memory->key, server->pin) != 0)
    return error_set(error, POSTINO_ERROR_TRUST,
                     _("%s %s: the certificate of %s was checked until now (its key is %s), and "
                       "the pin would accept another key, %s, unchecked; remove pin, or, if your "
                       "provider publishes this key, run 'postino account forget %s' first"),
                     account->name, protocol, server->server, memory->key, server->pin,
                     account->name);
  return true;
}

bool
trust_check(struct store *store, const struct conf_account *account,
            const struct conf_server *server, const char *protocol, GError **error)
{
  struct memory memory = recall(store, account, protocol);
  bool enough = judge(&memory, account, server, protocol, error);
  g_strfreev(memory.words);
  return enough;
}

bool
trust_keep(struct store *store, const struct conf_account *account,
           const struct conf_server *server, const char *protocol, const struct trust *trust,
           GError **error)
{
  if (!trust->tls || trust->key == NULL)
    return true;
  struct memory memory = recall(store, account, protocol);
  bool checked = checks_certificate(server) ||
                 (memory.words != NULL && memory.checked && is_same_host(&memory, server));
  bool same = memory.words != NULL && memory.checked == checked && is_same_host(&memory, server) &&
              strcmp(memory.key, trust->key) == 0;
  g_strfreev(memory.words);
  if (same)
    return true;
  g_autofree char *name = memory_name(protocol);
  g_autofree char *text = g_strdup_printf("tls %s %s %s", checked ? "checked" : "pinned",
                                          trust->key, server->server);
  return store_memory_set(store, account->name, name, text, error);
}

bool
trust_forget(struct store *store, const char *account, GError **error)
{
  return store_memory_set(store, account, "trust-pop3", NULL, error) &&
         store_memory_set(store, account, "trust-smtp", NULL, error);
}

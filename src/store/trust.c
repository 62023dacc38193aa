#include "store/trust.h"

#include <string.h>

#include "base/error.h"
#include "base/i18n.h"
#include "store/drops.h"

/* It is kept as "tls checked|pinned|both KEY HOST"; nothing is kept of clear text. */
static char *
memory_name(const char *protocol)
{
  return g_strconcat("trust-", protocol, NULL);
}

bool
trust_recall(struct store *store, const char *account, const char *protocol,
             struct trust_memory *memory_out)
{
  g_autofree char *name = memory_name(protocol);
  g_autofree char *text = store_memory_get(store, account, name);
  g_auto(GStrv) words = g_strsplit(text != NULL ? text : "", " ", 4);
  if (g_strv_length(words) != 4 || strcmp(words[0], "tls") != 0)
    return false;
  memory_out->checked = strcmp(words[1], "pinned") != 0;
  memory_out->pinned = strcmp(words[1], "checked") != 0;
  memory_out->key = g_strdup(words[2]);
  memory_out->host = g_strdup(words[3]);
  return true;
}

void
trust_memory_clear(struct trust_memory *memory)
{
  g_clear_pointer(&memory->key, g_free);
  g_clear_pointer(&memory->host, g_free);
}

/* A pin without a ca-file decides alone. */
static bool
checks_certificate(const struct conf_server *server)
{
  return server->tls != CONF_TLS_NONE && (server->pin == NULL || server->ca_file != NULL);
}

static bool
is_same_host(const struct trust_memory *memory, const struct conf_server *server)
{
  return g_ascii_strcasecmp(memory->host, server->server) == 0;
}

static bool
judge(const struct trust_memory *memory, const struct conf_account *account,
      const struct conf_server *server, const char *protocol, GError **error)
{
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
  g_auto(trust_memory_t) memory = {0};
  return !trust_recall(store, account->name, protocol, &memory) ||
         judge(&memory, account, server, protocol, error);
}

char *
trust_known_key(struct store *store, const struct conf_account *account,
                const struct conf_server *server, const char *protocol)
{
  g_auto(trust_memory_t) memory = {0};
  bool dropped = server->pin == NULL && trust_recall(store, account->name, protocol, &memory) &&
                 memory.pinned && is_same_host(&memory, server);
  return dropped ? g_steal_pointer(&memory.key) : NULL;
}

bool
trust_keep(struct store *store, const struct conf_account *account,
           const struct conf_server *server, const char *protocol, const struct trust *trust,
           GError **error)
{
  if (!trust->tls || trust->key == NULL)
    return true;
  g_auto(trust_memory_t) memory = {0};
  bool known = trust_recall(store, account->name, protocol, &memory);
  bool here = known && is_same_host(&memory, server);
  bool checked = checks_certificate(server) || (here && memory.checked);
  bool pinned = server->pin != NULL || (here && memory.pinned);
  if (here && memory.checked == checked && memory.pinned == pinned &&
      strcmp(memory.key, trust->key) == 0)
    return true;
  g_autofree char *name = memory_name(protocol);
  g_autofree char *text = g_strdup_printf("tls %s %s %s",
                                          checked && pinned ? "both" : checked ? "checked" : "pinned",
                                          trust->key, server->server);
  return store_memory_set(store, account->name, name, text, error);
}

char *
trust_words(struct store *store, const struct conf_account *account,
            const struct conf_server *server, const char *protocol, const char *key)
{
  g_auto(trust_memory_t) memory = {0};
  if (key == NULL)
    return g_strdup("");
  if (!trust_recall(store, account->name, protocol, &memory) || !is_same_host(&memory, server))
    return g_strdup_printf(_(", key %s, not seen before"), key);
  if (strcmp(memory.key, key) == 0)
    return g_strdup_printf(_(", key %s, as before"), key);
  return g_strdup_printf(_(", key %s, which was %s before"), key, memory.key);
}

bool
trust_forget(struct store *store, const char *account, GError **error)
{
  return store_memory_set(store, account, "trust-pop3", NULL, error) &&
         store_memory_set(store, account, "trust-smtp", NULL, error);
}

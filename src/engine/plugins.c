#include "base/error.h"
#include "base/i18n.h"
#include "engine/engine-private.h"
#include "store/drops.h"

/* ---- rights ---- */

/* Where it is remembered; no account is called so. */
#define GRANTS "\tgrants"

bool
plugin_may(const char *plugin, const char *words, const char *digest, bool ask, void *data)
{
  struct engine *engine = data;
  g_autofree char *granted = store_memory_get(engine->store, GRANTS, plugin);
  if (g_strcmp0(granted, digest) == 0)
    return true;
  if (!ask)
    return false;
  g_mutex_lock(&engine->lock);
  bool asked = !g_hash_table_add(engine->asked_rights, g_strdup(digest));
  g_mutex_unlock(&engine->lock);
  if (asked)
    return false;
  g_autofree char *question = g_strdup_printf(
      _("Plugin %s asks for the rights \"%s\". May it have them?"), plugin, words);
  g_autoptr(secret_t) answer = ask_plugin(question, false, engine);
  return answer != NULL && secret_length(answer) > 0 && plugin_grant(plugin, digest, engine, NULL);
}

bool
plugin_grant(const char *plugin, const char *digest, void *data, GError **error)
{
  struct engine *engine = data;
  return store_memory_set(engine->store, GRANTS, plugin, digest, error);
}

static bool
run_grant(struct work *work, GError **error)
{
  work->done->text = crypto_grant(work->engine->crypto, work->args, error);
  return work->done->text != NULL;
}

request_id
engine_plugin_grant(struct engine *engine, const char *name)
{
  return engine_request(engine, NULL, run_grant, g_strdup(name), g_free);
}

/* ---- all of them ---- */

static bool
run_plugins(struct work *work, GError **error)
{
  (void)error;
  work->done->plugins = crypto_plugins(work->engine->crypto, work->cancel);
  return true;
}

request_id
engine_plugins(struct engine *engine)
{
  return engine_request(engine, NULL, run_plugins, NULL, NULL);
}

static void
on_check(bool passed, const char *line, void *data)
{
  work_notice(data, !passed, line);
}

static bool
run_check(struct work *work, GError **error)
{
  const char *name = work->args;
  g_autoptr(GError) why = NULL;
  if (crypto_check_plugin(work->engine->crypto, name, on_check, work, work->cancel, &why))
    return true;
  if (why == NULL)
    return error_set(error, POSTINO_ERROR_REFUSED,
                     _("plugin %s does not conform: the failed checks say what to mend"), name);
  g_propagate_error(error, g_steal_pointer(&why));
  return false;
}

request_id
engine_plugin_check(struct engine *engine, const char *name_or_path)
{
  return engine_request(engine, NULL, run_check, g_strdup(name_or_path), g_free);
}

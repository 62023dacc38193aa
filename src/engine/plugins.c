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

/* ---- what they say of their work ---- */

/* "sealing (card: touch it) 45 %" */
void
plugin_progress(const char *plugin, const char *what, uint64_t done, uint64_t total, void *data)
{
  struct work *work = work_current();
  if (work == NULL)
    return;
  GString *text = g_string_new(work->doing != NULL ? work->doing : _("working"));
  g_string_append_printf(text, " (%s%s%s)", plugin, *what != '\0' ? ": " : "", what);
  if (total > 0)
    g_string_append_printf(text, _(" %d %%"), (int)((double)done / (double)total * 100));
  work_progress(work, text->str, 0, 0);
  g_string_free(text, TRUE);
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

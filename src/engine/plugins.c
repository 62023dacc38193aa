#include "base/error.h"
#include "base/i18n.h"
#include "engine/engine-private.h"

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

/* Letters that come from other programs, and go to them. */
#include <inttypes.h>

#include "base/error.h"
#include "base/i18n.h"
#include "engine/engine-private.h"

struct carry { char *path, *folder; };

static void
carry_free(void *data)
{
  struct carry *carry = data;
  g_free(carry->path);
  g_free(carry->folder);
  g_free(carry);
}

static struct carry *
carry_new(const char *path, const char *folder)
{
  struct carry *carry = g_new0(struct carry, 1);
  carry->path = g_strdup(path);
  carry->folder = g_strdup(folder);
  return carry;
}

static void
on_import(const struct store_progress *progress, void *data)
{
  /* An mbox is measured by its bytes. */
  g_autofree char *text = g_strdup_printf(_("letters imported: %" PRIu64 ", percent:"),
                                          progress->rows);
  guint64 part = progress->total > 0 ? progress->done * 100 / progress->total : 0;
  work_progress(data, text, part, 100);
}

static bool
run_import(struct work *work, GError **error)
{
  const struct carry *carry = work->args;
  struct event *done = work->done;
  if (!is_place(work->engine, carry->folder, error))
    return false;
  bool imported = store_import(work->engine->store, carry->path, carry->folder, &done->done,
                               &done->total, on_import, work, work->cancel, error);
  engine_changed(work->engine);
  if (!imported)
    return false;
  done->text = g_strdup_printf(_("%" PRIu64 " letters imported, %" PRIu64
                                 " were here already"),
                               done->done, done->total);
  GError *why = NULL;
  if (refresh_now(work, &why))
    return true;
  g_propagate_prefixed_error(error, why, _("%s; to be listed, they wait for the next look at the mail: "),
                             done->text);
  return false;
}

GPtrArray *
engine_import_sources(struct engine *engine, const char *path, const char *to, GError **error)
{
  return store_import_sources(path, to, engine_inbox(engine), error);
}

request_id
engine_import(struct engine *engine, const char *path, const char *folder)
{
  return engine_request(engine, GROUP_CHANGE, run_import,
                        carry_new(path, folder != NULL ? folder : engine_inbox(engine)),
                        carry_free);
}

static void
on_export(const struct store_progress *progress, void *data)
{
  work_progress_of_many(data, _("writing letters"), progress);
}

static bool
run_export(struct work *work, GError **error)
{
  const struct carry *carry = work->args;
  struct event *done = work->done;
  struct store_bulk bulk = {.progress = on_export, .data = work, .cancel = work->cancel};
  if (!store_export(work->engine->store, carry->folder, carry->path, &done->total, &bulk, error))
    return false;
  done->done = done->total;
  done->text = g_strdup_printf(_("%" PRIu64 " letters written to %s"), done->total,
                               carry->path);
  return true;
}

request_id
engine_export(struct engine *engine, const char *folder, const char *path)
{
  return engine_request(engine, NULL, run_export, carry_new(path, folder), carry_free);
}

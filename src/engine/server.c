/* What lies on the servers, and is known of it. */
#include "base/error.h"
#include "base/i18n.h"
#include "engine/engine-private.h"
#include "store/waiting.h"

struct errand_to_server {
  const struct conf_account *account;
  GPtrArray *picks;         /* struct server_pick, with a uid of its own */
  bool keep;
};

static void
pick_free(void *data)
{
  struct server_pick *pick = data;
  g_free((char *)(uintptr_t)pick->uid);
  g_free(pick);
}

static void
to_server_free(void *data)
{
  struct errand_to_server *to = data;
  g_ptr_array_unref(to->picks);
  g_free(to);
}

/* As retrieve/ takes them. */
static struct server_pick *
picks_of(const struct errand_to_server *to)
{
  struct server_pick *picks = g_new0(struct server_pick, to->picks->len + 1);
  for (guint i = 0; i < to->picks->len; i++)
    picks[i] = *(const struct server_pick *)to->picks->pdata[i];
  return picks;
}

static struct errand_to_server *
to_server_new(const struct conf_account *account, const struct server_pick *picks, guint n)
{
  struct errand_to_server *to = g_new0(struct errand_to_server, 1);
  to->account = account;
  to->picks = g_ptr_array_new_with_free_func(pick_free);
  for (guint i = 0; i < n; i++) {
    struct server_pick *pick = g_memdup2(&picks[i], sizeof picks[i]);
    pick->uid = g_strdup(picks[i].uid);
    g_ptr_array_add(to->picks, pick);
  }
  return to;
}

static request_id
to_server(struct engine *engine, work_run run, const char *name, const struct server_pick *picks,
          guint n, bool keep)
{
  g_autoptr(GError) error = NULL;
  const struct conf_account *account = pop3_account(engine, name, &error);
  if (account == NULL)
    return engine_refuse(engine, g_steal_pointer(&error));
  struct errand_to_server *to = to_server_new(account, picks, n);
  to->keep = keep;
  g_autofree char *group = group_of("fetch", account);
  return engine_request(engine, group, run, to, to_server_free);
}

static void
on_server_progress(const struct retrieve_progress *progress, void *data)
{
  struct work *work = data;
  const struct errand_to_server *to = work->args;
  tell_progress(work, to->account->name, progress);
}

static bool
run_server_list(struct work *work, GError **error)
{
  const struct errand_to_server *to = work->args;
  struct engine *engine = work->engine;
  struct retrieve_options options = {.progress = on_server_progress, .data = work};
  work_progress(work, _("asking the server"), 0, 0);
  work->done->server = retrieve_list(to->account, engine->keyring, engine->store, &options,
                                     work->cancel, error);
  return work->done->server != NULL;
}

request_id
engine_server_list(struct engine *engine, const char *account)
{
  return to_server(engine, run_server_list, account, NULL, 0, false);
}

/* What a fetch of the user's choice brought, for DONE. */
static void
tell_picked(struct work *work, const char *account, struct retrieve_result *result)
{
  struct fetched *fetched = g_new0(struct fetched, 1);
  fetched->account = g_strdup(account);
  take_result(fetched, result);
  work->done->fetched = g_ptr_array_new_with_free_func(fetched_free);
  g_ptr_array_add(work->done->fetched, fetched);
  work->done->text = g_strdup_printf(
      ngettext("%s: %u letter fetched", "%s: %u letters fetched", fetched->fetched), account,
      fetched->fetched);
  take_fetched(work, result);
}

static bool
run_server_fetch(struct work *work, GError **error)
{
  const struct errand_to_server *to = work->args;
  struct engine *engine = work->engine;
  struct retrieve_options options = {.progress = on_server_progress, .data = work};
  struct retrieve_result result = {0};
  g_autofree struct server_pick *picks = picks_of(to);
  work_progress(work, _("fetching"), 0, to->picks->len);
  news_fetching(engine, true);
  bool done = retrieve_fetch_picks(to->account, engine->keyring, engine->store, picks,
                                   to->picks->len, &options, &result, work->cancel, error);
  tell_picked(work, to->account->name, &result);
  news_fetching(engine, false);
  retrieve_result_clear(&result);
  return done;
}

request_id
engine_server_fetch(struct engine *engine, const char *account, const struct server_pick *picks,
                    guint n)
{
  return to_server(engine, run_server_fetch, account, picks, n, false);
}

static bool
run_server_delete(struct work *work, GError **error)
{
  const struct errand_to_server *to = work->args;
  struct engine *engine = work->engine;
  g_autofree struct server_pick *picks = picks_of(to);
  work_progress(work, _("deleting on the server"), 0, 0);
  if (!retrieve_delete_picks(to->account, engine->keyring, engine->store, picks, to->picks->len,
                             work->cancel, error))
    return false;
  if (engine->options.interactive)
    refresh_beside(engine);
  work->done->text = g_strdup_printf(ngettext("%s: %u letter deleted on the server",
                                              "%s: %u letters deleted on the server",
                                              to->picks->len),
                                     to->account->name, to->picks->len);
  return true;
}

request_id
engine_server_delete(struct engine *engine, const char *account, const struct server_pick *picks,
                     guint n)
{
  return to_server(engine, run_server_delete, account, picks, n, false);
}

static bool
run_server_keep(struct work *work, GError **error)
{
  const struct errand_to_server *to = work->args;
  g_autofree struct server_pick *picks = picks_of(to);
  guint n = to->picks->len;
  if (!retrieve_keep(to->account, work->engine->store, picks, n, to->keep, error))
    return false;
  work->done->text = g_strdup_printf(
      to->keep ? ngettext("%s: %u letter is kept on the server", "%s: %u letters are kept on the "
                          "server", n)
               : ngettext("%s: %u letter is no longer kept on the server",
                          "%s: %u letters are no longer kept on the server", n),
      to->account->name, n);
  return true;
}

request_id
engine_server_keep(struct engine *engine, const char *account, const struct server_pick *picks,
                   guint n, bool keep)
{
  return to_server(engine, run_server_keep, account, picks, n, keep);
}

/* ---- a letter that is listed while it lies on the server alone ---- */

static void
on_waiting_progress(const struct retrieve_progress *progress, void *data)
{
  struct work *work = data;
  tell_progress(work, _("from the server"), progress);
}

/* The key alone tells whose it is, which takes a look into the store; the drop's lock
 * keeps this and another fetch of the account apart. */
static bool
run_fetch_waiting(struct work *work, GError **error)
{
  struct engine *engine = work->engine;
  struct retrieve_options options = {.progress = on_waiting_progress, .data = work};
  struct retrieve_result result = {0};
  g_autofree char *whose = NULL;
  g_autoptr(waiting_t) waiting = store_waiting_find(engine->store, work->args, &whose, error);
  const struct conf_account *account =
      waiting != NULL ? pop3_account(engine, whose, error) : NULL;
  if (account == NULL)
    return false;
  news_fetching(engine, true);
  bool done = retrieve_fetch_waiting(account, engine->keyring, engine->store, work->args, &options,
                                     &result, work->cancel, error);
  tell_picked(work, account->name, &result);
  news_fetching(engine, false);
  retrieve_result_clear(&result);
  return done;
}

request_id
engine_fetch_waiting(struct engine *engine, const char *key)
{
  return engine_request(engine, NULL, run_fetch_waiting, g_strdup(key), g_free);
}

/* ---- what another program knows ---- */

struct handover { const struct conf_account *account; char *path; };

static void
handover_free(void *data)
{
  struct handover *handover = data;
  g_free(handover->path);
  g_free(handover);
}

static bool
run_import_state(struct work *work, GError **error)
{
  const struct handover *handover = work->args;
  guint new = 0, known = 0;
  if (!retrieve_import_state(handover->account, work->engine->store, handover->path, &new, &known,
                             work->cancel, error))
    return false;
  work->done->done = new;
  work->done->total = known;
  work->done->text = g_strdup_printf(ngettext("%s: %u letter will not be fetched again",
                                              "%s: %u letters will not be fetched again", new),
                                     handover->account->name, new);
  return true;
}

request_id
engine_import_state(struct engine *engine, const char *path, const char *name)
{
  g_autoptr(GError) error = NULL;
  const struct conf_account *account = pop3_account(engine, name, &error);
  if (account == NULL)
    return engine_refuse(engine, g_steal_pointer(&error));
  struct handover *handover = g_new0(struct handover, 1);
  handover->account = account;
  handover->path = g_strdup(path);
  g_autofree char *group = group_of("fetch", account);
  return engine_request(engine, group, run_import_state, handover, handover_free);
}

/* The way in: fetching. */
#include "base/error.h"
#include "base/i18n.h"
#include "engine/engine-private.h"
#include "engine/hook.h"
#include "engine/out.h"
#include "engine/watch.h"
#include "store/waiting.h"

struct fetch {
  const struct conf_account *account;
  struct fetched *fetched;  /* its place in DONE; NULL: the engine's own doing */
  bool dry_run;
  GPtrArray *plan;          /* char *: lines of a dry run */
};

static void
fetch_free(void *data)
{
  struct fetch *fetch = data;
  g_clear_pointer(&fetch->plan, g_ptr_array_unref);
  g_free(fetch);
}

void
tell_progress(struct work *work, const char *account, const struct retrieve_progress *progress)
{
  g_autofree char *what = g_strdup_printf("%s: %s", account, progress->what);
  if (progress->total != 1 || progress->all_bytes == 0) {
    work_progress(work, what, progress->done, progress->total);
    return;
  }
  g_autofree char *done = g_format_size(progress->bytes);
  g_autofree char *all = g_format_size(progress->all_bytes);
  g_autofree char *line = g_strdup_printf(_("%s, %s of %s"), what, done, all);
  work_progress(work, line, 0, 0);
}

static void
on_progress(const struct retrieve_progress *progress, void *data)
{
  struct work *work = data;
  const struct fetch *fetch = work->args;
  tell_progress(work, fetch->account->name, progress);
}

static void
on_plan(const char *line, void *data)
{
  struct work *work = data;
  const struct fetch *fetch = work->args;
  g_ptr_array_add(fetch->plan, g_strdup(line));
}

void
take_result(struct fetched *fetched, struct retrieve_result *result)
{
  fetched->fetched = result->fetched;
  fetched->known = result->known;
  fetched->failed = result->failed;
  fetched->too_large = result->too_large;
  fetched->deleted = result->deleted;
  fetched->remark = g_steal_pointer(&result->remark);
}

/* One account's lines stay together; DONE's strings are shared by the works. */
static void
tell_plan(struct work *work, const GPtrArray *plan)
{
  struct event *done = work->done;
  g_mutex_lock(&work->engine->lock);
  guint had = done->strings != NULL ? g_strv_length(done->strings) : 0;
  done->strings = g_renew(char *, done->strings, had + plan->len + 1);
  for (guint i = 0; i < plan->len; i++)
    done->strings[had + i] = g_strdup(plan->pdata[i]);
  done->strings[had + plan->len] = NULL;
  g_mutex_unlock(&work->engine->lock);
}

static void
run_new_mail_hook(struct work *work, const struct conf_account *account, guint count)
{
  const char *command = work->engine->conf->on_new_mail;
  g_autofree char *whose = g_strconcat("POSTINO_ACCOUNT=", account->name, NULL);
  g_autofree char *many = g_strdup_printf("POSTINO_NEW=%u", count);
  const char *pairs[] = {whose, many, NULL};
  g_autoptr(GError) error = NULL;
  int status = 0;
  if (command == NULL ||
      (hook_run(command, NULL, pairs, work->cancel, &status, &error) && status == 0))
    return;
  g_autofree char *text =
      error != NULL ? g_strdup_printf("on-new-mail: %s", error->message)
                    : g_strdup_printf(_("on-new-mail: %s exited with %d"), command, status);
  work_notice(work, true, text);
}

void
take_fetched(struct work *work, const struct retrieve_result *result)
{
  if (result->keys != NULL && *result->keys != NULL)
    arrive(work, result->keys);
  else if (result->waiting_changed && work->engine->options.interactive)
    refresh_beside(work->engine);
}

/* What waits for an account that the rc has no longer can never be fetched. */
static void
forget_strangers(struct engine *engine)
{
  const GPtrArray *accounts = engine->conf->accounts;
  g_autoptr(GPtrArray) names = g_ptr_array_new();
  for (guint i = 0; i < accounts->len; i++)
    g_ptr_array_add(names, ((struct conf_account *)accounts->pdata[i])->name);
  g_ptr_array_add(names, NULL);
  g_autoptr(GError) why = NULL;
  if (!store_waiting_keep(engine->store, (const char *const *)names->pdata, &why))
    g_info("%s", why->message);
}

static bool
retrieve(struct work *work, const struct fetch *fetch, struct fetched *fetched, GError **error)
{
  struct engine *engine = work->engine;
  struct retrieve_options options = {.dry_run = fetch->dry_run, .progress = on_progress,
                                     .plan_line = on_plan, .data = work};
  struct retrieve_result result = {0};
  if (!fetch->dry_run)
    forget_strangers(engine);
  news_fetching(engine, true);
  bool done = retrieve_run(fetch->account, engine->keyring, engine->store, &options, &result,
                           work->cancel, error);
  take_result(fetched, &result);
  take_fetched(work, &result);
  if (result.keys != NULL && *result.keys != NULL)
    run_new_mail_hook(work, fetch->account, g_strv_length(result.keys));
  news_fetching(engine, false);
  retrieve_result_clear(&result);
  return done;
}

/* What a letter that arrived means is done before the end is told; then letters
 * that wait go the other way, since somebody is at the line. */
static bool
run_fetch(struct work *work, GError **error)
{
  const struct fetch *fetch = work->args;
  struct fetched *fetched = fetch->fetched;
  bool done = retrieve(work, fetch, fetched, &fetched->error);
  if (fetch->dry_run) {
    tell_plan(work, fetch->plan);
    return true;
  }
  if (!done && error_is(fetched->error, POSTINO_ERROR_CANCELLED)) {
    g_propagate_error(error, g_error_copy(fetched->error));
    return false;
  }
  if (!work->engine->options.interactive)
    flush_along(work, fetch->account);
  return true;
}

static struct fetch *
fetch_new(const struct conf_account *account, bool dry_run)
{
  struct fetch *fetch = g_new0(struct fetch, 1);
  fetch->account = account;
  fetch->dry_run = dry_run;
  fetch->plan = g_ptr_array_new_with_free_func(g_free);
  return fetch;
}

static request_id
start_fetch(struct engine *engine, const GPtrArray *accounts, bool dry_run)
{
  g_autofree struct work_spec *specs = g_new0(struct work_spec, accounts->len);
  g_autoptr(GPtrArray) groups = g_ptr_array_new_with_free_func(g_free);
  struct event *done = event_new(EVENT_DONE, 0);
  done->fetched = g_ptr_array_new_with_free_func(fetched_free);
  for (guint i = 0; i < accounts->len; i++) {
    const struct conf_account *account = accounts->pdata[i];
    struct fetch *fetch = fetch_new(account, dry_run);
    fetch->fetched = g_new0(struct fetched, 1);
    fetch->fetched->account = g_strdup(account->name);
    g_ptr_array_add(done->fetched, fetch->fetched);
    g_ptr_array_add(groups, group_of("fetch", account));
    specs[i] = (struct work_spec){.group = groups->pdata[i], .run = run_fetch, .args = fetch,
                                  .free_args = fetch_free};
  }
  return engine_start(engine, specs, accounts->len, 0, done);
}

const struct conf_account *
pop3_account(struct engine *engine, const char *name, GError **error)
{
  const struct conf_account *account = engine_account(engine, name, error);
  if (account == NULL || account->pop3 != NULL)
    return account;
  error_set(error, POSTINO_ERROR_CONFIG,
            _("account \"%s\" has no pop3 block, so nothing can be fetched; add one to %s"),
            account->name, engine->conf->path);
  return NULL;
}

/* The accounts of these names, in the rc's order for all of them. */
static bool
choose_accounts(struct engine *engine, const char *const *names, GPtrArray *chosen, GError **error)
{
  const GPtrArray *all = engine->conf->accounts;
  for (; names != NULL && *names != NULL; names++) {
    const struct conf_account *account = pop3_account(engine, *names, error);
    if (account == NULL)
      return false;
    if (!g_ptr_array_find(chosen, account, NULL))
      g_ptr_array_add(chosen, (void *)account);
  }
  if (chosen->len > 0)
    return true;
  for (guint i = 0; i < all->len; i++)
    if (((struct conf_account *)all->pdata[i])->pop3 != NULL)
      g_ptr_array_add(chosen, all->pdata[i]);
  if (chosen->len > 0)
    return true;
  if (engine_account(engine, NULL, error) == NULL)
    return false;
  return error_set(error, POSTINO_ERROR_CONFIG,
                   _("no account in %s has a pop3 block, so nothing can be fetched"),
                   engine->conf->path);
}

request_id
engine_fetch(struct engine *engine, const char *const *accounts, bool dry_run)
{
  g_autoptr(GPtrArray) chosen = g_ptr_array_new();
  g_autoptr(GError) error = NULL;
  if (!choose_accounts(engine, accounts, chosen, &error))
    return engine_refuse(engine, g_steal_pointer(&error));
  return start_fetch(engine, chosen, dry_run);
}

/* ---- the engine's own fetch ---- */

static void
tell_fetched(struct work *work, const struct conf_account *account, const struct fetched *fetched)
{
  if (fetched->fetched > 0) {
    g_autofree char *text =
        g_strdup_printf(ngettext("%s: %u new letter", "%s: %u new letters", fetched->fetched),
                        account->name, fetched->fetched);
    work_notice(work, false, text);
  }
  if (fetched->remark != NULL)
    work_notice(work, false, fetched->remark);
}

static bool
run_own_fetch(struct work *work, GError **error)
{
  const struct fetch *fetch = work->args;
  struct fetched *fetched = g_new0(struct fetched, 1);
  (void)error;
  bool done = retrieve(work, fetch, fetched, &fetched->error);
  tell_fetched(work, fetch->account, fetched);
  watch_fetched(work->engine->watch, fetch->account, done ? NULL : fetched->error);
  fetched_free(fetched);
  return true;
}

void
fetch_beside(struct engine *engine, const struct conf_account *account)
{
  g_autofree char *group = group_of("fetch", account);
  struct work_spec spec = {.group = group, .run = run_own_fetch,
                           .args = fetch_new(account, false), .free_args = fetch_free};
  engine_start(engine, &spec, 1, WORK_OWN | WORK_SILENT, NULL);
}

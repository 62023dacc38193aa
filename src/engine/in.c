/* The way in: fetching, and what lies on the servers. */
#include "base/error.h"
#include "base/i18n.h"
#include "engine/engine-private.h"
#include "engine/hook.h"
#include "engine/out.h"
#include "engine/watch.h"
#include "store/trust.h"
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

/* A single letter is told of by its bytes. */
static void
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

static void
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

/* The letters that came are dealt with; what lies on the server alone is listed. */
static void
take_in(struct work *work, const struct retrieve_result *result)
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
  take_in(work, &result);
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

static const struct conf_account *
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

/* ---- what lies on the server ---- */

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
  take_in(work, result);
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

request_id
engine_account_trust(struct engine *engine, const char *name)
{
  g_autoptr(GError) error = NULL;
  const struct conf_account *account = engine_account(engine, name, &error);
  if (account == NULL)
    return engine_refuse(engine, g_steal_pointer(&error));
  return engine_request(engine, NULL, run_trust, (void *)account, NULL);
}

request_id
engine_account_forget(struct engine *engine, const char *name)
{
  g_autoptr(GError) error = NULL;
  const struct conf_account *account = engine_account(engine, name, &error);
  if (account == NULL)
    return engine_refuse(engine, g_steal_pointer(&error));
  return engine_request(engine, NULL, run_forget, (void *)account, NULL);
}

request_id
engine_account_test(struct engine *engine, const char *name)
{
  g_autoptr(GError) error = NULL;
  const struct conf_account *account = engine_account(engine, name, &error);
  if (account == NULL)
    return engine_refuse(engine, g_steal_pointer(&error));
  return engine_request(engine, NULL, run_test, (void *)account, NULL);
}

/* The way in: fetching, and what lies on the servers. */
#include "base/error.h"
#include "base/i18n.h"
#include "engine/engine-private.h"
#include "engine/hook.h"
#include "engine/out.h"
#include "engine/watch.h"
#include "store/trust.h"

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

static void
on_progress(const struct retrieve_progress *progress, void *data)
{
  struct work *work = data;
  const struct fetch *fetch = work->args;
  g_autofree char *what = g_strdup_printf("%s: %s", fetch->account->name, progress->what);
  work_progress(work, what, progress->done, progress->total);
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

static bool
retrieve(struct work *work, const struct fetch *fetch, struct fetched *fetched, GError **error)
{
  struct engine *engine = work->engine;
  struct retrieve_options options = {.dry_run = fetch->dry_run, .progress = on_progress,
                                     .plan_line = on_plan, .data = work};
  struct retrieve_result result = {0};
  bool done = retrieve_run(fetch->account, engine->keyring, engine->store, &options, &result,
                           work->cancel, error);
  take_result(fetched, &result);
  if (result.keys != NULL && *result.keys != NULL) {
    arrive(work, result.keys);
    run_new_mail_hook(work, fetch->account, g_strv_length(result.keys));
  }
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
  GArray *numbers;          /* guint */
};

static void
to_server_free(void *data)
{
  struct errand_to_server *to = data;
  g_array_unref(to->numbers);
  g_free(to);
}

static request_id
to_server(struct engine *engine, work_run run, const char *name, const guint *numbers, guint n)
{
  g_autoptr(GError) error = NULL;
  const struct conf_account *account = pop3_account(engine, name, &error);
  if (account == NULL)
    return engine_refuse(engine, g_steal_pointer(&error));
  struct errand_to_server *to = g_new0(struct errand_to_server, 1);
  to->account = account;
  to->numbers = g_array_new(FALSE, FALSE, sizeof(guint));
  if (n > 0)
    g_array_append_vals(to->numbers, numbers, n);
  g_autofree char *group = group_of("fetch", account);
  return engine_request(engine, group, run, to, to_server_free);
}

static bool
run_server_list(struct work *work, GError **error)
{
  const struct errand_to_server *to = work->args;
  struct engine *engine = work->engine;
  work_progress(work, _("asking the server"), 0, 0);
  work->done->server =
      retrieve_list(to->account, engine->keyring, engine->store, work->cancel, error);
  return work->done->server != NULL;
}

request_id
engine_server_list(struct engine *engine, const char *account)
{
  return to_server(engine, run_server_list, account, NULL, 0);
}

static bool
run_server_fetch(struct work *work, GError **error)
{
  const struct errand_to_server *to = work->args;
  struct engine *engine = work->engine;
  struct retrieve_result result = {0};
  work_progress(work, _("fetching"), 0, to->numbers->len);
  bool done = retrieve_fetch_numbers(to->account, engine->keyring, engine->store,
                                     (const guint *)(void *)to->numbers->data, to->numbers->len,
                                     &result, work->cancel, error);
  struct fetched *fetched = g_new0(struct fetched, 1);
  fetched->account = g_strdup(to->account->name);
  take_result(fetched, &result);
  work->done->fetched = g_ptr_array_new_with_free_func(fetched_free);
  g_ptr_array_add(work->done->fetched, fetched);
  work->done->text = g_strdup_printf(
      ngettext("%s: %u letter fetched", "%s: %u letters fetched", fetched->fetched),
      to->account->name, fetched->fetched);
  if (result.keys != NULL && *result.keys != NULL)
    arrive(work, result.keys);
  retrieve_result_clear(&result);
  return done;
}

request_id
engine_server_fetch(struct engine *engine, const char *account, const guint *numbers, guint n)
{
  return to_server(engine, run_server_fetch, account, numbers, n);
}

static bool
run_server_delete(struct work *work, GError **error)
{
  const struct errand_to_server *to = work->args;
  struct engine *engine = work->engine;
  if (!retrieve_delete_numbers(to->account, engine->keyring, engine->store,
                               (const guint *)(void *)to->numbers->data, to->numbers->len,
                               work->cancel, error))
    return false;
  work->done->text = g_strdup_printf(ngettext("%s: %u letter deleted on the server",
                                              "%s: %u letters deleted on the server",
                                              to->numbers->len),
                                     to->account->name, to->numbers->len);
  return true;
}

request_id
engine_server_delete(struct engine *engine, const char *account, const guint *numbers, guint n)
{
  return to_server(engine, run_server_delete, account, numbers, n);
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
  if (account->pop3 != NULL && retrieve_test(account, engine->keyring, &pop3, work->cancel, &first))
    add_finding(text, "POP3", pop3);
  if (account->smtp != NULL && submit_test(account, engine->keyring, &smtp, work->cancel, &second))
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

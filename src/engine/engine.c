#include "engine/engine-private.h"

#include <string.h>

#include "base/blob.h"
#include "base/error.h"
#include "base/i18n.h"
#include "base/limits.h"
#include "engine/watch.h"

/* Workers beyond the two that each account may hold in its connections: what
 * looks and changes must never wait behind a server. */
#define WORKERS_LOCAL 6
/* Progress is told this often at most (microseconds). */
#define PROGRESS_EVERY 50000
/* Seconds after which a rate is worth saying, and letters. */
#define RATE_SECONDS 2
#define RATE_LETTERS 200

static GPrivate running;    /* the struct work of this thread */

/* ---- opening and closing ---- */

/* Where a letter says that it is sealed. */
#define BEGINNING LIMIT_KIB(16)

static GBytes *
beginning_of(const struct letter_ref *ref)
{
  if (ref->path == NULL)
    return ref->bytes != NULL ? g_bytes_ref(ref->bytes) : NULL;
  g_autoptr(blob_t) letter = blob_open(ref->path, NULL);
  return letter != NULL ? blob_head(letter, BEGINNING, NULL) : NULL;
}

static void
begin_ahead(struct engine *engine)
{
  const struct engine_options *options = &engine->options;
  const struct conf_account *account =
      options->seals ? conf_account(engine->conf, options->seals_for) : NULL;
  g_autoptr(GBytes) letter = options->shows != NULL ? beginning_of(options->shows) : NULL;
  if (account != NULL)
    crypto_expect(engine->crypto, account->crypto_plugin);
  if (letter != NULL)
    crypto_expect_letter(engine->crypto, letter);
  if (options->shows != NULL)
    reader_pool_expect(engine->readers);
}

/* What a plugin's process is told when it begins stands in its place before one does; who
 * may have which rights lies in the store. */
static void
open_crypto(struct engine *engine)
{
  engine->crypto = crypto_new(engine->conf, ask_plugin, engine);
  crypto_set_confirmed(engine->crypto, key_is_confirmed, engine);
  crypto_set_memory(engine->crypto,
                    &(struct crypto_memory){key_known, key_note, engine});
  crypto_set_progress(engine->crypto, plugin_progress, engine);
  if (engine->options.interactive)
    crypto_set_screen(engine->crypto, &(struct crypto_screen){terminal_hand_over,
                                                              terminal_take_back, engine});
  begin_ahead(engine);
}

static bool
open_rooms(struct engine *engine, GError **error)
{
  engine->events = event_queue_new(error);
  if (engine->events == NULL)
    return false;
  engine->asks = ask_desk_new(engine->events);
  engine->readers = reader_pool_new((int)g_get_num_processors());
  open_crypto(engine);
  engine->store = store_open(engine->conf->mail_dir, engine->readers, error);
  if (engine->store == NULL)
    return false;
  engine->keyring = keyring_new(ask_password, engine);
  crypto_set_grants(engine->crypto, &(struct crypto_grants){plugin_may, plugin_grant, engine});
  engine->jobs = jobs_new(WORKERS_LOCAL + 2 * (int)engine->conf->accounts->len);
  return true;
}

struct engine *
engine_new(const struct conf *conf, const struct engine_options *options, GError **error)
{
  g_autoptr(engine_t) engine = g_new0(struct engine, 1);
  engine->conf = conf;
  if (options != NULL)
    engine->options = *options;
  g_mutex_init(&engine->lock);
  engine->requests = g_hash_table_new(g_int64_hash, g_int64_equal);
  engine->asked_rights = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  if (!open_rooms(engine, error))
    return NULL;
  if (!engine->options.interactive)
    store_sweep(engine->store, NULL);
  else if (!watch_start(engine, error))
    return NULL;
  return g_steal_pointer(&engine);
}

/* The watch starts works, works ask and tell the watch, asks need the queue: closed
 * in that order. */
void
engine_free(struct engine *engine)
{
  if (engine == NULL)
    return;
  watch_stop(engine->watch);
  if (engine->asks != NULL)
    ask_desk_close(engine->asks);
  jobs_free(engine->jobs);
  watch_free(engine->watch);
  crypto_free(engine->crypto);
  keyring_free(engine->keyring);
  store_close(engine->store);
  reader_pool_free(engine->readers);
  ask_desk_free(engine->asks);
  event_queue_free(engine->events);
  g_hash_table_unref(engine->requests);
  g_hash_table_unref(engine->asked_rights);
  g_mutex_clear(&engine->lock);
  g_free(engine);
}

const struct conf *
engine_conf(const struct engine *engine)
{
  return engine->conf;
}

/* ---- events ---- */

int
engine_fd(struct engine *engine)
{
  return event_queue_fd(engine->events);
}

struct event *
engine_next(struct engine *engine)
{
  return event_queue_pop(engine->events, false);
}

struct event *
engine_wait(struct engine *engine)
{
  return event_queue_pop(engine->events, true);
}

void
engine_notice(struct engine *engine, bool bad, const char *text)
{
  struct event *event = event_new(EVENT_NOTICE, 0);
  event->bad = bad;
  event->text = g_strdup(text);
  event_queue_push(engine->events, event);
}

void
engine_changed(struct engine *engine)
{
  news_settle(engine);
  engine_found(engine);
}

void
engine_found(struct engine *engine)
{
  event_queue_push(engine->events, event_new(EVENT_CHANGED, 0));
}

void
engine_answer(struct engine *engine, uint64_t ask, secret_t *answer)
{
  ask_desk_answer(engine->asks, ask, answer);
}

/* ---- works ---- */

/* What a job holds: a work, and how to run it. */
struct errand {
  struct work work;
  struct work_spec spec;
};

static void
errand_free(void *data)
{
  struct errand *errand = data;
  if (errand->spec.free_args != NULL)
    errand->spec.free_args(errand->spec.args);
  g_free(errand);
}

static void
request_free(struct request *request)
{
  event_free(request->done);
  g_array_unref(request->jobs);
  g_free(request);
}

/* The first error of a request's works is the request's. */
static bool
take_error(struct request *request, GError *error)
{
  if (error == NULL)
    return true;
  if (request->done->error != NULL) {
    g_error_free(error);
    return false;
  }
  return error_adopt(&request->done->error, error);
}

static void
end_work(struct work *work, GError *error)
{
  struct engine *engine = work->engine;
  struct request *request = work->request;
  g_mutex_lock(&engine->lock);
  (void)take_error(request, error);
  bool ended = --request->left == 0;
  if (ended)
    g_hash_table_remove(engine->requests, &request->id);
  g_mutex_unlock(&engine->lock);
  if (!ended)
    return;
  if ((request->how & WORK_OWN) == 0)
    event_queue_push(engine->events, g_steal_pointer(&request->done));
  request_free(request);
}

/* The engine's own work has no DONE that would end what it told of. */
static void
end_progress(struct work *work)
{
  if (work->told == 0 || (work->request->how & WORK_OWN) == 0)
    return;
  struct event *event = event_new(EVENT_PROGRESS, 0);
  event->done = event->total = 1;
  event_queue_push(work->engine->events, event);
}

static void
run_errand(struct job *job, void *data)
{
  struct errand *errand = data;
  struct work *work = &errand->work;
  g_autoptr(GError) error = NULL;
  work->cancel = job_cancellable(job);
  g_private_set(&running, work);
  if (g_cancellable_is_cancelled(work->cancel))
    error_set(&error, POSTINO_ERROR_CANCELLED, "%s", _("cancelled"));
  else if (!errand->spec.run(work, &error) && error == NULL)
    error_set(&error, POSTINO_ERROR_BUG, "%s", _("a request failed without a reason"));
  g_private_set(&running, NULL);
  end_progress(work);
  end_work(work, g_steal_pointer(&error));
}

struct work *
work_current(void)
{
  return g_private_get(&running);
}

request_id
work_request(const struct work *work)
{
  return (work->request->how & WORK_OWN) != 0 ? 0 : work->request->id;
}

void
work_progress(struct work *work, const char *what, guint64 done, guint64 total)
{
  gint64 now = g_get_monotonic_time();
  if (now - work->told < PROGRESS_EVERY)
    return;
  work->told = now;
  struct event *event = event_new(EVENT_PROGRESS, work_request(work));
  event->text = g_strdup(what);
  event->done = done;
  event->total = total;
  event_queue_push(work->engine->events, event);
}

/* "40 s", "3 min", "2 h": nobody plans by more. */
static char *
span_text(guint64 seconds)
{
  if (seconds < 90)
    return g_strdup_printf(_("%" G_GUINT64_FORMAT " s"), seconds);
  if (seconds < 5400)
    return g_strdup_printf(_("%" G_GUINT64_FORMAT " min"), (seconds + 30) / 60);
  return g_strdup_printf(_("%" G_GUINT64_FORMAT " h"), (seconds + 1800) / 3600);
}

static char *
rate_text(const char *what, const struct store_progress *progress, gint64 took)
{
  guint64 seconds = (guint64)took / G_USEC_PER_SEC;
  if (seconds < RATE_SECONDS || progress->done < RATE_LETTERS || progress->total <= progress->done)
    return g_strdup(what);
  guint64 rate = MAX(progress->done / seconds, 1);
  g_autofree char *left = span_text((progress->total - progress->done) / rate + 1);
  return g_strdup_printf(_("%s (%" G_GUINT64_FORMAT " a second, %s left)"), what, rate, left);
}

void
work_progress_of_many(struct work *work, const char *what, const struct store_progress *progress)
{
  gint64 now = g_get_monotonic_time();
  if (progress->done == 0 || work->began == 0)
    work->began = now;
  if (now - work->told < PROGRESS_EVERY)
    return;
  g_autofree char *text = rate_text(what, progress, now - work->began);
  work_progress(work, text, progress->done, progress->total);
}

void
work_notice(struct work *work, bool bad, const char *text)
{
  struct event *event = event_new(EVENT_NOTICE, work_request(work));
  event->bad = bad;
  event->text = g_strdup(text);
  event_queue_push(work->engine->events, event);
}

/* ---- requests ---- */

static struct request *
request_new(struct engine *engine, unsigned how, guint works, struct event *done)
{
  struct request *request = g_new0(struct request, 1);
  request->id = ++engine->last_request;
  request->how = how;
  request->left = works;
  request->jobs = g_array_sized_new(FALSE, FALSE, sizeof(uint64_t), works);
  request->done = done != NULL ? done : event_new(EVENT_DONE, 0);
  request->done->request = request->id;
  g_hash_table_insert(engine->requests, &request->id, request);
  return request;
}

static uint64_t
add_errand(struct engine *engine, struct request *request, const struct work_spec *spec)
{
  struct errand *errand = g_new0(struct errand, 1);
  errand->spec = *spec;
  errand->work = (struct work){
      .engine = engine, .request = request, .args = spec->args, .done = request->done};
  struct job_spec job = {.run = run_errand, .data = errand, .free_data = errand_free,
                         .group = spec->group};
  return jobs_add(engine->jobs, &job);
}

/* The lock is held until every job has its number, so that a work that ends at
 * once does not end the request under us. */
request_id
engine_start(struct engine *engine, const struct work_spec *specs, guint n, unsigned how,
             struct event *done)
{
  g_mutex_lock(&engine->lock);
  struct request *request = request_new(engine, how, n, done);
  request_id id = request->id;
  for (guint i = 0; i < n; i++) {
    uint64_t job = add_errand(engine, request, &specs[i]);
    g_array_append_val(request->jobs, job);
  }
  g_mutex_unlock(&engine->lock);
  return id;
}

request_id
engine_request(struct engine *engine, const char *group, work_run run, void *args,
               GDestroyNotify free_args)
{
  struct work_spec spec = {.group = group, .run = run, .args = args, .free_args = free_args};
  return engine_start(engine, &spec, 1, 0, NULL);
}

request_id
engine_refuse(struct engine *engine, GError *error)
{
  g_mutex_lock(&engine->lock);
  request_id id = ++engine->last_request;
  g_mutex_unlock(&engine->lock);
  struct event *event = event_new(EVENT_DONE, id);
  event->error = error;
  event_queue_push(engine->events, event);
  return id;
}

/* Cancelling calls back into whoever waits, so no lock is held meanwhile. */
void
engine_cancel(struct engine *engine, request_id id)
{
  g_autoptr(GArray) jobs = g_array_new(FALSE, FALSE, sizeof(uint64_t));
  g_mutex_lock(&engine->lock);
  struct request *request = g_hash_table_lookup(engine->requests, &id);
  if (request != NULL && request->jobs->len > 0)
    g_array_append_vals(jobs, request->jobs->data, request->jobs->len);
  g_mutex_unlock(&engine->lock);
  for (guint i = 0; i < jobs->len; i++)
    jobs_cancel(engine->jobs, g_array_index(jobs, uint64_t, i));
}

/* ---- accounts ---- */

char *
group_of(const char *what, const struct conf_account *account)
{
  return g_strconcat(what, " ", account->name, NULL);
}

static char *
account_names(const struct conf *conf)
{
  GString *names = g_string_new(NULL);
  for (guint i = 0; i < conf->accounts->len; i++) {
    const struct conf_account *account = conf->accounts->pdata[i];
    g_string_append_printf(names, "%s%s", i > 0 ? ", " : "", account->name);
  }
  return g_string_free(names, FALSE);
}

const struct conf_account *
engine_account(struct engine *engine, const char *name, GError **error)
{
  const struct conf_account *account = conf_account(engine->conf, name);
  if (account != NULL)
    return account;
  if (engine->conf->accounts->len == 0) {
    error_set(error, POSTINO_ERROR_CONFIG,
              _("no account is set up (%s); \"postino account add ADDRESS\" writes one"),
              engine->conf->path != NULL ? engine->conf->path : _("there is no rc file"));
    return NULL;
  }
  g_autofree char *names = account_names(engine->conf);
  error_set(error, POSTINO_ERROR_USAGE, _("no account \"%s\" in %s; there are: %s"),
            name != NULL ? name : "", engine->conf->path, names);
  return NULL;
}

char *
folder_of_key(const char *key)
{
  const char *slash = strrchr(key, '/');
  return slash != NULL ? g_strndup(key, (gsize)(slash - key)) : g_strdup(".");
}

char *
base_of_key(const char *key)
{
  const char *slash = strrchr(key, '/');
  return g_strdup(slash != NULL ? slash + 1 : key);
}

const struct conf_account *
account_of_folder(struct engine *engine, const char *folder)
{
  const struct conf *conf = engine->conf;
  for (guint i = 0; folder != NULL && i < conf->accounts->len; i++) {
    const struct conf_account *account = conf->accounts->pdata[i];
    const char *own[] = {account->inbox, account->sent, account->drafts, account->trash};
    for (size_t j = 0; j < G_N_ELEMENTS(own); j++)
      if (g_strcmp0(own[j], folder) == 0)
        return account;
  }
  return conf_account(conf, NULL);
}

/* The index follows the mail on the disk. */
#include "base/error.h"
#include "base/i18n.h"
#include "engine/engine-private.h"

/* Microseconds between two showings of an indexing that goes on. */
#define SHOWN_EVERY 250000

/* What a first indexing has read is shown while it goes on. */
static void
on_read(const struct store_progress *progress, void *data)
{
  struct work *work = data;
  gint64 now = g_get_monotonic_time();
  work_progress_of_many(work, _("reading new letters"), progress);
  if (progress->rows == work->rows || now - work->shown < SHOWN_EVERY)
    return;
  work->rows = progress->rows;
  work->shown = now;
  engine_found(work->engine);
}

static bool
looks_wait(struct engine *engine)
{
  g_mutex_lock(&engine->lock);
  bool wait = engine->refreshing;
  g_mutex_unlock(&engine->lock);
  return wait;
}

/* Until it is done, or a look at the mail is wanted, behind which it goes on. */
static void
settle(struct work *work)
{
  while (!g_cancellable_is_cancelled(work->cancel) && !looks_wait(work->engine) &&
         store_settle(work->engine->store))
    work_progress(work, _("putting the index in order"), 0, 0);
}

static bool
refresh(struct work *work, bool *changed_out, GError **error)
{
  bool done = store_refresh(work->engine->store, on_read, work, changed_out, work->cancel,
                            error) &&
              sealed_forget(work->engine, error);
  if (*changed_out)
    engine_found(work->engine);
  return done;
}

/* Who asks waits for the answer: of the rest, one step. */
bool
refresh_now(struct work *work, GError **error)
{
  bool changed = false;
  bool done = refresh(work, &changed, error);
  if (changed)
    (void)store_settle(work->engine->store);
  return done;
}

bool
refresh_first(struct work *work, GError **error)
{
  return work->engine->options.interactive || refresh_now(work, error);
}

static bool
run_refresh(struct work *work, GError **error)
{
  bool rebuild = GPOINTER_TO_INT(work->args);
  bool changed = false;
  bool done = rebuild ? store_rebuild(work->engine->store, on_read, work, work->cancel, error)
                      : refresh(work, &changed, error);
  if (rebuild)
    engine_changed(work->engine);
  settle(work);
  if (!g_cancellable_is_cancelled(work->cancel))
    store_write_back(work->engine->store);
  return done;
}

request_id
engine_refresh(struct engine *engine, bool rebuild)
{
  return engine_request(engine, GROUP_REFRESH, run_refresh, GINT_TO_POINTER(rebuild), NULL);
}

/* ---- beside everything ---- */

/* Of the time, a look may take this part: where a great folder changes all the time, more
 * would be spent on looking at it than on what changes it. */
#define LOOK_PART 5
#define LOOK_REST_US (2 * G_USEC_PER_SEC)
/* Until one that runs is asked about again. */
#define LOOK_RUNS_US 100000

static void
note_look(struct engine *engine, bool begins)
{
  g_mutex_lock(&engine->lock);
  bool first = engine->look_ended == 0;
  if (begins)
    engine->refreshing = false;
  engine->looking = begins;
  *(begins ? &engine->look_began : &engine->look_ended) = g_get_monotonic_time();
  g_mutex_unlock(&engine->lock);
  /* What is empty now is said to be. */
  if (first && !begins)
    engine_found(engine);
}

bool
engine_has_looked(struct engine *engine)
{
  g_mutex_lock(&engine->lock);
  bool looked = engine->look_ended != 0;
  g_mutex_unlock(&engine->lock);
  return looked;
}

gint64
refresh_rests_until(struct engine *engine)
{
  g_mutex_lock(&engine->lock);
  gint64 took = engine->look_ended - engine->look_began;
  gint64 until = engine->looking ? g_get_monotonic_time() + LOOK_RUNS_US
                                 : engine->look_ended + MIN(took * (LOOK_PART - 1), LOOK_REST_US);
  g_mutex_unlock(&engine->lock);
  return until;
}

static void
say_stopped(struct engine *engine)
{
  struct event *event = event_new(EVENT_NOTICE, 0);
  event->text = g_strdup(_("The other letters are read at the next start."));
  event->command = "refresh";
  event_queue_push(engine->events, event);
}

static bool
run_beside(struct work *work, GError **error)
{
  struct engine *engine = work->engine;
  g_autoptr(GError) why = NULL;
  (void)error;
  note_look(engine, true);
  bool changed = false;
  bool good = refresh(work, &changed, &why);
  note_look(engine, false);
  if (good) {
    news_compare(engine);
    settle(work);
  } else if (error_is(why, POSTINO_ERROR_CANCELLED)) {
    say_stopped(engine);
  } else {
    g_autofree char *text = g_strdup_printf(_("the index is not up to date: %s"), why->message);
    engine_notice(engine, true, text);
  }
  return true;
}

void
refresh_beside(struct engine *engine)
{
  struct work_spec spec = {.group = GROUP_REFRESH, .run = run_beside};
  g_mutex_lock(&engine->lock);
  bool waits = engine->refreshing;
  engine->refreshing = true;
  g_mutex_unlock(&engine->lock);
  if (!waits)
    engine_start(engine, &spec, 1, WORK_SILENT, NULL);
}

/* The index follows the mail on the disk. */
#include <inttypes.h>

#include "base/error.h"
#include "base/i18n.h"
#include "engine/engine-private.h"

/* Microseconds between two showings of an indexing that goes on. */
#define SHOWN_EVERY 250000
/* Seconds after which a rate is worth saying, and letters. */
#define RATE_SECONDS 2
#define RATE_LETTERS 200

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
reading_text(const struct store_progress *progress, gint64 took)
{
  guint64 seconds = (guint64)took / G_USEC_PER_SEC;
  if (seconds < RATE_SECONDS || progress->done < RATE_LETTERS)
    return g_strdup(_("reading new letters"));
  guint64 rate = MAX(progress->done / seconds, 1);
  g_autofree char *left = span_text((progress->total - progress->done) / rate + 1);
  return g_strdup_printf(_("reading new letters (%" G_GUINT64_FORMAT " a second, %s left)"), rate,
                         left);
}

/* What a first indexing has read is shown while it goes on. */
static void
on_read(const struct store_progress *progress, void *data)
{
  struct work *work = data;
  gint64 now = g_get_monotonic_time();
  if (progress->done == 0 || work->began == 0)
    work->began = now;
  g_autofree char *text = reading_text(progress, now - work->began);
  work_progress(work, text, progress->done, progress->total);
  if (progress->rows == work->rows || now - work->shown < SHOWN_EVERY)
    return;
  work->rows = progress->rows;
  work->shown = now;
  engine_found(work->engine);
}

bool
refresh_now(struct work *work, GError **error)
{
  bool changed = false;
  bool done = store_refresh(work->engine->store, on_read, work, &changed, work->cancel, error) &&
              sealed_forget(work->engine, error);
  if (changed) {
    engine_found(work->engine);
    store_settle(work->engine->store, false, work->cancel);
  }
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
  bool rebuild = GPOINTER_TO_INT(work->args) != 0;
  bool done = rebuild ? store_rebuild(work->engine->store, on_read, work, work->cancel, error)
                      : refresh_now(work, error);
  if (rebuild)
    engine_changed(work->engine);
  store_settle(work->engine->store, true, work->cancel);
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
  if (begins)
    engine->refreshing = false;
  engine->looking = begins;
  *(begins ? &engine->look_began : &engine->look_ended) = g_get_monotonic_time();
  g_mutex_unlock(&engine->lock);
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

static bool
run_beside(struct work *work, GError **error)
{
  struct engine *engine = work->engine;
  g_autoptr(GError) why = NULL;
  (void)error;
  note_look(engine, true);
  bool good = refresh_now(work, &why);
  note_look(engine, false);
  if (good) {
    news_compare(engine);
    store_settle(engine->store, true, work->cancel);
  } else {
    bool stopped = error_is(why, POSTINO_ERROR_CANCELLED);
    g_autofree char *text =
        stopped ? g_strdup(_("The other letters are read at the next start, or by the command "
                             "refresh."))
                : g_strdup_printf(_("the index is not up to date: %s"), why->message);
    engine_notice(engine, !stopped, text);
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

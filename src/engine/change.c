/* What changes the mail that lies here. */
#include <inttypes.h>
#include <string.h>

#include "base/error.h"
#include "base/i18n.h"
#include "engine/engine-private.h"
#include "engine/out.h"

#define OUTBOX "Outbox"
/* Letters that are removed at a time when a folder is emptied. */
#define EMPTIED_AT_ONCE 500
/* Microseconds between two showings of an indexing that goes on. */
#define SHOWN_EVERY 250000

const char *
engine_outbox(struct engine *engine)
{
  (void)engine;
  return OUTBOX;
}

static const char *
or_usual(const struct conf_account *account, const char *name, const char *usual)
{
  return account != NULL && name != NULL ? name : usual;
}

const char *
engine_trash(struct engine *engine)
{
  const struct conf_account *account = conf_account(engine->conf, NULL);
  return or_usual(account, account != NULL ? account->trash : NULL, "Trash");
}

const char *
engine_drafts(struct engine *engine)
{
  const struct conf_account *account = conf_account(engine->conf, NULL);
  return or_usual(account, account != NULL ? account->drafts : NULL, "Drafts");
}

const char *
engine_inbox(struct engine *engine)
{
  const struct conf_account *account = conf_account(engine->conf, NULL);
  return or_usual(account, account != NULL ? account->inbox : NULL, "Inbox");
}

/* ---- refreshing ---- */

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
  if (changed)
    engine_found(work->engine);
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
  if (!GPOINTER_TO_INT(work->args))
    return refresh_now(work, error);
  bool done = store_rebuild(work->engine->store, on_read, work, work->cancel, error);
  engine_changed(work->engine);
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

/* ---- letters ---- */

struct change {
  char **keys;
  char *word;               /* folder, tags */
  unsigned set, clear;
};

static void
change_free(void *data)
{
  struct change *change = data;
  g_strfreev(change->keys);
  g_free(change->word);
  g_free(change);
}

static request_id
request_change(struct engine *engine, work_run run, const char *const *keys, const char *word,
               unsigned set, unsigned clear)
{
  struct change *change = g_new0(struct change, 1);
  change->keys = keys != NULL ? g_strdupv((char **)keys) : g_new0(char *, 1);
  change->word = g_strdup(word);
  change->set = set;
  change->clear = clear;
  return engine_request(engine, GROUP_CHANGE, run, change, change_free);
}

#define KEYS(change) ((const char *const *)(change)->keys)
/* A change of fewer letters is done before anyone has read of it. */
#define WORTH_TELLING 100

static void
on_change(const struct store_progress *progress, void *data)
{
  if (progress->total >= WORTH_TELLING)
    work_progress(data, _("changing letters"), progress->done, progress->total);
}

static struct store_bulk
bulk_of(struct work *work)
{
  return (struct store_bulk){.progress = on_change, .data = work, .cancel = work->cancel};
}

static bool
run_flag(struct work *work, GError **error)
{
  const struct change *change = work->args;
  struct store_bulk bulk = bulk_of(work);
  bool done = store_flag_bulk(work->engine->store, KEYS(change), change->set, change->clear, &bulk,
                              error);
  engine_changed(work->engine);
  return done;
}

request_id
engine_flag(struct engine *engine, const char *const *keys, unsigned set, unsigned clear)
{
  return request_change(engine, run_flag, keys, NULL, set, clear);
}

/* A place that letters can be put into by hand. */
static bool
is_place(struct engine *engine, const char *folder, GError **error)
{
  if (engine_is_search(engine, folder))
    return error_set(error, POSTINO_ERROR_INVALID,
                     _("\"%s\" is a saved search: letters cannot be put into it"), folder);
  if (g_str_equal(folder, OUTBOX))
    return error_set(error, POSTINO_ERROR_INVALID, "%s",
                     _("a letter comes into the outbox by being sent"));
  return true;
}

/* Letters of the outbox leave it through the ledger (they are not sent then); the
 * keys of the others. */
static char **
take_from_outbox(struct work *work, const struct change *change, const char *folder,
                 GError **error)
{
  g_autoptr(GPtrArray) others = g_ptr_array_new_with_free_func(g_free);
  for (char **key = change->keys; *key != NULL; key++) {
    g_autofree char *id = outbox_id_of(work->engine, *key);
    if (id == NULL)
      g_ptr_array_add(others, g_strdup(*key));
    else if (!outbox_cancel(work->engine->store, id, folder, error))
      return NULL;
  }
  g_ptr_array_add(others, NULL);
  return (char **)g_ptr_array_steal(others, NULL);
}

static bool
run_move(struct work *work, GError **error)
{
  const struct change *change = work->args;
  if (!is_place(work->engine, change->word, error))
    return false;
  struct store_bulk bulk = bulk_of(work);
  g_auto(GStrv) keys = take_from_outbox(work, change, change->word, error);
  bool done = keys != NULL &&
              (*keys == NULL ||
               store_move_bulk(work->engine->store, (const char *const *)keys, change->word,
                               &work->done->strings, &bulk, error));
  engine_changed(work->engine);
  return done;
}

request_id
engine_move(struct engine *engine, const char *const *keys, const char *folder)
{
  return request_change(engine, run_move, keys, folder, 0, 0);
}

static bool
run_copy(struct work *work, GError **error)
{
  const struct change *change = work->args;
  if (!is_place(work->engine, change->word, error))
    return false;
  struct store_bulk bulk = bulk_of(work);
  bool done = store_copy_bulk(work->engine->store, KEYS(change), change->word, &bulk, error);
  engine_changed(work->engine);
  return done;
}

request_id
engine_copy(struct engine *engine, const char *const *keys, const char *folder)
{
  return request_change(engine, run_copy, keys, folder, 0, 0);
}

static const char *
trash_of(struct engine *engine, const char *folder)
{
  const struct conf_account *account = account_of_folder(engine, folder);
  return or_usual(account, account != NULL ? account->trash : NULL, "Trash");
}

/* Keys by where they go: trash folder → keys (NULL-terminated later); what lies in
 * its trash already goes to `gone`. */
static GHashTable *
sort_by_trash(struct engine *engine, char **keys, GPtrArray *gone)
{
  GHashTable *places =
      g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)g_ptr_array_unref);
  for (char **key = keys; *key != NULL; key++) {
    g_autofree char *folder = folder_of_key(*key);
    const char *trash = trash_of(engine, folder);
    if (g_str_equal(folder, trash)) {
      g_ptr_array_add(gone, *key);
      continue;
    }
    GPtrArray *place = g_hash_table_lookup(places, trash);
    if (place == NULL) {
      place = g_ptr_array_new();
      g_hash_table_insert(places, (char *)trash, place);
    }
    g_ptr_array_add(place, *key);
  }
  return places;
}

static bool
move_to_trash(struct work *work, GHashTable *places, GError **error)
{
  struct store_bulk bulk = bulk_of(work);
  GHashTableIter at;
  void *trash, *keys;
  g_hash_table_iter_init(&at, places);
  while (g_hash_table_iter_next(&at, &trash, &keys)) {
    g_ptr_array_add(keys, NULL);
    if (!store_move_bulk(work->engine->store, (const char *const *)((GPtrArray *)keys)->pdata, trash,
                         NULL, &bulk, error))
      return false;
  }
  return true;
}

static bool
run_delete(struct work *work, GError **error)
{
  const struct change *change = work->args;
  struct engine *engine = work->engine;
  g_auto(GStrv) keys = take_from_outbox(work, change, engine_trash(engine), error);
  if (keys == NULL)
    return false;
  g_autoptr(GPtrArray) gone = g_ptr_array_new();
  g_autoptr(GHashTable) places = sort_by_trash(engine, keys, gone);
  bool done = move_to_trash(work, places, error);
  if (done && gone->len > 0) {
    struct store_bulk bulk = bulk_of(work);
    g_ptr_array_add(gone, NULL);
    done = store_expunge_bulk(engine->store, (const char *const *)gone->pdata, &bulk, error);
  }
  engine_changed(engine);
  return done;
}

request_id
engine_delete(struct engine *engine, const char *const *keys)
{
  return request_change(engine, run_delete, keys, NULL, 0, 0);
}

/* ---- a whole folder ---- */

static bool
expunge_rows(struct work *work, const GPtrArray *rows, GError **error)
{
  struct store_bulk bulk = {.cancel = work->cancel};
  g_autoptr(GPtrArray) keys = g_ptr_array_new();
  for (guint i = 0; i < rows->len; i++)
    g_ptr_array_add(keys, ((struct row *)rows->pdata[i])->key);
  g_ptr_array_add(keys, NULL);
  return store_expunge_bulk(work->engine->store, (const char *const *)keys->pdata, &bulk, error);
}

/* Only what the index knows, which is what its owner saw: a letter that came a
 * moment ago stays. */
static bool
run_empty(struct work *work, GError **error)
{
  const struct change *change = work->args;
  struct engine *engine = work->engine;
  struct rows_query query = {.folder = change->word, .limit = EMPTIED_AT_ONCE};
  if (!is_place(engine, change->word, error) || !refresh_first(work, error))
    return false;
  guint64 before = G_MAXUINT64;
  for (;;) {
    guint64 total, unread;
    if (!store_count(engine->store, &query, &total, &unread, work->cancel, error))
      return false;
    g_autoptr(GPtrArray) rows = store_rows(engine->store, &query, work->cancel, error);
    if (rows == NULL)
      return false;
    if (rows->len == 0 || total >= before)
      break;
    before = total;
    if (!expunge_rows(work, rows, error)) {
      engine_changed(engine);
      return false;
    }
    work_progress(work, _("removing letters"), 0, total);
  }
  engine_changed(engine);
  return true;
}

request_id
engine_empty(struct engine *engine, const char *folder)
{
  return request_change(engine, run_empty, NULL, folder, 0, 0);
}

static bool
run_tag(struct work *work, GError **error)
{
  const struct change *change = work->args;
  struct store_bulk bulk = bulk_of(work);
  bool done = store_tag_bulk(work->engine->store, KEYS(change), change->word, &bulk, error);
  engine_changed(work->engine);
  return done;
}

request_id
engine_tag(struct engine *engine, const char *const *keys, const char *words)
{
  return request_change(engine, run_tag, keys, words, 0, 0);
}

/* ---- threads ---- */

static bool
run_join(struct work *work, GError **error)
{
  const struct change *change = work->args;
  bool done = store_thread_join(work->engine->store, KEYS(change), change->word, error);
  engine_changed(work->engine);
  return done;
}

request_id
engine_thread_join(struct engine *engine, const char *const *keys, const char *below)
{
  return request_change(engine, run_join, keys, below, 0, 0);
}

static bool
run_break(struct work *work, GError **error)
{
  const struct change *change = work->args;
  bool done = store_thread_break(work->engine->store, KEYS(change), error);
  engine_changed(work->engine);
  return done;
}

request_id
engine_thread_break(struct engine *engine, const char *const *keys)
{
  return request_change(engine, run_break, keys, NULL, 0, 0);
}

static bool
run_mark(struct work *work, GError **error)
{
  const struct change *change = work->args;
  bool done = store_thread_mark(work->engine->store, KEYS(change), (enum thread_mark)change->set,
                                error);
  engine_changed(work->engine);
  return done;
}

request_id
engine_thread_mark(struct engine *engine, const char *const *keys, enum thread_mark mark)
{
  return request_change(engine, run_mark, keys, NULL, mark, 0);
}

/* ---- taking back ---- */

static bool
run_undo(struct work *work, GError **error)
{
  struct store_bulk bulk = bulk_of(work);
  bool done = store_undo_bulk(work->engine->store, &bulk, &work->done->text, error);
  engine_changed(work->engine);
  return done;
}

request_id
engine_undo(struct engine *engine)
{
  return engine_request(engine, GROUP_CHANGE, run_undo, NULL, NULL);
}

/* ---- in and out of other programs ---- */

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

request_id
engine_import(struct engine *engine, const char *path, const char *folder)
{
  return engine_request(engine, GROUP_CHANGE, run_import,
                        carry_new(path, folder != NULL ? folder : engine_inbox(engine)),
                        carry_free);
}

static bool
run_export(struct work *work, GError **error)
{
  const struct carry *carry = work->args;
  struct event *done = work->done;
  if (!store_export(work->engine->store, carry->folder, carry->path, &done->total, work->cancel,
                    error))
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

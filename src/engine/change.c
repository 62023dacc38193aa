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
    work_progress_of_many(data, _("changing letters"), progress);
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

bool
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
    work->done->done = gone->len - 1;
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
  struct store_progress progress = {0};
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
    progress.total = MAX(progress.total, total);
    progress.done = progress.total - total;
    if (!expunge_rows(work, rows, error)) {
      engine_changed(engine);
      return false;
    }
    work_progress_of_many(work, _("removing letters"), &progress);
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

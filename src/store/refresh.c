#include "store/refresh.h"

#include <string.h>

#include "base/error.h"
#include "base/i18n.h"
#include "store/watch.h"

#define WAIT_US 20000
/* Pages of the full-text table that are merged at a time: few, since who writes waits; and
 * beside a first reading somewhat more than a batch brings, when there are so many parts that
 * FTS5 would soon merge them all at once. */
#define SETTLE_PAGES 1000
#define BATCH_PAGES 4000
#define BATCH_LETTERS 1000
#define BATCH_PARTS 64
/* A log longer than this is brought home after a refresh. */
#define LOG_BYTES (8 << 20)

static void
refresh_clear(struct refresh *refresh)
{
  g_clear_pointer(&refresh->scan, scan_free);
  g_clear_pointer(&refresh->tagged, g_hash_table_unref);
  g_clear_pointer(&refresh->left, g_ptr_array_unref);
}
typedef struct refresh refresh_t;
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(refresh_t, refresh_clear)

/* ---- folders ---- */

static bool
register_folders(struct refresh *refresh, GError **error)
{
  bool needed = false;
  for (guint i = 0; i < refresh->scan->folders->len; i++)
    needed |= folder_at(refresh, i)->id == 0;
  if (!needed)
    return true;
  g_autoptr(conn_t) conn = conn_write(refresh->store, refresh->cancel, error);
  if (conn == NULL)
    return false;
  for (guint i = 0; i < refresh->scan->folders->len; i++) {
    struct scanned_folder *folder = folder_at(refresh, i);
    if (folder->id == 0 && !letter_folder(conn, folder->name, &folder->id, error))
      return false;
  }
  refresh->changed = true;
  return conn_commit(conn, error);
}

/* All was done: the times of the directories are kept, so that nothing is looked
 * at again until they change. */
static bool
settle_folders(struct refresh *refresh, GError **error)
{
  bool needed = false;
  for (guint i = 0; i < refresh->scan->folders->len; i++)
    needed |= folder_at(refresh, i)->looked || folder_at(refresh, i)->vanished;
  if (!needed)
    return true;
  g_autoptr(conn_t) conn = conn_write(refresh->store, NULL, error);
  if (conn == NULL)
    return false;
  for (guint i = 0; i < refresh->scan->folders->len; i++) {
    struct scanned_folder *folder = folder_at(refresh, i);
    if (folder->looked && !folder->vanished &&
        !conn_run(conn, error,
                  "UPDATE folder SET cur_time = ?1, new_time = ?2 WHERE id = ?3"
                  " AND (cur_time <> ?1 OR new_time <> ?2)",
                  "iii", folder->cur_time, folder->new_time, folder->id))
      return false;
    if (folder->vanished) {
      refresh->changed = true;
      if (!conn_run(conn, error, "DELETE FROM folder WHERE id = ? AND NOT EXISTS"
                                 " (SELECT 1 FROM letter WHERE folder = folder.id)",
                    "i", folder->id))
        return false;
    }
  }
  return conn_commit(conn, error);
}

/* ---- new letters ---- */

static char *
tags_of(struct refresh *refresh, const struct letter_read *letter)
{
  if (letter->doc == NULL)
    return NULL;
  if (refresh->tagged == NULL)
    refresh->tagged = state_tagged(refresh->store);
  g_autofree char *base = maildir_base(letter->what->name, NULL);
  g_autofree char *stem = maildir_stem(base);
  if (!g_hash_table_contains(refresh->tagged, stem))
    return NULL;
  return state_tags(refresh->store, base, letter->doc->digest != NULL ? letter->doc->digest : "");
}

/* A letter of a batch on its way into the index. */
struct arrival {
  const struct letter_read *letter;
  char *tags;
  int64_t id;               /* 0: it has no new row */
};

static void
arrival_clear(void *arrival)
{
  g_free(((struct arrival *)arrival)->tags);
}

/* Before the write begins: who changes tags holds state.db and waits for the
 * index, so that asking the other way round would wait for ever. */
static GArray *
prepare(struct refresh *refresh, GPtrArray *letters)
{
  GArray *arrivals = g_array_new(FALSE, FALSE, sizeof(struct arrival));
  g_array_set_clear_func(arrivals, arrival_clear);
  for (guint i = 0; i < letters->len; i++) {
    struct arrival arrival = {letters->pdata[i], tags_of(refresh, letters->pdata[i]), 0};
    g_array_append_val(arrivals, arrival);
  }
  return arrivals;
}

static bool
add_letter(struct refresh *refresh, struct conn *conn, struct arrival *arrival, GError **error)
{
  const struct letter_read *letter = arrival->letter;
  const struct scanned_folder *folder = folder_at(refresh, letter->what->folder);
  if (letter->doc == NULL) {
    if (!letter->odd)
      unsettle(refresh, letter->what->folder);
    return true;
  }
  g_autofree char *base = NULL;
  struct letter_file file = refresh_file(letter->what->name, letter->what->fresh, &base);
  file.arrival = letter->arrival;
  refresh->changed = true;
  return letter_add(conn, folder->id, folder_is_sent(folder->name), &file, letter->size,
                    letter->doc, arrival->tags, &arrival->id, error) &&
         (arrival->id == 0 || lists_add(conn, arrival->id, letter->terms, error));
}

static bool
add_letters(GPtrArray *letters, void *data, GError **error)
{
  struct refresh *refresh = data;
  g_autoptr(GArray) arrivals = prepare(refresh, letters);
  struct arrival *all = (struct arrival *)(void *)arrivals->data;
  g_autoptr(conn_t) conn = conn_write(refresh->store, refresh->cancel, error);
  if (conn == NULL)
    return false;
  for (guint i = 0; i < arrivals->len; i++)
    if (!add_letter(refresh, conn, &all[i], error))
      return false;
  for (guint i = 0; i < arrivals->len; i++)
    if (all[i].id != 0 && !letter_add_text(conn, all[i].id, all[i].letter->terms, error))
      return false;
  if (!lists_from(conn, &refresh->listed, error) || !conn_commit(conn, error))
    return false;
  refresh->count.rows += letters->len;
  if (refresh->progress != NULL)
    refresh->progress(&refresh->count, refresh->data);
  return true;
}

static void
tell_read(void *data)
{
  struct refresh *refresh = data;
  refresh->count.done++;
  if (refresh->progress != NULL)
    refresh->progress(&refresh->count, refresh->data);
}

/* Maildir names begin with the time: the newest are read first, since they are
 * looked at first. */
static int
compare_newest(const void *a, const void *b)
{
  const struct change *one = a, *two = b;
  guint64 first = g_ascii_strtoull(one->name, NULL, 10);
  guint64 second = g_ascii_strtoull(two->name, NULL, 10);
  if (first != second)
    return first > second ? -1 : 1;
  return strcmp(two->name, one->name);
}

static bool
give_and_merge(GPtrArray *letters, void *data, GError **error)
{
  struct refresh *refresh = data;
  if (!refresh->give(letters, refresh, error))
    return false;
  int64_t parts;
  if (letters->len >= BATCH_LETTERS && index_parts(refresh->store, &parts) && parts >= BATCH_PARTS)
    index_merge(refresh->store, BATCH_PAGES);
  return true;
}

bool
refresh_read(struct refresh *refresh, GArray *wanted, reading_fn give, void (*tell)(void *data),
             GError **error)
{
  struct reading_order order = {wanted, give_and_merge, tell, refresh, &refresh->listed};
  refresh->give = give;
  {
    g_autoptr(conn_t) conn = conn_read(refresh->store, refresh->cancel, error);
    if (conn == NULL || !lists_from(conn, &refresh->listed, error))
      return false;
  }
  return reading_run(refresh->store, refresh->scan, &order, refresh->cancel, error);
}

static bool
read_new(struct refresh *refresh, GError **error)
{
  GArray *added = refresh->scan->added;
  if (added->len == 0)
    return true;
  g_array_sort(added, compare_newest);
  refresh->count = (struct store_progress){.total = added->len};
  if (refresh->progress != NULL)
    refresh->progress(&refresh->count, refresh->data);
  return refresh_read(refresh, added, add_letters, tell_read, error);
}

/* ---- the whole ---- */

static bool
refresh_once(struct refresh *refresh, GError **error)
{
  watch_folders(refresh->store, refresh->cancel);
  refresh->scan = scan_run(refresh->store, refresh->cancel, error);
  if (refresh->scan == NULL)
    return false;
  return hand_follow(refresh->store, &refresh->changed, error) && register_folders(refresh, error) &&
         refresh_names(refresh, error) && read_new(refresh, error) &&
         refresh_tags(refresh, error) && settle_folders(refresh, error) &&
         refresh_texts(refresh, error) &&
         waiting_sync(refresh->store, &refresh->changed, refresh->cancel, error);
}

/* Did others write meanwhile?  Their rows are news here too. */
static bool
others_wrote(struct store *store)
{
  int64_t version = index_data_version(store);
  struct refreshing *refreshing = index_refreshing(store);
  bool news = version == 0 || refreshing->seen != version;
  refreshing->seen = version;
  return news;
}

/* Another refresh of this store may run; waiting for it can be cancelled. */
static bool
lock_refreshing(struct store *store, GCancellable *cancel, GError **error)
{
  struct refreshing *refreshing = index_refreshing(store);
  g_atomic_int_inc(&refreshing->waiting);
  bool locked;
  while (!(locked = g_mutex_trylock(&refreshing->lock)) && !g_cancellable_is_cancelled(cancel))
    g_usleep(WAIT_US);
  g_atomic_int_add(&refreshing->waiting, -1);
  return locked || error_set(error, POSTINO_ERROR_CANCELLED, _("stopped"));
}

static bool
refresh_locked(struct store *store, store_progress_fn progress, void *data, bool *changed_out,
               GCancellable *cancel, GError **error)
{
  for (int attempt = 0;; attempt++) {
    g_auto(refresh_t) refresh = {
        .store = store, .progress = progress, .data = data, .cancel = cancel};
    g_autoptr(GError) why = NULL;
    bool ok = refresh_once(&refresh, &why);
    bool news = others_wrote(store);
    if (changed_out != NULL)
      *changed_out = refresh.changed || news || attempt > 0;
    if (ok)
      return true;
    if (attempt > 0 || !index_is_broken(store)) {
      g_propagate_error(error, g_steal_pointer(&why));
      return false;
    }
    if (!index_replace(store, error))
      return false;
  }
}

bool
store_refresh(struct store *store, store_progress_fn progress, void *data, bool *changed_out,
              GCancellable *cancel, GError **error)
{
  if (!lock_refreshing(store, cancel, error))
    return false;
  bool ok = (!index_is_broken(store) || index_replace(store, error)) &&
            refresh_locked(store, progress, data, changed_out, cancel, error);
  g_mutex_unlock(&index_refreshing(store)->lock);
  return ok;
}

bool
store_rebuild(struct store *store, store_progress_fn progress, void *data, GCancellable *cancel,
              GError **error)
{
  if (!lock_refreshing(store, cancel, error))
    return false;
  bool ok = index_replace(store, error) &&
            refresh_locked(store, progress, data, NULL, cancel, error);
  g_mutex_unlock(&index_refreshing(store)->lock);
  return ok;
}

bool
store_settle(struct store *store)
{
  struct refreshing *refreshing = index_refreshing(store);
  /* Another refresh goes on or would like to, and whoever began it settles. */
  if (g_atomic_int_get(&refreshing->waiting) > 0 || !g_mutex_trylock(&refreshing->lock))
    return false;
  bool more = index_merge(store, SETTLE_PAGES);
  lists_trim(store, LISTS_KEPT + LISTS_KEPT / 8, LISTS_KEPT);
  index_checkpoint(store, LOG_BYTES);
  g_mutex_unlock(&refreshing->lock);
  return more;
}

void
store_write_back(struct store *store)
{
  index_checkpoint(store, 1);
}

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/i18n.h"
#include "store/disk.h"
#include "store/reading.h"
#include "store/scan.h"
#include "store/watch.h"

/* Names that change in one commit, so that others may write between. */
#define CHANGES_A_COMMIT 2000
/* Letters whose text is put in again at a time. */
#define TEXTS_AT_ONCE 5000
/* Dead rows below which the full-text table is never made anew. */
#define DEAD_LEAST 1000
#define WAIT_US 20000

struct refresh {
  struct store *store;
  struct scan *scan;
  store_progress_fn progress;
  void *data;
  struct store_progress count;
  GCancellable *cancel;
  GHashTable *tagged;       /* state_tagged(), once it is needed */
  GPtrArray *left;          /* struct left */
  int64_t listed;           /* lists_from() */
  bool changed;
};

static void
refresh_clear(struct refresh *refresh)
{
  g_clear_pointer(&refresh->scan, scan_free);
  g_clear_pointer(&refresh->tagged, g_hash_table_unref);
  g_clear_pointer(&refresh->left, g_ptr_array_unref);
}
typedef struct refresh refresh_t;
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(refresh_t, refresh_clear)

static struct scanned_folder *
folder_at(struct refresh *refresh, guint at)
{
  return refresh->scan->folders->pdata[at];
}

/* Its directory differs from what was read: it is looked at again next time. */
static void
unsettle(struct refresh *refresh, guint folder)
{
  folder_at(refresh, folder)->cur_time = 0;
}

/* A file name taken apart; the strings live as long as `base`. */
static struct letter_file
file_of(const char *name, bool fresh, char **base)
{
  struct letter_file file = {.fresh = fresh};
  *base = maildir_base(name, &file.flags);
  file.base = *base;
  file.suffix = name + strlen(*base);
  return file;
}

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

/* ---- names that changed ---- */

/* Where a row says that its letter lies now. */
static bool
place_of_row(struct refresh *refresh, struct conn *conn, int64_t id, char **base_out,
             char **path_out, GError **error)
{
  *base_out = *path_out = NULL;
  auto_stmt *stmt = conn_query(conn, error,
                               "SELECT f.name, l.base, l.suffix, l.fresh FROM letter l JOIN"
                               " folder f ON f.id = l.folder WHERE l.id = ?", "i", id);
  int step = stmt != NULL ? conn_step(conn, stmt, error) : -1;
  if (step == 1) {
    *base_out = g_strdup(column_text(stmt, 1));
    *path_out = row_file(refresh->store, column_text(stmt, 0), sqlite3_column_int(stmt, 3) != 0,
                         *base_out, column_text(stmt, 2));
  }
  return step >= 0;
}

/* A letter with tags whose file has gone. */
struct left { char *base; int64_t hash; };

static void
left_free(void *data)
{
  struct left *left = data;
  g_free(left->base);
  g_free(left);
}

static bool
note_left(struct refresh *refresh, struct conn *conn, int64_t id, GError **error)
{
  auto_stmt *stmt = conn_query(conn, error,
                               "SELECT base, message_hash FROM letter WHERE id = ?"
                               " AND tags IS NOT NULL", "i", id);
  int step = stmt != NULL ? conn_step(conn, stmt, error) : -1;
  if (step == 1) {
    struct left *left = g_new0(struct left, 1);
    *left = (struct left){g_strdup(column_text(stmt, 0)), sqlite3_column_int64(stmt, 1)};
    if (refresh->left == NULL)
      refresh->left = g_ptr_array_new_with_free_func(left_free);
    g_ptr_array_add(refresh->left, left);
  }
  return step >= 0;
}

static bool
find_heir(struct refresh *refresh, const struct left *left, char **key_out, GError **error)
{
  g_autoptr(conn_t) conn = conn_read(refresh->store, refresh->cancel, error);
  *key_out = NULL;
  if (conn == NULL)
    return false;
  auto_stmt *stmt = conn_query(conn, error,
                               "SELECT f.name, l.base FROM letter l JOIN folder f ON f.id ="
                               " l.folder WHERE l.message_hash = ? AND l.tags IS NULL"
                               " AND (l.flags & 64) = 0 LIMIT 1",
                               "i", left->hash);
  int step = stmt != NULL ? conn_step(conn, stmt, error) : -1;
  if (step == 1)
    *key_out = key_join(column_text(stmt, 0), column_text(stmt, 1));
  return step >= 0;
}

/* Dovecot moves a letter by a copy of another name: what has gone and what is the same
 * letter elsewhere without tags are one. */
static bool
follow_tags(struct refresh *refresh, GError **error)
{
  for (guint i = 0; refresh->left != NULL && i < refresh->left->len; i++) {
    const struct left *left = refresh->left->pdata[i];
    g_autofree char *key = NULL, *folder = NULL, *base = NULL;
    if (!find_heir(refresh, left, &key, error))
      return false;
    if (key == NULL || !key_split(key, &folder, &base))
      continue;
    /* Only what has the same headers has the same tags. */
    g_autofree char *path = maildir_find(refresh->store, key, NULL, NULL, NULL), *digest = NULL;
    if (path == NULL || !digest_file(path, &digest, NULL, NULL))
      continue;
    tags_copy(refresh->store, left->base, base);
    g_autofree char *tags = state_tags(refresh->store, base, digest);
    if (tags != NULL)
      index_tagged(refresh->store, key, tags);
  }
  return true;
}

/* The names were read a while ago; the store itself may have moved the letter
 * since: what lies where its row says is not gone. */
static bool
apply_gone(struct refresh *refresh, struct conn *conn, const struct change *change, GError **error)
{
  g_autofree char *base = NULL, *path = NULL;
  if (change->id == 0)
    return true;
  if (!place_of_row(refresh, conn, change->id, &base, &path, error))
    return false;
  if (base == NULL || strcmp(base, change->name) != 0)
    return true;
  if (access(path, F_OK) == 0) {
    unsettle(refresh, change->folder);
    return true;
  }
  refresh->changed = true;
  return note_left(refresh, conn, change->id, error) && letter_remove(conn, change->id, error);
}

static bool
is_same_letter(const char *base, const char *other)
{
  g_autofree char *one = maildir_stem(base), *two = maildir_stem(other);
  return strcmp(one, two) == 0;
}

static bool
apply_renamed(struct refresh *refresh, struct conn *conn, const struct change *change,
              GError **error)
{
  struct scanned_folder *folder = folder_at(refresh, change->folder);
  g_autofree char *base = NULL, *was = NULL, *path = NULL, *row_base = NULL;
  struct letter_file file = file_of(change->name, change->fresh, &base);
  path = row_file(refresh->store, folder->name, change->fresh, change->name, "");
  if (!place_of_row(refresh, conn, change->id, &row_base, &was, error))
    return false;
  if (row_base == NULL || !is_same_letter(row_base, base) || access(path, F_OK) != 0) {
    unsettle(refresh, change->folder);
    return true;
  }
  int64_t there;
  if (!letter_find(conn, folder->name, base, &there, error))
    return false;
  refresh->changed = true;
  /* Another postino has given it a row there already. */
  if (there != 0 && there != change->id)
    return letter_remove(conn, change->id, error);
  return letter_move(conn, change->id, folder->id, &file, error);
}

typedef bool (*apply_fn)(struct refresh *refresh, struct conn *conn, const struct change *change,
                         GError **error);

static bool
apply_all(struct refresh *refresh, const GArray *changes, apply_fn apply, GError **error)
{
  for (guint start = 0; start < changes->len; start += CHANGES_A_COMMIT) {
    if (g_cancellable_is_cancelled(refresh->cancel))
      return error_set(error, POSTINO_ERROR_CANCELLED, _("stopped"));
    g_autoptr(conn_t) conn = conn_write(refresh->store, refresh->cancel, error);
    if (conn == NULL)
      return false;
    guint end = MIN(start + CHANGES_A_COMMIT, changes->len);
    for (guint i = start; i < end; i++)
      if (!apply(refresh, conn, &g_array_index(changes, struct change, i), error))
        return false;
    if (!conn_commit(conn, error))
      return false;
  }
  return true;
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
  struct letter_file file = file_of(letter->what->name, letter->what->fresh, &base);
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
read_letters(struct refresh *refresh, GArray *wanted, reading_fn give, void (*tell)(void *data),
             GError **error)
{
  struct reading_order order = {wanted, give, tell, refresh, &refresh->listed};
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
  return read_letters(refresh, added, add_letters, tell_read, error);
}

/* ---- the full-text table made anew ---- */

/* FTS5 without content cannot forget. */
static bool
too_many_dead(struct refresh *refresh, bool *result_out, GError **error)
{
  g_autoptr(conn_t) conn = conn_read(refresh->store, refresh->cancel, error);
  int64_t dead, living;
  if (conn == NULL ||
      !conn_number(conn, &dead, 0, error, "SELECT count(*) FROM dead", "") ||
      !conn_number(conn, &living, 0, error, "SELECT sum(total) FROM folder", ""))
    return false;
  *result_out = dead >= DEAD_LEAST && dead * 4 >= living;
  return true;
}

/* Their text is in no file; waiting_sync() puts them in again. */
static bool
forget_waiting(struct conn *conn, GError **error)
{
  int64_t id;
  do {
    if (!conn_number(conn, &id, 0, error, "SELECT id FROM letter WHERE (flags & 64) <> 0 LIMIT 1",
                     "") ||
        (id != 0 && !letter_remove(conn, id, error)))
      return false;
  } while (id != 0);
  return true;
}

/* When a fifth is dead, all is put in again, newest first, a batch a commit; the
 * rows stay to be seen. */
static bool
empty_texts(struct refresh *refresh, GError **error)
{
  g_autoptr(conn_t) conn = conn_write(refresh->store, NULL, error);
  return conn != NULL &&
         conn_run(conn, error, "INSERT INTO text(text) VALUES('delete-all')", "") &&
         conn_run(conn, error, "DELETE FROM dead", "") &&
         conn_run(conn, error, "DELETE FROM sealed WHERE id NOT IN (SELECT id FROM letter)", "") &&
         conn_run(conn, error, "UPDATE letter SET texted = 0 WHERE (flags & 64) = 0", "") &&
         forget_waiting(conn, error) && conn_commit(conn, error);
}

static int
compare_ids(const void *a, const void *b)
{
  const struct letter_read *one = *(void *const *)a, *two = *(void *const *)b;
  return (one->what->id > two->what->id) - (one->what->id < two->what->id);
}

static bool
add_texts(GPtrArray *letters, void *data, GError **error)
{
  struct refresh *refresh = data;
  g_autoptr(conn_t) conn = conn_write(refresh->store, refresh->cancel, error);
  if (conn == NULL)
    return false;
  /* In the order of their numbers, whatever their dates say now. */
  g_ptr_array_sort(letters, compare_ids);
  for (guint i = 0; i < letters->len; i++) {
    const struct letter_read *letter = letters->pdata[i];
    int64_t id = letter->what->id, waits;
    if (!conn_number(conn, &waits, 0, error, "SELECT 1 FROM letter WHERE id = ? AND texted = 0",
                     "i", id) ||
        (waits != 0 && letter->doc != NULL && !letter_add_text(conn, id, letter->terms, error)))
      return false;
  }
  for (guint i = 0; i < letters->len; i++)
    if (!conn_run(conn, error, "UPDATE letter SET texted = 1 WHERE id = ?", "i",
                  ((struct letter_read *)letters->pdata[i])->what->id))
      return false;
  return conn_commit(conn, error);
}

static guint
folder_place(struct refresh *refresh, int64_t id)
{
  for (guint i = 0; i < refresh->scan->folders->len; i++)
    if (folder_at(refresh, i)->id == id)
      return i;
  return G_MAXUINT;
}

static GArray *
textless(struct refresh *refresh, GError **error)
{
  g_autoptr(conn_t) conn = conn_read(refresh->store, refresh->cancel, error);
  if (conn == NULL)
    return NULL;
  g_autoptr(GArray) wanted = g_array_new(FALSE, FALSE, sizeof(struct change));
  auto_stmt *stmt = conn_query(conn, error,
                               "SELECT id, folder, base || suffix, fresh FROM letter"
                               " WHERE texted = 0 ORDER BY id DESC LIMIT ?",
                               "i", (int64_t)TEXTS_AT_ONCE);
  int step = stmt != NULL ? 1 : -1;
  while (step == 1 && (step = conn_step(conn, stmt, error)) == 1) {
    struct change change = {
        .folder = folder_place(refresh, sqlite3_column_int64(stmt, 1)),
        .name = g_string_chunk_insert(refresh->scan->names, column_text(stmt, 2)),
        .fresh = sqlite3_column_int(stmt, 3) != 0,
        .id = sqlite3_column_int64(stmt, 0),
    };
    if (change.folder != G_MAXUINT)
      g_array_append_val(wanted, change);
  }
  return step == 0 ? g_steal_pointer(&wanted) : NULL;
}

static bool
renew_texts(struct refresh *refresh, GError **error)
{
  bool dead;
  if (!too_many_dead(refresh, &dead, error) || (dead && !empty_texts(refresh, error)))
    return false;
  for (;;) {
    g_autoptr(GArray) wanted = textless(refresh, error);
    if (wanted == NULL)
      return false;
    if (wanted->len == 0)
      return true;
    if (!read_letters(refresh, wanted, add_texts, NULL, error))
      return false;
  }
}

/* ---- the whole ---- */

static bool
refresh_once(struct refresh *refresh, GError **error)
{
  watch_folders(refresh->store);
  refresh->scan = scan_run(refresh->store, refresh->cancel, error);
  if (refresh->scan == NULL)
    return false;
  return hand_follow(refresh->store, &refresh->changed, error) && register_folders(refresh, error) &&
         apply_all(refresh, refresh->scan->renamed, apply_renamed, error) &&
         apply_all(refresh, refresh->scan->gone, apply_gone, error) && read_new(refresh, error) &&
         follow_tags(refresh, error) && settle_folders(refresh, error) && renew_texts(refresh, error) &&
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

void
store_settle(struct store *store, bool whole, GCancellable *cancel)
{
  struct refreshing *refreshing = index_refreshing(store);
  /* Another refresh goes on, and whoever began it settles. */
  if (!g_mutex_trylock(&refreshing->lock))
    return;
  lists_trim(store, LISTS_KEPT + LISTS_KEPT / 8, LISTS_KEPT);
  while (index_merge(store) && whole && g_atomic_int_get(&refreshing->waiting) == 0 &&
         !g_cancellable_is_cancelled(cancel))
    ;
  index_checkpoint(store);
  g_mutex_unlock(&refreshing->lock);
}

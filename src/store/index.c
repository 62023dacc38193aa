#include "store/index-private.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/i18n.h"
#include "store/schema.h"

struct index {
  char *path;
  GMutex lock;              /* guards all that follows but the writer */
  GPtrArray *idle;          /* struct conn that read nothing now */
  guint generation;         /* one more for each file that was opened at `path` */
  dev_t device;
  ino_t inode;
  int broken;               /* atomic: a statement met damage */
  GMutex writing;           /* held by who writes; guards writer */
  struct conn *writer;
  struct refreshing refreshing;
};

/* Readers that are kept open: a view, its neighbour, the folder counts. */
#define IDLE_READERS 4
/* Steps of SQLite between looks whether to stop: few, since to read a page of the full-text
 * table, of which a search may read thousands before it gives a row, is but four. */
#define STEPS_BETWEEN 100
/* Free pages above which the file gives so many back. */
#define FREE_MOST 256

/* ---- opening ---- */

const char *
index_file(const struct index *index)
{
  return index->path;
}

void
index_damaged(struct index *index)
{
  g_atomic_int_set(&index->broken, 1);
}

static struct conn *
open_conn(struct index *index, GError **error)
{
  struct conn *conn = conn_open(index, error);
  if (conn != NULL)
    conn->generation = index->generation;
  return conn;
}

static bool
make_schema(struct conn *conn, GError **error)
{
  g_autofree char *sql = g_strdup_printf(
      "BEGIN IMMEDIATE; PRAGMA application_id = %d; PRAGMA user_version = %d;" SCHEMA_SQL "COMMIT;",
      SCHEMA_APPLICATION, SCHEMA_VERSION);
  if (sqlite3_exec(conn->db, sql, NULL, NULL, NULL) == SQLITE_OK)
    return true;
  return conn_fail(conn, error);
}

enum fitness { FIT, EMPTY, UNFIT, BUSY };

/* What another program has locked is whole, for all that is known. */
static enum fitness
fitness_of(const GError *failed)
{
  return error_is(failed, POSTINO_ERROR_RETRY) ? BUSY : UNFIT;
}

/* An older or newer postino's file, or a stranger's, is unfit. */
static enum fitness
look_at_schema(struct conn *conn, GError **error)
{
  int64_t application, version, tables;
  g_autoptr(GError) failed = NULL;
  if (!conn_number(conn, &application, 0, &failed, "PRAGMA application_id", "") ||
      !conn_number(conn, &version, 0, &failed, "PRAGMA user_version", "") ||
      !conn_number(conn, &tables, 0, &failed, "SELECT count(*) FROM sqlite_schema", "")) {
    enum fitness fitness = fitness_of(failed);
    g_propagate_error(error, g_steal_pointer(&failed));
    return fitness;
  }
  if (application == 0 && version == 0 && tables == 0)
    return EMPTY;
  return application == SCHEMA_APPLICATION && version == SCHEMA_VERSION ? FIT : UNFIT;
}

static void
unlink_files(struct index *index)
{
  static const char *const ends[] = {"", "-wal", "-shm", "-journal"};
  for (gsize i = 0; i < G_N_ELEMENTS(ends); i++) {
    g_autofree char *path = g_strconcat(index->path, ends[i], NULL);
    g_unlink(path);
  }
}

/* SQLite would let others read it; its log takes the rights of the file. */
static void
make_private(struct index *index)
{
  auto_fd fd = open(index->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0)
    g_debug("index: the file cannot be made");
}

/* Opens what lies at the path, or makes it anew when it is missing, foreign or
 * damaged.  The caller holds the file lock: two programs that replace at once
 * would delete each other's logs. */
static struct conn *
open_fit(struct index *index, bool anew, GError **error)
{
  if (anew || access(index->path, F_OK) != 0)
    unlink_files(index);
  make_private(index);
  g_autoptr(GError) failed = NULL;
  struct conn *conn = open_conn(index, &failed);
  enum fitness fitness = conn != NULL ? look_at_schema(conn, &failed) : fitness_of(failed);
  if (fitness == FIT)
    return conn;
  if (fitness == BUSY) {
    conn_close(conn);
    g_propagate_error(error, g_steal_pointer(&failed));
    return NULL;
  }
  if (fitness == UNFIT) {
    conn_close(conn);
    unlink_files(index);
    make_private(index);
    conn = open_conn(index, error);
  }
  if (conn != NULL && !make_schema(conn, error)) {
    conn_close(conn);
    conn = NULL;
  }
  return conn;
}

/* Opens the file at the path as a new generation.  index->lock is held. */
static bool
open_generation(struct store *store, bool anew, GError **error)
{
  struct index *index = store->index;
  g_ptr_array_set_size(index->idle, 0);
  index->generation++;
  g_autoptr(store_lock_t) lock = store_lock(store, "index", CONN_BUSY_MS / 1000, NULL, error);
  if (lock == NULL)
    return false;
  struct conn *conn = open_fit(index, anew, error);
  if (conn == NULL)
    return false;
  struct stat info;
  if (stat(index->path, &info) == 0) {
    index->device = info.st_dev;
    index->inode = info.st_ino;
  }
  g_atomic_int_set(&index->broken, 0);
  g_ptr_array_add(index->idle, conn);
  return true;
}

static bool
file_is_ours(const struct index *index)
{
  struct stat info;
  return stat(index->path, &info) == 0 && info.st_dev == index->device &&
         info.st_ino == index->inode;
}

/* Another program may have deleted or replaced the file. */
static bool
settle(struct store *store, GError **error)
{
  struct index *index = store->index;
  return file_is_ours(index) || open_generation(store, false, error);
}

bool
index_open(struct store *store, GError **error)
{
  struct index *index = g_new0(struct index, 1);
  index->path = g_build_filename(store->dir, ".postino", "index.db", NULL);
  index->idle = g_ptr_array_new_with_free_func((GDestroyNotify)conn_close);
  g_mutex_init(&index->lock);
  g_mutex_init(&index->writing);
  g_mutex_init(&index->refreshing.lock);
  index->refreshing.watch = -1;
  store->index = index;
  g_autofree char *dir = g_path_get_dirname(index->path);
  if (file_make_dirs(dir, error) && open_generation(store, false, error))
    return true;
  index_close(store);
  return false;
}

void
index_close(struct store *store)
{
  struct index *index = store->index;
  if (index == NULL)
    return;
  conn_close(index->writer);
  g_ptr_array_unref(index->idle);
  fd_clear(&index->refreshing.watch);
  g_mutex_clear(&index->lock);
  g_mutex_clear(&index->writing);
  g_mutex_clear(&index->refreshing.lock);
  g_free(index->path);
  g_free(index);
  store->index = NULL;
}

bool
index_is_broken(struct store *store)
{
  return g_atomic_int_get(&store->index->broken) != 0;
}

bool
index_replace(struct store *store, GError **error)
{
  struct index *index = store->index;
  g_mutex_lock(&index->writing);
  g_mutex_lock(&index->lock);
  g_clear_pointer(&index->writer, conn_close);
  bool ok = open_generation(store, true, error);
  g_mutex_unlock(&index->lock);
  g_mutex_unlock(&index->writing);
  return ok;
}

struct refreshing *
index_refreshing(struct store *store)
{
  return &store->index->refreshing;
}

/* ---- borrowing ---- */

static int
is_cancelled(void *cancel)
{
  return g_cancellable_is_cancelled(cancel);
}

static void
listen_to(struct conn *conn, GCancellable *cancel)
{
  sqlite3_progress_handler(conn->db, cancel != NULL ? STEPS_BETWEEN : 0,
                           cancel != NULL ? is_cancelled : NULL, cancel);
}

/* account: and is:sent ask state.db, whose words are no mirror's.  Without it
 * only they fail. */
static void
attach_state(struct store *store, struct conn *conn)
{
  if (conn->attached)
    return;
  conn->attached = true;
  g_autofree char *path = g_build_filename(store->dir, ".postino", "state.db", NULL);
  g_autofree char *plain = g_filename_to_uri(path, NULL, NULL);
  g_autofree char *uri = g_strconcat(plain, "?mode=ro", NULL);
  if (!conn_run(conn, NULL, "ATTACH ? AS state", "s", uri))
    g_debug("index: state.db cannot be asked");
}

static struct conn *
take_idle(struct store *store, GError **error)
{
  struct index *index = store->index;
  g_mutex_lock(&index->lock);
  struct conn *conn = NULL;
  if (settle(store, error)) {
    if (index->idle->len > 0)
      conn = g_ptr_array_steal_index_fast(index->idle, index->idle->len - 1);
    else
      conn = open_conn(index, error);
  }
  g_mutex_unlock(&index->lock);
  return conn;
}

static bool
begin(struct conn *conn, const char *sql, GError **error)
{
  conn->hands = HANDS_UNKNOWN;
  return conn_run(conn, error, sql, "");
}

struct conn *
conn_read(struct store *store, GCancellable *cancel, GError **error)
{
  struct conn *conn = take_idle(store, error);
  if (conn == NULL)
    return NULL;
  attach_state(store, conn);
  listen_to(conn, cancel);
  if (begin(conn, "BEGIN", error))
    return conn;
  conn_close(conn);
  return NULL;
}

/* The writer's connection for the present file; index->writing is held. */
static struct conn *
settle_writer(struct store *store, GError **error)
{
  struct index *index = store->index;
  g_mutex_lock(&index->lock);
  bool ok = settle(store, error);
  if (ok && (index->writer == NULL || index->writer->generation != index->generation)) {
    conn_close(index->writer);
    index->writer = open_conn(index, error);
    index->refreshing.seen = 0;
    if (index->writer != NULL)
      sqlite3_exec(index->writer->db, "PRAGMA cache_size = -16000", NULL, NULL, NULL);
  }
  g_mutex_unlock(&index->lock);
  return ok ? index->writer : NULL;
}

struct conn *
conn_write(struct store *store, GCancellable *cancel, GError **error)
{
  struct index *index = store->index;
  g_mutex_lock(&index->writing);
  struct conn *conn = settle_writer(store, error);
  if (conn != NULL) {
    listen_to(conn, cancel);
    if (begin(conn, "BEGIN IMMEDIATE", error))
      return conn;
    listen_to(conn, NULL);
  }
  g_mutex_unlock(&index->writing);
  return NULL;
}

bool
conn_commit(struct conn *conn, GError **error)
{
  listen_to(conn, NULL);
  return conn_run(conn, error, "COMMIT", "");
}

int64_t
index_data_version(struct store *store)
{
  struct index *index = store->index;
  int64_t version = 0;
  g_mutex_lock(&index->writing);
  struct conn *conn = settle_writer(store, NULL);
  if (conn != NULL && !conn_number(conn, &version, 0, NULL, "PRAGMA data_version", ""))
    version = 0;
  g_mutex_unlock(&index->writing);
  return version;
}

void
index_checkpoint(struct store *store, guint64 least)
{
  struct index *index = store->index;
  g_autofree char *log = g_strconcat(index->path, "-wal", NULL);
  struct stat info;
  if (stat(log, &info) != 0 || (guint64)info.st_size < least)
    return;
  g_mutex_lock(&index->writing);
  struct conn *conn = settle_writer(store, NULL);
  if (conn != NULL) {
    sqlite3_busy_timeout(conn->db, 0);
    sqlite3_wal_checkpoint_v2(conn->db, "main", SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    sqlite3_busy_timeout(conn->db, CONN_BUSY_MS);
  }
  g_mutex_unlock(&index->writing);
}

/* A walk from part to part: the rows of one are many. */
bool
index_parts(struct store *store, int64_t *parts_out)
{
  g_autoptr(conn_t) conn = conn_read(store, NULL, NULL);
  return conn != NULL &&
         conn_number(conn, parts_out, 0, NULL,
                     "WITH RECURSIVE part(id) AS (SELECT min(segid) FROM text_idx UNION ALL"
                     " SELECT (SELECT min(segid) FROM text_idx WHERE segid > id) FROM part"
                     " WHERE id IS NOT NULL) SELECT count(id) FROM part", "");
}

static bool
merge_some(struct conn *conn, guint pages, bool *more_out)
{
  int before = sqlite3_total_changes(conn->db);
  if (!conn_run(conn, NULL, "INSERT INTO text(text, rank) VALUES('merge', ?)", "i",
                (int64_t)pages))
    return false;
  /* No row but that of the command: there was nothing (FTS5, "The merge command"). */
  *more_out = sqlite3_total_changes(conn->db) - before > 1;
  return true;
}

/* What merged parts no longer use goes back to the system, when it is much. */
static bool
give_back(struct conn *conn, bool *more_out)
{
  int64_t free;
  if (!conn_number(conn, &free, 0, NULL, "PRAGMA freelist_count", ""))
    return false;
  *more_out = free > FREE_MOST;
  if (!*more_out)
    return true;
  auto_stmt *stmt = conn_query(conn, NULL, "PRAGMA incremental_vacuum(" G_STRINGIFY(FREE_MOST) ")",
                               "");
  int step = stmt != NULL ? 1 : -1;
  while (step == 1)
    step = conn_step(conn, stmt, NULL);
  return step == 0;
}

/* Each commit of texts adds a part to the full-text table, and a query seeks each of its words
 * in each part: of a million letters in 193 parts it took 7 ms.  FTS5 would merge some at every
 * commit, which made a refresh take three times as long.  Asked for it, it makes one of four or
 * more that were merged as often, so that a word is written anew seldom. */
bool
index_merge(struct store *store, guint pages)
{
  g_autoptr(conn_t) conn = conn_write(store, NULL, NULL);
  bool more = false;
  if (conn != NULL && merge_some(conn, pages, &more) && (more || give_back(conn, &more)) &&
      conn_commit(conn, NULL))
    return more;
  g_debug("index: parts are merged another time");
  return false;
}

void
conn_release(struct conn *conn)
{
  if (conn == NULL)
    return;
  struct index *index = conn->index;
  listen_to(conn, NULL);
  if (!sqlite3_get_autocommit(conn->db))
    sqlite3_exec(conn->db, "ROLLBACK", NULL, NULL, NULL);
  if (conn == index->writer) {
    g_mutex_unlock(&index->writing);
    return;
  }
  g_mutex_lock(&index->lock);
  bool keep = conn->generation == index->generation && index->idle->len < IDLE_READERS;
  if (keep)
    g_ptr_array_add(index->idle, conn);
  g_mutex_unlock(&index->lock);
  if (!keep)
    conn_close(conn);
}

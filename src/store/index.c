#include "store/index-private.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/i18n.h"
#include "store/schema.h"
#include "store/tokenizer.h"

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
#define BUSY_MS 10000
/* A log longer than this is brought home after a refresh. */
#define LOG_BYTES (8 << 20)
/* Pages of the full-text table that one step of merging writes. */
#define MERGE_PAGES 1000
/* Free pages above which the file gives them back. */
#define FREE_MOST 1000

/* ---- statements ---- */

bool
conn_fail(struct conn *conn, GError **error)
{
  int code = sqlite3_errcode(conn->db);
  const char *words = sqlite3_errmsg(conn->db);
  switch (code & 0xff) {
  case SQLITE_INTERRUPT:
    return error_set(error, POSTINO_ERROR_CANCELLED, _("stopped"));
  case SQLITE_BUSY:
  case SQLITE_LOCKED:
    return error_set(error, POSTINO_ERROR_RETRY,
                     _("the index is busy in another postino; try again in a moment"));
  case SQLITE_CORRUPT:
  case SQLITE_NOTADB:
  case SQLITE_FORMAT:
    g_atomic_int_set(&conn->index->broken, 1);
    return error_set(error, POSTINO_ERROR_LOCAL,
                     _("the index %s is damaged (%s); it is made anew at the next look at the mail"),
                     conn->index->path, words);
  case SQLITE_FULL:
    return error_set(error, POSTINO_ERROR_LOCAL,
                     _("the index %s cannot grow: the disk is full; make room and try again"),
                     conn->index->path);
  default:
    return error_set(error, POSTINO_ERROR_LOCAL, _("the index %s failed: %s"), conn->index->path,
                     words);
  }
}

/* By its address, since it is a literal nearly always; what lies there now is compared. */
static sqlite3_stmt *
cached_statement(struct conn *conn, const char *sql, GError **error)
{
  sqlite3_stmt *stmt = g_hash_table_lookup(conn->statements, sql);
  if (stmt != NULL && strcmp(sqlite3_sql(stmt), sql) == 0)
    return stmt;
  if (sqlite3_prepare_v3(conn->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL) != SQLITE_OK) {
    conn_fail(conn, error);
    return NULL;
  }
  g_hash_table_insert(conn->statements, (void *)sql, stmt);
  return stmt;
}

/* `keep`: SQLITE_STATIC when the texts live as long as they are bound. */
static void
bind_all(sqlite3_stmt *stmt, sqlite3_destructor_type keep, const char *types, va_list args)
{
  for (int i = 0; types[i] != '\0'; i++) {
    if (types[i] == 'i')
      sqlite3_bind_int64(stmt, i + 1, va_arg(args, int64_t));
    else
      sqlite3_bind_text(stmt, i + 1, va_arg(args, const char *), -1, keep);
  }
}

sqlite3_stmt *
conn_query(struct conn *conn, GError **error, const char *sql, const char *types, ...)
{
  sqlite3_stmt *stmt = cached_statement(conn, sql, error);
  if (stmt == NULL)
    return NULL;
  va_list args;
  va_start(args, types);
  bind_all(stmt, SQLITE_TRANSIENT, types, args);
  va_end(args);
  return stmt;
}

int
conn_step(struct conn *conn, sqlite3_stmt *stmt, GError **error)
{
  int code = sqlite3_step(stmt);
  if (code == SQLITE_ROW)
    return 1;
  if (code == SQLITE_DONE)
    return 0;
  conn_fail(conn, error);
  return -1;
}

bool
conn_run(struct conn *conn, GError **error, const char *sql, const char *types, ...)
{
  auto_stmt *stmt = cached_statement(conn, sql, error);
  if (stmt == NULL)
    return false;
  va_list args;
  va_start(args, types);
  bind_all(stmt, SQLITE_STATIC, types, args);
  va_end(args);
  return conn_step(conn, stmt, error) >= 0;
}

bool
conn_number(struct conn *conn, int64_t *out, int64_t otherwise, GError **error, const char *sql,
            const char *types, ...)
{
  auto_stmt *stmt = cached_statement(conn, sql, error);
  if (stmt == NULL)
    return false;
  va_list args;
  va_start(args, types);
  bind_all(stmt, SQLITE_STATIC, types, args);
  va_end(args);
  int step = conn_step(conn, stmt, error);
  if (step < 0)
    return false;
  bool found = step == 1 && sqlite3_column_type(stmt, 0) != SQLITE_NULL;
  *out = found ? sqlite3_column_int64(stmt, 0) : otherwise;
  return true;
}

/* ---- opening ---- */

static void
finalize(void *stmt)
{
  sqlite3_finalize(stmt);
}

static void
conn_close(struct conn *conn)
{
  if (conn == NULL)
    return;
  g_hash_table_unref(conn->statements);
  sqlite3_close_v2(conn->db);
  g_free(conn);
}

/* When index.db was deleted under us, a connection to the old file must neither
 * write back nor remove the new one's log by its name. */
static void
leave_log_alone(sqlite3 *db)
{
  int keep = 1;
  sqlite3_file_control(db, "main", SQLITE_FCNTL_PERSIST_WAL, &keep);
  sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
}

static bool
set_up(struct conn *conn, GError **error)
{
  static const char pragmas[] =
      "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA trusted_schema = OFF;"
      "PRAGMA temp_store = MEMORY; PRAGMA cell_size_check = ON; PRAGMA cache_size = -2000;"
      "PRAGMA wal_autocheckpoint = 4000;"
      "CREATE VIRTUAL TABLE temp.vocabulary USING fts5vocab(main, text, instance);";
  sqlite3_busy_timeout(conn->db, BUSY_MS);
  sqlite3_extended_result_codes(conn->db, 1);
  leave_log_alone(conn->db);
  if (!tokenizer_register(conn->db) || !terms_register(conn->db) ||
      sqlite3_exec(conn->db, pragmas, NULL, NULL, NULL) != SQLITE_OK)
    return conn_fail(conn, error);
  return true;
}

static struct conn *
conn_open(struct index *index, GError **error)
{
  struct conn *conn = g_new0(struct conn, 1);
  conn->index = index;
  conn->statements = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, finalize);
  conn->generation = index->generation;
  int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
              SQLITE_OPEN_URI;
  if (sqlite3_open_v2(index->path, &conn->db, flags, NULL) != SQLITE_OK) {
    conn_fail(conn, error);
    conn_close(conn);
    return NULL;
  }
  if (!set_up(conn, error)) {
    conn_close(conn);
    return NULL;
  }
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

enum fitness { FIT, EMPTY, UNFIT };

/* An older or newer postino's file, or a stranger's, is unfit. */
static enum fitness
look_at_schema(struct conn *conn)
{
  int64_t application, version, tables;
  if (!conn_number(conn, &application, 0, NULL, "PRAGMA application_id", "") ||
      !conn_number(conn, &version, 0, NULL, "PRAGMA user_version", "") ||
      !conn_number(conn, &tables, 0, NULL, "SELECT count(*) FROM sqlite_schema", ""))
    return UNFIT;
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
  struct conn *conn = conn_open(index, NULL);
  enum fitness fitness = conn != NULL ? look_at_schema(conn) : UNFIT;
  if (fitness == FIT)
    return conn;
  if (fitness == UNFIT) {
    conn_close(conn);
    unlink_files(index);
    make_private(index);
    conn = conn_open(index, error);
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
  g_autoptr(store_lock_t) lock = store_lock(store, "index", BUSY_MS / 1000, NULL, error);
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
      conn = conn_open(index, error);
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
    index->writer = conn_open(index, error);
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
index_checkpoint(struct store *store)
{
  struct index *index = store->index;
  g_autofree char *log = g_strconcat(index->path, "-wal", NULL);
  struct stat info;
  if (stat(log, &info) != 0 || info.st_size < LOG_BYTES)
    return;
  g_mutex_lock(&index->writing);
  struct conn *conn = settle_writer(store, NULL);
  if (conn != NULL) {
    sqlite3_busy_timeout(conn->db, 0);
    sqlite3_wal_checkpoint_v2(conn->db, "main", SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    sqlite3_busy_timeout(conn->db, BUSY_MS);
  }
  g_mutex_unlock(&index->writing);
}

/* What merged parts no longer use goes back to the system, when it is much. */
static bool
give_back(struct conn *conn)
{
  int64_t pages;
  if (!conn_number(conn, &pages, 0, NULL, "PRAGMA freelist_count", ""))
    return false;
  if (pages < FREE_MOST)
    return true;
  auto_stmt *stmt = conn_query(conn, NULL, "PRAGMA incremental_vacuum", "");
  int step = stmt != NULL ? 1 : -1;
  while (step == 1)
    step = conn_step(conn, stmt, NULL);
  return step == 0;
}

/* Each commit of texts adds a part to the full-text table, and a query seeks each of its words
 * in each part.  FTS5 would merge some at every commit, which made a refresh take three times
 * as long.  Asked for it, it makes one of four or more that were merged as often, so that a
 * word is written anew seldom; it tells by its changes whether there was anything to do. */
bool
index_merge(struct store *store)
{
  g_autoptr(conn_t) conn = conn_write(store, NULL, NULL);
  if (conn == NULL)
    return false;
  int before = sqlite3_total_changes(conn->db);
  bool ok = conn_run(conn, NULL, "INSERT INTO text(text, rank) VALUES('merge', ?)", "i",
                     (int64_t)MERGE_PAGES);
  bool more = sqlite3_total_changes(conn->db) - before > 1;
  if (ok && (more || give_back(conn)) && conn_commit(conn, NULL))
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

/* ---- following what the store itself changed ---- */

static bool
follow_move(struct store *store, const char *old_key, const char *new_key, const char *new_path,
            unsigned flags)
{
  g_autofree char *old_folder = NULL, *old_base = NULL, *folder = NULL, *asked = NULL;
  if (!key_split(old_key, &old_folder, &old_base) || !key_split(new_key, &folder, &asked))
    return false;
  g_autofree char *name = g_path_get_basename(new_path);
  g_autofree char *dir = g_path_get_dirname(new_path);
  g_autofree char *base = maildir_base(name, NULL);
  struct letter_file file = {
      .base = base,
      .suffix = name + strlen(base),
      .fresh = g_str_has_suffix(dir, "/new"),
      .flags = flags,
  };
  g_autoptr(conn_t) conn = conn_write(store, NULL, NULL);
  int64_t id, there, folder_id;
  if (conn == NULL || !letter_find_stem(conn, old_folder, old_base, &id, NULL) ||
      !letter_find(conn, folder, base, &there, NULL) || id == 0)
    return false;
  bool ok = there != 0 && there != id
                ? letter_remove(conn, id, NULL)
                : letter_folder(conn, folder, &folder_id, NULL) &&
                      letter_move(conn, id, folder_id, &file, NULL);
  return ok && conn_commit(conn, NULL);
}

void
index_moved(struct store *store, const char *old_key, const char *new_key, const char *new_path,
            unsigned flags)
{
  if (!follow_move(store, old_key, new_key, new_path, flags))
    g_debug("index: a move is left to the next refresh");
}

/* The row of a key within a write. */
static bool
find_key(struct conn *conn, const char *key, int64_t *id_out)
{
  g_autofree char *folder = NULL, *base = NULL;
  return key_split(key, &folder, &base) && letter_find_stem(conn, folder, base, id_out, NULL) &&
         *id_out != 0;
}

void
index_removed(struct store *store, const char *key)
{
  g_autoptr(conn_t) conn = conn_write(store, NULL, NULL);
  int64_t id;
  if (conn == NULL || !find_key(conn, key, &id) || !letter_remove(conn, id, NULL) ||
      !conn_commit(conn, NULL))
    g_debug("index: a removal is left to the next refresh");
}

void
index_tagged(struct store *store, const char *key, const char *tags)
{
  g_autoptr(conn_t) conn = conn_write(store, NULL, NULL);
  int64_t id;
  if (conn == NULL || !find_key(conn, key, &id) || !letter_tag(conn, id, tags, NULL) ||
      !conn_commit(conn, NULL))
    g_debug("index: a tag is left to the next rebuild");
}

char *
index_path(struct store *store, const char *key)
{
  g_autoptr(conn_t) conn = conn_read(store, NULL, NULL);
  g_autofree char *folder = NULL, *base = NULL;
  if (conn == NULL || !key_split(key, &folder, &base))
    return NULL;
  auto_stmt *stmt = conn_query(conn, NULL,
                               "SELECT l.suffix, l.fresh FROM folder f JOIN letter l"
                               " ON l.folder = f.id WHERE f.name = ? AND l.base = ?"
                               " AND (l.flags & 64) = 0",
                               "ss", folder, base);
  if (stmt == NULL || conn_step(conn, stmt, NULL) != 1)
    return NULL;
  return row_file(store, folder, sqlite3_column_int(stmt, 1) != 0, base, column_text(stmt, 0));
}

char *
index_find_base(struct store *store, const char *base)
{
  g_autofree char *stem = maildir_stem(base);
  g_autoptr(conn_t) conn = conn_read(store, NULL, NULL);
  if (conn == NULL)
    return NULL;
  auto_stmt *stmt = conn_query(conn, NULL,
                               "SELECT f.name, l.base FROM folder f CROSS JOIN letter l"
                               " ON l.folder = f.id AND " OF_STEM("l.base", "?1")
                               " AND (l.flags & 64) = 0 ORDER BY l.base <> ?2 LIMIT 1",
                               "ss", stem, base);
  if (stmt == NULL || conn_step(conn, stmt, NULL) != 1)
    return NULL;
  return key_join(column_text(stmt, 0), column_text(stmt, 1));
}

bool
index_waits(struct store *store, const char *key)
{
  g_autoptr(conn_t) conn = conn_read(store, NULL, NULL);
  g_autofree char *folder = NULL, *base = NULL;
  int64_t waits = 0;
  return conn != NULL && key_split(key, &folder, &base) &&
         conn_number(conn, &waits, 0, NULL,
                     "SELECT 1 FROM folder f JOIN letter l ON l.folder = f.id WHERE f.name = ?"
                     " AND l.base = ? AND (l.flags & 64) <> 0",
                     "ss", folder, base) &&
         waits != 0;
}

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/file.h"
#include "base/i18n.h"
#include "base/paths.h"
#include "store/disk.h"

struct state {
  GMutex lock;
  sqlite3 *db;
  char *path;
  int presence;               /* shared flock while open: who finds it free is alone */
};

#define APPLICATION_ID 0x706f7374 /* "post" */
#define SCHEMA_VERSION 5
#define BUSY_MS 20000
#define SETUP_SECONDS 30

/* Forward only: entry i brings version i to i + 1. */
static const char *const migrations[SCHEMA_VERSION] = {
    "CREATE TABLE drops(id TEXT PRIMARY KEY, account TEXT NOT NULL, server TEXT NOT NULL,"
    "  user TEXT NOT NULL, UNIQUE(account, server, user)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE drop_letters("
    "  drop_id TEXT NOT NULL REFERENCES drops(id) ON DELETE CASCADE, uid TEXT NOT NULL,"
    "  size INTEGER NOT NULL, generation INTEGER NOT NULL, base TEXT, digest TEXT,"
    "  fetched INTEGER NOT NULL, state INTEGER NOT NULL, missed INTEGER,"
    "  PRIMARY KEY(drop_id, uid, size, generation)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX drop_letters_uid ON drop_letters(uid);"
    "CREATE TABLE memory(account TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL,"
    "  PRIMARY KEY(account, name)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE letters(number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,"
    "  account TEXT NOT NULL, sender TEXT, message_id TEXT, digest TEXT, base TEXT NOT NULL,"
    "  sent_folder TEXT, state INTEGER NOT NULL, reason TEXT, attempts INTEGER NOT NULL,"
    "  created INTEGER NOT NULL, changed INTEGER NOT NULL, not_before INTEGER NOT NULL,"
    "  next_try INTEGER NOT NULL, copies INTEGER NOT NULL) STRICT;"
    "CREATE INDEX letters_state ON letters(state);"
    "CREATE INDEX letters_digest ON letters(digest);"
    "CREATE INDEX letters_message_id ON letters(message_id);"
    "CREATE TABLE recipients(letter INTEGER NOT NULL REFERENCES letters(number) ON DELETE CASCADE,"
    "  number INTEGER NOT NULL, spec TEXT NOT NULL, copy INTEGER NOT NULL,"
    "  state INTEGER NOT NULL, reason TEXT, status TEXT, changed INTEGER NOT NULL,"
    "  PRIMARY KEY(letter, number)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE tags(base TEXT NOT NULL, digest TEXT NOT NULL, tag TEXT NOT NULL,"
    "  PRIMARY KEY(base, digest, tag)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE undo(number INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL,"
    "  kind INTEGER NOT NULL) STRICT;"
    "CREATE TABLE undo_steps(undo INTEGER NOT NULL REFERENCES undo(number) ON DELETE CASCADE,"
    "  number INTEGER NOT NULL, folder TEXT NOT NULL, base TEXT NOT NULL, digest TEXT,"
    "  was TEXT NOT NULL, now TEXT NOT NULL, PRIMARY KEY(undo, number)) STRICT, WITHOUT ROWID;",
    /* account: and is:sent ask for a letter at a time. */
    ("CREATE INDEX drop_letters_base ON drop_letters(base) WHERE base IS NOT NULL;"
     "CREATE INDEX letters_base ON letters(base);"),
    "ALTER TABLE letters ADD COLUMN dsn TEXT;",
    /* Threads by hand: parent NULL: as References say; 0: broken off. */
    "CREATE TABLE thread_edits(hash INTEGER PRIMARY KEY, parent INTEGER,"
    "  mark INTEGER NOT NULL) STRICT;",
    /* What lies on a server and is not here: listed, or kept there. */
    ("CREATE TABLE waiting(drop_id TEXT NOT NULL REFERENCES drops(id) ON DELETE CASCADE,"
     "  uid TEXT NOT NULL, size INTEGER NOT NULL, generation INTEGER NOT NULL,"
     "  folder TEXT NOT NULL, base TEXT NOT NULL, headers BLOB, asked INTEGER NOT NULL,"
     "  noticed INTEGER NOT NULL, PRIMARY KEY(drop_id, uid, size, generation))"
     "  STRICT, WITHOUT ROWID;"
     "CREATE UNIQUE INDEX waiting_key ON waiting(folder, base);"
     "CREATE TABLE kept(drop_id TEXT NOT NULL REFERENCES drops(id) ON DELETE CASCADE,"
     "  uid TEXT NOT NULL, size INTEGER NOT NULL, PRIMARY KEY(drop_id, uid, size))"
     "  STRICT, WITHOUT ROWID;"),
};

/* ---- errors ---- */

static bool
explain(const struct state *state, int code, const char *message, GError **error)
{
  switch (code & 0xff) {
  case SQLITE_FULL:
    return error_set(error, POSTINO_ERROR_LOCAL,
                     _("%s: the disk is full; nothing was changed; make room and try again"),
                     state->path);
  case SQLITE_BUSY:
  case SQLITE_LOCKED:
    return error_set(error, POSTINO_ERROR_RETRY,
                     _("%s: another postino is writing to it; try again in a moment"),
                     state->path);
  case SQLITE_CORRUPT:
  case SQLITE_NOTADB:
    return error_set(error, POSTINO_ERROR_LOCAL,
                     _("%s is damaged (%s); your letters are safe in the Maildirs; put a backup "
                       "of this file in its place, or move it away to begin a new one"),
                     state->path, message);
  case SQLITE_READONLY:
  case SQLITE_CANTOPEN:
  case SQLITE_PERM:
    return error_set(error, POSTINO_ERROR_CREATE,
                     _("%s: %s; make it and its directory writable"), state->path, message);
  case SQLITE_IOERR:
    return error_set(error, POSTINO_ERROR_LOCAL,
                     _("%s: reading or writing failed (%s); nothing was changed; see whether the "
                       "disk is full or broken"),
                     state->path, message);
  case SQLITE_NOMEM:
    return error_set(error, POSTINO_ERROR_LOCAL, _("%s: not enough memory"), state->path);
  default:
    return error_set(error, POSTINO_ERROR_BUG, "%s: %s", state->path, message);
  }
}

static bool
fail(const struct state *state, GError **error)
{
  return explain(state, sqlite3_extended_errcode(state->db), sqlite3_errmsg(state->db), error);
}

/* ---- transactions and statements ---- */

static bool
execute(struct state *state, const char *sql, GError **error)
{
  return sqlite3_exec(state->db, sql, NULL, NULL, NULL) == SQLITE_OK ? true : fail(state, error);
}

bool
txn_begin(txn_t *txn, struct store *store, bool writing, GError **error)
{
  g_mutex_lock(&store->state->lock);
  if (!execute(store->state, writing ? "BEGIN IMMEDIATE" : "BEGIN", error)) {
    g_mutex_unlock(&store->state->lock);
    return false;
  }
  txn->store = store;
  txn->writing = writing;
  return true;
}

bool
txn_commit(txn_t *txn, GError **error)
{
  if (!execute(txn->store->state, "COMMIT", error)) {
    txn_end(txn);
    return false;
  }
  g_mutex_unlock(&txn->store->state->lock);
  txn->store = NULL;
  return true;
}

void
txn_end(txn_t *txn)
{
  if (txn->store == NULL)
    return;
  struct state *state = txn->store->state;
  /* A full disk may have rolled it back already. */
  if (!sqlite3_get_autocommit(state->db))
    sqlite3_exec(state->db, "ROLLBACK", NULL, NULL, NULL);
  g_mutex_unlock(&state->lock);
  txn->store = NULL;
}

static void
bind_bytes(sqlite3_stmt *statement, int at, GBytes *bytes)
{
  gsize size = 0;
  const void *data = bytes != NULL ? g_bytes_get_data(bytes, &size) : NULL;
  if (bytes == NULL)
    sqlite3_bind_null(statement, at);
  else
    sqlite3_bind_blob64(statement, at, data != NULL ? data : "", size, SQLITE_TRANSIENT);
}

static void
bind_all(sqlite3_stmt *statement, const char *types, va_list values)
{
  for (int i = 0; types[i] != '\0'; i++)
    if (types[i] == 't')
      sqlite3_bind_text(statement, i + 1, va_arg(values, const char *), -1, SQLITE_TRANSIENT);
    else if (types[i] == 'b')
      bind_bytes(statement, i + 1, va_arg(values, GBytes *));
    else
      sqlite3_bind_int64(statement, i + 1, va_arg(values, int64_t));
}

static sqlite3_stmt *
prepare(struct state *state, GError **error, const char *sql, const char *types, va_list values)
{
  sqlite3_stmt *statement = NULL;
  if (sqlite3_prepare_v2(state->db, sql, -1, &statement, NULL) != SQLITE_OK) {
    fail(state, error);
    return NULL;
  }
  bind_all(statement, types, values);
  return statement;
}

sqlite3_stmt *
state_prepare(txn_t *txn, GError **error, const char *sql, const char *types, ...)
{
  va_list values;
  va_start(values, types);
  sqlite3_stmt *statement = prepare(txn->store->state, error, sql, types, values);
  va_end(values);
  return statement;
}

void
state_bind(sqlite3_stmt *statement, const char *types, ...)
{
  va_list values;
  va_start(values, types);
  sqlite3_reset(statement);
  bind_all(statement, types, values);
  va_end(values);
}

enum step
state_step(txn_t *txn, sqlite3_stmt *statement, GError **error)
{
  switch (sqlite3_step(statement)) {
  case SQLITE_ROW:
    return STEP_ROW;
  case SQLITE_DONE:
    return STEP_DONE;
  default:
    fail(txn->store->state, error);
    return STEP_FAILED;
  }
}

static bool
run_out(txn_t *txn, sqlite3_stmt *statement, GError **error)
{
  enum step step;
  while ((step = state_step(txn, statement, error)) == STEP_ROW)
    ;
  return step == STEP_DONE;
}

bool
state_run(txn_t *txn, GError **error, const char *sql, const char *types, ...)
{
  va_list values;
  va_start(values, types);
  g_autoptr(state_stmt_t) statement = prepare(txn->store->state, error, sql, types, values);
  va_end(values);
  return statement != NULL && run_out(txn, statement, error);
}

int
state_changes(const txn_t *txn)
{
  return sqlite3_changes(txn->store->state->db);
}

char *
state_text(sqlite3_stmt *statement, int i)
{
  return g_strdup((const char *)sqlite3_column_text(statement, i));
}

/* ---- opening ---- */

static char *
answer(struct state *state, const char *sql, GError **error)
{
  g_autoptr(state_stmt_t) statement = NULL;
  if (sqlite3_prepare_v2(state->db, sql, -1, &statement, NULL) != SQLITE_OK ||
      sqlite3_step(statement) != SQLITE_ROW) {
    fail(state, error);
    return NULL;
  }
  char *text = state_text(statement, 0);
  return text != NULL ? text : g_strdup("");
}

static bool
answer_number(struct state *state, const char *sql, gint64 *number_out, GError **error)
{
  g_autofree char *text = answer(state, sql, error);
  if (text == NULL)
    return false;
  *number_out = g_ascii_strtoll(text, NULL, 10);
  return true;
}

static bool
set_journal(struct state *state, const char *dir, GError **error)
{
  /* Write-ahead logs live in shared memory, which machines do not share. */
  bool shared = paths_is_shared(dir);
  g_autofree char *mode = answer(
      state, shared ? "PRAGMA journal_mode=DELETE" : "PRAGMA journal_mode=WAL", error);
  if (mode == NULL)
    return false;
  /* EXTRA: without a log, the directory too is synced when the journal goes. */
  return execute(state,
                 strcmp(mode, "wal") == 0 ? "PRAGMA synchronous=FULL"
                                          : "PRAGMA synchronous=EXTRA",
                 error);
}

static bool
check_whole(struct state *state, GError **error)
{
  g_autofree char *verdict = answer(state, "PRAGMA quick_check(1)", error);
  if (verdict == NULL)
    return false;
  return strcmp(verdict, "ok") == 0 ? true : explain(state, SQLITE_CORRUPT, verdict, error);
}

static bool
check_kind(struct state *state, gint64 *version_out, GError **error)
{
  gint64 id, tables;
  if (!answer_number(state, "PRAGMA application_id", &id, error) ||
      !answer_number(state, "PRAGMA user_version", version_out, error) ||
      !answer_number(state, "SELECT count(*) FROM sqlite_schema", &tables, error))
    return false;
  if (id != APPLICATION_ID && (id != 0 || tables != 0))
    return error_set(error, POSTINO_ERROR_CONFIG,
                     _("%s is a database of another program; move it away"), state->path);
  if (*version_out > SCHEMA_VERSION)
    return error_set(error, POSTINO_ERROR_CONFIG,
                     _("%s was written by a newer postino; use that one, nothing was changed"),
                     state->path);
  return true;
}

static bool
migrate(struct state *state, gint64 version, GError **error)
{
  for (; version < SCHEMA_VERSION; version++) {
    g_autofree char *sql = g_strdup_printf(
        "BEGIN IMMEDIATE; %s PRAGMA application_id=%d; PRAGMA user_version=%d; COMMIT",
        migrations[version], APPLICATION_ID, (int)version + 1);
    if (!execute(state, sql, error)) {
      sqlite3_exec(state->db, "ROLLBACK", NULL, NULL, NULL);
      return false;
    }
  }
  return true;
}

/* The index is made after the state: where there is one, an empty file was cut short. */
static bool
check_length(const struct state *state, const char *dir, GError **error)
{
  struct stat own, index;
  g_autofree char *path = g_build_filename(dir, "index.db", NULL);
  if (stat(state->path, &own) != 0 || own.st_size > 0 || stat(path, &index) != 0 ||
      index.st_size == 0)
    return true;
  return error_set(error, POSTINO_ERROR_LOCAL,
                   _("%s is damaged (it is empty); your letters are safe in the Maildirs; put a "
                     "backup of this file in its place, or move it away to begin a new one"),
                   state->path);
}

/* SQLite would make it readable by others.  A file that holds anything had its
 * name made durable before. */
static bool
make_file(const struct state *state, GError **error)
{
  struct stat st;
  auto_fd fd = open(state->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0 || fstat(fd, &st) != 0)
    return error_errno(error, POSTINO_ERROR_LOCAL, errno, _("cannot create %s"), state->path);
  if (st.st_size > 0)
    return true;
  g_autofree char *dir = g_path_get_dirname(state->path);
  return file_sync_dir(dir, error);
}

static bool
connect_db(struct state *state, GError **error)
{
  int code = sqlite3_open_v2(state->path, &state->db,
                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_FULLMUTEX, NULL);
  if (code != SQLITE_OK)
    return explain(state, code, sqlite3_errstr(code), error);
  sqlite3_extended_result_codes(state->db, 1);
  sqlite3_busy_timeout(state->db, BUSY_MS);
  return execute(state,
                 "PRAGMA trusted_schema=OFF; PRAGMA foreign_keys=ON; PRAGMA cell_size_check=ON;"
                 "PRAGMA temp_store=MEMORY",
                 error);
}

/* Until it is known to be ours, not even its log is brought home. */
static bool
look_only(struct state *state, gint64 *version_out, GError **error)
{
  sqlite3_db_config(state->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
  if (!check_kind(state, version_out, error))
    return false;
  sqlite3_db_config(state->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
  return true;
}

/* A log or journal that nobody is using was left by an unclean end. */
static bool
was_unclean(const struct state *state)
{
  static const char *const ends[] = {"-wal", "-journal"};
  for (size_t i = 0; i < G_N_ELEMENTS(ends); i++) {
    g_autofree char *path = g_strconcat(state->path, ends[i], NULL);
    struct stat st;
    if (stat(path, &st) == 0 && st.st_size > 0)
      return true;
  }
  return false;
}

/* Takes part in the presence lock; *alone_out: nobody else has it open. */
static bool
be_present(struct state *state, const char *dir, bool *alone_out, GError **error)
{
  g_autofree char *path = g_build_filename(dir, "lock", "state-open", NULL);
  state->presence = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (state->presence < 0)
    return error_errno(error, POSTINO_ERROR_LOCAL, errno, _("cannot create %s"), path);
  *alone_out = flock(state->presence, LOCK_EX | LOCK_NB) == 0;
  return flock(state->presence, LOCK_SH) == 0
             ? true
             : error_errno(error, POSTINO_ERROR_LOCAL, errno, _("cannot lock %s"), path);
}

static bool
set_up(struct state *state, const char *dir, GError **error)
{
  bool alone = false;
  gint64 version;
  if (!be_present(state, dir, &alone, error) || !check_length(state, dir, error) ||
      !make_file(state, error))
    return false;
  bool unclean = alone && was_unclean(state);
  if (!connect_db(state, error) || !look_only(state, &version, error))
    return false;
  return (!unclean || check_whole(state, error)) && set_journal(state, dir, error) &&
         migrate(state, version, error);
}

bool
state_open(struct store *store, GError **error)
{
  /* One at a time, so that two first starts do not both make it. */
  g_autoptr(store_lock_t) lock = store_lock(store, "state-setup", SETUP_SECONDS, NULL, error);
  if (lock == NULL)
    return false;
  g_autofree char *dir = g_build_filename(store->dir, ".postino", NULL);
  struct state *state = g_new0(struct state, 1);
  g_mutex_init(&state->lock);
  state->presence = -1;
  state->path = g_build_filename(dir, "state.db", NULL);
  store->state = state;
  if (set_up(state, dir, error))
    return true;
  state_close(store);
  return false;
}

void
state_close(struct store *store)
{
  struct state *state = store->state;
  if (state == NULL)
    return;
  sqlite3_close(state->db);
  fd_clear(&state->presence);
  g_mutex_clear(&state->lock);
  g_free(state->path);
  g_free(state);
  store->state = NULL;
}

/* ---- tags, for the index ---- */

char *
state_tags(struct store *store, const char *base, const char *digest)
{
  g_autofree char *stem = maildir_stem(base);
  g_auto(txn_t) txn = {0};
  if (!txn_begin(&txn, store, false, NULL))
    return NULL;
  g_autoptr(state_stmt_t) rows = state_prepare(
      &txn, NULL, "SELECT group_concat(tag, ' ') FROM (SELECT DISTINCT tag FROM tags WHERE"
                  " digest = ?2 AND " OF_STEM("base", "?1") " ORDER BY tag)",
      "tt", stem, digest);
  return rows != NULL && state_step(&txn, rows, NULL) == STEP_ROW ? state_text(rows, 0) : NULL;
}

GHashTable *
state_tagged(struct store *store)
{
  GHashTable *all = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  g_auto(txn_t) txn = {0};
  if (!txn_begin(&txn, store, false, NULL))
    return all;
  g_autoptr(state_stmt_t) rows = state_prepare(
      &txn, NULL, "SELECT base, group_concat(tag, ' ') FROM (SELECT DISTINCT base, tag FROM tags"
                  " ORDER BY base, tag) GROUP BY base",
      "");
  while (rows != NULL && state_step(&txn, rows, NULL) == STEP_ROW) {
    g_autofree char *base = state_text(rows, 0);
    g_hash_table_replace(all, maildir_stem(base), state_text(rows, 1));
  }
  return all;
}

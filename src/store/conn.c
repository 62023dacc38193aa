#include "store/index-private.h"

#include <string.h>

#include "base/error.h"
#include "base/i18n.h"
#include "base/paths.h"
#include "store/tokenizer.h"

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
    index_damaged(conn->index);
    return error_set(error, POSTINO_ERROR_LOCAL,
                     _("the index %s is damaged (%s); it is made anew at the next look at the mail"),
                     index_file(conn->index), words);
  case SQLITE_FULL:
    return error_set(error, POSTINO_ERROR_LOCAL,
                     _("the index %s cannot grow: the disk is full; make room and try again"),
                     index_file(conn->index));
  case SQLITE_CANTOPEN:
  case SQLITE_READONLY:
  case SQLITE_PERM:
    return error_set(error, POSTINO_ERROR_LOCAL,
                     _("the index %s cannot be opened or written (%s); see whose it and its"
                       " directory are, or move it away: it is made anew"),
                     index_file(conn->index), words);
  default:
    return error_set(error, POSTINO_ERROR_LOCAL, _("the index %s failed: %s"),
                     index_file(conn->index), words);
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

void
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

/* Does a pragma say this?  Not of conn->statements, since the file is being set up. */
static bool
says(struct conn *conn, const char *pragma, const char *word, bool *result_out)
{
  sqlite3_stmt *stmt = NULL;
  bool ok = sqlite3_prepare_v2(conn->db, pragma, -1, &stmt, NULL) == SQLITE_OK &&
            sqlite3_step(stmt) == SQLITE_ROW;
  *result_out = ok && strcmp(column_text(stmt, 0), word) == 0;
  sqlite3_finalize(stmt);
  return ok;
}

/* Who reads a write-ahead log finds its way by memory that machines do not share, so that
 * on a file system that they share there is a journal: who writes waits for who reads.  A
 * file that others have open cannot be changed over, and is taken as it is. */
static bool
set_journal(struct conn *conn)
{
  g_autofree char *dir = g_path_get_dirname(index_file(conn->index));
  bool shared = paths_is_shared(dir), log;
  if (!says(conn, "PRAGMA journal_mode", "wal", &log))
    return false;
  if (log && !shared)
    return true;
  int code = sqlite3_exec(conn->db, shared ? "PRAGMA journal_mode = TRUNCATE"
                                           : "PRAGMA journal_mode = WAL", NULL, NULL, NULL);
  return code == SQLITE_OK || (code & 0xff) == SQLITE_BUSY;
}

/* What a file takes before its first page alone; of another it would be a write. */
static bool
set_vacuum(struct conn *conn)
{
  bool empty;
  return says(conn, "PRAGMA page_count", "0", &empty) &&
         (!empty || sqlite3_exec(conn->db, "PRAGMA auto_vacuum = INCREMENTAL", NULL, NULL, NULL) ==
                        SQLITE_OK);
}

static bool
set_up(struct conn *conn, GError **error)
{
  static const char pragmas[] =
      "PRAGMA synchronous = NORMAL; PRAGMA trusted_schema = OFF;"
      "PRAGMA temp_store = MEMORY; PRAGMA cell_size_check = ON; PRAGMA cache_size = -2000;"
      "PRAGMA wal_autocheckpoint = 4000;"
      "CREATE VIRTUAL TABLE temp.vocabulary USING fts5vocab(main, text, instance);";
  sqlite3_busy_timeout(conn->db, CONN_BUSY_MS);
  sqlite3_extended_result_codes(conn->db, 1);
  leave_log_alone(conn->db);
  if (!tokenizer_register(conn->db) || !terms_register(conn->db) || !set_vacuum(conn) ||
      !set_journal(conn) || sqlite3_exec(conn->db, pragmas, NULL, NULL, NULL) != SQLITE_OK)
    return conn_fail(conn, error);
  return true;
}

struct conn *
conn_open(struct index *index, GError **error)
{
  struct conn *conn = g_new0(struct conn, 1);
  conn->index = index;
  conn->statements = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, finalize);
  int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
              SQLITE_OPEN_URI;
  if (sqlite3_open_v2(index_file(index), &conn->db, flags, NULL) != SQLITE_OK) {
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

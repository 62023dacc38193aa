#include "store/index-private.h"

#include <string.h>

/* What the store itself changed is followed at once, and letters are asked for by key. */

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

#include "store/refresh.h"

#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/i18n.h"

/* Names that change in one commit, so that others may write between. */
#define CHANGES_A_COMMIT 2000

struct letter_file
refresh_file(const char *name, bool fresh, char **base)
{
  struct letter_file file = {.fresh = fresh};
  *base = maildir_base(name, &file.flags);
  file.base = *base;
  file.suffix = name + strlen(*base);
  return file;
}

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
bool
refresh_tags(struct refresh *refresh, GError **error)
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
  struct letter_file file = refresh_file(change->name, change->fresh, &base);
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

bool
refresh_names(struct refresh *refresh, GError **error)
{
  return apply_all(refresh, refresh->scan->renamed, apply_renamed, error) &&
         apply_all(refresh, refresh->scan->gone, apply_gone, error);
}

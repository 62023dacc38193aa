#include "store/change.h"

#include <string.h>

#include "base/error.h"
#include "base/i18n.h"

char *
change_target(const char *path, const char *folder_path, const char *base)
{
  g_autofree char *name = g_path_get_basename(path);
  g_autofree char *sub = g_path_get_dirname(path);
  g_autofree char *kind = g_path_get_basename(sub);
  const char *info = strstr(name, ":2,");
  g_autofree char *renamed = g_strconcat(base, info != NULL ? info : "", NULL);
  return g_build_filename(folder_path, kind, renamed, NULL);
}

/* Is the number behind ",U=" mbsync's, who counts letters by it in this folder?  Then
 * one of another folder may be there already, and mbsync would stop at it. */
static bool
is_numbered(const char *folder_path)
{
  g_autofree char *path = g_build_filename(folder_path, ".uidvalidity", NULL);
  return g_file_test(path, G_FILE_TEST_EXISTS);
}

/* What the letter at `path` is called in another folder: as it is. */
static char *
base_elsewhere(const char *path, const char *folder_path)
{
  g_autofree char *name = g_path_get_basename(path);
  g_autofree char *base = maildir_base(name, NULL);
  const char *number = strstr(base, ",U=");
  if (number == NULL || number == base || !is_numbered(folder_path))
    return g_steal_pointer(&base);
  const char *rest = strchr(number + 1, ',');
  g_autofree char *start = g_strndup(base, (gsize)(number - base));
  return g_strconcat(start, rest, NULL);
}

/* A base name that no letter of the folder has. */
static char *
free_base(struct store *store, const char *folder, const char *folder_path, const char *base)
{
  g_autofree char *key = key_join(folder, base);
  g_autofree char *indexed = index_path(store, key);
  bool taken = maildir_has(folder_path, base) ||
               (indexed != NULL && g_file_test(indexed, G_FILE_TEST_EXISTS));
  return taken ? maildir_fresh_base(0) : g_strdup(base);
}

static bool
try_move(struct store *store, const char *key, const char *folder, const char *wanted,
         GHashTable *dirs, char **key_out, bool *again_out, GError **error)
{
  unsigned flags;
  g_autofree char *path = change_find(store, key, &flags, error);
  g_autofree char *folder_path = path != NULL ? maildir_make(store, folder, error) : NULL;
  if (folder_path == NULL)
    return false;
  g_autofree char *own = base_elsewhere(path, folder_path);
  g_autofree char *base = free_base(store, folder, folder_path, wanted != NULL ? wanted : own);
  g_autofree char *target = change_target(path, folder_path, base);
  g_autoptr(GError) failed = NULL;
  if (!maildir_transfer(path, target, &failed)) {
    *again_out = !g_file_test(path, G_FILE_TEST_EXISTS) ||
                 g_file_test(target, G_FILE_TEST_EXISTS);
    g_propagate_error(error, g_steal_pointer(&failed));
    return false;
  }
  g_hash_table_add(dirs, g_path_get_dirname(target));
  g_hash_table_add(dirs, g_path_get_dirname(path));
  *key_out = key_join(folder, base);
  tags_copy(store, own, base);
  index_moved(store, key, *key_out, target, flags);
  return true;
}

bool
change_move(struct store *store, const char *key, const char *folder, const char *base,
            GHashTable *dirs, char **key_out, GError **error)
{
  for (int tries = 0;; tries++) {
    g_autoptr(GError) failed = NULL;
    bool again = false;
    if (try_move(store, key, folder, base, dirs, key_out, &again, &failed))
      return true;
    if (!again || tries == RACE_TRIES) {
      g_propagate_error(error, g_steal_pointer(&failed));
      return false;
    }
  }
}

static bool
plan_move(struct changing *change, struct planned *letter, GError **error)
{
  g_autofree char *from = NULL, *base = NULL;
  if (!key_split(letter->key, &from, &base))
    return error_set(error, POSTINO_ERROR_NOTFOUND, _("no such letter"));
  if (strcmp(from, change->folder) == 0) {
    letter->left = g_strdup(letter->key);
    return true;
  }
  g_autofree char *path = change_find(change->store, letter->key, NULL, error);
  if (path == NULL)
    return false;
  g_autofree char *own = base_elsewhere(path, change->folder_path);
  g_autofree char *there = free_base(change->store, change->folder, change->folder_path, own);
  letter->left = key_join(change->folder, there);
  letter->was = g_strdup(letter->key);
  letter->now = g_strdup(letter->left);
  return true;
}

static bool
make_move(struct changing *change, struct planned *letter, GError **error)
{
  g_autofree char *folder = NULL, *base = NULL, *key = NULL;
  if (letter->was == NULL)
    return true;
  if (!key_split(letter->left, &folder, &base) ||
      !change_move(change->store, letter->key, folder, base, change->dirs, &key, error))
    return false;
  g_free(letter->left);
  g_free(letter->now);
  letter->now = g_strdup(key);
  letter->left = g_steal_pointer(&key);
  return true;
}

bool
store_move(struct store *store, const char *const *keys, const char *folder, GStrv *moved_out,
           GError **error)
{
  return store_move_bulk(store, keys, folder, moved_out, NULL, error);
}

bool
store_move_bulk(struct store *store, const char *const *keys, const char *folder,
                GStrv *moved_out, const struct store_bulk *bulk, GError **error)
{
  g_autofree char *made = maildir_make(store, folder, error);
  if (made == NULL)
    return false;
  g_autoptr(GPtrArray) moved = g_ptr_array_new_with_free_func(g_free);
  struct changing change = {.store = store, .keys = keys, .folder = folder, .folder_path = made,
                          .plan = plan_move, .make = make_move, .bulk = bulk, .left = moved};
  if (!change_all(&change, UNDO_MOVE, error))
    return false;
  g_ptr_array_add(moved, NULL);
  if (moved_out != NULL)
    *moved_out = (char **)g_ptr_array_free(g_steal_pointer(&moved), FALSE);
  return true;
}

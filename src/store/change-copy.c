#include "store/change.h"

#include <errno.h>
#include <unistd.h>

#include "base/error.h"
#include "base/i18n.h"

static bool
copy_one(struct store *store, const char *key, const char *folder_path, GError **error)
{
  for (int tries = 0;; tries++) {
    g_autofree char *path = change_find(store, key, NULL, error);
    g_autoptr(GError) failed = NULL;
    if (path == NULL)
      return false;
    g_autofree char *name = g_path_get_basename(path);
    g_autofree char *from = maildir_base(name, NULL);
    g_autofree char *base = maildir_fresh_base(0);
    g_autofree char *target = change_target(path, folder_path, base);
    if (maildir_copy(path, target, &failed)) {
      tags_copy(store, from, base);
      return true;
    }
    bool gone = error_is(failed, POSTINO_ERROR_NOTFOUND) || !g_file_test(path, G_FILE_TEST_EXISTS);
    if (!gone || tries == RACE_TRIES) {
      g_propagate_error(error, g_steal_pointer(&failed));
      return false;
    }
  }
}

bool
store_copy_bulk(struct store *store, const char *const *keys, const char *folder,
                const struct store_bulk *bulk, GError **error)
{
  g_autofree char *path = maildir_make(store, folder, error);
  guint total = g_strv_length((char **)keys);
  GError *first = NULL;
  if (path == NULL)
    return false;
  for (guint i = 0; i < total && change_next(bulk, false, i, total, &first); i++) {
    GError *failed = NULL;
    if (!copy_one(store, keys[i], path, &failed))
      change_keep_first(&first, failed);
  }
  return change_tell_first(first, error);
}

bool
store_copy(struct store *store, const char *const *keys, const char *folder, GError **error)
{
  return store_copy_bulk(store, keys, folder, NULL, error);
}

static bool
expunge_one(struct store *store, const char *key, GHashTable *dirs, GError **error)
{
  for (int tries = 0;; tries++) {
    g_autofree char *path = change_find(store, key, NULL, error);
    if (path == NULL)
      return false;
    if (unlink(path) == 0) {
      g_hash_table_add(dirs, g_path_get_dirname(path));
      index_removed(store, key);
      return true;
    }
    if (errno != ENOENT || tries == RACE_TRIES)
      return error_errno(error, POSTINO_ERROR_LOCAL, errno, _("cannot remove %s"), path);
  }
}

static bool
expunge_all(struct store *store, const char *const *keys, const struct store_bulk *bulk,
            guint *gone_out, GError **error)
{
  g_autoptr(GHashTable) dirs = change_dirs_new();
  guint total = g_strv_length((char **)keys);
  GError *first = NULL, *failed = NULL;
  *gone_out = 0;
  for (guint i = 0; i < total && change_next(bulk, false, i, total, &first); i++) {
    failed = NULL;
    if (expunge_one(store, keys[i], dirs, &failed))
      (*gone_out)++;
    else
      change_keep_first(&first, failed);
  }
  failed = NULL;
  if (!change_sync(dirs, &failed))
    change_keep_first(&first, failed);
  return change_tell_first(first, error);
}

bool
store_expunge(struct store *store, const char *const *keys, GError **error)
{
  guint gone;
  return expunge_all(store, keys, NULL, &gone, error);
}

bool
store_expunge_bulk(struct store *store, const char *const *keys, const struct store_bulk *bulk,
                   GError **error)
{
  guint gone;
  bool done = expunge_all(store, keys, bulk, &gone, error);
  if (gone > 0)
    undo_record_gone(store);
  return done;
}

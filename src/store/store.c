#include "store/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/i18n.h"
#include "store/disk.h"

static bool
make_private(const struct store *store, GError **error)
{
  static const char *const subs[] = {".postino/lock", ".postino/outbox"};
  for (size_t i = 0; i < G_N_ELEMENTS(subs); i++) {
    g_autofree char *path = g_build_filename(store->dir, subs[i], NULL);
    if (!file_make_dirs(path, error))
      return false;
  }
  return true;
}

static char *
absolute(const char *mail_dir, GError **error)
{
  g_autofree char *path = g_canonicalize_filename(mail_dir, NULL);
  if (!file_make_dirs(path, error))
    return NULL;
  size_t length = strlen(path);
  if (length > 1 && path[length - 1] == '/')
    path[length - 1] = '\0';
  return g_steal_pointer(&path);
}

/* SQLite counts its memory behind one lock, for nobody. */
static void *
set_up_sqlite(void *unused)
{
  (void)unused;
  sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  return NULL;
}

struct store *
store_open(const char *mail_dir, struct reader_pool *readers, GError **error)
{
  static GOnce once = G_ONCE_INIT;
  g_once(&once, set_up_sqlite, NULL);
  g_autofree char *dir = absolute(mail_dir, error);
  if (dir == NULL)
    return NULL;
  g_autoptr(store_t) store = g_new0(struct store, 1);
  store->dir = g_steal_pointer(&dir);
  store->readers = readers;
  store->seal_key = seal_key_new();
  if (!make_private(store, error) || !state_open(store, error) || !index_open(store, error))
    return NULL;
  ledger_sweep(store);
  return g_steal_pointer(&store);
}

void
store_close(struct store *store)
{
  if (store == NULL)
    return;
  if (store->index != NULL)
    index_close(store);
  state_close(store);
  seal_key_free(store->seal_key);
  g_free(store->dir);
  g_free(store);
}

const char *
store_dir(const struct store *store)
{
  return store->dir;
}

struct reader_pool *
store_readers(struct store *store)
{
  return store->readers;
}

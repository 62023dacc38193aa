#include <dirent.h>
#include <errno.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"
#include "store/disk.h"
#include "store/drops.h"
#include "store/store-private.h"

void *
store_base_key(const char *base)
{
  return (void *)(uintptr_t)text_hash(base, 0);
}

/* Its stem too: a field that another program added does not make it another letter. */
static void
take_name(GHashTable *bases, const char *name)
{
  g_autofree char *base = maildir_base(name, NULL);
  g_autofree char *stem = maildir_stem(base);
  g_hash_table_add(bases, store_base_key(stem));
  g_hash_table_add(bases, store_base_key(base));
}

static bool
take_names(GHashTable *bases, const char *path, GError **error)
{
  DIR *open = opendir(path);
  if (open == NULL)
    return error_errno(error, POSTINO_ERROR_LOCAL, errno, "%s", path);
  struct dirent *entry;
  for (errno = 0; (entry = readdir(open)) != NULL; errno = 0)
    if (entry->d_name[0] != '.')
      take_name(bases, entry->d_name);
  int errnum = errno;
  closedir(open);
  return errnum == 0 || error_errno(error, POSTINO_ERROR_LOCAL, errnum, "%s", path);
}

GHashTable *
store_bases(struct store *store, GStrv *folders_out, GError **error)
{
  static const char *const subs[] = {"new", "cur"};
  g_autoptr(GHashTable) bases = g_hash_table_new(NULL, NULL);
  g_auto(GStrv) folders = maildir_folders(store, NULL, error);
  if (folders == NULL)
    return NULL;
  for (char **folder = folders; *folder != NULL; folder++) {
    g_autofree char *path = maildir_path(store, *folder);
    for (size_t i = 0; i < G_N_ELEMENTS(subs); i++) {
      g_autofree char *sub = g_build_filename(path, subs[i], NULL);
      if (!take_names(bases, sub, error))
        return NULL;
    }
  }
  *folders_out = g_steal_pointer(&folders);
  return g_steal_pointer(&bases);
}

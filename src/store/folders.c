#include <string.h>

#include "base/text.h"
#include "store/index-private.h"

static void
folder_row_free(void *data)
{
  struct folder_row *folder = data;
  g_free(folder->name);
  g_free(folder);
}

/* Inbox, then by name as people read it. */
static int
compare_folders(const void *a, const void *b)
{
  const struct folder_row *one = *(void *const *)a, *two = *(void *const *)b;
  bool first = text_ascii_equal(one->name, "Inbox"), second = text_ascii_equal(two->name, "Inbox");
  if (first != second)
    return first ? -1 : 1;
  g_autofree char *left = text_fold(one->name, -1), *right = text_fold(two->name, -1);
  int order = strcmp(left, right);
  return order != 0 ? order : strcmp(one->name, two->name);
}

static bool
read_counts(struct conn *conn, struct folder_row *folder, GError **error)
{
  auto_stmt *stmt = conn_query(conn, error, "SELECT total, unread FROM folder WHERE name = ?", "s",
                               folder->name);
  int step = stmt != NULL ? conn_step(conn, stmt, error) : -1;
  if (step == 1) {
    folder->total = (guint64)sqlite3_column_int64(stmt, 0);
    folder->unread = (guint64)sqlite3_column_int64(stmt, 1);
  }
  return step >= 0;
}

/* The disk says which folders there are (one may have been made this moment),
 * the index how much is in them. */
GPtrArray *
store_folders(struct store *store, GCancellable *cancel, GError **error)
{
  g_auto(GStrv) names = maildir_folders(store, cancel, error);
  g_autoptr(conn_t) conn = names != NULL ? conn_read(store, cancel, error) : NULL;
  if (conn == NULL)
    return NULL;
  g_autoptr(GPtrArray) folders = g_ptr_array_new_with_free_func(folder_row_free);
  for (char **name = names; *name != NULL; name++) {
    struct folder_row *folder = g_new0(struct folder_row, 1);
    folder->name = g_strdup(*name);
    g_ptr_array_add(folders, folder);
    if (!read_counts(conn, folder, error))
      return NULL;
  }
  g_ptr_array_sort(folders, compare_folders);
  return g_steal_pointer(&folders);
}

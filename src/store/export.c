#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/file.h"
#include "base/i18n.h"
#include "base/limits.h"
#include "store/disk.h"
#include "store/mbox.h"

struct entry {
  char *path, *base;
  int64_t time;
};
struct export {
  struct store *store;
  const char *folder;
  int fd;
  GByteArray *out;
  guint64 exported;
  bool unended;               /* the last letter's last line has no end */
};

static void
entry_free(gpointer data)
{
  struct entry *entry = data;
  g_free(entry->path);
  g_free(entry->base);
  g_free(entry);
}

static bool
collect(const char *path, const char *name, void *data)
{
  struct stat st;
  if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
    return true;
  struct entry *entry = g_new0(struct entry, 1);
  entry->path = g_strdup(path);
  entry->base = maildir_base(name, NULL);
  entry->time = st.st_mtime;
  g_ptr_array_add(data, entry);
  return true;
}

static int
compare_entries(gconstpointer a, gconstpointer b)
{
  const struct entry *first = *(struct entry *const *)a, *second = *(struct entry *const *)b;
  if (first->time != second->time)
    return first->time < second->time ? -1 : 1;
  return strcmp(first->base, second->base);
}

static bool
put(struct export *export, const char *data, size_t length, GError **error)
{
  g_byte_array_append(export->out, (const guint8 *)data, (guint)length);
  if (export->out->len < LIMIT_KIB(64))
    return true;
  bool written = file_write_all(export->fd, export->out->data, export->out->len, error);
  g_byte_array_set_size(export->out, 0);
  return written;
}

static bool
put_line(struct export *export, const struct mbox_piece *piece, GError **error)
{
  bool from = piece->length >= 5 && memcmp(piece->data, "From ", 5) == 0;
  if (piece->first && (from || mbox_quotes(piece->data, piece->length) > 0) &&
      !put(export, ">", 1, error))
    return false;
  return put(export, piece->data, piece->length, error);
}

static bool
put_separator(struct export *export, int64_t time, GError **error)
{
  static const char *const days[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
  static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  g_autoptr(GDateTime) date = g_date_time_new_from_unix_utc(MAX(time, 0));
  if (date == NULL)
    date = g_date_time_new_from_unix_utc(0);
  /* Not by strftime: the names must not follow the locale. */
  g_autofree char *line = g_strdup_printf(
      "From " MBOX_SENDER " %s %s %2d %02d:%02d:%02d %d\n",
      days[g_date_time_get_day_of_week(date) - 1], months[g_date_time_get_month(date) - 1],
      g_date_time_get_day_of_month(date), g_date_time_get_hour(date),
      g_date_time_get_minute(date), g_date_time_get_second(date), g_date_time_get_year(date));
  /* Behind a letter whose last line has no end there is no empty line (mbox_is_own()). */
  bool unended = export->unended;
  export->unended = false;
  return (!unended || put(export, "\n", 1, error)) && put(export, line, strlen(line), error);
}

/* NULL without error when the letter went away meanwhile. */
static struct mbox *
open_letter(const struct export *export, const struct entry *entry, GError **error)
{
  g_autoptr(GError) failed = NULL;
  struct mbox *letter = mbox_open(entry->path, &failed);
  if (letter != NULL)
    return letter;
  g_autofree char *key = key_join(export->folder, entry->base);
  g_autofree char *path = maildir_find(export->store, key, NULL, NULL, NULL);
  if (path == NULL)
    return NULL;
  return mbox_open(path, error);
}

static bool
put_letter(struct export *export, const struct entry *entry, GError **error)
{
  g_autoptr(GError) failed = NULL;
  g_autoptr(mbox_t) letter = open_letter(export, entry, &failed);
  struct mbox_piece piece = {.data = "\n", .length = 1};
  bool ended = true;
  if (letter != NULL && put_separator(export, entry->time, &failed)) {
    while (mbox_next(letter, &piece, &failed) && put_line(export, &piece, &failed))
      ended = piece.data[piece.length - 1] == '\n';
    export->unended = !ended;
    if (failed == NULL && (!ended || put(export, "\n", 1, &failed)))
      export->exported++;
  }
  if (failed == NULL)
    return true;
  g_propagate_error(error, g_steal_pointer(&failed));
  return false;
}

static bool
put_all(struct export *export, const GPtrArray *entries, const struct store_bulk *bulk,
        GError **error)
{
  for (guint i = 0; i < entries->len; i++)
    if (!change_goes_on(bulk, false, i, entries->len, error) ||
        !put_letter(export, entries->pdata[i], error))
      return false;
  if (!file_write_all(export->fd, export->out->data, export->out->len, error))
    return false;
  return fsync(export->fd) == 0 ? true
                                : error_errno(error, POSTINO_ERROR_LOCAL, errno, _("writing failed"));
}

static bool
refuse_create(const char *path, int errnum, GError **error)
{
  bool full = errnum == ENOSPC || errnum == EDQUOT || errnum == EIO;
  return error_errno(error, full ? POSTINO_ERROR_LOCAL : POSTINO_ERROR_CREATE, errnum,
                     _("cannot create %s"), path);
}

/* The file appears under its name only when it is whole. */
static bool
write_file(struct export *export, const GPtrArray *entries, const char *path,
           const struct store_bulk *bulk, GError **error)
{
  g_autofree char *temporary = g_strconcat(path, ".XXXXXX", NULL);
  g_autofree char *dir = g_path_get_dirname(path);
  auto_fd fd = g_mkstemp_full(temporary, O_RDWR | O_CLOEXEC, 0600);
  if (fd < 0)
    return refuse_create(path, errno, error);
  export->fd = fd;
  if (!put_all(export, entries, bulk, error)) {
    g_prefix_error(error, "%s: ", path);
    unlink(temporary);
    return false;
  }
  int errnum = maildir_rename(temporary, path);
  if (errnum != 0) {
    unlink(temporary);
    return refuse_create(path, errnum, error);
  }
  return file_sync_dir(dir, error);
}

bool
store_export(struct store *store, const char *folder, const char *path, guint64 *exported_out,
             const struct store_bulk *bulk, GError **error)
{
  g_autofree char *dir = maildir_path(store, folder);
  struct stat st;
  if (!maildir_is(dir))
    return error_set(error, POSTINO_ERROR_NOTFOUND, _("there is no folder %s"), folder);
  if (lstat(path, &st) == 0)
    return error_set(error, POSTINO_ERROR_CREATE,
                     _("%s is there already and is left as it is; name a new file"), path);
  g_autoptr(GPtrArray) entries = g_ptr_array_new_with_free_func(entry_free);
  g_autoptr(GByteArray) out = g_byte_array_new();
  if (!maildir_each(store, folder, collect, entries, error))
    return false;
  g_ptr_array_sort(entries, compare_entries);
  struct export export = {.store = store, .folder = folder, .fd = -1, .out = out};
  if (!write_file(&export, entries, path, bulk, error))
    return false;
  if (exported_out != NULL)
    *exported_out = export.exported;
  return true;
}

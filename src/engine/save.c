/* Attachments onto the disk, and files into drafts. */
#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <string.h>

#include "base/blob.h"
#include "base/error.h"
#include "base/file.h"
#include "base/i18n.h"
#include "base/limits.h"
#include "base/sanitize.h"
#include "engine/engine-private.h"

/* name.ext, name-2.ext, … before giving up. */
#define NAMES_TRIED 1000
/* Of a file, to know what it is. */
#define TYPE_BYTES LIMIT_KIB(64)

struct save {
  struct ref *ref;
  int number;
  char *dir;
};

static void
save_free(void *data)
{
  struct save *save = data;
  ref_free(save->ref);
  g_free(save->dir);
  g_free(save);
}

/* The `n`th name that is tried: the number goes before the suffix. */
static char *
nth_name(const char *name, int n)
{
  if (n == 1)
    return g_strdup(name);
  const char *dot = strrchr(name, '.');
  if (dot == NULL || dot == name)
    return g_strdup_printf("%s-%d", name, n);
  return g_strdup_printf("%.*s-%d%s", (int)(dot - name), name, n, dot);
}

/* A new file in the open directory; never one that is there, never through a
 * link. */
static int
create_new(int dir, const char *name, char **name_out, GError **error)
{
  for (int n = 1; n <= NAMES_TRIED; n++) {
    g_autofree char *tried = nth_name(name, n);
    int fd = openat(dir, tried, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd >= 0) {
      *name_out = g_steal_pointer(&tried);
      return fd;
    }
    if (errno != EEXIST) {
      error_errno(error, POSTINO_ERROR_LOCAL, errno, _("cannot make %s"), tried);
      return -1;
    }
  }
  error_set(error, POSTINO_ERROR_CREATE, _("there are %d files named like %s already"),
            NAMES_TRIED, name);
  return -1;
}

static char *
write_new(int dir, const char *name, GBytes *bytes, GError **error)
{
  g_autofree char *made = NULL;
  auto_fd fd = create_new(dir, name, &made, error);
  if (fd < 0)
    return NULL;
  gsize length;
  const void *data = g_bytes_get_data(bytes, &length);
  if (length == 0 || file_write_all(fd, data, length, error))
    return g_steal_pointer(&made);
  unlinkat(dir, made, 0);
  g_prefix_error(error, "%s: ", made);
  return NULL;
}

static char *
save_part(struct work *work, GBytes *shown, int number, int dir, GError **error)
{
  g_autofree char *name = NULL, *type = NULL;
  g_autoptr(GBytes) bytes = reader_part(work->engine->readers, shown, number, false, &name, &type,
                                        work->cancel, error);
  if (bytes == NULL)
    return NULL;
  g_autofree char *fallback = g_strdup_printf("part-%d", number);
  g_autofree char *safe = sanitize_filename(name != NULL ? name : "", fallback);
  return write_new(dir, safe, bytes, error);
}

static bool
save_into(struct work *work, const struct save *save, const struct opened *opened, int dir,
          GPtrArray *paths, GError **error)
{
  const GPtrArray *parts = opened->rendered->parts;
  for (guint i = 0; i < parts->len; i++) {
    const struct rendered_part *part = parts->pdata[i];
    if (save->number != 0 ? part->number != save->number : !part->attachment)
      continue;
    g_autofree char *name = save_part(work, opened->shown, part->number, dir, error);
    if (name == NULL)
      return false;
    g_ptr_array_add(paths, g_build_filename(save->dir, name, NULL));
  }
  if (paths->len > 0)
    return true;
  return save->number != 0
             ? error_set(error, POSTINO_ERROR_NOTFOUND, _("the letter has no part %d"), save->number)
             : error_set(error, POSTINO_ERROR_NOTFOUND, "%s", _("the letter has no attachments"));
}

/* What was written is told also when a later part fails. */
static bool
run_save(struct work *work, GError **error)
{
  const struct save *save = work->args;
  g_autoptr(opened_t) opened = open_letter(work, save->ref, NULL, error);
  if (opened == NULL)
    return false;
  if (opened->shown == NULL)
    return error_set(error, POSTINO_ERROR_INVALID, _("nothing of this letter may be saved: %s"),
                     opened->verdict->why != NULL ? opened->verdict->why : _("it is broken"));
  auto_fd dir = open(save->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (dir < 0)
    return error_errno(error, POSTINO_ERROR_CREATE, errno, _("cannot save into %s"), save->dir);
  g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);
  bool saved = save_into(work, save, opened, dir, paths, error);
  g_ptr_array_add(paths, NULL);
  work->done->strings = (GStrv)g_ptr_array_steal(paths, NULL);
  return saved;
}

request_id
engine_save(struct engine *engine, const struct letter_ref *ref, int number, const char *dir)
{
  struct save *save = g_new0(struct save, 1);
  save->ref = ref_copy(ref);
  save->number = number;
  save->dir = g_strdup(dir != NULL && *dir != '\0' ? dir : ".");
  return engine_request(engine, NULL, run_save, save, save_free);
}

/* ---- the other way ---- */

static char *
type_of_file(const char *name, const struct blob *file, GError **error)
{
  g_autoptr(GBytes) head = blob_head(file, TYPE_BYTES, error);
  if (head == NULL)
    return NULL;
  gsize length;
  const guchar *data = g_bytes_get_data(head, &length);
  g_autofree char *content = g_content_type_guess(name, data, length, NULL);
  char *type = content != NULL ? g_content_type_get_mime_type(content) : NULL;
  return type != NULL ? type : g_strdup("application/octet-stream");
}

/* It is read when the letter is made, and must be the same then. */
static bool
run_attach(struct work *work, GError **error)
{
  const char *path = work->args;
  g_autoptr(blob_t) file = blob_open(path, error);
  if (file == NULL)
    return false;
  if (blob_size(file) > LIMIT_MESSAGE)
    return error_set(error, POSTINO_ERROR_INVALID, _("%s: larger than %zu bytes"), path,
                     (size_t)LIMIT_MESSAGE);
  g_autofree char *name = g_path_get_basename(path);
  char *type = type_of_file(name, file, error);
  if (type == NULL)
    return false;
  struct part *part = work->done->part = g_new0(struct part, 1);
  part->name = g_steal_pointer(&name);
  part->type = type;
  part->file = g_steal_pointer(&file);
  return true;
}

request_id
engine_attach(struct engine *engine, const char *path)
{
  return engine_request(engine, NULL, run_attach, g_strdup(path), g_free);
}

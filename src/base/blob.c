#include "base/blob.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/file.h"
#include "base/i18n.h"
#include "base/limits.h"

#define BLOCK LIMIT_KIB(64)

struct blob {
  gint refs;
  GBytes *bytes;            /* NULL: in the file */
  int fd;
  guint64 start, size;
};
struct blob_writer { int fd; guint64 size; GString *buffer; };

static struct blob *
make(GBytes *bytes, int fd, guint64 start, guint64 size)
{
  struct blob *blob = g_new0(struct blob, 1);
  *blob = (struct blob){.refs = 1, .bytes = bytes, .fd = fd, .start = start, .size = size};
  return blob;
}

struct blob *
blob_new(GBytes *bytes)
{
  return make(g_bytes_ref(bytes), -1, 0, g_bytes_get_size(bytes));
}

struct blob *
blob_new_file(int fd, guint64 start, guint64 size)
{
  return make(NULL, fd, start, size);
}

struct blob *
blob_open(const char *path, GError **error)
{
  auto_fd fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  struct stat st;
  if (fd < 0 || fstat(fd, &st) < 0) {
    error_errno(error, POSTINO_ERROR_LOCAL, errno, "%s", path);
    return NULL;
  }
  if (!S_ISREG(st.st_mode)) {
    error_set(error, POSTINO_ERROR_INVALID, _("%s: not a regular file"), path);
    return NULL;
  }
  return blob_new_file(fd_steal(&fd), 0, (guint64)st.st_size);
}

struct blob *
blob_ref(struct blob *blob)
{
  g_atomic_int_inc(&blob->refs);
  return blob;
}

void
blob_unref(struct blob *blob)
{
  if (blob == NULL || !g_atomic_int_dec_and_test(&blob->refs))
    return;
  if (blob->bytes != NULL)
    g_bytes_unref(blob->bytes);
  fd_clear(&blob->fd);
  g_free(blob);
}

guint64
blob_size(const struct blob *blob)
{
  return blob->size;
}

/* ---- reading ---- */

static bool
read_at(const struct blob *blob, guint64 at, char *data, size_t length, GError **error)
{
  while (length > 0) {
    ssize_t n = pread(blob->fd, data, length, (off_t)(blob->start + at));
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return error_errno(error, POSTINO_ERROR_LOCAL, errno, _("reading failed"));
    if (n == 0)
      return error_set(error, POSTINO_ERROR_LOCAL,
                       _("the file became shorter while it was read"));
    data += n;
    at += (guint64)n;
    length -= (size_t)n;
  }
  return true;
}

static const char *
memory_of(const struct blob *blob)
{
  const char *data = g_bytes_get_data(blob->bytes, NULL);
  return data != NULL ? data : "";
}

bool
blob_each(const struct blob *blob, guint64 from, blob_fn take, void *context, GError **error)
{
  g_autofree char *room = blob->bytes == NULL ? g_malloc(BLOCK) : NULL;
  while (from < blob->size) {
    size_t length = (size_t)MIN(BLOCK, blob->size - from);
    if (room != NULL && !read_at(blob, from, room, length, error))
      return false;
    if (!take(room != NULL ? room : memory_of(blob) + from, length, context, error))
      return false;
    from += length;
  }
  return true;
}

GBytes *
blob_head(const struct blob *blob, size_t most, GError **error)
{
  if (blob->bytes != NULL)
    return g_bytes_ref(blob->bytes);
  size_t length = (size_t)MIN(most, blob->size);
  g_autofree char *data = g_malloc(length + 1);
  return read_at(blob, 0, data, length, error)
             ? g_bytes_new_take(g_steal_pointer(&data), length)
             : NULL;
}

GBytes *
blob_bytes(const struct blob *blob, GError **error)
{
  return blob_head(blob, G_MAXSIZE, error);
}

/* ---- writing ---- */

static bool
write_block(const char *data, size_t length, void *context, GError **error)
{
  return file_write_all(*(int *)context, data, length, error);
}

static bool
fill(int fd, void *context, GError **error)
{
  return blob_each(context, 0, write_block, &fd, error);
}

bool
blob_replace(const struct blob *blob, const char *path, mode_t mode, GError **error)
{
  return file_replace_by(path, mode, fill, (void *)blob, error);
}

/* Not every file system makes files without names. */
static int
nameless_file(const char *dir)
{
  int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT && errno != EINVAL))
    return fd;
  g_autofree char *name = g_build_filename(dir, ".spool.XXXXXX", NULL);
  fd = g_mkstemp_full(name, O_RDWR | O_CLOEXEC, 0600);
  if (fd >= 0)
    unlink(name);
  return fd;
}

struct blob_writer *
blob_writer_new(const char *dir, GError **error)
{
  int fd = nameless_file(dir);
  if (fd < 0) {
    error_errno(error, POSTINO_ERROR_CREATE, errno, _("cannot create a file in %s"), dir);
    return NULL;
  }
  struct blob_writer *writer = g_new0(struct blob_writer, 1);
  writer->fd = fd;
  writer->buffer = g_string_sized_new(BLOCK);
  return writer;
}

static bool
flush_buffer(struct blob_writer *writer, GError **error)
{
  bool done = file_write_all(writer->fd, writer->buffer->str, writer->buffer->len, error);
  g_string_truncate(writer->buffer, 0);
  return done;
}

bool
blob_write(struct blob_writer *writer, const char *data, size_t length, GError **error)
{
  writer->size += length;
  if (writer->buffer->len + length > BLOCK && !flush_buffer(writer, error))
    return false;
  if (length > BLOCK)
    return file_write_all(writer->fd, data, length, error);
  g_string_append_len(writer->buffer, data, (gssize)length);
  return true;
}

guint64
blob_writer_size(const struct blob_writer *writer)
{
  return writer->size;
}

struct blob *
blob_writer_end(struct blob_writer *writer, GError **error)
{
  return flush_buffer(writer, error) ? blob_new_file(fd_steal(&writer->fd), 0, writer->size)
                                     : NULL;
}

void
blob_writer_free(struct blob_writer *writer)
{
  if (writer == NULL)
    return;
  fd_clear(&writer->fd);
  g_string_free(writer->buffer, TRUE);
  g_free(writer);
}

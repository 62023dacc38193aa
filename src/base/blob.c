#include "base/blob.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/i18n.h"
#include "base/limits.h"

#define BLOCK LIMIT_KIB(64)

struct blob {
  gint refs;
  GBytes *bytes;            /* NULL: in the file */
  struct blob *rest;        /* behind `bytes`; NULL: nothing */
  int fd;
  guint64 start, size;
  bool sealed;              /* the file is sealed memory */
  bool watched;             /* `opened` is known */
  struct stat opened;
};
struct blob_writer { int fd; guint64 size; GString *buffer; bool memory; };

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
blob_new_sealed(int fd, guint64 size)
{
  struct blob *blob = make(NULL, fd, 0, size);
  blob->sealed = true;
  return blob;
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
  struct blob *blob = blob_new_file(fd_steal(&fd), 0, (guint64)st.st_size);
  blob->watched = true;
  blob->opened = st;
  return blob;
}

struct blob *
blob_join(GBytes *head, struct blob *rest)
{
  struct blob *blob = make(g_bytes_ref(head), -1, 0, g_bytes_get_size(head) + rest->size);
  blob->rest = blob_ref(rest);
  return blob;
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
  blob_unref(blob->rest);
  fd_clear(&blob->fd);
  g_free(blob);
}

guint64
blob_size(const struct blob *blob)
{
  return blob->size;
}

bool
blob_is_as_opened(const struct blob *blob)
{
  struct stat st;
  const struct timespec *then = &blob->opened.st_mtim;
  return !blob->watched ||
         (fstat(blob->fd, &st) == 0 && st.st_size == blob->opened.st_size &&
          st.st_mtim.tv_sec == then->tv_sec && st.st_mtim.tv_nsec == then->tv_nsec);
}

int
blob_memory(const struct blob *blob)
{
  return blob->sealed ? blob->fd : -1;
}

/* ---- reading ---- */

static bool
read_file(const struct blob *blob, guint64 at, char *data, size_t length, GError **error)
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

static bool
read_at(const struct blob *blob, guint64 at, char *data, size_t length, GError **error)
{
  if (blob->bytes == NULL)
    return read_file(blob, at, data, length, error);
  size_t here;
  const char *bytes = g_bytes_get_data(blob->bytes, &here);
  size_t take = at < here ? MIN(length, here - (size_t)at) : 0;
  if (take > 0)
    memcpy(data, bytes + at, take);
  return take == length || read_at(blob->rest, at + take - here, data + take, length - take, error);
}

/* All of it, where it lies in memory in one piece; else NULL. */
static const char *
memory_of(const struct blob *blob)
{
  if (blob->bytes == NULL || blob->rest != NULL)
    return NULL;
  const char *data = g_bytes_get_data(blob->bytes, NULL);
  return data != NULL ? data : "";
}

bool
blob_each(const struct blob *blob, guint64 from, blob_fn take, void *context, GError **error)
{
  const char *memory = memory_of(blob);
  g_autofree char *room = memory == NULL ? g_malloc(BLOCK) : NULL;
  while (from < blob->size) {
    size_t length = (size_t)MIN(BLOCK, blob->size - from);
    if (memory == NULL && !read_at(blob, from, room, length, error))
      return false;
    if (!take(memory != NULL ? memory + from : room, length, context, error))
      return false;
    from += length;
  }
  return true;
}

GBytes *
blob_head(const struct blob *blob, size_t most, GError **error)
{
  if (memory_of(blob) != NULL)
    return g_bytes_ref(blob->bytes);
  size_t length = (size_t)MIN(most, blob->size);
  g_autofree char *data = g_malloc(length + 1);
  return read_at(blob, 0, data, length, error)
             ? g_bytes_new_take(g_steal_pointer(&data), length)
             : NULL;
}

struct mapping { void *at; size_t length; };

static void
unmap(void *data)
{
  struct mapping *mapping = data;
  munmap(mapping->at, mapping->length);
  g_free(mapping);
}

/* It can neither shrink nor change under the reader's hands. */
static GBytes *
map_sealed(const struct blob *blob, GError **error)
{
  size_t length = (size_t)blob->size;
  void *at = mmap(NULL, length, PROT_READ, MAP_SHARED, blob->fd, 0);
  if (at == MAP_FAILED) {
    error_errno(error, POSTINO_ERROR_LOCAL, errno, _("reading failed"));
    return NULL;
  }
  struct mapping *mapping = g_new(struct mapping, 1);
  *mapping = (struct mapping){at, length};
  return g_bytes_new_with_free_func(at, length, unmap, mapping);
}

GBytes *
blob_bytes(const struct blob *blob, GError **error)
{
  return blob->sealed && blob->size > 0 ? map_sealed(blob, error)
                                        : blob_head(blob, G_MAXSIZE, error);
}

void
blob_forget(const struct blob *blob, GBytes *bytes, size_t to)
{
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  if (blob->sealed && blob->size > 0 && to >= page)
    (void)madvise((void *)g_bytes_get_data(bytes, NULL), to / page * page, MADV_DONTNEED);
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

static struct blob_writer *
writer_of(int fd, bool memory)
{
  struct blob_writer *writer = g_new0(struct blob_writer, 1);
  *writer = (struct blob_writer){.fd = fd, .memory = memory,
                                 .buffer = g_string_sized_new(BLOCK)};
  return writer;
}

struct blob_writer *
blob_writer_new(const char *dir, GError **error)
{
  int fd = nameless_file(dir);
  if (fd < 0) {
    error_errno(error, POSTINO_ERROR_CREATE, errno, _("cannot create a file in %s"), dir);
    return NULL;
  }
  return writer_of(fd, false);
}

struct blob_writer *
blob_writer_memory(GError **error)
{
  int fd = file_memfd_new(error);
  return fd < 0 ? NULL : writer_of(fd, true);
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
  if (!flush_buffer(writer, error) || (writer->memory && !file_memfd_seal(writer->fd, error)))
    return NULL;
  struct blob *blob = blob_new_file(fd_steal(&writer->fd), 0, writer->size);
  blob->sealed = writer->memory;
  return blob;
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

struct blob *
blob_copy_file(int fd, guint64 most, GError **error)
{
  auto_fd memory = file_memfd_new(error);
  g_autofree char *room = g_malloc(BLOCK);
  guint64 size = 0;
  for (size_t got = 1; memory >= 0 && got > 0 && size < most; size += got)
    if (!file_read_all(fd, room, (size_t)MIN(BLOCK, most - size), &got, error) ||
        !file_write_all(memory, room, got, error))
      return NULL;
  if (memory < 0 || !file_memfd_seal(memory, error))
    return NULL;
  struct blob *blob = blob_new_file(fd_steal(&memory), 0, size);
  blob->sealed = true;
  return blob;
}

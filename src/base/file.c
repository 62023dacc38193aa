#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/i18n.h"

bool
file_write_all(int fd, const void *data, size_t length, GError **error)
{
  const char *at = data;
  while (length > 0) {
    ssize_t n = write(fd, at, length);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return error_errno(error, POSTINO_ERROR_LOCAL, errno, _("writing failed"));
    at += n;
    length -= (size_t)n;
  }
  return true;
}

bool
file_read_all(int fd, void *data, size_t length, size_t *read_out, GError **error)
{
  size_t have = 0;
  while (have < length) {
    ssize_t n = read(fd, (char *)data + have, length - have);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return error_errno(error, POSTINO_ERROR_LOCAL, errno, _("reading failed"));
    if (n == 0)
      break;
    have += (size_t)n;
  }
  *read_out = have;
  return true;
}

GBytes *
file_read_fd(int fd, size_t limit, GError **error)
{
  g_autoptr(GByteArray) all = g_byte_array_new();
  struct stat st;
  size_t chunk = 65536;
  if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
    if ((uint64_t)st.st_size > limit) {
      error_set(error, POSTINO_ERROR_INVALID, _("larger than %zu bytes"), limit);
      return NULL;
    }
    chunk = (size_t)st.st_size + 1;
  }
  for (;;) {
    size_t had = all->len, got = 0;
    g_byte_array_set_size(all, (guint)(had + chunk));
    if (!file_read_all(fd, all->data + had, chunk, &got, error))
      return NULL;
    g_byte_array_set_size(all, (guint)(had + got));
    if (all->len > limit) {
      error_set(error, POSTINO_ERROR_INVALID, _("larger than %zu bytes"), limit);
      return NULL;
    }
    if (got < chunk)
      return g_byte_array_free_to_bytes(g_steal_pointer(&all));
    chunk = 65536;
  }
}

GBytes *
file_read(const char *path, size_t limit, GError **error)
{
  auto_fd fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  struct stat st;
  if (fd < 0 || fstat(fd, &st) < 0) {
    error_errno(error, errno == EACCES ? POSTINO_ERROR_NOTFOUND : POSTINO_ERROR_LOCAL, errno,
                "%s", path);
    return NULL;
  }
  if (!S_ISREG(st.st_mode)) {
    error_set(error, POSTINO_ERROR_INVALID, _("%s: not a regular file"), path);
    return NULL;
  }
  GBytes *bytes = file_read_fd(fd, limit, error);
  if (bytes == NULL)
    g_prefix_error(error, "%s: ", path);
  return bytes;
}

bool
file_sync_dir(const char *path, GError **error)
{
  auto_fd fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0 || fsync(fd) < 0)
    return error_errno(error, POSTINO_ERROR_LOCAL, errno, _("cannot make %s durable"), path);
  return true;
}

static bool
write_durable(int fd, const char *path, file_fill_fn fill, void *context, GError **error)
{
  if (!fill(fd, context, error)) {
    g_prefix_error(error, "%s: ", path);
    return false;
  }
  if (fsync(fd) < 0)
    return error_errno(error, POSTINO_ERROR_LOCAL, errno, _("cannot make %s durable"), path);
  return true;
}

bool
file_replace_by(const char *path, mode_t mode, file_fill_fn fill, void *context, GError **error)
{
  g_autofree char *dir = g_path_get_dirname(path);
  g_autofree char *temporary = g_strdup_printf("%s.XXXXXX", path);
  auto_fd fd = g_mkstemp_full(temporary, O_RDWR | O_CLOEXEC, (int)mode);
  if (fd < 0)
    return error_errno(error, POSTINO_ERROR_LOCAL, errno, _("cannot create %s"), temporary);
  if (!write_durable(fd, temporary, fill, context, error)) {
    unlink(temporary);
    return false;
  }
  if (rename(temporary, path) < 0) {
    int errnum = errno;
    unlink(temporary);
    return error_errno(error, POSTINO_ERROR_LOCAL, errnum, _("cannot replace %s"), path);
  }
  return file_sync_dir(dir, error);
}

static bool
fill_with_bytes(int fd, void *context, GError **error)
{
  size_t length;
  const void *data = g_bytes_get_data(context, &length);
  return file_write_all(fd, data, length, error);
}

bool
file_replace(const char *path, GBytes *bytes, mode_t mode, GError **error)
{
  return file_replace_by(path, mode, fill_with_bytes, bytes, error);
}

bool
file_make_dirs(const char *path, GError **error)
{
  if (g_file_test(path, G_FILE_TEST_IS_DIR))
    return true;
  g_autofree char *parent = g_path_get_dirname(path);
  if (strcmp(parent, path) != 0 && !file_make_dirs(parent, error))
    return false;
  if (mkdir(path, 0700) < 0 && errno != EEXIST)
    return error_errno(error, POSTINO_ERROR_LOCAL, errno, _("cannot create %s"), path);
  return file_sync_dir(parent, error);
}

int
file_memfd_new(GError **error)
{
  int fd = memfd_create("postino", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0)
    error_errno(error, POSTINO_ERROR_LOCAL, errno, _("no memory file"));
  return fd;
}

bool
file_memfd_seal(int fd, GError **error)
{
  if (lseek(fd, 0, SEEK_SET) < 0 ||
      fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
    return error_errno(error, POSTINO_ERROR_LOCAL, errno, _("no sealed memory file"));
  return true;
}

int
file_memfd(GBytes *bytes, GError **error)
{
  auto_fd fd = file_memfd_new(error);
  size_t length;
  const void *data = g_bytes_get_data(bytes, &length);
  if (fd < 0 || !file_write_all(fd, data, length, error) || !file_memfd_seal(fd, error))
    return -1;
  return fd_steal(&fd);
}

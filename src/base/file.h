/* Files: descriptors that close themselves, bounded reading, durable writing.
 * Every function retries EINTR. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>
#include <unistd.h>

/* `auto_fd fd = -1;` closes itself; hand it over with fd_steal(). */
static inline void
fd_clear(int *fd)
{
  if (*fd >= 0)
    close(*fd);
  *fd = -1;
}
static inline int
fd_steal(int *fd)
{
  int taken = *fd;
  *fd = -1;
  return taken;
}
#define auto_fd __attribute__((cleanup(fd_clear))) int

/* Writes all of `data` to `fd`; LOCAL on failure. */
bool file_write_all(int fd, const void *data, size_t length, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* Reads up to `length` bytes, less only at the end of the file. */
bool file_read_all(int fd, void *data, size_t length, size_t *read_out, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* The whole of a regular file of at most `limit` bytes, read into memory (not
 * mapped: another program may truncate it).  NOTFOUND, LOCAL, or INVALID when it
 * is longer or not a regular file. */
GBytes *file_read(const char *path, size_t limit, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The same for an open descriptor, from its present position. */
GBytes *file_read_fd(int fd, size_t limit, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Makes the names in directory `path` durable. */
bool file_sync_dir(const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Replaces `path` by `bytes` so that after any crash either the old or the new
 * content is there: temporary file in the same directory, fsync, rename, fsync
 * of the directory. */
bool file_replace(const char *path, GBytes *bytes, mode_t mode, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* The same with what `fill` writes. */
typedef bool (*file_fill_fn)(int fd, void *context, GError **error);
bool file_replace_by(const char *path, mode_t mode, file_fill_fn fill, void *context,
                     GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* mkdir -p with mode 0700 for what is made; each new name is made durable. */
bool file_make_dirs(const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* A sealed read-only memfd that holds `bytes` (F_SEAL_WRITE|GROW|SHRINK), its
 * position at the start; the caller closes it. */
int file_memfd(GBytes *bytes, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The same in two steps: an empty one to be written to, and its seals. */
int file_memfd_new(GError **error) G_GNUC_WARN_UNUSED_RESULT;
bool file_memfd_seal(int fd, GError **error) G_GNUC_WARN_UNUSED_RESULT;

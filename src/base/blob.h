/* Bytes that may be many: in memory, in an open file, or one behind the other, read
 * block by block so that a large letter never lies in memory whole. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

struct blob;

/* Takes a reference. */
struct blob *blob_new(GBytes *bytes);
/* `size` bytes of a regular file from `start` on; owns the descriptor, whose position
 * does not matter. */
struct blob *blob_new_file(int fd, guint64 start, guint64 size);
/* The same of memory that is sealed against writing, growing and shrinking. */
struct blob *blob_new_sealed(int fd, guint64 size);
/* All of the regular file `path`, opened now.  NOTFOUND, LOCAL, INVALID. */
struct blob *blob_open(const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* `head`, and `rest` behind it; takes references. */
struct blob *blob_join(GBytes *head, struct blob *rest);
struct blob *blob_ref(struct blob *blob);
void blob_unref(struct blob *blob);

guint64 blob_size(const struct blob *blob);
/* Is the file that blob_open() opened as it was then?  True for any other blob. */
bool blob_is_as_opened(const struct blob *blob);
/* The descriptor of sealed memory (blob_writer_memory()), which stays the blob's; -1. */
int blob_memory(const struct blob *blob);
/* Its bytes from `from` on, in blocks of at most 64 KiB.  False at once when `take`
 * is; LOCAL when the file has become shorter than it was. */
typedef bool (*blob_fn)(const char *data, size_t length, void *context, GError **error);
bool blob_each(const struct blob *blob, guint64 from, blob_fn take, void *context,
               GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The first bytes, `most` at most; where they lie in memory as they are: all of them. */
GBytes *blob_head(const struct blob *blob, size_t most, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* All of it in memory; sealed memory is not copied. */
GBytes *blob_bytes(const struct blob *blob, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* What blob_bytes() gave is not read soon, up to `to`: where it is sealed memory that was
 * not copied, it takes none of this process's until it is read again. */
void blob_forget(const struct blob *blob, GBytes *bytes, size_t to);
/* file_replace() by these bytes. */
bool blob_replace(const struct blob *blob, const char *path, mode_t mode, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* A new blob that is written piece by piece into a file without a name in `dir`: it is
 * gone with who holds it.  CREATE, LOCAL. */
struct blob_writer;
struct blob_writer *blob_writer_new(const char *dir, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The same in memory that no file ever is, for what must not lie on a disk; sealed at
 * the end (memfd_create(2)).  LOCAL. */
struct blob_writer *blob_writer_memory(GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* What the file `fd` holds from where it stands, `most` bytes at most, in sealed memory.
 * NULL and LOCAL. */
struct blob *blob_copy_file(int fd, guint64 most, GError **error) G_GNUC_WARN_UNUSED_RESULT;
bool blob_write(struct blob_writer *writer, const char *data, size_t length, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
guint64 blob_writer_size(const struct blob_writer *writer);
/* What was written.  The writer is at its end then and only to be freed. */
struct blob *blob_writer_end(struct blob_writer *writer, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
void blob_writer_free(struct blob_writer *writer);

typedef struct blob blob_t;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(blob_t, blob_unref)
typedef struct blob_writer blob_writer_t;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(blob_writer_t, blob_writer_free)

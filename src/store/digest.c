#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/limits.h"
#include "message/headers.h"
#include "store/disk.h"

#define CHUNK LIMIT_KIB(64)

/* Where the header block ends in what was read: behind its empty line. */
static size_t
header_end(const GByteArray *bytes, size_t from)
{
  const char *data = (const char *)bytes->data;
  for (size_t i = from; i < bytes->len; i++) {
    if (data[i] != '\n')
      continue;
    if (i == 0 || (i + 1 < bytes->len && data[i + 1] == '\n'))
      return i == 0 ? 1 : i + 2;
    if (i + 2 < bytes->len && data[i + 1] == '\r' && data[i + 2] == '\n')
      return i + 3;
  }
  return 0;
}

/* Reads until the header block is whole (or LIMIT_HEADER); what follows it in
 * `bytes` belongs to the body. */
static bool
read_headers(int fd, GByteArray *bytes, size_t *end_out, GError **error)
{
  for (size_t had = 0;; had = bytes->len) {
    size_t got;
    g_byte_array_set_size(bytes, (guint)(had + CHUNK));
    if (!file_read_all(fd, bytes->data + had, CHUNK, &got, error))
      return false;
    g_byte_array_set_size(bytes, (guint)(had + got));
    *end_out = header_end(bytes, had > 2 ? had - 2 : 0);
    if (*end_out > 0)
      return true;
    if (got < CHUNK || bytes->len >= LIMIT_HEADER) {
      *end_out = bytes->len;
      return true;
    }
  }
}

static char *
digest_body(int fd, const GByteArray *bytes, size_t end, GError **error)
{
  g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
  g_autofree guchar *buffer = g_malloc(CHUNK);
  g_checksum_update(sum, bytes->data + end, (gssize)(bytes->len - end));
  for (size_t got = CHUNK; got == CHUNK;) {
    if (!file_read_all(fd, buffer, CHUNK, &got, error))
      return NULL;
    g_checksum_update(sum, buffer, (gssize)got);
  }
  return g_strdup(g_checksum_get_string(sum));
}

bool
digest_file(const char *path, char **headers_out, char **body_out, GError **error)
{
  auto_fd fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (fd < 0)
    return error_errno(error, POSTINO_ERROR_LOCAL, errno, "%s", path);
  g_autoptr(GByteArray) bytes = g_byte_array_new();
  size_t end;
  if (!read_headers(fd, bytes, &end, error))
    return false;
  g_autofree char *body = NULL;
  if (body_out != NULL && (body = digest_body(fd, bytes, end, error)) == NULL)
    return false;
  *headers_out = headers_digest((const char *)bytes->data, end);
  if (body_out != NULL)
    *body_out = g_steal_pointer(&body);
  return true;
}

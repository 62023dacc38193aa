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

/* A sum in which CRLF is LF. */
struct lines {
  GChecksum *sum;
  bool cr;                    /* one was read and waits for what follows */
  guchar last;
};

static void
sum_some(struct lines *lines, const guchar *data, size_t length)
{
  if (length > 0) {
    g_checksum_update(lines->sum, data, (gssize)length);
    lines->last = data[length - 1];
  }
}

static void
sum_lines(struct lines *lines, const guchar *data, size_t length)
{
  static const guchar cr = '\r';
  const guchar *end = data + length;
  while (data < end) {
    if (lines->cr && *data != '\n')
      sum_some(lines, &cr, 1);
    const guchar *found = memchr(data, '\r', (size_t)(end - data));
    lines->cr = found != NULL;
    sum_some(lines, data, (size_t)((found != NULL ? found : end) - data));
    data = found != NULL ? found + 1 : end;
  }
}

static char *
digest_body(int fd, const GByteArray *bytes, size_t end, GError **error)
{
  static const guchar cr = '\r', lf = '\n';
  g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
  g_autofree guchar *buffer = g_malloc(CHUNK);
  struct lines lines = {.sum = sum, .last = '\n'};
  sum_lines(&lines, bytes->data + end, bytes->len - end);
  for (size_t got = CHUNK; got == CHUNK;) {
    if (!file_read_all(fd, buffer, CHUNK, &got, error))
      return NULL;
    sum_lines(&lines, buffer, got);
  }
  if (lines.cr)
    sum_some(&lines, &cr, 1);
  if (lines.last != '\n')
    sum_some(&lines, &lf, 1);
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

/* A whole letter from outside, which may be long. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/file.h"
#include "base/i18n.h"
#include "base/limits.h"
#include "engine/out.h"
#include "message/draft.h"

/* Longer ones do not lie in memory. */
#define SMALL LIMIT_MIB(1)
#define BLOCK LIMIT_KIB(64)

void
intake_clear(struct intake *intake)
{
  g_clear_pointer(&intake->message, g_bytes_unref);
  g_clear_pointer(&intake->large, blob_unref);
}

static bool
too_long(GError **error)
{
  return error_set(error, POSTINO_ERROR_INVALID, _("larger than %zu bytes"),
                   (size_t)LIMIT_MESSAGE);
}

/* What was read already, and the rest. */
static GBytes *
read_rest(int fd, GBytes *start, GError **error)
{
  size_t length;
  const void *data = g_bytes_get_data(start, &length);
  g_autoptr(GBytes) rest = file_read_fd(fd, LIMIT_MESSAGE - length, error);
  if (rest == NULL)
    return NULL;
  size_t more = g_bytes_get_size(rest);
  char *all = g_malloc(length + more);
  memcpy(all, data, length);
  if (more > 0)
    memcpy(all + length, g_bytes_get_data(rest, NULL), more);
  return g_bytes_new_take(all, length + more);
}

static bool
copy_rest(int fd, struct blob_writer *writer, GError **error)
{
  g_autofree char *block = g_malloc(BLOCK);
  for (size_t got = BLOCK; got == BLOCK;) {
    if (!file_read_all(fd, block, BLOCK, &got, error) || !blob_write(writer, block, got, error))
      return false;
    if (blob_writer_size(writer) > LIMIT_MESSAGE)
      return too_long(error);
  }
  return true;
}

/* A file stays where it is; what comes through a pipe is kept beside the outbox. */
static struct blob *
spool(struct store *store, int fd, GBytes *start, GError **error)
{
  size_t length;
  const char *data = g_bytes_get_data(start, &length);
  g_autoptr(blob_writer_t) writer = ledger_spool(store, error);
  if (writer == NULL || !blob_write(writer, data, length, error) ||
      !copy_rest(fd, writer, error))
    return NULL;
  return blob_writer_end(writer, error);
}

static struct blob *
blob_of_file(int fd, GBytes *start)
{
  struct stat st;
  off_t at = lseek(fd, 0, SEEK_CUR);
  off_t from = at - (off_t)g_bytes_get_size(start);
  if (at < 0 || from < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size < at)
    return NULL;
  int own = dup(fd);
  return own < 0 ? NULL : blob_new_file(own, (guint64)from, (guint64)(st.st_size - from));
}

static bool
take_large(struct store *store, int fd, GBytes *start, struct intake *intake, GError **error)
{
  intake->large = blob_of_file(fd, start);
  if (intake->large == NULL)
    intake->large = spool(store, fd, start, error);
  return intake->large != NULL &&
         (blob_size(intake->large) <= LIMIT_MESSAGE || too_long(error));
}

bool
intake_read(struct store *store, int fd, intake_sealed_fn sealed, void *context,
            struct intake *intake_out, GError **error)
{
  g_auto(intake_t) intake = {0};
  g_autofree char *first = g_malloc(SMALL);
  size_t got;
  if (!file_read_all(fd, first, SMALL, &got, error))
    return false;
  g_autoptr(GBytes) start = g_bytes_new_take(g_steal_pointer(&first), got);
  if (got < SMALL) {
    intake_out->message = g_steal_pointer(&start);
    return true;
  }
  g_autoptr(blob_t) beginning = blob_new(start);
  g_autoptr(GBytes) head = letter_head(beginning, error);
  if (head == NULL)
    return false;
  intake.body = g_bytes_get_size(head);
  if (intake.body == 0 || sealed(head, context))
    intake.message = read_rest(fd, start, error);
  else {
    intake.message = g_bytes_new(g_bytes_get_data(head, NULL), intake.body);
    if (!take_large(store, fd, start, &intake, error))
      return false;
  }
  if (intake.message == NULL)
    return false;
  *intake_out = intake;
  memset(&intake, 0, sizeof intake);
  return true;
}

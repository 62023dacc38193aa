#include "crypto/protocol.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/i18n.h"
#include "base/limits.h"
#include "base/secret.h"

/* "PSTP", version, type, request, length of the fields. */
#define HEAD_SIZE 16
#define FIELD_HEAD 6
#define MAX_FDS 2

static const char magic[4] = {'P', 'S', 'T', 'P'};

struct frame {
  unsigned type;
  uint32_t request;
  char *data;               /* the fields; one block that is wiped whole */
  size_t length, room;
  int fds[MAX_FDS];
  unsigned n_fds;
  bool strange;             /* a critical field is not known */
};

static void
put(char *to, uint64_t number, int bytes)
{
  for (int i = 0; i < bytes; i++)
    to[i] = (char)(number >> (8 * i));
}

static uint64_t
get(const char *from, int bytes)
{
  uint64_t number = 0;
  for (int i = 0; i < bytes; i++)
    number |= (uint64_t)(unsigned char)from[i] << (8 * i);
  return number;
}

struct frame *
frame_new(unsigned type, uint32_t request)
{
  struct frame *frame = g_new0(struct frame, 1);
  frame->type = type;
  frame->request = request;
  return frame;
}

void
frame_free(struct frame *frame)
{
  if (frame == NULL)
    return;
  if (frame->data != NULL)
    secret_wipe(frame->data, frame->room);
  g_free(frame->data);
  for (unsigned i = 0; i < frame->n_fds; i++)
    close(frame->fds[i]);
  g_free(frame);
}

unsigned
frame_type(const struct frame *frame)
{
  return frame->type;
}

bool
frame_is_understood(const struct frame *frame)
{
  return !frame->strange;
}

uint32_t
frame_request(const struct frame *frame)
{
  return frame->request;
}

/* ---- writing ---- */

/* No realloc: it would leave the old block, perhaps a passphrase, behind. */
static void
make_room(struct frame *frame, size_t more)
{
  if (frame->room - frame->length >= more)
    return;
  size_t room = MAX((frame->length + more) * 2, 256);
  char *data = g_malloc(room);
  if (frame->data != NULL) {
    memcpy(data, frame->data, frame->length);
    secret_wipe(frame->data, frame->room);
    g_free(frame->data);
  }
  frame->data = data;
  frame->room = room;
}

void
frame_add(struct frame *frame, unsigned field, const void *data, size_t length)
{
  make_room(frame, FIELD_HEAD + length);
  char *to = frame->data + frame->length;
  put(to, field, 2);
  put(to + 2, length, 4);
  if (length > 0)
    memcpy(to + FIELD_HEAD, data, length);
  frame->length += FIELD_HEAD + length;
}

void
frame_add_text(struct frame *frame, unsigned field, const char *text)
{
  if (text != NULL)
    frame_add(frame, field, text, strlen(text));
}

void
frame_add_number(struct frame *frame, unsigned field, uint64_t number)
{
  char bytes[8];
  put(bytes, number, 8);
  frame_add(frame, field, bytes, sizeof bytes);
}

void
frame_add_fd(struct frame *frame, int fd)
{
  g_return_if_fail(frame->n_fds < MAX_FDS);
  frame->fds[frame->n_fds++] = fd;
}

bool
frame_add_bulk(struct frame *frame, GBytes *bytes, GError **error)
{
  int fd = file_memfd(bytes, error);
  if (fd < 0)
    return false;
  frame_add_fd(frame, fd);
  return true;
}

static ssize_t
send_packet(int socket, const struct frame *frame, char head[HEAD_SIZE], unsigned n_fds)
{
  union {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(sizeof(int) * MAX_FDS)];
  } control = {0};
  struct iovec parts[2] = {{head, HEAD_SIZE}, {frame->data, frame->length}};
  struct msghdr message = {.msg_iov = parts, .msg_iovlen = frame->length > 0 ? 2 : 1};
  if (n_fds > 0) {
    message.msg_control = control.bytes;
    message.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
    struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
    memcpy(CMSG_DATA(rights), frame->fds, sizeof(int) * n_fds);
  }
  ssize_t sent;
  do
    sent = sendmsg(socket, &message, MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  return sent;
}

static bool
send_with(int socket, const struct frame *frame, unsigned n_fds, GError **error)
{
  if (frame->length + HEAD_SIZE > LIMIT_PLUGIN_FRAME)
    return error_set(error, POSTINO_ERROR_INVALID,
                     _("too much for one request to a plugin; write to fewer people at once"));
  char head[HEAD_SIZE];
  memcpy(head, magic, sizeof magic);
  put(head + 4, PROTOCOL_VERSION, 2);
  put(head + 6, frame->type, 2);
  put(head + 8, frame->request, 4);
  put(head + 12, frame->length, 4);
  if (send_packet(socket, frame, head, n_fds) < 0)
    return error_errno(error, POSTINO_ERROR_LOCAL, errno, _("cannot write to the plugin"));
  return true;
}

bool
frame_send(int socket, const struct frame *frame, GError **error)
{
  return send_with(socket, frame, frame->n_fds, error);
}

bool
frame_send_alone(int socket, const struct frame *frame, GError **error)
{
  return send_with(socket, frame, 0, error);
}

/* ---- reading ---- */

static void
take_fds(struct frame *frame, struct msghdr *message)
{
  for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
      continue;
    size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < n; i++) {
      int fd;
      memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof fd);
      if (frame->n_fds < MAX_FDS)
        frame->fds[frame->n_fds++] = fd;
      else
        close(fd);
    }
  }
}

static ssize_t
receive_packet(int socket, struct frame *frame, char head[HEAD_SIZE], int *flags_out)
{
  union {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(sizeof(int) * MAX_FDS)];
  } control;
  struct iovec parts[2] = {{head, HEAD_SIZE}, {frame->data, frame->room}};
  struct msghdr message = {.msg_iov = parts,
                           .msg_iovlen = 2,
                           .msg_control = control.bytes,
                           .msg_controllen = sizeof control.bytes};
  ssize_t got;
  do
    got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  while (got < 0 && errno == EINTR);
  if (got >= 0)
    take_fds(frame, &message);
  *flags_out = message.msg_flags;
  return got;
}

static bool
fields_are_whole(struct frame *frame)
{
  size_t at = 0;
  while (at < frame->length) {
    if (frame->length - at < FIELD_HEAD)
      return false;
    unsigned field = (unsigned)get(frame->data + at, 2);
    size_t length = (size_t)get(frame->data + at + 2, 4);
    if (frame->length - at - FIELD_HEAD < length)
      return false;
    if ((field & FIELD_CRITICAL) != 0 && (field & ~FIELD_CRITICAL) > FIELD_LAST)
      frame->strange = true;
    at += FIELD_HEAD + length;
  }
  return true;
}

static bool
read_head(struct frame *frame, const char head[HEAD_SIZE], ssize_t got, int flags)
{
  if (got < HEAD_SIZE || (flags & (MSG_TRUNC | MSG_CTRUNC)) != 0 ||
      memcmp(head, magic, sizeof magic) != 0 || get(head + 4, 2) != PROTOCOL_VERSION)
    return false;
  frame->type = (unsigned)get(head + 6, 2);
  frame->request = (uint32_t)get(head + 8, 4);
  frame->length = (size_t)got - HEAD_SIZE;
  return get(head + 12, 4) == frame->length && fields_are_whole(frame);
}

struct frame *
frame_receive(int socket, GError **error)
{
  g_autoptr(frame_t) frame = frame_new(0, 0);
  frame->room = LIMIT_PLUGIN_FRAME;
  frame->data = g_malloc(frame->room);
  char head[HEAD_SIZE] = {0};
  int flags = 0;
  ssize_t got = receive_packet(socket, frame, head, &flags);
  if (got == 0 || (got < 0 && errno == ECONNRESET)) {
    error_set(error, POSTINO_ERROR_NOTFOUND, "%s", _("the other side has closed"));
    return NULL;
  }
  if (got < 0) {
    error_errno(error, POSTINO_ERROR_LOCAL, errno, _("cannot read from the plugin"));
    return NULL;
  }
  if (!read_head(frame, head, got, flags)) {
    error_set(error, POSTINO_ERROR_PROTOCOL, "%s", _("what it sent is no frame of the protocol"));
    return NULL;
  }
  return g_steal_pointer(&frame);
}

bool
frame_next(struct frame_cursor *cursor, struct frame_value *value_out)
{
  const struct frame *frame = cursor->frame;
  if (cursor->offset >= frame->length)
    return false;
  const char *at = frame->data + cursor->offset;
  value_out->field = (unsigned)get(at, 2) & ~FIELD_CRITICAL;
  value_out->length = (size_t)get(at + 2, 4);
  value_out->data = at + FIELD_HEAD;
  cursor->offset += FIELD_HEAD + value_out->length;
  return true;
}

bool
frame_find(const struct frame *frame, unsigned field, struct frame_value *value_out)
{
  struct frame_cursor cursor = {frame, 0};
  struct frame_value value;
  while (frame_next(&cursor, &value))
    if (value.field == field) {
      *value_out = value;
      return true;
    }
  return false;
}

uint64_t
value_number(const struct frame_value *value)
{
  return get(value->data, (int)MIN(value->length, 8));
}

char *
value_text(const struct frame_value *value)
{
  return g_strndup(value->data, value->length);
}

char *
frame_text(const struct frame *frame, unsigned field)
{
  struct frame_value value;
  return frame_find(frame, field, &value) ? value_text(&value) : NULL;
}

uint64_t
frame_number(const struct frame *frame, unsigned field, uint64_t fallback)
{
  struct frame_value value;
  return frame_find(frame, field, &value) ? value_number(&value) : fallback;
}

/* ---- bulk data ---- */

/* Read, not mapped: huge pages that are not there would be a SIGBUS.  The
 * position is shared with the other side, so it is not used. */
static GBytes *
read_sealed(int fd, size_t length, GError **error)
{
  g_autofree char *data = g_try_malloc(MAX(length, 1));
  if (data == NULL) {
    error_set(error, POSTINO_ERROR_LOCAL, "%s", _("no memory for what the plugin gave"));
    return NULL;
  }
  for (size_t done = 0; done < length;) {
    ssize_t got = pread(fd, data + done, length - done, (off_t)done);
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0) {
      error_errno(error, POSTINO_ERROR_LOCAL, errno, _("cannot read what the plugin gave"));
      return NULL;
    }
    done += (size_t)got;
  }
  return g_bytes_new_take(g_steal_pointer(&data), length);
}

/* Its size; -1 with an error unless it is sealed memory of at most `limit`. */
static off_t
sealed_size(int fd, size_t limit, GError **error)
{
  const int wanted = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK;
  struct stat st;
  int seals = fcntl(fd, F_GET_SEALS);
  if (seals < 0 || (seals & wanted) != wanted || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
    error_set(error, POSTINO_ERROR_PROTOCOL, "%s", _("the data it gave is not in sealed memory"));
    return -1;
  }
  if (st.st_size < 0 || (uint64_t)st.st_size > limit) {
    error_set(error, POSTINO_ERROR_PROTOCOL, _("the data it gave is larger than %zu bytes"), limit);
    return -1;
  }
  return st.st_size;
}

GBytes *
frame_bulk(const struct frame *frame, unsigned index, size_t limit, GError **error)
{
  if (index >= frame->n_fds)
    return NULL;
  off_t size = sealed_size(frame->fds[index], limit, error);
  return size >= 0 ? read_sealed(frame->fds[index], (size_t)size, error) : NULL;
}

/* Pages of its own cost more than a copy. */
#define SMALLEST_MAPPED LIMIT_MIB(1)

/* A page of ordinary memory that nobody wrote is there when it is read; a huge one need
 * not be. */
static bool
is_ordinary(int fd)
{
  struct statfs fs;
  return fstatfs(fd, &fs) == 0 && fs.f_type == TMPFS_MAGIC;
}

struct blob *
frame_blob(const struct frame *frame, unsigned index, size_t limit, GError **error)
{
  if (index >= frame->n_fds)
    return NULL;
  off_t size = sealed_size(frame->fds[index], limit, error);
  if (size < 0)
    return NULL;
  int own = (size_t)size >= SMALLEST_MAPPED && is_ordinary(frame->fds[index])
                ? fcntl(frame->fds[index], F_DUPFD_CLOEXEC, 0)
                : -1;
  if (own >= 0)
    return blob_new_sealed(own, (guint64)size);
  g_autoptr(GBytes) copy = read_sealed(frame->fds[index], (size_t)size, error);
  return copy != NULL ? blob_new(copy) : NULL;
}

#include "sandbox/frame.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Room for exactly one descriptor, aligned as the kernel wants it. */
union control {
  struct cmsghdr head;
  char room[CMSG_SPACE(sizeof(int))];
};

bool
frame_send_request(int socket, const struct frame_request *request, int fd)
{
  union control control = {.room = {0}};
  struct iovec data = {.iov_base = (void *)request, .iov_len = sizeof *request};
  struct msghdr message = {.msg_iov = &data,
                           .msg_iovlen = 1,
                           .msg_control = control.room,
                           .msg_controllen = sizeof control.room};
  struct cmsghdr *head = CMSG_FIRSTHDR(&message);
  head->cmsg_level = SOL_SOCKET;
  head->cmsg_type = SCM_RIGHTS;
  head->cmsg_len = CMSG_LEN(sizeof fd);
  memcpy(CMSG_DATA(head), &fd, sizeof fd);
  for (;;) {
    ssize_t n = sendmsg(socket, &message, MSG_NOSIGNAL);
    if (n == (ssize_t)sizeof *request)
      return true;
    if (n >= 0)
      errno = EMSGSIZE;
    if (n >= 0 || errno != EINTR)
      return false;
  }
}

static int
take_fd(struct msghdr *message)
{
  int fd = -1;
  struct cmsghdr *head = CMSG_FIRSTHDR(message);
  if (head != NULL && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS &&
      head->cmsg_len == CMSG_LEN(sizeof fd))
    memcpy(&fd, CMSG_DATA(head), sizeof fd);
  return fd;
}

bool
frame_receive_request(int socket, struct frame_request *request_out, int *fd_out)
{
  union control control = {.room = {0}};
  struct iovec data = {.iov_base = request_out, .iov_len = sizeof *request_out};
  struct msghdr message = {.msg_iov = &data,
                           .msg_iovlen = 1,
                           .msg_control = control.room,
                           .msg_controllen = sizeof control.room};
  ssize_t n;
  do
    n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_WAITALL);
  while (n < 0 && errno == EINTR);
  int fd = n > 0 ? take_fd(&message) : -1;
  if (n != (ssize_t)sizeof *request_out || fd < 0) {
    if (fd >= 0)
      close(fd);
    return false;
  }
  *fd_out = fd;
  return true;
}

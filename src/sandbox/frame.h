/* What passes between the pool and a reader child over one stream socket: a
 * request of fixed size that carries the letter's descriptor, and an answer of a
 * fixed head, a GVariant and a block of bytes.  Both ends are the same build, so
 * the structs go as they lie in memory; the parent believes none of the sizes. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

enum frame_ask { FRAME_RENDER = 1, FRAME_INDEX, FRAME_PART, FRAME_REPORT };

struct frame_request {
  uint32_t ask;             /* enum frame_ask */
  uint32_t number;          /* of the part */
  uint32_t html, raw, as_text;
  uint32_t unused;
  int64_t arrival;
  uint64_t length;          /* of the letter, as its descriptor holds it */
};

enum frame_status { FRAME_DONE = 1, FRAME_NONE };

struct frame_answer {
  uint32_t status;          /* enum frame_status */
  uint32_t leaving;         /* the child ends after this answer, as it should */
  uint64_t variant;         /* bytes of the serialised variant of type "v" */
  uint64_t bytes;           /* bytes that follow it */
};

/* The exit status of a child that could not give up its rights. */
#define FRAME_EXIT_RIGHTS 71

/* Sends `request` with the descriptor `fd`.  False with errno. */
bool frame_send_request(int socket, const struct frame_request *request, int fd);
/* Waits for one; *fd_out is the caller's.  False at the end of the socket or on
 * anything that is no request. */
bool frame_receive_request(int socket, struct frame_request *request_out, int *fd_out);

/* One question to one child: asked, awaited, bounded. */
#pragma once

#include <gio/gio.h>
#include <glib.h>
#include <stdbool.h>

#include "sandbox/frame.h"

struct call {
  struct frame_request request;
  GCancellable *cancel;     /* borrowed, or NULL */
  gint64 deadline;          /* monotonic; set when the child is asked */
  GVariant *content;        /* what came: NULL for "there is none" */
  GBytes *bytes;            /* what came beside it, or NULL */
};
void call_clear(struct call *call);

enum call_result {
  CALL_ANSWERED,            /* the child may be asked again */
  CALL_LEAVING,             /* answered, and the child ends as it should */
  CALL_UNHEARD,             /* the child was gone before it was asked */
  CALL_DIED,                /* no answer: it ended midway */
  CALL_LATE, CALL_CANCELLED,
  CALL_NONSENSE,            /* an answer that this program does not send */
  CALL_LOCAL,               /* this process: no memory, no descriptors */
};

/* Sends the request with `letter_fd`; CALL_ANSWERED when it is on its way. */
enum call_result call_ask(struct call *call, int socket, int letter_fd);
enum call_result call_await(struct call *call, int socket);

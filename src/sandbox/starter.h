/* The one thread that starts reader children.  A child dies with the thread that
 * forked it, so that thread must live as long as the pool. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

struct starter;

struct starter *starter_new(void);
/* Ends the thread, and with it every child that is still there. */
void starter_free(struct starter *starter);

/* A new child: its process and our end of its socket (the caller's).  LOCAL.
 * Safe for threads. */
bool starter_start(struct starter *starter, pid_t *pid_out, int *socket_out, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

typedef struct starter starter_t;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(starter_t, starter_free)

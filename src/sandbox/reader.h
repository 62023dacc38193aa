/* sandbox/ owns the reader children: processes without network, files, rights
 * or much memory in which message/ meets bytes from outside.  A crash or a
 * time-out costs one letter its rendering and is said; the child is replaced.
 * Safe for threads: each call borrows a child of the pool. */
#pragma once

#include <gio/gio.h>
#include <glib.h>
#include <stdbool.h>

#include "base/blob.h"
#include "message/rendered.h"
#include "message/report.h"

struct reader_pool;

/* `children` at most (one per core is right); each starts on first use. */
struct reader_pool *reader_pool_new(int children);
void reader_pool_free(struct reader_pool *pool);
/* A letter will be read: the first child starts now.  Returns at once. */
void reader_pool_expect(struct reader_pool *pool);

/* Each takes the whole message or entity.  INVALID when the child died or took
 * too long over it ("shown as source"), CANCELLED, LOCAL when none can be
 * started. */
struct rendered *reader_render(struct reader_pool *pool, GBytes *message,
                               const struct render_options *options, GCancellable *cancel,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;
struct index_doc *reader_index(struct reader_pool *pool, GBytes *message, int64_t arrival,
                               GCancellable *cancel, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The same of what blob_copy_file() took: this process never holds it. */
struct index_doc *reader_index_memory(struct reader_pool *pool, const struct blob *message,
                                      int64_t arrival, GCancellable *cancel, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* NOTFOUND when there is no such part. */
GBytes *reader_part(struct reader_pool *pool, GBytes *message, int number, bool as_text,
                    char **name_out, char **type_out, GCancellable *cancel, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* *report_out is NULL when it is no delivery report. */
bool reader_report(struct reader_pool *pool, GBytes *message, struct report **report_out,
                   GCancellable *cancel, GError **error) G_GNUC_WARN_UNUSED_RESULT;

typedef struct reader_pool reader_pool_t;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(reader_pool_t, reader_pool_free)

/* Lines of an mbox file in bounded memory, and what begins a letter there
 * (RFC 4155 and what programs write). */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct mbox;

/* What our own separators name as the sender. */
#define MBOX_SENDER "MAILER-DAEMON"

/* A line, or a piece of one that is longer than the buffer. */
struct mbox_piece {
  const char *data;         /* valid until the next call; with its line end */
  size_t length;
  guint64 offset;           /* of the piece in the file */
  bool first, last;         /* begins the line, ends it */
};

/* INVALID when it is no regular file. */
struct mbox *mbox_open(const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void mbox_close(struct mbox *mbox);
guint64 mbox_size(const struct mbox *mbox);
/* False at the end of the file (no error) and on failure. */
bool mbox_next(struct mbox *mbox, struct mbox_piece *piece_out, GError **error);

/* "From SENDER DATE" with a date that can be one; the date as if UTC. */
bool mbox_is_separator(const char *line, size_t length, int64_t *date_out);
/* Is a separator one of ours (export.c)?  It ends a letter also where no empty line is
 * before it: then that letter's last line has no end. */
bool mbox_is_own(const char *line, size_t length);
/* How many bytes of `>` stand before "From " in a quoted line, 0 for others. */
size_t mbox_quotes(const char *line, size_t length);
/* Does a body of `length` bytes at `offset` end where a letter ends?
 * *unquoted_out: a line within begins with "From ", so this writer quotes none. */
bool mbox_length_fits(struct mbox *mbox, guint64 offset, guint64 length, bool *unquoted_out);

typedef struct mbox mbox_t;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(mbox_t, mbox_close)

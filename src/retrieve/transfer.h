/* A letter as it comes over the line: dot-unstuffed, bounded, streamed. */
#pragma once

#include "retrieve/session.h"

/* RFC 1939, 3, byte by byte.  Only CRLF begins a line, only CRLF "." CRLF ends
 * the letter: a lone LF and a dot behind it are content. */
enum unstuff_state { UNSTUFF_LINE, UNSTUFF_DOT, UNSTUFF_DOT_CR, UNSTUFF_TEXT, UNSTUFF_CR,
                     UNSTUFF_END };
struct unstuff { enum unstuff_state state; };

typedef bool (*transfer_sink)(const char *data, size_t length, void *data_of_sink, GError **error);

/* Feeds bytes, gives the content to `sink` (NULL: nowhere) in runs.  *used_out: how
 * many of them belong to the letter; fewer than `length` only at its end.  False when
 * the sink failed. */
bool unstuff_feed(struct unstuff *unstuff, const char *data, size_t length, size_t *used_out,
                  transfer_sink sink, void *data_of_sink, GError **error) G_GNUC_WARN_UNUSED_RESULT;

struct transfer {
  guint64 limit;            /* bytes before the server is given up */
  transfer_sink sink;
  void *data;
  void (*progress)(guint64 bytes, void *data);
};
enum transfer_result {
  TRANSFER_DEAD,            /* the line, or the server broke its protocol */
  TRANSFER_SINK,            /* our side cannot take it: the session is to be dropped */
  TRANSFER_REFUSED,         /* -ERR: this letter alone */
  TRANSFER_DONE,
};
/* Reads the answer to a RETR or TOP that was sent.  *size_out: its bytes with CRLF
 * ends, unstuffed. */
enum transfer_result transfer_read(struct pop3 *pop3, const struct transfer *transfer,
                                   guint64 *size_out, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Collects the header block alone: sink data. */
struct header_block { GByteArray *bytes; bool whole; };
void header_block_init(struct header_block *block);
void header_block_reset(struct header_block *block);
void header_block_clear(struct header_block *block);
void header_block_take(struct header_block *block, const char *data, size_t length);
/* headers_digest() of it.  Free it. */
char *header_block_digest(const struct header_block *block);

/* What a letter of this LIST size may really have, for servers that count badly. */
guint64 transfer_limit(guint64 listed, guint64 max_size);

/* The header blocks of these letters by TOP n 0, pipelined where that is allowed.
 * `take` gets each (NULL: the server refuses it); the order is that of `numbers`. */
bool transfer_tops(struct pop3 *pop3, const guint *numbers, guint count,
                   void (*take)(guint i, const struct header_block *block, void *data), void *data,
                   GError **error) G_GNUC_WARN_UNUSED_RESULT;

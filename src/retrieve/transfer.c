#include "retrieve/transfer.h"

#include <string.h>

#include "base/error.h"
#include "base/i18n.h"
#include "base/limits.h"
#include "message/headers.h"

/* TOPs that are sent before the first is answered: their commands stay far below
 * what both sides can buffer. */
#define TOP_WINDOW 64
/* What TOP n 0 may give: a header block, with room for servers that give more. */
#define TOP_BYTES_MAX LIMIT_MIB(16)

/* ---- dots ---- */

/* One byte: the next state, and what stands before it that was held back. */
static enum unstuff_state
step(enum unstuff_state state, char byte, const char **held_out)
{
  *held_out = "";
  switch (state) {
  case UNSTUFF_LINE:
    if (byte == '.')
      return UNSTUFF_DOT;
    break;
  case UNSTUFF_DOT:
    if (byte == '\r')
      return UNSTUFF_DOT_CR;
    /* "..": the first was stuffed.  Any other byte: a server that does not stuff,
     * whose dot is the letter's own. */
    if (byte != '.')
      *held_out = ".";
    return UNSTUFF_TEXT;
  case UNSTUFF_DOT_CR:
    if (byte == '\n')
      return UNSTUFF_END;
    *held_out = ".\r";
    break;
  case UNSTUFF_CR:
    if (byte == '\n')
      return UNSTUFF_LINE;
    break;
  default:
    break;
  }
  return byte == '\r' ? UNSTUFF_CR : UNSTUFF_TEXT;
}

static bool
give(const char *data, size_t length, transfer_sink sink, void *data_of_sink, GError **error)
{
  return length == 0 || sink == NULL || sink(data, length, data_of_sink, error);
}

bool
unstuff_feed(struct unstuff *unstuff, const char *data, size_t length, size_t *used_out,
             transfer_sink sink, void *data_of_sink, GError **error)
{
  size_t run = 0, at = 0;   /* data[run, at) is content that was not given yet */
  while (at < length && unstuff->state != UNSTUFF_END) {
    enum unstuff_state state = unstuff->state;
    if (state == UNSTUFF_TEXT) {
      const char *cr = memchr(data + at, '\r', length - at);
      at = cr != NULL ? (size_t)(cr - data) : length;
      if (cr == NULL)
        break;
    }
    const char *held;
    unstuff->state = step(state, data[at], &held);
    bool hides = unstuff->state == UNSTUFF_DOT || unstuff->state == UNSTUFF_DOT_CR ||
                 unstuff->state == UNSTUFF_END;
    if (hides || *held != '\0') {
      if (!give(data + run, at - run, sink, data_of_sink, error) ||
          !give(held, strlen(held), sink, data_of_sink, error))
        return false;
      run = hides ? at + 1 : at;
    }
    at++;
  }
  *used_out = at;
  return run >= at || give(data + run, at - run, sink, data_of_sink, error);
}

/* ---- one letter ---- */

struct counting {
  const struct transfer *transfer;
  guint64 size;
  bool sink_failed;
};

static bool
count_and_pass(const char *data, size_t length, void *data_of_sink, GError **error)
{
  struct counting *counting = data_of_sink;
  counting->size += length;
  if (counting->transfer->sink == NULL)
    return true;
  counting->sink_failed =
      !counting->transfer->sink(data, length, counting->transfer->data, error);
  return !counting->sink_failed;
}

static bool
read_body(struct pop3 *pop3, struct counting *counting, GError **error)
{
  const struct transfer *transfer = counting->transfer;
  struct unstuff unstuff = {UNSTUFF_LINE};
  while (unstuff.state != UNSTUFF_END) {
    size_t length, used;
    const char *data = connection_peek(pop3->connection, &length, error);
    if (data == NULL ||
        !unstuff_feed(&unstuff, data, length, &used, count_and_pass, counting, error))
      return false;
    connection_skip(pop3->connection, used);
    if (counting->size > transfer->limit)
      return pop3_broken(pop3, _("the server sends far more than it announced"), error);
    if (transfer->progress != NULL)
      transfer->progress(used, transfer->data);
  }
  return true;
}

enum transfer_result
transfer_read(struct pop3 *pop3, const struct transfer *transfer, guint64 *size_out,
              GError **error)
{
  struct counting counting = {.transfer = transfer};
  switch (pop3_answer(pop3, POSTINO_ERROR_REFUSED, error)) {
  case POP3_DEAD:
    return TRANSFER_DEAD;
  case POP3_NO:
    return TRANSFER_REFUSED;
  default:
    break;
  }
  if (!read_body(pop3, &counting, error))
    return counting.sink_failed ? TRANSFER_SINK : TRANSFER_DEAD;
  *size_out = counting.size;
  return TRANSFER_DONE;
}

guint64
transfer_limit(guint64 listed, guint64 max_size)
{
  guint64 doubled = listed * 2 + LIMIT_MIB(1);
  return max_size == G_MAXUINT64 ? MAX(doubled, LIMIT_MESSAGE) : MAX(doubled, max_size);
}

/* ---- header blocks ---- */

void
header_block_init(struct header_block *block)
{
  block->bytes = g_byte_array_new();
  block->whole = false;
}

void
header_block_reset(struct header_block *block)
{
  g_byte_array_set_size(block->bytes, 0);
  block->whole = false;
}

void
header_block_clear(struct header_block *block)
{
  g_clear_pointer(&block->bytes, g_byte_array_unref);
}

/* Where the empty line ends, seen from `from` on; 0 while there is none. */
static size_t
end_of_headers(const GByteArray *bytes, size_t from)
{
  const guint8 *data = bytes->data;
  for (size_t at = from; at < bytes->len; at++) {
    const guint8 *lf = memchr(data + at, '\n', bytes->len - at);
    if (lf == NULL)
      return 0;
    at = (size_t)(lf - data);
    size_t next = at + 1;
    if (next < bytes->len && data[next] == '\r')
      next++;
    if (next < bytes->len && data[next] == '\n')
      return next + 1;
  }
  return 0;
}

void
header_block_take(struct header_block *block, const char *data, size_t length)
{
  if (block->whole)
    return;
  size_t from = block->bytes->len > 2 ? block->bytes->len - 2 : 0;
  size_t room = LIMIT_HEADER - block->bytes->len;
  g_byte_array_append(block->bytes, (const guint8 *)data, (guint)MIN(length, room));
  size_t end = end_of_headers(block->bytes, from);
  if (end > 0)
    g_byte_array_set_size(block->bytes, (guint)end);
  block->whole = end > 0 || block->bytes->len >= LIMIT_HEADER;
}

char *
header_block_digest(const struct header_block *block)
{
  return headers_digest(block->bytes->len > 0 ? (const char *)block->bytes->data : "",
                        block->bytes->len);
}

static bool
collect(const char *data, size_t length, void *block, GError **error)
{
  header_block_take(block, data, length);
  return true;
}

static bool
read_top(struct pop3 *pop3, guint i, struct header_block *block,
         void (*take)(guint i, const struct header_block *block, void *data), void *data,
         GError **error)
{
  struct transfer transfer = {.limit = TOP_BYTES_MAX, .sink = collect, .data = block};
  guint64 size;
  g_autoptr(GError) why = NULL;
  header_block_reset(block);
  enum transfer_result result = transfer_read(pop3, &transfer, &size, &why);
  if (result == TRANSFER_DONE || result == TRANSFER_REFUSED) {
    take(i, result == TRANSFER_DONE ? block : NULL, data);
    return true;
  }
  g_propagate_error(error, g_steal_pointer(&why));
  return false;
}

bool
transfer_tops(struct pop3 *pop3, const guint *numbers, guint count,
              void (*take)(guint i, const struct header_block *block, void *data), void *data,
              GError **error)
{
  guint window = pop3_pipelines(pop3) ? TOP_WINDOW : 1;
  struct header_block block;
  header_block_init(&block);
  bool ok = true;
  for (guint from = 0; from < count && ok; from += window) {
    guint to = MIN(from + window, count);
    for (guint i = from; i < to && ok; i++)
      ok = pop3_send(pop3, error, "TOP %u 0", numbers[i]);
    ok = ok && connection_flush(pop3->connection, error);
    for (guint i = from; i < to && ok; i++)
      ok = read_top(pop3, i, &block, take, data, error);
  }
  header_block_clear(&block);
  return ok;
}

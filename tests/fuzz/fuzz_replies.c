/* Any bytes as what POP3 and SMTP servers say, and as a letter on its way out. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "retrieve/list.h"
#include "retrieve/transfer.h"
#include "submit/envelope.h"
#include "submit/reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
append(const char *data, size_t length, void *out, GError **error)
{
  g_string_append_len(out, data, (gssize)length);
  return true;
}

/* Whole and byte by byte it is the same letter. */
static void
unstuff(const char *data, size_t size)
{
  struct unstuff whole = {UNSTUFF_LINE}, parts = {UNSTUFF_LINE};
  g_autoptr(GString) a = g_string_new(NULL), b = g_string_new(NULL);
  size_t used, all = 0;
  if (!unstuff_feed(&whole, data, size, &used, append, a, NULL) || used > size)
    abort();
  for (size_t i = 0; i < size && parts.state != UNSTUFF_END; i++) {
    size_t one;
    if (!unstuff_feed(&parts, data + i, 1, &one, append, b, NULL))
      abort();
    all += one;
  }
  if (whole.state != parts.state || used != all || !g_string_equal(a, b))
    abort();
}

/* What is stuffed comes back by taking the dots off, and ends nowhere before its
 * end. */
static void
stuff(const char *data, size_t size)
{
  struct stuffing stuffing = {0};
  struct unstuff back = {UNSTUFF_LINE};
  g_autoptr(GString) wire = g_string_new(NULL);
  size_t used;
  envelope_stuff(&stuffing, data, size, wire);
  envelope_stuff_end(&stuffing, wire);
  g_string_append(wire, ".\r\n");
  if (!unstuff_feed(&back, wire->str, wire->len, &used, NULL, NULL, NULL) ||
      back.state != UNSTUFF_END || used != wire->len)
    abort();
  for (size_t i = 0; i < wire->len; i++)
    if ((wire->str[i] == '\r') != (i + 1 < wire->len && wire->str[i + 1] == '\n'))
      abort();
}

static void
read_lines(char **lines)
{
  g_autoptr(listing_t) listing = listing_new();
  struct smtp_reply reply = {0};
  for (char **line = lines; *line != NULL; line++)
    if (!listing_take_size(listing, *line))
      break;
  listing_sort(listing);
  for (char **line = lines; *line != NULL; line++) {
    if (!listing_take_uid(listing, *line))
      break;
    (void)pop3_code(*line, POSTINO_ERROR_RETRY);
  }
  for (char **line = lines; *line != NULL; line++)
    if (smtp_reply_take(&reply, *line) != REPLY_MORE) {
      if (reply.words != NULL && !g_utf8_validate(reply.words, -1, NULL))
        abort();
      smtp_reply_clear(&reply);
    }
  smtp_reply_clear(&reply);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  g_autofree char *text = g_strndup((const char *)data, size);
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  unstuff((const char *)data, size);
  stuff((const char *)data, size);
  read_lines(lines);
  return 0;
}

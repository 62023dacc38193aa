#include "message/mime.h"

#include <string.h>

#include "base/limits.h"
#include "base/sanitize.h"

/* Bytes of encoded messages inside the letter that are decoded to be split: each
 * level may be as large as the letter. */
#define DECODED_BUDGET LIMIT_MIB(32)

/* A part that has begun; `boundary` is NULL where none is waited for. */
struct open { int part; const char *boundary; size_t length; };

struct splitter {
  struct mime *mime;
  const char *start, *at, *end;
  struct open stack[LIMIT_PART_DEPTH + 2];
  guint open;
  int parent;               /* of the outermost part, and its depth */
  int depth;
  size_t *budget;
};

static void
part_free(gpointer data)
{
  struct mime_part *part = data;
  headers_free(part->headers);
  params_free(part->type);
  params_free(part->disposition);
  g_free(part);
}

/* A delimiter line: which open part it belongs to, and what follows. */
struct delimiter { guint level; bool closing; const char *at, *next; };

/* RFC 2046, 5.1.1: the boundary, "--" after the last part, blanks.  A longer
 * line belongs to another boundary that begins so. */
static bool
matches(const char *at, const char *end, const struct open *open, struct delimiter *found)
{
  if ((size_t)(end - at) < open->length || memcmp(at, open->boundary, open->length) != 0)
    return false;
  at += open->length;
  found->closing = end - at >= 2 && at[0] == '-' && at[1] == '-';
  if (found->closing)
    at += 2;
  while (at < end && (*at == ' ' || *at == '\t'))
    at++;
  if (at < end && *at == '\r')
    at++;
  if (at < end && *at != '\n')
    return false;
  found->next = at < end ? at + 1 : end;
  return true;
}

/* Is the line at `at`, which begins with "--", a delimiter?  The innermost
 * boundary is asked first. */
static bool
read_delimiter(const struct splitter *s, const char *at, struct delimiter *found)
{
  for (guint level = s->open; level-- > 0;) {
    const struct open *open = &s->stack[level];
    if (open->boundary != NULL && matches(at + 2, s->end, open, found)) {
      found->level = level;
      found->at = at;
      return true;
    }
  }
  return false;
}

static bool
find_delimiter(const struct splitter *s, struct delimiter *found)
{
  const char *at = s->at;
  while (at < s->end && (at = memchr(at, '-', (size_t)(s->end - at))) != NULL) {
    bool line_start = at == s->start || at[-1] == '\n';
    if (line_start && s->end - at >= 2 && at[1] == '-' && read_delimiter(s, at, found))
      return true;
    while (at < s->end && *at == '-')
      at++;
  }
  return false;
}

/* Where the header block at `at` must end at the latest: a delimiter may stand
 * where a part has no blank line, and look like a field. */
static const char *
header_limit(const struct splitter *s, const char *at)
{
  struct delimiter found;
  while (at < s->end) {
    if (*at == '\n' || (*at == '\r' && s->end - at > 1 && at[1] == '\n'))
      return s->end;
    if (*at == '-' && s->end - at >= 2 && at[1] == '-' && read_delimiter(s, at, &found))
      return at;
    const char *lf = memchr(at, '\n', (size_t)(s->end - at));
    at = lf != NULL ? lf + 1 : s->end;
  }
  return s->end;
}

static bool
is_message_type(const char *media)
{
  return strcmp(media, "message/rfc822") == 0 || strcmp(media, "message/global") == 0 ||
         strcmp(media, "message/news") == 0;
}

/* RFC 2045, 5.2: what cannot be read is plain text; RFC 2046, 5.1.5: in a digest
 * it is a message. */
static const char *
media_of(const struct mime *mime, const struct mime_part *part)
{
  const char *media = params_main(part->type);
  const char *slash = strchr(media, '/');
  if (slash != NULL && slash > media && slash[1] != '\0')
    return media;
  if (part->parent >= 0 && *media == '\0' &&
      strcmp(mime_part(mime, (guint)part->parent)->media, "multipart/digest") == 0)
    return "message/rfc822";
  return "text/plain";
}

static void
classify(struct mime *mime, struct mime_part *part, struct open *open)
{
  part->kind = MIME_LEAF;
  part->media = media_of(mime, part);
  bool multipart = g_str_has_prefix(part->media, "multipart/");
  if (!multipart && !is_message_type(part->media))
    return;
  if (part->depth >= LIMIT_PART_DEPTH) {
    mime->cut_depth = true;
    return;
  }
  if (!multipart) {
    part->kind = MIME_MESSAGE;
    return;
  }
  const char *boundary = params_raw(part->type, "boundary");
  if (boundary == NULL || *boundary == '\0') {
    mime->no_boundary = true;
    part->media = "text/plain";
    return;
  }
  part->kind = MIME_MULTIPART;
  open->boundary = boundary;
  open->length = strlen(boundary);
}

static struct mime_part *
new_part(struct splitter *s, const char *at)
{
  struct mime_part *part = g_new0(struct mime_part, 1);
  part->parent = s->open > 0 ? s->stack[s->open - 1].part : s->parent;
  part->depth = s->depth + (int)s->open;
  part->start = at;
  part->end = s->end;
  part->headers = headers_parse(at, (size_t)(header_limit(s, at) - at));
  part->body = at + headers_body(part->headers);
  part->type = params_parse(headers_get(part->headers, "Content-Type"));
  part->disposition = params_parse(headers_get(part->headers, "Content-Disposition"));
  part->transfer = transfer_parse(headers_get(part->headers, "Content-Transfer-Encoding"));
  if (headers_repeats(part->headers, "Content-Type") > 1 ||
      headers_repeats(part->headers, "Content-Transfer-Encoding") > 1)
    s->mime->doubled = true;
  return part;
}

/* Begins the part at `at`, and what begins with its body when it is a message. */
static void
begin(struct splitter *s, const char *at)
{
  for (;;) {
    if (s->mime->parts->len >= LIMIT_PARTS) {
      s->mime->cut_parts = true;
      s->at = s->end;
      return;
    }
    struct mime_part *part = new_part(s, at);
    struct open open = {.part = (int)s->mime->parts->len};
    classify(s->mime, part, &open);
    g_ptr_array_add(s->mime->parts, part);
    s->stack[s->open++] = open;
    s->at = at = part->body;
    if (part->kind != MIME_MESSAGE || part->transfer != TRANSFER_IDENTITY)
      return;
  }
}

static void split(struct mime *mime, int parent, int depth, const char *bytes, size_t length,
                  size_t *budget);

/* RFC 2046 forbids encoding messages; senders do it all the same. */
static void
split_encoded(struct splitter *s, int index)
{
  const struct mime_part *part = mime_part(s->mime, (guint)index);
  bool whole;
  GBytes *bytes = mime_decode(part, *s->budget, &whole);
  g_ptr_array_add(s->mime->decoded, bytes);
  gsize length;
  const char *data = g_bytes_get_data(bytes, &length);
  *s->budget -= length;
  if (length > 0)
    split(s->mime, index, part->depth + 1, data, length, s->budget);
}

/* Ends the open parts above `level` at `end`. */
static void
finish(struct splitter *s, guint level, const char *end)
{
  while (s->open > level) {
    const struct open *open = &s->stack[--s->open];
    struct mime_part *part = g_ptr_array_index(s->mime->parts, open->part);
    part->end = MAX(part->body, end);
    if (open->boundary != NULL)
      s->mime->unclosed = true;
    if (part->kind == MIME_MESSAGE && part->transfer != TRANSFER_IDENTITY)
      split_encoded(s, open->part);
  }
}

/* The line end before a delimiter belongs to it. */
static const char *
before_line_end(const char *at, const char *start)
{
  if (at > start && at[-1] == '\n')
    at--;
  if (at > start && at[-1] == '\r')
    at--;
  return at;
}

static void
split(struct mime *mime, int parent, int depth, const char *bytes, size_t length, size_t *budget)
{
  struct splitter s = {.mime = mime, .start = bytes, .at = bytes, .end = bytes + length,
                       .parent = parent, .depth = depth, .budget = budget};
  struct delimiter found;
  begin(&s, bytes);
  while (find_delimiter(&s, &found)) {
    finish(&s, found.level + 1, before_line_end(found.at, bytes));
    if (found.closing) {
      s.stack[found.level].boundary = NULL;
      s.at = found.next;
    } else
      begin(&s, found.next);
  }
  finish(&s, 0, s.end);
}

struct mime *
mime_parse(const char *bytes, size_t length)
{
  struct mime *mime = g_new0(struct mime, 1);
  mime->parts = g_ptr_array_new_with_free_func(part_free);
  mime->decoded = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
  size_t budget = DECODED_BUDGET;
  split(mime, -1, 0, length > 0 ? bytes : "", length, &budget);
  int number = 0;
  for (guint i = 0; i < mime->parts->len; i++) {
    struct mime_part *part = g_ptr_array_index(mime->parts, i);
    if (part->kind != MIME_MULTIPART)
      part->number = ++number;
  }
  return mime;
}

void
mime_free(struct mime *mime)
{
  if (mime == NULL)
    return;
  g_ptr_array_unref(mime->parts);
  g_ptr_array_unref(mime->decoded);
  g_free(mime);
}

const struct mime_part *
mime_part(const struct mime *mime, guint i)
{
  return g_ptr_array_index(mime->parts, i);
}

const struct mime_part *
mime_numbered(const struct mime *mime, int number)
{
  for (guint i = 0; number > 0 && i < mime->parts->len; i++)
    if (mime_part(mime, i)->number == number)
      return mime_part(mime, i);
  return NULL;
}

int
mime_first(const struct mime *mime, int i)
{
  guint next = (guint)i + 1;
  return next < mime->parts->len && mime_part(mime, next)->parent == i ? (int)next : -1;
}

int
mime_next(const struct mime *mime, int i)
{
  const struct mime_part *part = mime_part(mime, (guint)i);
  for (guint next = (guint)i + 1; next < mime->parts->len; next++) {
    const struct mime_part *other = mime_part(mime, next);
    if (other->depth < part->depth)
      return -1;
    if (other->depth == part->depth)
      return other->parent == part->parent ? (int)next : -1;
  }
  return -1;
}

GBytes *
mime_decode(const struct mime_part *part, size_t limit, bool *whole_out)
{
  GByteArray *out = g_byte_array_new();
  *whole_out = transfer_decode(out, part->transfer, part->body, (size_t)(part->end - part->body),
                               limit);
  return g_byte_array_free_to_bytes(out);
}

char *
mime_name(const struct mime_part *part)
{
  g_autofree char *name = params_text(part->disposition, "filename");
  if (name == NULL)
    name = params_text(part->type, "name");
  return name != NULL ? sanitize_filename(name, "attachment") : NULL;
}

bool
mime_is(const struct mime_part *part, const char *prefix)
{
  return g_str_has_prefix(part->media, prefix);
}

bool
mime_is_attachment(const struct mime_part *part)
{
  return strcmp(params_main(part->disposition), "attachment") == 0;
}

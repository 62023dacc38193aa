#include "message/headers.h"

#include <string.h>

#include "base/limits.h"
#include "base/sanitize.h"
#include "message/address.h"
#include "message/words.h"

struct field { const char *name, *value; };
struct headers {
  GStringChunk *strings;
  GArray *fields;           /* struct field */
  size_t body;
};

/* One line at `at`: its end without the line end, and where the next begins. */
struct line { const char *at, *end, *next; };

static struct line
line_at(const char *at, const char *end)
{
  const char *lf = memchr(at, '\n', (size_t)(end - at));
  struct line line = {at, lf != NULL ? lf : end, lf != NULL ? lf + 1 : end};
  if (line.end > at && line.end[-1] == '\r')
    line.end--;
  return line;
}

/* The line that parts letters in an mbox, and those that were quoted in it. */
static bool
is_mbox_line(const struct line *line, bool first)
{
  return (first && line->end - line->at >= 5 && memcmp(line->at, "From ", 5) == 0) ||
         (line->end - line->at >= 6 && memcmp(line->at, ">From ", 6) == 0);
}

/* RFC 5322, 2.2: printable ASCII but the colon.  Blanks before the colon are
 * obsolete but seen. */
static const char *
find_colon(const struct line *line)
{
  const char *at = line->at;
  while (at < line->end && *at > 0x20 && *at < 0x7f && *at != ':')
    at++;
  if (at == line->at)
    return NULL;
  while (at < line->end && (*at == ' ' || *at == '\t'))
    at++;
  return at < line->end && *at == ':' ? at : NULL;
}

static bool
is_continuation(const char *at, const char *end)
{
  return at < end && (*at == ' ' || *at == '\t');
}

/* Field by field: name and raw lines from `from` to `to`. */
typedef void (*field_function)(const char *name, size_t name_length, const char *from,
                               const char *to, void *data);

/* Walks the header block; returns where the body starts.  The block ends at an
 * empty line (passed over) or at the first line that is no field. */
static size_t
walk(const char *bytes, size_t length, field_function take, void *data)
{
  const char *at = bytes, *end = bytes + length;
  while (at < end) {
    struct line line = line_at(at, end);
    if (line.end == line.at)
      return (size_t)(line.next - bytes);
    const char *colon = find_colon(&line);
    if (colon == NULL && is_mbox_line(&line, at == bytes)) {
      at = line.next;
      continue;
    }
    if (colon == NULL)
      return (size_t)(at - bytes);
    const char *name_end = colon;
    while (name_end[-1] == ' ' || name_end[-1] == '\t')
      name_end--;
    const char *next = line.next;
    while (is_continuation(next, end))
      next = line_at(next, end).next;
    take(at, (size_t)(name_end - at), colon + 1, next, data);
    at = next;
  }
  return length;
}

/* The value without its line ends; NUL becomes a control that sanitizing
 * shows, a lone CR a blank. */
static void
unfold(GString *out, const char *from, const char *to)
{
  while (from < to && (*from == ' ' || *from == '\t' || *from == '\r' || *from == '\n'))
    from++;
  if ((size_t)(to - from) > LIMIT_FIELD)
    to = from + LIMIT_FIELD;
  for (; from < to; from++) {
    if (*from == '\n' || (*from == '\r' && from + 1 < to && from[1] == '\n'))
      continue;
    g_string_append_c(out, *from == '\0' ? '\x01' : *from == '\r' ? ' ' : *from);
  }
  while (out->len > 0 && (out->str[out->len - 1] == ' ' || out->str[out->len - 1] == '\t'))
    g_string_truncate(out, out->len - 1);
}

struct collecting {
  struct headers *headers;
  const char *start;
  GString *value;
};

static void
collect(const char *name, size_t name_length, const char *from, const char *to, void *data)
{
  struct collecting *c = data;
  /* The nearest letters stand last. */
  if ((size_t)(to - from) > LIMIT_FIELD && name_length == strlen("References") &&
      g_ascii_strncasecmp(name, "References", name_length) == 0)
    for (from = to - LIMIT_FIELD; from < to && *from != '<';)
      from++;
  if (c->headers->fields->len >= LIMIT_FIELDS || (size_t)(name - c->start) > LIMIT_HEADER)
    return;
  g_string_truncate(c->value, 0);
  unfold(c->value, from, to);
  struct field field = {
      g_string_chunk_insert_len(c->headers->strings, name, (gssize)MIN(name_length, 998)),
      g_string_chunk_insert_len(c->headers->strings, c->value->str, (gssize)c->value->len),
  };
  g_array_append_val(c->headers->fields, field);
}

struct headers *
headers_parse(const char *bytes, size_t length)
{
  struct headers *headers = g_new0(struct headers, 1);
  headers->strings = g_string_chunk_new(4096);
  headers->fields = g_array_new(FALSE, FALSE, sizeof(struct field));
  struct collecting c = {headers, bytes, g_string_new(NULL)};
  headers->body = length > 0 ? walk(bytes, length, collect, &c) : 0;
  g_string_free(c.value, TRUE);
  return headers;
}

void
headers_free(struct headers *headers)
{
  if (headers == NULL)
    return;
  g_string_chunk_free(headers->strings);
  g_array_unref(headers->fields);
  g_free(headers);
}

size_t
headers_body(const struct headers *headers)
{
  return headers->body;
}

guint
headers_count(const struct headers *headers)
{
  return headers->fields->len;
}

const char *
headers_name(const struct headers *headers, guint i)
{
  return g_array_index(headers->fields, struct field, i).name;
}

const char *
headers_value(const struct headers *headers, guint i)
{
  return g_array_index(headers->fields, struct field, i).value;
}

static bool
is_named(const struct headers *headers, guint i, const char *name)
{
  return g_ascii_strcasecmp(headers_name(headers, i), name) == 0;
}

const char *
headers_get(const struct headers *headers, const char *name)
{
  for (guint i = 0; i < headers_count(headers); i++)
    if (is_named(headers, i, name))
      return headers_value(headers, i);
  return NULL;
}

guint
headers_repeats(const struct headers *headers, const char *name)
{
  guint n = 0;
  for (guint i = 0; i < headers_count(headers); i++)
    n += is_named(headers, i, name);
  return n;
}

char *
headers_text(const struct headers *headers, const char *name)
{
  const char *value = headers_get(headers, name);
  return value != NULL ? words_decode(value, -1) : NULL;
}

static void
free_address(gpointer address)
{
  address_free(address);
}

GPtrArray *
headers_addresses(const struct headers *headers, const char *name)
{
  GPtrArray *all = g_ptr_array_new_with_free_func(free_address);
  for (guint i = 0; i < headers_count(headers) && all->len < LIMIT_ADDRESSES; i++) {
    if (!is_named(headers, i, name))
      continue;
    GPtrArray *some = address_parse_header(headers_value(headers, i), -1);
    g_ptr_array_extend_and_steal(all, some);
  }
  if (all->len > LIMIT_ADDRESSES)
    g_ptr_array_set_size(all, LIMIT_ADDRESSES);
  return all;
}

/* Longest msg-id that is taken for one: it must fit a header line. */
#define LONGEST_ID 900

/* The clean msg-id between two ends, or NULL. */
static char *
clean_id(const char *from, const char *to)
{
  GString *out = g_string_new(NULL);
  for (; from < to && out->len <= LONGEST_ID; from++)
    if ((guchar)*from > 0x20 && *from != 0x7f && *from != '<' && *from != '>')
      g_string_append_c(out, *from);
  g_autofree char *raw = g_string_free(out, FALSE);
  if (*raw == '\0' || strlen(raw) > LONGEST_ID)
    return NULL;
  return sanitize_line(raw, -1);
}

/* The next <…> at or after `*at`. */
static char *
next_id(const char **at)
{
  for (;;) {
    const char *open = strchr(*at, '<');
    const char *close = open != NULL ? strchr(open, '>') : NULL;
    if (close == NULL)
      return NULL;
    *at = close + 1;
    char *id = clean_id(open + 1, close);
    if (id != NULL)
      return id;
  }
}

char *
headers_message_id(const struct headers *headers)
{
  const char *value = headers_get(headers, "Message-ID");
  if (value == NULL)
    return NULL;
  const char *at = value;
  char *id = next_id(&at);
  if (id != NULL)
    return id;
  return clean_id(value, value + strcspn(value, " \t"));
}

#define REFERENCES_KEPT 200

static void
add_references(const struct headers *headers, const char *name, GPtrArray *ids, GHashTable *seen)
{
  const char *at = headers_get(headers, name);
  char *id;
  while (at != NULL && (id = next_id(&at)) != NULL) {
    if (g_hash_table_contains(seen, id)) {
      g_free(id);
      continue;
    }
    g_hash_table_add(seen, id);
    g_ptr_array_add(ids, id);
  }
}

char **
headers_references(const struct headers *headers)
{
  GPtrArray *ids = g_ptr_array_new_with_free_func(g_free);
  g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
  add_references(headers, "References", ids, seen);
  add_references(headers, "In-Reply-To", ids, seen);
  if (ids->len > REFERENCES_KEPT)
    g_ptr_array_remove_range(ids, 0, ids->len - REFERENCES_KEPT);
  g_ptr_array_set_free_func(ids, NULL);
  g_ptr_array_add(ids, NULL);
  return (char **)g_ptr_array_free(ids, FALSE);
}

static void
digest_field(const char *name, size_t name_length, const char *from, const char *to, void *data)
{
  static const char *const left_out[] = {"Status", "X-Status", "X-UIDL"};
  for (size_t i = 0; i < G_N_ELEMENTS(left_out); i++)
    if (strlen(left_out[i]) == name_length &&
        g_ascii_strncasecmp(left_out[i], name, name_length) == 0)
      return;
  for (const char *at = name; at < to;) {
    struct line line = line_at(at, to);
    g_checksum_update(data, (const guchar *)line.at, line.end - line.at);
    g_checksum_update(data, (const guchar *)"\n", 1);
    at = line.next;
  }
}

char *
headers_digest(const char *bytes, size_t length)
{
  g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
  if (length > 0)
    walk(bytes, length, digest_field, sum);
  return g_strdup(g_checksum_get_string(sum));
}

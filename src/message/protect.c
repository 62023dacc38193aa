#include <string.h>

#include "message/draft.h"

/* Header protection (RFC 9788): the letter's fields stand once more within what is
 * signed or sealed, and what could be read outside is said there. */

/* Fields of a header block as they stand there, from the name to behind the line
 * end. */
struct block { const char *at, *end; };

static bool
next_field(struct block *block, struct block *field)
{
  if (block->at >= block->end || *block->at == '\r' || *block->at == '\n')
    return false;
  const char *at = block->at;
  do {
    const char *lf = memchr(at, '\n', (size_t)(block->end - at));
    at = lf != NULL ? lf + 1 : block->end;
  } while (at < block->end && (*at == ' ' || *at == '\t'));
  *field = (struct block){block->at, at};
  block->at = at;
  return true;
}

static bool
is_field(const struct block *field, const char *name)
{
  size_t length = strlen(name);
  return (size_t)(field->end - field->at) > length && field->at[length] == ':' &&
         g_ascii_strncasecmp(field->at, name, length) == 0;
}

static bool
is_content(const struct block *field)
{
  return field->end - field->at > 8 && g_ascii_strncasecmp(field->at, "Content-", 8) == 0;
}

/* RFC 9788, 1.1: structural fields, what the way adds, and what stays at home. */
static bool
is_left_out(const struct block *field)
{
  static const char *const names[] = {
      "MIME-Version", "Bcc", "Resent-Bcc", "Received", "Return-Path", "DKIM-Signature",
      "Authentication-Results", "Autocrypt", "HP-Outer", "X-Postino-Draft", NULL};
  if (is_content(field))
    return true;
  for (const char *const *name = names; *name != NULL; name++)
    if (is_field(field, *name))
      return true;
  return false;
}

/* The Content-Type with one more parameter. */
static void
append_type(GString *out, const struct block *field, const char *hp)
{
  const char *end = field->end;
  while (end > field->at && strchr("\r\n\t ;", end[-1]) != NULL && end[-1] != '\0')
    end--;
  g_string_append_len(out, field->at, end - field->at);
  g_string_append_printf(out, ";\r\n\thp=\"%s\"\r\n", hp);
}

static void
append_content(GString *out, struct block entity, const char *hp)
{
  struct block field;
  bool typed = false;
  while (next_field(&entity, &field)) {
    if (is_field(&field, "Content-Type") && !typed && hp != NULL) {
      append_type(out, &field, hp);
      typed = true;
    } else if (is_content(&field))
      g_string_append_len(out, field.at, field.end - field.at);
  }
}

static void
append_protected(GString *out, struct block letter, bool sealed)
{
  struct block field, again = letter;
  while (next_field(&letter, &field))
    if (!is_left_out(&field))
      g_string_append_len(out, field.at, field.end - field.at);
  while (sealed && next_field(&again, &field))
    if (is_field(&field, "Subject"))
      g_string_append(out, "HP-Outer: Subject: " PROTECT_SUBJECT "\r\n");
    else if (!is_left_out(&field)) {
      g_string_append(out, "HP-Outer: ");
      g_string_append_len(out, field.at, field.end - field.at);
    }
}

static struct block
block_of(GBytes *bytes)
{
  gsize length;
  const char *at = g_bytes_get_data(bytes, &length);
  return (struct block){length > 0 ? at : "", length > 0 ? at + length : ""};
}

/* From the empty line on. */
static void
append_rest(GString *out, struct block entity)
{
  struct block field;
  while (next_field(&entity, &field))
    continue;
  g_string_append_len(out, entity.at, entity.end - entity.at);
}

GBytes *
entity_protect(GBytes *entity, GBytes *letter, bool sealed)
{
  struct block block = block_of(entity);
  GString *out = g_string_sized_new(g_bytes_get_size(entity) + 2048);
  append_content(out, block, sealed ? "cipher" : "clear");
  append_protected(out, block_of(letter), sealed);
  append_rest(out, block);
  return g_string_free_to_bytes(out);
}

GBytes *
entity_bare(GBytes *entity)
{
  struct block block = block_of(entity);
  GString *out = g_string_sized_new(g_bytes_get_size(entity));
  append_content(out, block, NULL);
  append_rest(out, block);
  return g_string_free_to_bytes(out);
}

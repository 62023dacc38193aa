#include <string.h>

#include "message/draft.h"
#include "message/span.h"

/* Header protection (RFC 9788): the letter's fields stand once more within what is
 * signed or sealed, and what could be read outside is said there. */

static bool
is_field(const struct span *field, const char *name)
{
  size_t length = strlen(name);
  return (size_t)(field->end - field->at) > length && field->at[length] == ':' &&
         g_ascii_strncasecmp(field->at, name, length) == 0;
}

static bool
is_content(const struct span *field)
{
  return field->end - field->at > 8 && g_ascii_strncasecmp(field->at, "Content-", 8) == 0;
}

/* RFC 9788, 1.1: structural fields, what the way adds, and what stays at home. */
static bool
is_left_out(const struct span *field)
{
  static const char *const names[] = {
      "MIME-Version", "Bcc", "Resent-Bcc", "Received", "Return-Path", "DKIM-Signature",
      "Authentication-Results", "Autocrypt", "Autocrypt-Gossip", "HP-Outer", "X-Postino-Draft", NULL};
  if (is_content(field))
    return true;
  for (const char *const *name = names; *name != NULL; name++)
    if (is_field(field, *name))
      return true;
  return false;
}

/* The Content-Type with one more parameter. */
static void
append_type(GString *out, const struct span *field, const char *hp)
{
  const char *end = field->end;
  while (end > field->at && strchr("\r\n\t ;", end[-1]) != NULL && end[-1] != '\0')
    end--;
  g_string_append_len(out, field->at, end - field->at);
  g_string_append_printf(out, ";\r\n\thp=\"%s\"\r\n", hp);
}

static void
append_content(GString *out, struct span entity, const char *hp)
{
  struct span field;
  bool typed = false;
  while (span_next_field(&entity, &field)) {
    if (is_field(&field, "Content-Type") && !typed && hp != NULL) {
      append_type(out, &field, hp);
      typed = true;
    } else if (is_content(&field))
      g_string_append_len(out, field.at, field.end - field.at);
  }
}

static void
append_protected(GString *out, struct span letter, bool sealed)
{
  struct span field, again = letter;
  while (span_next_field(&letter, &field))
    if (!is_left_out(&field))
      g_string_append_len(out, field.at, field.end - field.at);
  while (sealed && span_next_field(&again, &field))
    if (is_field(&field, "Subject"))
      g_string_append(out, "HP-Outer: Subject: " PROTECT_SUBJECT "\r\n");
    else if (!is_left_out(&field)) {
      g_string_append(out, "HP-Outer: ");
      g_string_append_len(out, field.at, field.end - field.at);
    }
}

static struct span
block_of(GBytes *bytes)
{
  gsize length;
  const char *at = g_bytes_get_data(bytes, &length);
  return (struct span){length > 0 ? at : "", length > 0 ? at + length : ""};
}

/* From the empty line on. */
static void
append_rest(GString *out, struct span entity)
{
  struct span field;
  while (span_next_field(&entity, &field))
    continue;
  g_string_append_len(out, entity.at, entity.end - entity.at);
}

GBytes *
entity_protect(GBytes *entity, GBytes *letter, bool sealed)
{
  struct span block = block_of(entity);
  GString *out = g_string_sized_new(g_bytes_get_size(entity) + 2048);
  append_content(out, block, sealed ? "cipher" : "clear");
  append_protected(out, block_of(letter), sealed);
  append_rest(out, block);
  return g_string_free_to_bytes(out);
}

GBytes *
entity_bare(GBytes *entity)
{
  struct span block = block_of(entity);
  GString *out = g_string_sized_new(g_bytes_get_size(entity));
  append_content(out, block, NULL);
  append_rest(out, block);
  return g_string_free_to_bytes(out);
}

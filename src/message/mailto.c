#include <string.h>

#include "base/error.h"
#include "base/i18n.h"
#include "base/sanitize.h"
#include "message/draft-private.h"
#include "message/write.h"

/* A link that somebody else wrote (RFC 6068).  Only what cannot harm is honoured:
 * no attachments, no further header fields. */

/* Decodes %XX; a percent sign alone is itself, as careless links have it.
 * INVALID when the result is no text. */
static char *
decode(const char *text, size_t length, GError **error)
{
  g_autoptr(GString) out = g_string_new(NULL);
  for (const char *at = text, *end = text + length; at < end; at++) {
    bool coded = *at == '%' && end - at > 2 && g_ascii_isxdigit(at[1]) && g_ascii_isxdigit(at[2]);
    char c = *at;
    if (coded) {
      c = (char)(g_ascii_xdigit_value(at[1]) << 4 | g_ascii_xdigit_value(at[2]));
      at += 2;
    }
    if (c == '\0') {
      error_set(error, POSTINO_ERROR_INVALID, _("the link holds a NUL; it is not followed"));
      return NULL;
    }
    g_string_append_c(out, c);
  }
  if (!g_utf8_validate(out->str, (gssize)out->len, NULL)) {
    error_set(error, POSTINO_ERROR_INVALID,
              _("the link is not UTF-8; write the letter by hand"));
    return NULL;
  }
  return g_strdup(out->str);
}

static bool
add_addresses(GPtrArray *list, const char *text, GError **error)
{
  g_autoptr(GPtrArray) some = address_parse_typed(text, error);
  if (some == NULL)
    return false;
  draft_list_add(list, some);
  return true;
}

static void
answer(struct draft *draft, char *value)
{
  char *id = g_strstrip(value);
  size_t length = strlen(id);
  if (length > 2 && id[0] == '<' && id[length - 1] == '>') {
    id[length - 1] = '\0';
    id++;
  }
  if (!write_is_id(id))
    return;
  g_free(draft->in_reply_to);
  g_strfreev(draft->references);
  draft->in_reply_to = g_strdup(id);
  const char *ids[] = {id, NULL};
  draft->references = g_strdupv((char **)ids);
}

/* One decoded "NAME=VALUE"; what is not known is passed over. */
static bool
take_field(struct draft *draft, GString *body, const char *name, char *value, GError **error)
{
  if (g_ascii_strcasecmp(name, "to") == 0)
    return add_addresses(draft->to, value, error);
  if (g_ascii_strcasecmp(name, "cc") == 0)
    return add_addresses(draft->cc, value, error);
  if (g_ascii_strcasecmp(name, "bcc") == 0)
    return add_addresses(draft->bcc, value, error);
  if (g_ascii_strcasecmp(name, "subject") == 0) {
    g_free(draft->subject);
    draft->subject = g_strstrip(sanitize_line(value, -1));
  } else if (g_ascii_strcasecmp(name, "body") == 0) {
    g_autofree char *text = sanitize_text(value, -1);
    if (body->len > 0)
      g_string_append_c(body, '\n');
    g_string_append(body, text);
  } else if (g_ascii_strcasecmp(name, "in-reply-to") == 0)
    answer(draft, value);
  return true;
}

static bool
take_fields(struct draft *draft, GString *body, const char *at, GError **error)
{
  while (*at != '\0') {
    const char *end = at + strcspn(at, "&#");
    const char *equals = memchr(at, '=', (size_t)(end - at));
    if (equals != NULL) {
      g_autofree char *name = decode(at, (size_t)(equals - at), error);
      g_autofree char *value =
          name != NULL ? decode(equals + 1, (size_t)(end - equals - 1), error) : NULL;
      if (value == NULL || !take_field(draft, body, name, value, error))
        return false;
    }
    if (*end != '&')
      break;
    at = end + 1;
  }
  return true;
}

/* The addresses before the '?': commas that are written out part them. */
static bool
take_path(struct draft *draft, const char *path, size_t length, GError **error)
{
  g_autofree char *raw = g_strndup(path, length);
  g_auto(GStrv) items = g_strsplit(raw, ",", -1);
  for (char **item = items; *item != NULL; item++) {
    g_autofree char *text = decode(*item, strlen(*item), error);
    if (text == NULL || !add_addresses(draft->to, text, error))
      return false;
  }
  return true;
}

struct draft *
draft_mailto(const char *uri, const struct draft_author *author, GError **error)
{
  if (g_ascii_strncasecmp(uri, "mailto:", 7) != 0) {
    error_set(error, POSTINO_ERROR_INVALID, _("the link does not begin with mailto:"));
    return NULL;
  }
  const char *path = uri + 7;
  size_t length = strcspn(path, "?#");
  g_autoptr(draft_t) draft = draft_authored(author);
  g_autoptr(GString) body = g_string_new(NULL);
  draft->subject = g_strdup("");
  if (!take_path(draft, path, length, error) ||
      (path[length] == '?' && !take_fields(draft, body, path + length + 1, error))) {
    g_prefix_error(error, "mailto: ");
    return NULL;
  }
  if (body->len > 0 && body->str[body->len - 1] != '\n')
    g_string_append_c(body, '\n');
  g_autofree char *signature = draft_signature(author);
  draft->body = g_strconcat(body->str, signature, NULL);
  return g_steal_pointer(&draft);
}

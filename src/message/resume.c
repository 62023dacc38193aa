#include <string.h>

#include "base/error.h"
#include "base/i18n.h"
#include "base/limits.h"
#include "message/charset.h"
#include "message/draft-private.h"
#include "message/encode.h"
#include "message/write.h"
#include "message/headers.h"
#include "message/mime.h"

/* A letter of Drafts taken up again.  postino wrote most of them, other programs
 * some: what is no text to edit stays attached, so that nothing is lost. */

static GPtrArray *
usable_addresses(const struct headers *headers, const char *name)
{
  g_autoptr(GPtrArray) all = headers_addresses(headers, name);
  GPtrArray *usable = draft_list_new();
  for (guint i = 0; i < all->len; i++) {
    const struct address *address = g_ptr_array_index(all, i);
    if (address_is_valid_spec(address->spec))
      g_ptr_array_add(usable, address_copy(address));
  }
  return usable;
}

static void
replace_list(GPtrArray **list, GPtrArray *with)
{
  g_ptr_array_unref(*list);
  *list = with;
}

static char *
answered_id(const struct headers *headers)
{
  const char *value = headers_get(headers, "In-Reply-To");
  const char *open = value != NULL ? strchr(value, '<') : NULL;
  const char *close = open != NULL ? strchr(open, '>') : NULL;
  g_autofree char *id = close != NULL ? g_strndup(open + 1, (gsize)(close - open - 1)) : NULL;
  return id != NULL && write_is_id(id) ? g_steal_pointer(&id) : NULL;
}

static void
take_headers(struct draft *draft, const struct headers *headers)
{
  g_autoptr(GPtrArray) from = usable_addresses(headers, "From");
  if (from->len > 0)
    draft->from = address_copy(g_ptr_array_index(from, 0));
  replace_list(&draft->to, usable_addresses(headers, "To"));
  replace_list(&draft->cc, usable_addresses(headers, "Cc"));
  replace_list(&draft->bcc, usable_addresses(headers, "Bcc"));
  replace_list(&draft->reply_to, usable_addresses(headers, "Reply-To"));
  draft->subject = headers_text(headers, "Subject");
  if (draft->subject == NULL)
    draft->subject = g_strdup("");
  draft->message_id = headers_message_id(headers);
  if (draft->message_id != NULL && !write_is_id(draft->message_id))
    g_clear_pointer(&draft->message_id, g_free);
  draft->in_reply_to = answered_id(headers);
  g_auto(GStrv) references = headers_references(headers);
  if (*references != NULL)
    draft->references = g_steal_pointer(&references);
  const char *state = headers_get(headers, DRAFT_STATE_FIELD);
  if (state != NULL)
    draft_state_parse(draft, state);
}

static char *
without_cr(const char *text)
{
  GString *out = g_string_new(NULL);
  for (const char *at = text; *at != '\0'; at++)
    if (*at != '\r')
      g_string_append_c(out, *at);
  return g_string_free(out, FALSE);
}

/* What build.c put there for programs that do not know RFC 9788. */
static void
drop_legacy_display(GString *text, const struct mime_part *part)
{
  const char *end = strstr(text->str, "\n\n"), *crlf = strstr(text->str, "\r\n\r\n");
  if (g_strcmp0(params_raw(part->type, "hp-legacy-display"), "1") != 0)
    return;
  if (crlf != NULL && (end == NULL || crlf < end))
    end = crlf + 2;
  if (end != NULL)
    g_string_erase(text, 0, end + 2 - text->str);
}

static char *
read_text(const struct mime_part *part, GBytes *bytes)
{
  g_autoptr(GString) text = g_string_new(NULL);
  charset_append(text, params_raw(part->type, "charset"), g_bytes_get_data(bytes, NULL),
                 g_bytes_get_size(bytes));
  /* A NUL cannot be edited. */
  for (size_t i = 0; i < text->len; i++)
    if (text->str[i] == '\0')
      text->str[i] = ' ';
  drop_legacy_display(text, part);
  const char *format = params_raw(part->type, "format");
  if (format != NULL && g_ascii_strcasecmp(format, "flowed") == 0)
    return encode_unflow(text->str);
  return without_cr(text->str);
}

static bool
take_part(struct draft *draft, const struct mime_part *part, GError **error)
{
  bool whole;
  g_autoptr(GBytes) bytes = mime_decode(part, LIMIT_MESSAGE, &whole);
  if (!whole)
    return error_set(error, POSTINO_ERROR_INVALID,
                     _("an attachment of this draft is too large to be taken up again"));
  if (draft->body == NULL && strcmp(part->media, "text/plain") == 0 && !mime_is_attachment(part)) {
    draft->body = read_text(part, bytes);
    return true;
  }
  g_autofree char *name = mime_name(part);
  g_autoptr(blob_t) blob = blob_new(bytes);
  draft_attach(draft, name != NULL ? name : "attachment", part->media, blob);
  return true;
}

/* Parts inside an attached letter belong to it. */
static bool
is_inside_letter(const struct mime *mime, const struct mime_part *part)
{
  for (int i = part->parent; i >= 0; i = mime_part(mime, (guint)i)->parent)
    if (mime_part(mime, (guint)i)->kind == MIME_MESSAGE)
      return true;
  return false;
}

/* The HTML of a text that is there already says the same again. */
static bool
is_other_form(const struct mime *mime, const struct draft *draft, const struct mime_part *part)
{
  return draft->body != NULL && part->parent >= 0 && strcmp(part->media, "text/html") == 0 &&
         strcmp(mime_part(mime, (guint)part->parent)->media, "multipart/alternative") == 0;
}

static bool
take_parts(struct draft *draft, const struct mime *mime, GError **error)
{
  if (mime->cut_parts || mime->cut_depth)
    return error_set(error, POSTINO_ERROR_INVALID,
                     _("this draft has too many parts to be taken up again"));
  for (guint i = 0; i < mime->parts->len; i++) {
    const struct mime_part *part = mime_part(mime, i);
    if (part->kind == MIME_MULTIPART || is_inside_letter(mime, part) ||
        is_other_form(mime, draft, part))
      continue;
    if (!take_part(draft, part, error))
      return false;
  }
  return true;
}

struct draft *
draft_from_message(const char *bytes, size_t length, const char *account, GError **error)
{
  if (length > LIMIT_MESSAGE) {
    error_set(error, POSTINO_ERROR_INVALID, _("this draft is too large to be taken up again"));
    return NULL;
  }
  g_autoptr(draft_t) draft = draft_new();
  g_autoptr(mime_t) mime = mime_parse(bytes, length);
  draft->account = g_strdup(account);
  take_headers(draft, mime_part(mime, 0)->headers);
  if (!take_parts(draft, mime, error))
    return NULL;
  if (draft->body == NULL)
    draft->body = g_strdup("");
  return g_steal_pointer(&draft);
}

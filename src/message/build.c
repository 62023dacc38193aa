#include <string.h>

#include "base/error.h"
#include "base/i18n.h"
#include "base/sanitize.h"
#include "message/draft-private.h"
#include "message/encode.h"
#include "message/write.h"

static const char *
domain_of(const struct draft *draft)
{
  const char *at = draft->from != NULL ? strrchr(draft->from->spec, '@') : NULL;
  return at != NULL ? at + 1 : NULL;
}

static bool
append_id(GString *out, const struct draft *draft, GError **error)
{
  g_autofree char *made = draft->message_id == NULL ? message_id_new(domain_of(draft)) : NULL;
  const char *id = made != NULL ? made : draft->message_id;
  if (!write_is_id(id))
    return error_set(error, POSTINO_ERROR_INVALID,
                     _("Message-ID: blanks, controls and <> cannot stand in it"));
  const char *ids[] = {id, NULL};
  write_ids(out, "Message-ID", ids);
  return true;
}

/* The fields of RFC 5322, 3.6. */
static bool
append_fields(GString *out, const struct draft *draft, const char *subject,
              const struct build_options *options, GError **error)
{
  if (draft->from == NULL)
    return error_set(error, POSTINO_ERROR_INVALID, _("From: the letter says nobody wrote it"));
  g_autoptr(GPtrArray) from = g_ptr_array_new();
  g_ptr_array_add(from, draft->from);
  const char *answered[] = {draft->in_reply_to, NULL};
  if (!write_date(out, options->now, error) || !write_addresses(out, "From", from, error) ||
      !write_addresses(out, "To", draft->to, error) ||
      !write_addresses(out, "Cc", draft->cc, error) ||
      (options->keep_bcc && !write_addresses(out, "Bcc", draft->bcc, error)) ||
      !write_addresses(out, "Reply-To", draft->reply_to, error) ||
      !write_text(out, "Subject", subject, error) || !append_id(out, draft, error))
    return false;
  write_ids(out, "In-Reply-To", answered);
  write_ids(out, "References", (const char *const *)draft->references);
  if (options->keep_bcc) {
    g_autofree char *state = draft_state_format(draft);
    if (state != NULL && !write_text(out, DRAFT_STATE_FIELD, state, error))
      return false;
  }
  g_string_append(out, "MIME-Version: 1.0\r\n");
  return true;
}

static void
append_encoded(GString *out, const char *bytes, size_t length, enum encode_need need)
{
  static const char *const names[] = {
      [ENCODE_NOTHING] = "7bit", [ENCODE_QUOTED] = "quoted-printable", [ENCODE_BASE64] = "base64"};
  g_string_append_printf(out, "Content-Transfer-Encoding: %s\r\n\r\n", names[need]);
  if (need == ENCODE_NOTHING)
    g_string_append_len(out, bytes, (gssize)length);
  else if (need == ENCODE_QUOTED)
    encode_quoted(out, bytes, length);
  else
    encode_base64(out, bytes, length);
}

static char *
plain_lines(const char *text)
{
  GString *out = g_string_new(NULL);
  for (const char *at = text; *at != '\0'; at++) {
    bool pair = *at == '\r' && at[1] == '\n';
    if (!pair)
      g_string_append_c(out, *at == '\r' ? '\n' : *at);
  }
  return g_string_free(out, FALSE);
}

/* RFC 3156, 5: what is signed must not end a line in blanks, which flowed text
 * does; some servers drop them. */
static enum encode_need
text_need(const char *flowed, size_t length, bool entity_only)
{
  enum encode_need need = encode_need(flowed, length);
  return need == ENCODE_NOTHING && entity_only && encode_has_blank_ends(flowed, length)
             ? ENCODE_QUOTED
             : need;
}

/* RFC 9788, 5.2.2: the true Subject once more at the head of the text, for programs
 * that do not look for it within; those that do leave it out. */
static char *
with_legacy_display(const char *body, const char *subject)
{
  g_autofree char *clean = sanitize_line(subject, -1);
  return g_strdup_printf("Subject: %s\n\n%s", clean, body);
}

static GString *
text_part(const char *body, const struct build_options *options, GError **error)
{
  const char *subject = options->entity_only ? options->hidden_subject : NULL;
  if (!g_utf8_validate(body, -1, NULL)) {
    error_set(error, POSTINO_ERROR_INVALID,
              _("the text is not UTF-8; save it from the editor as UTF-8"));
    return NULL;
  }
  g_autofree char *displayed = subject != NULL ? with_legacy_display(body, subject) : NULL;
  g_autofree char *lines = plain_lines(displayed != NULL ? displayed : body);
  g_autofree char *flowed = encode_flowed(lines);
  size_t length = strlen(flowed);
  GString *part = g_string_new(NULL);
  g_string_append_printf(part, "Content-Type: text/plain; charset=%s; format=flowed%s\r\n",
                         g_str_is_ascii(flowed) ? "us-ascii" : "utf-8",
                         subject != NULL ? ";\r\n\thp-legacy-display=\"1\"" : "");
  append_encoded(part, flowed, length, text_need(flowed, length, options->entity_only));
  return part;
}

/* RFC 2046, 5.2.1: message/rfc822 cannot be encoded.  A letter that is not 7-bit
 * as it stands travels as a file that mail programs open (.eml); recoding what is
 * in it would break its signatures. */
static bool
is_letter(const struct draft_attachment *attachment, const char *bytes, size_t length)
{
  return g_ascii_strcasecmp(attachment->type, "message/rfc822") == 0 &&
         encode_is_plain(bytes, length);
}

static void
append_crlf(GString *out, const char *bytes, size_t length)
{
  for (size_t i = 0; i < length; i++) {
    if (bytes[i] == '\n' && (i == 0 || bytes[i - 1] != '\r'))
      g_string_append_c(out, '\r');
    g_string_append_c(out, bytes[i]);
  }
}

static bool
is_text(const char *type, const char *bytes, size_t length)
{
  return g_ascii_strncasecmp(type, "text/", 5) == 0 && memchr(bytes, '\0', length) == NULL &&
         g_utf8_validate_len(bytes, length, NULL);
}

/* Names and types come from files and other letters: the type is looked at, the
 * name loses its directories. */
static void
append_kind(GString *part, const char *type, const char *charset, const char *name)
{
  g_string_append_printf(part, "Content-Type: %s", type);
  if (charset != NULL)
    g_string_append_printf(part, "; charset=%s", charset);
  if (g_str_is_ascii(name))
    write_parameter(part, "name", name);
  g_string_append(part, "\r\nContent-Disposition: attachment");
  write_parameter(part, "filename", name);
  g_string_append(part, "\r\n");
}

static GString *
letter_part(const char *name, const char *bytes, size_t length)
{
  GString *part = g_string_new(NULL);
  append_kind(part, "message/rfc822", NULL, name);
  g_string_append(part, "Content-Transfer-Encoding: 7bit\r\n\r\n");
  append_crlf(part, bytes, length);
  return part;
}

static const char *
honest_type(const char *type)
{
  bool usable = write_is_media_type(type) && g_ascii_strncasecmp(type, "multipart/", 10) != 0 &&
                g_ascii_strncasecmp(type, "message/", 8) != 0;
  return usable ? type : "application/octet-stream";
}

static GString *
attachment_part(const struct draft_attachment *attachment)
{
  size_t length;
  const char *bytes = g_bytes_get_data(attachment->bytes, &length);
  bytes = bytes != NULL ? bytes : "";
  g_autofree char *name =
      sanitize_filename(attachment->name != NULL ? attachment->name : "", "attachment");
  if (attachment->type != NULL && is_letter(attachment, bytes, length))
    return letter_part(name, bytes, length);
  const char *type = honest_type(attachment->type);
  GString *part = g_string_new(NULL);
  enum encode_need need = ENCODE_BASE64;
  const char *charset = NULL;
  if (is_text(type, bytes, length)) {
    bool ascii = encode_is_plain(bytes, length);
    charset = ascii ? "us-ascii" : "utf-8";
    /* Never as it stands: its line ends would change on the way. */
    need = ascii ? ENCODE_QUOTED : encode_need(bytes, length);
    need = need == ENCODE_NOTHING ? ENCODE_QUOTED : need;
  }
  append_kind(part, type, charset, name);
  append_encoded(part, bytes, length, need);
  return part;
}

static void
free_part(gpointer part)
{
  g_string_free(part, TRUE);
}

static void
choose_boundary(char boundary[40], const GPtrArray *parts)
{
  bool found;
  do {
    /* "=_" stands in no quoted-printable and no base64. */
    memcpy(boundary, "=_", 2);
    draft_random_hex(boundary + 2, 16);
    found = false;
    for (guint i = 0; i < parts->len && !found; i++) {
      const GString *part = g_ptr_array_index(parts, i);
      found = g_strstr_len(part->str, (gssize)part->len, boundary) != NULL;
    }
  } while (found);
}

static void
append_mixed(GString *out, const GPtrArray *parts)
{
  char boundary[40];
  choose_boundary(boundary, parts);
  g_string_append_printf(out, "Content-Type: multipart/mixed; boundary=\"%s\"\r\n", boundary);
  for (guint i = 0; i < parts->len; i++) {
    const GString *part = g_ptr_array_index(parts, i);
    g_string_append_printf(out, "\r\n--%s\r\n", boundary);
    g_string_append_len(out, part->str, (gssize)part->len);
  }
  g_string_append_printf(out, "\r\n--%s--\r\n", boundary);
}

static bool
append_entity(GString *out, const struct draft *draft, const struct build_options *options,
              GError **error)
{
  GString *text = text_part(draft->body != NULL ? draft->body : "", options, error);
  if (text == NULL)
    return false;
  g_autoptr(GPtrArray) parts = g_ptr_array_new_with_free_func(free_part);
  g_ptr_array_add(parts, text);
  guint attachments = draft->attachments != NULL ? draft->attachments->len : 0;
  for (guint i = 0; i < attachments; i++)
    g_ptr_array_add(parts, attachment_part(g_ptr_array_index(draft->attachments, i)));
  if (attachments == 0)
    g_string_append_len(out, text->str, (gssize)text->len);
  else
    append_mixed(out, parts);
  return true;
}

GBytes *
draft_build(const struct draft *draft, const struct build_options *options, GError **error)
{
  GString *out = g_string_new(NULL);
  if ((options->entity_only || append_fields(out, draft, draft->subject, options, error)) &&
      append_entity(out, draft, options, error))
    return g_string_free_to_bytes(out);
  g_string_free(out, TRUE);
  return NULL;
}

GBytes *
draft_wrap(const struct draft *draft, GBytes *entity, const char *subject,
           const struct build_options *options, GError **error)
{
  size_t length;
  const char *bytes = g_bytes_get_data(entity, &length);
  if (length < 8 || g_ascii_strncasecmp(bytes, "Content-", 8) != 0) {
    error_set(error, POSTINO_ERROR_INVALID,
              _("what is to be sent does not begin with its Content-Type"));
    return NULL;
  }
  GString *out = g_string_sized_new(length + 1024);
  if (append_fields(out, draft, subject, options, error)) {
    g_string_append_len(out, bytes, (gssize)length);
    return g_string_free_to_bytes(out);
  }
  g_string_free(out, TRUE);
  return NULL;
}

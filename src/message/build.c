#include <string.h>

#include "base/error.h"
#include "base/i18n.h"
#include "base/limits.h"
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
      (draft->ask_receipt && !write_addresses(out, "Disposition-Notification-To", from, error)) ||
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

/* ---- parts ---- */

/* A part: its Content-* fields, and its body, which is text or bytes that may be many. */
struct piece {
  GString *fields;
  enum encode_need need;
  GString *text;            /* NULL: in the attachment */
  const struct draft_attachment *attachment;
  bool letter;              /* its lines end as those of a letter */
};

static void
piece_free(void *data)
{
  struct piece *piece = data;
  g_string_free(piece->fields, TRUE);
  if (piece->text != NULL)
    g_string_free(piece->text, TRUE);
  g_free(piece);
}

static struct piece *
piece_new(void)
{
  struct piece *piece = g_new0(struct piece, 1);
  piece->fields = g_string_new(NULL);
  return piece;
}

static void
set_need(struct piece *piece, enum encode_need need)
{
  static const char *const names[] = {
      [ENCODE_NOTHING] = "7bit", [ENCODE_QUOTED] = "quoted-printable", [ENCODE_BASE64] = "base64"};
  piece->need = need;
  g_string_append_printf(piece->fields, "Content-Transfer-Encoding: %s\r\n", names[need]);
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
  struct survey survey = {0};
  survey_take(&survey, flowed, length);
  enum encode_need need = encode_need(&survey);
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

static struct piece *
text_piece(const char *body, const struct build_options *options, GError **error)
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
  struct piece *piece = piece_new();
  g_string_append_printf(piece->fields, "Content-Type: text/plain; charset=%s; format=flowed%s\r\n",
                         g_str_is_ascii(flowed) ? "us-ascii" : "utf-8",
                         subject != NULL ? ";\r\n\thp-legacy-display=\"1\"" : "");
  set_need(piece, text_need(flowed, strlen(flowed), options->entity_only));
  piece->text = g_string_new(flowed);
  return piece;
}

static void
append_crlf(GString *out, const char *bytes, size_t length, char before)
{
  for (size_t i = 0; i < length; i++) {
    if (bytes[i] == '\n' && before != '\r')
      g_string_append_c(out, '\r');
    g_string_append_c(out, bytes[i]);
    before = bytes[i];
  }
}

static bool
look_at(const char *bytes, size_t length, void *context, GError **error)
{
  (void)error;
  survey_take(context, bytes, length);
  return true;
}

static bool
is_text_type(const char *type)
{
  return g_ascii_strncasecmp(type, "text/", 5) == 0;
}

static bool
is_letter_type(const char *type)
{
  return g_ascii_strcasecmp(type, "message/rfc822") == 0;
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

static const char *
honest_type(const char *type)
{
  bool usable = write_is_media_type(type) && g_ascii_strncasecmp(type, "multipart/", 10) != 0 &&
                g_ascii_strncasecmp(type, "message/", 8) != 0;
  return usable ? type : "application/octet-stream";
}

/* RFC 2046, 5.2.1: message/rfc822 cannot be encoded.  A letter that is not 7-bit
 * as it stands travels as a file that mail programs open (.eml); recoding what is
 * in it would break its signatures.  Text never goes as it stands: its line ends would
 * change on the way. */
static void
describe(struct piece *piece, const char *type, const char *name, const struct survey *survey)
{
  if (is_letter_type(type) && survey_is_plain(survey)) {
    append_kind(piece->fields, "message/rfc822", NULL, name);
    set_need(piece, ENCODE_NOTHING);
    piece->letter = true;
    return;
  }
  bool text = is_text_type(honest_type(type)) && !survey->nul && survey_is_utf8(survey);
  bool plain = survey_is_plain(survey);
  append_kind(piece->fields, honest_type(type), !text ? NULL : plain ? "us-ascii" : "utf-8", name);
  set_need(piece, !text ? ENCODE_BASE64 : plain ? ENCODE_QUOTED : encode_need(survey));
}

static bool
was_changed(const struct draft_attachment *attachment, GError **error)
{
  g_clear_error(error);
  g_autofree char *name = sanitize_line(attachment->name != NULL ? attachment->name : "?", -1);
  return error_set(error, POSTINO_ERROR_INVALID,
                   _("%s was changed since it was attached; take it out and attach it again"),
                   name);
}

static bool
read_attachment(const struct draft_attachment *attachment, blob_fn take, void *context,
                GError **error)
{
  bool done = blob_each(attachment->blob, 0, take, context, error);
  return blob_is_as_opened(attachment->blob) ? done : was_changed(attachment, error);
}

static struct piece *
attachment_piece(const struct draft_attachment *attachment, GError **error)
{
  const char *type = attachment->type != NULL ? attachment->type : "";
  struct survey survey = {0};
  if ((is_text_type(type) || is_letter_type(type)) &&
      !read_attachment(attachment, look_at, &survey, error))
    return NULL;
  g_autofree char *name =
      sanitize_filename(attachment->name != NULL ? attachment->name : "", "attachment");
  struct piece *piece = piece_new();
  piece->attachment = attachment;
  describe(piece, type, name, &survey);
  return piece;
}

/* The text, and the attachments behind it. */
static GPtrArray *
pieces_of(const struct draft *draft, const struct build_options *options, GError **error)
{
  g_autoptr(GPtrArray) pieces = g_ptr_array_new_with_free_func(piece_free);
  struct piece *piece = text_piece(draft->body != NULL ? draft->body : "", options, error);
  guint attachments = draft->attachments != NULL ? draft->attachments->len : 0;
  for (guint i = 0; piece != NULL; i++) {
    g_ptr_array_add(pieces, piece);
    if (i == attachments)
      return g_steal_pointer(&pieces);
    piece = attachment_piece(g_ptr_array_index(draft->attachments, i), error);
  }
  return NULL;
}

/* ---- writing ---- */

struct writing {
  struct blob_writer *out;
  GString *text;            /* not written yet */
  struct encoding encoding;
  bool letter;
  char before;              /* the last byte of a letter's block */
};

static bool
emit(struct writing *writing, GError **error)
{
  bool done = blob_write(writing->out, writing->text->str, writing->text->len, error);
  g_string_truncate(writing->text, 0);
  if (done && blob_writer_size(writing->out) > LIMIT_MESSAGE)
    return error_set(error, POSTINO_ERROR_INVALID,
                     _("the letter with its attachments is larger than %zu bytes; attach less"),
                     (size_t)LIMIT_MESSAGE);
  return done;
}

static bool
take_block(const char *bytes, size_t length, void *context, GError **error)
{
  struct writing *writing = context;
  if (writing->letter)
    append_crlf(writing->text, bytes, length, writing->before);
  else
    encode_take(&writing->encoding, writing->text, bytes, length);
  writing->before = bytes[length - 1];
  return emit(writing, error);
}

static bool
write_body(struct writing *writing, const struct piece *piece, GError **error)
{
  writing->encoding = (struct encoding){.need = piece->need};
  writing->letter = piece->letter;
  writing->before = '\0';
  if (piece->text != NULL)
    encode_take(&writing->encoding, writing->text, piece->text->str, piece->text->len);
  else if (!read_attachment(piece->attachment, take_block, writing, error))
    return false;
  encode_end(&writing->encoding, writing->text);
  return emit(writing, error);
}

static bool
write_pieces(struct writing *writing, const GPtrArray *pieces, const char *boundary,
             GError **error)
{
  for (guint i = 0; i < pieces->len; i++) {
    const struct piece *piece = g_ptr_array_index(pieces, i);
    if (boundary != NULL)
      g_string_append_printf(writing->text, "%s--%s\r\n%s\r\n", i > 0 ? "\r\n" : "", boundary,
                             piece->fields->str);
    if (!write_body(writing, piece, error))
      return false;
  }
  if (boundary != NULL)
    g_string_append_printf(writing->text, "\r\n--%s--\r\n", boundary);
  return emit(writing, error);
}

/* The entity's own fields with those of the letter within, up to the empty line. */
static bool
append_protected(GString *out, const char *content, const struct draft *draft,
                 const struct build_options *options, GError **error)
{
  struct build_options outside = {.now = options->now};
  g_autoptr(GString) fields = g_string_new(NULL);
  if (options->protect != BUILD_BARE && !append_fields(fields, draft, draft->subject, &outside, error))
    return false;
  g_autoptr(GBytes) bare = g_bytes_new(content, strlen(content));
  g_autoptr(GBytes) letter = g_bytes_new(fields->str, fields->len);
  g_autoptr(GBytes) whole = options->protect == BUILD_BARE
                                ? g_bytes_ref(bare)
                                : entity_protect(bare, letter, options->protect == BUILD_SEALED);
  size_t length;
  const char *bytes = g_bytes_get_data(whole, &length);
  g_string_append_len(out, bytes, (gssize)length);
  g_string_append(out, "\r\n");
  return true;
}

/* "=_" stands in no quoted-printable and no base64; what else a part holds cannot know
 * 128 random bits. */
static char *
new_boundary(void)
{
  char random[2 * 16 + 1];
  draft_random_hex(random, 16);
  return g_strconcat("=_", random, NULL);
}

static bool
write_draft(struct writing *writing, const struct draft *draft,
            const struct build_options *options, GError **error)
{
  g_autoptr(GPtrArray) pieces = pieces_of(draft, options, error);
  if (pieces == NULL)
    return false;
  const struct piece *text = g_ptr_array_index(pieces, 0);
  g_autofree char *boundary = pieces->len > 1 ? new_boundary() : NULL;
  g_autofree char *mixed =
      boundary != NULL
          ? g_strdup_printf("Content-Type: multipart/mixed; boundary=\"%s\"\r\n", boundary)
          : NULL;
  return (options->entity_only ||
          append_fields(writing->text, draft, draft->subject, options, error)) &&
         append_protected(writing->text, mixed != NULL ? mixed : text->fields->str, draft, options,
                          error) &&
         write_pieces(writing, pieces, boundary, error);
}

bool
draft_write(const struct draft *draft, const struct build_options *options,
            struct blob_writer *out, GError **error)
{
  struct writing writing = {.out = out, .text = g_string_new(NULL)};
  bool done = write_draft(&writing, draft, options, error);
  g_string_free(writing.text, TRUE);
  return done;
}

GBytes *
draft_build(const struct draft *draft, const struct build_options *options, GError **error)
{
  g_autoptr(blob_writer_t) writer = blob_writer_memory(error);
  if (writer == NULL || !draft_write(draft, options, writer, error))
    return NULL;
  g_autoptr(blob_t) blob = blob_writer_end(writer, error);
  return blob != NULL ? blob_bytes(blob, error) : NULL;
}

static bool
begins_with_content(const struct blob *entity)
{
  static const char name[] = "Content-";
  g_autoptr(GBytes) head = blob_head(entity, strlen(name), NULL);
  return head != NULL && g_bytes_get_size(head) >= strlen(name) &&
         g_ascii_strncasecmp(g_bytes_get_data(head, NULL), name, strlen(name)) == 0;
}

struct blob *
draft_wrap(const struct draft *draft, struct blob *entity, const char *subject,
           const struct build_options *options, GError **error)
{
  if (!begins_with_content(entity)) {
    error_set(error, POSTINO_ERROR_INVALID,
              _("what is to be sent does not begin with its Content-Type"));
    return NULL;
  }
  g_autoptr(GString) out = g_string_new(NULL);
  if (!append_fields(out, draft, subject, options, error))
    return NULL;
  g_autoptr(GBytes) fields = g_bytes_new(out->str, out->len);
  return blob_join(fields, entity);
}

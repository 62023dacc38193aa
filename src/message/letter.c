#include <string.h>

#include "base/error.h"
#include "base/i18n.h"
#include "base/limits.h"
#include "base/sanitize.h"
#include "message/draft-private.h"
#include "message/encode.h"
#include "message/write.h"
#include "message/headers.h"
#include "message/params.h"
#include "message/survey.h"
#include "message/words.h"

/* A letter that another program wrote: its fields are kept byte by byte, in their
 * order, unless there is a reason to touch one. */
struct letter {
  GString *bytes;           /* with CRLF line ends */
  GArray *fields;           /* struct field */
  const char *body;
  size_t body_length;       /* 0 where the body lies elsewhere */
  struct survey survey;     /* of the body, wherever it lies */
  bool closed;              /* an empty line ends the header */
};

/* From its name to behind its last line end. */
struct field { const char *start, *colon, *end; };

static void
letter_clear(struct letter *letter)
{
  g_string_free(letter->bytes, TRUE);
  g_array_unref(letter->fields);
}

/* Bytes on their way to CRLF line ends. */
struct line_ends { bool cr, open; };

static bool
is_lone_cr(GError **error)
{
  return error_set(error, POSTINO_ERROR_INVALID,
                   _("the letter holds a CR without LF; end its lines with LF or CRLF"));
}

/* RFC 5321, 2.3.8: a CR or LF alone is what splits one letter in two on the way,
 * so that LF becomes CRLF and a CR alone is refused. */
static bool
normalise(struct line_ends *ends, GString *out, const char *bytes, size_t length, GError **error)
{
  size_t from = 0;
  for (size_t i = 0; i < length; i++) {
    bool after_cr = ends->cr;
    ends->cr = bytes[i] == '\r';
    if (bytes[i] == '\0')
      return error_set(error, POSTINO_ERROR_INVALID,
                       _("the letter holds a NUL byte; encode it (base64) and send it again"));
    if (after_cr && bytes[i] != '\n')
      return is_lone_cr(error);
    if (bytes[i] != '\n' || after_cr)
      continue;
    g_string_append_len(out, bytes + from, (gssize)(i - from));
    g_string_append(out, "\r\n");
    from = i + 1;
  }
  g_string_append_len(out, bytes + from, (gssize)(length - from));
  if (length > 0)
    ends->open = bytes[length - 1] != '\n';
  return true;
}

static bool
normalise_end(struct line_ends *ends, GString *out, GError **error)
{
  if (ends->cr)
    return is_lone_cr(error);
  if (ends->open)
    g_string_append(out, "\r\n");
  return true;
}

static const char *
line_after(const char *at, const char *end)
{
  const char *lf = memchr(at, '\n', (size_t)(end - at));
  return lf != NULL ? lf + 1 : end;
}

/* The colon of a field's first line, or NULL when it is none. */
static const char *
find_colon(const char *at, const char *end)
{
  const char *p = at;
  while (p < end && *p > ' ' && *p < 0x7f && *p != ':')
    p++;
  const char *name_end = p;
  while (p < end && (*p == ' ' || *p == '\t'))
    p++;
  return name_end > at && p < end && *p == ':' ? p : NULL;
}

/* The header ends at an empty line, or where a line is no field: that is text
 * already, as sendmail has it. */
static void
split(struct letter *letter)
{
  const char *at = letter->bytes->str, *end = at + letter->bytes->len;
  if (letter->bytes->len >= 5 && memcmp(at, "From ", 5) == 0)
    at = line_after(at, end);
  while (at < end) {
    if (at[0] == '\r' && at[1] == '\n') {
      letter->closed = true;
      at += 2;
      break;
    }
    struct field field = {at, find_colon(at, end), line_after(at, end)};
    if (field.colon == NULL)
      break;
    while (field.end < end && (*field.end == ' ' || *field.end == '\t'))
      field.end = line_after(field.end, end);
    g_array_append_val(letter->fields, field);
    at = field.end;
  }
  letter->body = at;
  letter->body_length = (size_t)(end - at);
}

static bool
letter_init(struct letter *letter, GBytes *message, GError **error)
{
  size_t length;
  const char *bytes = g_bytes_get_data(message, &length);
  struct line_ends ends = {0};
  *letter = (struct letter){.bytes = g_string_sized_new(length + length / 32 + 64)};
  letter->fields = g_array_new(FALSE, FALSE, sizeof(struct field));
  if (!normalise(&ends, letter->bytes, bytes, length, error) ||
      !normalise_end(&ends, letter->bytes, error)) {
    letter_clear(letter);
    return false;
  }
  split(letter);
  survey_take(&letter->survey, letter->body, letter->body_length);
  return true;
}

static const struct field *
field_at(const struct letter *letter, guint i)
{
  return &g_array_index(letter->fields, struct field, i);
}

static size_t
name_length(const struct field *field)
{
  size_t length = (size_t)(field->colon - field->start);
  while (field->start[length - 1] == ' ' || field->start[length - 1] == '\t')
    length--;
  return length;
}

static bool
is_named(const struct field *field, const char *name)
{
  return name_length(field) == strlen(name) &&
         g_ascii_strncasecmp(field->start, name, strlen(name)) == 0;
}

static bool
is_any(const struct field *field, const char *const *names)
{
  for (; *names != NULL; names++)
    if (is_named(field, *names))
      return true;
  return false;
}

static bool
is_content(const struct field *field)
{
  return name_length(field) > 8 && g_ascii_strncasecmp(field->start, "Content-", 8) == 0;
}

/* Its value without line ends and outer blanks. */
static char *
unfolded(const struct field *field)
{
  GString *out = g_string_new(NULL);
  for (const char *at = field->colon + 1; at < field->end; at++)
    if (*at != '\r' && *at != '\n')
      g_string_append_c(out, *at);
  return g_strstrip(g_string_free(out, FALSE));
}

static char *
value_of(const struct letter *letter, const char *name)
{
  for (guint i = 0; i < letter->fields->len; i++)
    if (is_named(field_at(letter, i), name))
      return unfolded(field_at(letter, i));
  return NULL;
}

static bool
has(const struct letter *letter, const char *name)
{
  g_autofree char *value = value_of(letter, name);
  return value != NULL && *value != '\0';
}

/* ---- the body ---- */

static bool
is_eight_bit(const char *bytes, size_t length)
{
  for (size_t i = 0; i < length; i++)
    if ((guchar)bytes[i] >= 0x80)
      return true;
  return false;
}

static bool
has_long_line(const char *bytes, size_t length)
{
  for (const char *at = bytes, *end = bytes + length; at < end;) {
    const char *next = line_after(at, end);
    if (next - at > 998 + 2)
      return true;
    at = next;
  }
  return false;
}

/* One text part that stands there as it is: it may be encoded without harm. */
static bool
is_simple_text(const struct letter *letter)
{
  g_autofree char *type = value_of(letter, "Content-Type");
  g_autofree char *encoding = value_of(letter, "Content-Transfer-Encoding");
  g_autoptr(params_t) params = params_parse(type);
  bool text = *params_main(params) == '\0' || g_str_has_prefix(params_main(params), "text/");
  bool bare = encoding == NULL || *encoding == '\0' ||
              g_ascii_strcasecmp(encoding, "7bit") == 0 ||
              g_ascii_strcasecmp(encoding, "8bit") == 0 ||
              g_ascii_strcasecmp(encoding, "binary") == 0;
  return text && bare;
}

/* The charset of text that came without a name for it. */
static const char *
charset_of(const struct letter *letter)
{
  if (!letter->survey.eight_bit)
    return "us-ascii";
  return survey_is_utf8(&letter->survey) ? "utf-8" : "unknown-8bit";
}

/* The Content-* fields and an empty line; `quoted`: the body will be encoded so that
 * any server passes it on. */
static void
append_entity_head(GString *out, const struct letter *letter, bool quoted)
{
  bool typed = false;
  for (guint i = 0; i < letter->fields->len; i++) {
    const struct field *field = field_at(letter, i);
    if (!is_content(field) || (quoted && is_named(field, "Content-Transfer-Encoding")))
      continue;
    typed = typed || is_named(field, "Content-Type");
    g_string_append_len(out, field->start, field->end - field->start);
  }
  if (!typed)
    g_string_append_printf(out, "Content-Type: text/plain; charset=%s\r\n", charset_of(letter));
  bool bare_8bit = !quoted && !has(letter, "Content-Transfer-Encoding") &&
                   letter->survey.eight_bit;
  if (quoted || bare_8bit)
    g_string_append_printf(out, "Content-Transfer-Encoding: %s\r\n",
                           quoted ? "quoted-printable" : "8bit");
  g_string_append(out, "\r\n");
}

static void
append_entity(GString *out, const struct letter *letter, bool quoted)
{
  append_entity_head(out, letter, quoted);
  if (quoted)
    encode_bytes(out, ENCODE_QUOTED, letter->body, letter->body_length);
  else
    g_string_append_len(out, letter->body, (gssize)letter->body_length);
}

/* ---- the fields ---- */

/* Of one with raw 8-bit text, which RFC 5322 does not know (mail(1), cron and
 * `postino reply` write so), what RFC 2047 wants. */
static bool
append_encoded(GString *out, const struct field *field, GError **error)
{
  g_autofree char *name = g_strndup(field->start, name_length(field));
  g_autofree char *value = unfolded(field);
  return write_raw(out, name, value, error);
}

static bool
check_field(const struct field *field, GError **error)
{
  if (!has_long_line(field->start, (size_t)(field->end - field->start)))
    return true;
  g_autofree char *name = g_strndup(field->start, name_length(field));
  return error_set(error, POSTINO_ERROR_INVALID,
                   _("%s: the line is longer than 998 characters; fold it"), name);
}

static bool
append_field(GString *out, const struct field *field, GError **error)
{
  g_autofree char *name = g_strndup(field->start, name_length(field));
  g_autofree char *value = unfolded(field);
  if (*value == '\0' && write_is_addressed(name))
    return true;
  size_t length = (size_t)(field->end - field->start);
  if (!is_content(field) && is_eight_bit(field->start, length))
    return append_encoded(out, field, error);
  if (!check_field(field, error))
    return false;
  g_string_append_len(out, field->start, (gssize)length);
  return true;
}

/* What stays at home: hidden recipients, the keys of others, and what postino notes on a
 * draft. */
static bool
stays(const struct field *field, const struct build_options *options)
{
  static const char *const hidden[] = {"Bcc", "Resent-Bcc", NULL};
  return (!options->keep_bcc && is_any(field, hidden)) || is_named(field, DRAFT_STATE_FIELD) ||
         is_named(field, "Autocrypt-Gossip");
}

static bool
append_header(GString *out, const struct letter *letter, const struct build_options *options,
              const char *domain, GError **error)
{
  for (guint i = 0; i < letter->fields->len; i++) {
    const struct field *field = field_at(letter, i);
    bool remade = is_content(field) || is_named(field, "MIME-Version") ||
                  (is_named(field, "Date") && !has(letter, "Date")) ||
                  (is_named(field, "Message-ID") && !has(letter, "Message-ID"));
    if (!remade && !stays(field, options) && !append_field(out, field, error))
      return false;
  }
  if (!has(letter, "Date") && !write_date(out, options->now, error))
    return false;
  if (!has(letter, "Message-ID")) {
    g_autofree char *id = message_id_new(domain);
    g_string_append_printf(out, "Message-ID: <%s>\r\n", id);
  }
  return true;
}

static bool
is_mime(const struct letter *letter)
{
  bool content = has(letter, "MIME-Version");
  for (guint i = 0; i < letter->fields->len; i++)
    content = content || is_content(field_at(letter, i));
  return content || letter->survey.eight_bit;
}

static bool
append_body(GString *out, const struct letter *letter, GError **error)
{
  bool quoted = letter->survey.long_line;
  if (quoted && !is_simple_text(letter))
    return error_set(error, POSTINO_ERROR_INVALID,
                     _("a line of the letter is longer than 998 characters; encode that part "
                       "(quoted-printable or base64) and send it again"));
  for (guint i = 0; i < letter->fields->len; i++)
    if (is_content(field_at(letter, i)) && !check_field(field_at(letter, i), error))
      return false;
  if (quoted || is_mime(letter)) {
    g_string_append(out, "MIME-Version: 1.0\r\n");
    append_entity(out, letter, quoted);
    return true;
  }
  g_string_append(out, "\r\n");
  g_string_append_len(out, letter->body, (gssize)letter->body_length);
  return true;
}

/* Behind a line that is no field a Bcc would be text, and read by everybody. */
static bool
check_open_header(const struct letter *letter, GError **error)
{
  const char *end = letter->body + letter->body_length;
  if (letter->closed || letter->fields->len == 0)
    return true;
  for (const char *at = letter->body; at < end && *at != '\r'; at = line_after(at, end)) {
    const char *colon = find_colon(at, end);
    struct field field = {at, colon, end};
    if (colon != NULL && is_named(&field, "Bcc"))
      return error_set(error, POSTINO_ERROR_INVALID,
                       _("a line that is no header field stands before Bcc; put an empty line "
                         "between the header and the text"));
  }
  return true;
}

/* Nobody may be left out in silence. */
static bool
collect_recipients(const struct letter *letter, GPtrArray *recipients, GError **error)
{
  static const char *const names[] = {"To", "Cc", "Bcc", NULL};
  for (guint i = 0; i < letter->fields->len; i++) {
    const struct field *field = field_at(letter, i);
    if (!is_any(field, names))
      continue;
    g_autofree char *value = unfolded(field);
    g_autoptr(GPtrArray) some = address_parse_header(value, -1);
    if (some->len >= LIMIT_ADDRESSES)
      return error_set(error, POSTINO_ERROR_INVALID,
                       _("one field names %d recipients or more; send the letter in parts"),
                       LIMIT_ADDRESSES);
    draft_list_add(recipients, some);
  }
  return true;
}

GBytes *
letter_prepare(GBytes *message, const struct build_options *options, const char *domain,
               GPtrArray **recipients_out, GError **error)
{
  struct letter letter;
  if (!letter_init(&letter, message, error))
    return NULL;
  g_autoptr(GPtrArray) recipients = draft_list_new();
  GString *out = g_string_sized_new(letter.bytes->len + 256);
  bool done = check_open_header(&letter, error) &&
              collect_recipients(&letter, recipients, error) &&
              append_header(out, &letter, options, domain, error) &&
              append_body(out, &letter, error);
  letter_clear(&letter);
  if (!done) {
    g_string_free(out, TRUE);
    return NULL;
  }
  if (recipients_out != NULL)
    *recipients_out = g_steal_pointer(&recipients);
  return g_string_free_to_bytes(out);
}

/* ---- a letter whose body does not lie in memory ---- */

/* Behind the empty line that ends the header; 0: it is not there. */
static size_t
header_end(const char *bytes, size_t length)
{
  for (const char *at = bytes, *end = bytes + length; at < end;) {
    const char *next = line_after(at, end);
    if (*at == '\n' || (*at == '\r' && next - at == 2 && at[1] == '\n'))
      return (size_t)(next - bytes);
    at = next;
  }
  return 0;
}

GBytes *
letter_head(const struct blob *message, GError **error)
{
  g_autoptr(GBytes) start = blob_head(message, LIMIT_HEADER, error);
  if (start == NULL)
    return NULL;
  size_t length;
  const char *bytes = g_bytes_get_data(start, &length);
  return g_bytes_new_from_bytes(start, 0, length > 0 ? header_end(bytes, length) : 0);
}

struct body {
  struct line_ends ends;
  struct survey survey;
  GString *text;
  struct blob_writer *out;  /* NULL: it is only looked at */
};

static bool
take_body(const char *bytes, size_t length, void *context, GError **error)
{
  struct body *body = context;
  g_string_truncate(body->text, 0);
  if (!normalise(&body->ends, body->text, bytes, length, error))
    return false;
  survey_take(&body->survey, body->text->str, body->text->len);
  return body->out == NULL || blob_write(body->out, body->text->str, body->text->len, error);
}

/* Looks at the body, or writes it too. */
static bool
read_body(const struct blob *message, guint64 from, struct blob_writer *out,
          struct survey *survey_out, GError **error)
{
  struct body body = {.text = g_string_sized_new(LIMIT_KIB(66)), .out = out};
  bool done = blob_each(message, from, take_body, &body, error);
  g_string_truncate(body.text, 0);
  done = done && normalise_end(&body.ends, body.text, error) &&
         (out == NULL || blob_write(out, body.text->str, body.text->len, error));
  g_string_free(body.text, TRUE);
  *survey_out = body.survey;
  return done;
}

/* A file that another program writes meanwhile is not the one that was looked at. */
static bool
is_same_body(const struct survey *a, const struct survey *b, GError **error)
{
  return (a->eight_bit == b->eight_bit && a->long_line == b->long_line &&
          survey_is_utf8(a) == survey_is_utf8(b)) ||
         error_set(error, POSTINO_ERROR_INVALID, "%s",
                   _("the letter was changed while it was read; send it again"));
}

static bool
write_letter(const GString *header, const struct letter *letter, const struct blob *message,
             guint64 from, struct blob_writer *out, GError **error)
{
  struct survey again = {0};
  return blob_write(out, header->str, header->len, error) &&
         read_body(message, from, out, &again, error) &&
         is_same_body(&letter->survey, &again, error);
}

bool
letter_prepare_large(GBytes *head, const struct blob *message, guint64 body,
                     const struct build_options *options, const char *domain,
                     struct blob_writer *out, GPtrArray **recipients_out, bool *written_out,
                     GError **error)
{
  struct letter letter;
  if (!letter_init(&letter, head, error))
    return false;
  g_autoptr(GPtrArray) recipients = draft_list_new();
  g_autoptr(GString) header = g_string_new(NULL);
  bool done = read_body(message, body, NULL, &letter.survey, error);
  *written_out = done && letter.closed && letter.body_length == 0 &&
                 !(letter.survey.long_line && is_simple_text(&letter));
  if (*written_out)
    done = collect_recipients(&letter, recipients, error) &&
           append_header(header, &letter, options, domain, error) &&
           append_body(header, &letter, error) &&
           write_letter(header, &letter, message, body, out, error);
  letter_clear(&letter);
  if (done)
    *recipients_out = g_steal_pointer(&recipients);
  return done;
}

/* ---- sealing a letter ---- */

/* What is signed must not be recoded on the way, nor lose blanks (RFC 3156, 5), so it is
 * encoded from the start where that can be done. */
static bool
is_to_be_quoted(const struct letter *letter)
{
  return is_simple_text(letter) && (!survey_is_plain(&letter->survey) ||
                                    encode_has_blank_ends(letter->body, letter->body_length));
}

static bool
write_entity(const struct letter *letter, GBytes *message, enum build_protect protect,
             struct blob_writer *out, GError **error)
{
  bool quoted = is_to_be_quoted(letter);
  g_autoptr(GString) head = g_string_new(NULL);
  append_entity_head(head, letter, quoted);
  g_autoptr(GBytes) bare = g_bytes_new(head->str, head->len);
  g_autoptr(GBytes) full = protect == BUILD_BARE
                               ? g_bytes_ref(bare)
                               : entity_protect(bare, message, protect == BUILD_SEALED);
  gsize length;
  const char *bytes = g_bytes_get_data(full, &length);
  if (!blob_write(out, bytes, length, error))
    return false;
  if (!quoted)
    return blob_write(out, letter->body, letter->body_length, error);
  g_string_truncate(head, 0);
  encode_bytes(head, ENCODE_QUOTED, letter->body, letter->body_length);
  return blob_write(out, head->str, head->len, error);
}

bool
letter_write_entity(GBytes *message, enum build_protect protect, struct blob_writer *out,
                    GError **error)
{
  struct letter letter;
  if (!letter_init(&letter, message, error))
    return false;
  bool done = write_entity(&letter, message, protect, out, error);
  letter_clear(&letter);
  return done;
}

static void
append_other_fields(GString *out, const struct letter *letter, const char *subject)
{
  for (guint i = 0; i < letter->fields->len; i++) {
    const struct field *field = field_at(letter, i);
    if (is_content(field) || is_named(field, "MIME-Version") ||
        (subject != NULL && is_named(field, "Subject")))
      continue;
    g_string_append_len(out, field->start, field->end - field->start);
  }
}

GBytes *
letter_fields(GBytes *message, const char *subject)
{
  size_t length;
  const char *bytes = g_bytes_get_data(message, &length);
  g_autoptr(GBytes) head = g_bytes_new_from_bytes(message, 0, header_end(bytes, length));
  struct letter letter;
  GString *out = g_string_new(NULL);
  if (letter_init(&letter, g_bytes_get_size(head) > 0 ? head : message, NULL)) {
    append_other_fields(out, &letter, subject);
    letter_clear(&letter);
  }
  g_autofree char *clean = subject != NULL ? sanitize_line(subject, -1) : NULL;
  (void)!write_text(out, "Subject", clean, NULL);
  g_string_append(out, "MIME-Version: 1.0\r\n");
  return g_string_free_to_bytes(out);
}

GBytes *
letter_with_entity(GBytes *message, GBytes *entity, const char *subject)
{
  g_autoptr(GBytes) fields = letter_fields(message, subject);
  size_t length, more;
  const char *bytes = g_bytes_get_data(fields, &length), *rest = g_bytes_get_data(entity, &more);
  GString *out = g_string_sized_new(length + more);
  g_string_append_len(out, bytes, (gssize)length);
  g_string_append_len(out, rest, (gssize)more);
  return g_string_free_to_bytes(out);
}

/* Opening a letter: its bytes, its seal, and what may be shown of it. */
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/i18n.h"
#include "base/limits.h"
#include "base/sanitize.h"
#include "base/text.h"
#include "engine/autocrypt.h"

/* A file that is named on the command line is read whole; more than this is no
 * letter. */
#define LIMIT_LETTER_FILE LIMIT_MIB(1024)

/* ---- memory ---- */

struct ref *
ref_copy(const struct letter_ref *ref)
{
  struct ref *copy = g_new0(struct ref, 1);
  copy->key = g_strdup(ref->key);
  copy->path = ref->path != NULL ? g_canonicalize_filename(ref->path, NULL) : NULL;
  copy->message_id = g_strdup(ref->message_id);
  copy->bytes = ref->bytes != NULL ? g_bytes_ref(ref->bytes) : NULL;
  return copy;
}

void
ref_free(void *data)
{
  struct ref *ref = data;
  if (ref == NULL)
    return;
  g_free(ref->key);
  g_free(ref->path);
  g_free(ref->message_id);
  g_clear_pointer(&ref->bytes, g_bytes_unref);
  g_free(ref);
}

void
opened_free(struct opened *opened)
{
  if (opened == NULL)
    return;
  g_free(opened->key);
  g_free(opened->path);
  g_clear_pointer(&opened->source, g_bytes_unref);
  g_clear_pointer(&opened->shown, g_bytes_unref);
  verdict_free(opened->verdict);
  rendered_free(opened->rendered);
  g_free(opened);
}

/* ---- finding it ---- */

static void
take_row(struct opened *opened, struct row *row)
{
  if (row == NULL)
    return;
  opened->key = g_strdup(row->key);
  opened->path = g_strdup(row->path);
  opened->flags = row->flags;
  row_free(row);
}

static bool
find_by_key(struct work *work, const char *key, struct opened *opened, GError **error)
{
  opened->source = store_read(work->engine->store, key, error);
  if (opened->source == NULL)
    return false;
  take_row(opened, store_row(work->engine->store, key, NULL));
  if (opened->key == NULL)
    opened->key = g_strdup(key);
  return true;
}

static bool
find_by_id(struct work *work, const char *message_id, struct opened *opened, GError **error)
{
  g_autofree char *id = g_strdup(message_id);
  g_strstrip(id);
  size_t length = strlen(id);
  if (length > 2 && id[0] == '<' && id[length - 1] == '>') {
    id[length - 1] = '\0';
    memmove(id, id + 1, length - 1);
  }
  if (!refresh_first(work, error))
    return false;
  g_autoptr(row_t) row = store_row_by_id(work->engine->store, id, error);
  return row != NULL && find_by_key(work, row->key, opened, error);
}

static bool
find_by_path(struct work *work, const char *path, struct opened *opened, GError **error)
{
  opened->source = file_read(path, LIMIT_LETTER_FILE, error);
  if (opened->source == NULL)
    return false;
  take_row(opened, store_row_by_path(work->engine->store, path, NULL));
  if (opened->path == NULL)
    opened->path = g_strdup(path);
  return true;
}

bool
find_letter(struct work *work, const struct ref *ref, struct opened *opened, GError **error)
{
  if (ref->key != NULL)
    return find_by_key(work, ref->key, opened, error);
  if (ref->message_id != NULL)
    return find_by_id(work, ref->message_id, opened, error);
  if (ref->path != NULL)
    return find_by_path(work, ref->path, opened, error);
  if (ref->bytes == NULL)
    return error_set(error, POSTINO_ERROR_BUG, "%s", _("no letter was named"));
  opened->source = g_bytes_ref(ref->bytes);
  return true;
}

/* ---- showing it as source, when the reader cannot ---- */

/* Where the body begins: behind the first empty line. */
static size_t
header_length(const char *bytes, size_t length)
{
  size_t at = 0;
  while (at < length) {
    const char *end = memchr(bytes + at, '\n', length - at);
    size_t line = end != NULL ? (size_t)(end - bytes) - at : length - at;
    if (line == 0 || (line == 1 && bytes[at] == '\r'))
      return at;
    at += line + 1;
  }
  return length;
}

static void
add_source_lines(struct rendered *rendered, const char *bytes, size_t length)
{
  g_autofree char *text = sanitize_text(bytes, (gssize)MIN(length, LIMIT_TEXT));
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  for (char **line = lines; *line != NULL; line++) {
    struct rendered_line *added = g_new0(struct rendered_line, 1);
    added->kind = LINE_TEXT;
    added->fixed = true;
    added->text = g_strdup(*line);
    g_ptr_array_add(rendered->lines, added);
  }
}

/* The headers alone are tried once more: nearly always it is the body that the
 * reader died of. */
static struct rendered *
render_source(struct work *work, GBytes *message, const char *why)
{
  gsize length;
  const char *bytes = g_bytes_get_data(message, &length);
  size_t head = bytes != NULL ? header_length(bytes, length) : 0;
  g_autoptr(GBytes) block = g_bytes_new(bytes, MIN(head, LIMIT_HEADER));
  struct render_options plain = {0};
  struct rendered *rendered =
      reader_render(work->engine->readers, block, &plain, work->cancel, NULL);
  if (rendered == NULL) {
    rendered = rendered_new();
    head = 0;
  }
  rendered->envelope = ENVELOPE_PLAIN;
  g_ptr_array_set_size(rendered->lines, 0);
  if (bytes != NULL)
    add_source_lines(rendered, bytes + head, length - head);
  g_ptr_array_add(rendered->notices,
                  g_strdup_printf(_("shown as its source, since it cannot be read: %s"), why));
  return rendered;
}

/* Any bytes give something to show; only a cancel or a reader that cannot be
 * started is an error. */
static struct rendered *
render(struct work *work, GBytes *message, const struct render_options *options, GError **error)
{
  g_autoptr(GError) why = NULL;
  struct rendered *rendered =
      reader_render(work->engine->readers, message, options, work->cancel, &why);
  if (rendered != NULL)
    return rendered;
  if (error_is(why, POSTINO_ERROR_INVALID))
    return render_source(work, message, why->message);
  g_propagate_error(error, g_steal_pointer(&why));
  return NULL;
}

/* ---- its seal ---- */

#define SWAP(a, b) \
  do { \
    __typeof__(a) swapped = (a); \
    (a) = (b); \
    (b) = swapped; \
  } while (0)

static bool
is_sealed(const struct verdict *verdict)
{
  return verdict->seal == SEAL_SEALED || verdict->seal == SEAL_SEALED_SIGNED ||
         verdict->seal == SEAL_SEALED_UNVERIFIED;
}

/* Does the verdict vouch for all of the entity that is shown? */
static bool
vouches(const struct verdict *verdict)
{
  return verdict->seal == SEAL_SIGNED || is_sealed(verdict);
}

static void
replace_header(GPtrArray *headers, const char *name, const char *value)
{
  for (guint i = 0; i < headers->len; i++) {
    struct rendered_header *header = headers->pdata[i];
    if (!text_ascii_equal(header->name, name))
      continue;
    g_free(header->value);
    header->value = g_strdup(value);
    return;
  }
  struct rendered_header *added = g_new(struct rendered_header, 1);
  *added = (struct rendered_header){g_strdup(name), g_strdup(value)};
  g_ptr_array_add(headers, added);
}

/* Inside stands another sender: the seal is held against the outer one, which is
 * what everybody sees (RFC 9788, 4.4). */
static void
compare_senders(struct rendered *inner, const struct rendered *outer)
{
  const struct address *within = inner->from->len > 0 ? inner->from->pdata[0] : NULL;
  const struct address *outside = outer->from->len > 0 ? outer->from->pdata[0] : NULL;
  if (within == NULL || (outside != NULL && address_same(within->spec, outside->spec)))
    return;
  g_ptr_array_add(inner->notices,
                  g_strdup_printf(_("Within its seal the letter says that it is from %s."),
                                  within->spec));
}

/* The true subject, where it is covered by the seal (RFC 9788); how it came is
 * said.  The index keeps knowing the outer one alone. */
static void
take_protected(struct rendered *inner, struct rendered *outer, const struct verdict *verdict)
{
  if (!inner->protects || !vouches(verdict))
    return;
  compare_senders(inner, outer);
  if (inner->subject == NULL || *inner->subject == '\0')
    return;
  bool same = g_strcmp0(inner->subject, outer->subject) == 0;
  g_autofree char *said = NULL;
  if (is_sealed(verdict))
    said = g_strdup(same ? _("The subject could be read on its way.")
                         : _("The subject was sealed with the letter."));
  else if (!same)
    said = g_strdup_printf(_("The subject is the signed one; outside stood: %s"), outer->subject);
  if (said != NULL)
    g_ptr_array_add(inner->notices, g_steal_pointer(&said));
  g_free(outer->subject);
  outer->subject = g_strdup(inner->subject);
  replace_header(outer->headers, "Subject", inner->subject);
}

/* Its plugin asks nobody while a letter is read. */
static void
note_revocation(struct rendered *inner, const struct verdict *verdict)
{
  if (verdict->revocation_unknown)
    g_ptr_array_add(inner->notices,
                    g_strdup(_("Whether the signer's certificate was revoked is not known: nobody "
                               "is asked, since that would tell when the letter is read.")));
}

/* The inner entity is shown under the outer headers: who and when are never taken
 * from inside (they would not be what the index shows). */
static void
dress(struct rendered *inner, struct rendered *outer)
{
  inner->envelope = outer->envelope;
  SWAP(inner->headers, outer->headers);
  SWAP(inner->from, outer->from);
  SWAP(inner->reply_to, outer->reply_to);
  SWAP(inner->to, outer->to);
  SWAP(inner->cc, outer->cc);
  SWAP(inner->bcc, outer->bcc);
  SWAP(inner->subject, outer->subject);
  SWAP(inner->message_id, outer->message_id);
  SWAP(inner->references, outer->references);
  SWAP(inner->date, outer->date);
  SWAP(inner->route, outer->route);
  SWAP(inner->list_post, outer->list_post);
  SWAP(inner->list_unsubscribe, outer->list_unsubscribe);
}

static void
show_nothing(struct rendered *rendered)
{
  g_ptr_array_set_size(rendered->lines, 0);
  g_ptr_array_set_size(rendered->parts, 0);
  g_ptr_array_set_size(rendered->notices, 0);
}

/* Opens what opened->rendered says that it is; the inner rendering takes its
 * place. */
static bool
open_seal(struct work *work, struct opened *opened, const struct render_options *options,
          GError **error)
{
  struct rendered *outer = opened->rendered;
  if (outer->envelope == ENVELOPE_PLAIN) {
    opened->verdict = verdict_new(SEAL_POSTCARD, NULL);
    opened->shown = g_bytes_ref(opened->source);
    return true;
  }
  work->doing = _("opening");
  if (!crypto_open(work->engine->crypto, opened->source, outer->envelope, outer->from,
                   &opened->verdict, &opened->shown, work->cancel, error))
    return false;
  opened->sealed = is_sealed(opened->verdict);
  if (opened->verdict->seal == SEAL_SIGNED || opened->verdict->seal == SEAL_SEALED_SIGNED)
    opened->verdict->known = key_seen(work->engine, opened->verdict->fingerprint);
  if (opened->shown == NULL) {
    show_nothing(outer);
    return true;
  }
  g_autoptr(rendered_t) inner = render(work, opened->shown, options, error);
  if (inner == NULL)
    return false;
  take_protected(inner, outer, opened->verdict);
  note_revocation(inner, opened->verdict);
  dress(inner, outer);
  SWAP(inner, opened->rendered);
  return true;
}

struct opened *
open_letter(struct work *work, const struct ref *ref, const struct render_options *options,
            GError **error)
{
  struct render_options read = {.html = options != NULL && options->html};
  g_autoptr(opened_t) opened = g_new0(struct opened, 1);
  if (!find_letter(work, ref, opened, error))
    return NULL;
  crypto_expect_letter(work->engine->crypto, opened->source);
  opened->rendered = render(work, opened->source, &read, error);
  if (opened->rendered == NULL || !open_seal(work, opened, &read, error))
    return NULL;
  gossip_take(work->engine, opened);
  if (options == NULL || !options->raw)
    return g_steal_pointer(&opened);
  g_autoptr(rendered_t) source = render(work, opened->source, options, error);
  if (source == NULL)
    return NULL;
  SWAP(source, opened->rendered);
  return g_steal_pointer(&opened);
}

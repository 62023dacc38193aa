#include <string.h>

#include "base/error.h"
#include "base/i18n.h"
#include "base/limits.h"
#include "crypto/age.h"
#include "crypto/cms.h"
#include "crypto/crypto-private.h"
#include "crypto/crypto.h"
#include "crypto/mime.h"
#include "crypto/packets.h"
#include "crypto/postino-plugin.h"
#include "crypto/verdict.h"

#define PGP_TYPE "application/pgp-encrypted"
#define AGE_TYPE "application/age-encrypted"

/* One letter being opened. */
struct opening {
  struct crypto *crypto;
  const GPtrArray *from;
  GCancellable *cancel;
  const char *opener; /* the plugin that was asked last; NULL */
  bool sealed;   /* what is looked at came out of an envelope */
  bool unproven; /* and nothing but a signature can prove that it is as it was put there */
  struct verdict *verdict;
  GBytes *shown;
};

/* ---- results ---- */

static void
conclude(struct opening *opening, struct verdict *verdict, GBytes *shown)
{
  verdict_free(opening->verdict);
  opening->verdict = verdict;
  g_clear_pointer(&opening->shown, g_bytes_unref);
  opening->shown = shown != NULL ? g_bytes_ref(shown) : NULL;
}

static void
conclude_broken(struct opening *opening, const char *why)
{
  conclude(opening, verdict_new(SEAL_BROKEN, why), NULL);
}

/* EFAIL: of what could have been changed nothing is shown. */
static void
conclude_unproven(struct opening *opening)
{
  conclude_broken(opening, _("nothing proves that it was not changed on its way; ask its sender to "
                             "sign what he seals"));
}

static void
conclude_unverified(struct opening *opening, const char *why, GBytes *shown)
{
  if (opening->unproven) {
    conclude_unproven(opening);
    return;
  }
  conclude(opening, verdict_new(opening->sealed ? SEAL_SEALED_UNVERIFIED : SEAL_UNVERIFIED, why),
           shown);
}

/* ---- asking the plugin ---- */

/* Whose keys the plugin may look for meanwhile; NULL when there is no one sender. */
static const char *
only_sender(const struct opening *opening)
{
  const struct address *sender =
      opening->from != NULL && opening->from->len == 1 ? opening->from->pdata[0] : NULL;
  return sender != NULL && address_is_valid_spec(sender->spec) ? sender->spec : NULL;
}

static struct frame *
ask_open(struct opening *opening, const char *format, GBytes *data, GBytes *signature,
         GError **error)
{
  struct crypto *crypto = opening->crypto;
  const char *opener = opening->opener = g_str_has_prefix(format, "smime-") ? crypto->smime_opener
                                         : g_str_has_prefix(format, "age-") ? crypto->age_opener
                                                                            : crypto->opener;
  g_autoptr(client_t) client = crypto_start(
      crypto, opener,
      g_str_has_suffix(format, "-sealed") ? POSTINO_CAN_OPEN : POSTINO_CAN_VERIFY, opening->cancel,
      error);
  if (client == NULL)
    return NULL;
  g_autoptr(frame_t) request = client_request(client, FRAME_OPEN);
  frame_add_text(request, FIELD_FORMAT, format);
  frame_add_text(request, FIELD_FROM, only_sender(opening));
  frame_add_number(request, FIELD_LIMIT, CLIENT_LARGEST);
  if (!frame_add_bulk(request, data, error) ||
      (signature != NULL && !frame_add_bulk(request, signature, error)))
    return NULL;
  return client_call(client, g_steal_pointer(&request), LIMIT_PLUGIN_SECONDS, NULL, opening->cancel,
                     error);
}

static struct verdict *
judge(struct opening *opening, const struct found *found)
{
  struct binding binding = {opening->from, opening->crypto->confirmed,
                            opening->crypto->confirmed_data};
  return verdict_of(found, opening->sealed, &binding);
}

/* A signature that is intact proves what it covers, whoever made it. */
static void
conclude_found(struct opening *opening, const struct found *found, GBytes *shown)
{
  const struct found_signature *only =
      found->signatures->len == 1 ? found->signatures->pdata[0] : NULL;
  if (opening->unproven && (only == NULL || only->status != POSTINO_SIGNATURE_GOOD))
    conclude_unproven(opening);
  else
    conclude(opening, judge(opening, found), shown);
}

/* No answer: false when it was cancelled. */
static bool
conclude_no_answer(struct opening *opening, GError *why, GBytes *shown, GError **error)
{
  if (error_is(why, POSTINO_ERROR_CANCELLED)) {
    g_propagate_error(error, why);
    return false;
  }
  if (shown != NULL)
    conclude_unverified(opening, why->message, shown);
  else
    conclude_broken(opening, why->message);
  g_error_free(why);
  return true;
}

/* ---- signed ---- */

/* The two parts of a multipart whose protocol is `protocol`; NULL for any other
 * shape, in which another program may see other parts than this one. */
static bool
two_parts(const struct entity *entity, const char *type, const char *protocol,
          struct multipart *multipart)
{
  const char *said = params_raw(entity->type, "protocol");
  return headers_repeats(entity->headers, "Content-Type") == 1 && entity_is(entity, type) &&
         said != NULL && g_ascii_strcasecmp(said, protocol) == 0 &&
         multipart_split(entity, multipart) && multipart->parts->len == 2;
}

static bool
part_is(struct span span, const char *type, GBytes **decoded_out)
{
  g_auto(entity_t) part = {0};
  entity_init(&part, span.at, span.length);
  if (!entity_is(&part, type))
    return false;
  *decoded_out = entity_decode(&part);
  return true;
}

/* The packets of a signature part, if they are signatures and nothing else: a
 * whole signed message in their place would be verified for its own text. */
static GBytes *
signature_packets(GBytes *armour)
{
  gsize length;
  const char *text = g_bytes_get_data(armour, &length);
  struct packets packets;
  g_autoptr(GBytes) data = armour_decode(text, length, &(struct armour){.label = "SIGNATURE"}, NULL);
  if (data == NULL || !packets_read(data, &packets, NULL) ||
      !packets_are_signatures(&packets))
    return NULL;
  return g_steal_pointer(&data);
}

static bool
open_signed(struct opening *opening, GBytes *message, GError **error)
{
  gsize length;
  const char *bytes = g_bytes_get_data(message, &length);
  g_auto(entity_t) entity = {0};
  g_auto(multipart_t) multipart = {0};
  g_autoptr(GBytes) armour = NULL;
  entity_init(&entity, bytes, length);
  if (!two_parts(&entity, "multipart/signed", "application/pgp-signature", &multipart) ||
      !part_is(g_array_index(multipart.parts, struct span, 1), "application/pgp-signature",
               &armour)) {
    conclude_unverified(opening, _("the letter is not built as a signed one must be"), message);
    return true;
  }
  g_autoptr(GBytes) text = canonical_lines(g_array_index(multipart.parts, struct span, 0));
  g_autoptr(GBytes) signature = signature_packets(armour);
  if (signature == NULL) {
    conclude_unverified(opening, _("its signature part is damaged, or no signature"), text);
    return true;
  }
  GError *why = NULL;
  g_autoptr(frame_t) reply = ask_open(opening, "pgp-signed", text, signature, &why);
  if (reply == NULL)
    return conclude_no_answer(opening, why, text, error);
  g_autoptr(found_t) found = found_from_frame(reply);
  conclude_found(opening, found, text);
  return true;
}

/* ---- signed by S/MIME ---- */

static bool
is_pkcs7_signature(const char *type)
{
  return type != NULL && (g_ascii_strcasecmp(type, "application/pkcs7-signature") == 0 ||
                          g_ascii_strcasecmp(type, "application/x-pkcs7-signature") == 0);
}

static GBytes *
smime_signature(const struct multipart *multipart)
{
  struct span span = g_array_index(multipart->parts, struct span, 1);
  g_auto(entity_t) part = {0};
  struct cms cms;
  entity_init(&part, span.at, span.length);
  if (!is_pkcs7_signature(params_main(part.type)))
    return NULL;
  g_autoptr(GBytes) data = entity_decode(&part);
  bool usable = cms_read(data, &cms, NULL) && cms.kind == CMS_SIGNED && !cms.content;
  return usable ? g_steal_pointer(&data) : NULL;
}

static bool
open_smime_signed(struct opening *opening, GBytes *message, GError **error)
{
  gsize length;
  const char *bytes = g_bytes_get_data(message, &length);
  g_auto(entity_t) entity = {0};
  g_auto(multipart_t) multipart = {0};
  entity_init(&entity, bytes, length);
  const char *said = params_raw(entity.type, "protocol");
  if (!is_pkcs7_signature(said) ||
      !two_parts(&entity, "multipart/signed", said, &multipart)) {
    conclude_unverified(opening, _("the letter is not built as a signed one must be"), message);
    return true;
  }
  g_autoptr(GBytes) text = canonical_lines(g_array_index(multipart.parts, struct span, 0));
  g_autoptr(GBytes) signature = smime_signature(&multipart);
  if (signature == NULL) {
    conclude_unverified(opening, _("its signature part is damaged, or no signature"), text);
    return true;
  }
  GError *why = NULL;
  g_autoptr(frame_t) reply = ask_open(opening, "smime-signed", text, signature, &why);
  if (reply == NULL)
    return conclude_no_answer(opening, why, text, error);
  g_autoptr(found_t) found = found_from_frame(reply);
  conclude_found(opening, found, text);
  return true;
}

/* The CMS data that is the whole of an application/pkcs7-mime; NULL when it is of
 * none of `kinds`. */
static GBytes *
smime_data(GBytes *message, struct cms *cms)
{
  gsize length;
  const char *bytes = g_bytes_get_data(message, &length);
  g_auto(entity_t) entity = {0};
  entity_init(&entity, bytes, length);
  if (headers_repeats(entity.headers, "Content-Type") != 1)
    return NULL;
  g_autoptr(GBytes) data = entity_decode(&entity);
  return cms_read(data, cms, NULL) ? g_steal_pointer(&data) : NULL;
}

/* The letter lies within its signature: what is not verified is not shown, since
 * no other program could show it. */
static bool
open_smime_opaque(struct opening *opening, GBytes *message, GError **error)
{
  struct cms cms;
  g_autoptr(GBytes) data = smime_data(message, &cms);
  if (data == NULL || cms.kind != CMS_SIGNED || !cms.content) {
    conclude_broken(opening, _("its S/MIME data is damaged, or no signed letter"));
    return true;
  }
  GError *why = NULL;
  g_autoptr(frame_t) reply = ask_open(opening, "smime-opaque", data, NULL, &why);
  if (reply == NULL)
    return conclude_no_answer(opening, why, NULL, error);
  g_autoptr(GError) no_text = NULL;
  g_autoptr(found_t) found = found_from_frame(reply);
  g_autoptr(GBytes) inside = frame_bulk(reply, 0, CLIENT_LARGEST, &no_text);
  if (inside == NULL)
    conclude_broken(opening, no_text != NULL ? no_text->message : _("there is no letter in it"));
  else
    conclude_found(opening, found, inside);
  return true;
}

/* ---- sealed ---- */

/* Fields for a text that stood in armour. */
static char *
text_head(const char *charset)
{
  bool usable = charset != NULL && *charset != '\0' && strlen(charset) < 40;
  for (const char *c = charset; usable && *c != '\0'; c++)
    usable = g_ascii_isalnum(*c) || strchr("-_.:", *c) != NULL;
  return g_strdup_printf("Content-Type: text/plain; charset=\"%s\"\r\n"
                         "Content-Transfer-Encoding: 8bit\r\n\r\n",
                         usable ? charset : "utf-8");
}

static GBytes *
with_head(const char *head, GBytes *text)
{
  gsize length;
  const void *bytes = g_bytes_get_data(text, &length);
  GByteArray *whole = g_byte_array_sized_new((guint)(strlen(head) + length));
  g_byte_array_append(whole, (const guint8 *)head, (guint)strlen(head));
  g_byte_array_append(whole, bytes, (guint)length);
  return g_byte_array_free_to_bytes(whole);
}

/* The packets of the sealed part, or NULL with *why_out.  What is given to the
 * plugin is what was looked at, not the text that it came from. */
static GBytes *
sealed_packets(GBytes *armour, char **why_out)
{
  g_autoptr(GError) why = NULL;
  gsize length;
  const char *text = g_bytes_get_data(armour, &length);
  struct packets packets;
  g_autoptr(GBytes) data =
      length > 0 ? armour_decode(text, length, &(struct armour){.label = "MESSAGE"}, &why)
                 : g_bytes_new(NULL, 0);
  if (data == NULL || !packets_read(data, &packets, &why)) {
    *why_out = g_strdup(why->message);
    return NULL;
  }
  if (!packets_are_sealed(&packets)) {
    *why_out =
        g_strdup(packets.unprotected > 0 ? _("it is not protected against being changed on its way")
                                         : _("what is in the envelope is not one sealed letter"));
    return NULL;
  }
  return g_steal_pointer(&data);
}

enum envelope_kind
entity_kind(GBytes *bytes)
{
  gsize length;
  const char *data = g_bytes_get_data(bytes, &length);
  g_auto(entity_t) entity = {0};
  struct cms cms = {0};
  entity_init(&entity, data, length);
  const char *protocol = params_raw(entity.type, "protocol");
  if (entity_is(&entity, "multipart/signed"))
    return is_pkcs7_signature(protocol) ? ENVELOPE_SMIME_SIGNED
           : protocol != NULL && g_ascii_strcasecmp(protocol, "application/pgp-signature") == 0
               ? ENVELOPE_PGP_SIGNED
               : ENVELOPE_PLAIN;
  if (entity_is(&entity, "multipart/encrypted"))
    return protocol != NULL && g_ascii_strcasecmp(protocol, AGE_TYPE) == 0 ? ENVELOPE_AGE_SEALED
                                                                           : ENVELOPE_PGP_SEALED;
  if (!entity_is(&entity, "application/pkcs7-mime") &&
      !entity_is(&entity, "application/x-pkcs7-mime"))
    return ENVELOPE_PLAIN;
  g_autoptr(GBytes) cms_data = smime_data(bytes, &cms);
  return cms_data == NULL || cms.kind != CMS_SIGNED ? ENVELOPE_SMIME_SEALED : ENVELOPE_SMIME_OPAQUE;
}

/* A sealed letter may hold a signed one (RFC 3156, 6.1; RFC 8551, 3.7), once. */
static bool
look_inside(struct opening *opening, const struct found *found, GBytes *inside, GError **error)
{
  opening->sealed = true;
  switch (found->signatures->len == 0 ? entity_kind(inside) : ENVELOPE_PLAIN) {
  case ENVELOPE_PGP_SIGNED:
    return open_signed(opening, inside, error);
  case ENVELOPE_SMIME_SIGNED:
    return open_smime_signed(opening, inside, error);
  case ENVELOPE_SMIME_OPAQUE:
    return open_smime_opaque(opening, inside, error);
  default:
    conclude_found(opening, found, inside);
    return true;
  }
}

static bool
open_packets(struct opening *opening, const char *format, GBytes *data, const char *head,
             GError **error)
{
  g_autoptr(GError) why = NULL;
  g_autoptr(frame_t) reply = ask_open(opening, format, data, NULL, &why);
  if (reply == NULL && error_is(why, POSTINO_ERROR_CANCELLED)) {
    g_propagate_error(error, g_steal_pointer(&why));
    return false;
  }
  g_autoptr(found_t) found = reply != NULL ? found_from_frame(reply) : NULL;
  g_autoptr(GBytes) inside = NULL;
  if (found != NULL && found->encrypted && found->integrity)
    inside = frame_bulk(reply, 0, CLIENT_LARGEST, &why);
  if (inside == NULL && why == NULL && found != NULL && found->encrypted && found->integrity)
    inside = g_bytes_new(NULL, 0);
  if (inside == NULL) {
    conclude_broken(opening, why != NULL ? why->message
                                         : _("nothing proves that it was not changed on its way"));
    return true;
  }
  g_autoptr(GBytes) entity = head != NULL ? with_head(head, inside) : g_bytes_ref(inside);
  return look_inside(opening, found, entity, error);
}

static GBytes *
age_data(GBytes *armour, char **why_out)
{
  g_autoptr(GError) why = NULL;
  gsize length;
  const char *text = g_bytes_get_data(armour, &length);
  struct age age;
  g_autoptr(GBytes) data = age_armour_decode(length > 0 ? text : "", length, &why);
  if (data != NULL && age_read(data, &age, &why))
    return g_steal_pointer(&data);
  *why_out = g_strdup(why->message);
  return NULL;
}

static bool
open_sealed(struct opening *opening, GBytes *message, const char *type, GError **error)
{
  gsize length;
  const char *bytes = g_bytes_get_data(message, &length);
  g_auto(entity_t) entity = {0};
  g_auto(multipart_t) multipart = {0};
  g_autoptr(GBytes) version = NULL;
  g_autoptr(GBytes) armour = NULL;
  g_autofree char *why = NULL;
  entity_init(&entity, bytes, length);
  if (!two_parts(&entity, "multipart/encrypted", type, &multipart) ||
      !part_is(g_array_index(multipart.parts, struct span, 0), type, &version) ||
      !part_is(g_array_index(multipart.parts, struct span, 1), "application/octet-stream",
               &armour)) {
    conclude_broken(opening,
                    _("the letter is not built as a sealed one must be; its source shows it"));
    return true;
  }
  g_autofree char *said = g_strndup(g_bytes_get_data(version, NULL), g_bytes_get_size(version));
  if (g_ascii_strcasecmp(g_strstrip(said), "Version: 1") != 0) {
    conclude_broken(opening, _("its envelope is of a version that is not known"));
    return true;
  }
  bool age = strcmp(type, AGE_TYPE) == 0;
  g_autoptr(GBytes) data = age ? age_data(armour, &why) : sealed_packets(armour, &why);
  if (data == NULL) {
    conclude_broken(opening, why);
    return true;
  }
  return open_packets(opening, age ? "age-sealed" : "pgp-sealed", data, NULL, error);
}

/* ---- armour in the text ---- */

/* RFC 4880, 7: three lines begin with five dashes, in this order and with nothing
 * before and behind; all others in the text are escaped. */
static bool
is_one_clear_signed(const char *text, size_t length)
{
  static const char *const marks[] = {"-----BEGIN PGP SIGNED MESSAGE-----",
                                      "-----BEGIN PGP SIGNATURE-----",
                                      "-----END PGP SIGNATURE-----"};
  size_t met = 0;
  for (const char *at = text, *end = text + length; at < end;) {
    const char *lf = memchr(at, '\n', (size_t)(end - at));
    const char *next = lf != NULL ? lf + 1 : end;
    struct span line = {at, (size_t)(next - at)};
    while (line.length > 0 && g_ascii_isspace(line.at[line.length - 1]))
      line.length--;
    bool mark = line.length >= 5 && memcmp(line.at, "-----", 5) == 0;
    if (mark && (met == G_N_ELEMENTS(marks) || line.length != strlen(marks[met]) ||
                 memcmp(line.at, marks[met], line.length) != 0))
      return false;
    if (!mark && line.length > 0 && (met == 0 || met == G_N_ELEMENTS(marks)))
      return false;
    met += mark;
    at = next;
  }
  return met == G_N_ELEMENTS(marks);
}

/* Shown is what the plugin says was signed, and nothing that stood around it. */
static bool
open_clear_signed(struct opening *opening, GBytes *message, const struct entity *entity,
                  GBytes *text, GError **error)
{
  GError *why = NULL;
  g_autoptr(frame_t) reply = ask_open(opening, "pgp-clear", text, NULL, &why);
  if (reply == NULL)
    return conclude_no_answer(opening, why, message, error);
  g_autoptr(found_t) found = found_from_frame(reply);
  g_autoptr(GBytes) inside = frame_bulk(reply, 0, CLIENT_LARGEST, NULL);
  if (inside == NULL) {
    conclude_unverified(opening, _("there is no letter in it"), message);
    return true;
  }
  g_autofree char *head = text_head(params_raw(entity->type, "charset"));
  g_autoptr(GBytes) shown = with_head(head, inside);
  conclude_found(opening, found, shown);
  return true;
}

/* Opened only where it is the whole of a letter that is one text: mixed with
 * other text nobody could say where it ends. */
static bool
open_inline(struct opening *opening, GBytes *message, GError **error)
{
  gsize length;
  const char *bytes = g_bytes_get_data(message, &length);
  g_auto(entity_t) entity = {0};
  entity_init(&entity, bytes, length);
  if (!entity_is(&entity, "text/plain")) {
    conclude(opening, verdict_new(SEAL_POSTCARD, NULL), message);
    return true;
  }
  g_autoptr(GBytes) text = entity_decode(&entity);
  g_autofree char *why = NULL;
  const char *decoded = g_bytes_get_data(text, &length);
  if (length > 0 && memmem(decoded, length, "-----BEGIN PGP SIGNED MESSAGE-----", 34) != NULL) {
    if (is_one_clear_signed(decoded, length))
      return open_clear_signed(opening, message, &entity, text, error);
    conclude_unverified(opening, _("it signs only a piece of the text"), message);
    return true;
  }
  g_autoptr(GBytes) data = sealed_packets(text, &why);
  if (data == NULL) {
    conclude(opening, verdict_new(SEAL_POSTCARD, NULL), message);
    return true;
  }
  return open_packets(opening, "pgp-sealed", data,
                      "Content-Type: text/plain; charset=utf-8\r\n"
                      "Content-Transfer-Encoding: 8bit\r\n\r\n", error);
}

/* ---- sealed by S/MIME ---- */

/* Enveloped data can be changed on its way without being noticed; authenticated
 * data cannot (RFC 8551, 2.7). */
static bool
open_smime_sealed(struct opening *opening, GBytes *message, GError **error)
{
  struct cms cms;
  g_autoptr(GBytes) data = smime_data(message, &cms);
  if (data == NULL || (cms.kind != CMS_ENVELOPED && cms.kind != CMS_AUTH_ENVELOPED)) {
    conclude_broken(opening, _("its S/MIME data is damaged, or no sealed letter"));
    return true;
  }
  GError *why = NULL;
  g_autoptr(frame_t) reply = ask_open(opening, "smime-sealed", data, NULL, &why);
  if (reply == NULL)
    return conclude_no_answer(opening, why, NULL, error);
  g_autoptr(GError) no_text = NULL;
  g_autoptr(found_t) found = found_from_frame(reply);
  g_autoptr(GBytes) inside =
      found->encrypted ? frame_bulk(reply, 0, CLIENT_LARGEST, &no_text) : NULL;
  if (inside == NULL) {
    conclude_broken(opening, no_text != NULL ? no_text->message : _("there is no letter in it"));
    return true;
  }
  opening->unproven = cms.kind != CMS_AUTH_ENVELOPED || !found->integrity;
  return look_inside(opening, found, inside, error);
}

/* ---- any ---- */

static bool
open_smime(struct opening *opening, GBytes *message, enum envelope_kind kind, GError **error)
{
  const char *why = _("it is S/MIME, for which no plugin is installed");
  bool known = crypto_find(opening->crypto, opening->crypto->smime_opener) != NULL;
  if (!known && kind == ENVELOPE_SMIME_SIGNED)
    conclude_unverified(opening, why, message);
  else if (!known)
    conclude_broken(opening, why);
  else if (kind == ENVELOPE_SMIME_SIGNED)
    return open_smime_signed(opening, message, error);
  else if (kind == ENVELOPE_SMIME_OPAQUE)
    return open_smime_opaque(opening, message, error);
  else
    return open_smime_sealed(opening, message, error);
  return true;
}

static bool
open_kind(struct opening *opening, GBytes *message, enum envelope_kind kind, GError **error)
{
  switch (kind) {
  case ENVELOPE_PGP_SIGNED:
    return open_signed(opening, message, error);
  case ENVELOPE_PGP_SEALED:
    return open_sealed(opening, message, PGP_TYPE, error);
  case ENVELOPE_AGE_SEALED:
    if (crypto_find(opening->crypto, opening->crypto->age_opener) != NULL)
      return open_sealed(opening, message, AGE_TYPE, error);
    conclude_broken(opening, _("it is sealed by age, for which no plugin is in the rc file"));
    return true;
  case ENVELOPE_PGP_INLINE:
    return open_inline(opening, message, error);
  case ENVELOPE_SMIME_SIGNED:
  case ENVELOPE_SMIME_OPAQUE:
  case ENVELOPE_SMIME_SEALED:
    return open_smime(opening, message, kind, error);
  case ENVELOPE_PLAIN:
    break;
  }
  conclude(opening, verdict_new(SEAL_POSTCARD, NULL), message);
  return true;
}

bool
crypto_open(struct crypto *crypto, GBytes *message, enum envelope_kind kind, const GPtrArray *from,
            struct verdict **verdict_out, GBytes **entity_out, GCancellable *cancel, GError **error)
{
  struct opening opening = {.crypto = crypto, .from = from, .cancel = cancel};
  bool done = true;
  if (g_bytes_get_size(message) > CLIENT_LARGEST)
    conclude_broken(&opening, _("the letter is too large to be opened"));
  else
    done = open_kind(&opening, message, kind, error);
  if (done) {
    *verdict_out = g_steal_pointer(&opening.verdict);
    *entity_out = g_steal_pointer(&opening.shown);
  }
  verdict_free(opening.verdict);
  g_clear_pointer(&opening.shown, g_bytes_unref);
  /* Who opens a second letter opens a third. */
  if (opening.opener != NULL && g_atomic_int_add(&crypto->opened, 1) > 0)
    crypto_expect(crypto, opening.opener);
  return done;
}

#include <string.h>

#include "base/error.h"
#include "base/i18n.h"
#include "base/limits.h"
#include "crypto/crypto-private.h"
#include "crypto/crypto.h"
#include "crypto/mime.h"
#include "crypto/packets.h"
#include "crypto/postino-plugin.h"
#include "crypto/verdict.h"

/* One letter being opened. */
struct opening {
  struct crypto *crypto;
  const GPtrArray *from;
  GCancellable *cancel;
  bool sealed; /* what is looked at came out of an envelope */
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

static void
conclude_unverified(struct opening *opening, const char *why, GBytes *shown)
{
  conclude(opening, verdict_new(opening->sealed ? SEAL_SEALED_UNVERIFIED : SEAL_UNVERIFIED, why),
           shown);
}

/* ---- asking the plugin ---- */

static struct frame *
ask_open(struct opening *opening, const char *format, GBytes *data, GBytes *signature,
         GError **error)
{
  g_autoptr(client_t) client = crypto_start(
      opening->crypto, opening->crypto->opener,
      signature != NULL ? POSTINO_CAN_VERIFY : POSTINO_CAN_OPEN, opening->cancel, error);
  if (client == NULL)
    return NULL;
  g_autoptr(frame_t) request = client_request(client, FRAME_OPEN);
  frame_add_text(request, FIELD_FORMAT, format);
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
  g_autoptr(GBytes) data = armour_decode(text, length, "SIGNATURE", NULL, NULL);
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
  g_autoptr(GError) why = NULL;
  g_autoptr(frame_t) reply = ask_open(opening, "pgp-signed", text, signature, &why);
  if (reply == NULL && error_is(why, POSTINO_ERROR_CANCELLED)) {
    g_propagate_error(error, g_steal_pointer(&why));
    return false;
  }
  if (reply == NULL) {
    conclude_unverified(opening, why->message, text);
    return true;
  }
  g_autoptr(found_t) found = found_from_frame(reply);
  conclude(opening, judge(opening, found), text);
  return true;
}

/* ---- sealed ---- */

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
      length > 0 ? armour_decode(text, length, "MESSAGE", NULL, &why) : g_bytes_new(NULL, 0);
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

/* A sealed letter may hold a signed one (RFC 3156, 6.1). */
static bool
look_inside(struct opening *opening, const struct found *found, GBytes *inside, GError **error)
{
  gsize length;
  const char *bytes = g_bytes_get_data(inside, &length);
  g_auto(entity_t) entity = {0};
  entity_init(&entity, length > 0 ? bytes : "", length);
  const char *protocol = params_raw(entity.type, "protocol");
  opening->sealed = true;
  if (found->signatures->len == 0 && entity_is(&entity, "multipart/signed") && protocol != NULL &&
      g_ascii_strcasecmp(protocol, "application/pgp-signature") == 0)
    return open_signed(opening, inside, error);
  conclude(opening, judge(opening, found), inside);
  return true;
}

static bool
open_packets(struct opening *opening, GBytes *data, const char *head, GError **error)
{
  g_autoptr(GError) why = NULL;
  g_autoptr(frame_t) reply = ask_open(opening, "pgp-sealed", data, NULL, &why);
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
  if (head != NULL) {
    gsize length;
    const void *bytes = g_bytes_get_data(inside, &length);
    GByteArray *whole = g_byte_array_new();
    g_byte_array_append(whole, (const guint8 *)head, (guint)strlen(head));
    g_byte_array_append(whole, bytes, (guint)length);
    g_bytes_unref(inside);
    inside = g_byte_array_free_to_bytes(whole);
  }
  return look_inside(opening, found, inside, error);
}

static bool
open_sealed(struct opening *opening, GBytes *message, GError **error)
{
  gsize length;
  const char *bytes = g_bytes_get_data(message, &length);
  g_auto(entity_t) entity = {0};
  g_auto(multipart_t) multipart = {0};
  g_autoptr(GBytes) version = NULL;
  g_autoptr(GBytes) armour = NULL;
  g_autofree char *why = NULL;
  entity_init(&entity, bytes, length);
  if (!two_parts(&entity, "multipart/encrypted", "application/pgp-encrypted", &multipart) ||
      !part_is(g_array_index(multipart.parts, struct span, 0), "application/pgp-encrypted",
               &version) ||
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
  g_autoptr(GBytes) data = sealed_packets(armour, &why);
  if (data == NULL) {
    conclude_broken(opening, why);
    return true;
  }
  return open_packets(opening, data, NULL, error);
}

/* ---- armour in the text ---- */

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
    conclude_unverified(opening, _("it signs only a piece of the text, by a way that is not read"),
                        message);
    return true;
  }
  g_autoptr(GBytes) data = sealed_packets(text, &why);
  if (data == NULL) {
    conclude(opening, verdict_new(SEAL_POSTCARD, NULL), message);
    return true;
  }
  return open_packets(opening, data, "Content-Type: text/plain; charset=utf-8\r\n\r\n", error);
}

/* ---- S/MIME ---- */

static void
conclude_smime(struct opening *opening, GBytes *message, enum envelope_kind kind)
{
  const char *why = _("it is S/MIME, for which no plugin is installed");
  if (kind == ENVELOPE_SMIME_SIGNED)
    conclude_unverified(opening, why, message);
  else
    conclude_broken(opening, why);
}

static bool
open_kind(struct opening *opening, GBytes *message, enum envelope_kind kind, GError **error)
{
  switch (kind) {
  case ENVELOPE_PGP_SIGNED:
    return open_signed(opening, message, error);
  case ENVELOPE_PGP_SEALED:
    return open_sealed(opening, message, error);
  case ENVELOPE_PGP_INLINE:
    return open_inline(opening, message, error);
  case ENVELOPE_SMIME_SIGNED:
  case ENVELOPE_SMIME_OPAQUE:
  case ENVELOPE_SMIME_SEALED:
    conclude_smime(opening, message, kind);
    return true;
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
  return done;
}

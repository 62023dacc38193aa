#include "message/render-private.h"

#include <string.h>

#include "base/limits.h"

/* Text parts that are searched for armour, and how far. */
#define ARMOUR_PARTS 5
#define ARMOUR_BYTES LIMIT_KIB(256)

/* The protocol of a multipart/signed or encrypted: its parameter, else the type
 * of the part that the protocol adds. */
static const char *
protocol_of(const struct mime *mime, const char **added_out)
{
  int first = mime_first(mime, 0);
  bool is_signed = mime_is(mime_part(mime, 0), "multipart/signed");
  int added = first >= 0 && is_signed ? mime_next(mime, first) : first;
  *added_out = added >= 0 ? mime_part(mime, (guint)added)->media : "";
  const char *protocol = params_raw(mime_part(mime, 0)->type, "protocol");
  return protocol != NULL ? protocol : *added_out;
}

static bool
is_pkcs7_signature(const char *type)
{
  return g_ascii_strcasecmp(type, "application/pkcs7-signature") == 0 ||
         g_ascii_strcasecmp(type, "application/x-pkcs7-signature") == 0;
}

static enum envelope_kind
signed_kind(const struct mime *mime)
{
  const char *added;
  const char *protocol = protocol_of(mime, &added);
  if (g_ascii_strcasecmp(protocol, "application/pgp-signature") == 0)
    return ENVELOPE_PGP_SIGNED;
  return is_pkcs7_signature(protocol) ? ENVELOPE_SMIME_SIGNED : ENVELOPE_PLAIN;
}

static enum envelope_kind
encrypted_kind(const struct mime *mime)
{
  const char *added;
  const char *protocol = protocol_of(mime, &added);
  if (g_ascii_strcasecmp(protocol, "application/age-encrypted") == 0)
    return ENVELOPE_AGE_SEALED;
  return g_ascii_strcasecmp(protocol, "application/pgp-encrypted") == 0 ? ENVELOPE_PGP_SEALED
                                                                       : ENVELOPE_PLAIN;
}

/* RFC 5652: the content type's object identifier stands within the first bytes. */
static enum envelope_kind
kind_by_content(const struct mime_part *part)
{
  static const char pkcs7[] = "\x2a\x86\x48\x86\xf7\x0d\x01\x07";
  bool whole;
  g_autoptr(GBytes) head = mime_decode(part, 64, &whole);
  gsize length;
  const char *bytes = g_bytes_get_data(head, &length);
  for (gsize i = 0; i + 8 < length; i++) {
    if (memcmp(bytes + i, pkcs7, 8) != 0)
      continue;
    return bytes[i + 8] == 2 ? ENVELOPE_SMIME_OPAQUE : ENVELOPE_SMIME_SEALED;
  }
  return ENVELOPE_SMIME_SEALED;
}

static enum envelope_kind
pkcs7_kind(const struct mime_part *part)
{
  const char *type = params_raw(part->type, "smime-type");
  if (type == NULL)
    return kind_by_content(part);
  if (g_ascii_strcasecmp(type, "signed-data") == 0)
    return ENVELOPE_SMIME_OPAQUE;
  if (g_ascii_strcasecmp(type, "enveloped-data") == 0 ||
      g_ascii_strcasecmp(type, "authEnveloped-data") == 0)
    return ENVELOPE_SMIME_SEALED;
  return ENVELOPE_PLAIN;
}

static bool
holds_armour(const struct mime_part *part, const char *title)
{
  bool whole;
  g_autoptr(GBytes) decoded = NULL;
  const char *bytes = part->body;
  gsize length = MIN((size_t)(part->end - part->body), ARMOUR_BYTES);
  if (part->transfer != TRANSFER_IDENTITY) {
    decoded = mime_decode(part, ARMOUR_BYTES, &whole);
    bytes = g_bytes_get_data(decoded, &length);
  }
  if (length == 0)
    return false;
  const char *end = bytes + length;
  size_t wanted = strlen(title);
  for (const char *at = bytes;
       (at = memmem(at, (size_t)(end - at), title, wanted)) != NULL; at++)
    if (at == bytes || at[-1] == '\n')
      return true;
  return false;
}

bool
envelope_has_armour(const struct mime *mime, const char *title)
{
  guint looked = 0;
  for (guint i = 0; i < mime->parts->len && looked < ARMOUR_PARTS; i++) {
    const struct mime_part *part = mime_part(mime, i);
    if (part->kind != MIME_LEAF ||
        !(mime_is(part, "text/plain") || mime_is(part, "application/pgp")))
      continue;
    looked++;
    if (holds_armour(part, title))
      return true;
  }
  return false;
}

enum envelope_kind
envelope_of(const struct mime *mime)
{
  const struct mime_part *root = mime_part(mime, 0);
  if (mime_is(root, "multipart/signed"))
    return signed_kind(mime);
  if (mime_is(root, "multipart/encrypted"))
    return encrypted_kind(mime);
  if (strcmp(root->media, "application/pkcs7-mime") == 0 ||
      strcmp(root->media, "application/x-pkcs7-mime") == 0)
    return pkcs7_kind(root);
  if (!envelope_has_armour(mime, "-----BEGIN PGP "))
    return ENVELOPE_PLAIN;
  return envelope_has_armour(mime, "-----BEGIN PGP MESSAGE-----") ||
                 envelope_has_armour(mime, "-----BEGIN PGP SIGNED MESSAGE-----")
             ? ENVELOPE_PGP_INLINE
             : ENVELOPE_PLAIN;
}

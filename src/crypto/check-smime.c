#include <string.h>

#include "base/i18n.h"
#include "crypto/check-private.h"
#include "crypto/cms.h"

static const char *const sealed_fields[] = {
    "Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name=\"smime.p7m\"",
    "Content-Type: application/pkcs7-mime; smime-type=authEnveloped-data; name=\"smime.p7m\"",
    "Content-Description: S/MIME Encrypted Message",
    "Content-Disposition: attachment; filename=\"smime.p7m\"",
    "Content-Transfer-Encoding: base64",
    NULL,
};
static const char *const signature_fields[] = {
    "Content-Type: application/pkcs7-signature; name=\"smime.p7s\"",
    "Content-Description: S/MIME Cryptographic Signature",
    "Content-Disposition: attachment; filename=\"smime.p7s\"",
    "Content-Transfer-Encoding: base64",
    NULL,
};

/* Base64 and line ends, and nothing else. */
static GBytes *
strict_base64(struct span body)
{
  for (size_t i = 0; i < body.length; i++)
    if (!g_ascii_isalnum(body.at[i]) && strchr("+/=\r\n", body.at[i]) == NULL)
      return NULL;
  return decode_base64_text(body.at, body.length);
}

static bool
has_field(const GPtrArray *fields, const char *wanted)
{
  for (guint i = 0; i < fields->len; i++)
    if (g_ascii_strcasecmp(fields->pdata[i], wanted) == 0)
      return true;
  return false;
}

static bool
check_sealed(const struct check *check, const GPtrArray *fields, struct span body, GError **error)
{
  struct cms cms;
  if (!check_fields_are(fields, "Content-Type:", sealed_fields) ||
      !has_field(fields, "Content-Transfer-Encoding: base64"))
    return check_wrong(error, _("its fields"));
  g_autoptr(GBytes) data = strict_base64(body);
  if (data == NULL)
    return check_wrong(error, _("it holds what is not base64"));
  if (!cms_read(data, &cms, error))
    return false;
  if (cms.kind != CMS_ENVELOPED && cms.kind != CMS_AUTH_ENVELOPED)
    return check_wrong(error, _("it is not sealed"));
  if (cms.others > 0 || cms.recipients != check->keys) {
    g_autofree char *count = g_strdup_printf(_("it is sealed to %u keys, where %u were asked for"),
                                             cms.recipients + cms.others, check->keys);
    return check_wrong(error, count);
  }
  gsize length;
  const void *bytes = g_bytes_get_data(data, &length);
  if (check_is_readable(check, bytes, length, true))
    return check_wrong(error, _("text of the letter can be read in it"));
  return true;
}

static bool
check_signature(struct span part, GError **error)
{
  struct span body;
  struct cms cms;
  g_autoptr(GPtrArray) fields = check_fields(part, &body);
  if (fields == NULL || !check_fields_are(fields, signature_fields[0], signature_fields) ||
      !has_field(fields, "Content-Transfer-Encoding: base64"))
    return check_wrong(error, _("the fields of its signature"));
  g_autoptr(GBytes) data = strict_base64(body);
  if (data == NULL)
    return check_wrong(error, _("its signature is not base64"));
  if (!cms_read(data, &cms, error))
    return false;
  if (cms.kind != CMS_SIGNED || cms.content || cms.signers != 1)
    return check_wrong(error, _("its signature is not one signature"));
  return true;
}

static bool
is_micalg(const char *micalg)
{
  static const char *const known[] = {"sha-256", "sha-384", "sha-512", NULL};
  return micalg != NULL && g_strv_contains(known, micalg);
}

static bool
check_signed(const struct check *check, const GPtrArray *fields, const struct entity *entity,
             GError **error)
{
  g_auto(multipart_t) multipart = {0};
  const char *type = fields->len == 1 ? fields->pdata[0] : "(";
  guint parameters = 0;
  for (const char *c = type; *c != '\0'; c++)
    parameters += *c == ';';
  if (strpbrk(type, "(\\") != NULL || parameters != 3 || !check_is_boundary(params_raw(entity->type, "boundary")) ||
      !is_micalg(params_raw(entity->type, "micalg")))
    return check_wrong(error, _("its type is not multipart/signed with exactly its fields"));
  if (!multipart_split(entity, &multipart) || multipart.parts->len != 2)
    return check_wrong(error, _("it has not exactly two parts"));
  if (!span_is_blank(multipart.before) || !span_is_blank(multipart.after))
    return check_wrong(error, _("something stands before or behind its parts"));
  if (!check_is_given(check, g_array_index(multipart.parts, struct span, 0)))
    return check_wrong(error, _("its first part is not the letter that was to be signed"));
  return check_signature(g_array_index(multipart.parts, struct span, 1), error);
}

bool
check_smime(const struct check *check, const GPtrArray *fields, const struct entity *entity,
            struct span body, GError **error)
{
  return check->encrypt ? check_sealed(check, fields, body, error)
                        : check_signed(check, fields, entity, error);
}

#include "crypto/check-private.h"

#include <string.h>

#include "base/error.h"
#include "base/i18n.h"
#include "crypto/packets.h"

bool
check_wrong(GError **error, const char *what)
{
  return error_set(
      error, POSTINO_ERROR_INVALID,
      _("what the plugin made of the letter is not as it must be (%s); nothing was sent; "
        "see postino plugin check"),
      what);
}

/* ---- fields ---- */

/* The fields of a header block, each on one line with single blanks.  Stricter
 * than message/headers.h: a line that is no field could carry anything. */
GPtrArray *
check_fields(struct span span, struct span *body_out)
{
  g_autoptr(GPtrArray) fields = g_ptr_array_new_with_free_func(g_free);
  const char *at = span.at, *end = span.at + span.length;
  for (;;) {
    const char *stop = memmem(at, (size_t)(end - at), "\r\n", 2);
    if (stop == NULL)
      return NULL;
    if (stop == at)
      break;
    g_autofree char *line = g_strndup(at, (size_t)(stop - at));
    bool folded = *at == ' ' || *at == '\t';
    at = stop + 2;
    g_strstrip(line);
    if (folded && fields->len > 0) {
      char *joined = g_strconcat(fields->pdata[fields->len - 1], " ", line, NULL);
      g_free(fields->pdata[fields->len - 1]);
      fields->pdata[fields->len - 1] = joined;
    } else if (!folded && strchr(line, ':') != NULL)
      g_ptr_array_add(fields, g_steal_pointer(&line));
    else
      return NULL;
  }
  *body_out = (struct span){at + 2, (size_t)(end - at - 2)};
  return g_steal_pointer(&fields);
}

/* Is every field one of `allowed`, none of them twice, and `first` among them? */
bool
check_fields_are(const GPtrArray *fields, const char *first, const char *const *allowed)
{
  bool found = false;
  for (guint i = 0; i < fields->len; i++) {
    const char *field = fields->pdata[i];
    bool known = false;
    for (const char *const *one = allowed; *one != NULL; one++)
      known = known || g_ascii_strcasecmp(field, *one) == 0;
    for (guint j = 0; j < i; j++)
      known = known && g_ascii_strncasecmp(field, fields->pdata[j],
                                           (gsize)(strchr(field, ':') - field + 1)) != 0;
    if (!known)
      return false;
    found = found || g_ascii_strncasecmp(field, first, strlen(first)) == 0;
  }
  return found;
}

static const char *const version_fields[] = {
    "Content-Type: application/pgp-encrypted",
    "Content-Description: PGP/MIME version identification",
    "Content-Transfer-Encoding: 7bit",
    NULL,
};
static const char *const sealed_fields[] = {
    "Content-Type: application/octet-stream",
    "Content-Type: application/octet-stream; name=\"encrypted.asc\"",
    "Content-Description: OpenPGP encrypted message",
    "Content-Disposition: inline; filename=\"encrypted.asc\"",
    "Content-Disposition: attachment; filename=\"encrypted.asc\"",
    "Content-Transfer-Encoding: 7bit",
    NULL,
};
static const char *const signature_fields[] = {
    "Content-Type: application/pgp-signature",
    "Content-Type: application/pgp-signature; name=\"signature.asc\"",
    "Content-Description: OpenPGP digital signature",
    "Content-Disposition: attachment; filename=\"signature.asc\"",
    "Content-Transfer-Encoding: 7bit",
    NULL,
};

/* ---- the outer entity ---- */

bool
check_is_boundary(const char *boundary)
{
  size_t length = boundary != NULL ? strlen(boundary) : 0;
  for (size_t i = 0; i < length; i++)
    if (!g_ascii_isalnum(boundary[i]) && strchr("'+_,-./:=?", boundary[i]) == NULL)
      return false;
  return length > 0 && length <= 70;
}

static bool
is_micalg(const char *micalg)
{
  if (micalg == NULL || !g_str_has_prefix(micalg, "pgp-") || strlen(micalg) > 20)
    return false;
  for (const char *c = micalg + 4; *c != '\0'; c++)
    if (!g_ascii_isalnum(*c))
      return false;
  return true;
}

/* One field, Content-Type, with these parameters and no other. */
static bool
outer_is(const GPtrArray *fields, const struct entity *entity, bool sealed)
{
  const char *field = fields->len == 1 ? fields->pdata[0] : "";
  const char *protocol = params_raw(entity->type, "protocol");
  guint parameters = 0;
  for (const char *c = field; *c != '\0'; c++)
    parameters += *c == ';';
  return g_ascii_strncasecmp(field, "Content-Type:", 13) == 0 && strchr(field, '(') == NULL &&
         strchr(field, '\\') == NULL && parameters == (sealed ? 2 : 3) &&
         check_is_boundary(params_raw(entity->type, "boundary")) &&
         (sealed || is_micalg(params_raw(entity->type, "micalg"))) &&
         entity_is(entity, sealed ? "multipart/encrypted" : "multipart/signed") &&
         g_strcmp0(protocol, sealed ? "application/pgp-encrypted" : "application/pgp-signature") ==
             0;
}

/* CRLF ends, lines of at most 998 bytes, no NUL (RFC 5322, 2.1.1). */
bool
check_lines(const char *bytes, size_t length)
{
  size_t line = 0;
  for (size_t i = 0; i < length; i++, line++) {
    if (bytes[i] == '\0' || line > 999)
      return false;
    if (bytes[i] == '\r' && (i + 1 >= length || bytes[i + 1] != '\n'))
      return false;
    if (bytes[i] == '\n' && (i == 0 || bytes[i - 1] != '\r'))
      return false;
    if (bytes[i] == '\n')
      line = (size_t)-1;
  }
  return true;
}

static bool
is_ascii(const char *bytes, size_t length)
{
  for (size_t i = 0; i < length; i++)
    if ((bytes[i] & 0x80) != 0)
      return false;
  return true;
}

/* ---- sealed ---- */

bool
check_version(struct span part, const char *const *allowed, GError **error)
{
  struct span body;
  g_autoptr(GPtrArray) fields = check_fields(part, &body);
  if (fields == NULL || !check_fields_are(fields, allowed[0], allowed))
    return check_wrong(error, _("the fields of its first part"));
  g_autofree char *text = g_strndup(body.at, body.length);
  if (strlen(text) != body.length || strcmp(g_strchomp(text), "Version: 1") != 0)
    return check_wrong(error, _("its first part is not Version: 1"));
  return true;
}

static bool
check_packets(const struct check *check, GBytes *data, GError **error)
{
  struct packets packets;
  if (!packets_read(data, &packets, error))
    return false;
  if (!packets_are_sealed(&packets) || packets.passwords > 0)
    return check_wrong(error, _("its packets are not session keys and then protected data"));
  if (packets.public_keys != check->keys || packets.doubled > 0) {
    g_autofree char *count = g_strdup_printf(_("it is sealed to %u keys, where %u were asked for"),
                                             packets.public_keys - packets.doubled, check->keys);
    return check_wrong(error, count);
  }
  return true;
}

static bool
check_clear_text(const struct check *check, struct span text, bool decode, GError **error)
{
  return !check_is_readable(check, text.at, text.length, decode) ||
         check_wrong(error, _("text of the letter can be read in it"));
}

/* The lines between the first and the last of the armour. */
static struct span
armour_lines(struct span body)
{
  const char *from = memmem(body.at, body.length, "-----\r\n", 7);
  if (from == NULL)
    return body;
  from += 7;
  size_t length = body.length - (size_t)(from - body.at);
  const char *to = memmem(from, length, "-----END", 8);
  return (struct span){from, to != NULL ? (size_t)(to - from) : length};
}

static bool
check_armour(const struct check *check, struct span part, const char *boundary, GError **error)
{
  struct span body;
  g_autoptr(GString) headers = g_string_new(NULL);
  g_autoptr(GPtrArray) fields = check_fields(part, &body);
  if (fields == NULL || !check_fields_are(fields, sealed_fields[0], sealed_fields))
    return check_wrong(error, _("the fields of its second part"));
  if (!check_clear_text(check, armour_lines(body), false, error))
    return false;
  struct armour armour = {.label = "MESSAGE", .headers = headers, .passed = check->passed,
                          .data = check->data};
  g_autoptr(GBytes) data = armour_decode(body.at, body.length, &armour, error);
  if (data == NULL) {
    g_prefix_error(error, "%s ", _("nothing was sent:"));
    return false;
  }
  g_string_append_printf(headers, "\n%s", boundary);
  struct span packets = {.at = g_bytes_get_data(data, NULL), .length = g_bytes_get_size(data)};
  return check_packets(check, data, error) &&
         check_clear_text(check, (struct span){headers->str, headers->len}, true, error) &&
         check_clear_text(check, packets, true, error);
}

/* ---- signed ---- */

static bool
check_signature(struct span part, GError **error)
{
  struct span body;
  struct packets packets;
  g_autoptr(GPtrArray) fields = check_fields(part, &body);
  if (fields == NULL || !check_fields_are(fields, signature_fields[0], signature_fields))
    return check_wrong(error, _("the fields of its signature"));
  g_autoptr(GBytes) data = armour_decode(body.at, body.length, &(struct armour){.label = "SIGNATURE"}, error);
  if (data == NULL || !packets_read(data, &packets, error))
    return false;
  if (packets.signatures != 1 || !packets_are_signatures(&packets))
    return check_wrong(error, _("its signature is not one signature"));
  return true;
}

bool
check_is_given(const struct check *check, struct span part)
{
  gsize length;
  const void *bytes = g_bytes_get_data(check->entity, &length);
  return length == part.length && memcmp(bytes, part.at, length) == 0;
}

/* The other of the two families that there are. */
static bool
is_smime(const struct entity *entity, bool sealed)
{
  const char *protocol = params_raw(entity->type, "protocol");
  if (sealed)
    return entity_is(entity, "application/pkcs7-mime");
  return entity_is(entity, "multipart/signed") &&
         g_strcmp0(protocol, "application/pkcs7-signature") == 0;
}

bool
check_is_readable(const struct check *check, const void *bytes, size_t length, bool decode)
{
  return needles_found(check->needles, bytes, length, decode);
}

static bool
check_whole(const struct check *check, GBytes *result, GError **error)
{
  gsize length;
  const char *bytes = g_bytes_get_data(result, &length);
  g_auto(entity_t) entity = {0};
  g_auto(multipart_t) multipart = {0};
  struct span body;
  if (length == 0)
    return check_wrong(error, _("it is empty"));
  entity_init(&entity, bytes, length);
  g_autoptr(GPtrArray) fields = check_fields((struct span){bytes, length}, &body);
  if (fields != NULL && is_smime(&entity, check->encrypt))
    return check_lines(bytes, length) ? check_smime(check, fields, &entity, body, error)
                                      : check_wrong(error, _("its lines"));
  if (fields != NULL && check->encrypt && entity_is(&entity, "multipart/encrypted") &&
      g_strcmp0(params_raw(entity.type, "protocol"), "application/age-encrypted") == 0)
    return check_lines(bytes, length) ? check_age(check, fields, &entity, error)
                                      : check_wrong(error, _("its lines"));
  if (fields == NULL || !outer_is(fields, &entity, check->encrypt))
    return check_wrong(error, check->encrypt
                            ? _("its type is not multipart/encrypted with exactly its fields")
                            : _("its type is not multipart/signed with exactly its fields"));
  if (!check_lines(bytes, length) || (check->encrypt && !is_ascii(bytes, length)))
    return check_wrong(error, _("its lines"));
  if (!multipart_split(&entity, &multipart) || multipart.parts->len != 2)
    return check_wrong(error, _("it has not exactly two parts"));
  if (!span_is_blank(multipart.before) || !span_is_blank(multipart.after))
    return check_wrong(error, _("something stands before or behind its parts"));
  struct span first = g_array_index(multipart.parts, struct span, 0);
  struct span second = g_array_index(multipart.parts, struct span, 1);
  if (check->encrypt)
    return check_version(first, version_fields, error) &&
           check_armour(check, second, params_raw(entity.type, "boundary"), error);
  if (!check_is_given(check, first))
    return check_wrong(error, _("its first part is not the letter that was to be signed"));
  return check_signature(second, error);
}

bool
check_result(const struct check *check, GBytes *result, GError **error)
{
  if (!check->encrypt || check->needles != NULL)
    return check_whole(check, result, error);
  g_autoptr(needles_t) needles = needles_new(check->entity, check->subject);
  struct check with = *check;
  with.needles = needles;
  return check_whole(&with, result, error);
}

#include <string.h>

#include "base/i18n.h"
#include "crypto/age.h"
#include "crypto/check-private.h"

static const char *const version_fields[] = {"Content-Type: application/age-encrypted", NULL};
static const char *const sealed_fields[] = {
    "Content-Type: application/octet-stream",
    "Content-Type: application/octet-stream; name=\"encrypted.age\"",
    NULL,
};

static bool
check_data(const struct check *check, struct span part, GError **error)
{
  struct span body;
  struct age age;
  g_autoptr(GPtrArray) fields = check_fields(part, &body);
  if (fields == NULL || !check_fields_are(fields, sealed_fields[0], sealed_fields))
    return check_wrong(error, _("the fields of its second part"));
  g_autoptr(GBytes) data = age_armour_decode(body.at, body.length, error);
  if (data == NULL || !age_read(data, &age, error))
    return false;
  if (age.others > 0 || age.recipients != check->keys) {
    g_autofree char *count = g_strdup_printf(_("it is sealed to %u keys, where %u were asked for"),
                                             age.recipients + age.others, check->keys);
    return check_wrong(error, count);
  }
  gsize length;
  const void *bytes = g_bytes_get_data(data, &length);
  if (check_is_readable(check, bytes, length, true))
    return check_wrong(error, _("text of the letter can be read in it"));
  return true;
}

bool
check_age(const struct check *check, const GPtrArray *fields, const struct entity *entity,
          GError **error)
{
  g_auto(multipart_t) multipart = {0};
  const char *type = fields->len == 1 ? fields->pdata[0] : "(";
  guint parameters = 0;
  for (const char *c = type; *c != '\0'; c++)
    parameters += *c == ';';
  if (check->sign)
    return check_wrong(error, _("it cannot be signed so"));
  if (strpbrk(type, "(\\") != NULL || parameters != 2 ||
      !check_is_boundary(params_raw(entity->type, "boundary")))
    return check_wrong(error, _("its type is not multipart/encrypted with exactly its fields"));
  if (!multipart_split(entity, &multipart) || multipart.parts->len != 2)
    return check_wrong(error, _("it has not exactly two parts"));
  if (!span_is_blank(multipart.before) || !span_is_blank(multipart.after))
    return check_wrong(error, _("something stands before or behind its parts"));
  return check_version(g_array_index(multipart.parts, struct span, 0), version_fields, error) &&
         check_data(check, g_array_index(multipart.parts, struct span, 1), error);
}

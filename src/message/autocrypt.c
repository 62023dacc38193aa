#include "message/autocrypt.h"

#include <string.h>

#include "message/address.h"

/* Level 1, 2.1: larger fields are ignored. */
#define LARGEST_FIELD (10 * 1024)
#define MOST_ATTRIBUTES 20

void
autocrypt_clear(struct autocrypt *field)
{
  g_clear_pointer(&field->addr, g_free);
  g_clear_pointer(&field->keydata, g_free);
}

/* The attribute's value; NULL when it is another one. */
static char *
value_of(const char *attribute, const char *name)
{
  size_t length = strlen(name);
  const char *at = attribute + strspn(attribute, " \t\r\n");
  if (strncmp(at, name, length) != 0)
    return NULL;
  at += length + strspn(at + length, " \t\r\n");
  return *at == '=' ? g_strstrip(g_strdup(at + 1)) : NULL;
}

/* An attribute that is not known may be passed over only when its name begins with an
 * underscore. */
static bool
may_be_ignored(const char *attribute)
{
  const char *at = attribute + strspn(attribute, " \t\r\n");
  return *at == '_' || *at == '\0';
}

static char *
without_blanks(const char *text)
{
  GString *out = g_string_new(NULL);
  for (; *text != '\0'; text++)
    if (!g_ascii_isspace(*text))
      g_string_append_c(out, *text);
  return g_string_free(out, FALSE);
}

static bool
take_attribute(const char *attribute, struct autocrypt *field)
{
  g_autofree char *addr = value_of(attribute, "addr");
  g_autofree char *prefer = value_of(attribute, "prefer-encrypt");
  g_autofree char *keydata = value_of(attribute, "keydata");
  if (addr != NULL) {
    bool first = field->addr == NULL;
    g_free(field->addr);
    field->addr = g_steal_pointer(&addr);
    return first && address_is_valid_spec(field->addr);
  }
  if (prefer != NULL) {
    field->mutual = strcmp(prefer, "mutual") == 0;
    return true;
  }
  if (keydata == NULL)
    return may_be_ignored(attribute);
  bool first = field->keydata == NULL;
  g_free(field->keydata);
  field->keydata = without_blanks(keydata);
  return first;
}

bool
autocrypt_parse(const char *value, const char *from, struct autocrypt *field_out)
{
  struct autocrypt field = {0};
  bool good = strlen(value) <= LARGEST_FIELD;
  g_auto(GStrv) attributes = g_strsplit(good ? value : "", ";", MOST_ATTRIBUTES);
  for (char **attribute = attributes; good && *attribute != NULL; attribute++)
    /* keydata is the last one. */
    good = field.keydata == NULL && take_attribute(*attribute, &field);
  gsize length = 0;
  if (good && field.keydata != NULL)
    g_free(g_base64_decode(field.keydata, &length));
  if (!good || field.addr == NULL || (from != NULL && !address_same(field.addr, from)) ||
      length == 0) {
    autocrypt_clear(&field);
    return false;
  }
  *field_out = field;
  return true;
}

GBytes *
autocrypt_key(const struct autocrypt *field)
{
  gsize length;
  guchar *bytes = g_base64_decode(field->keydata, &length);
  return g_bytes_new_take(bytes, length);
}

/* The base64 of an armoured block, without its checksum. */
static char *
base64_of_armour(GBytes *armour)
{
  gsize length;
  const char *text = g_bytes_get_data(armour, &length);
  g_autofree char *copy = g_strndup(text, length);
  g_auto(GStrv) lines = g_strsplit(copy, "\n", -1);
  GString *out = g_string_new(NULL);
  bool inside = false;
  for (char **line = lines; *line != NULL; line++) {
    g_strstrip(*line);
    if (g_str_has_prefix(*line, "-----END") || (inside && **line == '='))
      break;
    if (inside)
      g_string_append(out, *line);
    inside = inside || **line == '\0';
  }
  return g_string_free(out, FALSE);
}

char *
autocrypt_field(const char *name, const char *spec, GBytes *armour, bool mutual)
{
  g_autofree char *base64 = base64_of_armour(armour);
  size_t length = strlen(base64);
  if (length == 0 || length > LARGEST_FIELD - 500)
    return NULL;
  GString *out = g_string_new(NULL);
  g_string_printf(out, "%s: addr=%s;%s keydata=", name, spec,
                  mutual ? " prefer-encrypt=mutual;" : "");
  for (size_t i = 0; i < length; i += 76)
    g_string_append_printf(out, "\r\n %.76s", base64 + i);
  g_string_append(out, "\r\n");
  return g_string_free(out, FALSE);
}

/* ---- key gossip ---- */

static void
autocrypt_free(void *field)
{
  autocrypt_clear(field);
  g_free(field);
}

static bool
is_alone(const GPtrArray *list, const char *spec)
{
  guint times = 0;
  for (guint i = 0; i < list->len; i++)
    times += address_same(((const struct autocrypt *)list->pdata[i])->addr, spec);
  return times == 1;
}

static GPtrArray *
all_gossip(const struct headers *inner)
{
  GPtrArray *list = g_ptr_array_new_with_free_func(autocrypt_free);
  guint seen = 0;
  for (guint i = 0; i < headers_count(inner) && seen < GOSSIP_MOST; i++) {
    struct autocrypt field = {0};
    if (g_ascii_strcasecmp(headers_name(inner, i), GOSSIP_FIELD) != 0)
      continue;
    seen++;
    if (autocrypt_parse(headers_value(inner, i), NULL, &field))
      g_ptr_array_add(list, g_memdup2(&field, sizeof field));
  }
  return list;
}

GPtrArray *
gossip_parse(const struct headers *inner)
{
  g_autoptr(GPtrArray) all = all_gossip(inner);
  GPtrArray *list = g_ptr_array_new_with_free_func(autocrypt_free);
  for (guint i = 0; i < all->len; i++) {
    const struct autocrypt *field = all->pdata[i];
    struct autocrypt copy = {g_strdup(field->addr), field->mutual, g_strdup(field->keydata)};
    if (is_alone(all, field->addr))
      g_ptr_array_add(list, g_memdup2(&copy, sizeof copy));
    else
      autocrypt_clear(&copy);
  }
  return list;
}

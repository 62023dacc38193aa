/* Any bytes as a header block, as values of fields, and as variants of a reader
 * that was taken over. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "message/address.h"
#include "message/headers.h"
#include "message/params.h"
#include "message/rendered.h"
#include "message/report.h"
#include "message/words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(const char *text)
{
  if (text != NULL && !g_utf8_validate(text, -1, NULL))
    abort();
}

static void
read_value(const char *value)
{
  g_autofree char *text = words_decode(value, -1);
  check(text);
  g_autoptr(GPtrArray) addresses = address_parse_header(value, -1);
  g_autofree char *formatted = address_format_list(addresses);
  check(formatted);
  g_autoptr(params_t) params = params_parse(value);
  g_autofree char *name = params_text(params, "filename");
  check(name);
  int64_t seconds;
  int zone;
  (void)headers_parse_date(value, &seconds);
  (void)headers_parse_zone(value, &zone);
  g_autoptr(GError) error = NULL;
  GPtrArray *typed = address_parse_typed(value, &error);
  if ((typed == NULL) != (error != NULL))
    abort();
  g_clear_pointer(&typed, g_ptr_array_unref);
}

static void
read_variants(const uint8_t *data, size_t size)
{
  g_autoptr(rendered_t) empty = rendered_new();
  g_autoptr(GVariant) model = g_variant_ref_sink(rendered_to_variant(empty));
  g_autoptr(GBytes) bytes = g_bytes_new(data, size);
  g_autoptr(GVariant) variant =
      g_variant_ref_sink(g_variant_new_from_bytes(g_variant_get_type(model), bytes, FALSE));
  g_autoptr(rendered_t) rendered = rendered_from_variant(variant);
  if (rendered != NULL && rendered->lines == NULL)
    abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  const char *bytes = (const char *)data;
  g_autoptr(headers_t) headers = headers_parse(bytes, size);
  if (headers_body(headers) > size)
    abort();
  for (guint i = 0; i < headers_count(headers) && i < 50; i++)
    read_value(headers_value(headers, i));
  g_autofree char *id = headers_message_id(headers);
  check(id);
  g_auto(GStrv) references = headers_references(headers);
  for (char **reference = references; *reference != NULL; reference++)
    check(*reference);
  g_autofree char *digest = headers_digest(bytes, size);
  check(digest);
  (void)headers_date(headers, 1795467378);
  g_autofree char *value = g_strndup(bytes, size);
  read_value(value);
  read_variants(data, size);
  return 0;
}

/* Any bytes as a letter: read for people in every way, for the index, as a
 * delivery report, carried between processes, and sent on as 7-bit. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "message/rendered.h"
#include "message/report.h"
#include "message/sevenbit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was read is clean, and is believed on the other side. */
static void
render(const char *bytes, size_t length, const struct render_options *options)
{
  g_autoptr(rendered_t) rendered = render_message(bytes, length, options);
  g_autofree char *text = rendered_text(rendered);
  if (!g_utf8_validate(text, -1, NULL))
    abort();
  g_autoptr(GVariant) variant = g_variant_ref_sink(rendered_to_variant(rendered));
  g_autoptr(rendered_t) carried = rendered_from_variant(variant);
  if (carried == NULL)
    abort();
  g_autofree char *again = rendered_text(carried);
  if (g_strcmp0(text, again) != 0)
    abort();
}

static void
read_report(const char *bytes, size_t length)
{
  g_autoptr(report_t) report = report_parse(bytes, length);
  if (report == NULL)
    return;
  g_autoptr(GVariant) variant = g_variant_ref_sink(report_to_variant(report));
  g_autoptr(report_t) carried = report_from_variant(variant);
  if (carried == NULL)
    abort();
}

/* For a server without 8BITMIME no 8-bit byte is left, and the same parts are. */
static void
convert(const char *bytes, size_t length)
{
  g_autoptr(GBytes) letter = g_bytes_new(bytes, length);
  g_autoptr(blob_writer_t) writer = blob_writer_memory(NULL);
  if (length == 0 || writer == NULL || !sevenbit_write(letter, writer, NULL))
    return;
  g_autoptr(blob_t) blob = blob_writer_end(writer, NULL);
  g_autoptr(GBytes) made = blob != NULL ? blob_bytes(blob, NULL) : NULL;
  if (made == NULL)
    return;
  gsize size;
  const char *text = g_bytes_get_data(made, &size);
  for (gsize i = 0; i < size; i++)
    if ((guchar)text[i] >= 0x80)
      abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  const char *bytes = (const char *)data;
  for (int i = 0; i < 3; i++)
    render(bytes, size, &(struct render_options){.html = i == 1, .raw = i == 2});
  g_autoptr(index_doc_t) doc = index_message(bytes, size, 1795467378);
  g_autoptr(GVariant) variant = g_variant_ref_sink(index_doc_to_variant(doc));
  g_autoptr(index_doc_t) carried = index_doc_from_variant(variant);
  if (carried == NULL)
    abort();
  read_report(bytes, size);
  convert(bytes, size);
  for (int number = 0; number < 4; number++) {
    g_autofree char *name = NULL, *type = NULL;
    g_autoptr(GBytes) part = render_part(bytes, size, number, number % 2 == 0, &name, &type);
    if ((part == NULL) != (type == NULL))
      abort();
  }
  return 0;
}

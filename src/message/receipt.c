#include "message/receipt.h"

#include "base/error.h"
#include "base/i18n.h"
#include "message/address.h"
#include "message/draft-private.h"
#include "message/write.h"

/* RFC 8098, 3: no program is named, and no word of the letter comes back but its id. */
static void
append_parts(GString *out, const struct receipt *receipt, const char *boundary)
{
  g_string_append_printf(
      out,
      "MIME-Version: 1.0\r\n"
      "Content-Type: multipart/report; report-type=disposition-notification;\r\n"
      "\tboundary=\"%s\"\r\n\r\n"
      "--%s\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n"
      "Your letter to %s was shown on the screen of its recipient.\r\n"
      "That does not say that it was read or understood.\r\n\r\n"
      "--%s\r\nContent-Type: message/disposition-notification\r\n\r\n",
      boundary, boundary, receipt->own->spec, boundary);
  g_string_append_printf(out, "Final-Recipient: rfc822;%s\r\n", receipt->own->spec);
  if (receipt->message_id != NULL && write_is_id(receipt->message_id))
    g_string_append_printf(out, "Original-Message-ID: <%s>\r\n", receipt->message_id);
  g_string_append_printf(out,
                         "Disposition: manual-action/MDN-sent-manually; displayed\r\n\r\n--%s--\r\n",
                         boundary);
}

GBytes *
receipt_build(const struct receipt *receipt, GError **error)
{
  g_autoptr(GPtrArray) from = g_ptr_array_new(), to = g_ptr_array_new();
  const char *at = strrchr(receipt->own->spec, '@');
  g_autofree char *id = message_id_new(at != NULL ? at + 1 : NULL);
  const char *ids[] = {id, NULL}, *answered[] = {receipt->message_id, NULL};
  char boundary[40] = "=_";
  GString *out = g_string_new(NULL);
  g_ptr_array_add(from, (void *)receipt->own);
  g_ptr_array_add(to, (void *)receipt->asker);
  draft_random_hex(boundary + 2, 16);
  if (!g_str_is_ascii(receipt->own->spec)) {
    error_set(error, POSTINO_ERROR_INVALID, _("a receipt can be sent for addresses in ASCII alone"));
  } else if (write_date(out, receipt->now, error) && write_addresses(out, "From", from, error) &&
             write_addresses(out, "To", to, error) &&
             write_text(out, "Subject", _("Receipt"), error)) {
    write_ids(out, "Message-ID", ids);
    write_ids(out, "In-Reply-To", answered);
    write_ids(out, "References", answered);
    append_parts(out, receipt, boundary);
    return g_string_free_to_bytes(out);
  }
  g_string_free(out, TRUE);
  return NULL;
}

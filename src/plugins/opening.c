/* How both plugins open a letter: from the feed, by GPGME, to the host. */
#include <errno.h>

#include "plugins/common.h"

static ssize_t
take_text(void *data, const void *bytes, size_t length)
{
  const struct common_opening *opening = data;
  if (opening->host->output(opening->host, bytes, length) != 0) {
    *opening->too_large = true;
    errno = EFBIG;
    return -1;
  }
  return (ssize_t)length;
}

static gpgme_error_t
begin(const struct common_opening *opening, const struct postino_bytes *bytes,
      gpgme_data_t *data_out)
{
  *opening->feed = (struct common_feed){
      .host = opening->host, .bytes = *bytes, .total = bytes->length};
  return common_feed_data(opening->feed, data_out);
}

gpgme_error_t
common_open(const struct common_opening *opening, const struct postino_open *open, common_op op)
{
  struct gpgme_data_cbs sink = {.write = take_text};
  gpgme_data_t in = NULL, out = NULL;
  gpgme_error_t error = begin(opening, &open->data, &in);
  if (error == 0)
    error = gpgme_data_new_from_cbs(&out, &sink, (void *)opening);
  if (error == 0)
    error = common_in_large_pieces(out);
  if (error == 0)
    error = op(opening->ctx, in, out);
  common_feed_end(opening->feed, in);
  gpgme_data_release(out);
  return error;
}

gpgme_error_t
common_verify_inside(gpgme_ctx_t ctx, gpgme_data_t in, gpgme_data_t out)
{
  return gpgme_op_verify(ctx, in, NULL, out);
}

gpgme_error_t
common_verify(const struct common_opening *opening, const struct postino_open *open)
{
  gpgme_data_t text = NULL, signature = NULL;
  gpgme_error_t error = begin(opening, &open->data, &text);
  if (error == 0)
    error = gpgme_data_new_from_mem(&signature, open->signature.data, open->signature.length, 0);
  if (error == 0)
    error = gpgme_op_verify(opening->ctx, signature, text, NULL);
  common_feed_end(opening->feed, text);
  gpgme_data_release(signature);
  return error;
}

void
common_each_signature(gpgme_ctx_t ctx, void (*say)(void *plugin, gpgme_signature_t signature),
                      void *plugin)
{
  gpgme_verify_result_t result = gpgme_op_verify_result(ctx);
  if (result == NULL)
    return;
  gpgme_result_ref(result);
  for (gpgme_signature_t signature = result->signatures; signature != NULL;
       signature = signature->next)
    say(plugin, signature);
  gpgme_result_unref(result);
}

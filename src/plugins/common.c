#include "plugins/common.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

int
common_code_of(gpgme_error_t error)
{
  switch (gpg_err_code(error)) {
  case GPG_ERR_NO_PUBKEY:
  case GPG_ERR_NO_SECKEY:
  case GPG_ERR_UNUSABLE_SECKEY:
    return POSTINO_NO_KEY;
  case GPG_ERR_UNUSABLE_PUBKEY:
    return POSTINO_UNTRUSTED;
  case GPG_ERR_BAD_PASSPHRASE:
  case GPG_ERR_CANCELED:
  case GPG_ERR_FULLY_CANCELED:
    return POSTINO_WRONG_PASSPHRASE;
  case GPG_ERR_NO_PIN_ENTRY:
  case GPG_ERR_PIN_ENTRY:
    return POSTINO_LOCKED;
  case GPG_ERR_NO_DATA:
  case GPG_ERR_BAD_DATA:
    return POSTINO_BAD_DATA;
  case GPG_ERR_DECRYPT_FAILED:
    return POSTINO_INTEGRITY;
  default:
    return POSTINO_INTERNAL;
  }
}

const char *
common_not_for_us(void)
{
  return _("it is not sealed to a key of yours that is here; ask its sender to seal it to yours, or "
           "bring the key that you had then");
}

char *
common_boundary(void)
{
  unsigned char bytes[18];
  if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
    return NULL;
  g_autofree char *text = g_base64_encode(bytes, sizeof bytes);
  for (char *c = text; *c != '\0'; c++)
    if (*c == '/')
      *c = '_';
  return g_strdup_printf("=_%s", text);
}

int
common_validity(gpgme_validity_t validity)
{
  switch (validity) {
  case GPGME_VALIDITY_NEVER:
    return POSTINO_VALIDITY_NEVER;
  case GPGME_VALIDITY_MARGINAL:
    return POSTINO_VALIDITY_MARGINAL;
  case GPGME_VALIDITY_FULL:
    return POSTINO_VALIDITY_FULL;
  case GPGME_VALIDITY_ULTIMATE:
    return POSTINO_VALIDITY_ULTIMATE;
  default:
    return POSTINO_VALIDITY_UNKNOWN;
  }
}

bool
common_is_dead(gpgme_key_t key)
{
  return key->revoked || key->expired || key->disabled || key->invalid;
}

void
common_free_key(gpointer key)
{
  gpgme_key_unref(key);
}

char *
common_program(const char *name)
{
  g_autofree char *host = g_file_read_link("/proc/self/exe", NULL);
  g_autofree char *dir = host != NULL ? g_path_get_dirname(host) : NULL;
  return dir != NULL ? g_build_filename(dir, name, NULL) : NULL;
}

static ssize_t
read_feed(void *handle, void *buffer, size_t size)
{
  struct common_feed *feed = handle;
  size_t length = MIN(size, feed->bytes.length - feed->at);
  if (length > 0)
    memcpy(buffer, (const char *)feed->bytes.data + feed->at, length);
  feed->at += length;
  feed->host->working(feed->host, feed->what, feed->before + feed->at, feed->total);
  return (ssize_t)length;
}

gpgme_error_t
common_feed_data(struct common_feed *feed, gpgme_data_t *data_out)
{
  static struct gpgme_data_cbs source = {.read = read_feed};
  gpgme_error_t error = gpgme_data_new_from_cbs(data_out, &source, feed);
  return error == 0 ? common_in_large_pieces(*data_out) : error;
}

void
common_feed_end(struct common_feed *feed, gpgme_data_t data)
{
  gpgme_data_release(data);
  *feed = (struct common_feed){0};
}

/* For larger ones than these it spends what it saves. */
gpgme_error_t
common_in_large_pieces(gpgme_data_t data)
{
  return gpgme_data_set_flag(data, "io-buffer-size", "16384");
}

int
common_failed(const struct postino_host *host, gpgme_error_t error, bool too_large,
              const char *(*sentence_of)(int code))
{
  char words[160] = "", sentence[512];
  int code = too_large ? POSTINO_TOO_LARGE : common_code_of(error);
  gpgme_strerror_r(error, words, sizeof words);
  snprintf(sentence, sizeof sentence, "%s (GnuPG: %s)",
           too_large ? _("it is too large when opened") : sentence_of(code), words);
  return host->error(host, code, sentence);
}

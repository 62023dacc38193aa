#include "net/certificate.h"

#include <arpa/inet.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "base/error.h"
#include "base/i18n.h"
#include "base/sanitize.h"

#define NAMES_SHOWN 6
#define PIN_PREFIX "sha256:"

G_DEFINE_AUTOPTR_CLEANUP_FUNC(X509, X509_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(GENERAL_NAMES, GENERAL_NAMES_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BIO, BIO_free_all)

static char *
pin_of(const X509 *x509)
{
  unsigned char *spki = NULL;
  int length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x509), &spki);
  if (length <= 0)
    return g_strdup("sha256:");
  g_autofree char *hex = g_compute_checksum_for_data(G_CHECKSUM_SHA256, spki, (gsize)length);
  OPENSSL_free(spki);
  return g_strconcat(PIN_PREFIX, hex, NULL);
}

static char *
day_of(const ASN1_TIME *time)
{
  struct tm tm;
  if (time == NULL || ASN1_TIME_to_tm(time, &tm) != 1)
    return g_strdup("?");
  return g_strdup_printf("%04d-%02d-%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
}

static char *
one_line(const X509_NAME *name)
{
  g_autoptr(BIO) out = BIO_new(BIO_s_mem());
  if (out == NULL ||
      X509_NAME_print_ex(out, name, 0, XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB) < 0)
    return g_strdup("?");
  char *text = NULL;
  long length = BIO_get_mem_data(out, &text);
  return sanitize_line(text, MIN(length, 200));
}

static char *
text_of_name(const GENERAL_NAME *name)
{
  if (name->type == GEN_DNS)
    return sanitize_line((const char *)ASN1_STRING_get0_data(name->d.dNSName),
                         MIN(ASN1_STRING_length(name->d.dNSName), 100));
  if (name->type != GEN_IPADD)
    return NULL;
  char text[INET6_ADDRSTRLEN] = "?";
  int length = ASN1_STRING_length(name->d.iPAddress);
  const unsigned char *bytes = ASN1_STRING_get0_data(name->d.iPAddress);
  if (length == 4)
    inet_ntop(AF_INET, bytes, text, sizeof text);
  else if (length == 16)
    inet_ntop(AF_INET6, bytes, text, sizeof text);
  return g_strdup(text);
}

static char *
common_name(const X509 *x509)
{
  const X509_NAME *subject = X509_get_subject_name(x509);
  int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at < 0)
    return g_strdup(_("no host at all"));
  const ASN1_STRING *value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
  return sanitize_line((const char *)ASN1_STRING_get0_data(value),
                       MIN(ASN1_STRING_length(value), 100));
}

static char *
names_of(const X509 *x509)
{
  g_autoptr(GENERAL_NAMES) names = X509_get_ext_d2i(x509, NID_subject_alt_name, NULL, NULL);
  if (names == NULL)
    return common_name(x509);
  g_autoptr(GString) all = g_string_new(NULL);
  int shown = 0, count = sk_GENERAL_NAME_num(names);
  for (int i = 0; i < count && shown < NAMES_SHOWN; i++) {
    g_autofree char *text = text_of_name(sk_GENERAL_NAME_value(names, i));
    if (text != NULL)
      g_string_append_printf(all, "%s%s", shown++ > 0 ? ", " : "", text);
  }
  if (shown == 0)
    return g_strdup(_("no host at all"));
  if (count > shown)
    g_string_append(all, ", …");
  return g_strdup(all->str);
}

struct certificate *
certificate_read(GBytes *der, GError **error)
{
  size_t length;
  const unsigned char *at = g_bytes_get_data(der, &length);
  g_autoptr(X509) x509 = d2i_X509(NULL, &at, (long)length);
  EVP_PKEY *key = x509 == NULL ? NULL : X509_get0_pubkey(x509);
  if (x509 == NULL) {
    error_set(error, POSTINO_ERROR_PROTOCOL, _("the server's certificate cannot be read"));
    return NULL;
  }
  struct certificate *certificate = g_new0(struct certificate, 1);
  certificate->names = names_of(x509);
  certificate->issuer = one_line(X509_get_issuer_name(x509));
  certificate->not_before = day_of(X509_get0_notBefore(x509));
  certificate->not_after = day_of(X509_get0_notAfter(x509));
  certificate->pin = pin_of(x509);
  certificate->key_bits = key == NULL ? 0 : EVP_PKEY_get_bits(key);
  return certificate;
}

void
certificate_free(struct certificate *certificate)
{
  if (certificate == NULL)
    return;
  g_free(certificate->names);
  g_free(certificate->issuer);
  g_free(certificate->not_before);
  g_free(certificate->not_after);
  g_free(certificate->pin);
  g_free(certificate);
}

/* The bare lower-case digits of a pin, or NULL when it is none. */
static char *
pin_digits(const char *pin)
{
  if (g_ascii_strncasecmp(pin, PIN_PREFIX, strlen(PIN_PREFIX)) != 0)
    return NULL;
  g_autoptr(GString) digits = g_string_new(NULL);
  for (const char *at = pin + strlen(PIN_PREFIX); *at != '\0'; at++)
    if (g_ascii_isxdigit(*at))
      g_string_append_c(digits, g_ascii_tolower(*at));
    else if (*at != ':')
      return NULL;
  return digits->len == 64 ? g_strdup(digits->str) : NULL;
}

bool
certificate_pin_is_valid(const char *pin)
{
  g_autofree char *digits = pin_digits(pin);
  return digits != NULL;
}

bool
certificate_has_pin(const struct certificate *certificate, const char *pin)
{
  g_autofree char *digits = pin_digits(pin);
  return digits != NULL && strcmp(digits, certificate->pin + strlen(PIN_PREFIX)) == 0;
}

bool
certificate_pin_fault(const struct certificate *certificate, const char *pin, GError **error)
{
  g_autofree char *shown = sanitize_line(pin, -1);
  return error_set(error, POSTINO_ERROR_TRUST,
                   _("the server's key is not the pinned one: pinned %s, presented %s; if your "
                     "provider says that it changed its key, mend pin in the rc file, else "
                     "somebody sits between"),
                   shown, certificate->pin);
}

static bool
unknown_authority(const struct certificate *certificate, const char *ca_file, GError **error)
{
  if (ca_file != NULL)
    return error_set(error, POSTINO_ERROR_TRUST,
                     _("the server's certificate is not signed by the authority in %s but by %s; "
                       "check ca-file, or set pin = \"%s\" after comparing it with what your "
                       "provider publishes"),
                     ca_file, certificate->issuer, certificate->pin);
  return error_set(error, POSTINO_ERROR_TRUST,
                   _("the server's certificate is signed by an unknown authority (%s); if that is "
                     "your provider's own, name its file as ca-file, or set pin = \"%s\" after "
                     "comparing it with what your provider publishes"),
                   certificate->issuer, certificate->pin);
}

static bool
self_signed(const struct certificate *certificate, GError **error)
{
  return error_set(error, POSTINO_ERROR_TRUST,
                   _("the server's certificate is self-signed, nobody vouches for it; if the "
                     "server is your own, name the certificate as ca-file, or set pin = \"%s\" "
                     "after comparing it on the server"),
                   certificate->pin);
}

static bool
wrong_host(const struct certificate *certificate, const char *host, GError **error)
{
  return error_set(error, POSTINO_ERROR_TRUST,
                   _("the server's certificate is not for %s but for %s; set server to a name "
                     "that it has, or ask your provider"),
                   host, certificate->names);
}

bool
certificate_fault(const struct certificate *certificate, int fault, const char *host,
                  const char *ca_file, GError **error)
{
  switch (fault) {
  case X509_V_ERR_CERT_HAS_EXPIRED:
    return error_set(error, POSTINO_ERROR_TRUST,
                     _("the server's certificate expired on %s; its owner must renew it (check "
                       "this machine's clock too)"),
                     certificate->not_after);
  case X509_V_ERR_CERT_NOT_YET_VALID:
    return error_set(error, POSTINO_ERROR_TRUST,
                     _("the server's certificate is valid only from %s; is this machine's clock "
                       "right?"),
                     certificate->not_before);
  case X509_V_ERR_HOSTNAME_MISMATCH:
  case X509_V_ERR_IP_ADDRESS_MISMATCH:
    return wrong_host(certificate, host, error);
  case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    return self_signed(certificate, error);
  case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
  case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
  case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
  case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    return unknown_authority(certificate, ca_file, error);
  case X509_V_ERR_EE_KEY_TOO_SMALL:
    return error_set(error, POSTINO_ERROR_TRUST,
                     _("the server's key has only %d bits and can be broken; its owner must make "
                       "a new one"),
                     certificate->key_bits);
  case X509_V_ERR_INVALID_PURPOSE:
    return error_set(error, POSTINO_ERROR_TRUST,
                     _("the certificate that the server shows was not made for servers; its "
                       "owner must replace it"));
  default:
    return error_set(error, POSTINO_ERROR_TRUST,
                     _("the server's certificate is not accepted: %s; its owner must mend it"),
                     X509_verify_cert_error_string(fault));
  }
}

#include "net/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <sys/socket.h>

#include "base/error.h"
#include "base/i18n.h"
#include "net/certificate.h"

/* Bits of security that every key must have: RSA 2048, or curves of 224. */
#define SECURITY_LEVEL 2
#define SECURITY_BITS 112
/* Sessions that are remembered: more than anybody has servers. */
#define SESSIONS_MAX 64

struct tls {
  SSL_CTX *ctx;
  SSL *ssl;
  char *host, *ca_file, *pin;
  char *session_key;        /* of what may be resumed; NULL */
  GBytes *leaf;             /* DER of what the peer showed */
  int fault;                /* X509_V_* of the verification */
  bool pin_refused;
  unsigned long code;       /* OpenSSL's first error of a failed call */
  int errnum;               /* or the system's */
  bool shaken, broken;
  bool identified;          /* we have a certificate of our own */
  char *cipher, *peer_pin;
};

/* A socket BIO of our own: the library's uses write(), which raises SIGPIPE. */
static int
socket_write(BIO *bio, const char *data, int length)
{
  int fd = GPOINTER_TO_INT(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  ssize_t n = send(fd, data, (size_t)length, MSG_NOSIGNAL);
  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    BIO_set_retry_write(bio);
  return (int)n;
}

static int
socket_read(BIO *bio, char *data, int length)
{
  int fd = GPOINTER_TO_INT(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  ssize_t n = recv(fd, data, (size_t)length, 0);
  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    BIO_set_retry_read(bio);
  if (n == 0)
    BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
  return (int)n;
}

static long
socket_ctrl(BIO *bio, int command, long number, void *data)
{
  if (command == BIO_CTRL_EOF)
    return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0;
  return command == BIO_CTRL_FLUSH;
}

static int
socket_create(BIO *bio)
{
  BIO_set_init(bio, 1);
  return 1;
}

static BIO *
socket_bio(int fd)
{
  static gsize once;
  static BIO_METHOD *method;
  if (g_once_init_enter(&once)) {
    method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "postino socket");
    if (method != NULL) {
      BIO_meth_set_write(method, socket_write);
      BIO_meth_set_read(method, socket_read);
      BIO_meth_set_ctrl(method, socket_ctrl);
      BIO_meth_set_create(method, socket_create);
    }
    g_once_init_leave(&once, 1);
  }
  BIO *bio = method == NULL ? NULL : BIO_new(method);
  if (bio != NULL)
    BIO_set_data(bio, GINT_TO_POINTER(fd));
  return bio;
}

static void
keep_leaf(struct tls *tls, X509 *leaf)
{
  unsigned char *der = NULL;
  int length = leaf == NULL ? 0 : i2d_X509(leaf, &der);
  if (length <= 0)
    return;
  g_clear_pointer(&tls->leaf, g_bytes_unref);
  tls->leaf = g_bytes_new(der, (gsize)length);
  OPENSSL_free(der);
}

/* A pin decides alone unless a ca-file is set too; a key too weak to trust is
 * refused even then. */
static bool
pin_accepts(struct tls *tls, X509_STORE_CTX *store, X509 *leaf)
{
  g_autoptr(certificate_t) certificate =
      tls->leaf == NULL ? NULL : certificate_read(tls->leaf, NULL);
  EVP_PKEY *key = leaf == NULL ? NULL : X509_get0_pubkey(leaf);
  tls->pin_refused = certificate == NULL || !certificate_has_pin(certificate, tls->pin);
  if (tls->pin_refused)
    return false;
  if (key == NULL || EVP_PKEY_get_security_bits(key) < SECURITY_BITS) {
    X509_STORE_CTX_set_error(store, X509_V_ERR_EE_KEY_TOO_SMALL);
    return false;
  }
  return true;
}

/* RFC 9525: the common name is no host once there are alternative names of any
 * kind (OpenSSL looks at the DNS ones alone). */
static int
verify(X509_STORE_CTX *store, void *data)
{
  struct tls *tls = data;
  X509 *leaf = X509_STORE_CTX_get0_cert(store);
  keep_leaf(tls, leaf);
  if (leaf != NULL && X509_get_ext_by_NID(leaf, NID_subject_alt_name, -1) >= 0)
    X509_VERIFY_PARAM_set_hostflags(X509_STORE_CTX_get0_param(store),
                                    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
                                        X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  bool good = true;
  if (tls->pin != NULL)
    good = pin_accepts(tls, store, leaf);
  if (good && (tls->pin == NULL || tls->ca_file != NULL))
    good = X509_verify_cert(store) == 1;
  else if (good)
    X509_STORE_CTX_set_error(store, X509_V_OK);
  tls->fault = X509_STORE_CTX_get_error(store);
  if (!good && tls->fault == X509_V_OK) {
    tls->fault = X509_V_ERR_APPLICATION_VERIFICATION;
    X509_STORE_CTX_set_error(store, tls->fault);
  }
  return good;
}

/* ---- sessions ---- */

/* In memory alone.  A resumed session is not verified again, so its key holds the
 * whole policy by which it was. */
static GMutex sessions_lock;
static GHashTable *sessions;

static void
session_free(void *session)
{
  SSL_SESSION_free(session);
}

static char *
session_key(const struct tls_policy *policy)
{
  if (policy->resume == NULL)
    return NULL;
  return g_strjoin("\n", policy->resume, policy->host, policy->ca_file != NULL ? policy->ca_file : "",
                   policy->pin != NULL ? policy->pin : "",
                   policy->client_cert != NULL ? policy->client_cert : "", NULL);
}

/* TLS 1.3 brings tickets after the handshake; a server that sends none on a resumed
 * session is content with the old one. */
static int
keep_session(SSL *ssl, SSL_SESSION *session)
{
  struct tls *tls = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
  if (tls->session_key == NULL || !SSL_SESSION_is_resumable(session))
    return 0;
  g_mutex_lock(&sessions_lock);
  if (sessions == NULL)
    sessions = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, session_free);
  if (g_hash_table_size(sessions) >= SESSIONS_MAX)
    g_hash_table_remove_all(sessions);
  g_hash_table_replace(sessions, g_strdup(tls->session_key), session);
  g_mutex_unlock(&sessions_lock);
  return 1;
}

static void
offer_session(struct tls *tls)
{
  g_mutex_lock(&sessions_lock);
  SSL_SESSION *session = sessions != NULL && tls->session_key != NULL
                             ? g_hash_table_lookup(sessions, tls->session_key)
                             : NULL;
  if (session != NULL && SSL_SESSION_is_resumable(session))
    (void)SSL_set_session(tls->ssl, session);
  g_mutex_unlock(&sessions_lock);
}

static void
forget_session(const struct tls *tls)
{
  g_mutex_lock(&sessions_lock);
  if (sessions != NULL && tls->session_key != NULL)
    g_hash_table_remove(sessions, tls->session_key);
  g_mutex_unlock(&sessions_lock);
}

static bool
no_tls(GError **error)
{
  return error_set(error, POSTINO_ERROR_BUG, _("TLS cannot be set up"));
}

/* The library would ask for it on the terminal. */
static int
no_passphrase(char *buffer, int size, int writing, void *data)
{
  return -1;
}

static bool
set_up_identity(struct tls *tls, const struct tls_policy *policy, GError **error)
{
  if (policy->client_cert == NULL)
    return true;
  tls->identified = true;
  SSL_CTX_set_default_passwd_cb(tls->ctx, no_passphrase);
  if (SSL_CTX_use_certificate_chain_file(tls->ctx, policy->client_cert) != 1)
    return error_set(error, POSTINO_ERROR_CONFIG,
                     _("client-cert %s cannot be read, holds no certificate in PEM form, or one "
                       "with a key too weak to be safe"),
                     policy->client_cert);
  if (SSL_CTX_use_PrivateKey_file(tls->ctx, policy->client_key, SSL_FILETYPE_PEM) != 1)
    return error_set(error, POSTINO_ERROR_CONFIG,
                     _("client-key %s cannot be read, has a passphrase, or is not the key of %s; "
                       "openssl pkey -in OLD -out NEW takes a passphrase off"),
                     policy->client_key, policy->client_cert);
  return true;
}

static bool
set_up_context(struct tls *tls, GError **error)
{
  tls->ctx = SSL_CTX_new(TLS_client_method());
  if (tls->ctx == NULL || SSL_CTX_set_min_proto_version(tls->ctx, TLS1_2_VERSION) != 1)
    return no_tls(error);
  SSL_CTX_set_security_level(tls->ctx, SECURITY_LEVEL);
  SSL_CTX_set_options(tls->ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(tls->ctx,
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_session_cache_mode(tls->ctx,
                                 SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_set_app_data(tls->ctx, tls);
  SSL_CTX_sess_set_new_cb(tls->ctx, keep_session);
  SSL_CTX_set_verify(tls->ctx, SSL_VERIFY_PEER, NULL);
  SSL_CTX_set_cert_verify_callback(tls->ctx, verify, tls);
  if (tls->ca_file == NULL)
    return SSL_CTX_set_default_verify_paths(tls->ctx) == 1 || no_tls(error);
  if (SSL_CTX_load_verify_file(tls->ctx, tls->ca_file) != 1)
    return error_set(error, POSTINO_ERROR_CONFIG,
                     _("ca-file %s cannot be read or holds no certificate in PEM form"),
                     tls->ca_file);
  return true;
}

static bool
set_up_peer(struct tls *tls, int fd, GError **error)
{
  tls->ssl = SSL_new(tls->ctx);
  BIO *bio = tls->ssl == NULL ? NULL : socket_bio(fd);
  if (bio == NULL)
    return no_tls(error);
  SSL_set_bio(tls->ssl, bio, bio);
  SSL_set_connect_state(tls->ssl);
  X509_VERIFY_PARAM *param = SSL_get0_param(tls->ssl);
  X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  bool set = g_hostname_is_ip_address(tls->host)
                 ? X509_VERIFY_PARAM_set1_ip_asc(param, tls->host) == 1
                 : SSL_set_tlsext_host_name(tls->ssl, tls->host) == 1 &&
                       SSL_set1_host(tls->ssl, tls->host) == 1;
  if (set)
    offer_session(tls);
  return set || no_tls(error);
}

struct tls *
tls_new(int fd, const struct tls_policy *policy, GError **error)
{
  if (policy->pin != NULL && !certificate_pin_is_valid(policy->pin)) {
    error_set(error, POSTINO_ERROR_CONFIG,
              _("pin must be “sha256:” and the 64 hexadecimal digits of a public key"));
    return NULL;
  }
  struct tls *tls = g_new0(struct tls, 1);
  tls->host = g_strdup(policy->host);
  tls->ca_file = g_strdup(policy->ca_file);
  tls->pin = g_strdup(policy->pin);
  tls->session_key = session_key(policy);
  if (!set_up_context(tls, error) || !set_up_identity(tls, policy, error) ||
      !set_up_peer(tls, fd, error)) {
    tls_free(tls);
    ERR_clear_error();
    return NULL;
  }
  return tls;
}

void
tls_free(struct tls *tls)
{
  if (tls == NULL)
    return;
  if (tls->shaken && !tls->broken) {
    ERR_clear_error();
    (void)SSL_shutdown(tls->ssl);
    ERR_clear_error();
  }
  SSL_free(tls->ssl);
  SSL_CTX_free(tls->ctx);
  g_free(tls->host);
  g_free(tls->ca_file);
  g_free(tls->pin);
  g_free(tls->session_key);
  g_clear_pointer(&tls->leaf, g_bytes_unref);
  g_free(tls->cipher);
  g_free(tls->peer_pin);
  g_free(tls);
  /* What OpenSSL keeps for this thread goes now: a pool's threads may end unseen. */
  OPENSSL_thread_stop();
}

/* After a call that did not succeed.  SSL_get_error() looks at errno and at the
 * thread's error queue, so nothing may come between. */
static enum tls_result
judge(struct tls *tls, int rc)
{
  int errnum = errno;
  switch (SSL_get_error(tls->ssl, rc)) {
  case SSL_ERROR_WANT_READ:
    return TLS_WANTS_READ;
  case SSL_ERROR_WANT_WRITE:
    return TLS_WANTS_WRITE;
  case SSL_ERROR_ZERO_RETURN:
    return TLS_END;
  case SSL_ERROR_SYSCALL:
    tls->broken = true;
    tls->errnum = errnum;
    return errnum == 0 || errnum == ECONNRESET || errnum == EPIPE ? TLS_END : TLS_FAILED;
  default:
    tls->broken = true;
    tls->code = ERR_peek_error();
    return ERR_GET_REASON(tls->code) == SSL_R_UNEXPECTED_EOF_WHILE_READING ? TLS_END : TLS_FAILED;
  }
}

static void
remember_peer(struct tls *tls)
{
  /* Of a resumed session nothing was verified, so nothing was kept. */
  if (tls->leaf == NULL)
    keep_leaf(tls, SSL_get0_peer_certificate(tls->ssl));
  g_autoptr(certificate_t) certificate =
      tls->leaf == NULL ? NULL : certificate_read(tls->leaf, NULL);
  if (certificate != NULL)
    tls->peer_pin = g_strdup(certificate->pin);
  tls->cipher =
      g_strdup_printf("%s, %s", SSL_get_version(tls->ssl), SSL_get_cipher_name(tls->ssl));
  tls->shaken = true;
}

enum tls_result
tls_handshake(struct tls *tls)
{
  ERR_clear_error();
  errno = 0;
  int rc = SSL_do_handshake(tls->ssl);
  if (rc != 1) {
    enum tls_result result = judge(tls, rc);
    /* Whatever was wrong, the next one begins anew. */
    if (result == TLS_FAILED || result == TLS_END)
      forget_session(tls);
    return result;
  }
  remember_peer(tls);
  return TLS_DONE;
}

enum tls_result
tls_read(struct tls *tls, void *data, size_t size, size_t *read_out)
{
  ERR_clear_error();
  errno = 0;
  int rc = SSL_read_ex(tls->ssl, data, size, read_out);
  return rc == 1 ? TLS_DONE : judge(tls, rc);
}

enum tls_result
tls_write(struct tls *tls, const void *data, size_t size, size_t *written_out)
{
  ERR_clear_error();
  errno = 0;
  int rc = SSL_write_ex(tls->ssl, data, size, written_out);
  return rc == 1 ? TLS_DONE : judge(tls, rc);
}

static bool
trust_fault(struct tls *tls, GError **error)
{
  if (tls->leaf == NULL)
    return error_set(error, POSTINO_ERROR_TRUST, _("the server shows no certificate"));
  g_autoptr(certificate_t) certificate = certificate_read(tls->leaf, error);
  if (certificate == NULL)
    return false;
  if (tls->pin_refused)
    return certificate_pin_fault(certificate, tls->pin, error);
  return certificate_fault(certificate, tls->fault, tls->host, tls->ca_file, error);
}

/* With TLS 1.3 such words come after the handshake. */
static bool
identity_fault(const struct tls *tls, GError **error)
{
  if (!tls->identified)
    return error_set(error, POSTINO_ERROR_AUTH,
                     _("the server lets in only who shows a certificate; set client-cert"));
  const char *reason = ERR_reason_error_string(tls->code);
  return error_set(error, POSTINO_ERROR_AUTH,
                   _("the server does not accept the certificate in client-cert (%s)"),
                   reason != NULL ? reason : _("no reason given"));
}

static bool
protocol_fault(struct tls *tls, GError **error)
{
  switch (ERR_GET_REASON(tls->code)) {
  case SSL_R_UNSUPPORTED_PROTOCOL:
  case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
  case SSL_R_UNKNOWN_PROTOCOL:
    return error_set(error, POSTINO_ERROR_TRUST,
                     _("the server offers only TLS older than 1.2, which is not safe; its owner "
                       "must update it"));
  case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
  case SSL_R_TLSV1_ALERT_INSUFFICIENT_SECURITY:
  case SSL_R_DH_KEY_TOO_SMALL:
  case SSL_R_NO_CIPHERS_AVAILABLE:
    return error_set(error, POSTINO_ERROR_TRUST,
                     _("the server offers no TLS cipher that is safe; its owner must update it"));
  case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
  case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
  case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
  case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
  case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
  case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
  case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
    return identity_fault(tls, error);
  case SSL_R_WRONG_VERSION_NUMBER:
  case SSL_R_HTTP_REQUEST:
    return error_set(error, POSTINO_ERROR_PROTOCOL,
                     _("the server does not speak TLS here; check port, and whether tls should "
                       "be \"starttls\""));
  default: {
    const char *reason = ERR_reason_error_string(tls->code);
    return error_set(error, POSTINO_ERROR_PROTOCOL, _("TLS failed: %s"),
                     reason != NULL ? reason : _("no reason given"));
  }
  }
}

bool
tls_fault(struct tls *tls, GError **error)
{
  if (tls->errnum != 0)
    return error_errno(error, POSTINO_ERROR_RETRY, tls->errnum, _("the connection broke"));
  if (ERR_GET_REASON(tls->code) == SSL_R_CERTIFICATE_VERIFY_FAILED)
    return trust_fault(tls, error);
  return protocol_fault(tls, error);
}

const char *
tls_cipher(const struct tls *tls)
{
  return tls->cipher;
}

const char *
tls_peer_pin(const struct tls *tls)
{
  return tls->peer_pin;
}

bool
tls_is_resumed(const struct tls *tls)
{
  return tls->shaken && SSL_session_reused(tls->ssl) == 1;
}

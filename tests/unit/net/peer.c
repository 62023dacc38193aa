#include "tests/unit/net/peer.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct peer {
  int listener, fd, port, stop[2];
  gint connections;
  peer_script script;
  void *data;
  SSL_CTX *ctx;
  SSL *ssl;
  GString *heard, *line;
  GThread *thread;
};

struct identity {
  X509 *certificate;
  EVP_PKEY *key;
  char *file;
};

static void
drop_tls(struct peer *peer)
{
  SSL_free(peer->ssl);
  peer->ssl = NULL;
}

static void
hang_up(struct peer *peer)
{
  if (peer->ssl != NULL && peer->fd >= 0)
    SSL_shutdown(peer->ssl);
  drop_tls(peer);
  if (peer->fd >= 0)
    close(peer->fd);
  peer->fd = -1;
}

static gpointer
serve(gpointer data)
{
  struct peer *peer = data;
  sigset_t pipe;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe, NULL);
  for (;;) {
    struct pollfd set[2] = {{.fd = peer->listener, .events = POLLIN},
                            {.fd = peer->stop[0], .events = POLLIN}};
    if (poll(set, 2, -1) < 0 || set[1].revents != 0)
      return NULL;
    peer->fd = accept(peer->listener, NULL, NULL);
    if (peer->fd < 0)
      return NULL;
    struct timeval limit = {.tv_sec = 20};
    setsockopt(peer->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(peer->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    /* Else a second answer waits 40 ms for the client's acknowledgement. */
    int on = 1;
    setsockopt(peer->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    g_atomic_int_inc(&peer->connections);
    peer->script(peer, peer->data);
    hang_up(peer);
  }
}

struct peer *
peer_new(peer_script script, void *data)
{
  struct peer *peer = g_new0(struct peer, 1);
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  peer->script = script;
  peer->data = data;
  peer->fd = -1;
  peer->heard = g_string_new(NULL);
  peer->line = g_string_new(NULL);
  peer->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (peer->listener < 0 || pipe(peer->stop) < 0 ||
      bind(peer->listener, (struct sockaddr *)&address, sizeof address) < 0 ||
      listen(peer->listener, 8) < 0 ||
      getsockname(peer->listener, (struct sockaddr *)&address, &length) < 0)
    g_error("no scripted peer");
  peer->port = ntohs(address.sin_port);
  peer->thread = g_thread_new("peer", serve, peer);
  return peer;
}

int
peer_port(const struct peer *peer)
{
  return peer->port;
}

int
peer_connections(const struct peer *peer)
{
  return g_atomic_int_get(&peer->connections);
}

char *
peer_end(struct peer *peer)
{
  close(peer->stop[1]);
  g_thread_join(peer->thread);
  close(peer->stop[0]);
  close(peer->listener);
  char *heard = g_string_free(peer->heard, FALSE);
  g_string_free(peer->line, TRUE);
  SSL_CTX_free(peer->ctx);
  g_free(peer);
  return heard;
}

void
peer_say_bytes(struct peer *peer, const void *data, size_t length)
{
  const char *at = data;
  while (length > 0 && peer->fd >= 0) {
    size_t done = 0;
    if (peer->ssl != NULL) {
      if (SSL_write_ex(peer->ssl, at, length, &done) != 1)
        return;
    } else {
      ssize_t n = send(peer->fd, at, length, MSG_NOSIGNAL);
      if (n <= 0)
        return;
      done = (size_t)n;
    }
    at += done;
    length -= done;
  }
}

void
peer_say(struct peer *peer, const char *text)
{
  peer_say_bytes(peer, text, strlen(text));
}

static bool
hear_byte(struct peer *peer, char *byte)
{
  size_t got = 0;
  if (peer->fd < 0)
    return false;
  if (peer->ssl != NULL)
    return SSL_read_ex(peer->ssl, byte, 1, &got) == 1;
  return recv(peer->fd, byte, 1, 0) == 1;
}

size_t
peer_take(struct peer *peer, size_t length)
{
  char bytes[16384];
  size_t taken = 0;
  while (taken < length && peer->fd >= 0) {
    size_t got = 0, part = MIN(sizeof bytes, length - taken);
    if (peer->ssl == NULL) {
      ssize_t n = recv(peer->fd, bytes, part, 0);
      got = n > 0 ? (size_t)n : 0;
    } else if (SSL_read_ex(peer->ssl, bytes, part, &got) != 1)
      got = 0;
    if (got == 0)
      break;
    taken += got;
  }
  return taken;
}

void
peer_throw_away(struct peer *peer)
{
  char bytes[512];
  while (recv(peer->fd, bytes, sizeof bytes, MSG_DONTWAIT) > 0)
    continue;
}

const char *
peer_line(struct peer *peer)
{
  g_string_truncate(peer->line, 0);
  for (char byte; hear_byte(peer, &byte);) {
    g_string_append_c(peer->heard, byte);
    if (byte == '\n') {
      if (peer->line->len > 0 && peer->line->str[peer->line->len - 1] == '\r')
        g_string_truncate(peer->line, peer->line->len - 1);
      return peer->line->str;
    }
    g_string_append_c(peer->line, byte);
  }
  return NULL;
}

void
peer_answer(struct peer *peer, const char *answer)
{
  if (peer_line(peer) != NULL)
    peer_say(peer, answer);
}

void
peer_stay_silent(struct peer *peer)
{
  char byte;
  while (peer->fd >= 0 && recv(peer->fd, &byte, 1, 0) > 0)
    continue;
}

void
peer_cut(struct peer *peer)
{
  struct linger now = {.l_onoff = 1};
  setsockopt(peer->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  close(peer->fd);
  peer->fd = -1;
  drop_tls(peer);
}

/* ---- certificates ---- */

static struct identity *authority, *stranger;
static char *folder;

static EVP_PKEY *
make_key(int rsa_bits)
{
  EVP_PKEY *key =
      rsa_bits > 0 ? EVP_RSA_gen((unsigned)rsa_bits) : EVP_EC_gen("P-256");
  if (key == NULL)
    g_error("no key");
  return key;
}

static void
extend(X509 *certificate, X509 *issuer, int nid, const char *value)
{
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
  X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
  if (extension == NULL || X509_add_ext(certificate, extension, -1) != 1)
    g_error("no extension %s", value);
  X509_EXTENSION_free(extension);
}

static struct identity *
start_identity(const char *common_name, int rsa_bits)
{
  static long serial = 1;
  struct identity *identity = g_new0(struct identity, 1);
  identity->key = make_key(rsa_bits);
  identity->certificate = X509_new();
  X509_set_version(identity->certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(identity->certificate), serial++);
  X509_set_pubkey(identity->certificate, identity->key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(identity->certificate), "CN", MBSTRING_UTF8,
                             (const unsigned char *)common_name, -1, -1, 0);
  return identity;
}

static void
sign(struct identity *identity, struct identity *by)
{
  X509_set_issuer_name(identity->certificate, X509_get_subject_name(by->certificate));
  if (X509_sign(identity->certificate, by->key, EVP_sha256()) == 0)
    g_error("cannot sign");
}

static struct identity *
make_authority(const char *name)
{
  struct identity *ca = start_identity(name, 0);
  X509_gmtime_adj(X509_getm_notBefore(ca->certificate), -3600);
  X509_gmtime_adj(X509_getm_notAfter(ca->certificate), 86400);
  extend(ca->certificate, ca->certificate, NID_basic_constraints, "critical,CA:TRUE");
  extend(ca->certificate, ca->certificate, NID_key_usage, "critical,keyCertSign,cRLSign");
  sign(ca, ca);
  return ca;
}

static void
need_authorities(void)
{
  if (authority != NULL)
    return;
  folder = g_dir_make_tmp("postino-peer-XXXXXX", NULL);
  authority = make_authority("Test Authority");
  stranger = make_authority("Another Authority");
}

const char *
identity_file(struct identity *identity)
{
  if (identity->file != NULL)
    return identity->file;
  need_authorities();
  identity->file = g_strdup_printf("%s/%p.pem", folder, (void *)identity);
  FILE *out = fopen(identity->file, "we");
  if (out == NULL || PEM_write_X509(out, identity->certificate) != 1 || fclose(out) != 0)
    g_error("cannot write %s", identity->file);
  return identity->file;
}

const char *
identity_ca_file(void)
{
  need_authorities();
  return identity_file(authority);
}

const char *
identity_other_ca_file(void)
{
  need_authorities();
  return identity_file(stranger);
}

struct identity *
identity_new(const struct identity_options *options)
{
  need_authorities();
  struct identity *identity = start_identity(
      options->common_name != NULL ? options->common_name : "server", options->rsa_bits);
  struct identity *by = options->self_signed ? identity : authority;
  X509_gmtime_adj(X509_getm_notBefore(identity->certificate),
                  options->starts_in != 0 ? options->starts_in : -3600);
  X509_gmtime_adj(X509_getm_notAfter(identity->certificate),
                  options->ends_in != 0 ? options->ends_in : 86400);
  if (options->names != NULL)
    extend(identity->certificate, by->certificate, NID_subject_alt_name, options->names);
  extend(identity->certificate, by->certificate, NID_ext_key_usage,
         options->for_clients ? "clientAuth" : "serverAuth");
  sign(identity, by);
  return identity;
}

char *
identity_pin(const struct identity *identity)
{
  unsigned char *der = NULL;
  int length = i2d_PUBKEY(identity->key, &der);
  g_autofree char *hex = g_compute_checksum_for_data(G_CHECKSUM_SHA256, der, (gsize)length);
  OPENSSL_free(der);
  return g_strconcat("sha256:", hex, NULL);
}

void
identity_free(struct identity *identity)
{
  if (identity == NULL)
    return;
  X509_free(identity->certificate);
  EVP_PKEY_free(identity->key);
  if (identity->file != NULL)
    unlink(identity->file);
  g_free(identity->file);
  g_free(identity);
}

void
identity_clean_up(void)
{
  g_clear_pointer(&authority, identity_free);
  g_clear_pointer(&stranger, identity_free);
  if (folder != NULL)
    rmdir(folder);
  g_clear_pointer(&folder, g_free);
}

static bool
shake_hands(struct peer *peer, const struct identity *identity, int newest)
{
  /* One for all connections, so that their sessions can be resumed. */
  if (peer->ctx == NULL)
    peer->ctx = SSL_CTX_new(TLS_server_method());
  SSL_CTX_set_security_level(peer->ctx, 0);
  SSL_CTX_set_min_proto_version(peer->ctx, TLS1_VERSION);
  SSL_CTX_set_max_proto_version(peer->ctx, newest);
  SSL_CTX_set_cipher_list(peer->ctx, "ALL:@SECLEVEL=0");
  SSL_CTX_use_certificate(peer->ctx, identity->certificate);
  SSL_CTX_use_PrivateKey(peer->ctx, identity->key);
  peer->ssl = SSL_new(peer->ctx);
  SSL_set_fd(peer->ssl, peer->fd);
  if (SSL_accept(peer->ssl) == 1)
    return true;
  drop_tls(peer);
  return false;
}

bool
peer_start_tls(struct peer *peer, const struct identity *identity)
{
  return shake_hands(peer, identity, 0);
}

bool
peer_start_old_tls(struct peer *peer, const struct identity *identity)
{
  return shake_hands(peer, identity, TLS1_1_VERSION);
}

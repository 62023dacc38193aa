/* One TLS session over a non-blocking socket, and the policy by which its peer
 * is trusted: TLS 1.2 or newer, the authority, the host's name (no partial
 * wildcards, the common name ignored when there are alternative names), the
 * purpose, keys worth at least 112 bits; or exactly a pinned key. */
#pragma once

#include <glib.h>
#include <stdbool.h>

struct tls;

struct tls_policy {
  const char *host;         /* from resolve_ascii() */
  const char *ca_file;      /* NULL: the system's */
  const char *pin;          /* NULL: none; without ca_file it alone decides */
  const char *client_cert;  /* PEM files by which we are known; NULL: none */
  const char *client_key;
  /* Whose sessions may be resumed: account, port and protocol; the rest of the policy
   * is added.  NULL: none. */
  const char *resume;
};

enum tls_result {
  TLS_DONE,                 /* it went on */
  TLS_WANTS_READ, TLS_WANTS_WRITE, /* wait for the socket, then again */
  TLS_END,                  /* the peer closed the connection */
  TLS_FAILED,               /* tls_fault() knows why */
};

/* CONFIG for a ca-file, client-cert or client-key that cannot be read or a pin that
 * is none. */
struct tls *tls_new(int fd, const struct tls_policy *policy, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* Says goodbye if it can without waiting, and frees. */
void tls_free(struct tls *tls);

enum tls_result tls_handshake(struct tls *tls);
enum tls_result tls_read(struct tls *tls, void *data, size_t size, size_t *read_out);
enum tls_result tls_write(struct tls *tls, const void *data, size_t size, size_t *written_out);

/* The true cause of TLS_FAILED: TRUST, AUTH (our own certificate), PROTOCOL, RETRY.  Returns false. */
bool tls_fault(struct tls *tls, GError **error);
/* "TLSv1.3, TLS_AES_256_GCM_SHA384"; "sha256:HEX".  Owned; NULL before the
 * handshake. */
const char *tls_cipher(const struct tls *tls);
const char *tls_peer_pin(const struct tls *tls);
/* Did it go on with the keys of an earlier session? */
bool tls_is_resumed(const struct tls *tls);

/* net/ owns connections: resolving, connecting, TLS by OpenSSL beneath a
 * libetpan stream, the TLS policy, deadlines, cancelling, and the SASL loop.
 * It knows no POP3 and no SMTP.  One thread at a time uses a connection. */
#pragma once

#include <gio/gio.h>
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "conf/conf.h"

struct connection;

struct connection_options {
  const char *host;        /* name (IDN allowed) or address literal */
  int port;
  enum conf_tls tls;       /* implicit: the handshake is part of opening */
  bool allow_cleartext;    /* else NONE is refused unless the host is loopback */
  int timeout;             /* seconds without a byte, on every wait */
  const char *ca_file;     /* NULL: the system's */
  const char *pin;         /* NULL: none */
  const char *client_cert; /* PEM files of our own certificate and its key; NULL: none */
  const char *client_key;
  const char *known_key;   /* the only key to be accepted without a pin; NULL: any */
  const char *proxy;       /* "socks5://HOST[:PORT]"; NULL: none */
  const char *who;         /* "home pop3": for sentences and the dialogue log */
};

/* Any failure ends the use of a connection: later calls repeat the first cause,
 * and every wait also ends with `cancel`, which is kept for the connection's
 * life.  Sentences begin with who and where.
 *
 * Resolves, connects (each address in turn), and with implicit TLS shakes
 * hands.  HOST, RETRY (refused, timed out), TRUST (certificate: says which
 * fault and what to do), PROTOCOL, CANCELLED. */
struct connection *connection_open(const struct connection_options *options,
                                   GCancellable *cancel, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The same to a server of the rc. */
struct connection *connection_open_server(const struct conf_server *server, const char *who,
                                          const char *known_key, GCancellable *cancel,
                                          GError **error) G_GNUC_WARN_UNUSED_RESULT;
void connection_close(struct connection *connection);

/* Starts TLS in place, after STLS or STARTTLS was agreed.  Bytes that came
 * before the handshake are an attack: PROTOCOL, and the connection is dead. */
bool connection_start_tls(struct connection *connection, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
bool connection_is_tls(const struct connection *connection);
bool connection_is_loopback(const struct connection *connection);
/* "TLSv1.3, TLS_AES_256_GCM_SHA384", or NULL in clear.  Owned. */
const char *connection_cipher(const struct connection *connection);
/* "sha256:HEX" of the peer's SubjectPublicKeyInfo; NULL in clear.  Owned. */
const char *connection_peer_pin(const struct connection *connection);
/* Did TLS go on with an earlier session's keys (same account, place and trust)? */
bool connection_is_resumed(const struct connection *connection);
/* "[127.0.0.1]" or "[IPv6:…]": the address literal of our end, for EHLO. */
const char *connection_local_literal(const struct connection *connection);

/* Queues bytes; nothing leaves before connection_flush() or a full buffer.
 * The dialogue log gets `log` in place of the bytes (NULL: the bytes). */
bool connection_write(struct connection *connection, const void *data, size_t length,
                      const char *log, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The same with a format, which brings its own "\r\n"; CR and LF inside an
 * argument are a BUG error. */
bool connection_printf(struct connection *connection, GError **error, const char *format, ...)
    G_GNUC_PRINTF(3, 4) G_GNUC_WARN_UNUSED_RESULT;
bool connection_flush(struct connection *connection, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* About how many bytes leave at once, without waiting for the peer to take some; 0:
 * nobody knows. */
size_t connection_room(const struct connection *connection);

/* One line without its CRLF (a lone LF ends it too), of at most `limit` bytes
 * (longer: PROTOCOL).  NUL bytes are a PROTOCOL error.  End of the stream is
 * RETRY ("closed the connection").  The line is owned by the connection until
 * the next read.  Logged. */
const char *connection_read_line(struct connection *connection, size_t limit, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* At least one and at most `size` raw bytes, as they come; nothing is logged.
 * -1 on failure. */
ssize_t connection_read(struct connection *connection, void *data, size_t size, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* Looks at the bytes that lie ready (at least one: waits if there is none),
 * without taking them; connection_skip() takes the first `length` of them.  Owned
 * by the connection until the next read.  Nothing is logged. */
const char *connection_peek(struct connection *connection, size_t *length_out, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
void connection_skip(struct connection *connection, size_t length);
/* Does a byte lie ready, so that reading one does not wait? */
bool connection_has_input(const struct connection *connection);

/* Has nothing come that was not read, and has the peer not hung up, as far as the
 * system knows by now?  Does not wait; what came is there for the next read. */
bool connection_is_quiet(struct connection *connection);

/* Seconds that the next reads may wait (the reply after the final dot). */
void connection_set_timeout(struct connection *connection, int seconds);
/* Bytes moved so far, both ways, for progress. */
uint64_t connection_bytes(const struct connection *connection);

typedef struct connection connection_t;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(connection_t, connection_close)

/* A scripted server on loopback, in a thread, and certificates made while the
 * test runs.  For the unit tests of net/, retrieve/ and submit/. */
#pragma once

#include <glib.h>
#include <stdbool.h>

struct peer;
typedef void (*peer_script)(struct peer *peer, void *data);

/* Listens on 127.0.0.1; each connection runs `script` in the peer's thread. */
struct peer *peer_new(peer_script script, void *data);
int peer_port(const struct peer *peer);
/* How many connections came so far. */
int peer_connections(const struct peer *peer);
/* Ends the thread and tells what the client sent, lines and all (in clear). */
char *peer_end(struct peer *peer);

/* For scripts.  They go on quietly when the client is gone; peer_line() gives
 * NULL then. */
void peer_say(struct peer *peer, const char *text);
void peer_say_bytes(struct peer *peer, const void *data, size_t length);
/* The next line of the client without CRLF; owned until the next. */
const char *peer_line(struct peer *peer);
/* Takes so many bytes of the client, whatever they are; how many came. */
size_t peer_take(struct peer *peer, size_t length);
/* Throws away what the client has sent by now (in clear). */
void peer_throw_away(struct peer *peer);
/* Reads a line and answers. */
void peer_answer(struct peer *peer, const char *answer);
/* Holds the line in silence until the client goes away, at most 20 s. */
void peer_stay_silent(struct peer *peer);
/* Closes with a reset. */
void peer_cut(struct peer *peer);

/* ---- certificates ---- */

struct identity;
struct identity_options {
  const char *names;        /* subjectAltName as OpenSSL writes it ("DNS:a,IP:127.0.0.1"); NULL */
  const char *common_name;
  int starts_in, ends_in;   /* seconds from now; ends_in 0: a day */
  int rsa_bits;             /* 0: an elliptic curve */
  bool for_clients;         /* extended key usage: clients alone */
  bool self_signed;
};
/* One authority for the process; its certificate's file. */
const char *identity_ca_file(void);
/* Another authority that signed nothing. */
const char *identity_other_ca_file(void);
struct identity *identity_new(const struct identity_options *options);
/* "sha256:…" of its key.  Free it. */
char *identity_pin(const struct identity *identity);
/* Its certificate as a PEM file.  Owned by the identity. */
const char *identity_file(struct identity *identity);
void identity_free(struct identity *identity);
/* Removes the files. */
void identity_clean_up(void);

/* Server side of the handshake; false when the client refused. */
bool peer_start_tls(struct peer *peer, const struct identity *identity);
/* The same with at most TLS 1.1. */
bool peer_start_old_tls(struct peer *peer, const struct identity *identity);

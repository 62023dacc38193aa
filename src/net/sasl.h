/* The SASL client loop (RFC 4422) for POP3 (RFC 5034) and SMTP (RFC 4954): the
 * mechanisms of Cyrus SASL chosen by policy, and the bearer-token ones and EXTERNAL
 * of our own.  It makes and reads the strings; the caller moves them. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "base/secret.h"
#include "conf/conf.h"

struct sasl;

struct sasl_options {
  const char *service;          /* "pop" or "smtp" */
  const char *host;
  int port;
  const char *user;             /* with EXTERNAL: whom to be, "" for whom TLS says */
  const secret_t *password;     /* or the token, for XOAUTH2 and OAUTHBEARER */
  enum conf_auth auth;          /* AUTO: the strongest that is offered and allowed */
  const char *const *offered;   /* the server's mechanisms, NULL-terminated */
  bool confidential;            /* TLS, loopback, or allow-cleartext */
};

/* Chooses a mechanism.  AUTH when none of the offered is allowed: the sentence
 * names what was offered and what to set.  PLAIN, LOGIN and bearer tokens only
 * where `confidential`; never NTLM or ANONYMOUS. */
struct sasl *sasl_new(const struct sasl_options *options, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
void sasl_free(struct sasl *sasl);
const char *sasl_mechanism(const struct sasl *sasl);

/* The initial response in base64 ("=" when it is empty) to go with the mechanism's
 * name; NULL when there is none, or when it has more than `most` bytes: then it is
 * what the first challenge is answered with.  To be wiped by secret_unref. */
secret_t *sasl_initial(struct sasl *sasl, size_t most);

/* Answers one challenge (base64, without "334 " or "+ ").  PROTOCOL for what is
 * no base64 or an absurd SCRAM count, AUTH when the server fails to prove that
 * it knows the password. */
secret_t *sasl_step(struct sasl *sasl, const char *challenge, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* What our side still has to say after its last answer, so that a pipelining client
 * can say what comes next with it.  NOTHING: the server's verdict comes.  EMPTY: an
 * empty line, once the server has proved itself (SCRAM). */
enum sasl_rest { SASL_REST_UNKNOWN, SASL_REST_NOTHING, SASL_REST_EMPTY };
enum sasl_rest sasl_rest(const struct sasl *sasl);

/* After the server's success: did it prove itself where the mechanism demands
 * it (SCRAM)?  `last` is data sent with success (base64) or NULL. */
bool sasl_finish(struct sasl *sasl, const char *last, GError **error) G_GNUC_WARN_UNUSED_RESULT;

typedef struct sasl sasl_loop_t;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(sasl_loop_t, sasl_free)

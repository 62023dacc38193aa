/* What POP3 (RFC 5034) and SMTP (RFC 4954) share of AUTH: whom to tell a password,
 * and the lines of our side. */
#pragma once

#include "net/connection.h"
#include "net/sasl.h"

/* May the server hear a password in clear: by TLS, on this machine, or by the user's
 * leave? */
bool auth_is_confidential(const struct connection *connection, const struct conf_server *server);
/* sasl_new() for this server; `service` is "pop" or "smtp". */
struct sasl *auth_choose(const struct connection *connection, const char *service,
                         const struct conf_server *server, const secret_t *password,
                         char **offered, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Queues a line that ends in a secret; the dialogue log gets `log` in its place. */
bool auth_write(struct connection *connection, const char *prefix, const char *secret,
                const char *log, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Queues "AUTH MECHANISM" with the initial response, if it fits into a line of `most`
 * bytes; else sasl_step() gives that first. */
bool auth_command(struct connection *connection, struct sasl *sasl, size_t most, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* What the servers of an account once proved is never silently less: TLS does not
 * become none, a checked certificate is not bypassed by the pin of another key. */
#pragma once

#include "conf/conf.h"
#include "store/store.h"

/* What a connection that logged in had. */
struct trust {
  bool tls;
  const char *key;          /* "sha256:HEX" of the server's; NULL in clear */
};

/* Before anything is sent: does the rc now ask for less than `protocol` ("pop3",
 * "smtp") of this account had?  TRUST: the sentence names what to do. */
bool trust_check(struct store *store, const struct conf_account *account,
                 const struct conf_server *server, const char *protocol, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* After a login: what holds from now on. */
bool trust_keep(struct store *store, const struct conf_account *account,
                const struct conf_server *server, const char *protocol, const struct trust *trust,
                GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The user knows that it is less from now on. */
bool trust_forget(struct store *store, const char *account, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

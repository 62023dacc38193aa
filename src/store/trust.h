/* What the servers of an account once proved is never silently less: TLS does not
 * become none, a checked certificate is not bypassed by the pin of another key, and
 * where a pin is gone its key is still the only one. */
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
/* The key that must be shown since it was pinned until now and the rc has no pin any
 * more; NULL: any.  Free it. */
char *trust_known_key(struct store *store, const struct conf_account *account,
                      const struct conf_server *server, const char *protocol);

/* What is remembered of one server of an account; false when nothing is. */
struct trust_memory {
  bool checked;             /* by an authority and the host's name */
  bool pinned;              /* by its key */
  char *key, *host;
};
bool trust_recall(struct store *store, const char *account, const char *protocol,
                  struct trust_memory *memory_out);
void trust_memory_clear(struct trust_memory *memory);
/* How the key that a server shows compares with that: ", key sha256:…, as before". */
char *trust_words(struct store *store, const struct conf_account *account,
                  const struct conf_server *server, const char *protocol, const char *key);
/* The user knows that it is less from now on. */
bool trust_forget(struct store *store, const char *account, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

typedef struct trust_memory trust_memory_t;
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(trust_memory_t, trust_memory_clear)

/* account/ owns what is known of an account beyond the rc file: secrets, the
 * table of providers, and the finding of servers for an address. */
#pragma once

#include <gio/gio.h>
#include <glib.h>
#include <stdbool.h>

#include "base/secret.h"
#include "conf/conf.h"

/* Asks the user for a secret and waits for the answer (the engine turns it into
 * an event, the command line into a prompt on /dev/tty).  NULL: not given. */
typedef secret_t *(*account_ask)(const char *prompt, void *data);

/* Passwords of the session, in memory alone.  Safe for threads. */
struct keyring;
struct keyring *keyring_new(account_ask ask, void *data);
void keyring_free(struct keyring *keyring);

/* The password for one server of an account: the rc's, the first line of
 * password-command (run without a shell's standard input, 60 s), the one given
 * earlier in this session, else the user is asked; empty for a login by certificate.
 * AUTH when none is to be had: the sentence says what to set. */
secret_t *keyring_password(struct keyring *keyring, const struct conf_account *account,
                           const struct conf_server *server, GCancellable *cancel, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* The server refused what was asked for: forget it, so that the next use asks. */
void keyring_forget(struct keyring *keyring, const struct conf_account *account,
                    const struct conf_server *server);

/* The account's own addresses (from, also), as address specs.  g_strfreev. */
char **account_addresses(const struct conf_account *account);

/* A provider's servers for an address, from the built-in table or by guess. */
struct found_server {
  char *host;
  int port;
  enum conf_tls tls;
  char *user;
};
struct discovery {
  char *provider;                  /* its name, or the domain */
  char *source;                    /* "built-in table", "guess" */
  struct found_server *pop3;       /* NULL: none known */
  struct found_server *smtp;
  char *hint;                      /* what must be switched on, or NULL */
};
/* Looks `address` up in the built-in table; else guesses by names that are
 * only shown.  INVALID when it is no address.  Sends nothing. */
struct discovery *discovery_offline(const char *address, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void discovery_free(struct discovery *discovery);
/* The account block for the rc file that uses what was found.  Free it. */
char *discovery_rc(const struct discovery *discovery, const char *address, const char *name);

typedef struct keyring keyring_t;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(keyring_t, keyring_free)
typedef struct discovery discovery_t;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(discovery_t, discovery_free)

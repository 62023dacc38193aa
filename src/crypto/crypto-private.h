/* Shared by the files of crypto/. */
#pragma once

#include "crypto/ahead.h"
#include "crypto/client.h"
#include "crypto/crypto.h"
#include "crypto/idle.h"

struct crypto {
  GPtrArray *plugins;       /* struct plugin_spec, bundled ones first */
  char *opener;             /* the plugin that opens OpenPGP's letters */
  char *smime_opener;       /* and S/MIME's */
  char *age_opener;         /* and age's */
  crypto_ask ask;
  void *ask_data;
  crypto_confirmed confirmed;
  void *confirmed_data;
  struct crypto_memory memory;
  struct idle *idle;
  struct ahead *ahead;
  gint opened;              /* letters */
};

/* The plugin of this name, or NULL. */
const struct plugin_spec *crypto_find(const struct crypto *crypto, const char *name);
/* Its process, which can do all of `capabilities`; CONFIG when there is no such
 * plugin, else as client_start(). */
struct client *crypto_start(struct crypto *crypto, const char *name, unsigned capabilities,
                            GCancellable *cancel, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The same for what the user asks of the network: GnuPG's dirmngr is there for it. */
struct client *crypto_start_outside(struct crypto *crypto, const char *name,
                                    unsigned capabilities, GCancellable *cancel, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* The same, or one that waits; crypto_rest() it when it has answered (client_end() when
 * it has not).  Not for what came from outside. */
struct client *crypto_take(struct crypto *crypto, const char *name, unsigned capabilities,
                           GCancellable *cancel, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void crypto_rest(struct crypto *crypto, const char *name, struct client *client);
/* RECIPIENTS of an already started plugin; struct seal_recipient in the order of
 * `specs`, each answered. */
GPtrArray *ask_recipients(struct crypto *crypto, struct client *client, const char *const *specs,
                          GCancellable *cancel, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* SEAL of an already started plugin, unchecked. */
struct blob *ask_seal(struct client *client, const struct seal_request *request,
                      const GPtrArray *recipients, GCancellable *cancel, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* What the entity's outermost structure says it is; ENVELOPE_PLAIN for all else. */
enum envelope_kind entity_kind(GBytes *entity);
/* Different keys among struct seal_recipient. */
guint different_keys(const GPtrArray *recipients);

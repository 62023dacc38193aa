/* crypto/ owns sealing and opening: the plugin contract (postino-plugin.h), the
 * plugin processes, the policy, the check of what plugins return, and the
 * verdict.  Plugins do the cryptography; what may be called signed or sealed is
 * decided here.  Whatever goes wrong, nothing leaves in the clear. */
#pragma once

#include <gio/gio.h>
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/blob.h"
#include "base/secret.h"
#include "conf/conf.h"
#include "message/rendered.h"

/* What a letter turned out to be.  The words are the contract's (`Seal:`). */
enum seal {
  SEAL_POSTCARD,            /* postcard */
  SEAL_SIGNED,              /* signed by NAME <ADDRESS> */
  SEAL_SEALED,              /* sealed */
  SEAL_SEALED_SIGNED,       /* sealed, signed by NAME <ADDRESS> */
  SEAL_UNVERIFIED,          /* signature not verified: WHY */
  SEAL_SEALED_UNVERIFIED,   /* sealed, signature not verified: WHY */
  SEAL_BROKEN,              /* broken: WHY */
};
struct verdict {
  enum seal seal;
  char *name, *address;     /* of the signer, clean; NULL */
  char *why;                /* clean; NULL */
  char *fingerprint;        /* of the signing key; NULL */
  int64_t known;            /* since when it is known here, 0: unknown; the engine's */
  int64_t signed_at;        /* 0: unknown */
  bool revocation_unknown;  /* of who signed: nobody was asked */
};
struct verdict *verdict_new(enum seal seal, const char *why);
void verdict_free(struct verdict *verdict);
/* The text behind "Seal: ", untranslated.  Free it. */
char *verdict_words(const struct verdict *verdict);

/* Questions of a plugin that only a person can answer.  Called on a worker
 * thread, which waits.  `secret`: a passphrase (NULL: refused); otherwise any
 * non-empty answer means yes. */
typedef secret_t *(*crypto_ask)(const char *prompt, bool secret, void *data);

struct crypto;
/* Finds the plugins (bundled and the rc's); starts none.  Safe for threads. */
struct crypto *crypto_new(const struct conf *conf, crypto_ask ask, void *data);
void crypto_free(struct crypto *crypto);

/* Has the user confirmed that this key is this address's?  Called on a worker
 * thread.  Without the hook none is confirmed.  Set before the first use. */
typedef bool (*crypto_confirmed)(const char *address, const char *fingerprint, void *data);
void crypto_set_confirmed(struct crypto *crypto, crypto_confirmed confirmed, void *data);

/* The key by which letters to an address were sealed until now, or which the user has
 * confirmed for it: another one must be confirmed first.  `known` gives it (free it;
 * NULL: none), `note` is told of each key that a letter was sealed to.  Called on
 * worker threads; set before the first use. */
struct crypto_memory {
  char *(*known)(const char *address, void *data);
  void (*note)(const char *address, const char *fingerprint, void *data);
  void *data;
};
void crypto_set_memory(struct crypto *crypto, const struct crypto_memory *memory);

/* A screen is drawn on the terminal: plugins are not told of it, so that no
 * pinentry draws there too, but may ask for it.  `hand_over` leaves it to them and
 * gives its device (free it; NULL: refused); `take_back` follows each one that was
 * not refused.  Called on worker threads; set before the first use. */
struct crypto_screen {
  char *(*hand_over)(void *data);
  void (*take_back)(void *data);
  void *data;
};
void crypto_set_screen(struct crypto *crypto, const struct crypto_screen *screen);

/* What a plugin says of work that takes longer than a moment, ten times a second at
 * most: `what` in its own words, clean and short ("": none), `done` of `total` (0:
 * unknown).  Called on the worker thread that waits; set before the first use. */
typedef void (*crypto_progress)(const char *plugin, const char *what, uint64_t done,
                                uint64_t total, void *data);
void crypto_set_progress(struct crypto *crypto, crypto_progress progress, void *data);

/* Rights that a plugin's manifest asks for and the rc file does not mention.  `may`: has
 * a person granted them, or does when asked now?  `grant`: has from now on.  `words`:
 * for the person; `digest`: another one when the manifest is.  Called on worker
 * threads; set before the first use. */
struct crypto_grants {
  bool (*may)(const char *plugin, const char *words, const char *digest, bool ask, void *data);
  bool (*grant)(const char *plugin, const char *digest, void *data, GError **error);
  void *data;
  bool silent;              /* nobody is asked now */
};
void crypto_set_grants(struct crypto *crypto, const struct crypto_grants *grants);
/* On the user's word.  The rights, in words, which the manifest asks for; NOTFOUND when
 * there is no such plugin, or no manifest. */
char *crypto_grant(struct crypto *crypto, const char *plugin, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

struct plugin_info {
  char *name, *version, *path;
  char *why_disabled;       /* NULL: it works */
  char *capabilities;       /* "sign seal open verify keys" */
  char *rights;             /* what it may do: "everything", "network read:/home/a/.x" */
};
/* Starts each and asks it; struct plugin_info. */
GPtrArray *crypto_plugins(struct crypto *crypto, GCancellable *cancel);

/* One recipient, before sending: what the compose view shows. */
struct seal_recipient {
  char *spec;
  bool can_seal;
  char *key;                /* fingerprint, NULL when none */
  char *user_id;            /* the key's, clean */
  char *why;                /* why not, clean; NULL when it can */
  bool can_sign;            /* its secret key is here: of the sender's own address */
  bool untrusted;           /* a key is there; confirming it would be enough */
  bool changed;             /* letters to it were sealed to another until now */
  int64_t since, expires;   /* 0: unknown, never */
  int64_t known;            /* since when it is known here, 0: unknown; the engine's */
};
void seal_recipient_free(struct seal_recipient *recipient);
/* In the order given.  Fast and offline. */
GPtrArray *crypto_recipients(struct crypto *crypto, const char *plugin,
                             const char *const *specs, GCancellable *cancel, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* What shall happen to a letter, decided and shown before it is sealed. */
struct seal_plan {
  bool sign, encrypt;
  bool lacks_own;           /* the sender has no key of his own for the address */
  bool needs_answer;        /* policy says `ask`, or a sealed letter would be answered in clear */
  char *why_not;            /* why when-possible does not seal, clean; NULL */
};
/* Pure: the rc's words, the wishes (-1 by policy, 0 no, 1 yes), and who can be
 * sealed to.  `always`, or a wish, that cannot be met is an error: TRUST, naming
 * whom.  `can_sign`: the sender's own key is there (sealing needs it as well,
 * since the sender is always sealed to). */
bool seal_plan_make(enum conf_when sign, enum conf_when encrypt, int wish_sign, int wish_encrypt,
                    bool answers_sealed, bool can_sign, const GPtrArray *recipients,
                    struct seal_plan *plan_out, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void seal_plan_clear(struct seal_plan *plan);

struct seal_request {
  const char *plugin;
  const char *from;                 /* address spec */
  const char *const *recipients;    /* address specs that this copy is for */
  GBytes *entity;                   /* Content-* fields, blank line, body; CRLF */
  const struct blob *memory;        /* whose blob_bytes() they are: in sealed memory they are not
                                     * copied; may be NULL */
  const char *subject;              /* searched for in the result; may be NULL */
  bool sign, encrypt;
};
/* The sealed entity, checked: structure, packets, every recipient (and the
 * sender) covered, no clear text.  REFUSED (no key, plugin refused), TRUST, AUTH
 * (passphrase), BUG-free INVALID (the result failed the check), RETRY (locked),
 * CANCELLED.  The sentence ends with what to do. */
GBytes *crypto_seal(struct crypto *crypto, const struct seal_request *request,
                    GCancellable *cancel, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* A letter will be sealed by the plugin, or this one opened, if it is what it looks like:
 * its process is started now, while other work is done.  Returns at once. */
void crypto_expect(struct crypto *crypto, const char *plugin);
void crypto_expect_letter(struct crypto *crypto, GBytes *message);

/* Opens a letter whose outermost structure is `kind`.  Always gives a verdict;
 * *entity_out is the entity to be shown: decrypted, or exactly the signed part;
 * NULL where nothing may be shown but the verdict (broken).  `from`: the From
 * mailboxes, to which the key is bound.  Fails only for CANCELLED. */
bool crypto_open(struct crypto *crypto, GBytes *message, enum envelope_kind kind,
                 const GPtrArray *from, struct verdict **verdict_out, GBytes **entity_out,
                 GCancellable *cancel, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* ---- keys: what a key manager asks; everything offline ---- */

struct key_info {
  char *fingerprint, *user_id; /* clean; user_id may be NULL */
  bool trusted;             /* the plugin takes the user id for the owner's */
  bool secret;              /* its secret key is here */
  bool revoked;
  bool confirmed;           /* by the user, for the user id's address; the engine's */
  bool changed;             /* letters to that address were sealed to another; the engine's */
  int64_t since, expires;   /* 0: unknown, never */
  int64_t known;            /* since when it is known here, 0: unknown; the engine's */
};
void key_info_free(struct key_info *key);
/* Those with the address `query` or a part of it, "": all; NULL: those whose secret
 * is here. */
GPtrArray *crypto_keys(struct crypto *crypto, const char *plugin, const char *query,
                       GCancellable *cancel, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Asks outside for a key of this address, which its provider comes to know: only when
 * the user says so.  What is found lies in the key ring then, unconfirmed. */
GPtrArray *crypto_key_locate(struct crypto *crypto, const char *plugin, const char *address,
                             GCancellable *cancel, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Only when the user says so.  Importing confirms nothing.  `of_others`: from a letter;
 * nothing that holds a secret key is taken, since one's own keys need no confirming. */
GPtrArray *crypto_key_import(struct crypto *crypto, const char *plugin, GBytes *data,
                             bool of_others, GCancellable *cancel, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* The public key, for sending to others. */
GBytes *crypto_key_export(struct crypto *crypto, const char *plugin, const char *fingerprint,
                          GCancellable *cancel, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Autocrypt: the pair sealed with a code; such a one taken in, whose code the person is
 * asked for (struct key_info). */
GBytes *crypto_key_setup(struct crypto *crypto, const char *plugin, const char *fingerprint,
                         const char *code, GCancellable *cancel, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
GPtrArray *crypto_key_setup_open(struct crypto *crypto, const char *plugin, GBytes *armour,
                                 GCancellable *cancel, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The pair, its secret half locked by its passphrase as it lies in the key ring. */
GBytes *crypto_key_backup(struct crypto *crypto, const char *plugin, const char *fingerprint,
                          GCancellable *cancel, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* A new pair; asks for its passphrase when somebody can be asked. */
struct key_info *crypto_key_make(struct crypto *crypto, const char *plugin,
                                 const struct address *owner, GCancellable *cancel,
                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Renewed for two years, revoked, deleted with its secret: on the user's word. */
enum key_change { KEY_RENEW, KEY_REVOKE, KEY_DELETE };
bool crypto_key_change(struct crypto *crypto, const char *plugin, enum key_change change,
                       const char *fingerprint, GCancellable *cancel, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* `postino plugin check NAME|PATH`: the conformance test.  One line each, clean,
 * by `report`; false when one failed. */
bool crypto_check_plugin(struct crypto *crypto, const char *name_or_path,
                         void (*report)(bool passed, const char *line, void *data), void *data,
                         GCancellable *cancel, GError **error) G_GNUC_WARN_UNUSED_RESULT;

typedef struct crypto crypto_t;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(crypto_t, crypto_free)
typedef struct verdict verdict_t;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(verdict_t, verdict_free)

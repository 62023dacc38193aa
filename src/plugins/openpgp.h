/* The openpgp plugin: PGP/MIME (RFC 3156) by GPGME, with GnuPG's key ring and
 * agent.  Offline: it asks no key server, whatever gpg.conf says. */
#pragma once

#include <glib.h>
#include <gpgme.h>
#include <stdbool.h>

#include "crypto/postino-plugin.h"
#include "plugins/common.h"

struct openpgp {
  const struct postino_host *host;
  gpgme_ctx_t ctx;
  GPtrArray *listed;        /* gpgme_key_t: of the recipients that were asked for last; NULL */
  char **listed_of;         /* who that were; NULL */
  char *ring;               /* as it was then; NULL */
  gint64 listed_at;         /* monotonic microseconds */
  int asked;                /* passphrases that were asked for in this operation */
  uint64_t beats;           /* signs of life from gpg */
  struct common_feed feed;  /* the letter that gpg reads; empty: none */
  /* what GnuPG's status lines said of a decryption */
  int okay, protected, plaintexts, begun, bad;
  bool too_large;
  bool pinentry;            /* by the rc: passphrases are asked for by the user's pinentry */
  bool at_terminal;         /* which has the terminal now */
  char *new_passphrase;     /* of the key that is being made; NULL: none is */
  GThread *asking;          /* lists the sender's keys while gpg opens his letter; NULL */
  GPtrArray *senders;       /* gpgme_key_t: what it found; NULL */
};

/* Fails the operation with GPGME's error; for the plugin's functions to return. */
int openpgp_failed(struct openpgp *pgp, gpgme_error_t error);

/* Passphrases come from here (or, `yes` false, as the rc says) from now on. */
void openpgp_take_passphrases(struct openpgp *pgp, bool yes);
/* Lets the pinentry have the terminal, if that is how passphrases come; false when it
 * is refused.  The other ends that and may be called without it. */
bool openpgp_take_terminal(struct openpgp *pgp);
void openpgp_leave_terminal(struct openpgp *pgp);

/* The key's live user id that is this address, the most valid one; or NULL. */
gpgme_user_id_t openpgp_user_id(gpgme_key_t key, const char *address);
/* Every key that GnuPG finds by one of `patterns` (NULL: all), dead ones too; own: whose
 * secret is here; gpgme_key_t. */
GPtrArray *openpgp_list(gpgme_ctx_t ctx, const char **patterns, bool own);
/* Every key with a user id for this address, dead ones too; gpgme_key_t. */
GPtrArray *openpgp_keys_of(struct openpgp *pgp, const char *address);
/* The key of this fingerprint (NULL: none) among those listed last, or as the key ring
 * has it now; unref it.  NULL when it is not there, or is not one. */
gpgme_key_t openpgp_key(struct openpgp *pgp, const char *fingerprint);
gpgme_key_t openpgp_key_now(struct openpgp *pgp, const char *fingerprint);

/* openpgp-signer.c: a letter that says it is from this address (NULL: nobody) is opened
 * now.  The key by which it was signed, of which `fingerprint` may name a subkey; unref
 * it; NULL when it is not there.  Whether its secret is here it does not know. */
void openpgp_expect_signer(struct openpgp *pgp, const char *from);
gpgme_key_t openpgp_key_of_signer(struct openpgp *pgp, const char *fingerprint);

/* The one of them to sign with: own, usable, the newest; or NULL. */
gpgme_key_t openpgp_signing_key(GPtrArray *keys, const char *address);

/* Says what is known of a key of the key ring. */
void openpgp_say_key(struct openpgp *pgp, gpgme_key_t key);

/* Makes a pair for the user id; looks for a key at the provider of the address; the
 * public key, or the pair, as armour. */
int openpgp_make(struct openpgp *pgp, const char *user_id);
int openpgp_import(struct openpgp *pgp, const struct postino_bytes *bytes);
int openpgp_locate(struct openpgp *pgp, const char *address);
int openpgp_export(struct openpgp *pgp, const char *fingerprint, gpgme_export_mode_t mode);

/* Autocrypt: the pair sealed with a code, and the pair that was sealed so taken in. */
int openpgp_setup(struct openpgp *pgp, const char *fingerprint, const struct postino_bytes *code);
int openpgp_setup_open(struct openpgp *pgp, const struct postino_bytes *armour);

/* What the user does to a key, by its fingerprint. */
int openpgp_renew(struct openpgp *pgp, const char *fingerprint);
int openpgp_revoke(struct openpgp *pgp, const char *fingerprint);
int openpgp_delete(struct openpgp *pgp, const char *fingerprint);

/* The plugin's functions for keys. */
int openpgp_recipients(void *state, const char *const *addresses, const char *const *confirmed,
                       size_t n);
int openpgp_keys(void *state, const struct postino_keys *keys);

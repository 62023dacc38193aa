/* The smime plugin: S/MIME (RFC 8551) by GPGME's CMS, with gpgsm's certificates
 * and GnuPG's agent.  Offline: no CRL, no OCSP, no certificate is fetched.  What is
 * sealed is always signed within, since the ciphers of gpgsm do not prove by
 * themselves that nothing was changed on its way. */
#pragma once

#include <glib.h>
#include <gpgme.h>
#include <stdbool.h>

#include "crypto/postino-plugin.h"
#include "plugins/common.h"

struct smime {
  const struct postino_host *host;
  gpgme_ctx_t ctx;
  uint64_t beats;           /* signs of life from gpgsm */
  struct common_feed feed;  /* the letter that gpgsm reads; empty: none */
  bool too_large;
  const char *home;         /* of gpgsm, by the rc; NULL: the usual one */
  bool at_terminal;         /* a pinentry has the person's terminal */
};

/* Fails the operation with GPGME's error; for the plugin's functions to return. */
int smime_failed(struct smime *smime, gpgme_error_t error);
/* The live certificate of this address that gpgsm trusts by its chain: the newest
 * that can do what is asked; own: whose secret key is here.  Unref it; or NULL. */
gpgme_key_t smime_certificate(struct smime *smime, const char *address, bool own, bool encrypt);
/* The user ids of a certificate as postino reads them: "NAME <ADDRESS>"; char *. */
GPtrArray *smime_user_ids(gpgme_key_t key);

/* smime-agent.c: if `key` (NULL: any own one) is locked, the person's terminal is got
 * for the pinentry; the end of that may be called without it. */
void smime_prepare_pinentry(struct smime *smime, gpgme_key_t key);
void smime_end_pinentry(struct smime *smime);

/* The plugin's functions for certificates. */
int smime_recipients(void *state, const char *const *addresses, const char *const *confirmed,
                     size_t n);
int smime_keys(void *state, const struct postino_keys *keys);

/* What a certificate says, and what its fault means to the user. */
#pragma once

#include <glib.h>
#include <stdbool.h>

struct certificate {
  char *names;              /* the hosts that it is for, clean, at most a few */
  char *issuer;             /* clean, one line */
  char *not_before, *not_after; /* "2026-11-23" */
  char *pin;                /* "sha256:HEX" of the SubjectPublicKeyInfo */
  int key_bits;
};

/* Reads a certificate in DER; PROTOCOL when it is none. */
struct certificate *certificate_read(GBytes *der, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void certificate_free(struct certificate *certificate);

/* Is `pin` ("sha256:" and 64 hex digits, any case, colons allowed) this key? */
bool certificate_has_pin(const struct certificate *certificate, const char *pin);
/* Is it written as a pin? */
bool certificate_pin_is_valid(const char *pin);

/* Fills `error` (TRUST) with the sentence for OpenSSL's verification fault:
 * what is wrong, and what the user can do.  Returns false. */
bool certificate_fault(const struct certificate *certificate, int fault, const char *host,
                       const char *ca_file, GError **error);
bool certificate_pin_fault(const struct certificate *certificate, const char *pin, GError **error);

typedef struct certificate certificate_t;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(certificate_t, certificate_free)

/* The outside of OpenPGP data: armour (RFC 4880, 6.2) and the row of packets
 * (4.2), as far as needed to say what kind of message it is and for how many. */
#pragma once

#include <glib.h>
#include <stdbool.h>

struct armour {
  const char *label;        /* "MESSAGE", "SIGNATURE" */
  GString *headers;         /* its header values are appended, LF between; NULL */
  /* Told now and then that the text is not read again before `until`; NULL. */
  void (*passed)(const char *until, void *data);
  void *data;
};
/* The one armoured block that makes up the whole text, decoded; its checksum must be
 * right if it is there.  INVALID. */
GBytes *armour_decode(const char *text, size_t length, const struct armour *armour,
                      GError **error) G_GNUC_WARN_UNUSED_RESULT;

struct packets {
  guint public_keys;        /* session keys for public keys (1) */
  guint doubled;            /* of these, for a key that was there before */
  guint passwords;          /* session keys for passwords (3) */
  guint cipher, s2k;        /* of the last of these: its cipher, and how its password is used */
  guint protected;          /* integrity-protected data (18, 20) */
  guint unprotected;        /* data that is not (9) */
  guint signatures;         /* (2) */
  guint others;             /* (anything else) */
  bool ordered;             /* session keys, then data, then nothing */
};
/* Walks them; INVALID when a length lies. */
bool packets_read(GBytes *data, struct packets *packets_out, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* Is it one message for public keys, or passwords, and protected? */
bool packets_are_sealed(const struct packets *packets);
/* Is it sealed by one password alone, as Autocrypt's setup message must be (level 1, 4)?
 * And by a cipher that may be used when one is made? */
bool packets_are_setup(const struct packets *packets);
bool packets_are_strong_setup(const struct packets *packets);
/* Signatures, and nothing else? */
bool packets_are_signatures(const struct packets *packets);

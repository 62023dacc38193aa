/* The outside of age data (age-encryption.org/v1): its armour and its stanzas, as
 * far as needed to say for how many it is. */
#pragma once

#include <glib.h>
#include <stdbool.h>

struct age {
  guint recipients;         /* of public keys */
  guint others;             /* by a passphrase, or of any other way */
};
/* The one armoured file that makes up the whole text, decoded.  INVALID. */
GBytes *age_armour_decode(const char *text, size_t length, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* INVALID when it is none. */
bool age_read(GBytes *data, struct age *age_out, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The outside of CMS data (RFC 5652, 5083) in BER: which kind it is and for how
 * many, as far as needed to say what kind of message it is.  It decodes nothing
 * and believes nothing. */
#pragma once

#include <glib.h>
#include <stdbool.h>

enum cms_kind { CMS_OTHER, CMS_SIGNED, CMS_ENVELOPED, CMS_AUTH_ENVELOPED };
struct cms {
  enum cms_kind kind;
  guint recipients;         /* of certificates */
  guint others;             /* by a password or a key both know, or of any other way */
  guint signers;
  bool content;             /* signed data holds what was signed */
};
/* INVALID when a length lies, something stands behind it, or it is none. */
bool cms_read(GBytes *data, struct cms *cms_out, GError **error) G_GNUC_WARN_UNUSED_RESULT;

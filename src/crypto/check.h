/* What a plugin gave back, before it may be called signed or sealed.  Pure. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "crypto/leak.h"

struct check {
  GBytes *entity;           /* what it was given */
  const char *subject;      /* sought in the result; may be NULL */
  const struct needles *needles; /* of both, when they were made already; NULL */
  bool sign, encrypt;
  guint keys;               /* different keys that it is to be sealed to */
  /* Told now and then up to where the result is not read soon again; NULL. */
  void (*passed)(const char *until, void *data);
  void *data;
};
/* Exactly the structure of its type (RFC 3156), not a field more; sealed: for
 * that many keys, integrity-protected, without a window of the clear text.
 * INVALID says what is wrong. */
bool check_result(const struct check *check, GBytes *result, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

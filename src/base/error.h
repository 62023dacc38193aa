/* base/ owns what every room stands on: errors, limits, text that is safe for
 * a terminal, durable files, secrets, the dialogue log, and where the
 * program's own files lie.  It knows nothing of mail. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* The one error domain.  The code says what the caller does next; the sentence
 * says what failed, on what, why, and what happens now or what to do. */
enum postino_error {
  POSTINO_ERROR_RETRY,     /* temporary: try again later                  75 */
  POSTINO_ERROR_AUTH,      /* credentials were refused or are missing     77 */
  POSTINO_ERROR_TRUST,     /* certificate, key or TLS policy              77 */
  POSTINO_ERROR_REFUSED,   /* the other side refused, for good            69 */
  POSTINO_ERROR_INVALID,   /* the input is unusable                       65 */
  POSTINO_ERROR_LOCAL,     /* this machine: disk full, read failed        74 */
  POSTINO_ERROR_PROTOCOL,  /* the other side broke its protocol           76 */
  POSTINO_ERROR_CANCELLED, /* the user stopped it                         75 */
  POSTINO_ERROR_BUG,       /* a fault of postino's own                    70 */
  POSTINO_ERROR_USAGE,     /* command line                                64 */
  POSTINO_ERROR_NOTFOUND,  /* no such file, folder or message             66 */
  POSTINO_ERROR_HOST,      /* host unknown                                68 */
  POSTINO_ERROR_CREATE,    /* an output cannot be created                 73 */
  POSTINO_ERROR_CONFIG,    /* rc file, keymap                             78 */
  POSTINO_ERROR_UNSURE,    /* sent or not: nobody knows; never resent     75 */
};

#define POSTINO_ERROR postino_error_quark()
GQuark postino_error_quark(void);

/* The exit status (sysexits.h, INTERFACE.md) that `error` asks for; 0 for
 * NULL, 70 for an error of another domain that nobody translated. */
int error_exit_status(const GError *error) G_GNUC_WARN_UNUSED_RESULT;

/* Fills *error with `code` and the sentence "WHAT: strerror(errnum)".  ENOSPC,
 * EDQUOT and EIO become LOCAL, ENOENT NOTFOUND, EACCES, EPERM, EROFS and EEXIST
 * CREATE when `code` is LOCAL; other codes are kept.  Returns false, so that a
 * caller can `return error_errno(...)`. */
bool error_errno(GError **error, enum postino_error code, int errnum,
                 const char *format, ...) G_GNUC_PRINTF(4, 5);

/* Sets a POSTINO_ERROR and returns false. */
bool error_set(GError **error, enum postino_error code, const char *format, ...)
    G_GNUC_PRINTF(3, 4);

/* Is `error` one of ours with this code? */
bool error_is(const GError *error, enum postino_error code) G_GNUC_WARN_UNUSED_RESULT;

/* The sentence of a G_IO_ERROR_CANCELLED or other GIO error, moved into our
 * domain: CANCELLED, LOCAL… `from` is consumed.  Returns false. */
bool error_adopt(GError **error, GError *from);

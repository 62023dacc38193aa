/* What a plugin may do: what its manifest asks for and the rc file grants.  The host
 * enforces it. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "crypto/crypto.h"

/* The rights of the program `path`, paths absolute: NULL-terminated, free with
 * g_strfreev().  `granted`: of the rc file; NULL when it says nothing, and then what
 * `may` says of the manifest counts (NULL: no).  TRUST names what the manifest asks for
 * and nobody granted; CONFIG what is no right. */
char **rights_of(const char *name, const char *path, char *const *granted,
                 const struct crypto_grants *may, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Of a plugin that came with postino: as its manifest says. */
char **rights_of_bundled(const char *name, const char *path, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* What a manifest's text (terminated behind `length`) asks for; CONFIG. */
char **rights_parse(const char *name, const char *text, size_t length, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* What the manifest of `path` asks for; NULL without an error when there is none. */
char **rights_asked(const char *name, const char *path, GError **error);
/* Another one as soon as what `path` asks for is another, or it lies elsewhere.  Free it. */
char *rights_digest(const char *path, char *const *asked);
/* For the user, with what this kernel cannot enforce.  Free it. */
char *rights_words(char *const *rights);

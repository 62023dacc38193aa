/* A key ring of its own for a test: real keys of real GnuPG in a temporary home
 * under /tmp (the agent's socket needs a short name). */
#pragma once

#include <glib.h>

struct gnupg { char *dir; };

/* Makes the home and points GNUPGHOME at it. */
void gnupg_init(struct gnupg *gnupg);
/* Ends its agent and removes it. */
void gnupg_clear(struct gnupg *gnupg);
/* Runs gpg there with these arguments (NULL ends them) and returns its output;
 * ends the test when it fails.  `input` may be NULL. */
GBytes *gnupg_run(struct gnupg *gnupg, GBytes *input, ...) G_GNUC_NULL_TERMINATED;
/* A key for "NAME <ADDRESS>" without passphrase. */
void gnupg_make_key(struct gnupg *gnupg, const char *user_id);
/* Its fingerprint.  Free it. */
char *gnupg_fingerprint(struct gnupg *gnupg, const char *address);

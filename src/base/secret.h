/* Passwords and passphrases: locked in memory, left out of core dumps, wiped
 * on free, never logged. */
#pragma once

#include <glib.h>

struct secret;

/* A secret of `length` bytes copied from `data`; never NULL.  A NUL byte stands
 * behind it. */
struct secret *secret_new(const char *data, size_t length);
struct secret *secret_ref(struct secret *secret);
void secret_unref(struct secret *secret);

/* The bytes, NUL-terminated, owned by the secret. */
const char *secret_text(const struct secret *secret);
size_t secret_length(const struct secret *secret);

/* Wipes memory in a way that the compiler keeps. */
void secret_wipe(void *data, size_t length);

typedef struct secret secret_t;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(secret_t, secret_unref)

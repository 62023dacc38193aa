/* Bytes of a charset that a sender named, as UTF-8.  Only charsets of an own
 * list are ever given to iconv; names are matched without case and punctuation. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* Appends `bytes` read as `charset` to `out` as valid UTF-8 (not yet clean of
 * controls).  What cannot be read becomes U+FFFD.  `charset` NULL, empty or
 * us-ascii: UTF-8 if it is that, ISO-2022-JP if it has its escapes, else
 * windows-1252.  False when the name is unknown (and guessed the same way).
 * Safe for threads. */
bool charset_append(GString *out, const char *charset, const char *bytes, size_t length);

/* Opens every charset of the list and keeps it, for a process that is about to
 * lose the right to open files. */
void charset_open_all(void);

/* Encoded words (RFC 2047): the text of header fields, read and written. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* A header value as clean UTF-8 on one line: encoded words decoded (characters
 * split over adjacent words joined), raw 8-bit guessed.  Linear.  Free it. */
char *words_decode(const char *value, gssize length);
/* Does the decoded value hold bidirectional controls (which words_decode drops)? */
bool words_have_bidi(const char *value);

/* Appends `text` (UTF-8) to the header line in `out` as far as it needs encoding
 * in encoded words of at most 75 characters, folded so that lines stay within 76
 * columns; `column` is where `out`'s last line stands.  `phrase`: by the narrower
 * rules of display names, quoted where ASCII allows.  Returns the new column. */
size_t words_encode(GString *out, const char *text, bool phrase, size_t column);

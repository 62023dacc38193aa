/* The one door through which text from outside reaches a terminal, a log, a
 * file name or a command line.  What comes out is valid UTF-8 without C0, DEL,
 * C1, bidirectional controls, zero-width and tag characters. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* One line: bytes that are no UTF-8 become U+FFFD; TAB, CR and LF become one
 * space; controls become U+FFFD, bidirectional and invisible ones vanish.
 * `length` is -1 for a terminated string.  Free it. */
char *sanitize_line(const char *text, gssize length);

/* The same for many lines: LF stays, CRLF and lone CR become LF, TAB stays.  A
 * zero-width joiner and variation selectors stay here (they shape scripts). */
char *sanitize_text(const char *text, gssize length);

/* Does the text hold bidirectional controls (which sanitize_* drop)?  Names and
 * addresses that do are marked for the reader. */
bool sanitize_has_bidi(const char *text, gssize length);

/* A name for a file that cannot leave its directory, hide, or look like an
 * option: the last component, no control, separator or bidirectional
 * characters, no leading dot or dash, at most 200 bytes on a character border;
 * `fallback` when nothing is left.  Free it. */
char *sanitize_filename(const char *name, const char *fallback);

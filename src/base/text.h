/* UTF-8 text as people see it: columns, graphemes, wrapping, folding for
 * comparison.  Input is valid UTF-8 (base/sanitize.h sees to that). */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* Columns of a terminal that `text` takes (UAX 11; ambiguous characters count
 * one).  `length` is -1 for a terminated string. */
int text_width(const char *text, gssize length);

/* The first grapheme cluster of `text` (UAX 29): its length in bytes (0 at the
 * end) and its columns (0 to 2; one more for each vowel sign that stands beside its
 * base, as in Indic scripts). */
size_t text_cluster(const char *text, size_t length, int *columns_out);

/* `text` cut to at most `columns`, whole clusters, with U+2026 as the last
 * where something was cut.  Free it. */
char *text_fit(const char *text, int columns);

/* The same, padded with spaces to exactly `columns`. */
char *text_pad(const char *text, int columns);

/* Breaks one paragraph (no LF) into lines of at most `columns` (UAX 14; a word
 * too long is broken between clusters, an address only then).  Returns the lines,
 * each without its trailing space; an empty paragraph is one empty line.  g_strfreev. */
char **text_wrap(const char *paragraph, int columns);

/* Case and diacritics folded, compatibility forms unified (NFKD, marks dropped,
 * case folded): equal for what a reader takes for the same word.  Free it. */
char *text_fold(const char *text, gssize length);

/* The first place of `folded` (which text_fold() made) in `text`: where it starts,
 * in bytes, and its length in `*length_out`, whole clusters; -1: it is not there. */
gssize text_place(const char *text, const char *folded, size_t *length_out);

/* ASCII comparisons that no locale changes, for protocol words. */
bool text_ascii_equal(const char *a, const char *b);
bool text_ascii_prefix(const char *text, const char *prefix);

/* FNV-1a of the bytes, begun with `start` (0, or what is hashed with them): for tables
 * that cannot afford the text. */
guint64 text_hash(const char *text, guint64 start);

/* The member of `names` (NULL-terminated) nearest to `word`, by edit distance,
 * if near enough to be what was meant; else NULL.  Owned by `names`. */
const char *text_nearest(const char *word, const char *const *names);

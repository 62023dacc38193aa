/* Text into words, for the full-text table and for queries alike.  A word is a
 * run of letters, digits and marks, folded (case, diacritics, compatibility
 * forms); where a script writes without spaces each letter is a word.  An
 * address is its pieces and, in the place of the first, the whole. */
#pragma once

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>

/* Registers the FTS5 tokenizer "postino" on a connection.  What is put into a table is a
 * column of terms.h, queries are text. */
bool tokenizer_register(sqlite3 *db);

/* Called for each word; `together`: in the place of the one before.  Another
 * result than 0 stops and is returned. */
typedef int (*tokenizer_fn)(void *data, bool together, const char *word, size_t length,
                            size_t start, size_t end);
/* A query's complete address is the whole only, so that it finds just that. */
int tokenize(const char *text, size_t length, bool query, tokenizer_fn take, void *data);
/* In a query's text for FTS5 alone: words as they stand in the table, each behind one of these;
 * EXACT_PLACE is the first.  No word of a text has such a byte. */
#define EXACT_PLACE "\001"
#define EXACT_TOGETHER "\002"  /* in the place of the one before */
/* A word that every letter has in the table, and no text. */
#define WORD_OF_ALL "\003"
/* Does the text hold any word? */
bool tokenizer_has_words(const char *text);
/* The word, when a query's text is one (`begins`: the start of one) and not very long; else
 * NULL. */
char *tokenizer_only_word(const char *text, bool begins);

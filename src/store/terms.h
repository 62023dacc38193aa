/* A letter's words, taken apart before the index is written: what the full-text table is
 * given, and the list of those that differ, in which beginnings of words are looked for. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "message/rendered.h"
#include "store/tokenizer.h"

/* The columns of the full-text table, in its order. */
enum {
  TERMS_BODY, TERMS_SENDER, TERMS_RECIPIENTS, TERMS_COPIES, TERMS_SUBJECT, TERMS_FILENAME,
  TERMS_LIST, TERMS_COLUMNS
};
#define TERMS_ANYWHERE ((1u << TERMS_COLUMNS) - 1)

struct terms {
  GBytes *columns[TERMS_COLUMNS]; /* for terms_each() */
  guint words;              /* of all columns */
  GBytes *list;             /* terms_list(), or NULL */
};
/* `listed`: with the list. */
struct terms *terms_new(const struct index_doc *doc, bool listed);
void terms_free(struct terms *terms);
/* Bytes that they hold, about. */
size_t terms_weight(const struct terms *terms);

/* The words that differ, each once, for terms_hold(). */
GBytes *terms_list(const struct terms *terms);
/* The same by a key of the hash that is not drawn: by 1, all words meet in one place. */
GBytes *terms_list_by(const struct terms *terms, guint64 key);
/* Appends a word to a column. */
void terms_append(GString *column, const char *word);
/* The words of a column, one after the other; as tokenize(). */
int terms_each(const char *column, size_t length, tokenizer_fn take, void *data);

/* The bit of a column by its name; NULL: of all. */
unsigned terms_column(const char *name);
/* Is there in a list a word that is `word` (or begins so), in one of the columns?  `word`
 * is a tokenizer_only_word().  What is no list holds nothing. */
bool terms_hold(const void *list, size_t length, const char *word, bool begins, unsigned columns);

/* Registers the SQL function holds(list, word, begins, columns) on a connection. */
bool terms_register(sqlite3 *db);

typedef struct terms terms_t;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(terms_t, terms_free)

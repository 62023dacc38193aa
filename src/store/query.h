/* Queries (INTERFACE.md "Queries"): text → a tree → SQL with bound values. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "store/index-private.h"

enum query_kind { QUERY_AND, QUERY_OR, QUERY_NOT, QUERY_TEXT, QUERY_DATE, QUERY_SQL };

/* One node.  A tree is owned by its root. */
struct query {
  enum query_kind kind;
  GPtrArray *children;      /* AND, OR: struct query; NOT: one */
  bool takes;               /* NOT: from the letters with WORD_OF_ALL, which are all */
  const char *column;       /* TEXT: of the full-text table; NULL: any */
  char *text;               /* TEXT: words; SQL: the bound text, or NULL */
  bool prefix;              /* TEXT: the last word may go on */
  char *word;               /* TEXT: tokenizer_only_word(), or NULL */
  char *exact;              /* TEXT: the words themselves, as query_expand() found them, or NULL */
  int64_t from, to;         /* DATE: from <= date < to; SQL: `from` is the bound number */
  const char *sql;          /* SQL: a condition on letter l */
  const char *types;        /* SQL: what its places take, "s" the text, "i" the number */
  bool narrow;              /* SQL: an index leads to its letters, which may be few */
};

/* `now` is for ages and names of days.  INVALID with the place marked. */
struct query *query_parse(const char *text, int64_t now, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void query_free(struct query *query);

/* With the key of the locked index: a word of the body is looked for there too.  Takes
 * the tree and gives it back changed. */
struct query *query_unseal(struct query *query, struct store *store, struct conn *conn);

/* Lets full text say what letters have no word (“-the”), if the table has all letters, in what
 * `conn` now reads. */
bool query_take(struct query *query, struct conn *conn, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* ---- starts.c ---- */

/* Says the starts of words by the words that begin so in the index, where they are not more
 * than `most` in all.  It holds for what `conn` now reads. */
bool query_expand(struct query *query, struct conn *conn, guint most, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* ---- sql.c: statements that are put together ---- */

struct sql {
  GString *text;
  GArray *values;           /* struct sql_value */
  int64_t floor, ceiling;   /* letters below and from there on are not asked for; 0: all are */
  bool lists;               /* all letters that are asked for have a list of words */
  bool each;                /* text is asked of each letter that the rest leads to */
  bool read;                /* only letters that are in temp.read are asked for (candidates.c) */
};
struct sql_value { bool is_text; int64_t number; char *text; };
struct sql *sql_new(void);
void sql_free(struct sql *sql);
/* Appends a fragment (a constant) and its values, as conn_query(). */
void sql_add(struct sql *sql, const char *fragment, const char *types, ...);
/* A statement of its own; the caller finalises it (`auto_own`). */
sqlite3_stmt *sql_prepare(const struct sql *sql, struct conn *conn, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* FROM and WHERE for the letters of a query (NULL: all) in a folder (0: all):
 * " FROM … WHERE …", joined as l and f.  Full text drives where it can, so that
 * its rows come in the order of their numbers; *id_out names the column to order by. */
void sql_add_source(struct sql *sql, const struct query *query, int64_t folder,
                    const char **id_out);

/* The MATCH of each text that the query's letters all have: a GPtrArray of char *. */
GPtrArray *sql_leads(const struct query *query);
/* Has the query text, all of which can be asked of one letter?  It is single words then: of a
 * phrase FTS5 would each time go on to the next letter that has it, of the start of a word merge
 * all that any letter has of such words. */
bool sql_asks_each(const struct query *query);
/* Has the query the start of a word that is better looked for in lists, since the full-text
 * table would merge all that any letter has of such words? */
bool sql_asks_lists(const struct query *query);
/* Has the query words that cannot drive, so that all their hits above the floor are read
 * before the first row comes? */
bool sql_reads_ahead(const struct query *query);

static inline void
stmt_finalize(sqlite3_stmt **stmt)
{
  sqlite3_finalize(*stmt);
}
#define auto_own __attribute__((cleanup(stmt_finalize))) sqlite3_stmt

typedef struct query query_t;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(query_t, query_free)
typedef struct sql sql_t;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(sql_t, sql_free)

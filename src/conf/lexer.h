/* The words of the rc file: data, nothing is expanded. */
#pragma once

#include <glib.h>
#include <stdbool.h>

enum token_kind {
  TOKEN_WORD,               /* bare: letters, digits and anything but space { } = , " # */
  TOKEN_STRING,             /* "…" with \" and \\ as the only escapes */
  TOKEN_EQUALS, TOKEN_OPEN, TOKEN_CLOSE, TOKEN_COMMA,
  TOKEN_END,
};
struct token {
  enum token_kind kind;
  int line;                 /* from 1 */
  bool first;               /* the first of its line */
  GString *text;            /* WORD and STRING; owned */
};

/* `fault(line, sentence, data)` for each thing that is no token; the rest is still
 * read.  Returns struct token, the last of which is TOKEN_END. */
typedef void (*lexer_fault)(int line, const char *sentence, void *data);
GPtrArray *lexer_tokens(const char *text, size_t length, lexer_fault fault, void *data);

/* As a person would name it: `=`, `{`, "word". Free it. */
char *token_describe(const struct token *token);

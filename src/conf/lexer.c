#include "conf/lexer.h"

#include <string.h>

#include "base/i18n.h"
#include "base/sanitize.h"
#include "base/secret.h"

struct lexer {
  const char *at, *end;
  int line;
  bool fresh;               /* no token on this line yet */
  lexer_fault fault;
  void *data;
  GPtrArray *tokens;
};

/* Passwords pass through here: what is freed is wiped. */
static void
token_free(void *data)
{
  struct token *token = data;
  if (token->text != NULL) {
    secret_wipe(token->text->str, token->text->allocated_len);
    g_string_free(token->text, TRUE);
  }
  g_free(token);
}

static void
add(struct lexer *lexer, enum token_kind kind, int line, GString *text)
{
  struct token *token = g_new0(struct token, 1);
  token->kind = kind;
  token->line = line;
  token->first = lexer->fresh;
  token->text = text;
  lexer->fresh = false;
  g_ptr_array_add(lexer->tokens, token);
}

static bool
is_space(char c)
{
  return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f';
}

static bool
ends_word(char c)
{
  return is_space(c) || (c != '\0' && strchr("{}=,\"#", c) != NULL);
}

static void
skip_blank(struct lexer *lexer)
{
  while (lexer->at < lexer->end) {
    if (*lexer->at == '\n') {
      lexer->line++;
      lexer->fresh = true;
    }
    if (is_space(*lexer->at))
      lexer->at++;
    else if (*lexer->at == '#')
      while (lexer->at < lexer->end && *lexer->at != '\n')
        lexer->at++;
    else
      return;
  }
}

/* A string ends on its line: a forgotten quote then costs that line alone. */
static void
read_string(struct lexer *lexer)
{
  GString *text = g_string_new(NULL);
  lexer->at++;
  while (lexer->at < lexer->end && *lexer->at != '"' && *lexer->at != '\n') {
    if (*lexer->at == '\\' && lexer->at + 1 < lexer->end && lexer->at[1] != '\n') {
      char next = lexer->at[1];
      if (next == '"' || next == '\\')
        lexer->at++;
      else
        lexer->fault(lexer->line, _("a backslash in a string stands only before \" or \\; "
                                    "write \\\\ for one backslash"),
                     lexer->data);
    }
    g_string_append_c(text, *lexer->at++);
  }
  if (lexer->at < lexer->end && *lexer->at == '"')
    lexer->at++;
  else
    lexer->fault(lexer->line, _("the string is not closed; put a \" at its end"), lexer->data);
  add(lexer, TOKEN_STRING, lexer->line, text);
}

static void
read_word(struct lexer *lexer)
{
  const char *start = lexer->at;
  while (lexer->at < lexer->end && !ends_word(*lexer->at))
    lexer->at++;
  add(lexer, TOKEN_WORD, lexer->line, g_string_new_len(start, lexer->at - start));
}

static void
read_token(struct lexer *lexer)
{
  switch (*lexer->at) {
  case '"':
    read_string(lexer);
    return;
  case '=':
    add(lexer, TOKEN_EQUALS, lexer->line, NULL);
    break;
  case '{':
    add(lexer, TOKEN_OPEN, lexer->line, NULL);
    break;
  case '}':
    add(lexer, TOKEN_CLOSE, lexer->line, NULL);
    break;
  case ',':
    add(lexer, TOKEN_COMMA, lexer->line, NULL);
    break;
  default:
    read_word(lexer);
    return;
  }
  lexer->at++;
}

/* NUL and what is no UTF-8 is named by its line, once each. */
static void
check_encoding(const char *text, size_t length, lexer_fault fault, void *data)
{
  int line = 1, said = 0;
  for (size_t i = 0; i < length;) {
    const char *bad;
    const char *newline = memchr(text + i, '\n', length - i);
    size_t size = newline != NULL ? (size_t)(newline - text) - i : length - i;
    if (said < 20 && !g_utf8_validate(text + i, (gssize)size, &bad)) {
      said++;
      fault(line, *bad == '\0' ? _("a NUL byte; remove it")
                               : _("bytes that are no UTF-8; save the file as UTF-8"),
            data);
    }
    i += size + 1;
    line++;
  }
}

GPtrArray *
lexer_tokens(const char *text, size_t length, lexer_fault fault, void *data)
{
  struct lexer lexer = {.at = text,
                        .end = text + length,
                        .line = 1,
                        .fresh = true,
                        .fault = fault,
                        .data = data,
                        .tokens = g_ptr_array_new_with_free_func(token_free)};
  check_encoding(text, length, fault, data);
  if (length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
    lexer.at += 3;
  for (skip_blank(&lexer); lexer.at < lexer.end; skip_blank(&lexer))
    read_token(&lexer);
  add(&lexer, TOKEN_END, lexer.line, NULL);
  return lexer.tokens;
}

char *
token_describe(const struct token *token)
{
  switch (token->kind) {
  case TOKEN_EQUALS:
    return g_strdup("=");
  case TOKEN_OPEN:
    return g_strdup("{");
  case TOKEN_CLOSE:
    return g_strdup("}");
  case TOKEN_COMMA:
    return g_strdup(",");
  case TOKEN_END:
    return g_strdup(_("the end of the file"));
  case TOKEN_WORD:
    break;
  case TOKEN_STRING:
    return g_strdup(_("a string"));
  }
  return sanitize_line(token->text->str, (gssize)token->text->len);
}

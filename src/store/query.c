#include "store/query.h"

#include <string.h>

#include "base/error.h"
#include "base/i18n.h"
#include "base/sanitize.h"
#include "base/text.h"
#include "store/query-value.h"
#include "store/tokenizer.h"

/* Parentheses and nots within each other, and terms in all: SQLite's own limits
 * on expressions lie not far above. */
#define DEPTH 20
#define TERMS 200

struct parser {
  const char *text;
  size_t at;
  int64_t now;
  int depth, terms;
  GError **error;
};

void
query_free(struct query *query)
{
  if (query == NULL)
    return;
  if (query->children != NULL)
    g_ptr_array_unref(query->children);
  g_free(query->text);
  g_free(query->word);
  g_free(query->exact);
  g_free(query);
}

static struct query *
node_new(enum query_kind kind)
{
  struct query *query = g_new0(struct query, 1);
  query->kind = kind;
  if (kind <= QUERY_NOT)
    query->children = g_ptr_array_new_with_free_func((GDestroyNotify)query_free);
  return query;
}

/* One line: what is wrong, and the query with the place marked. */
static struct query *
fault(struct parser *parser, size_t at, const char *format, ...) G_GNUC_PRINTF(3, 4);
static struct query *
fault(struct parser *parser, size_t at, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  g_autofree char *why = g_strdup_vprintf(format, args);
  va_end(args);
  g_autofree char *before = sanitize_line(parser->text, (gssize)at);
  g_autofree char *after = sanitize_line(parser->text + at, -1);
  g_autofree char *clean = sanitize_line(why, -1);
  error_set(parser->error, POSTINO_ERROR_INVALID,
            _("the query cannot be read where >> stands: %s: %s>>%s"), clean, before, after);
  return NULL;
}

/* ---- words ---- */

static bool
is_blank(char c)
{
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static char
peek(struct parser *parser)
{
  while (is_blank(parser->text[parser->at]))
    parser->at++;
  return parser->text[parser->at];
}

static bool
ends_word(char c)
{
  return c == '\0' || is_blank(c) || c == '(' || c == ')' || c == '"';
}

/* Is this bare word next?  It is then passed over. */
static bool
take_keyword(struct parser *parser, const char *keyword)
{
  peek(parser);
  const char *at = parser->text + parser->at;
  size_t length = strlen(keyword);
  if (g_ascii_strncasecmp(at, keyword, length) != 0 || !ends_word(at[length]))
    return false;
  parser->at += length;
  return true;
}

/* A word or a phrase as it stands. */
struct word {
  char *text;
  bool prefix, quoted;
  size_t start;
};

static void
word_clear(struct word *word)
{
  g_clear_pointer(&word->text, g_free);
}
#define auto_word __attribute__((cleanup(word_clear))) struct word

static bool
read_phrase(struct parser *parser, struct word *word)
{
  const char *start = parser->text + parser->at + 1;
  const char *end = strchr(start, '"');
  if (end == NULL) {
    fault(parser, parser->at, _("the quotation mark is never closed; close it with \""));
    return false;
  }
  word->quoted = true;
  word->text = g_strndup(start, (gsize)(end - start));
  parser->at = (size_t)(end + 1 - parser->text);
  return true;
}

static bool
read_word(struct parser *parser, struct word *word)
{
  *word = (struct word){.start = parser->at};
  if (parser->text[parser->at] == '"') {
    if (!read_phrase(parser, word))
      return false;
    word->prefix = parser->text[parser->at] == '*';
    parser->at += word->prefix;
    return true;
  }
  size_t end = parser->at;
  while (!ends_word(parser->text[end]))
    end++;
  size_t length = end - parser->at;
  word->prefix = length > 0 && parser->text[end - 1] == '*';
  word->text = g_strndup(parser->text + parser->at, length - word->prefix);
  parser->at = end;
  return true;
}

/* ---- terms ---- */

static struct query *
text_term(struct parser *parser, const char *column, const struct word *word)
{
  if (!g_utf8_validate(word->text, -1, NULL))
    return fault(parser, word->start, _("this is not UTF-8 text"));
  const char *star = word->quoted ? NULL : strchr(word->text, '*');
  if (star != NULL)
    return fault(parser, word->start + (size_t)(star - word->text),
                 _("* stands only at the end of a word"));
  if (!tokenizer_has_words(word->text))
    return fault(parser, word->start, _("there is no letter or digit here to look for"));
  struct query *query = node_new(QUERY_TEXT);
  query->column = column;
  query->text = g_strdup(word->text);
  query->prefix = word->prefix;
  query->word = tokenizer_only_word(word->text, word->prefix);
  return query;
}

/* Turns the value of a field that is no text into a node. */
static struct query *
value_term(struct parser *parser, const struct query_field *field, const struct word *word)
{
  if (*word->text == '\0' && !word->prefix)
    return fault(parser, word->start, _("%s: wants a value, for example %s"), field->name,
                 field->example);
  g_autofree char *value = word->prefix ? g_strconcat(word->text, "*", NULL)
                                        : g_strdup(word->text);
  if (!g_utf8_validate(value, -1, NULL))
    return fault(parser, word->start, _("this is not UTF-8 text"));
  struct query *query = node_new(QUERY_SQL);
  g_autofree char *why = field->read(field, value, parser->now, query);
  if (why == NULL)
    return query;
  query_free(query);
  return fault(parser, word->start, "%s", why);
}

static struct query *parse_or(struct parser *parser, const struct query_field *field);

static struct query *
parse_value(struct parser *parser, const struct query_field *field)
{
  auto_word word = {.text = NULL};
  if (++parser->terms > TERMS)
    return fault(parser, parser->at, _("the query has more than %d words"), TERMS);
  if (!read_word(parser, &word))
    return NULL;
  return field == NULL || field->column != NULL
             ? text_term(parser, field != NULL ? field->column : NULL, &word)
             : value_term(parser, field, &word);
}

static struct query *
parse_group(struct parser *parser, const struct query_field *field)
{
  size_t open = parser->at++;
  if (++parser->depth > DEPTH)
    return fault(parser, open, _("parentheses are nested too deeply"));
  if (peek(parser) == ')')
    return fault(parser, parser->at, _("nothing stands between the parentheses"));
  g_autoptr(query_t) query = parse_or(parser, field);
  if (query == NULL)
    return NULL;
  if (peek(parser) != ')')
    return fault(parser, open, _("the parenthesis is never closed; close it with )"));
  parser->at++;
  parser->depth--;
  return g_steal_pointer(&query);
}

static struct query *
parse_operand(struct parser *parser, const struct query_field *field)
{
  return parser->text[parser->at] == '(' ? parse_group(parser, field)
                                         : parse_value(parser, field);
}

/* A name and a colon; times and addresses of the web are words. */
static size_t
field_length(const char *at)
{
  size_t length = 0;
  while (g_ascii_isalpha(at[length]) || (length > 0 && at[length] == '-'))
    length++;
  return length > 0 && at[length] == ':' && strncmp(at + length, "://", 3) != 0 ? length : 0;
}

static struct query *
unknown_field(struct parser *parser, const char *name)
{
  const char *near = query_field_nearest(name);
  if (near != NULL)
    return fault(parser, parser->at, _("there is no field “%s:”; did you mean “%s:”?"), name, near);
  return fault(parser, parser->at,
               _("there is no field “%s:”; put it between \" \" to look for these words"), name);
}

static struct query *
parse_term(struct parser *parser, const struct query_field *field)
{
  char c = peek(parser);
  if (c == '\0')
    return fault(parser, parser->at, _("a word is missing here"));
  if (c == ')')
    return fault(parser, parser->at, _("no parenthesis was opened for this one"));
  size_t length = field_length(parser->text + parser->at);
  if (length == 0)
    return parse_operand(parser, field);
  g_autofree char *name = g_ascii_strdown(parser->text + parser->at, (gssize)length);
  const struct query_field *named = query_field(name);
  if (named == NULL)
    return unknown_field(parser, name);
  parser->at += length + 1;
  if (ends_word(parser->text[parser->at]) && parser->text[parser->at] != '(' &&
      parser->text[parser->at] != '"')
    return fault(parser, parser->at, _("%s: wants a value, for example %s"), name, named->example);
  return parse_operand(parser, named);
}

/* ---- operators ---- */

static bool
take_not(struct parser *parser)
{
  if (take_keyword(parser, "not"))
    return true;
  if (peek(parser) != '-' || is_blank(parser->text[parser->at + 1]))
    return false;
  parser->at++;
  return true;
}

static struct query *
parse_not(struct parser *parser, const struct query_field *field)
{
  if (!take_not(parser))
    return parse_term(parser, field);
  if (++parser->depth > DEPTH)
    return fault(parser, parser->at, _("“not” stands too often"));
  struct query *inner = parse_not(parser, field);
  parser->depth--;
  if (inner == NULL)
    return NULL;
  if (inner->kind == QUERY_NOT) {
    struct query *twice = g_ptr_array_steal_index(inner->children, 0);
    query_free(inner);
    return twice;
  }
  struct query *query = node_new(QUERY_NOT);
  g_ptr_array_add(query->children, inner);
  return query;
}

/* One child stands for itself. */
static struct query *
simplify(struct query *query)
{
  if (query->children->len > 1)
    return query;
  struct query *only = g_ptr_array_steal_index(query->children, 0);
  query_free(query);
  return only;
}

static bool
at_or(struct parser *parser)
{
  peek(parser);
  size_t before = parser->at;
  bool found = take_keyword(parser, "or");
  parser->at = before;
  return found;
}

static struct query *
parse_and(struct parser *parser, const struct query_field *field)
{
  g_autoptr(query_t) query = node_new(QUERY_AND);
  bool more;
  do {
    struct query *child = parse_not(parser, field);
    if (child == NULL)
      return NULL;
    g_ptr_array_add(query->children, child);
    more = peek(parser) != '\0' && peek(parser) != ')' && !at_or(parser);
  } while (more);
  return simplify(g_steal_pointer(&query));
}

static struct query *
parse_or(struct parser *parser, const struct query_field *field)
{
  g_autoptr(query_t) query = node_new(QUERY_OR);
  do {
    if (at_or(parser))
      return fault(parser, parser->at, _("a word is missing before “or”"));
    struct query *child = parse_and(parser, field);
    if (child == NULL)
      return NULL;
    g_ptr_array_add(query->children, child);
  } while (take_keyword(parser, "or"));
  return simplify(g_steal_pointer(&query));
}

struct query *
query_parse(const char *text, int64_t now, GError **error)
{
  struct parser parser = {.text = text, .now = now, .error = error};
  if (peek(&parser) == '\0')
    return fault(&parser, parser.at, _("there is nothing to look for"));
  g_autoptr(query_t) query = parse_or(&parser, NULL);
  if (query == NULL)
    return NULL;
  if (peek(&parser) == ')')
    return fault(&parser, parser.at, _("no parenthesis was opened for this one"));
  return g_steal_pointer(&query);
}

bool
store_query_check(const char *query, GError **error)
{
  g_autoptr(query_t) parsed = query_parse(query, g_get_real_time() / G_USEC_PER_SEC, error);
  return parsed != NULL;
}

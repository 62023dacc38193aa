#include "conf/parser.h"

#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/file.h"
#include "base/i18n.h"
#include "base/limits.h"
#include "base/paths.h"
#include "base/sanitize.h"
#include "base/text.h"
#include "conf/lexer.h"
#include "conf/options.h"
#include "conf/value.h"

#define INCLUDE_DEPTH 16

/* One file being read. */
struct reading {
  struct parser *parser;
  const char *file;
  GPtrArray *tokens;
  guint at;
  int password_line;        /* where a password stands, 0 for none */
};

/* One block being read: its name, what it fills, the options seen in it. */
struct scope {
  const char *block;
  void *target;
  GHashTable *seen;         /* option -> line */
};

static void read_items(struct reading *reading, struct scope *scope);

void
parser_fault(struct parser *parser, const char *file, int line, const char *format, ...)
{
  struct conf_fault *fault = g_new0(struct conf_fault, 1);
  va_list ap;
  va_start(ap, format);
  fault->text = g_strdup_vprintf(format, ap);
  va_end(ap);
  fault->file = g_strdup(file);
  fault->line = line;
  g_ptr_array_add(parser->faults, fault);
}

static struct token *
peek(const struct reading *reading, guint ahead)
{
  guint last = reading->tokens->len - 1;
  return g_ptr_array_index(reading->tokens, MIN(reading->at + ahead, last));
}

static struct token *
take(struct reading *reading)
{
  struct token *token = peek(reading, 0);
  if (token->kind != TOKEN_END)
    reading->at++;
  return token;
}

static bool
is_value(const struct token *token)
{
  return token->kind == TOKEN_WORD || token->kind == TOKEN_STRING;
}

/* After a fault the reading goes on with the next line, so that one mistake is
 * told once. */
static void
skip_line(struct reading *reading)
{
  while (peek(reading, 0)->kind != TOKEN_END && !peek(reading, 0)->first &&
         peek(reading, 0)->kind != TOKEN_CLOSE)
    reading->at++;
}

/* Returns what was probably meant, or NULL. */
static const char *
unknown_name(struct reading *reading, const struct token *name, const char *block)
{
  g_autofree const char **names = option_names(block);
  g_autofree char *clean = token_describe(name);
  const char *near = text_nearest(name->text->str, names);
  g_autofree char *where =
      *block != '\0' ? g_strdup_printf(_(" in %s"), block) : g_strdup("");
  if (near != NULL)
    parser_fault(reading->parser, reading->file, name->line,
                 _("unknown option \"%s\"%s; did you mean %s?"), clean, where, near);
  else
    parser_fault(reading->parser, reading->file, name->line,
                 _("unknown option \"%s\"%s; postinorc(5) names them all"), clean, where);
  return near;
}

/* ---- values ---- */

/* `{a, b}`, the brace is next; NULL after a fault. */
static GPtrArray *
read_list(struct reading *reading)
{
  g_autoptr(GPtrArray) values = g_ptr_array_new();
  struct token *open = take(reading);
  while (peek(reading, 0)->kind != TOKEN_CLOSE) {
    struct token *token = take(reading);
    if (!is_value(token)) {
      parser_fault(reading->parser, reading->file, open->line,
                   _("the list that begins here is not closed; put a } at its end"));
      return NULL;
    }
    g_ptr_array_add(values, token);
    if (peek(reading, 0)->kind == TOKEN_COMMA)
      take(reading);
  }
  take(reading);
  return g_steal_pointer(&values);
}

/* Words behind a value on its line that begin nothing of their own: the value
 * lacks its quotes. */
static void
check_rest(struct reading *reading, const char *name)
{
  struct token *token = peek(reading, 0), *next = peek(reading, 1);
  if (token->first || !is_value(token))
    return;
  bool begins = token->kind == TOKEN_WORD &&
                (next->kind == TOKEN_EQUALS || next->kind == TOKEN_OPEN ||
                 (is_value(next) && peek(reading, 2)->kind == TOKEN_OPEN));
  if (begins)
    return;
  parser_fault(reading->parser, reading->file, token->line,
               _("more than one word for %s; put the whole value in \"quotes\""), name);
  skip_line(reading);
}

/* The value behind `NAME =`, stored if the row is known. */
static void
read_value(struct reading *reading, const struct option_row *row, const struct token *name,
           void *target)
{
  g_autofree char *wrong = NULL;
  struct token *token = peek(reading, 0);
  if (token->kind == TOKEN_OPEN) {
    g_autoptr(GPtrArray) values = read_list(reading);
    if (values != NULL && row != NULL)
      wrong = value_store_list(row, values, target);
  } else if (is_value(token) && (!token->first || peek(reading, 1)->kind != TOKEN_EQUALS)) {
    take(reading);
    if (row != NULL && row->type == OPTION_LIST) {
      g_autoptr(GPtrArray) one = g_ptr_array_new();
      g_ptr_array_add(one, token);
      wrong = value_store_list(row, one, target);
    } else if (row != NULL)
      wrong = value_store(row, token, target);
    check_rest(reading, name->text->str);
  } else {
    g_autofree char *clean = token_describe(name);
    wrong = g_strdup_printf(_("%s has no value; write %s = VALUE"), clean, clean);
    skip_line(reading);
  }
  if (wrong != NULL)
    parser_fault(reading->parser, reading->file, name->line, "%s", wrong);
}

static void
note_option(struct reading *reading, struct scope *scope, const struct token *name)
{
  int before = GPOINTER_TO_INT(g_hash_table_lookup(scope->seen, name->text->str));
  if (before != 0)
    parser_fault(reading->parser, reading->file, name->line,
                 _("%s is set twice, first on line %d; remove one of them"), name->text->str,
                 before);
  g_hash_table_insert(scope->seen, g_strdup(name->text->str), GINT_TO_POINTER(name->line));
}

static void
read_option(struct reading *reading, struct scope *scope)
{
  struct token *name = take(reading);
  take(reading);
  const struct option_row *row = option_row(scope->block, name->text->str);
  if (row != NULL)
    note_option(reading, scope, name);
  else {
    /* A misspelt option is not missed as well. */
    const char *meant = unknown_name(reading, name, scope->block);
    if (meant != NULL)
      g_hash_table_insert(scope->seen, g_strdup(meant), GINT_TO_POINTER(name->line));
  }
  if (row != NULL && row->type == OPTION_SECRET)
    reading->password_line = name->line;
  read_value(reading, row, name, scope->target);
}

/* ---- blocks ---- */

static void
skip_block(struct reading *reading)
{
  int depth = 0;
  do {
    struct token *token = take(reading);
    depth += token->kind == TOKEN_OPEN;
    depth -= token->kind == TOKEN_CLOSE;
    if (token->kind == TOKEN_END)
      return;
  } while (depth > 0);
}

static struct conf_account *
account_new(const char *title, int line)
{
  struct conf_account *account = g_new0(struct conf_account, 1);
  account->name = g_strdup(title);
  account->line = line;
  account->also = g_new0(char *, 1);
  account->inbox = g_strdup("Inbox");
  account->sent = g_strdup("Sent");
  account->drafts = g_strdup("Drafts");
  account->trash = g_strdup("Trash");
  account->crypto_plugin = g_strdup("openpgp");
  account->sign = account->encrypt = CONF_WHEN_POSSIBLE;
  account->lookup = CONF_LOOKUP_ASK;
  return account;
}

/* What a block of this name fills: a new entry of the conf, or a part of the
 * account that it stands in. */
static void *
block_target(struct reading *reading, const struct option_block *block, const char *title,
             int line, void *outer)
{
  struct conf *conf = reading->parser->conf;
  struct conf_account *account = outer;
  if (strcmp(block->name, "account") == 0) {
    account = account_new(title, line);
    g_ptr_array_add(conf->accounts, account);
    return account;
  }
  if (strcmp(block->name, "pop3") == 0)
    return account->pop3 = server_new(true);
  if (strcmp(block->name, "smtp") == 0)
    return account->smtp = server_new(false);
  if (strcmp(block->name, "crypto") == 0)
    return account;
  if (strcmp(block->name, "plugin") == 0) {
    struct conf_plugin *plugin = g_new0(struct conf_plugin, 1);
    plugin->name = g_strdup(title);
    plugin->options = g_new0(char *, 1);
    g_ptr_array_add(conf->plugins, plugin);
    return plugin;
  }
  if (strcmp(block->name, "folder") == 0) {
    struct conf_folder *folder = g_new0(struct conf_folder, 1);
    folder->name = g_strdup(title);
    g_ptr_array_add(conf->folders, folder);
    return folder;
  }
  struct conf_rule *rule = g_new0(struct conf_rule, 1);
  rule->name = g_strdup(title);
  g_ptr_array_add(conf->rules, rule);
  return rule;
}

/* Is there such a block already?  Titles are told apart per kind; untitled
 * blocks stand once in theirs. */
static bool
note_block(struct reading *reading, struct scope *scope, const struct option_block *block,
           const char *title, int line)
{
  GHashTable *seen = block->titled ? reading->parser->titles : scope->seen;
  g_autofree char *key = g_strconcat(block->name, " ", title, NULL);
  g_autofree char *clean = sanitize_line(title, -1);
  int before = GPOINTER_TO_INT(g_hash_table_lookup(seen, key));
  if (before == 0) {
    g_hash_table_insert(seen, g_steal_pointer(&key), GINT_TO_POINTER(line));
    return true;
  }
  parser_fault(reading->parser, reading->file, line,
               block->titled ? _("%s \"%s\" is there twice, first on line %d; give one of them "
                                 "another name")
                             : _("%s%s is there twice, first on line %d; make one of the two"),
               block->name, block->titled ? clean : "", before);
  return false;
}

/* The plugins that come with postino lie where it finds them. */
static bool
is_bundled_plugin(const struct scope *scope)
{
  static const char *const names[] = {"openpgp", "smime", NULL};
  const struct conf_plugin *plugin = scope->target;
  return strcmp(scope->block, "plugin") == 0 && g_strv_contains(names, plugin->name);
}

/* A bundled plugin needs no command, and a sendmail-command no server. */
static bool
comes_otherwise(const struct scope *scope, const char *option)
{
  return is_bundled_plugin(scope) || (strcmp(option, "server") == 0 &&
                                      g_hash_table_contains(scope->seen, "sendmail-command"));
}

/* What a block must say, told at its first line. */
static void
check_block(struct reading *reading, const struct scope *scope, int line)
{
  static const struct {
    const char *block, *option;
  } needed[] = {{"account", "from"}, {"pop3", "server"},  {"smtp", "server"},
                {"plugin", "command"}, {"folder", "match"}, {"rule", "match"},
                {"rule", "action"}};
  for (size_t i = 0; i < G_N_ELEMENTS(needed); i++)
    if (strcmp(needed[i].block, scope->block) == 0 &&
        !comes_otherwise(scope, needed[i].option) &&
        !g_hash_table_contains(scope->seen, needed[i].option))
      parser_fault(reading->parser, reading->file, line, _("%s lacks %s; add %s = \"…\""),
                   scope->block, needed[i].option, needed[i].option);
}

static void
read_block(struct reading *reading, struct scope *outer)
{
  struct token *name = take(reading);
  struct token *title = is_value(peek(reading, 0)) ? take(reading) : NULL;
  const struct option_block *block = option_block(name->text->str, outer->block);
  if (block == NULL || (title == NULL) == block->titled) {
    if (block == NULL)
      unknown_name(reading, name, outer->block);
    else
      parser_fault(reading->parser, reading->file, name->line,
                   block->titled ? _("%s needs a name: %s \"NAME\" { … }")
                                 : _("%s has no name of its own; write %s { … }"),
                   block->name, block->name);
    skip_block(reading);
    return;
  }
  const char *text = title != NULL ? title->text->str : "";
  if (!note_block(reading, outer, block, text, name->line)) {
    skip_block(reading);
    return;
  }
  take(reading);
  struct scope scope = {
      .block = block->name,
      .target = block_target(reading, block, text, name->line, outer->target),
      .seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
  };
  read_items(reading, &scope);
  if (peek(reading, 0)->kind == TOKEN_CLOSE)
    take(reading);
  else
    parser_fault(reading->parser, reading->file, name->line,
                 _("%s is not closed; put a } at its end"), block->name);
  check_block(reading, &scope, name->line);
  g_hash_table_unref(scope.seen);
}

/* ---- files ---- */

static void
on_lexer_fault(int line, const char *sentence, void *data)
{
  struct reading *reading = data;
  parser_fault(reading->parser, reading->file, line, "%s", sentence);
}

/* A password that others may read is no password. */
static void
check_mode(struct reading *reading)
{
  struct stat st;
  if (reading->password_line == 0 || stat(reading->file, &st) < 0 || (st.st_mode & 077) == 0)
    return;
  parser_fault(reading->parser, reading->file, reading->password_line,
               _("a password stands in a file that others may read; run: chmod 600 %s"),
               reading->file);
}

static bool
read_file(struct parser *parser, const char *path, GError **error)
{
  g_autoptr(GBytes) bytes = file_read(path, LIMIT_RC, error);
  if (bytes == NULL)
    return false;
  size_t length;
  const char *text = g_bytes_get_data(bytes, &length);
  struct reading reading = {.parser = parser, .file = path};
  g_ptr_array_add(parser->open_files, (char *)path);
  reading.tokens = lexer_tokens(text != NULL ? text : "", length, on_lexer_fault, &reading);
  struct scope scope = {
      .block = "",
      .target = parser->conf,
      .seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
  };
  read_items(&reading, &scope);
  while (peek(&reading, 0)->kind == TOKEN_CLOSE) {
    parser_fault(parser, path, take(&reading)->line, _("a } too many; remove it"));
    read_items(&reading, &scope);
  }
  check_mode(&reading);
  g_hash_table_unref(scope.seen);
  g_ptr_array_unref(reading.tokens);
  g_ptr_array_set_size(parser->open_files, (int)parser->open_files->len - 1);
  return true;
}

bool
parser_read(struct parser *parser, const char *path, GError **error)
{
  return read_file(parser, path, error);
}

static bool
is_open(const struct parser *parser, const char *path)
{
  for (guint i = 0; i < parser->open_files->len; i++)
    if (strcmp(g_ptr_array_index(parser->open_files, i), path) == 0)
      return true;
  return false;
}

static void
read_include(struct reading *reading)
{
  struct token *word = take(reading);
  if (peek(reading, 0)->kind == TOKEN_EQUALS)
    take(reading);
  if (!is_value(peek(reading, 0))) {
    parser_fault(reading->parser, reading->file, word->line,
                 _("include needs a file: include \"FILE\""));
    skip_line(reading);
    return;
  }
  struct token *name = take(reading);
  g_autofree char *expanded = paths_expand(name->text->str);
  g_autofree char *dir = g_path_get_dirname(reading->file);
  g_autofree char *path = g_canonicalize_filename(expanded, dir);
  g_autoptr(GError) error = NULL;
  if (is_open(reading->parser, path) || reading->parser->open_files->len >= INCLUDE_DEPTH)
    parser_fault(reading->parser, reading->file, word->line,
                 _("%s includes itself; remove this line"), path);
  else if (!read_file(reading->parser, path, &error))
    parser_fault(reading->parser, reading->file, word->line, _("cannot include it: %s"),
                 error->message);
}

static void
read_item(struct reading *reading, struct scope *scope)
{
  struct token *token = peek(reading, 0), *next = peek(reading, 1);
  bool top = *scope->block == '\0';
  if (token->kind != TOKEN_WORD) {
    g_autofree char *found = token_describe(token);
    parser_fault(reading->parser, reading->file, token->line,
                 _("%s stands where a name belongs; write NAME = VALUE or NAME \"TITLE\" { … }"),
                 found);
    take(reading);
    skip_line(reading);
  } else if (top && strcmp(token->text->str, "include") == 0)
    read_include(reading);
  else if (next->kind == TOKEN_EQUALS)
    read_option(reading, scope);
  else if (next->kind == TOKEN_OPEN || (is_value(next) && peek(reading, 2)->kind == TOKEN_OPEN))
    read_block(reading, scope);
  else {
    g_autofree char *found = token_describe(token);
    parser_fault(reading->parser, reading->file, token->line,
                 _("%s is followed by neither = nor {; write %s = VALUE"), found, found);
    take(reading);
    skip_line(reading);
  }
}

static void
read_items(struct reading *reading, struct scope *scope)
{
  while (peek(reading, 0)->kind != TOKEN_END && peek(reading, 0)->kind != TOKEN_CLOSE)
    read_item(reading, scope);
}

/* What may stand where a person types: commands, folders, files, addresses. */
#include <string.h>

#include "base/i18n.h"
#include "base/text.h"
#include "ui/index/index.h"

#define CANDIDATES_MAX 200

/* What is completed by the engine: the text must still be this one when it answers.
 * `before` goes in front of each string. */
struct wish {
  struct prompt *prompt;
  char *text, *before;
  size_t from;
  bool insert;
  const char *nothing;
};

static void
wish_free(struct wish *wish)
{
  g_free(wish->before);
  g_free(wish->text);
  g_free(wish);
}

static GPtrArray *
candidates_new(void)
{
  return g_ptr_array_new_with_free_func((GDestroyNotify)candidate_free);
}

static void
offer(GPtrArray *candidates, const char *text, const char *help)
{
  if (candidates->len < CANDIDATES_MAX)
    g_ptr_array_add(candidates, candidate_new(text, help));
}

/* Folded, so that "pra" finds "Prà". */
static bool
holds(const char *text, const char *typed, bool anywhere)
{
  g_autofree char *a = text_fold(text, -1), *b = text_fold(typed, -1);
  return anywhere ? strstr(a, b) != NULL : g_str_has_prefix(a, b);
}

/* `widely`: also those whose name or help speaks of it; else only when no name
 * begins so. */
static void
offer_commands(struct ui *ui, GPtrArray *candidates, const char *typed, bool widely)
{
  const struct command_group *const *groups = ui_view(ui)->kind->groups;
  /* Those that begin so first, then those whose help speaks of it. */
  for (int round = 0; round < 2 && (round == 0 || widely || candidates->len == 0); round++)
    for (const struct command_group *const *group = groups; *group != NULL; group++)
      for (size_t i = 0; i < (*group)->n; i++) {
        const struct command *command = &(*group)->rows[i];
        bool begins = holds(command->name, typed, false);
        if (command_find(groups, command->name) != command)
          continue;
        if (round == 0 ? !begins : begins || (!holds(command->name, typed, true) &&
                                              !holds(_(command->help), typed, true)))
          continue;
        g_autofree char *keys = keymap_keys(ui->keymap, groups, command, 2);
        g_autofree char *help = keys != NULL ? g_strdup_printf("%s  [%s]", _(command->help), keys)
                                             : g_strdup(_(command->help));
        offer(candidates, command->name, help);
      }
}

static void
offer_folders(struct ui *ui, GPtrArray *candidates, const char *typed)
{
  for (int round = 0; round < 2; round++)
    for (guint i = 0; ui->folder_rows != NULL && i < ui->folder_rows->len; i++) {
      const struct folder_row *row = g_ptr_array_index(ui->folder_rows, i);
      bool begins = holds(row->name, typed, false);
      if (round == 0 ? begins : !begins && holds(row->name, typed, true))
        offer(candidates, row->name, NULL);
    }
}

static void
offer_accounts(struct ui *ui, GPtrArray *candidates, const char *typed)
{
  for (guint i = 0; i < ui->conf->accounts->len; i++) {
    const struct conf_account *account = g_ptr_array_index(ui->conf->accounts, i);
    if (holds(account->name, typed, false))
      offer(candidates, account->name, account->from);
  }
}

/* What stands there at first is one of them, and it is the others that are wanted. */
static const char *
other_senders(struct ui *ui, const char *typed)
{
  for (guint i = 0; i < ui->conf->accounts->len; i++) {
    const struct conf_account *account = g_ptr_array_index(ui->conf->accounts, i);
    if (g_strcmp0(account->from, typed) == 0)
      return "";
  }
  return typed;
}

static void
offer_senders(struct ui *ui, GPtrArray *candidates, const char *text)
{
  const char *typed = other_senders(ui, text);
  for (guint i = 0; i < ui->conf->accounts->len; i++) {
    const struct conf_account *account = g_ptr_array_index(ui->conf->accounts, i);
    if (account->from != NULL && holds(account->from, typed, true))
      offer(candidates, account->from, account->name);
    for (char **also = account->also; also != NULL && *also != NULL; also++)
      if (holds(*also, typed, true))
        offer(candidates, *also, account->name);
  }
}

static void
offer_orders(GPtrArray *candidates, const char *typed)
{
  for (guint i = 0; index_order_names[i] != NULL; i++)
    if (holds(index_order_names[i], typed, false))
      offer(candidates, index_order_names[i], index_order_help((enum rows_order)i));
}

static void
take_strings(struct view *view, struct event *event, void *data)
{
  struct wish *wish = data;
  struct prompt *prompt = ui_asked(view->ui);
  if (prompt != wish->prompt || strcmp(prompt->text->str, wish->text) != 0 ||
      event->strings == NULL)
    return;
  GPtrArray *candidates = candidates_new();
  for (size_t i = 0; event->strings[i] != NULL; i++) {
    g_autofree char *text = g_strconcat(wish->before, event->strings[i], NULL);
    offer(candidates, text, NULL);
  }
  if (candidates->len == 0 && wish->insert)
    ui_say(view->ui, "%s", wish->nothing);
  prompt_offer(prompt, candidates, wish->from, wish->insert);
  ui_typed(view->ui);
}

static void
await_strings(struct ui *ui, request_id request, struct wish wish)
{
  wish.text = g_strdup(wish.prompt->text->str);
  struct wish *waiting = g_new(struct wish, 1);
  *waiting = wish;
  ui_await(ui, request, NULL, take_strings, waiting, (GDestroyNotify)wish_free);
}

static void
ask_addresses(struct ui *ui, struct prompt *prompt, size_t from, const char *typed)
{
  await_strings(ui, engine_addresses(ui->engine, typed),
                (struct wish){.prompt = prompt, .before = g_strdup(""), .from = from,
                              .insert = true,
                              .nothing = _("No address that you have met begins so.")});
}

static void
ask_paths(struct ui *ui, struct prompt *prompt, size_t from, const char *typed, bool insert)
{
  const char *slash = strrchr(typed, '/');
  char *before = slash != NULL ? g_strndup(typed, (gsize)(slash - typed + 1)) : g_strdup("");
  g_autofree char *dir = ui_typed_path(*before != '\0' ? before : ".");
  await_strings(ui, engine_paths(ui->engine, dir, slash != NULL ? slash + 1 : typed),
                (struct wish){.prompt = prompt, .before = before, .from = from,
                              .insert = insert, .nothing = _("Nothing begins so.")});
}

/* What is behind a sign (“-”, and “+” before a tag) is asked for. */
static void
ask_words(struct ui *ui, struct prompt *prompt, size_t from, const char *typed, bool tag)
{
  bool sign = *typed == '-' || (tag && *typed == '+');
  await_strings(ui,
                engine_complete(ui->engine, tag ? STORE_TAGS : STORE_TERMS, typed + sign),
                (struct wish){.prompt = prompt, .before = g_strndup(typed, sign), .from = from,
                              .insert = true, .nothing = _("Nothing begins so.")});
}

/* Where the last word begins: behind a blank or a parenthesis that are not quoted. */
static size_t
word_start(const char *text, size_t cursor)
{
  size_t start = 0;
  bool quoted = false;
  for (size_t at = 0; at < cursor; at++) {
    if (text[at] == '"')
      quoted = !quoted;
    else if (!quoted && strchr(" (", text[at]) != NULL)
      start = at + 1;
  }
  return start;
}

/* Where the last address of a list begins. */
static size_t
list_start(const char *text, size_t cursor)
{
  size_t at = cursor;
  while (at > 0 && text[at - 1] != ',' && text[at - 1] != ';')
    at--;
  while (at < cursor && text[at] == ' ')
    at++;
  return at;
}

/* In the command line the first word is a command, what follows its argument. */
static enum completion
argument_at(struct ui *ui, const struct prompt *prompt, size_t *from)
{
  const char *space = memchr(prompt->text->str, ' ', prompt->cursor);
  if (prompt->complete != COMPLETE_COMMAND || space == NULL)
    return prompt->complete;
  g_autofree char *name = g_strndup(prompt->text->str, (gsize)(space - prompt->text->str));
  const struct command *command = command_find(ui_view(ui)->kind->groups, name);
  *from = (size_t)(space + 1 - prompt->text->str);
  return command != NULL ? command->complete : COMPLETE_NOTHING;
}

/* Of several addresses or words the last is completed. */
static enum completion
kind_at(struct ui *ui, const struct prompt *prompt, size_t *from)
{
  enum completion kind = argument_at(ui, prompt, from);
  if (kind == COMPLETE_ADDRESS)
    *from = MAX(*from, list_start(prompt->text->str, prompt->cursor));
  else if (kind == COMPLETE_QUERY || kind == COMPLETE_TAG)
    *from = MAX(*from, word_start(prompt->text->str, prompt->cursor));
  return kind;
}

void
ui_complete(struct ui *ui, struct prompt *prompt, bool insert)
{
  size_t from = 0;
  enum completion kind = kind_at(ui, prompt, &from);
  g_autofree char *typed = g_strndup(prompt->text->str + from, prompt->cursor - from);
  if (kind == COMPLETE_ADDRESS) {
    if (insert)
      ask_addresses(ui, prompt, from, typed);
    return;
  }
  if (kind == COMPLETE_PATH) {
    ask_paths(ui, prompt, from, typed, insert);
    return;
  }
  if (kind == COMPLETE_QUERY || kind == COMPLETE_TAG) {
    if (insert)
      ask_words(ui, prompt, from, typed, kind == COMPLETE_TAG);
    return;
  }
  GPtrArray *candidates = candidates_new();
  switch (kind) {
  case COMPLETE_COMMAND: offer_commands(ui, candidates, typed, prompt->live); break;
  case COMPLETE_FOLDER: offer_folders(ui, candidates, typed); break;
  case COMPLETE_ACCOUNT: offer_accounts(ui, candidates, typed); break;
  case COMPLETE_SENDER: offer_senders(ui, candidates, typed); break;
  case COMPLETE_ORDER: offer_orders(candidates, typed); break;
  case COMPLETE_NOTHING: case COMPLETE_ADDRESS: case COMPLETE_PATH: case COMPLETE_QUERY:
  case COMPLETE_TAG: break;
  }
  if (candidates->len == 0 && insert && kind != COMPLETE_NOTHING)
    ui_say(ui, _("Nothing begins so."));
  prompt_offer(prompt, candidates, from, insert);
}

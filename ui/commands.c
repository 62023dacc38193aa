/* Commands that hold in every view ("any") and wherever mail is shown ("mail"). */
#include <string.h>

#include "base/error.h"
#include "base/i18n.h"
#include "ui/ui-private.h"

static void
back(struct view *view, const char *const *args)
{
  if (view->ui->views->len > 1)
    ui_close(view);
  else
    ui_leave(view->ui);
}

/* ---- leaving ---- */

static void
leave_if(struct ui *ui, struct view *view, const char *text, void *data)
{
  ui->asked_to_leave = ui->leaving = ui->flush_behind = text != NULL;
}

/* One that waits for the user's word waits for nobody else. */
static bool
is_unsent(const struct ledger_letter *letter)
{
  bool held = letter->state == LETTER_HELD && letter->not_before != LEDGER_NEVER;
  return held || letter->state == LETTER_QUEUED || letter->state == LETTER_SENDING;
}

static void
leave_after_queue(struct view *view, struct event *event, void *data)
{
  struct ui *ui = view->ui;
  guint unsent = 0;
  for (guint i = 0; event->queue != NULL && i < event->queue->len; i++)
    unsent += is_unsent(g_ptr_array_index(event->queue, i));
  if (unsent == 0) {
    ui->leaving = true;
    return;
  }
  g_autofree char *question = g_strdup_printf(
      ngettext("%u letter is not sent yet; that goes on in the background. Leave?",
               "%u letters are not sent yet; that goes on in the background. Leave?", unsent),
      unsent);
  ui_confirm(ui, NULL, question, leave_if, NULL, NULL);
}

void
ui_leave(struct ui *ui)
{
  ui->leaving_asked = true;
  for (guint i = ui->views->len; i-- > 0;) {
    struct view *view = g_ptr_array_index(ui->views, i);
    if (view->kind->may_close != NULL && !view->kind->may_close(view))
      return;
  }
  ui->leaving_asked = false;
  /* Asked twice, the outbox is not waited for. */
  if (ui->asked_to_leave) {
    ui->leaving = true;
    return;
  }
  ui->asked_to_leave = true;
  ui_await(ui, engine_queue(ui->engine), NULL, leave_after_queue, NULL, NULL);
}

static void
quit(struct view *view, const char *const *args)
{
  ui_leave(view->ui);
}

/* ---- finding one's way ---- */

static void
help(struct view *view, const char *const *args)
{
  if (view->kind != &text_class)
    help_open(view);
}

static void
run_typed(struct ui *ui, struct view *view, const char *text, void *data)
{
  if (text != NULL)
    command_run_line(ui_view(ui), text);
}

static void
command_line(struct view *view, const char *const *args)
{
  struct prompt_options options = {.label = ":", .complete = COMPLETE_COMMAND};
  ui_prompt(view->ui, NULL, &options, run_typed, NULL, NULL);
}

static void
palette(struct view *view, const char *const *args)
{
  struct prompt_options options = {
      .label = _("Command:"), .complete = COMPLETE_COMMAND, .live = true};
  ui_prompt(view->ui, NULL, &options, run_typed, NULL, NULL);
}

static void
cancel(struct view *view, const char *const *args)
{
  request_id running = status_running(view->ui->status);
  if (running != 0) {
    engine_cancel(view->ui->engine, running);
    ui_say(view->ui, _("Cancelling…"));
  } else if (view->kind == &text_class) {
    ui_close(view);
  }
}

static void
redraw(struct view *view, const char *const *args)
{
  term_check_size(view->ui->term);
  term_repaint(view->ui->term);
}

static void
suspend(struct view *view, const char *const *args)
{
  ui_stop_self(view->ui);
}

static void
messages(struct view *view, const char *const *args)
{
  GPtrArray *lines = text_lines_new();
  const GPtrArray *said = status_messages(view->ui->status);
  for (guint i = said->len; i-- > 0;)
    text_add(lines, STYLE_NORMAL, "%s", (const char *)g_ptr_array_index(said, i));
  if (said->len == 0)
    text_add(lines, STYLE_NORMAL, "%s", _("Nothing was said yet."));
  ui_push(view->ui, text_view_new(view->ui, _("Messages, newest first"), lines));
}

static void
accounts(struct view *view, const char *const *args)
{
  accounts_open(view->ui);
}

/* ---- in and out ---- */

static void
say_fetched(struct view *view, struct event *event, void *data)
{
  g_autoptr(GString) line = g_string_new(NULL);
  bool bad = false;
  for (guint i = 0; event->fetched != NULL && i < event->fetched->len; i++) {
    const struct fetched *one = g_ptr_array_index(event->fetched, i);
    g_string_append_printf(line, "%s%s: ", i > 0 ? "; " : "", one->account);
    if (one->error != NULL && !error_is(one->error, POSTINO_ERROR_CANCELLED)) {
      g_string_append(line, one->error->message);
      bad = true;
      continue;
    }
    if (one->error != NULL)
      g_string_append(line, _("cancelled, "));
    g_string_append_printf(line, ngettext("%u new letter", "%u new letters", one->fetched),
                           one->fetched);
    if (one->failed > 0)
      g_string_append_printf(line, _(", %u failed"), one->failed);
    if (one->remark != NULL)
      g_string_append_printf(line, " (%s)", one->remark);
  }
  if (line->len > 0 && bad)
    ui_complain(view->ui, "%s", line->str);
  else if (line->len > 0)
    ui_say(view->ui, "%s", line->str);
}

static void
fetch(struct view *view, const char *const *args)
{
  struct ui *ui = view->ui;
  request_id request = engine_fetch(ui->engine, args[0] != NULL ? args : NULL, false);
  status_progress(ui->status, request, _("Fetching mail"), 0, 0);
  ui_await(ui, request, NULL, say_fetched, NULL, NULL);
}

static void
compose(struct view *view, const char *const *args)
{
  g_autofree char *uri = NULL;
  if (args[0] != NULL && g_str_has_prefix(args[0], "mailto:"))
    uri = g_strdup(args[0]);
  else if (args[0] != NULL) {
    g_autofree char *escaped = g_uri_escape_string(args[0], "@,", FALSE);
    uri = g_strconcat("mailto:", escaped, NULL);
  }
  ui_await_view(view->ui, engine_compose(view->ui->engine, NULL, uri), compose_open_draft, NULL,
                NULL);
}

static void
queue(struct view *view, const char *const *args)
{
  struct view *open = ui_find(view->ui, &queue_class);
  ui_push(view->ui, open != NULL ? open : queue_view_new(view->ui));
}

static const struct conf_account *
account_of(const struct ui *ui, const char *name)
{
  const struct conf_account *found = NULL;
  for (guint i = 0; i < ui->conf->accounts->len; i++) {
    const struct conf_account *account = ui->conf->accounts->pdata[i];
    if (account->pop3 != NULL && (name == NULL ? found == NULL || account->is_default
                                               : strcmp(account->name, name) == 0))
      found = account;
  }
  return found;
}

static void
server(struct view *view, const char *const *args)
{
  struct ui *ui = view->ui;
  struct view *open = ui_find(ui, &server_class);
  const struct conf_account *account = account_of(ui, args[0]);
  if (account == NULL && args[0] != NULL)
    ui_complain(ui, _("There is no account '%s' that fetches mail."), args[0]);
  else if (account == NULL)
    ui_complain(ui, _("There is no account that fetches mail."));
  else if (open != NULL && (args[0] == NULL || strcmp(server_view_account(open), args[0]) == 0))
    ui_push(ui, open);
  else
    ui_push(ui, server_view_new(ui, account->name));
}

/* ---- mail ---- */

/* Views that hold nothing unsaved go; a letter being written stays below. */
static void
go(struct view *view, const char *const *args)
{
  struct ui *ui = view->ui;
  g_autofree char *folder = g_strdup(args[0]);
  struct view *index = g_ptr_array_index(ui->views, 0);
  for (guint i = ui->views->len; i-- > 1;) {
    struct view *open = g_ptr_array_index(ui->views, i);
    if (open->kind->may_close == NULL)
      ui_drop(open);
  }
  if (index->kind == &index_class) {
    index_view_show(index, folder);
    ui_push(ui, index);
  } else {
    ui_push(ui, index_view_new(ui, folder, NULL));
  }
}

static void
folders(struct view *view, const char *const *args)
{
  ui_push(view->ui, view->ui->folders);
}

static void
say_undone(struct view *view, struct event *event, void *data)
{
  if (event->error == NULL)
    ui_say(view->ui, _("Undone: %s"), event->text != NULL ? event->text : "");
}

static void
resume_unsent(struct view *view, struct event *event, void *data)
{
  struct ui *ui = view->ui;
  g_clear_pointer(&ui->sent_id, g_free);
  if (event->error != NULL || event->text == NULL)
    return;
  ui_say(ui, _("Taken back before it was sent; it lies in %s."), engine_drafts(ui->engine));
  ui_await_view(ui, engine_resume(ui->engine, event->text), compose_open_draft, NULL, NULL);
}

static void
undo(struct view *view, const char *const *args)
{
  struct ui *ui = view->ui;
  if (ui->sent_id != NULL && g_get_monotonic_time() < ui->sent_until)
    ui_await_view(ui, engine_unsend(ui->engine, ui->sent_id), resume_unsent, NULL, NULL);
  else
    ui_await(ui, engine_undo(ui->engine), NULL, say_undone, NULL, NULL);
}

static void
empty_if(struct ui *ui, struct view *view, const char *text, void *data)
{
  if (text != NULL)
    ui_await_plain(ui_view(ui), engine_empty(ui->engine, engine_trash(ui->engine)),
                   _("The trash is empty."));
}

static void
empty_trash(struct view *view, const char *const *args)
{
  g_autofree char *question = g_strdup_printf(_("Remove every letter of %s for good?"),
                                              engine_trash(view->ui->engine));
  ui_confirm(view->ui, NULL, question, empty_if, NULL, NULL);
}

static void
refresh(struct view *view, const char *const *args)
{
  ui_await_plain(view, engine_refresh(view->ui->engine, false), _("The index is up to date."));
}

static void
unlock(struct view *view, const char *const *args)
{
  ui_await_plain(view, engine_unlock(view->ui->engine),
                 _("Sealed letters are found by their text now."));
}

static const struct command mail_rows[] = {
    {.name = "compose", .keys = "c m", .args = "[address]", .complete = COMPLETE_ADDRESS,
     .help = N_("Write a letter"), .hint = N_("write"), .run = compose},
    {.name = "search", .keys = "/", .args = "query", .ask = N_("Search:"),
     .complete = COMPLETE_QUERY, .help = N_("Search all mail; results come while you type"),
     .hint = N_("search"), .run = search_all, .typed = search_all_typed},
    {.name = "search-here", .keys = ".", .args = "query", .ask = N_("Search here:"),
     .complete = COMPLETE_QUERY, .help = N_("Search in the open folder"), .run = search_here,
     .typed = search_here_typed},
    {.name = "go", .keys = "g", .args = "folder", .ask = N_("Go to folder:"),
     .complete = COMPLETE_FOLDER, .live = true, .help = N_("Open a folder"), .run = go},
    {.name = "folders", .keys = "b", .help = N_("Choose from the list of folders"),
     .hint = N_("folders"), .run = folders},
    {.name = "undo", .keys = "u", .help = N_("Take back the last change, or what was just sent"),
     .hint = N_("undo"), .run = undo},
    {.name = "empty-trash", .keys = "E", .help = N_("Remove all letters of the trash for good"),
     .run = empty_trash},
    {.name = "refresh", .keys = "C-r", .help = N_("Look for changes that other programs made"),
     .run = refresh},
    {.name = "unlock", .keys = "", .help = N_("Make sealed letters searchable by their text"),
     .run = unlock},
};
const struct command_group mail_group = {"mail", N_("Wherever mail is listed or read"), mail_rows,
                                         G_N_ELEMENTS(mail_rows)};

static const struct command any_rows[] = {
    {.name = "help", .keys = "? F1", .help = N_("Show the keys of this view"), .hint = N_("keys"),
     .run = help},
    {.name = "back", .keys = "q", .help = N_("Go back; leave from the first view"),
     .hint = N_("back"), .run = back},
    {.name = "quit", .keys = "Q", .help = N_("Leave postino"), .run = quit},
    {.name = "command", .keys = ":", .help = N_("Run a command by its name"), .run = command_line},
    {.name = "palette", .keys = "C-p", .help = N_("Find a command by what it does"),
     .run = palette},
    {.name = "cancel", .keys = "C-g Esc", .help = N_("Cancel what goes on"), .run = cancel},
    {.name = "fetch", .keys = "G", .args = "[account]", .complete = COMPLETE_ACCOUNT,
     .help = N_("Fetch mail"), .hint = N_("fetch"), .run = fetch},
    {.name = "queue", .keys = "O", .help = N_("Show the outbox"), .run = queue},
    {.name = "server", .keys = "@", .args = "[account]", .complete = COMPLETE_ACCOUNT,
     .help = N_("Show what lies on the server; fetch, delete or keep it there"), .run = server},
    {.name = "messages", .keys = "", .help = N_("Show what was said on the status line"),
     .run = messages},
    {.name = "accounts", .keys = "A", .help = N_("Show accounts and how one is added"),
     .run = accounts},
    {.name = "keys", .keys = "", .args = "[address]", .complete = COMPLETE_ADDRESS,
     .help = N_("Show your keys and those of others, or of an address"), .run = keys_list},
    {.name = "make-key", .keys = "", .args = "[account]", .complete = COMPLETE_ACCOUNT,
     .help = N_("Make a key pair of your own, to sign and to be sealed to"), .run = keys_make},
    {.name = "send-key-setup", .keys = "", .args = "[account]", .complete = COMPLETE_ACCOUNT,
     .help = N_("Send your key pair to yourself for another program (Autocrypt setup message)"),
     .run = keys_setup},
    {.name = "confirm-key", .keys = "", .args = "address", .ask = N_("Confirm the key of:"),
     .complete = COMPLETE_ADDRESS,
     .help = N_("Say that a key is that of an address, as its owner told you"),
     .run = keys_confirm},
    {.name = "redraw", .keys = "C-l", .help = N_("Paint the screen anew"), .run = redraw},
    {.name = "suspend", .keys = "C-z", .help = N_("Stop postino and return to the shell"),
     .run = suspend},
};
const struct command_group any_group = {"any", N_("Everywhere"), any_rows, G_N_ELEMENTS(any_rows)};

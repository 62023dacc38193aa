#include "ui/compose/compose.h"

#include <string.h>

#include "base/error.h"
#include "base/i18n.h"
#include "base/sanitize.h"
#include "ui/keys/keys.h"

static struct compose_view *
of(struct view *view)
{
  return (struct compose_view *)view;
}

bool
compose_is_busy(struct compose_view *compose)
{
  if (compose->busy)
    ui_say(compose->view.ui, _("The letter is on its way; wait a moment."));
  return compose->busy;
}

static bool
is_busy(struct view *view)
{
  return compose_is_busy(of(view));
}

/* ---- fields ---- */

struct asked { enum compose_field field; bool goes_on; };

static void edit_body(struct view *view);
static void ask_field(struct compose_view *compose, enum compose_field field, const char *text,
                      bool goes_on);

/* A new letter asks for what it lacks, one thing after another. */
static void
go_on(struct compose_view *compose, enum compose_field from)
{
  const char *subject = compose->draft->subject;
  if (from == FIELD_TO && (subject == NULL || *subject == '\0'))
    ask_field(compose, FIELD_SUBJECT, NULL, true);
  else
    edit_body(&compose->view);
}

static void
take_field(struct ui *ui, struct view *view, const char *text, void *data)
{
  const struct asked *asked = data;
  g_autoptr(GError) error = NULL;
  if (text == NULL)
    return;
  if (!compose_set_field(of(view), asked->field, text, &error)) {
    ui_error(ui, error);
    ask_field(of(view), asked->field, text, asked->goes_on);
  } else if (asked->goes_on) {
    go_on(of(view), asked->field);
  }
}

static enum completion
completion_of(enum compose_field field)
{
  return field == FIELD_SUBJECT ? COMPLETE_NOTHING
         : field == FIELD_FROM  ? COMPLETE_SENDER
                                : COMPLETE_ADDRESS;
}

static void
ask_field(struct compose_view *compose, enum compose_field field, const char *text, bool goes_on)
{
  g_autofree char *present = compose_field_text(compose, field);
  g_autofree char *label = g_strdup_printf("%s:", compose_label(field));
  struct asked *asked = g_new0(struct asked, 1);
  *asked = (struct asked){field, goes_on};
  struct prompt_options options = {
      .label = label,
      .text = text != NULL ? text : present,
      .complete = completion_of(field),
  };
  compose->cursor = (int)field;
  ui_prompt(compose->view.ui, &compose->view, &options, take_field, asked, g_free);
}

void
compose_ask_field(struct compose_view *compose, enum compose_field field, bool goes_on)
{
  ask_field(compose, field, NULL, goes_on);
}

/* An answer begins with its text; what came from outside (mailto:) or from Drafts
 * is only shown. */
void
compose_start(struct compose_view *compose)
{
  const struct draft *draft = compose->draft;
  bool has_to = draft->to != NULL && draft->to->len > 0;
  if (draft->origin != NULL)
    return;
  if (draft->answers != NULL && has_to)
    edit_body(&compose->view);
  else if (!compose_has_recipient(draft))
    ask_field(compose, FIELD_TO, NULL, true);
}

static void
set_field(struct view *view, enum compose_field field, const char *const *args)
{
  g_autoptr(GError) error = NULL;
  if (is_busy(view))
    return;
  if (args[0] == NULL)
    ask_field(of(view), field, NULL, false);
  else if (!compose_set_field(of(view), field, args[0], &error))
    ui_error(view->ui, error);
}

static void
to(struct view *view, const char *const *args)
{
  set_field(view, FIELD_TO, args);
}

static void
cc(struct view *view, const char *const *args)
{
  set_field(view, FIELD_CC, args);
}

static void
bcc(struct view *view, const char *const *args)
{
  set_field(view, FIELD_BCC, args);
}

static void
subject(struct view *view, const char *const *args)
{
  set_field(view, FIELD_SUBJECT, args);
}

static void
from(struct view *view, const char *const *args)
{
  set_field(view, FIELD_FROM, args);
}

static void
account(struct view *view, const char *const *args)
{
  if (!is_busy(view) && !compose_set_account(of(view), args[0]))
    ui_complain(view->ui, _("There is no account '%s'; Tab completes those there are."), args[0]);
}

static void
edit_field(struct view *view, const char *const *args)
{
  static const char *const none[] = {NULL};
  if (compose_attachment(of(view)) < 0)
    set_field(view, (enum compose_field)of(view)->cursor, none);
}

/* ---- text ---- */

/* An editor that failed may have saved half a letter: what was there stays, and
 * what it left behind is kept beside it. */
static void
keep_beside(struct compose_view *compose, char *text, const GError *error)
{
  struct ui *ui = compose->view.ui;
  g_autofree char *key = keymap_key_word(ui->keymap, compose_class.groups, "other-text");
  g_free(compose->other_text);
  compose->other_text = text;
  ui_complain(ui, _("%s; the text is as it was before. %s shows what the editor had saved."),
              error->message, key);
}

static void
edit_body(struct view *view)
{
  g_autoptr(GError) error = NULL;
  struct draft *draft = of(view)->draft;
  g_autofree char *edited = ui_edit_text(view->ui, draft->body != NULL ? draft->body : "",
                                         compose_is_to_be_sealed(of(view)), &error);
  if (edited == NULL)
    ui_complain(view->ui, _("%s; the text is as it was before."), error->message);
  else if (g_strcmp0(edited, draft->body) == 0)
    return;
  else if (error != NULL)
    keep_beside(of(view), g_steal_pointer(&edited), error);
  else
    compose_set_body(of(view), g_steal_pointer(&edited));
}

static void
edit(struct view *view, const char *const *args)
{
  if (!is_busy(view))
    edit_body(view);
}

static void
other_text(struct view *view, const char *const *args)
{
  struct compose_view *compose = of(view);
  if (is_busy(view))
    return;
  if (compose->other_text == NULL) {
    ui_say(view->ui, _("The text was not changed yet."));
    return;
  }
  compose_set_body(compose, g_steal_pointer(&compose->other_text));
  ui_say(view->ui, _("The text as it was before; the same key brings the other back."));
}

/* ---- attachments ---- */

static void
take_attachment(struct view *view, struct event *event, void *data)
{
  g_autofree char *key = keymap_key_word(view->ui->keymap, compose_class.groups, "attach");
  if (event->error != NULL && !error_is(event->error, POSTINO_ERROR_CANCELLED))
    ui_complain(view->ui, _("Nothing was attached: %s. %s tries another file."),
                event->error->message, key);
  if (event->error != NULL || event->part == NULL || of(view)->busy)
    return;
  struct draft_attachment *attachment = g_new0(struct draft_attachment, 1);
  attachment->name = g_strdup(event->part->name != NULL ? event->part->name : "attachment");
  attachment->type =
      g_strdup(event->part->type != NULL ? event->part->type : "application/octet-stream");
  attachment->blob = blob_ref(event->part->file);
  g_ptr_array_add(of(view)->draft->attachments, attachment);
  of(view)->changed = true;
  g_autofree char *size = g_format_size(blob_size(attachment->blob));
  ui_say(view->ui, _("Attached %s, %s."), attachment->name, size);
}

static void
attach(struct view *view, const char *const *args)
{
  g_autofree char *path = ui_typed_path(args[0]);
  if (is_busy(view))
    return;
  request_id request = engine_attach(view->ui->engine, path);
  status_progress(view->ui->status, request, _("Reading the file"), 0, 0);
  ui_await_quiet(view->ui, request, view, take_attachment, NULL, NULL);
}

static void
detach(struct view *view, const char *const *args)
{
  int at = compose_attachment(of(view));
  if (is_busy(view))
    return;
  if (at < 0) {
    ui_say(view->ui, _("Go to an attachment first; this takes it out of the letter."));
    return;
  }
  g_ptr_array_remove_index(of(view)->draft->attachments, (guint)at);
  compose_move(of(view), 0);
  of(view)->changed = true;
}

/* ---- sealing ---- */

static bool
is_known(struct view *view)
{
  if (of(view)->sealing == NULL)
    ui_say(view->ui, _("It is still being found out who it can be sealed to; a moment."));
  return of(view)->sealing != NULL;
}

static void
sign(struct view *view, const char *const *args)
{
  if (is_busy(view) || !is_known(view))
    return;
  of(view)->draft->sign = compose_is_to_be_signed(of(view)) ? DRAFT_NO : DRAFT_YES;
  compose_touch(of(view));
}

/* A wish that could not be met is only taken back: what the rc says holds again. */
static void
unseal(struct compose_view *compose)
{
  const struct conf_account *account = compose_account(compose);
  bool in_vain = compose->sealing != NULL && compose->sealing->error != NULL &&
                 account != NULL && account->encrypt != CONF_ALWAYS;
  compose->draft->encrypt = in_vain ? DRAFT_BY_POLICY : DRAFT_NO;
  compose_touch(compose);
}

static void
unseal_if(struct ui *ui, struct view *view, const char *text, void *data)
{
  if (text == NULL) {
    ui_say(ui, _("It stays to be sealed."));
    return;
  }
  of(view)->agreed |= AGREED_POSTCARD;
  unseal(of(view));
}

static const char *
why_it_is_sealed(const struct compose_view *compose)
{
  const struct conf_account *account = compose_account(compose);
  if (compose->draft->answers_sealed)
    return _("The letter that it answers was sealed. Send this one readable on the way?");
  if (account != NULL && account->encrypt == CONF_ALWAYS)
    return _("This account seals always. Send this one readable on the way?");
  return NULL;
}

static void
encrypt(struct view *view, const char *const *args)
{
  struct compose_view *compose = of(view);
  if (is_busy(view) || !is_known(view))
    return;
  const char *question = why_it_is_sealed(compose);
  if (!compose_is_to_be_sealed(compose)) {
    compose->draft->encrypt = DRAFT_YES;
    compose->agreed &= ~(unsigned)AGREED_POSTCARD;
    compose_touch(compose);
  } else if (question != NULL) {
    ui_confirm(view->ui, view, question, unseal_if, NULL, NULL);
  } else {
    unseal(compose);
  }
}

/* ---- when it leaves ---- */

static void
set_hour(struct compose_view *compose, int64_t at)
{
  g_autofree char *words = hour_words(at);
  compose->draft->not_before = at;
  compose->changed = true;
  if (at == 0)
    ui_say(compose->view.ui, _("It leaves as soon as you send it."));
  else
    ui_say(compose->view.ui, _("Once you send it, it waits in the outbox; it leaves: %s."), words);
}

static void
take_hour(struct ui *ui, struct view *view, const char *text, void *data)
{
  g_autoptr(GError) error = NULL;
  int64_t at;
  if (text == NULL)
    return;
  if (hour_read(text, &at, &error))
    set_hour(of(view), at);
  else
    ui_error(ui, error);
}

static void
send_at(struct view *view, const char *const *args)
{
  if (is_busy(view))
    return;
  if (args[0] != NULL)
    take_hour(view->ui, view, args[0], NULL);
  else
    hour_ask(view, take_hour, NULL, NULL);
}

static void
hold(struct view *view, const char *const *args)
{
  if (!is_busy(view))
    set_hour(of(view), of(view)->draft->not_before == LEDGER_NEVER ? 0 : LEDGER_NEVER);
}

static void
receipt(struct view *view, const char *const *args)
{
  struct compose_view *compose = of(view);
  if (is_busy(view))
    return;
  compose->draft->ask_receipt = !compose->draft->ask_receipt;
  compose->changed = true;
  ui_say(view->ui, compose->draft->ask_receipt
                       ? _("The recipients are asked to say that they read it; they need not.")
                       : _("No receipt is asked for."));
}

/* ---- keys that are missing ---- */

static void
keys_changed(struct view *view, struct event *event, void *data)
{
  if (event->error == NULL && !of(view)->busy)
    compose_touch(of(view));
}

static void
found_key(struct view *view, struct event *event, void *data)
{
  const char *address = data;
  g_autofree char *key = keymap_key_word(view->ui->keymap, compose_class.groups, "find-keys");
  if (event->keys == NULL || event->keys->len == 0)
    return;
  ui_say(view->ui, _("A key of %s was found in %s; %s says that it is the right one."), address,
         event->text, key);
  keys_changed(view, event, NULL);
}

/* Who was asked for it hears how else it comes. */
static void
found_key_or_not(struct view *view, struct event *event, void *data)
{
  if (event->error != NULL && !error_is(event->error, POSTINO_ERROR_CANCELLED))
    ui_complain(view->ui, _("%s (:import-key takes one from a file)"), event->error->message);
  found_key(view, event, data);
}

void
compose_look_for_key(struct compose_view *compose, const char *address, bool quiet)
{
  struct ui *ui = compose->view.ui;
  request_id request = engine_key_find(ui->engine, compose->draft->account, address, true);
  status_progress(ui->status, request, _("Looking for a key"), 0, 0);
  ui_await_quiet(ui, request, &compose->view, quiet ? found_key : found_key_or_not,
                 g_strdup(address), g_free);
}

static void
made_own(struct view *view, struct event *event, void *data)
{
  keys_changed(view, event, data);
  keys_say_made(view, event, data);
}

static void
make_own(struct compose_view *compose)
{
  struct ui *ui = compose->view.ui;
  request_id request = engine_key_make(ui->engine, compose->draft->account);
  status_progress(ui->status, request, _("Making a key pair"), 0, 0);
  ui_await(ui, request, &compose->view, made_own, NULL, NULL);
}

static void
import_key(struct view *view, const char *const *args)
{
  if (!is_busy(view))
    keys_import_file(view, of(view)->draft->account, args[0], NULL);
}

/* What is to be done next so that it can be sealed: one key, pressed again. */
static void
find_keys(struct view *view, const char *const *args)
{
  struct compose_view *compose = of(view);
  if (is_busy(view) || !is_known(view))
    return;
  const struct seal_recipient *lacks = compose_keyless(compose);
  if (lacks == NULL && compose->sealing->plan.lacks_own)
    make_own(compose);
  else if (lacks == NULL)
    ui_say(view->ui, _("Everybody can be sealed to."));
  else if (lacks->untrusted && lacks->key != NULL)
    keys_ask_whose(view->ui, view,
                   &(struct key_question){lacks->spec, lacks->key,
                                          lacks->user_id != NULL ? lacks->user_id : lacks->spec,
                                          lacks->changed},
                   keys_changed);
  else
    compose_look_for_key(compose, lacks->spec, false);
}

/* ---- leaving the writer's hands ---- */

static void
send_letter(struct view *view, const char *const *args)
{
  compose_send(of(view));
}

static void
postpone(struct view *view, const char *const *args)
{
  compose_postpone(of(view));
}

static void
discard(struct view *view, const char *const *args)
{
  compose_discard(of(view));
}

/* ---- moving ---- */

static void
down(struct view *view, const char *const *args)
{
  compose_move(of(view), 1);
}

static void
up(struct view *view, const char *const *args)
{
  compose_move(of(view), -1);
}

static void
page_down(struct view *view, const char *const *args)
{
  of(view)->top += MAX(of(view)->height - 1, 1);
}

static void
page_up(struct view *view, const char *const *args)
{
  of(view)->top = MAX(of(view)->top - MAX(of(view)->height - 1, 1), 0);
}

static const struct command rows[] = {
    {.name = "send", .keys = "y s", .help = N_("Send the letter exactly as it is shown"),
     .hint = N_("send"), .run = send_letter},
    {.name = "edit", .keys = "e", .help = N_("Write the text in your editor"), .hint = N_("text"),
     .run = edit},
    {.name = "other-text", .keys = "u",
     .help = N_("Go back to the text before the last change, and forth"), .run = other_text},
    {.name = "to", .keys = "t", .args = "[addresses]", .complete = COMPLETE_ADDRESS,
     .help = N_("Set the recipients"), .hint = N_("to"), .run = to},
    {.name = "cc", .keys = "c", .args = "[addresses]", .complete = COMPLETE_ADDRESS,
     .help = N_("Set who gets a copy"), .run = cc},
    {.name = "bcc", .keys = "b", .args = "[addresses]", .complete = COMPLETE_ADDRESS,
     .help = N_("Set who gets a copy that nobody sees"), .run = bcc},
    {.name = "subject", .keys = "S", .args = "[text]", .help = N_("Set the subject"),
     .run = subject},
    {.name = "from", .keys = "f", .args = "[address]", .complete = COMPLETE_SENDER,
     .help = N_("Set the address that it comes from"), .run = from},
    {.name = "account", .keys = "", .args = "name", .ask = N_("Account:"),
     .complete = COMPLETE_ACCOUNT, .help = N_("Choose the account that it is sent by"),
     .run = account},
    {.name = "edit-field", .keys = "Enter", .help = N_("Change the field under the cursor"),
     .run = edit_field},
    {.name = "attach", .keys = "a", .args = "file", .ask = N_("Attach file:"),
     .complete = COMPLETE_PATH, .help = N_("Attach a file"), .hint = N_("attach"), .run = attach},
    {.name = "detach", .keys = "x", .help = N_("Take the attachment under the cursor out of the letter"),
     .hint = N_("take out"), .run = detach},
    {.name = "sign", .keys = "i", .help = N_("Sign the letter, or not"), .hint = N_("sign"),
     .run = sign},
    {.name = "encrypt", .keys = "l", .help = N_("Seal the letter, or not"), .hint = N_("seal"),
     .run = encrypt},
    {.name = "send-at", .keys = "w", .args = "[time]",
     .help = N_("Set when the letter leaves once it is sent"), .hint = N_("when"), .run = send_at},
    {.name = "hold", .keys = "h", .help = N_("Hold the letter in the outbox once it is sent, or not"),
     .run = hold},
    {.name = "receipt", .keys = "r", .help = N_("Ask the recipients for a receipt, or not"),
     .run = receipt},
    {.name = "find-keys", .keys = "K",
     .help = N_("Get the key that is missing: from letters or its owner's provider, or confirm it"),
     .hint = N_("key"), .run = find_keys},
    {.name = "import-key", .keys = "", .args = "file", .ask = N_("Take keys from:"),
     .complete = COMPLETE_PATH, .help = N_("Take keys from a file"), .run = import_key},
    {.name = "postpone", .keys = "p", .help = N_("Keep the letter in Drafts"),
     .hint = N_("later"), .run = postpone},
    {.name = "discard", .keys = "X", .help = N_("Throw away what you wrote"), .run = discard},
    {.name = "down", .keys = "j Down Tab", .help = N_("Go to the next field"), .run = down},
    {.name = "up", .keys = "k Up BackTab", .help = N_("Go to the field before"), .run = up},
    {.name = "page-down", .keys = "Space PageDown", .help = N_("Scroll the text down"),
     .run = page_down},
    {.name = "page-up", .keys = "- PageUp", .help = N_("Scroll the text up"), .run = page_up},
};

const struct command_group compose_group = {"compose", N_("Writing a letter"), rows,
                                            G_N_ELEMENTS(rows)};

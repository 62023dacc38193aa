#include "ui/compose/compose.h"

#include <string.h>

#include "base/i18n.h"
#include "base/sanitize.h"

static struct compose_view *
of(struct view *view)
{
  return (struct compose_view *)view;
}

static bool
is_busy(struct view *view)
{
  if (of(view)->busy)
    ui_say(view->ui, _("The letter is on its way; wait a moment."));
  return of(view)->busy;
}

/* ---- fields ---- */

struct asked { enum compose_field field; bool goes_on; };

static void edit_body(struct view *view);
static void ask_field(struct compose_view *compose, enum compose_field field, const char *text,
                      bool goes_on);

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
    return;
  }
  if (!asked->goes_on)
    return;
  if (asked->field == FIELD_TO && of(view)->draft->subject != NULL &&
      *of(view)->draft->subject != '\0')
    edit_body(view);
  else if (asked->field == FIELD_TO)
    ask_field(of(view), FIELD_SUBJECT, NULL, true);
  else
    edit_body(view);
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
      .complete = field == FIELD_SUBJECT ? COMPLETE_NOTHING : COMPLETE_ADDRESS,
  };
  compose->cursor = (int)field;
  ui_prompt(compose->view.ui, &compose->view, &options, take_field, asked, g_free);
}

/* A new letter asks for what it lacks; an answer begins with its text; what came
 * from outside or from Drafts is only shown. */
void
compose_start(struct compose_view *compose)
{
  const struct draft *draft = compose->draft;
  if (draft->origin != NULL)
    return;
  bool has_to = draft->to != NULL && draft->to->len > 0;
  if (draft->answers != NULL && has_to)
    edit_body(&compose->view);
  else if (!has_to)
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
    ui_complain(view->ui, _("There is no account '%s'; A shows those there are."), args[0]);
}

static void
edit_field(struct view *view, const char *const *args)
{
  static const char *const none[] = {NULL};
  if (compose_attachment(of(view)) < 0)
    set_field(view, (enum compose_field)of(view)->cursor, none);
}

/* ---- text ---- */

static void
edit_body(struct view *view)
{
  g_autoptr(GError) error = NULL;
  struct draft *draft = of(view)->draft;
  g_autofree char *edited =
      ui_edit_text(view->ui, draft->body != NULL ? draft->body : "", &error);
  if (edited == NULL) {
    ui_error(view->ui, error);
    return;
  }
  if (g_strcmp0(edited, draft->body) == 0)
    return;
  g_free(draft->body);
  draft->body = g_steal_pointer(&edited);
  of(view)->top = 0;
  compose_touch(of(view));
}

static void
edit(struct view *view, const char *const *args)
{
  if (!is_busy(view))
    edit_body(view);
}

/* ---- attachments ---- */

static void
take_attachment(struct view *view, struct event *event, void *data)
{
  if (event->error != NULL || event->part == NULL)
    return;
  struct draft_attachment *attachment = g_new0(struct draft_attachment, 1);
  attachment->name = g_strdup(event->part->name != NULL ? event->part->name : "attachment");
  attachment->type =
      g_strdup(event->part->type != NULL ? event->part->type : "application/octet-stream");
  attachment->bytes = g_bytes_ref(event->part->bytes);
  g_ptr_array_add(of(view)->draft->attachments, attachment);
  compose_touch(of(view));
}

static void
attach(struct view *view, const char *const *args)
{
  g_autofree char *path = ui_typed_path(args[0]);
  if (!is_busy(view))
    ui_await(view->ui, engine_attach(view->ui->engine, path), view, take_attachment, NULL, NULL);
}

static void
detach(struct view *view, const char *const *args)
{
  int at = compose_attachment(of(view));
  if (is_busy(view))
    return;
  if (at < 0) {
    ui_say(view->ui, _("Put the cursor on an attachment first."));
    return;
  }
  g_ptr_array_remove_index(of(view)->draft->attachments, (guint)at);
  compose_move(of(view), 0);
  compose_touch(of(view));
}

/* ---- sealing ---- */

/* What is wished turns against what is shown now. */
static void
turn(struct view *view, bool present, enum draft_wish *wish)
{
  if (is_busy(view))
    return;
  *wish = *wish == DRAFT_BY_POLICY ? (present ? DRAFT_NO : DRAFT_YES)
          : *wish == DRAFT_YES     ? DRAFT_NO
                                   : DRAFT_YES;
  compose_touch(of(view));
}

static void
sign(struct view *view, const char *const *args)
{
  const struct sealing *sealing = of(view)->sealing;
  turn(view, sealing != NULL && sealing->plan.sign, &of(view)->draft->sign);
}

static void
encrypt(struct view *view, const char *const *args)
{
  const struct sealing *sealing = of(view)->sealing;
  turn(view, sealing != NULL && sealing->plan.encrypt, &of(view)->draft->encrypt);
}

/* ---- sending ---- */

static void
sent(struct view *view, struct event *event, void *data)
{
  struct ui *ui = view->ui;
  of(view)->busy = false;
  if (event->error != NULL) {
    compose_touch(of(view));
    return;
  }
  g_free(ui->sent_id);
  ui->sent_id = g_strdup(event->text);
  ui->sent_until = g_get_monotonic_time() + ui->conf->send_delay * G_USEC_PER_SEC;
  if (ui->conf->send_delay > 0)
    ui_say(ui, _("The letter is sent in %d seconds; u takes it back."), ui->conf->send_delay);
  else
    ui_say(ui, _("The letter is in the outbox and being sent."));
  ui_drop(view);
}

static void
send_so(struct ui *ui, struct view *view, const char *text, void *data)
{
  struct compose_view *compose = of(view);
  if (text == NULL || compose->sealing == NULL)
    return;
  struct seal_plan plan = compose->sealing->plan;
  plan.needs_answer = false;
  compose->busy = true;
  ui_await(ui, engine_send(ui->engine, compose->draft, &plan), view, sent, NULL, NULL);
}

static void
ask_before_sending(struct compose_view *compose)
{
  const struct seal_plan *plan = &compose->sealing->plan;
  const char *how = plan->encrypt ? _("sealed") : _("as a postcard");
  g_autofree char *question =
      plan->why_not != NULL ? g_strdup_printf(_("Send it %s (%s)?"), how, plan->why_not)
                            : g_strdup_printf(_("Send it %s?"), how);
  ui_confirm(compose->view.ui, &compose->view, question, send_so, NULL, NULL);
}

static bool
has_recipient(const struct draft *draft)
{
  return (draft->to != NULL && draft->to->len > 0) || (draft->cc != NULL && draft->cc->len > 0) ||
         (draft->bcc != NULL && draft->bcc->len > 0);
}

static void
send_letter(struct view *view, const char *const *args)
{
  struct compose_view *compose = of(view);
  if (is_busy(view))
    return;
  if (!has_recipient(compose->draft)) {
    ui_complain(view->ui, _("The letter has no recipient; t sets one."));
    return;
  }
  /* Nothing is sent otherwise than it was shown. */
  if (compose->sealing == NULL) {
    compose->send_when_known = true;
    return;
  }
  if (compose->sealing->error != NULL)
    ui_error(view->ui, compose->sealing->error);
  else if (compose->sealing->plan.needs_answer)
    ask_before_sending(compose);
  else
    send_so(view->ui, view, "y", NULL);
}

void
compose_sealing_known(struct compose_view *compose)
{
  static const char *const none[] = {NULL};
  if (!compose->send_when_known)
    return;
  compose->send_when_known = false;
  send_letter(&compose->view, none);
}

/* ---- keeping ---- */

static void
kept(struct view *view, struct event *event, void *data)
{
  of(view)->busy = false;
  if (event->error != NULL)
    return;
  ui_say(view->ui, _("The letter is kept in %s; open it there to go on."),
         engine_drafts(view->ui->engine));
  ui_drop(view);
}

static void
postpone(struct view *view, const char *const *args)
{
  struct ui *ui = view->ui;
  if (is_busy(view))
    return;
  of(view)->busy = true;
  ui_await(ui, engine_postpone(ui->engine, of(view)->draft), view, kept, NULL, NULL);
}

bool
compose_may_close(struct view *view)
{
  static const char *const none[] = {NULL};
  if (!of(view)->changed && !of(view)->busy)
    return true;
  if (!of(view)->busy)
    postpone(view, none);
  return false;
}

static void
discard_if(struct ui *ui, struct view *view, const char *text, void *data)
{
  if (text == NULL)
    return;
  ui_say(ui, _("The letter was thrown away."));
  ui_drop(view);
}

static void
discard(struct view *view, const char *const *args)
{
  if (!is_busy(view))
    ui_confirm(view->ui, view, _("Throw what you wrote away?"), discard_if, NULL, NULL);
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
    {.name = "to", .keys = "t", .args = "[addresses]", .complete = COMPLETE_ADDRESS,
     .help = N_("Set the recipients"), .hint = N_("to"), .run = to},
    {.name = "cc", .keys = "c", .args = "[addresses]", .complete = COMPLETE_ADDRESS,
     .help = N_("Set who gets a copy"), .run = cc},
    {.name = "bcc", .keys = "b", .args = "[addresses]", .complete = COMPLETE_ADDRESS,
     .help = N_("Set who gets a copy that nobody sees"), .run = bcc},
    {.name = "subject", .keys = "S", .args = "[text]", .help = N_("Set the subject"),
     .run = subject},
    {.name = "from", .keys = "f", .args = "[address]", .complete = COMPLETE_ADDRESS,
     .help = N_("Set the address that it comes from"), .run = from},
    {.name = "account", .keys = "", .args = "name", .ask = N_("Account:"),
     .complete = COMPLETE_ACCOUNT, .help = N_("Choose the account that it is sent by"),
     .run = account},
    {.name = "edit-field", .keys = "Enter", .help = N_("Change the field under the cursor"),
     .run = edit_field},
    {.name = "attach", .keys = "a", .args = "file", .ask = N_("Attach file:"),
     .complete = COMPLETE_PATH, .help = N_("Attach a file"), .hint = N_("attach"), .run = attach},
    {.name = "detach", .keys = "x", .help = N_("Take the attachment under the cursor away"),
     .run = detach},
    {.name = "sign", .keys = "i", .help = N_("Sign the letter, or not"), .hint = N_("sign"),
     .run = sign},
    {.name = "encrypt", .keys = "l", .help = N_("Seal the letter, or not"), .hint = N_("seal"),
     .run = encrypt},
    {.name = "postpone", .keys = "p", .help = N_("Keep the letter in Drafts"),
     .hint = N_("later"), .run = postpone},
    {.name = "discard", .keys = "X", .help = N_("Throw the letter away"), .run = discard},
    {.name = "down", .keys = "j Down Tab", .help = N_("Go to the next field"), .run = down},
    {.name = "up", .keys = "k Up BackTab", .help = N_("Go to the field before"), .run = up},
    {.name = "page-down", .keys = "Space PageDown", .help = N_("Scroll the text down"),
     .run = page_down},
    {.name = "page-up", .keys = "- PageUp", .help = N_("Scroll the text up"), .run = page_up},
};

const struct command_group compose_group = {"compose", N_("Writing a letter"), rows,
                                            G_N_ELEMENTS(rows)};

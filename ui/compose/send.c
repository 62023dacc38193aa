/* How a letter leaves the writer's hands: sent, kept, or thrown away. */
#include "ui/compose/compose.h"

#include <string.h>

#include "base/error.h"
#include "base/i18n.h"

static struct compose_view *
of(struct view *view)
{
  return (struct compose_view *)view;
}

static char *
key_of(const struct compose_view *compose, const char *command)
{
  return keymap_key_word(compose->view.ui->keymap, compose_class.groups, command);
}

/* The letter is dealt with.  It may be the last view (mail was looked at from it),
 * and that is no reason to leave the program. */
static void
leave_view(struct compose_view *compose)
{
  struct ui *ui = compose->view.ui;
  if (ui->views->len == 1)
    ui_push(ui, index_view_new(ui, engine_inbox(ui->engine), NULL));
  ui_drop(&compose->view);
  if (ui->leaving_asked)
    ui_leave(ui);
}

/* ---- sending ---- */

static void
say_still_here(struct compose_view *compose, const char *format, const GError *error)
{
  struct ui *ui = compose->view.ui;
  ui->leaving_asked = false;
  bool cancelled = error_is(error, POSTINO_ERROR_CANCELLED);
  g_autoptr(GString) sentence = g_string_new(format);
  g_string_replace(sentence, "%s", cancelled ? _("Cancelled") : error->message, 1);
  ui_complain(ui, "%s", sentence->str);
}

/* The letter has an hour of its own. */
static void
say_waits(struct ui *ui, int64_t at)
{
  g_autofree char *when = hour_words(at);
  g_autofree char *key = keymap_key_word(ui->keymap, ui_view(ui)->kind->groups, "queue");
  ui_say(ui, _("The letter waits in the outbox (%s shows it); it leaves: %s."), key, when);
}

static void
say_sent(struct ui *ui)
{
  int delay = ui->conf->send_delay;
  const struct command_group *const *groups = ui_view(ui)->kind->groups;
  g_autofree char *key = command_find(groups, "undo") != NULL
                             ? keymap_key_word(ui->keymap, groups, "undo")
                             : NULL;
  if (delay > 0 && key != NULL)
    ui_say(ui, ngettext("The letter is sent in %d second; %s takes it back.",
                        "The letter is sent in %d seconds; %s takes it back.", (gulong)delay),
           delay, key);
  else
    ui_say(ui, _("The letter is in the outbox and being sent."));
}

static void
sent(struct view *view, struct event *event, void *data)
{
  struct ui *ui = view->ui;
  of(view)->busy = false;
  if (event->error != NULL) {
    say_still_here(of(view), _("%s. The letter was not sent and is still open here."), event->error);
    compose_touch(of(view));
    return;
  }
  g_free(ui->sent_id);
  ui->sent_id = g_strdup(event->text);
  ui->sent_until = g_get_monotonic_time() + ui->conf->send_delay * G_USEC_PER_SEC;
  int64_t at = of(view)->draft->not_before;
  leave_view(of(view));
  if (at > g_get_real_time() / G_USEC_PER_SEC + ui->conf->send_delay)
    say_waits(ui, at);
  else
    say_sent(ui);
}

static void
send_now(struct compose_view *compose)
{
  struct ui *ui = compose->view.ui;
  struct seal_plan plan = compose->sealing->plan;
  plan.needs_answer = false;
  compose->busy = true;
  request_id request = engine_send(ui->engine, compose->draft, &plan);
  status_progress(ui->status, request, plan.encrypt || plan.sign ? _("Sealing the letter")
                                                                 : _("Keeping the letter"), 0, 0);
  ui_await_quiet(ui, request, &compose->view, sent, NULL, NULL);
}

/* ---- what is asked before ---- */

struct doubt {
  unsigned agreed;
  const char *command;      /* what mends it */
};

static void
settle_doubt(struct ui *ui, struct view *view, const char *text, void *data)
{
  const struct doubt *doubt = data;
  if (text != NULL) {
    of(view)->agreed |= doubt->agreed;
    compose_send(of(view));
    return;
  }
  g_autofree char *key = key_of(of(view), doubt->command);
  g_autofree char *send = key_of(of(view), "send");
  ui_say(ui, _("Not sent yet. %s changes that, %s sends the letter."), key, send);
}

/* Asked once: true when the writer has said yes before. */
static bool
is_agreed(struct compose_view *compose, const struct doubt *doubt, const char *question)
{
  if (compose->agreed & doubt->agreed)
    return true;
  ui_confirm(compose->view.ui, &compose->view, question, settle_doubt,
             g_memdup2(doubt, sizeof *doubt), g_free);
  return false;
}

static bool
has_subject(struct compose_view *compose)
{
  static const struct doubt doubt = {AGREED_NO_SUBJECT, "subject"};
  const char *subject = compose->draft->subject;
  return (subject != NULL && *subject != '\0') ||
         is_agreed(compose, &doubt, _("The letter has no subject. Send it without?"));
}

static bool
has_its_attachment(struct compose_view *compose)
{
  static const struct doubt doubt = {AGREED_NO_ATTACHMENT, "attach"};
  return compose->draft->attachments->len > 0 ||
         !compose_speaks_of_attachment(compose->draft->body) ||
         is_agreed(compose, &doubt,
                   _("It speaks of something attached, and nothing is. Send it so?"));
}

/* What the rc leaves to be asked (`ask`) differs from what was a yes already: a
 * postcard in answer to a sealed letter. */
static bool
is_to_be_asked(const struct compose_view *compose)
{
  const struct conf_account *account = compose_account(compose);
  const struct draft *draft = compose->draft;
  bool by_rc = account != NULL &&
               ((draft->encrypt == DRAFT_BY_POLICY && account->encrypt == CONF_ASK) ||
                (draft->sign == DRAFT_BY_POLICY && account->sign == CONF_ASK));
  return compose->sealing->plan.needs_answer &&
         (by_rc || !(compose->agreed & AGREED_POSTCARD));
}

static void
send_so(struct ui *ui, struct view *view, const char *text, void *data)
{
  if (text != NULL && of(view)->sealing != NULL) {
    send_now(of(view));
    return;
  }
  g_autofree char *seal = key_of(of(view), "encrypt"), *sign = key_of(of(view), "sign");
  g_autofree char *send = key_of(of(view), "send");
  ui_say(ui, _("Not sent. %s seals it or not, %s signs it or not, then %s sends it."), seal, sign,
         send);
}

static void
ask_how(struct compose_view *compose)
{
  const struct seal_plan *plan = &compose->sealing->plan;
  const char *how = plan->encrypt && plan->sign ? _("sealed and signed")
                    : plan->encrypt             ? _("sealed")
                    : plan->sign                ? _("as a signed postcard, readable on the way")
                                                : _("as a postcard, readable on the way");
  g_autofree char *question =
      compose->draft->answers_sealed && !plan->encrypt
          ? g_strdup_printf(_("The letter that it answers was sealed. Send this one %s?"), how)
          : g_strdup_printf(_("Send it %s?"), how);
  ui_confirm(compose->view.ui, &compose->view, question, send_so, NULL, NULL);
}

static void
refuse(struct compose_view *compose)
{
  g_autofree char *seal = key_of(compose, "encrypt"), *later = key_of(compose, "postpone");
  /* Why stands beside them. */
  const struct seal_recipient *lacks = compose_keyless(compose);
  if (lacks != NULL && lacks->why != NULL &&
      strstr(compose->sealing->error->message, lacks->why) != NULL)
    ui_complain(compose->view.ui,
                _("Not sent: this letter was to be sealed, and %s cannot be sealed to (%s: as a "
                  "postcard or not; %s: keep it for later)"), lacks->spec, seal, later);
  else
    ui_complain(compose->view.ui,
                _("Not sent: %s (%s: as a postcard or not; %s: keep it for later)"),
                compose->sealing->error->message, seal, later);
}

void
compose_send(struct compose_view *compose)
{
  struct ui *ui = compose->view.ui;
  if (compose_is_busy(compose))
    return;
  if (!compose_has_recipient(compose->draft)) {
    ui_complain(ui, _("The letter has no recipient yet: write to whom it goes."));
    compose_ask_field(compose, FIELD_TO, false);
    return;
  }
  if (!has_subject(compose) || !has_its_attachment(compose))
    return;
  /* Nothing is sent otherwise than it was shown. */
  if (compose->sealing == NULL) {
    compose->send_when_known = true;
    ui_say(ui, _("It is sent as soon as it is known whether it can be sealed."));
  } else if (compose->sealing->error != NULL) {
    refuse(compose);
  } else if (is_to_be_asked(compose)) {
    ask_how(compose);
  } else {
    send_now(compose);
  }
}

/* A letter that was sent before it was known how it leaves is shown first when it
 * leaves as a postcard: nobody has seen that yet. */
void
compose_sealing_known(struct compose_view *compose)
{
  if (!compose->send_when_known)
    return;
  compose->send_when_known = false;
  if (compose->sealing != NULL && compose->sealing->error == NULL &&
      !compose->sealing->plan.encrypt && !compose->busy)
    ask_how(compose);
  else
    compose_send(compose);
}

/* ---- keeping ---- */

static void
kept(struct view *view, struct event *event, void *data)
{
  struct ui *ui = view->ui;
  of(view)->busy = false;
  if (event->error != NULL) {
    say_still_here(of(view), _("%s. The letter was not kept and is still open here."), event->error);
    of(view)->unkeepable = ui->leaving;
    return;
  }
  leave_view(of(view));
  ui_say(ui, _("The letter is kept in %s; open it there to go on."), engine_drafts(ui->engine));
}

void
compose_postpone(struct compose_view *compose)
{
  struct ui *ui = compose->view.ui;
  if (compose_is_busy(compose))
    return;
  compose->busy = true;
  ui_await_quiet(ui, engine_postpone(ui->engine, compose->draft), &compose->view, kept, NULL,
                 NULL);
}

static void
throw_away(struct compose_view *compose)
{
  struct ui *ui = compose->view.ui;
  const char *said = compose->draft->origin != NULL
                         ? _("What you changed was thrown away; the draft is as it was.")
                         : _("The letter was thrown away.");
  leave_view(compose);
  ui_say(ui, "%s", said);
}

static void
discard_if(struct ui *ui, struct view *view, const char *text, void *data)
{
  if (text != NULL)
    throw_away(of(view));
}

void
compose_discard(struct compose_view *compose)
{
  if (!compose_is_busy(compose))
    ui_confirm(compose->view.ui, &compose->view, _("Throw away what you wrote?"), discard_if, NULL,
               NULL);
}

/* ---- closing ---- */

static void
close_so(struct ui *ui, struct view *view, const char *text, void *data)
{
  if (text == NULL)
    ui->leaving_asked = false;
  else if (*text == 'k')
    compose_postpone(of(view));
  else
    throw_away(of(view));
}

bool
compose_may_close(struct view *view)
{
  struct compose_view *compose = of(view);
  if (compose_is_busy(compose))
    return false;
  if (!compose->changed)
    return true;
  struct prompt_options options = {
      .label = _("This letter is not sent. Keep it (k) or throw it away (x)?"),
      .choices = "kx",
      .hint = _("k keeps it in the drafts, x throws it away, any other key goes on writing"),
  };
  ui_prompt(view->ui, view, &options, close_so, NULL, NULL);
  return false;
}

bool
compose_rescue(struct view *view)
{
  struct compose_view *compose = of(view);
  if (!compose->changed || compose->unkeepable)
    return compose->busy;
  if (!compose->busy)
    compose_postpone(compose);
  return true;
}

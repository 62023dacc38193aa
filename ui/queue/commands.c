#include "base/i18n.h"
#include "ui/fate.h"
#include "ui/queue/queue.h"

static struct queue_view *
of(struct view *view)
{
  return (struct queue_view *)view;
}

static const struct ledger_letter *
letter_of(struct view *view)
{
  return queue_letter(of(view), of(view)->list.cursor);
}

static void
down(struct view *view, const char *const *args)
{
  list_move(&of(view)->list, 1);
}

static void
up(struct view *view, const char *const *args)
{
  list_move(&of(view)->list, -1);
}

static void
reload(struct view *view, struct event *event, void *data)
{
  queue_load(of(view));
}

static void
retry_if(struct ui *ui, struct view *view, const char *text, void *id)
{
  if (text == NULL)
    return;
  request_id request = engine_queue_retry(ui->engine, id);
  status_progress(ui->status, request, _("Sending"), 0, 0);
  ui_await(ui, request, view, reload, NULL, NULL);
}

static void
retry(struct view *view, const char *const *args)
{
  const struct ledger_letter *letter = letter_of(view);
  if (letter == NULL)
    return;
  g_autofree char *id = g_strdup(letter->id);
  if (letter->state == LETTER_UNSURE)
    ui_confirm(view->ui, view,
               _("It may have been sent already; the recipients may get it twice. Send it?"),
               retry_if, g_steal_pointer(&id), g_free);
  else
    retry_if(view->ui, view, "y", id);
}

static void
cancelled(struct view *view, struct event *event, void *data)
{
  queue_load(of(view));
  if (event->error != NULL)
    return;
  ui_say(view->ui, _("Not sent; the letter lies in %s."), engine_drafts(view->ui->engine));
}

static void
cancel_if(struct ui *ui, struct view *view, const char *text, void *id)
{
  if (text != NULL)
    ui_await(ui, engine_queue_cancel(ui->engine, id), view, cancelled, NULL, NULL);
}

static void
cancel(struct view *view, const char *const *args)
{
  const struct ledger_letter *letter = letter_of(view);
  if (letter != NULL)
    ui_confirm(view->ui, view, _("Take the letter out of the outbox, back to the drafts?"),
               cancel_if, g_strdup(letter->id), g_free);
}

static void
unsend(struct view *view, const char *const *args)
{
  const struct ledger_letter *letter = letter_of(view);
  if (letter != NULL)
    ui_await(view->ui, engine_unsend(view->ui->engine, letter->id), view, cancelled, NULL, NULL);
}

/* ---- when it leaves ---- */

static void
hold_until(struct view *view, const char *id, int64_t at)
{
  request_id request = at == 0 ? engine_queue_retry(view->ui->engine, id)
                               : engine_queue_hold(view->ui->engine, id, at);
  if (at == 0)
    status_progress(view->ui->status, request, _("Sending"), 0, 0);
  ui_await(view->ui, request, view, reload, NULL, NULL);
}

static void
take_hour(struct ui *ui, struct view *view, const char *text, void *id)
{
  g_autoptr(GError) error = NULL;
  int64_t at;
  if (text == NULL)
    return;
  if (hour_read(text, &at, &error))
    hold_until(view, id, at);
  else
    ui_error(ui, error);
}

/* To send it again is another question. */
static bool
is_unsure(struct view *view, const struct ledger_letter *letter)
{
  bool unsure = letter->state == LETTER_UNSURE;
  if (unsure)
    ui_say(view->ui, _("It may have been sent already: try it again, or take it back."));
  return unsure;
}

static void
send_at(struct view *view, const char *const *args)
{
  const struct ledger_letter *letter = letter_of(view);
  if (letter == NULL || is_unsure(view, letter))
    return;
  g_autofree char *id = g_strdup(letter->id);
  if (args[0] != NULL)
    take_hour(view->ui, view, args[0], id);
  else
    hour_ask(view, take_hour, g_steal_pointer(&id), g_free);
}

static void
hold(struct view *view, const char *const *args)
{
  const struct ledger_letter *letter = letter_of(view);
  if (letter == NULL || is_unsure(view, letter))
    return;
  hold_until(view, letter->id, LEDGER_NEVER);
}

/* ---- changing it ---- */

static void
edit_taken(struct view *view, struct event *event, void *data)
{
  queue_load(of(view));
  if (event->error == NULL && event->text != NULL)
    ui_await_view(view->ui, engine_resume(view->ui->engine, event->text), compose_open_draft, NULL,
                  NULL);
}

static void
edit_if(struct ui *ui, struct view *view, const char *text, void *id)
{
  if (text != NULL)
    ui_await(ui, engine_queue_cancel(ui->engine, id), view, edit_taken, NULL, NULL);
}

/* It is out of the outbox while it is written. */
static void
edit(struct view *view, const char *const *args)
{
  const struct ledger_letter *letter = letter_of(view);
  if (letter == NULL)
    return;
  g_autofree char *id = g_strdup(letter->id);
  if (letter->state == LETTER_UNSURE)
    ui_confirm(view->ui, view,
               _("It may have been sent already; the recipients may get it twice. Change it?"),
               edit_if, g_steal_pointer(&id), g_free);
  else
    edit_if(view->ui, view, "y", id);
}

static void
flush(struct view *view, const char *const *args)
{
  struct ui *ui = view->ui;
  request_id request = engine_flush(ui->engine, true);
  status_progress(ui->status, request, _("Sending"), 0, 0);
  ui_await(ui, request, view, reload, NULL, NULL);
}

/* Each recipient's own words say more. */
static bool
has_reasons(const struct ledger_letter *letter)
{
  for (guint i = 0; letter->recipients != NULL && i < letter->recipients->len; i++)
    if (((const struct ledger_recipient *)g_ptr_array_index(letter->recipients, i))->reason != NULL)
      return true;
  return false;
}

static void
details(struct view *view, const char *const *args)
{
  const struct ledger_letter *letter = letter_of(view);
  if (letter == NULL)
    return;
  GPtrArray *lines = text_lines_new();
  text_add(lines, STYLE_LABEL, _("Letter %s by account %s, from %s"), letter->id, letter->account,
           letter->from);
  text_add(lines, STYLE_NORMAL, _("Subject: %s"), queue_subject(of(view), of(view)->list.cursor));
  text_add(lines, STYLE_NORMAL, ngettext("Tried %u time.", "Tried %u times.", letter->attempts),
           letter->attempts);
  if (letter->reason != NULL && !has_reasons(letter))
    text_add(lines, STYLE_NOTICE, "%s", letter->reason);
  for (guint i = 0; letter->recipients != NULL && i < letter->recipients->len; i++) {
    const struct ledger_recipient *one = g_ptr_array_index(letter->recipients, i);
    bool bad;
    g_autofree char *fate = fate_line(one, &bad);
    text_add(lines, bad ? STYLE_BAD : STYLE_NORMAL, "  %s", fate);
  }
  ui_push(view->ui, text_view_new(view->ui, _("A letter in the outbox"), lines));
}

static const struct command rows[] = {
    {.name = "down", .keys = "j Down", .help = N_("Go to the next letter"), .run = down},
    {.name = "up", .keys = "k Up", .help = N_("Go to the letter before"), .run = up},
    {.name = "details", .keys = "Enter", .help = N_("Show each recipient and why it waits"),
     .hint = N_("details"), .run = details},
    {.name = "retry", .keys = "r", .help = N_("Try this letter now"), .hint = N_("retry"),
     .run = retry},
    {.name = "edit", .keys = "e", .help = N_("Take the letter out of the outbox and write on"),
     .hint = N_("edit"), .run = edit},
    {.name = "send-at", .keys = "w", .args = "[time]", .help = N_("Set when the letter leaves"),
     .hint = N_("when"), .run = send_at},
    {.name = "hold", .keys = "h", .help = N_("Hold the letter until you send it"), .run = hold},
    {.name = "flush", .keys = "s", .help = N_("Send all that waits"), .hint = N_("send all"),
     .run = flush},
    {.name = "cancel-letter", .keys = "d Delete", .help = N_("Take the letter out of the outbox"),
     .hint = N_("cancel"), .run = cancel},
    {.name = "unsend", .keys = "u", .help = N_("Take a held letter back to the drafts"),
     .run = unsend},
};

const struct command_group queue_group = {"queue", N_("The outbox"), rows, G_N_ELEMENTS(rows)};

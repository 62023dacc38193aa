#include <time.h>

#include "base/error.h"
#include "base/i18n.h"
#include "base/text.h"
#include "base/when.h"
#include "message/draft.h"
#include "ui/cli/cli.h"
#include "ui/report.h"

/* Recipients that are still waited for, or refused: whom the row is about. */
static char *
recipients_of(const struct ledger_letter *letter)
{
  GString *text = g_string_new(NULL);
  for (guint i = 0; i < letter->recipients->len; i++) {
    const struct ledger_recipient *recipient = letter->recipients->pdata[i];
    if (recipient->state != RECIPIENT_ACCEPTED && recipient->state != RECIPIENT_DELIVERED)
      g_string_append_printf(text, "%s%s", text->len > 0 ? "," : "", recipient->spec);
  }
  return g_string_free(text, FALSE);
}

/* When it is tried next; 0: when somebody says so. */
static int64_t
due_at(const struct ledger_letter *letter)
{
  int64_t due = letter->state == LETTER_HELD     ? letter->not_before
                : letter->state == LETTER_QUEUED ? letter->next_try
                                                 : 0;
  return due != LEDGER_NEVER ? due : 0;
}

static void
print_letter(const struct ledger_letter *letter)
{
  g_autofree char *recipients = recipients_of(letter);
  g_autofree char *since = cli_date(letter->created);
  g_autofree char *next = cli_date(due_at(letter));
  printf("%s\t%s\t%s\t%s\t%s\t%s\n", letter->id, engine_state_word(letter->state),
         since != NULL ? since : "-", next != NULL ? next : "-", recipients,
         letter->reason != NULL ? letter->reason : "-");
}

static json_t *
letter_json(const struct ledger_letter *letter)
{
  g_autofree char *since = cli_date(letter->created);
  g_autofree char *next = cli_date(due_at(letter));
  json_t *recipients = json_array();
  for (guint i = 0; i < letter->recipients->len; i++) {
    const struct ledger_recipient *recipient = letter->recipients->pdata[i];
    json_array_append_new(
        recipients, json_pack("{s:o, s:s, s:o, s:o}", "address", cli_json_text(recipient->spec),
                              "state", engine_recipient_word(recipient->state), "reason",
                              cli_json_text(recipient->reason), "status",
                              cli_json_text(recipient->status)));
  }
  return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "id", letter->id, "state",
                   engine_state_word(letter->state), "since", cli_json_text(since), "next_try",
                   cli_json_text(next), "account", cli_json_text(letter->account), "message_id",
                   cli_json_text(letter->message_id), "recipients", recipients, "reason",
                   cli_json_text(letter->reason));
}

static bool
list(struct cli *cli, GError **error)
{
  g_autoptr(event_t) event = cli_wait(cli, engine_queue(cli->engine), error);
  if (event == NULL)
    return false;
  json_t *array = json_array();
  for (guint i = 0; i < event->queue->len; i++)
    if (cli->json)
      json_array_append_new(array, letter_json(event->queue->pdata[i]));
    else
      print_letter(event->queue->pdata[i]);
  if (cli->json)
    cli_json(array);
  else
    json_decref(array);
  return true;
}

/* When the next letter that waits by itself is due; 0: none. */
static bool
next_due(struct cli *cli, int64_t *next_out, GError **error)
{
  g_autoptr(event_t) event = cli_wait(cli, engine_queue(cli->engine), error);
  if (event == NULL)
    return false;
  *next_out = 0;
  for (guint i = 0; i < event->queue->len; i++) {
    const struct ledger_letter *letter = event->queue->pdata[i];
    int64_t due = due_at(letter);
    if (due > 0 && (*next_out == 0 || due < *next_out))
      *next_out = due;
  }
  return true;
}

static bool
flush_once(struct cli *cli, bool due_now, GError **error)
{
  g_autoptr(event_t) event = cli_wait(cli, engine_flush(cli->engine, due_now), error);
  return event != NULL;
}

/* Stays until nothing waits by itself any more. */
static bool
flush_and_wait(struct cli *cli, GError **error)
{
  bool due_now = false;
  for (;;) {
    g_autoptr(GError) fault = NULL;
    if (!flush_once(cli, due_now, &fault) && !error_is(fault, POSTINO_ERROR_RETRY)) {
      g_propagate_error(error, g_steal_pointer(&fault));
      return false;
    }
    int64_t next = 0, now = time(NULL);
    if (!next_due(cli, &next, error))
      return false;
    if (next == 0)
      return true;
    if (cli_pause(cli, (int)CLAMP(next - now, 1, 3600)))
      return true;
  }
}

/* Out of the outbox, into the drafts, and onto stdout as an editor takes it. */
static bool
edit(struct cli *cli, const char *id, GError **error)
{
  g_autoptr(event_t) taken = cli_wait(cli, engine_queue_cancel(cli->engine, id), error);
  g_autoptr(event_t) draft =
      taken != NULL ? cli_wait(cli, engine_resume(cli->engine, taken->text), error) : NULL;
  if (draft == NULL)
    return false;
  g_autofree char *text = draft_format(draft->draft);
  fputs(text, stdout);
  return true;
}

static bool
hold(struct cli *cli, const char *id, const char *at, GError **error)
{
  int64_t not_before = LEDGER_NEVER;
  if (at != NULL && !when_parse(at, time(NULL), &not_before, error))
    return false;
  g_autoptr(event_t) event =
      cli_wait(cli, engine_queue_hold(cli->engine, id, not_before), error);
  return event != NULL;
}

static void
print_fate(const struct ledger_recipient *recipient)
{
  printf("%s\t%s\t%s\t%s\n", recipient->spec, engine_recipient_word(recipient->state),
         recipient->status != NULL ? recipient->status : "-",
         recipient->reason != NULL ? recipient->reason : "-");
}

/* Also of letters that have left the outbox. */
static bool
show_fates(struct cli *cli, const char *id, GError **error)
{
  const char *name = g_str_has_prefix(id, "id:") ? id + strlen("id:") : id;
  g_autoptr(event_t) event = cli_wait(cli, engine_fates(cli->engine, name), error);
  if (event == NULL)
    return false;
  if (event->queue->len == 0)
    return error_set(error, POSTINO_ERROR_NOTFOUND,
                     _("no letter %s was sent from here; name it as queue list or id:MESSAGE-ID do"),
                     id);
  const struct ledger_letter *letter = event->queue->pdata[0];
  if (cli->json) {
    json_t *array = json_array();
    json_array_append_new(array, letter_json(letter));
    cli_json(array);
    return true;
  }
  for (guint i = 0; i < letter->recipients->len; i++)
    print_fate(letter->recipients->pdata[i]);
  return true;
}

/* Commands that name a letter. */
static bool
one_letter(struct cli *cli, const char *what, const char *id, const char *at, GError **error)
{
  if (text_ascii_equal(what, "edit"))
    return edit(cli, id, error);
  if (text_ascii_equal(what, "show"))
    return show_fates(cli, id, error);
  if (text_ascii_equal(what, "hold"))
    return hold(cli, id, at, error);
  request_id request = text_ascii_equal(what, "retry") ? engine_queue_retry(cli->engine, id)
                                                       : engine_queue_cancel(cli->engine, id);
  g_autoptr(event_t) event = cli_wait(cli, request, error);
  return event != NULL;
}

static bool
names_a_letter(const char *what)
{
  static const char *const words[] = {"retry", "cancel", "edit", "hold", "show", NULL};
  return g_strv_contains(words, what);
}

bool
cli_queue(struct cli *cli, int argc, char **argv, GError **error)
{
  gboolean wait = FALSE;
  g_autofree char *at = NULL;
  const GOptionEntry entries[] = {
      {"wait", 'w', 0, G_OPTION_ARG_NONE, &wait,
       N_("flush: stay until nothing waits by itself any more"), NULL},
      {"at", 0, 0, G_OPTION_ARG_STRING, &at, N_("hold: until then, say \"tomorrow 8:00\""), "TIME"},
      {0}};
  if (!cli_options(cli, entries, &argc, &argv, error) || !cli_words(argc, argv, 0, 2, error) ||
      !cli_engine(cli, error))
    return false;
  const char *what = argc > 1 ? argv[1] : "list";
  const char *id = argc > 2 ? argv[2] : NULL;
  if (text_ascii_equal(what, "list") && id == NULL)
    return list(cli, error);
  if (text_ascii_equal(what, "flush") && id == NULL)
    return wait ? flush_and_wait(cli, error) : flush_once(cli, true, error);
  if (id == NULL || !names_a_letter(what))
    return error_set(error, POSTINO_ERROR_USAGE,
                     _("queue takes list, flush, or show, retry, cancel, edit or hold and an ID"));
  return one_letter(cli, what, id, at, error);
}

/* Sending: a draft of the interface, or a whole letter from outside. */
#include "engine/out.h"

#include <string.h>

#include "base/error.h"
#include "base/i18n.h"
#include "message/headers.h"
#include "message/words.h"

static int64_t
now_seconds(void)
{
  return g_get_real_time() / G_USEC_PER_SEC;
}

static const char *
domain_of(const char *spec)
{
  const char *at = spec != NULL ? strrchr(spec, '@') : NULL;
  return at != NULL ? at + 1 : "localhost";
}

/* The outbox or Drafts hold what the old draft held: it may go. */
void
drop_origin(struct work *work, const char *key)
{
  const char *keys[] = {key, NULL};
  g_autoptr(GError) why = NULL;
  if (store_expunge(work->engine->store, keys, &why) || error_is(why, POSTINO_ERROR_NOTFOUND))
    return;
  g_autofree char *text = g_strdup_printf(_("the earlier draft is still there: %s"), why->message);
  work_notice(work, true, text);
}

/* ---- a draft ---- */

struct send {
  struct draft *draft;
  struct seal_plan plan;
  bool planned;
};

static void
send_free(void *data)
{
  struct send *send = data;
  draft_free(send->draft);
  seal_plan_clear(&send->plan);
  g_free(send);
}

static const struct conf_account *
smtp_account(struct engine *engine, const char *name, GError **error)
{
  const struct conf_account *account = engine_account(engine, name, error);
  if (account == NULL || account->smtp != NULL)
    return account;
  error_set(error, POSTINO_ERROR_CONFIG,
            _("account \"%s\" has no smtp block, so nothing can be sent; add one to %s"),
            account->name, engine->conf->path);
  return NULL;
}

/* What was shown is what happens.  A plan that would let go in the clear what must
 * be sealed is no plan that was shown for this draft. */
static bool
settle_plan(struct work *work, const struct conf_account *account, struct send *send,
            GError **error)
{
  const struct draft *draft = send->draft;
  if (!send->planned) {
    g_autoptr(GPtrArray) recipients = NULL;
    if (!draft_weigh(work, draft, &recipients, &send->plan, error))
      return false;
    if (send->plan.needs_answer)
      return error_set(error, POSTINO_ERROR_TRUST, "%s",
                       _("not sent: say first whether this letter shall be sealed"));
  }
  bool must = draft->encrypt == DRAFT_YES ||
              (draft->encrypt == DRAFT_BY_POLICY && account->encrypt == CONF_ALWAYS);
  if (must && !send->plan.encrypt)
    return error_set(error, POSTINO_ERROR_TRUST, "%s",
                     _("not sent: this letter must be sealed, and what was shown was a postcard; "
                       "look at it again and send it then"));
  return true;
}

static void
list_recipients(const struct draft *draft, struct outgoing *outgoing)
{
  outgoing->visible = g_ptr_array_new_with_free_func(g_free);
  outgoing->hidden = g_ptr_array_new_with_free_func(g_free);
  add_specs(outgoing->visible, draft->to, NULL);
  add_specs(outgoing->visible, draft->cc, NULL);
  add_specs(outgoing->hidden, draft->bcc, outgoing->visible);
}

static const char *
dsn_of(const struct conf_account *account, const struct posting *posting)
{
  static const char *const by_rc[] = {
      [CONF_DSN_DEFAULT] = NULL,
      [CONF_DSN_NEVER] = "NOTIFY=NEVER",
      [CONF_DSN_FAILURE] = "NOTIFY=FAILURE,DELAY",
      [CONF_DSN_ALWAYS] = "NOTIFY=SUCCESS,FAILURE,DELAY",
  };
  return posting->dsn != NULL ? posting->dsn : by_rc[account->dsn];
}

/* Not before it can no longer be taken back. */
static int64_t
hand_over_at(const struct engine *engine, const struct conf_account *account)
{
  bool wanted = account->smtp != NULL && account->smtp->hold_at_server;
  int delay = engine->options.delay_sending ? engine->conf->send_delay : 0;
  return wanted ? now_seconds() + delay : 0;
}

bool
post(struct work *work, const struct outgoing *outgoing, const struct parcel *parcel,
     const struct posting *posting, char **id_out, bool *known_out, GError **error)
{
  struct engine *engine = work->engine;
  struct submission submission = {
      .account = outgoing->account,
      .from = posting->from,
      .readable = parcel->readable,
      .copies = (GBytes *const *)parcel->copies->pdata,
      .n_copies = parcel->copies->len,
      .recipients = parcel->recipients,
      .not_before = posting->not_before,
      .hand_over = hand_over_at(engine, outgoing->account),
      .given = posting->given,
      .dsn = dsn_of(outgoing->account, posting),
      .not_sent_because = posting->because,
  };
  bool added = outbox_add(engine->store, &submission, id_out, known_out, error);
  engine_changed(engine);
  return added;
}

static void
add_recipients(GPtrArray *recipients, const GPtrArray *specs)
{
  for (guint i = 0; i < specs->len; i++) {
    struct ledger_recipient *recipient = g_new0(struct ledger_recipient, 1);
    recipient->spec = specs->pdata[i];
    g_ptr_array_add(recipients, recipient);
  }
}

char *
posted_before(struct engine *engine, const struct outgoing *outgoing,
              const struct posting *posting)
{
  if (posting->given == NULL)
    return NULL;
  g_autoptr(GPtrArray) recipients = g_ptr_array_new_with_free_func(g_free);
  add_recipients(recipients, outgoing->visible);
  add_recipients(recipients, outgoing->hidden);
  struct submission submission = {.account = outgoing->account, .from = posting->from,
                                  .recipients = recipients, .given = posting->given};
  return outbox_known(engine->store, &submission);
}

/* ---- the letters that it came from ---- */

/* A draft that was taken up again knows only the Message-ID that it answers. */
static char *
answered_key(struct engine *engine, const struct draft *draft)
{
  if (draft->answers != NULL || draft->in_reply_to == NULL)
    return g_strdup(draft->answers);
  g_autoptr(row_t) row = store_row_by_id(engine->store, draft->in_reply_to, NULL);
  return row != NULL ? g_strdup(row->key) : NULL;
}

/* The mark is a courtesy: the letter may have been moved or removed meanwhile. */
void
mark_letter(struct work *work, const char *key, unsigned flag)
{
  const char *keys[] = {key, NULL};
  g_autoptr(GError) why = NULL;
  if (key != NULL && !store_flag(work->engine->store, keys, flag, 0, &why) &&
      !error_is(why, POSTINO_ERROR_NOTFOUND))
    work_notice(work, true, why->message);
}

static void
settle_origins(struct work *work, const struct draft *draft)
{
  g_autofree char *answered = answered_key(work->engine, draft);
  mark_letter(work, answered, ROW_REPLIED);
  mark_letter(work, draft->forwards, ROW_PASSED);
  if (draft->origin != NULL)
    drop_origin(work, draft->origin);
  engine_changed(work->engine);
}

static bool
pack_draft(struct work *work, const struct send *send, struct outgoing *outgoing,
           struct parcel *parcel, GError **error)
{
  list_recipients(send->draft, outgoing);
  if (outgoing->visible->len + outgoing->hidden->len == 0)
    return error_set(error, POSTINO_ERROR_INVALID, "%s",
                     _("the letter has no recipient; fill in To, Cc or Bcc"));
  return parcel_make(work, outgoing, parcel, error);
}

/* Not before the user's time, nor before he can take it back. */
static int64_t
time_to_go(const struct engine *engine, const struct draft *draft)
{
  int delay = engine->options.delay_sending ? engine->conf->send_delay : 0;
  return MAX(draft->not_before, delay > 0 ? now_seconds() + delay : 0);
}

/* All copies carry one Message-ID and one Date, so these are fixed first. */
static bool
run_send(struct work *work, GError **error)
{
  struct send *send = (struct send *)work->args;
  struct draft *draft = send->draft;
  struct engine *engine = work->engine;
  const struct conf_account *account = smtp_account(engine, draft->account, error);
  if (account == NULL || !settle_plan(work, account, send, error))
    return false;
  if (draft->from == NULL)
    return error_set(error, POSTINO_ERROR_INVALID, "%s", _("the letter has no From address"));
  if (draft->message_id == NULL)
    draft->message_id = message_id_new(domain_of(draft->from->spec));
  g_auto(parcel_t) parcel = {0};
  g_auto(outgoing_t) outgoing = {.account = account,
                                 .author = draft->from->spec,
                                 .draft = draft,
                                 .subject = draft->subject,
                                 .sign = send->plan.sign,
                                 .encrypt = send->plan.encrypt,
                                 .now = now_seconds()};
  struct posting posting = {.from = draft->from->spec, .not_before = time_to_go(engine, draft)};
  bool known = false;
  if (!pack_draft(work, send, &outgoing, &parcel, error) ||
      !post(work, &outgoing, &parcel, &posting, &work->done->text, &known, error))
    return false;
  settle_origins(work, draft);
  refresh_beside(engine);
  flush_when_due(engine, account);
  return true;
}

request_id
engine_send(struct engine *engine, const struct draft *draft, const struct seal_plan *plan)
{
  struct send *send = g_new0(struct send, 1);
  send->draft = draft_copy(draft);
  send->planned = plan != NULL;
  if (plan != NULL)
    send->plan = (struct seal_plan){.sign = plan->sign, .encrypt = plan->encrypt};
  return engine_request(engine, GROUP_CHANGE, run_send, send, send_free);
}

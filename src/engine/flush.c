/* The outbox on its way: flushing, and what became of a letter. */
#include <string.h>

#include "base/error.h"
#include "base/i18n.h"
#include "base/sanitize.h"
#include "engine/out.h"
#include "engine/watch.h"

/* Recipients that a sentence names. */
#define NAMED_RECIPIENTS 3

char *
outbox_id_of(struct engine *engine, const char *key)
{
  g_autofree char *folder = folder_of_key(key);
  if (!g_str_equal(folder, engine_outbox(engine)))
    return NULL;
  g_autofree char *base = base_of_key(key);
  g_autoptr(GPtrArray) letters = ledger_open(engine->store, NULL);
  for (guint i = 0; letters != NULL && i < letters->len; i++) {
    const struct ledger_letter *letter = letters->pdata[i];
    if (g_strcmp0(letter->base, base) == 0)
      return g_strdup(letter->id);
  }
  return NULL;
}

/* ---- what became of it ---- */

static bool
is_sent(const struct ledger_letter *letter)
{
  return letter->state == LETTER_ACCEPTED || letter->state == LETTER_DONE;
}

/* "a@x, b@y and 3 more": whom it did not reach; everybody when it reached all. */
static char *
name_recipients(const struct ledger_letter *letter)
{
  g_autoptr(GString) text = g_string_new(NULL);
  guint named = 0, more = 0;
  for (guint i = 0; i < letter->recipients->len; i++) {
    const struct ledger_recipient *recipient = letter->recipients->pdata[i];
    bool reached = recipient->state == RECIPIENT_ACCEPTED || recipient->state == RECIPIENT_DELIVERED;
    if (reached && !is_sent(letter))
      continue;
    if (named == NAMED_RECIPIENTS)
      more++;
    else
      g_string_append_printf(text, "%s%s", named++ > 0 ? ", " : "", recipient->spec);
  }
  if (more > 0)
    g_string_append_printf(text, ngettext(" and %u more", " and %u more", more), more);
  return named > 0 ? sanitize_line(text->str, -1) : g_strdup(letter->id);
}

static bool
names_a_recipient(const char *reason, const struct ledger_letter *letter)
{
  for (guint i = 0; i < letter->recipients->len; i++)
    if (strstr(reason, ((struct ledger_recipient *)letter->recipients->pdata[i])->spec) != NULL)
      return true;
  return false;
}

/* Why it is still here, and for whom. */
static char *
reason_of(const struct ledger_letter *letter, const GError *connection)
{
  const char *why = letter->reason != NULL   ? letter->reason
                    : connection != NULL     ? connection->message
                    : letter->state == LETTER_HELD
                        ? _("it is held until its time comes")
                        : _("its turn has not come");
  if (names_a_recipient(why, letter))
    return g_strdup(why);
  g_autofree char *names = name_recipients(letter);
  return g_strdup_printf(_("not sent to %s: %s"), names, why);
}

/* The state decides the code, since it says what happens next: what is tried again
 * by itself is RETRY, whatever broke the connection. */
static enum postino_error
code_of(const struct ledger_letter *letter, const GError *connection)
{
  if (letter->state == LETTER_UNSURE || letter->state == LETTER_BODY)
    return POSTINO_ERROR_UNSURE;
  if (letter->state != LETTER_BLOCKED)
    return POSTINO_ERROR_RETRY;
  static const enum postino_error kept[] = {POSTINO_ERROR_AUTH, POSTINO_ERROR_TRUST,
                                            POSTINO_ERROR_PROTOCOL, POSTINO_ERROR_CONFIG};
  for (size_t i = 0; i < G_N_ELEMENTS(kept); i++)
    if (error_is(connection, kept[i]))
      return kept[i];
  return POSTINO_ERROR_REFUSED;
}

/* The end of the sentence is the contract's, in no language. */
static bool
set_fate(const struct ledger_letter *letter, const GError *connection, GError **error)
{
  g_autofree char *why = reason_of(letter, connection);
  return error_set(error, code_of(letter, connection), "%s; kept as %s; do not send it again", why,
                   letter->id);
}

bool
letter_fate(struct engine *engine, const char *id, const GError *connection, GError **error)
{
  g_autoptr(ledger_letter_t) letter = ledger_get(engine->store, id, error);
  if (letter == NULL)
    return false;
  if (is_sent(letter))
    return true;
  if (letter->state == LETTER_CANCELLED)
    return error_set(error, POSTINO_ERROR_CANCELLED, _("letter %s was cancelled"), id);
  return set_fate(letter, connection, error);
}

/* ---- flushing ---- */

struct flush {
  struct work *work;
  const struct conf_account *account;
  bool tell;
  GError *first;
};

static void
on_progress(const struct submit_progress *progress, void *data)
{
  const struct flush *flush = data;
  g_autofree char *what =
      progress->letters > 1
          ? g_strdup_printf(_("%s: %s, letter %u of %u"), flush->account->name, progress->what,
                            progress->letter, progress->letters)
          : g_strdup_printf("%s: %s", flush->account->name, progress->what);
  work_progress(flush->work, what, progress->bytes, progress->all_bytes);
}

/* What happens next, said to somebody who can act on it. */
static char *
notice_of(const struct ledger_letter *letter)
{
  if (is_sent(letter)) {
    g_autofree char *names = name_recipients(letter);
    bool early = letter->not_before > g_get_real_time() / G_USEC_PER_SEC;
    return g_strdup_printf(early ? _("Given to the server, which holds it until its time: %s")
                                 : _("Sent to %s"),
                           names);
  }
  g_autofree char *why = reason_of(letter, NULL);
  switch (letter->state) {
  case LETTER_UNSURE:
    return g_strdup_printf(_("%s; ask whether it came before you send it again"), why);
  case LETTER_BLOCKED:
    return g_strdup_printf(_("%s; it stays in the outbox until you try it again"), why);
  default:
    return g_strdup_printf(_("%s; it is tried again by itself"), why);
  }
}

/* A letter that only waits longer was told when it began to wait. */
static void
on_settled(const struct ledger_letter *letter, void *data)
{
  struct flush *flush = data;
  engine_changed(flush->work->engine);
  bool waits = letter->state == LETTER_QUEUED && letter->attempts > 1;
  if (flush->tell && !waits) {
    g_autofree char *text = notice_of(letter);
    work_notice(flush->work, !is_sent(letter), text);
  }
  if (!is_sent(letter) && flush->first == NULL)
    (void)set_fate(letter, NULL, &flush->first);
}

bool
flush_account(struct work *work, const struct conf_account *account,
              const struct flush_options *options, GError **first_out, GError **error)
{
  struct engine *engine = work->engine;
  struct flush flush = {.work = work, .account = account, .tell = options->tell};
  struct submit_options submit = {.progress = on_progress, .settled = on_settled, .data = &flush,
                                  .due_now = options->due_now, .only = options->only};
  bool done = outbox_flush(engine->store, account, engine->keyring, &submit, work->cancel, error);
  engine_changed(engine);
  if (first_out != NULL)
    *first_out = g_steal_pointer(&flush.first);
  g_clear_error(&flush.first);
  return done;
}

/* ---- the engine's own flush ---- */

/* The letters of a failed connection have its reason and were told one by one; a
 * failure that met no letter is told by the watch. */
static bool
run_own_flush(struct work *work, GError **error)
{
  const struct conf_account *account = work->args;
  struct flush_options options = {.tell = true};
  g_autoptr(GError) first = NULL, why = NULL;
  (void)error;
  bool done = flush_account(work, account, &options, &first, &why);
  watch_flushed(work->engine->watch, account, done ? NULL : why, first != NULL);
  return true;
}

void
flush_beside(struct engine *engine, const struct conf_account *account)
{
  g_autofree char *group = group_of("send", account);
  struct work_spec spec = {.group = group, .run = run_own_flush, .args = (void *)account};
  engine_start(engine, &spec, 1, WORK_OWN, NULL);
}

void
flush_when_due(struct engine *engine, const struct conf_account *account)
{
  if (engine->watch != NULL)
    watch_wake(engine->watch);
  else
    flush_beside(engine, account);
}

void
flush_along(struct work *work, const struct conf_account *account)
{
  struct engine *engine = work->engine;
  if (account->smtp == NULL || g_cancellable_is_cancelled(work->cancel))
    return;
  int64_t next = outbox_next(engine->store, account->name);
  if (next == 0 || next > g_get_real_time() / G_USEC_PER_SEC)
    return;
  struct flush_options options = {.tell = true};
  g_autoptr(GError) first = NULL, why = NULL;
  if (!flush_account(work, account, &options, &first, &why) && first == NULL)
    work_notice(work, true, why->message);
}

/* ---- requests ---- */

static char **
subjects_of(struct store *store, const GPtrArray *letters)
{
  char **subjects = g_new0(char *, letters->len + 1);
  for (guint i = 0; i < letters->len; i++) {
    const struct ledger_letter *letter = letters->pdata[i];
    g_autoptr(row_t) row = letter->base != NULL ? store_row_by_base(store, letter->base) : NULL;
    subjects[i] = g_strdup(row != NULL && row->subject != NULL ? row->subject : "");
  }
  return subjects;
}

static bool
run_queue(struct work *work, GError **error)
{
  work->done->queue = ledger_open(work->engine->store, error);
  if (work->done->queue != NULL)
    work->done->strings = subjects_of(work->engine->store, work->done->queue);
  return work->done->queue != NULL;
}

request_id
engine_queue(struct engine *engine)
{
  return engine_request(engine, NULL, run_queue, NULL, NULL);
}

static void
free_letter(void *letter)
{
  ledger_letter_free(letter);
}

static bool
run_fates(struct work *work, GError **error)
{
  struct store *store = work->engine->store;
  g_autoptr(GError) none = NULL;
  struct ledger_letter *letter = ledger_get(store, work->args, &none);
  if (letter == NULL)
    letter = ledger_by_message_id(store, work->args);
  work->done->queue = g_ptr_array_new_with_free_func(free_letter);
  if (letter != NULL)
    g_ptr_array_add(work->done->queue, letter);
  return letter != NULL || error_is(none, POSTINO_ERROR_NOTFOUND) ||
         error_set(error, POSTINO_ERROR_LOCAL, "%s", none->message);
}

request_id
engine_fates(struct engine *engine, const char *id)
{
  return engine_request(engine, NULL, run_fates, g_strdup(id), g_free);
}

/* The account of a letter in the outbox; its name may have left the rc. */
static const struct conf_account *
account_of_letter(struct engine *engine, const struct ledger_letter *letter, GError **error)
{
  const struct conf_account *account = conf_account(engine->conf, letter->account);
  if (account != NULL && account->smtp != NULL)
    return account;
  error_set(error, POSTINO_ERROR_CONFIG,
            _("letter %s is to be sent by account \"%s\", which the rc file does not have or which "
              "has no smtp block"),
            letter->id, letter->account);
  return NULL;
}

/* The first letter that no account can send. */
static void
find_stranded(struct engine *engine, const GPtrArray *letters, GError **error)
{
  for (guint i = 0; *error == NULL && i < letters->len; i++)
    if (account_of_letter(engine, letters->pdata[i], error) == NULL)
      return;
}

static bool
has_letters(const GPtrArray *letters, const struct conf_account *account)
{
  for (guint i = 0; i < letters->len; i++)
    if (g_strcmp0(((struct ledger_letter *)letters->pdata[i])->account, account->name) == 0)
      return true;
  return false;
}

/* The connection's failure, else the first letter's. */
static bool
flush_one(struct work *work, const struct conf_account *account, GError **error)
{
  struct flush_options options = {.due_now = GPOINTER_TO_INT(work->args),
                                  .tell = work->engine->options.interactive};
  GError *first = NULL;
  bool done = flush_account(work, account, &options, &first, error);
  if (!done || first == NULL) {
    g_clear_error(&first);
    return done;
  }
  g_propagate_error(error, first);
  return false;
}

/* One account after another, so that what failed has an order; one that fails does
 * not keep the others' letters. */
static bool
run_flush(struct work *work, GError **error)
{
  struct engine *engine = work->engine;
  const GPtrArray *accounts = engine->conf->accounts;
  g_autoptr(GPtrArray) letters = ledger_open(engine->store, error);
  g_autoptr(GError) first = NULL;
  if (letters == NULL)
    return false;
  for (guint i = 0; i < accounts->len && !error_is(first, POSTINO_ERROR_CANCELLED); i++) {
    const struct conf_account *account = accounts->pdata[i];
    g_autoptr(GError) why = NULL;
    if (account->smtp != NULL && has_letters(letters, account) &&
        !flush_one(work, account, &why) && first == NULL)
      first = g_steal_pointer(&why);
  }
  find_stranded(engine, letters, &first);
  work->done->queue = ledger_open(engine->store, NULL);
  if (first == NULL)
    return true;
  g_propagate_error(error, g_steal_pointer(&first));
  return false;
}

request_id
engine_flush(struct engine *engine, bool due_now)
{
  return engine_request(engine, NULL, run_flush, GINT_TO_POINTER(due_now), NULL);
}

/* ---- one letter of it ---- */

static bool
run_retry(struct work *work, GError **error)
{
  const char *id = work->args;
  struct engine *engine = work->engine;
  g_autoptr(ledger_letter_t) letter = ledger_get(engine->store, id, error);
  g_autoptr(GError) connection = NULL;
  const struct conf_account *account =
      letter != NULL ? account_of_letter(engine, letter, error) : NULL;
  if (account == NULL || !outbox_retry(engine->store, id, error))
    return false;
  struct flush_options options = {.due_now = true, .only = id};
  bool done = flush_account(work, account, &options, NULL, &connection);
  work->done->text = g_strdup(id);
  return letter_fate(engine, id, done ? NULL : connection, error);
}

request_id
engine_queue_retry(struct engine *engine, const char *id)
{
  return engine_request(engine, NULL, run_retry, g_strdup(id), g_free);
}

struct hold { char *id; int64_t not_before; };

static void
hold_free(void *data)
{
  struct hold *hold = data;
  g_free(hold->id);
  g_free(hold);
}

static bool
run_hold(struct work *work, GError **error)
{
  const struct hold *hold = work->args;
  if (!outbox_hold(work->engine->store, hold->id, hold->not_before, error))
    return false;
  work->done->text = g_strdup(hold->id);
  if (work->engine->watch != NULL)
    watch_wake(work->engine->watch); /* it may be earlier now */
  engine_changed(work->engine);
  return true;
}

request_id
engine_queue_hold(struct engine *engine, const char *id, int64_t not_before)
{
  struct hold *hold = g_new0(struct hold, 1);
  hold->id = g_strdup(id);
  hold->not_before = not_before;
  return engine_request(engine, NULL, run_hold, hold, hold_free);
}

static bool
run_cancel(struct work *work, GError **error)
{
  const char *id = work->args;
  struct engine *engine = work->engine;
  g_autoptr(ledger_letter_t) letter = ledger_get(engine->store, id, error);
  if (letter == NULL)
    return false;
  const struct conf_account *account = conf_account(engine->conf, letter->account);
  const char *drafts = account != NULL ? account->drafts : engine_drafts(engine);
  if (!outbox_cancel(engine->store, id, drafts, error))
    return false;
  work->done->text = g_strconcat(drafts, "/", letter->base, NULL);
  mark_letter(work, work->done->text, ROW_DRAFT | ROW_SEEN);
  engine_changed(engine);
  return true;
}

request_id
engine_queue_cancel(struct engine *engine, const char *id)
{
  return engine_request(engine, NULL, run_cancel, g_strdup(id), g_free);
}

request_id
engine_unsend(struct engine *engine, const char *id)
{
  return engine_queue_cancel(engine, id);
}

const char *
engine_state_word(enum letter_state state)
{
  return letter_state_word(state);
}

const char *
engine_recipient_word(enum recipient_state state)
{
  return recipient_state_word(state);
}

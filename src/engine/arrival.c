/* What follows when letters have come: the index takes them in, delivery reports
 * find the letter that they are about, and the rc's rules are applied. */
#include <string.h>

#include "base/error.h"
#include "base/i18n.h"
#include "engine/autocrypt.h"
#include "engine/hook.h"
#include "engine/out.h"
#include "store/ledger.h"

/* Rows that a rule looks at in one reading. */
#define RULE_ROWS 500
/* A rule's search begins this much before the oldest letter that came: dates are
 * days there, and days differ by zone. */
#define RULE_MARGIN (2 * 24 * 60 * 60)
/* Letters that are indexed before a fetch ends in any case. */
#define INDEX_AT_ONCE 200

/* ---- delivery reports ---- */

/* What a person can do about a status (RFC 3463): the first prefix that fits. */
static const struct {
  const char *prefix, *advice;
} advices[] = {
    {"5.1.", N_("look at the address for a slip and send it again")},
    {"5.2.2", N_("the mailbox is full: write again later, or reach them another way")},
    {"5.2.3", N_("send it smaller, or in parts")},
    {"5.3.4", N_("send it smaller, or in parts")},
    {"5.2.", N_("reach them another way and say that their mailbox is closed")},
    {"5.4.", N_("look at the part after the @ for a slip, or send it again tomorrow")},
    {"4.4.7", N_("their server was not reached for days: send it again, or reach them another way")},
    {"5.7.", N_("their server refuses it by its rules: reach them another way")},
    {"", N_("reach them another way, or send it again when the cause is mended")},
};

static const char *
advice_of(const char *status)
{
  size_t i = 0;
  while (!g_str_has_prefix(status != NULL ? status : "", advices[i].prefix))
    i++;
  return _(advices[i].advice);
}

static char *
fate_sentence(const struct report_recipient *recipient)
{
  const char *why = recipient->reason != NULL && *recipient->reason != '\0'
                        ? recipient->reason
                        : recipient->status;
  if (why == NULL)
    why = _("no reason was given");
  switch (recipient->action) {
  case REPORT_FAILED:
    return g_strdup_printf(_("Your letter to %s could not be delivered: %s; %s"), recipient->spec,
                           why, advice_of(recipient->status));
  case REPORT_DELAYED:
    return g_strdup_printf(_("Your letter to %s is delayed: %s; the server keeps trying, there is "
                             "nothing to do"),
                           recipient->spec, why);
  case REPORT_DELIVERED:
    return g_strdup_printf(_("Your letter to %s was delivered"), recipient->spec);
  case REPORT_RELAYED:
  case REPORT_EXPANDED:
    break;
  }
  return NULL;
}

static void
tell_report(struct work *work, const struct report *report)
{
  for (guint i = 0; i < report->recipients->len; i++) {
    const struct report_recipient *recipient = report->recipients->pdata[i];
    g_autofree char *text = fate_sentence(recipient);
    if (text != NULL)
      work_notice(work, recipient->action == REPORT_FAILED, text);
  }
}

/* A report that cannot be read is a letter like any other. */
static void
match_report(struct work *work, const char *key)
{
  struct engine *engine = work->engine;
  g_autoptr(GBytes) bytes = store_read(engine->store, key, NULL);
  g_autoptr(report_t) report = NULL;
  g_autoptr(ledger_letter_t) letter = NULL;
  if (bytes == NULL || !reader_report(engine->readers, bytes, &report, work->cancel, NULL) ||
      report == NULL)
    return;
  if (outbox_report(engine->store, report, &letter, NULL) && letter != NULL)
    tell_report(work, report);
}

/* ---- copies of letters that may have been sent ---- */

static void
free_letter(void *letter)
{
  ledger_letter_free(letter);
}

/* Unsure letters are few; ids in the ledger by Message-ID. */
static GHashTable *
unsure_letters(struct engine *engine)
{
  GHashTable *unsure = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_letter);
  g_autoptr(GPtrArray) letters = ledger_open(engine->store, NULL);
  for (guint i = 0; letters != NULL && i < letters->len; i++) {
    struct ledger_letter *letter = letters->pdata[i];
    if ((letter->state != LETTER_UNSURE && letter->state != LETTER_BODY) || letter->message_id == NULL)
      continue;
    g_hash_table_replace(unsure, g_strdup(letter->message_id), letter);
    letters->pdata[i] = NULL;
  }
  return unsure;
}

static void
match_copy(struct work *work, const struct row *row, const struct ledger_letter *letter)
{
  struct engine *engine = work->engine;
  g_autoptr(GPtrArray) own = g_ptr_array_new();
  g_autoptr(GBytes) bytes = store_read(engine->store, row->key, NULL);
  bool settled = false;
  for (guint i = 0; i < letter->recipients->len; i++) {
    const struct ledger_recipient *recipient = letter->recipients->pdata[i];
    if (conf_account_of_address(engine->conf, recipient->spec) != NULL)
      g_ptr_array_add(own, recipient->spec);
  }
  g_ptr_array_add(own, NULL);
  if (bytes == NULL ||
      !outbox_returned(engine->store, letter->id, bytes, (const char *const *)own->pdata, &settled,
                       NULL) ||
      !settled)
    return;
  g_autofree char *text = g_strdup_printf(
      _("Letter %s was sent after all: a copy of it came back"), letter->id);
  work_notice(work, false, text);
}

/* ---- rules ---- */

static bool
move_row(struct work *work, const struct row *row, const char *folder, GHashTable *new,
         GError **error)
{
  const char *keys[] = {row->key, NULL};
  g_auto(GStrv) moved = NULL;
  if (g_strcmp0(row->folder, folder) == 0)
    return true;
  if (engine_is_search(work->engine, folder))
    return error_set(error, POSTINO_ERROR_CONFIG, _("\"%s\" is a saved search, not a folder"),
                     folder);
  if (!store_move(work->engine->store, keys, folder, &moved, error))
    return false;
  g_hash_table_remove(new, row->key);
  if (moved != NULL && *moved != NULL)
    g_hash_table_add(new, g_strdup(*moved));
  return true;
}

/* "move FOLDER", "tag WORDS", "flag", "read". */
static bool
act(struct work *work, const struct conf_rule *rule, const struct row *row, GHashTable *new,
    GError **error)
{
  struct store *store = work->engine->store;
  const char *keys[] = {row->key, NULL};
  g_auto(GStrv) words = g_strsplit(rule->action, " ", 2);
  const char *argument = words[0] != NULL && words[1] != NULL ? g_strstrip(words[1]) : "";
  if (g_strcmp0(words[0], "move") == 0 && *argument != '\0')
    return move_row(work, row, argument, new, error);
  if (g_strcmp0(words[0], "tag") == 0 && *argument != '\0')
    return store_tag(store, keys, argument, error);
  if (g_strcmp0(words[0], "flag") == 0)
    return store_flag(store, keys, ROW_FLAGGED, 0, error);
  if (g_strcmp0(words[0], "read") == 0)
    return store_flag(store, keys, ROW_SEEN, 0, error);
  return error_set(error, POSTINO_ERROR_CONFIG,
                   _("\"%s\" is no action; there are: move FOLDER, tag WORDS, flag, read"),
                   rule->action);
}

/* Takes the rows that are new out of a page; the row that the next page follows, or
 * NULL when this was the last. */
static const struct row *
take_new(GPtrArray *page, GHashTable *new, GPtrArray *found)
{
  const struct row *last = page->len == RULE_ROWS ? page->pdata[page->len - 1] : NULL;
  for (guint i = 0; i < page->len; i++) {
    struct row *row = page->pdata[i];
    if (!g_hash_table_contains(new, row->key))
      continue;
    g_ptr_array_add(found, row);
    page->pdata[i] = NULL;
  }
  return last;
}

static void
row_free_if_any(void *row)
{
  if (row != NULL)
    row_free(row);
}

/* Reads the letters that match from the newest on.  They are all found before any
 * is acted on: acting changes what a later page would hold. */
static bool
matching_rows(struct work *work, const char *query, GHashTable *new, GPtrArray *found,
              GError **error)
{
  struct rows_query rows_query = {.query = query, .limit = RULE_ROWS};
  g_autoptr(GPtrArray) page = NULL;
  do {
    GPtrArray *next = store_rows(work->engine->store, &rows_query, work->cancel, error);
    if (next == NULL)
      return false;
    g_clear_pointer(&page, g_ptr_array_unref);
    page = next;
    g_ptr_array_set_free_func(page, row_free_if_any);
    rows_query.after = take_new(page, new, found);
  } while (rows_query.after != NULL);
  return true;
}

/* Does the rule's command say yes to it? */
static bool
passes(struct work *work, const struct conf_rule *rule, const struct row *row, bool *passes_out,
       GError **error)
{
  int status = 0;
  if (rule->filter != NULL) {
    g_autoptr(GBytes) bytes = store_read(work->engine->store, row->key, error);
    if (bytes == NULL || !hook_run(rule->filter, bytes, NULL, work->cancel, &status, error))
      return false;
  }
  *passes_out = status == 0;
  return true;
}

static void
apply_rule(struct work *work, const struct conf_rule *rule, GHashTable *new, int64_t since)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func((GDestroyNotify)row_free);
  g_autoptr(GDateTime) day = g_date_time_new_from_unix_utc(MAX(since - RULE_MARGIN, 0));
  g_autofree char *after = g_date_time_format(day, "%Y-%m-%d");
  g_autofree char *query = g_strdup_printf("(%s) after:%s", rule->match, after);
  bool done = store_query_check(rule->match, &error) &&
              matching_rows(work, query, new, found, &error);
  for (guint i = 0; done && i < found->len; i++) {
    bool yes = false;
    done = passes(work, rule, found->pdata[i], &yes, &error) &&
           (!yes || act(work, rule, found->pdata[i], new, &error));
  }
  if (done)
    return;
  g_autofree char *text = g_strdup_printf(_("rule \"%s\": %s"), rule->name, error->message);
  work_notice(work, true, text);
}

/* ---- both ---- */

/* Looks at every letter that came; their keys go to `new`, the oldest date is
 * returned. */
static int64_t
look_at_new(struct work *work, char *const *keys, GHashTable *new)
{
  int64_t since = G_MAXINT64;
  g_autoptr(GHashTable) unsure = unsure_letters(work->engine);
  for (; *keys != NULL; keys++) {
    g_autoptr(row_t) row = store_row(work->engine->store, *keys, NULL);
    if (row == NULL)
      continue;
    g_hash_table_add(new, g_strdup(*keys));
    since = MIN(since, row->date);
    autocrypt_take(work->engine, row->path);
    if ((row->marks & INDEX_REPORT) != 0)
      match_report(work, *keys);
    const struct ledger_letter *letter =
        row->message_id != NULL ? g_hash_table_lookup(unsure, row->message_id) : NULL;
    if (letter != NULL)
      match_copy(work, row, letter);
  }
  return since;
}

/* A first fetch may bring a whole archive.  Where no rule asks for what came and
 * no letter left from here that a report could be about, it is indexed by who looks
 * first: every command that reads does so anyway, and the interface beside its work. */
static bool
index_can_wait(const struct engine *engine, char *const *keys)
{
  return !engine->options.interactive && engine->conf->rules->len == 0 &&
         g_strv_length((char **)(uintptr_t)keys) > INDEX_AT_ONCE && ledger_is_empty(engine->store);
}

/* The letters are durable already: whatever fails here is said and costs no
 * letter. */
void
arrive(struct work *work, char *const *keys)
{
  struct engine *engine = work->engine;
  const GPtrArray *rules = engine->conf->rules;
  if (index_can_wait(engine, keys))
    return;
  g_autoptr(GError) error = NULL;
  g_autoptr(GHashTable) new = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  if (!refresh_now(work, &error) && !error_is(error, POSTINO_ERROR_CANCELLED)) {
    g_autofree char *text = g_strdup_printf(_("the index is not up to date: %s"), error->message);
    work_notice(work, true, text);
  }
  int64_t since = look_at_new(work, keys, new);
  for (guint i = 0; g_hash_table_size(new) > 0 && i < rules->len; i++)
    apply_rule(work, rules->pdata[i], new, since);
  news_tell(engine, new);
  engine_changed(engine);
}

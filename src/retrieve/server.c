#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/i18n.h"
#include "base/limits.h"
#include "retrieve/retrieve-private.h"
#include "store/trust.h"
#include "store/waiting.h"

/* Where the numbers of the last list are kept (state.db, per account). */
#define MEMORY "listing"

void
server_row_free(struct server_row *row)
{
  if (row == NULL)
    return;
  g_free(row->uid);
  g_free(row->from);
  g_free(row->subject);
  g_free(row->fate);
  g_free(row);
}

/* ---- the list ---- */

static enum server_fate
fate_of(const struct plan_step *step)
{
  switch (step->action) {
  case PLAN_FETCH: return SERVER_FETCHED;
  case PLAN_TOO_LARGE: return SERVER_TOO_LARGE;
  case PLAN_DELETE: return SERVER_DELETED;
  default: break;
  }
  return step->kept                                     ? SERVER_KEPT
         : step->why == WHY_NOTHING && step->until != 0 ? SERVER_DELETED_LATER
                                                        : SERVER_STAYS;
}

static char *
stays_words(const struct plan_step *step)
{
  if (step->kept)
    return g_strdup(_("stays: you keep it there"));
  if (step->why != WHY_NOTHING)
    return g_strdup_printf(_("stays: %s"), plan_why_words(step->why));
  return g_strdup(step->while_here ? _("stays until it is deleted here") : _("stays"));
}

/* What becomes of it, in the words of the list. */
static char *
fate_words(const struct visit *visit, const struct plan_step *step)
{
  const struct conf_server *pop3 = visit->account->pop3;
  switch (fate_of(step)) {
  case SERVER_FETCHED:
    return pop3->leave_on_server == 0 && !step->kept
               ? g_strdup(_("fetched and deleted at the next fetch"))
               : g_strdup(_("fetched at the next fetch"));
  case SERVER_TOO_LARGE:
    return g_strdup(_("too large: fetched on demand"));
  case SERVER_DELETED:
    return g_strdup_printf(_("deleted at the next fetch: %s"), plan_why_words(step->why));
  case SERVER_DELETED_LATER:
    break;
  default:
    return stays_words(step);
  }
  g_autoptr(GDateTime) when = clock_local(step->until);
  g_autofree char *day = when != NULL ? g_date_time_format(when, "%Y-%m-%d") : g_strdup("?");
  return g_strdup_printf(ngettext("deleted from %s on: %d day after it was fetched",
                                  "deleted from %s on: %d days after it was fetched",
                                  (gulong)pop3->leave_on_server),
                         day, pop3->leave_on_server);
}

/* What is here need not be asked for. */
static void
describe_from_here(const struct visit *visit, const struct plan_step *step,
                   struct server_row *row)
{
  g_autoptr(row_t) known = step->row != NULL && step->row->base != NULL
                               ? store_row_by_base(visit->store, step->row->base)
                               : NULL;
  if (known == NULL)
    return;
  row->from = g_strdup(known->from);
  row->subject = g_strdup(known->subject);
  row->date = known->date;
}

static struct server_row *
row_of(const struct visit *visit, guint i)
{
  const struct plan_letter *letter = visit_letter(visit, i);
  const struct plan_step *step = &visit->plan->steps[i];
  struct server_row *row = g_new0(struct server_row, 1);
  row->number = letter->number;
  row->uid = g_strdup(letter->uid != NULL ? letter->uid : "");
  row->size = letter->size;
  row->here = step->row != NULL;
  row->what = fate_of(step);
  row->until = step->until;
  row->fate = fate_words(visit, step);
  row->kept = step->kept;
  describe_from_here(visit, step, row);
  return row;
}

struct describing {
  struct reader_pool *readers;
  GCancellable *cancel;
  GPtrArray *rows;          /* struct server_row, in the order of the TOPs */
  const struct retrieve_options *options;
};

static void
tell(const struct describing *d, guint done)
{
  struct retrieve_progress progress = {
      .done = done, .total = d->rows->len, .what = _("reading headers")};
  if (d->options != NULL && d->options->progress != NULL)
    d->options->progress(&progress, d->options->data);
}

/* Headers are read where all bytes from outside are: in a reader child. */
static void
describe(guint i, const struct header_block *block, void *data)
{
  struct describing *d = data;
  struct server_row *row = g_ptr_array_index(d->rows, i);
  tell(d, i);
  if (block == NULL)
    return;
  g_autoptr(GBytes) bytes = g_bytes_new(block->bytes->data, block->bytes->len);
  int64_t now = g_get_real_time() / G_USEC_PER_SEC;
  g_autoptr(index_doc_t) doc = reader_index(d->readers, bytes, now, d->cancel, NULL);
  if (doc == NULL)
    return;
  row->from = g_strdup(doc->from);
  row->subject = g_strdup(doc->subject);
  /* Of a letter without a date it is not known. */
  row->date = doc->date != now ? doc->date : 0;
}

static bool
describe_all(struct visit *visit, GPtrArray *rows, const struct retrieve_options *options,
             GCancellable *cancel, GError **error)
{
  g_autoptr(GPtrArray) asked = g_ptr_array_new();
  g_autoptr(GArray) numbers = g_array_new(FALSE, FALSE, sizeof(guint));
  struct describing d = {store_readers(visit->store), cancel, asked, options};
  if ((visit->pop3->capabilities & POP3_TOP) == 0 || d.readers == NULL)
    return true;
  for (guint i = 0; i < rows->len; i++) {
    struct server_row *row = rows->pdata[i];
    if (row->from != NULL)
      continue;
    g_ptr_array_add(asked, row);
    g_array_append_val(numbers, row->number);
  }
  return transfer_tops(visit->pop3, (const guint *)(void *)numbers->data, numbers->len, describe,
                       &d, error);
}

/* A letter as it is told from others when its number has changed. */
static char *
identity_of(const struct plan_letter *letter)
{
  return g_strdup_printf("%" G_GUINT64_FORMAT " %s", letter->size,
                         letter->uid != NULL ? letter->uid : "-");
}

static bool
remember_numbers(struct visit *visit, GError **error)
{
  g_autoptr(GString) all = g_string_new(NULL);
  for (guint i = 0; i < visit->plan->count; i++) {
    g_autofree char *identity = identity_of(visit_letter(visit, i));
    g_string_append_printf(all, "%u %s\n", visit_letter(visit, i)->number, identity);
  }
  return store_memory_set(visit->store, visit->account->name, MEMORY, all->str, error);
}

static void
free_server_row(void *row)
{
  server_row_free(row);
}

GPtrArray *
retrieve_list(const struct conf_account *account, struct keyring *keyring, struct store *store,
              const struct retrieve_options *options, GCancellable *cancel, GError **error)
{
  g_autoptr(visit_t) visit =
      visit_begin(account, keyring, store, account->pop3 != NULL ? account->pop3->max_size : 0,
                  options, cancel, error);
  if (visit == NULL || !visit_read_whole(visit, error))
    return NULL;
  g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func(free_server_row);
  for (guint i = 0; i < visit->plan->count; i++)
    g_ptr_array_add(rows, row_of(visit, i));
  if (!describe_all(visit, rows, options, cancel, error) || !remember_numbers(visit, error))
    return NULL;
  pop3_leave(visit->pop3);
  return g_steal_pointer(&rows);
}

/* ---- letters of the user's choice ---- */

/* What the user was shown under this number; NULL when nobody was. */
static char *
shown_as(struct store *store, const struct conf_account *account, guint number)
{
  g_autofree char *all = store_memory_get(store, account->name, MEMORY);
  g_auto(GStrv) lines = g_strsplit(all != NULL ? all : "", "\n", -1);
  g_autofree char *start = g_strdup_printf("%u ", number);
  for (char **line = lines; *line != NULL; line++)
    if (g_str_has_prefix(*line, start))
      return g_strdup(*line + strlen(start));
  return NULL;
}

/* The same of a letter that was picked: an identity as identity_of() gives it. */
static char *
picked_as(struct store *store, const struct conf_account *account, const struct server_pick *pick)
{
  if (pick->uid == NULL)
    return shown_as(store, account, pick->number);
  return g_strdup_printf("%" G_GUINT64_FORMAT " %s", pick->size,
                         *pick->uid != '\0' ? pick->uid : "-");
}

/* Numbers change from session to session: the letter is meant that was shown
 * under this one.  Where the server gives no UIDs the number must agree as well. */
static bool
find_shown(struct visit *visit, const struct server_pick *pick, guint *place_out, GError **error)
{
  guint number = pick->number;
  g_autofree char *shown = picked_as(visit->store, visit->account, pick);
  for (guint i = 0; i < visit->plan->count; i++) {
    const struct plan_letter *letter = visit_letter(visit, i);
    g_autofree char *identity = identity_of(letter);
    bool by_number = shown == NULL || letter->uid == NULL;
    if ((by_number && letter->number != number) ||
        (shown != NULL && !g_str_equal(shown, identity)))
      continue;
    *place_out = i;
    return true;
  }
  return error_set(error, POSTINO_ERROR_NOTFOUND,
                   _("%s: there is no letter %u there (any more); see \"postino server list\""),
                   visit->pop3->place, number);
}

static bool
find_all(struct visit *visit, const struct server_pick *picks, guint n, GArray *places,
         GError **error)
{
  for (guint i = 0; i < n; i++) {
    guint place;
    if (!find_shown(visit, &picks[i], &place, error))
      return false;
    g_array_append_val(places, place);
  }
  return true;
}

/* One letter is asked for once, whatever the user typed. */
static bool
is_repeated(const GArray *places, guint at)
{
  for (guint i = 0; i < at; i++)
    if (g_array_index(places, guint, i) == g_array_index(places, guint, at))
      return true;
  return false;
}

/* Retrieved once, and its file was removed since: who asks for it by its number
 * wants it back, under its old name. */
static bool
was_removed(struct visit *visit, struct plan_step *step)
{
  if (step->row == NULL)
    return false;
  g_autofree char *key =
      step->row->base != NULL ? store_find_base(visit->store, step->row->base) : NULL;
  if (key != NULL)
    return false;
  if (!step->renamed)
    step->generation = step->row->generation;
  return true;
}

static void
want_chosen(struct visit *visit, struct intake *intake, const GArray *places,
            struct retrieve_result *result)
{
  for (guint i = 0; i < places->len; i++) {
    guint place = g_array_index(places, guint, i);
    struct plan_step *step = &visit->plan->steps[place];
    if (is_repeated(places, i))
      continue;
    if (step->action == PLAN_FETCH || was_removed(visit, step))
      intake_want(intake, place);
    else
      result->known++;
  }
}

bool
retrieve_fetch_picks(const struct conf_account *account, struct keyring *keyring,
                     struct store *store, const struct server_pick *picks, guint n,
                     const struct retrieve_options *options, struct retrieve_result *result_out,
                     GCancellable *cancel, GError **error)
{
  *result_out = (struct retrieve_result){.keys = g_new0(char *, 1)};
  g_autoptr(visit_t) visit =
      visit_begin(account, keyring, store, G_MAXUINT64, options, cancel, error);
  g_autoptr(GArray) places = g_array_new(FALSE, FALSE, sizeof(guint));
  if (visit == NULL || !visit_read_whole(visit, error) ||
      !find_all(visit, picks, n, places, error) || !retrieve_rewrite_rows(visit, error))
    return false;
  result_out->waiting_changed = true;
  g_autoptr(intake_t) intake = retrieve_intake(visit, G_MAXUINT64, options, result_out);
  want_chosen(visit, intake, places, result_out);
  bool ok = intake_run(intake, error);
  retrieve_gather_remarks(visit, intake, result_out);
  return ok;
}

/* A letter that was never fetched gets a row too: should the answer to QUIT be
 * lost, it is deleted again and not fetched. */
static bool
delete_unfetched(struct visit *visit, struct intake *intake, guint place, GError **error)
{
  const struct plan_letter *letter = visit_letter(visit, place);
  const struct plan_step *step = &visit->plan->steps[place];
  struct drop_row row = {.uid = step->uid,
                         .size = letter->size,
                         .generation = step->generation,
                         .digest = letter->digest,
                         .fetched = g_get_real_time() / G_USEC_PER_SEC,
                         .state = DROP_DELETING};
  struct drop_name name = {row.uid, row.size, row.generation};
  g_autoptr(GPtrArray) rows = g_ptr_array_new();
  if (step->uid == NULL)
    return true;
  g_ptr_array_add(rows, &row);
  intake_delete(intake, place, &name);
  return store_drop_record(visit->store, visit->drop, rows, error);
}

/* The later word of the user holds. */
static bool
release(struct visit *visit, guint place, GError **error)
{
  const struct plan_step *step = &visit->plan->steps[place];
  const struct drop_row *row = step->row;
  return !step->kept ||
         (store_keep(visit->store, visit->drop, step->uid, visit_letter(visit, place)->size, false,
                     error) &&
          (row == NULL ||
           store_keep(visit->store, visit->drop, row->uid, row->size, false, error)));
}

bool
retrieve_delete_picks(const struct conf_account *account, struct keyring *keyring,
                      struct store *store, const struct server_pick *picks, guint n,
                      GCancellable *cancel, GError **error)
{
  struct retrieve_result result = {0};
  g_autoptr(visit_t) visit =
      visit_begin(account, keyring, store, G_MAXUINT64, NULL, cancel, error);
  g_autoptr(GArray) places = g_array_new(FALSE, FALSE, sizeof(guint));
  if (visit == NULL || !find_all(visit, picks, n, places, error) ||
      !retrieve_rewrite_rows(visit, error))
    return false;
  g_autoptr(intake_t) intake = retrieve_intake(visit, G_MAXUINT64, NULL, &result);
  guint wanted = 0;
  for (guint i = 0; i < places->len; i++) {
    guint place = g_array_index(places, guint, i);
    if (is_repeated(places, i))
      continue;
    wanted++;
    if (!release(visit, place, error))
      return false;
    if (visit->plan->steps[place].row != NULL)
      retrieve_delete_step(intake, visit, place);
    else if (!delete_unfetched(visit, intake, place, error))
      return false;
  }
  bool ok = intake_run(intake, error);
  if (ok && result.deleted < wanted)
    ok = error_set(error, POSTINO_ERROR_REFUSED,
                   _("%s: the server did not delete all of these letters"), visit->pop3->place);
  retrieve_result_clear(&result);
  return ok;
}

/* ---- kept there ---- */

/* "SIZE UID" as the list had it: a server without UIDs names no letter for good. */
static bool
keep_one(struct store *store, const struct conf_account *account, const char *drop,
         const struct server_pick *pick, bool keep, GError **error)
{
  g_autofree char *shown = picked_as(store, account, pick);
  char *uid = NULL;
  guint64 size = shown != NULL ? g_ascii_strtoull(shown, &uid, 10) : 0;
  if (shown == NULL)
    return error_set(error, POSTINO_ERROR_NOTFOUND,
                     _("%s: there is no letter %u in the last list; see \"postino server list\""),
                     account->name, pick->number);
  if (g_str_equal(uid, " -"))
    return error_set(error, POSTINO_ERROR_REFUSED,
                     _("%s: the server gives its letters no names (UIDL), so none can be kept"),
                     account->name);
  return store_keep(store, drop, uid + 1, size, keep, error);
}

bool
retrieve_keep(const struct conf_account *account, struct store *store,
              const struct server_pick *picks, guint n, bool keep, GError **error)
{
  g_autofree char *drop = NULL;
  if (!store_drop(store, account->name, account->pop3->server,
                  account->pop3->user != NULL ? account->pop3->user : "", &drop, error))
    return false;
  for (guint i = 0; i < n; i++)
    if (!keep_one(store, account, drop, &picks[i], keep, error))
      return false;
  return true;
}

/* ---- the test ---- */

static bool
count_letters(struct pop3 *pop3, guint64 *count_out, GError **error)
{
  if (!pop3_send(pop3, error, "STAT") || !connection_flush(pop3->connection, error))
    return false;
  const char *line = connection_read_line(pop3->connection, LIMIT_REPLY_LINE, error);
  if (line == NULL)
    return false;
  g_auto(GStrv) words = g_strsplit(line, " ", 4);
  if (words[0] != NULL && words[1] != NULL && g_ascii_strcasecmp(words[0], "+OK") == 0 &&
      g_ascii_string_to_unsigned(words[1], 10, 0, LIMIT_DROP_LETTERS, count_out, NULL))
    return true;
  return pop3_broken(pop3, _("the server cannot say how many letters it holds"), error);
}

bool
retrieve_test(const struct conf_account *account, struct keyring *keyring, struct store *store,
              char **found_out, GCancellable *cancel, GError **error)
{
  if (account->pop3 == NULL)
    return error_set(error, POSTINO_ERROR_CONFIG, _("account \"%s\" has no pop3 block"),
                     account->name);
  if (!trust_check(store, account, account->pop3, "pop3", error))
    return false;
  g_autofree char *known_key = trust_known_key(store, account, account->pop3, "pop3");
  struct pop3_options options = {.account = account, .keyring = keyring, .known_key = known_key};
  g_autofree char *memory = NULL;
  g_autoptr(pop3_t) pop3 = pop3_open(&options, &memory, cancel, error);
  guint64 letters;
  if (pop3 == NULL || !count_letters(pop3, &letters, error))
    return false;
  pop3_leave(pop3);
  const char *cipher = connection_cipher(pop3->connection);
  const char *comma = cipher != NULL ? strchr(cipher, ',') : NULL;
  g_autofree char *version = comma != NULL ? g_strndup(cipher, (gsize)(comma - cipher))
                                           : g_strdup(cipher != NULL ? cipher : _("no TLS"));
  g_autofree char *trust = trust_words(store, account, account->pop3, "pop3",
                                       connection_peer_pin(pop3->connection));
  *found_out = g_strdup_printf(ngettext("%s, %s, %u letter%s", "%s, %s, %u letters%s", letters),
                               version, pop3->method, (guint)letters, trust);
  return true;
}

#include "retrieve/visit.h"

#include <string.h>

#include "base/error.h"
#include "base/i18n.h"
#include "base/sanitize.h"
#include "message/headers.h"
#include "retrieve/transfer.h"
#include "store/trust.h"
#include "store/waiting.h"

/* Letters that must agree by their headers before a drop is taken for another
 * one's heir. */
#define HEIR_PROBES 3

struct plan_letter *
visit_letter(const struct visit *visit, guint i)
{
  return &g_array_index(visit->listing->letters, struct plan_letter, i);
}

static void
remark(struct visit *visit, char *sentence)
{
  g_ptr_array_add(visit->remarks, sentence);
}

char *
visit_remark(const struct visit *visit)
{
  if (visit->remarks->len == 0)
    return NULL;
  GString *all = g_string_new(g_ptr_array_index(visit->remarks, 0));
  for (guint i = 1; i < visit->remarks->len; i++)
    g_string_append_printf(all, "; %s", (char *)g_ptr_array_index(visit->remarks, i));
  return g_string_free(all, FALSE);
}

/* ---- header digests ---- */

struct examination {
  struct visit *visit;
  GArray *numbers;          /* guint */
  GArray *letters;          /* guint: their places in the listing */
};

/* When the server got it, as it says itself; else when it was written; 0: neither. */
static int64_t
arrival_of(const struct header_block *block)
{
  g_autoptr(headers_t) headers = headers_parse(
      block->bytes->len > 0 ? (const char *)block->bytes->data : "", block->bytes->len);
  const char *received = headers_get(headers, "Received"), *date = headers_get(headers, "Date");
  const char *stamp = received != NULL ? strrchr(received, ';') : NULL;
  int64_t seconds = 0;
  return (stamp != NULL && headers_parse_date(stamp + 1, &seconds)) ||
                 (date != NULL && headers_parse_date(date, &seconds))
             ? seconds
             : 0;
}

static void
note_digest(guint i, const struct header_block *block, void *data)
{
  struct examination *x = data;
  if (block == NULL)
    return;
  g_autofree char *digest = header_block_digest(block);
  guint place = g_array_index(x->letters, guint, i);
  visit_letter(x->visit, place)->digest = g_string_chunk_insert(x->visit->digests, digest);
  visit_letter(x->visit, place)->arrived = arrival_of(block);
}

static void
examine_later(struct examination *x, guint place)
{
  g_array_append_val(x->letters, place);
  g_array_append_val(x->numbers, visit_letter(x->visit, place)->number);
}

static bool
examine(struct examination *x, GError **error)
{
  return transfer_tops(x->visit->pop3, (const guint *)(void *)x->numbers->data, x->numbers->len,
                       note_digest, x, error);
}

static struct examination
examination_of(struct visit *visit)
{
  return (struct examination){visit, g_array_new(FALSE, FALSE, sizeof(guint)),
                              g_array_new(FALSE, FALSE, sizeof(guint))};
}

static void
examination_clear(struct examination *x)
{
  g_array_unref(x->numbers);
  g_array_unref(x->letters);
}

/* ---- rows ---- */

static bool
read_rows(struct visit *visit, enum drop_detail detail, GError **error)
{
  g_clear_pointer(&visit->plan, plan_free);
  g_clear_pointer(&visit->rows, g_ptr_array_unref);
  visit->detail = detail;
  visit->rows = store_drop_rows(visit->store, visit->drop, detail, error);
  return visit->rows != NULL;
}

/* ---- an account that was renamed or moved ---- */

static const struct drop_row *
row_of(GHashTable *by_uid, const struct plan_letter *letter)
{
  const struct drop_row *row =
      letter->uid != NULL ? g_hash_table_lookup(by_uid, letter->uid) : NULL;
  return row != NULL && row->size == letter->size ? row : NULL;
}

static bool
headers_agree(struct visit *visit, GHashTable *by_uid, struct examination *x)
{
  if ((visit->pop3->capabilities & POP3_TOP) == 0)
    return x->letters->len >= HEIR_PROBES;
  if (!examine(x, NULL))
    return false;
  guint agreed = 0;
  for (guint i = 0; i < x->letters->len; i++) {
    const struct plan_letter *letter = visit_letter(visit, g_array_index(x->letters, guint, i));
    const struct drop_row *row = row_of(by_uid, letter);
    if (row == NULL || g_strcmp0(row->digest, letter->digest) != 0)
      return false;
    agreed++;
  }
  return agreed > 0;
}

/* UIDs like "1", "2" stand in every drop: most letters must also have their
 * sizes, and a few their headers. */
static bool
is_heir(struct visit *visit, const GPtrArray *rows)
{
  g_autoptr(GHashTable) by_uid = g_hash_table_new(g_str_hash, g_str_equal);
  struct examination x = examination_of(visit);
  guint alike = 0;
  for (guint i = 0; i < rows->len; i++) {
    struct drop_row *row = g_ptr_array_index(rows, i);
    g_hash_table_insert(by_uid, (char *)(uintptr_t)row->uid, row);
  }
  for (guint i = 0; i < visit->listing->letters->len; i++) {
    const struct drop_row *row = row_of(by_uid, visit_letter(visit, i));
    alike += row != NULL;
    if (row != NULL && row->digest != NULL && x.letters->len < HEIR_PROBES)
      examine_later(&x, i);
  }
  bool heir = alike > 0 && alike * 2 >= visit->listing->letters->len &&
              headers_agree(visit, by_uid, &x);
  examination_clear(&x);
  return heir;
}

static bool
inherit(struct visit *visit, GError **error)
{
  g_autoptr(GPtrArray) uids = g_ptr_array_new();
  for (guint i = 0; i < visit->listing->letters->len; i++)
    if (visit_letter(visit, i)->uid != NULL)
      g_ptr_array_add(uids, (void *)(uintptr_t)visit_letter(visit, i)->uid);
  if (visit->rows->len > 0 || uids->len == 0)
    return true;
  g_ptr_array_add(uids, NULL);
  g_autofree char *other = store_drop_like(visit->store, visit->drop,
                                           (const char *const *)uids->pdata);
  if (other == NULL)
    return true;
  g_autoptr(GPtrArray) rows = store_drop_rows(visit->store, other, DROP_WHOLE, error);
  if (rows == NULL)
    return false;
  if (!is_heir(visit, rows))
    return true;
  if (!store_drop_inherit(visit->store, visit->drop, other, error))
    return false;
  remark(visit, g_strdup(_("these letters are known from another account or server of yours, so "
                           "they are not fetched again")));
  return read_rows(visit, visit->detail, error);
}

/* ---- what is here ---- */

static const char *
folder_that_left(char **before, char **now)
{
  for (; *before != NULL; before++)
    if (**before != '\0' && !g_strv_contains((const char *const *)now, *before))
      return *before;
  return NULL;
}

/* A folder may be away for a while (a disk that is not mounted): for one fetch its
 * letters count as here. */
static bool
folders_are_steady(struct visit *visit, char **folders)
{
  g_autofree char *text = store_memory_get(visit->store, visit->drop, "folders");
  g_auto(GStrv) before = g_strsplit(text != NULL ? text : "", "\n", -1);
  const char *left = folder_that_left(before, folders);
  if (left != NULL) {
    g_autofree char *clean = sanitize_line(left, -1);
    remark(visit, g_strdup_printf(_("the folder %s is gone; what was in it is deleted on the "
                                    "server at the next fetch, unless it is back"),
                                  clean));
  }
  return left == NULL;
}

bool
visit_keep_folders(struct visit *visit, GError **error)
{
  g_autofree char *text = store_memory_get(visit->store, visit->drop, "folders");
  return visit->folders == NULL || g_strcmp0(text, visit->folders) == 0 ||
         store_memory_set(visit->store, visit->drop, "folders", visit->folders, error);
}

static void
look_at_folders(struct visit *visit)
{
  if (visit->account->pop3->leave_on_server != CONF_LEAVE_WHEN_DELETED || visit->rows->len == 0)
    return;
  g_autoptr(GError) why = NULL;
  g_auto(GStrv) folders = NULL;
  g_autoptr(GHashTable) bases = store_bases(visit->store, &folders, &why);
  if (bases != NULL)
    visit->folders = g_strjoinv("\n", folders);
  if (bases != NULL && folders_are_steady(visit, folders))
    visit->bases = g_steal_pointer(&bases);
  else if (bases == NULL)
    remark(visit, g_strdup_printf(_("nothing is deleted on the server, since it is not known what "
                                    "was deleted here: %s"),
                                  why->message));
}

/* ---- the plan ---- */

static void
make_plan(struct visit *visit, bool can_examine)
{
  struct plan_policy policy = {
      .leave = visit->account->pop3->leave_on_server,
      .keep_newest = (guint)visit->account->pop3->keep_newest,
      .bases = visit->bases,
      .kept = visit->kept,
      .max_size = visit->max_size,
      .now = g_get_real_time() / G_USEC_PER_SEC,
      .can_examine = can_examine,
      .never_delete = visit->listing->odd > 0,
  };
  plan_free(visit->plan);
  visit->plan = plan_make((const struct plan_letter *)(void *)visit->listing->letters->data,
                          visit->listing->letters->len, visit->rows, &policy);
}

static bool
settle_doubts(struct visit *visit, GError **error)
{
  struct examination x = examination_of(visit);
  for (guint i = 0; i < visit->plan->count; i++)
    if (visit->plan->steps[i].action == PLAN_EXAMINE)
      examine_later(&x, i);
  bool ok = examine(&x, error);
  examination_clear(&x);
  return ok;
}

/* Most plans rest on names and sizes alone. */
static bool
plan_visit(struct visit *visit, GError **error)
{
  /* A server that answers no CAPA may have TOP: -ERR to it tells. */
  bool top = (visit->pop3->capabilities & POP3_TOP) != 0 ||
             (visit->pop3->capabilities & POP3_CAPA) == 0;
  make_plan(visit, top);
  return plan_is_plain(visit->plan) ||
         (settle_doubts(visit, error) && visit_read_whole(visit, error));
}

bool
visit_read_whole(struct visit *visit, GError **error)
{
  if (visit->detail == DROP_WHOLE)
    return true;
  if (!read_rows(visit, DROP_WHOLE, error))
    return false;
  make_plan(visit, false);
  return true;
}

static void
remark_on_server(struct visit *visit)
{
  guint renamed = 0, refuted = visit->plan->refuted->len;
  for (guint i = 0; i < visit->plan->count; i++)
    renamed += visit->plan->steps[i].renamed &&
               visit->plan->steps[i].row->size != DROP_SIZE_UNKNOWN;
  if (renamed > 0)
    remark(visit, g_strdup_printf(ngettext("the server has renamed %u letter; it was recognised by "
                                           "its header and not fetched again",
                                           "the server has renamed %u letters; they were "
                                           "recognised by their headers and not fetched again",
                                           renamed),
                                  renamed));
  if (refuted > 0)
    remark(visit, g_strdup_printf(ngettext("%u letter has a UID that the imported state knows, but "
                                           "came after it; it is fetched",
                                           "%u letters have UIDs that the imported state knows, but "
                                           "came after it; they are fetched",
                                           refuted),
                                  refuted));
  if (visit->listing->odd > 0)
    remark(visit, g_strdup_printf(ngettext("%u line of the server's list makes no sense, so "
                                           "nothing is deleted there",
                                           "%u lines of the server's list make no sense, so "
                                           "nothing is deleted there",
                                           visit->listing->odd),
                                  visit->listing->odd));
}

/* ---- beginning and end ---- */

static void
say(const struct retrieve_options *options, const char *what)
{
  struct retrieve_progress progress = {.what = what};
  if (options != NULL && options->progress != NULL)
    options->progress(&progress, options->data);
}

/* LOGIN-DELAY (RFC 2449, 6.5): "UNTIL" in seconds, of the last login. */
static bool
wait_for_login(struct visit *visit, GCancellable *cancel, GError **error)
{
  g_autofree char *text = store_memory_get(visit->store, visit->drop, "login");
  gint64 until = text != NULL ? g_ascii_strtoll(text, NULL, 10) : 0;
  gint64 left = until - g_get_real_time() / G_USEC_PER_SEC;
  /* More than a server can have asked for: the clock was set. */
  if (left <= 0 || left > 3600)
    return true;
  if (left > visit->account->pop3->timeout)
    return error_set(error, POSTINO_ERROR_RETRY,
                     _("%s pop3 (%s): the server allows no further login for %d seconds; try "
                       "again then, or fetch less often"),
                     visit->account->name, visit->account->pop3->server, (int)left);
  GPollFD fd;
  bool polled = cancel != NULL && g_cancellable_make_pollfd(cancel, &fd);
  g_poll(&fd, polled ? 1 : 0, (gint)left * 1000);
  if (polled)
    g_cancellable_release_fd(cancel);
  return cancel == NULL || !g_cancellable_is_cancelled(cancel) ||
         error_set(error, POSTINO_ERROR_CANCELLED, _("%s pop3: cancelled"), visit->account->name);
}

static bool
remember_login(struct visit *visit, GError **error)
{
  if (visit->pop3->login_delay == 0)
    return true;
  g_autofree char *until =
      g_strdup_printf("%" G_GINT64_FORMAT, g_get_real_time() / G_USEC_PER_SEC +
                                               visit->pop3->login_delay);
  return store_memory_set(visit->store, visit->drop, "login", until, error);
}

/* What the session learnt spares the next one round trips; it is no loss when it is
 * not kept. */
static void
keep_session(struct visit *visit, const char *memory)
{
  g_autoptr(GError) why = NULL;
  if (memory != NULL && !store_memory_set(visit->store, visit->drop, "session", memory, &why))
    g_info("%s", why->message);
}

static struct pop3 *
open_session(struct visit *visit, struct keyring *keyring, GCancellable *cancel, GError **error)
{
  g_autofree char *before = store_memory_get(visit->store, visit->drop, "session");
  g_autofree char *after = NULL;
  g_autofree char *known_key =
      trust_known_key(visit->store, visit->account, visit->account->pop3, "pop3");
  struct pop3_options options = {.account = visit->account,
                                 .keyring = keyring,
                                 .list = true,
                                 .memory = before,
                                 .known_key = known_key};
  struct pop3 *pop3 = pop3_open(&options, &after, cancel, error);
  keep_session(visit, after);
  return pop3;
}

/* A server that lets what was sent with the login fall is not sent it again. */
static struct listing *
read_listing(struct visit *visit, GError **error)
{
  bool ahead = visit->pop3->listed;
  g_autoptr(GError) why = NULL;
  struct listing *listing = listing_read(visit->pop3, visit->rows, &why);
  if (listing != NULL)
    return listing;
  if (ahead && !error_is(why, POSTINO_ERROR_CANCELLED)) {
    g_autofree char *steps = pop3_memory_of_steps();
    keep_session(visit, steps);
  }
  g_propagate_error(error, g_steal_pointer(&why));
  return NULL;
}

static bool
log_in(struct visit *visit, struct keyring *keyring, GCancellable *cancel, GError **error)
{
  const struct conf_account *account = visit->account;
  if (!trust_check(visit->store, account, account->pop3, "pop3", error) ||
      !wait_for_login(visit, cancel, error))
    return false;
  visit->pop3 = open_session(visit, keyring, cancel, error);
  if (visit->pop3 == NULL)
    return false;
  const struct connection *connection = visit->pop3->connection;
  struct trust trust = {.tls = connection_is_tls(connection),
                        .key = connection_peer_pin(connection)};
  return trust_keep(visit->store, account, account->pop3, "pop3", &trust, error);
}

static bool
enter(struct visit *visit, struct keyring *keyring, const struct retrieve_options *options,
      GCancellable *cancel, GError **error)
{
  const struct conf_account *account = visit->account;
  if (account->pop3 == NULL)
    return error_set(error, POSTINO_ERROR_CONFIG,
                     _("account \"%s\" has no pop3 block, so it cannot fetch"), account->name);
  if (!store_drop(visit->store, account->name, account->pop3->server,
                  account->pop3->user != NULL ? account->pop3->user : "", &visit->drop, error))
    return false;
  g_autofree char *name = g_strconcat("drop-", visit->drop, NULL);
  visit->lock = store_lock(visit->store, name, account->pop3->timeout, cancel, error);
  if (visit->lock == NULL) {
    g_prefix_error(error, "%s pop3: ", account->name);
    return false;
  }
  say(options, _("connecting"));
  if (!log_in(visit, keyring, cancel, error))
    return false;
  say(options, _("listing"));
  bool asks_for_files = account->pop3->leave_on_server == CONF_LEAVE_WHEN_DELETED;
  if (!read_rows(visit, asks_for_files ? DROP_BASES : DROP_NAMES, error))
    return false;
  visit->listing = read_listing(visit, error);
  return visit->listing != NULL && remember_login(visit, error);
}

struct visit *
visit_begin(const struct conf_account *account, struct keyring *keyring, struct store *store,
            guint64 max_size, const struct retrieve_options *options, GCancellable *cancel,
            GError **error)
{
  g_autoptr(visit_t) visit = g_new0(struct visit, 1);
  visit->account = account;
  visit->max_size = max_size;
  visit->store = store;
  visit->digests = g_string_chunk_new(1024);
  visit->remarks = g_ptr_array_new_with_free_func(g_free);
  if (!enter(visit, keyring, options, cancel, error) || !inherit(visit, error))
    return NULL;
  look_at_folders(visit);
  visit->kept = store_kept(visit->store, visit->drop, error);
  if (visit->kept == NULL || !plan_visit(visit, error))
    return NULL;
  remark_on_server(visit);
  return g_steal_pointer(&visit);
}

void
visit_end(struct visit *visit)
{
  if (visit == NULL)
    return;
  pop3_close(visit->pop3);
  store_unlock(visit->lock);
  plan_free(visit->plan);
  listing_free(visit->listing);
  if (visit->rows != NULL)
    g_ptr_array_unref(visit->rows);
  g_clear_pointer(&visit->bases, g_hash_table_unref);
  g_clear_pointer(&visit->kept, g_hash_table_unref);
  g_free(visit->folders);
  g_string_chunk_free(visit->digests);
  g_ptr_array_unref(visit->remarks);
  g_free(visit->drop);
  g_free(visit);
}

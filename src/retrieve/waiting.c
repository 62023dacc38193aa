/* Letters that are too large to be fetched unasked: listed by their headers, fetched
 * by their key. */
#include "base/error.h"
#include "base/i18n.h"
#include "base/limits.h"
#include "retrieve/retrieve-private.h"
#include "store/waiting.h"

/* How often the headers of one letter are asked for: a server at whose answer the
 * session breaks must not stop every fetch. */
#define TRIES 3

static void
free_row(void *row)
{
  drop_row_free(row);
}

static void
free_waiting(void *waiting)
{
  waiting_free(waiting);
}

/* ---- what waits ---- */

static char *
identity(const char *uid, guint64 size, guint generation)
{
  return g_strdup_printf("%u %" G_GUINT64_FORMAT " %s", generation, size, uid);
}

struct noting {
  struct visit *visit;
  GHashTable *known;        /* identity → struct waiting, owned by what store_waiting() gave */
  GPtrArray *fresh;         /* struct waiting whose headers are asked for */
  GArray *numbers, *places; /* guint: theirs, and where they stand in the plan */
  GPtrArray *met;           /* struct drop_row: of those that are here after all */
  struct retrieve_result *result;
};

static char *
base_of(const struct visit *visit, const struct waiting *waiting,
        const struct header_block *headers)
{
  struct header_block none;
  struct drop_row row = {
      .uid = waiting->uid, .size = waiting->size, .generation = waiting->generation};
  if (headers != NULL)
    return intake_base(visit->drop, &row, headers);
  header_block_init(&none);
  char *base = intake_base(visit->drop, &row, &none);
  header_block_clear(&none);
  return base;
}

static struct waiting *
waiting_of(const struct visit *visit, guint i)
{
  const struct plan_step *step = &visit->plan->steps[i];
  struct waiting *waiting = g_new0(struct waiting, 1);
  waiting->drop = g_strdup(visit->drop);
  waiting->uid = g_strdup(step->uid);
  waiting->size = visit_letter(visit, i)->size;
  waiting->generation = step->generation;
  waiting->folder = g_strdup(visit->account->inbox);
  waiting->base = base_of(visit, waiting, NULL);
  waiting->noticed = g_get_real_time() / G_USEC_PER_SEC;
  return waiting;
}

/* Is a letter with this file listed, so that it is here and its row was lost? */
static bool
has_file(const struct visit *visit, const char *base)
{
  g_autoptr(row_t) row = store_row_by_base(visit->store, base);
  return row != NULL;
}

/* Headers that came once are not asked for again. */
static void
note(struct noting *noting, guint i)
{
  const struct plan_letter *letter = visit_letter(noting->visit, i);
  g_autoptr(waiting_t) waiting = waiting_of(noting->visit, i);
  g_autofree char *name = identity(waiting->uid, waiting->size, waiting->generation);
  const struct waiting *known = g_hash_table_lookup(noting->known, name);
  bool done = known != NULL && (known->asked == 0 || known->asked >= TRIES) &&
              g_str_equal(known->folder, waiting->folder) &&
              !has_file(noting->visit, known->base);
  if (known != NULL)
    waiting->asked = known->asked;
  g_hash_table_remove(noting->known, name);
  if (done)
    return;
  waiting->asked++;
  g_ptr_array_add(noting->fresh, g_steal_pointer(&waiting));
  g_array_append_val(noting->numbers, letter->number);
  g_array_append_val(noting->places, i);
}

/* Its row was lost after its file was placed: the file has the name that is made of its
 * headers. */
static void
meet_file(struct noting *noting, guint i, const struct header_block *block)
{
  const struct waiting *waiting = noting->fresh->pdata[i];
  g_autofree char *key = store_find_base(noting->visit->store, waiting->base);
  if (key == NULL)
    return;
  g_autofree char *digest = header_block_digest(block);
  struct drop_row row = {
      .uid = waiting->uid,
      .size = waiting->size,
      .generation = waiting->generation,
      .base = waiting->base,
      .digest = digest,
      .fetched = g_get_real_time() / G_USEC_PER_SEC,
      .state = DROP_HERE,
  };
  g_ptr_array_add(noting->met, drop_row_copy(&row));
  noting->visit->plan->steps[g_array_index(noting->places, guint, i)].action = PLAN_KEEP;
  noting->result->known++;
}

static void
take_headers(guint i, const struct header_block *block, void *data)
{
  struct noting *noting = data;
  struct waiting *waiting = noting->fresh->pdata[i];
  if (block == NULL)
    return;
  gsize length = MIN((gsize)block->bytes->len, LIMIT_HEADER_INDEXED);
  waiting->headers = g_bytes_new(block->bytes->data, length);
  waiting->asked = 0;
  g_free(waiting->base);
  waiting->base = base_of(noting->visit, waiting, block);
  meet_file(noting, i, block);
}

/* That they are asked for is durable before they are. */
static bool
ask_headers(struct noting *noting, GError **error)
{
  struct visit *visit = noting->visit;
  bool top = (visit->pop3->capabilities & POP3_TOP) != 0 ||
             (visit->pop3->capabilities & POP3_CAPA) == 0;
  if (!store_waiting_record(visit->store, noting->fresh, error))
    return false;
  return !top ||
         (transfer_tops(visit->pop3, (const guint *)(void *)noting->numbers->data,
                        noting->numbers->len, take_headers, noting, error) &&
          store_waiting_record(visit->store, noting->fresh, error) &&
          (noting->met->len == 0 ||
           store_drop_record(visit->store, visit->drop, noting->met, error)));
}

static bool
forget_rest(struct noting *noting, GError **error)
{
  g_autoptr(GPtrArray) gone = g_ptr_array_new();
  GHashTableIter iter;
  void *waiting;
  g_hash_table_iter_init(&iter, noting->known);
  while (g_hash_table_iter_next(&iter, NULL, &waiting))
    g_ptr_array_add(gone, waiting);
  return store_waiting_forget(noting->visit->store, gone, error);
}

/* A list that makes no sense is no proof that a letter has gone. */
static bool
bring_up_to_date(struct noting *noting, struct retrieve_result *result, GError **error)
{
  struct visit *visit = noting->visit;
  for (guint i = 0; i < visit->plan->count; i++)
    if (visit->plan->steps[i].action == PLAN_TOO_LARGE && visit->plan->steps[i].uid != NULL)
      note(noting, i);
  bool gone = g_hash_table_size(noting->known) > 0 && visit->listing->odd == 0;
  result->waiting_changed = gone || noting->fresh->len > 0;
  return (!gone || forget_rest(noting, error)) &&
         (noting->fresh->len == 0 || ask_headers(noting, error));
}

bool
retrieve_note_waiting(struct visit *visit, struct retrieve_result *result, GError **error)
{
  g_autoptr(GPtrArray) all = store_waiting(visit->store, visit->drop, error);
  if (all == NULL)
    return false;
  struct noting noting = {
      .visit = visit,
      .known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
      .fresh = g_ptr_array_new_with_free_func(free_waiting),
      .numbers = g_array_new(FALSE, FALSE, sizeof(guint)),
      .places = g_array_new(FALSE, FALSE, sizeof(guint)),
      .met = g_ptr_array_new_with_free_func(free_row),
      .result = result,
  };
  for (guint i = 0; i < all->len; i++) {
    struct waiting *waiting = all->pdata[i];
    g_hash_table_insert(noting.known,
                        identity(waiting->uid, waiting->size, waiting->generation), waiting);
  }
  bool ok = bring_up_to_date(&noting, result, error);
  g_hash_table_unref(noting.known);
  g_ptr_array_unref(noting.fresh);
  g_array_unref(noting.numbers);
  g_array_unref(noting.places);
  g_ptr_array_unref(noting.met);
  return ok;
}

/* ---- fetching one ---- */

static bool
is_it(const struct visit *visit, guint i, const struct waiting *waiting)
{
  const struct plan_step *step = &visit->plan->steps[i];
  bool known = step->row != NULL && !step->renamed;
  guint generation = known ? step->row->generation : step->generation;
  return g_strcmp0(step->uid, waiting->uid) == 0 &&
         visit_letter(visit, i)->size == waiting->size && generation == waiting->generation;
}

/* It waits no longer: it is here, or the server has lost it. */
static bool
forget_one(struct visit *visit, struct waiting *waiting, GError **error)
{
  g_autoptr(GPtrArray) one = g_ptr_array_new();
  g_ptr_array_add(one, waiting);
  return store_waiting_forget(visit->store, one, error);
}

static bool
fetch_found(struct visit *visit, struct waiting *waiting, guint i,
            const struct retrieve_options *options, struct retrieve_result *result, GError **error)
{
  struct plan_step *step = &visit->plan->steps[i];
  g_autoptr(intake_t) intake = retrieve_intake(visit, G_MAXUINT64, options, result);
  if (step->action == PLAN_FETCH)
    intake_want(intake, i);
  else
    result->known++;
  bool ok = intake_run(intake, error);
  retrieve_gather_remarks(visit, intake, result);
  return ok && (step->action == PLAN_FETCH || forget_one(visit, waiting, error));
}

bool
retrieve_fetch_waiting(const struct conf_account *account, struct keyring *keyring,
                       struct store *store, const char *key,
                       const struct retrieve_options *options, struct retrieve_result *result_out,
                       GCancellable *cancel, GError **error)
{
  *result_out = (struct retrieve_result){.keys = g_new0(char *, 1), .waiting_changed = true};
  g_autofree char *whose = NULL;
  g_autoptr(visit_t) visit =
      visit_begin(account, keyring, store, G_MAXUINT64, options, cancel, error);
  g_autoptr(waiting_t) waiting =
      visit != NULL ? store_waiting_find(store, key, &whose, error) : NULL;
  if (waiting == NULL || !retrieve_rewrite_rows(visit, error))
    return false;
  for (guint i = 0; g_str_equal(waiting->drop, visit->drop) && i < visit->plan->count; i++)
    if (is_it(visit, i, waiting))
      return fetch_found(visit, waiting, i, options, result_out, error);
  pop3_leave(visit->pop3);
  return forget_one(visit, waiting, error) &&
         error_set(error, POSTINO_ERROR_NOTFOUND,
                   _("%s: the letter is no longer there; it was deleted on the server"),
                   visit->pop3->place);
}

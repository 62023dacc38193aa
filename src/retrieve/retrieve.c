#include "retrieve/retrieve.h"

#include <string.h>

#include "base/error.h"
#include "base/i18n.h"
#include "retrieve/claims.h"
#include "retrieve/failures.h"
#include "retrieve/retrieve-private.h"
#include "store/waiting.h"

/* Days without being listed after which a letter's row is forgotten. */
#define PRUNE_DAYS 90

void
retrieve_result_clear(struct retrieve_result *result)
{
  g_clear_pointer(&result->keys, g_free);
  g_clear_pointer(&result->key_text, g_string_chunk_free);
  g_clear_pointer(&result->remark, g_free);
}

static void
free_row(void *row)
{
  drop_row_free(row);
}

static void
add_ended(GPtrArray *rows, const struct drop_row *row)
{
  struct drop_row ended = *row;
  ended.state = DROP_GONE;
  g_ptr_array_add(rows, drop_row_copy(&ended));
}

/* The row of a letter that is known under a new name, or again on the server. */
static bool
add_rewritten(struct visit *visit, guint i, GPtrArray *rows, GError **error)
{
  const struct plan_step *step = &visit->plan->steps[i];
  const struct plan_letter *letter = visit_letter(visit, i);
  struct drop_row row = *step->row;
  row.state = DROP_HERE;
  if (step->renamed) {
    row.uid = step->uid;
    row.size = letter->size;
    row.generation = step->generation;
    if (row.digest == NULL)
      row.digest = letter->digest;
    add_ended(rows, step->row);
  }
  g_ptr_array_add(rows, drop_row_copy(&row));
  return !step->renamed || !step->kept ||
         store_keep(visit->store, visit->drop, step->uid, letter->size, true, error);
}

/* Letters that are known under a new name or again on the server get their rows
 * before anything else happens: the old name must not answer for two. */
bool
retrieve_rewrite_rows(struct visit *visit, GError **error)
{
  g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func(free_row);
  for (guint i = 0; i < visit->plan->refuted->len; i++)
    add_ended(rows, visit->plan->refuted->pdata[i]);
  for (guint i = 0; i < visit->plan->count; i++) {
    const struct plan_step *step = &visit->plan->steps[i];
    if (step->row != NULL && (step->renamed || step->row->state == DROP_GONE) &&
        !add_rewritten(visit, i, rows, error))
      return false;
  }
  return rows->len == 0 || store_drop_record(visit->store, visit->drop, rows, error);
}

/* The name of a known letter's row as it stands after retrieve_rewrite_rows. */
void
retrieve_delete_step(struct intake *intake, const struct visit *visit, guint i)
{
  const struct plan_step *step = &visit->plan->steps[i];
  const struct drop_row *row = step->row;
  struct drop_name name = {row->uid, row->size, row->generation};
  if (step->renamed)
    name = (struct drop_name){step->uid, visit_letter(visit, i)->size, step->generation};
  intake_delete(intake, i, &name);
}

/* A letter that the server cannot give whole ends the session; so that it costs
 * itself alone, the next one asks for it last. */
static void
fill(struct intake *intake, const struct visit *visit, const struct failures *failures,
     struct retrieve_result *result)
{
  g_autoptr(GPtrArray) late = g_ptr_array_new();
  for (guint i = 0; i < visit->plan->count; i++) {
    const struct plan_step *step = &visit->plan->steps[i];
    result->known += step->row != NULL;
    result->too_large += step->action == PLAN_TOO_LARGE;
    if (step->action == PLAN_DELETE)
      retrieve_delete_step(intake, visit, i);
    else if (step->action == PLAN_FETCH && failures_of(failures, visit_letter(visit, i)) > 0)
      g_ptr_array_add(late, visit_letter(visit, i));
    else if (step->action == PLAN_FETCH)
      intake_want(intake, i);
  }
  failures_sort(failures, late);
  for (guint i = 0; i < late->len; i++) {
    const struct plan_letter *letter = g_ptr_array_index(late, i);
    intake_want(intake, (guint)(letter - visit->plan->letters));
  }
}

/* The names that letters without UIDs go by. */
static GHashTable *
names_made_here(const struct plan *plan)
{
  GHashTable *names = g_hash_table_new(g_str_hash, g_str_equal);
  for (guint i = 0; i < plan->count; i++)
    if (plan->letters[i].uid == NULL && plan->steps[i].uid != NULL)
      g_hash_table_add(names, (char *)(uintptr_t)plan->steps[i].uid);
  return names;
}

/* The UIDs of rows and of what the user keeps that the server does not list. */
static GPtrArray *
missing_uids(const struct visit *visit)
{
  g_autoptr(GPtrArray) all = g_ptr_array_new();
  g_autoptr(plan_claims_t) claims =
      claims_new(visit->plan->letters, visit->plan->count, visit->rows);
  g_autoptr(GHashTable) names = names_made_here(visit->plan);
  GHashTableIter iter;
  void *kept;
  for (guint i = 0; i < visit->rows->len; i++)
    g_ptr_array_add(all, (char *)(uintptr_t)claims_row(claims, i)->uid);
  g_hash_table_iter_init(&iter, visit->kept);
  while (g_hash_table_iter_next(&iter, &kept, NULL))
    g_ptr_array_add(all, strchr(kept, ' ') + 1);
  guint missing = 0;
  for (guint i = 0; i < all->len; i++)
    if (claims_times_listed(claims, all->pdata[i]) == 0 &&
        !g_hash_table_contains(names, all->pdata[i]))
      all->pdata[missing++] = all->pdata[i];
  g_ptr_array_set_size(all, (int)missing);
  g_ptr_array_add(all, NULL);
  return g_steal_pointer(&all);
}

/* Rows are forgotten only on the word of a server that lists what is known. */
static bool
prune(struct visit *visit, const struct retrieve_result *result, GError **error)
{
  if (result->known == 0 || visit->listing->odd > 0 || result->fetched + result->deleted == 0)
    return true;
  g_autoptr(GPtrArray) missing = missing_uids(visit);
  return store_drop_prune(visit->store, visit->drop, (const char *const *)missing->pdata,
                          PRUNE_DAYS, error);
}

/* EXPIRE (RFC 2449, 6.7): what the user wants to stay there may not.  Some say so
 * and keep their letters all the same. */
static void
remark_on_expiry(struct visit *visit, const struct retrieve_result *result)
{
  int leave = visit->account->pop3->leave_on_server, expire = visit->pop3->expire;
  if (result->fetched == 0 || expire < 0 || (leave >= 0 && leave <= expire))
    return;
  g_ptr_array_add(visit->remarks,
                  g_strdup_printf(_("the server says that it deletes letters %d days after they "
                                    "were fetched"),
                                  expire));
}

void
retrieve_gather_remarks(struct visit *visit, const struct intake *intake,
                        struct retrieve_result *result)
{
  remark_on_expiry(visit, result);
  if (intake_remark(intake) != NULL)
    g_ptr_array_add(visit->remarks, g_strdup(intake_remark(intake)));
  result->remark = visit_remark(visit);
}

struct intake *
retrieve_intake(struct visit *visit, guint64 max_size, const struct retrieve_options *options,
                struct retrieve_result *result)
{
  struct intake_options intake = {
      .pop3 = visit->pop3,
      .store = visit->store,
      .drop = visit->drop,
      .rows = visit->rows,
      .plan = visit->plan,
      .max_size = max_size,
      .delete_fetched = visit->account->pop3->leave_on_server == 0 && visit->listing->odd == 0,
      .options = options,
      .result = result,
  };
  return intake_new(&intake);
}

static bool
carry_out(struct visit *visit, const struct retrieve_options *options,
          struct retrieve_result *result, GError **error)
{
  g_autoptr(intake_t) intake =
      retrieve_intake(visit, visit->account->pop3->max_size, options, result);
  g_autoptr(failures_t) failures = failures_read(visit->store, visit->drop);
  if (!retrieve_rewrite_rows(visit, error) || !visit_keep_folders(visit, error) ||
      !retrieve_note_waiting(visit, result, error))
    return false;
  fill(intake, visit, failures, result);
  bool ok = intake_run(intake, error);
  if (ok || intake_broke_at(intake) != NULL)
    failures_write(failures, visit, intake_broke_at(intake));
  retrieve_gather_remarks(visit, intake, result);
  return ok && prune(visit, result, error);
}

static bool
show_plan(struct visit *visit, const struct retrieve_options *options,
          struct retrieve_result *result)
{
  for (guint i = 0; i < visit->plan->count; i++) {
    const struct plan_step *step = &visit->plan->steps[i];
    g_autofree char *line = plan_describe(visit_letter(visit, i), step);
    if (options->plan_line != NULL)
      options->plan_line(line, options->data);
    result->known += step->row != NULL;
    result->too_large += step->action == PLAN_TOO_LARGE;
  }
  result->remark = visit_remark(visit);
  pop3_leave(visit->pop3);
  return true;
}

bool
retrieve_run(const struct conf_account *account, struct keyring *keyring, struct store *store,
             const struct retrieve_options *options, struct retrieve_result *result_out,
             GCancellable *cancel, GError **error)
{
  *result_out = (struct retrieve_result){.keys = g_new0(char *, 1)};
  g_autoptr(visit_t) visit =
      visit_begin(account, keyring, store, account->pop3 != NULL ? account->pop3->max_size : 0,
                  options, cancel, error);
  if (visit == NULL)
    return false;
  if (options != NULL && options->dry_run)
    return show_plan(visit, options, result_out);
  return carry_out(visit, options, result_out, error);
}

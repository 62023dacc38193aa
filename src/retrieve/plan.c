#include "retrieve/claims.h"

#include <string.h>

#include "base/i18n.h"
#include "store/waiting.h"

#define SECONDS_A_DAY 86400
/* By which the clocks of a server and of this machine may differ. */
#define CLOCKS_APART 3600

static char *
key_of(const char *uid, guint64 size)
{
  return g_strdup_printf("%s %" G_GUINT64_FORMAT, uid, size);
}

/* ---- known by name and size ---- */

struct planning {
  const struct plan_letter *letters;
  guint count;
  const GPtrArray *rows;
  const struct plan_policy *policy;
  struct plan_claims *claims;
  GHashTable *lost;         /* sizes of rows that should be listed and are not */
  GHashTable *generations;  /* "uid size" → how many letters of that name there are */
  struct plan *plan;
};

static bool
is_on_server(const struct drop_row *row)
{
  return row->state != DROP_GONE;
}

/* The one unclaimed row of this UID and size whose letter should still be there.
 * *doubt_out: there are rows of this UID, and they do not settle it. */
static bool
find_by_name(const struct planning *p, const struct plan_letter *letter, guint *place_out,
             bool *doubt_out)
{
  guint alike = 0, others = 0;
  bool told = false;
  struct span span = claims_rows_named(p->claims, letter->uid);
  for (const guint *at = span.at; at < span.end; at++) {
    const struct drop_row *row = claims_row(p->claims, *at);
    if (row->size == DROP_SIZE_UNKNOWN && row->state == DROP_GONE)
      continue; /* it has a row with its size */
    if (row->size != letter->size && row->size != DROP_SIZE_UNKNOWN) {
      others++;
      continue;
    }
    alike++;
    /* What was deleted may have left its UID to another letter; but where there
     * is no TOP, what was being deleted is deleted again by its name. */
    told = row->state == DROP_HERE ||
           (row->state == DROP_DELETING &&
            (row->digest == NULL || (letter->digest == NULL && !p->policy->can_examine)));
    *place_out = *at;
  }
  if (alike == 1 && told && !claims_is_taken(p->claims, *place_out))
    return true;
  *doubt_out = alike > 0 || others > 0;
  return false;
}

/* A server that renames its letters keeps their sizes: only a letter of such a
 * size can be an old one under a new name. */
static void
note_lost(struct planning *p)
{
  for (guint i = 0; i < p->rows->len; i++) {
    const struct drop_row *row = g_ptr_array_index(p->rows, i);
    if (is_on_server(row) && row->digest != NULL && !claims_stands(p->claims, row))
      g_hash_table_add(p->lost, (void *)&row->size);
  }
}

/* ---- one letter ---- */

static guint *
generation_slot(struct planning *p, const char *uid, guint64 size)
{
  g_autofree char *key = key_of(uid, size);
  guint *slot = g_hash_table_lookup(p->generations, key);
  if (slot != NULL)
    return slot;
  slot = g_new0(guint, 1);
  struct span span = claims_rows_named(p->claims, uid);
  for (const guint *at = span.at; at < span.end; at++) {
    const struct drop_row *row = claims_row(p->claims, *at);
    if (row->size == size && row->generation >= *slot)
      *slot = row->generation + 1;
  }
  g_hash_table_insert(p->generations, g_steal_pointer(&key), slot);
  return slot;
}

/* A row without a file never had one that could have been deleted. */
static bool
is_lost_here(const struct plan_policy *policy, const struct drop_row *row)
{
  return policy->leave == CONF_LEAVE_WHEN_DELETED && policy->bases != NULL && row->base != NULL &&
         !g_hash_table_contains(policy->bases, store_base_key(row->base));
}

static bool
is_among_newest(const struct planning *p, const struct plan_step *step)
{
  guint behind = p->count - (guint)(step - p->plan->steps);
  return p->policy->keep_newest == 0 || behind <= p->policy->keep_newest;
}

static bool
is_kept(const struct plan_policy *policy, const char *uid, guint64 size)
{
  g_autofree char *key = policy->kept != NULL && uid != NULL ? store_kept_key(uid, size) : NULL;
  return key != NULL && g_hash_table_contains(policy->kept, key);
}

static enum plan_why
due_for(const struct planning *p, const struct plan_step *step, const struct drop_row *row,
        int64_t until)
{
  const struct plan_policy *policy = p->policy;
  return row->state == DROP_DELETING                  ? WHY_UNANSWERED
         : policy->leave == 0                         ? WHY_NOTHING_STAYS
         : policy->leave > 0 && until <= policy->now  ? WHY_DAYS_OVER
         : is_lost_here(policy, row)                  ? WHY_DELETED_HERE
         : !is_among_newest(p, step)                  ? WHY_NOT_NEWEST
                                                      : WHY_NOTHING;
}

/* What holds a letter that is due. */
static enum plan_why
held_for(const struct planning *p, const struct plan_step *step, const struct drop_row *row)
{
  if (step->kept)
    return WHY_KEPT;
  /* Retrieved by another program: nobody knows here whether it is durable. */
  if (row->state != DROP_DELETING && g_strcmp0(row->base, DROP_ELSEWHERE) == 0)
    return WHY_ELSEWHERE;
  return p->policy->never_delete ? WHY_ODD_LIST : WHY_NOTHING;
}

static void
set_known(const struct planning *p, struct plan_step *step, const struct drop_row *row)
{
  const struct plan_policy *policy = p->policy;
  int64_t until = row->fetched + (int64_t)policy->leave * SECONDS_A_DAY;
  step->row = row;
  step->certain = true;
  step->kept = step->kept || is_kept(policy, row->uid, row->size);
  enum plan_why due = due_for(p, step, row, until), held = held_for(p, step, row);
  step->action = due != WHY_NOTHING && held == WHY_NOTHING ? PLAN_DELETE : PLAN_KEEP;
  step->why = step->action == PLAN_DELETE || held == WHY_NOTHING ? due : held;
  step->until = policy->leave > 0 ? until : 0;
  step->while_here = policy->leave == CONF_LEAVE_WHEN_DELETED;
}

static bool
has_rows(const struct planning *p, const char *uid)
{
  struct span span = claims_rows_named(p->claims, uid);
  return span.at < span.end;
}

/* Most letters have a name of their own, and are its first. */
static guint
next_generation(struct planning *p, const char *uid, guint64 size)
{
  if (*uid != '~' && claims_times_listed(p->claims, uid) <= 1 && !has_rows(p, uid))
    return 0;
  return (*generation_slot(p, uid, size))++;
}

static void
set_new(struct planning *p, const struct plan_letter *letter, struct plan_step *step)
{
  step->action = letter->size > p->policy->max_size ? PLAN_TOO_LARGE : PLAN_FETCH;
  if (step->uid != NULL)
    step->generation = next_generation(p, step->uid, letter->size);
}

/* No UID: named by its headers; NULL while they are unknown. */
static const char *
name_of(const struct planning *p, const struct plan_letter *letter)
{
  if (letter->uid != NULL || letter->digest == NULL)
    return letter->uid;
  g_autofree char *name = g_strconcat("~", letter->digest, NULL);
  return g_string_chunk_insert(p->plan->names, name);
}

static bool
is_doubtful(const struct planning *p, const struct plan_letter *letter, bool by_name)
{
  return by_name || letter->uid == NULL || claims_times_listed(p->claims, letter->uid) > 1 ||
         (!has_rows(p, letter->uid) &&
          g_hash_table_contains(p->lost, &letter->size));
}

static void
plan_doubtful(struct planning *p, const struct plan_letter *letter, struct plan_step *step)
{
  if (letter->digest == NULL && p->policy->can_examine) {
    step->action = PLAN_EXAMINE;
    return;
  }
  const struct drop_row *row =
      claims_take_digest(p->claims, step->uid, letter->size, letter->digest);
  step->certain = letter->digest != NULL;
  if (row == NULL) {
    set_new(p, letter, step);
    return;
  }
  set_known(p, step, row);
  step->renamed = !g_str_equal(row->uid, step->uid) || row->size != letter->size;
  if (step->renamed)
    step->generation = next_generation(p, step->uid, letter->size);
}

/* A letter that another program told of gets its size now. */
static void
set_met(struct planning *p, const struct plan_letter *letter, struct plan_step *step,
        const struct drop_row *row)
{
  set_known(p, step, row);
  step->renamed = row->size != letter->size;
  if (step->renamed)
    step->generation = next_generation(p, step->uid, letter->size);
}

/* All that another program leaves is UIDs.  A server may have given one to another
 * letter since: what is taken for known must have come before that program last wrote
 * what it knew. */
static void
plan_foreign(struct planning *p, const struct plan_letter *letter, struct plan_step *step,
             guint place)
{
  if (letter->digest == NULL && p->policy->can_examine) {
    step->action = PLAN_EXAMINE;
    return;
  }
  const struct drop_row *row = claims_take(p->claims, place);
  if (letter->arrived > 0 && letter->arrived <= row->fetched + CLOCKS_APART) {
    set_met(p, letter, step, row);
    return;
  }
  step->refuted = true;
  g_ptr_array_add(p->plan->refuted, (void *)(uintptr_t)row);
  set_new(p, letter, step);
}

/* What is certain is claimed first, so that no doubtful letter takes its row. */
static void
plan_all(struct planning *p)
{
  g_autofree bool *doubtful = g_new0(bool, p->count + 1);
  for (guint i = 0; i < p->count; i++) {
    const struct plan_letter *letter = &p->letters[i];
    struct plan_step *step = &p->plan->steps[i];
    bool by_name = false;
    guint place = 0;
    bool known = letter->uid != NULL && claims_times_listed(p->claims, letter->uid) == 1 &&
                 find_by_name(p, letter, &place, &by_name);
    step->uid = name_of(p, letter);
    step->kept = is_kept(p->policy, step->uid, letter->size);
    step->certain = true;
    if (known && claims_row(p->claims, place)->size == DROP_SIZE_UNKNOWN)
      plan_foreign(p, letter, step, place);
    else if (known)
      set_met(p, letter, step, claims_take(p->claims, place));
    else if (is_doubtful(p, letter, by_name))
      doubtful[i] = true;
    else
      set_new(p, letter, step);
  }
  for (guint i = 0; i < p->count; i++)
    if (doubtful[i])
      plan_doubtful(p, &p->letters[i], &p->plan->steps[i]);
}

struct plan *
plan_make(const struct plan_letter *letters, guint count, const GPtrArray *rows,
          const struct plan_policy *policy)
{
  struct plan *plan = g_new0(struct plan, 1);
  plan->steps = g_new0(struct plan_step, count + 1);
  plan->count = count;
  plan->letters = letters;
  plan->refuted = g_ptr_array_new();
  plan->names = g_string_chunk_new(1024);
  struct planning p = {
      .letters = letters,
      .count = count,
      .rows = rows,
      .policy = policy,
      .claims = claims_new(letters, count, rows),
      .lost = g_hash_table_new(g_int64_hash, g_int64_equal),
      .generations = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free),
      .plan = plan,
  };
  note_lost(&p);
  plan_all(&p);
  plan_claims_free(p.claims);
  g_hash_table_unref(p.lost);
  g_hash_table_unref(p.generations);
  return plan;
}

void
plan_free(struct plan *plan)
{
  if (plan == NULL)
    return;
  g_free(plan->steps);
  g_ptr_array_unref(plan->refuted);
  g_string_chunk_free(plan->names);
  g_free(plan);
}

guint
plan_count(const struct plan *plan, enum plan_action action)
{
  guint count = 0;
  for (guint i = 0; i < plan->count; i++)
    count += plan->steps[i].action == action;
  return count;
}

bool
plan_is_plain(const struct plan *plan)
{
  for (guint i = 0; i < plan->count; i++) {
    const struct plan_step *step = &plan->steps[i];
    if (step->action == PLAN_EXAMINE || !step->certain || step->renamed)
      return false;
  }
  return true;
}

/* ---- after a download in doubt ---- */

struct plan_claims *
plan_claims_new(const struct plan *plan, const GPtrArray *rows)
{
  struct plan_claims *claims = claims_new(plan->letters, plan->count, rows);
  g_autoptr(GHashTable) known = g_hash_table_new(NULL, NULL);
  for (guint i = 0; i < plan->count; i++)
    if (plan->steps[i].row != NULL)
      g_hash_table_add(known, (void *)(uintptr_t)plan->steps[i].row);
  for (guint i = 0; i < rows->len; i++)
    if (g_hash_table_contains(known, g_ptr_array_index(rows, i)))
      claims_take(claims, i);
  return claims;
}

const struct drop_row *
plan_claim(struct plan_claims *claims, const char *uid, guint64 size, const char *digest)
{
  return claims_take_digest(claims, uid, size, digest);
}

/* ---- in words ---- */

const char *
plan_why_words(enum plan_why why)
{
  switch (why) {
  case WHY_NOTHING: break;
  case WHY_UNANSWERED: return _("the server has not confirmed that it deleted it");
  case WHY_NOTHING_STAYS: return _("nothing that is here stays there");
  case WHY_DAYS_OVER: return _("its days on the server are over");
  case WHY_DELETED_HERE: return _("it was deleted here");
  case WHY_NOT_NEWEST: return _("only the newest stay there");
  case WHY_KEPT: return _("you keep it there");
  case WHY_ELSEWHERE: return _("another program fetched it");
  case WHY_ODD_LIST: return _("the server's list makes no sense");
  }
  return NULL;
}

static char *
fate_words(const struct plan_step *step)
{
  switch (step->action) {
  case PLAN_FETCH:
    return g_strdup(_("to be fetched"));
  case PLAN_DELETE:
    return g_strdup_printf(_("already here, to be deleted on the server: %s"),
                           plan_why_words(step->why));
  case PLAN_TOO_LARGE:
    return g_strdup(_("too large, stays on the server until it is asked for"));
  default:
    break;
  }
  if (step->why != WHY_NOTHING)
    return g_strdup_printf(_("already here, stays on the server: %s"), plan_why_words(step->why));
  if (step->while_here)
    return g_strdup(_("already here, stays on the server until it is deleted here"));
  if (step->until == 0)
    return g_strdup(_("already here, stays on the server"));
  g_autoptr(GDateTime) when = g_date_time_new_from_unix_local(step->until);
  g_autofree char *day = when != NULL ? g_date_time_format(when, "%Y-%m-%d") : g_strdup("?");
  return g_strdup_printf(_("already here, stays on the server until %s"), day);
}

char *
plan_describe(const struct plan_letter *letter, const struct plan_step *step)
{
  g_autofree char *fate = fate_words(step);
  g_autofree char *size = g_strdup_printf("%" G_GUINT64_FORMAT, letter->size);
  return g_strdup_printf(_("%u (%s bytes, UID %s): %s"), letter->number, size,
                         letter->uid != NULL ? letter->uid : _("none"), fate);
}

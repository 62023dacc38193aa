#include "retrieve/claims.h"

#include <string.h>

/* Places in an order; what is looked up mostly follows it, so that the last one found is
 * a good guess. */
struct places {
  guint *at;
  guint count, last;
};

struct plan_claims {
  const struct plan_letter *letters;
  const GPtrArray *rows;
  struct places listed;     /* of letters that have a UID, by UID and size */
  struct places by_uid;     /* of rows */
  struct places by_digest;  /* of rows; empty until it is asked for */
  bool *taken;              /* by place of a row */
};

const struct drop_row *
claims_row(const struct plan_claims *claims, guint place)
{
  return g_ptr_array_index(claims->rows, place);
}

/* ---- order ---- */

static int
compare_names(const char *a, guint64 a_size, const char *b, guint64 b_size)
{
  int order = strcmp(a, b);
  return order != 0 ? order : (a_size > b_size) - (a_size < b_size);
}

static int
compare_letters(gconstpointer a, gconstpointer b, gpointer claims)
{
  const struct plan_letter *letters = ((struct plan_claims *)claims)->letters;
  const struct plan_letter *x = &letters[*(const guint *)a], *y = &letters[*(const guint *)b];
  return compare_names(x->uid, x->size, y->uid, y->size);
}

static int
compare_rows(gconstpointer a, gconstpointer b, gpointer claims)
{
  return strcmp(claims_row(claims, *(const guint *)a)->uid,
                claims_row(claims, *(const guint *)b)->uid);
}

static int
compare_digests(gconstpointer a, gconstpointer b, gpointer claims)
{
  return g_strcmp0(claims_row(claims, *(const guint *)a)->digest,
                   claims_row(claims, *(const guint *)b)->digest);
}

/* Mostly they stand so already. */
static void
sort(struct places *places, GCompareDataFunc compare, struct plan_claims *claims)
{
  guint i = 1;
  while (i < places->count && compare(&places->at[i - 1], &places->at[i], claims) <= 0)
    i++;
  if (i < places->count)
    g_qsort_with_data(places->at, (gint)places->count, sizeof *places->at, compare, claims);
}

static struct places
places_of_rows(struct plan_claims *claims, GCompareDataFunc compare)
{
  struct places places = {.at = g_new(guint, claims->rows->len + 1), .count = claims->rows->len};
  for (guint i = 0; i < places.count; i++)
    places.at[i] = i;
  sort(&places, compare, claims);
  return places;
}

struct key {
  const struct plan_claims *claims;
  int (*compare)(const struct plan_claims *claims, guint place, const void *key);
  const void *key;
  bool past;                /* what equals the key comes before it too */
};

static bool
comes_before(const struct key *key, const struct places *places, guint i)
{
  int order = key->compare(key->claims, places->at[i], key->key);
  return order < 0 || (key->past && order == 0);
}

/* The first that does not come before the key: in steps from the last one found, then by
 * halves. */
static guint
bound(struct places *places, const struct key *key)
{
  guint from = 0, to = places->count, step = 1;
  if (places->last == 0 || comes_before(key, places, places->last - 1)) {
    from = places->last;
    for (; from + step <= places->count && comes_before(key, places, from + step - 1); step *= 2)
      from += step;
    to = MIN(places->count, from + step - 1);
  } else
    to = places->last - 1;
  while (from < to) {
    guint middle = from + (to - from) / 2;
    if (comes_before(key, places, middle))
      from = middle + 1;
    else
      to = middle;
  }
  return places->last = from;
}

static struct span
span_of(struct places *places, struct key key)
{
  guint from = bound(places, &key);
  key.past = true;
  guint to = bound(places, &key);
  places->last = from;
  return (struct span){places->at + from, places->at + to};
}

static int
letter_to_uid(const struct plan_claims *claims, guint place, const void *uid)
{
  return strcmp(claims->letters[place].uid, uid);
}

static int
letter_to_row(const struct plan_claims *claims, guint place, const void *row)
{
  const struct plan_letter *letter = &claims->letters[place];
  const struct drop_row *wanted = row;
  return compare_names(letter->uid, letter->size, wanted->uid, wanted->size);
}

static int
row_to_uid(const struct plan_claims *claims, guint place, const void *uid)
{
  return strcmp(claims_row(claims, place)->uid, uid);
}

static int
row_to_digest(const struct plan_claims *claims, guint place, const void *digest)
{
  return g_strcmp0(claims_row(claims, place)->digest, digest);
}

/* ---- what stands where ---- */

struct plan_claims *
claims_new(const struct plan_letter *letters, guint count, const GPtrArray *rows)
{
  struct plan_claims *claims = g_new0(struct plan_claims, 1);
  claims->letters = letters;
  claims->rows = rows;
  claims->taken = g_new0(bool, rows->len + 1);
  claims->by_uid = places_of_rows(claims, compare_rows);
  claims->listed.at = g_new(guint, count + 1);
  for (guint i = 0; i < count; i++)
    if (letters[i].uid != NULL)
      claims->listed.at[claims->listed.count++] = i;
  sort(&claims->listed, compare_letters, claims);
  return claims;
}

void
plan_claims_free(struct plan_claims *claims)
{
  if (claims == NULL)
    return;
  g_free(claims->listed.at);
  g_free(claims->by_uid.at);
  g_free(claims->by_digest.at);
  g_free(claims->taken);
  g_free(claims);
}

struct span
claims_rows_named(struct plan_claims *claims, const char *uid)
{
  if (uid == NULL)
    return (struct span){NULL, NULL};
  return span_of(&claims->by_uid, (struct key){claims, row_to_uid, uid, false});
}

guint
claims_times_listed(struct plan_claims *claims, const char *uid)
{
  struct span span = span_of(&claims->listed, (struct key){claims, letter_to_uid, uid, false});
  return (guint)(span.end - span.at);
}

bool
claims_stands(struct plan_claims *claims, const struct drop_row *row)
{
  struct span span = span_of(&claims->listed, (struct key){claims, letter_to_row, row, false});
  return span.at < span.end;
}

bool
claims_is_taken(const struct plan_claims *claims, guint place)
{
  return claims->taken[place];
}

const struct drop_row *
claims_take(struct plan_claims *claims, guint place)
{
  claims->taken[place] = true;
  return claims_row(claims, place);
}

/* ---- by headers ---- */

static int
rank(struct plan_claims *claims, const struct drop_row *row, const char *uid, guint64 size)
{
  bool same_uid = g_strcmp0(row->uid, uid) == 0, same_size = row->size == size;
  if (same_uid)
    return same_size ? 4 : 3;
  bool vanished = row->state != DROP_GONE && !claims_stands(claims, row);
  return !vanished ? 0 : same_size ? 2 : uid != NULL && *uid == '~' ? 1 : 0;
}

const struct drop_row *
claims_take_digest(struct plan_claims *claims, const char *uid, guint64 size, const char *digest)
{
  guint best = 0;
  int best_rank = 0;
  if (digest == NULL)
    return NULL;
  /* Few drops have letters in doubt. */
  if (claims->by_digest.at == NULL)
    claims->by_digest = places_of_rows(claims, compare_digests);
  struct span span =
      span_of(&claims->by_digest, (struct key){claims, row_to_digest, digest, false});
  for (const guint *at = span.at; at < span.end; at++) {
    int of_this = claims->taken[*at] ? 0 : rank(claims, claims_row(claims, *at), uid, size);
    if (of_this > best_rank) {
      best = *at;
      best_rank = of_this;
    }
  }
  return best_rank > 0 ? claims_take(claims, best) : NULL;
}

#include "retrieve/failures.h"

/* Letters that are remembered: beyond so many it is the server that is broken. */
#define FAILURES_MAX 200

struct failures {
  GHashTable *counts;       /* "UID SIZE" → how often */
};

static char *
name_of(const struct plan_letter *letter)
{
  return g_strdup_printf("%s %" G_GUINT64_FORMAT, letter->uid != NULL ? letter->uid : "-",
                         letter->size);
}

/* A line each: how often, UID, size. */
struct failures *
failures_read(struct store *store, const char *drop)
{
  struct failures *failures = g_new0(struct failures, 1);
  failures->counts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  g_autofree char *text = store_memory_get(store, drop, "failed");
  g_auto(GStrv) lines = g_strsplit(text != NULL ? text : "", "\n", FAILURES_MAX);
  for (char **line = lines; *line != NULL; line++) {
    char *end;
    guint64 count = g_ascii_strtoull(*line, &end, 10);
    if (*end == ' ' && count > 0)
      g_hash_table_insert(failures->counts, g_strdup(end + 1),
                          GUINT_TO_POINTER((guint)MIN(count, 1000)));
  }
  return failures;
}

void
failures_free(struct failures *failures)
{
  if (failures == NULL)
    return;
  g_hash_table_unref(failures->counts);
  g_free(failures);
}

guint
failures_of(const struct failures *failures, const struct plan_letter *letter)
{
  if (g_hash_table_size(failures->counts) == 0)
    return 0;
  g_autofree char *name = name_of(letter);
  return GPOINTER_TO_UINT(g_hash_table_lookup(failures->counts, name));
}

static gint
by_count(gconstpointer a, gconstpointer b, gpointer failures)
{
  const struct plan_letter *x = *(struct plan_letter *const *)a;
  const struct plan_letter *y = *(struct plan_letter *const *)b;
  guint of_x = failures_of(failures, x), of_y = failures_of(failures, y);
  return of_x != of_y ? (of_x > of_y) - (of_x < of_y)
                      : (x->number > y->number) - (x->number < y->number);
}

void
failures_sort(const struct failures *failures, GPtrArray *letters)
{
  g_ptr_array_sort_with_data(letters, by_count, (gpointer)(guintptr)failures);
}

void
failures_write(struct failures *failures, const struct visit *visit,
               const struct plan_letter *broke_at)
{
  g_autoptr(GString) text = g_string_new(NULL);
  guint kept = 0;
  for (guint i = 0; broke_at != NULL && i < visit->plan->count && kept < FAILURES_MAX; i++) {
    const struct plan_letter *letter = visit_letter(visit, i);
    guint count = failures_of(failures, letter) + (letter == broke_at);
    if (count == 0 || visit->plan->steps[i].action != PLAN_FETCH)
      continue;
    g_autofree char *name = name_of(letter);
    g_string_append_printf(text, "%u %s\n", count, name);
    kept++;
  }
  if (text->len == 0 && g_hash_table_size(failures->counts) == 0)
    return;
  g_autoptr(GError) ignored = NULL;
  if (!store_memory_set(visit->store, visit->drop, "failed", text->len > 0 ? text->str : NULL,
                        &ignored))
    g_debug("failures are not remembered: %s", ignored->message);
}

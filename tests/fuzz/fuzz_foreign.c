/* Any bytes as the state file of another mail program, and as what a POP3 server says
 * of its letters, through the plan that is made of both. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "retrieve/foreign.h"
#include "retrieve/list.h"
#include "retrieve/plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
free_row(void *row)
{
  drop_row_free(row);
}

/* Rows as an import makes them; every other one as a fetch would. */
static GPtrArray *
rows_of(const GPtrArray *found)
{
  GPtrArray *rows = g_ptr_array_new_with_free_func(free_row);
  for (guint i = 0; i < found->len; i++) {
    const struct foreign *foreign = found->pdata[i];
    if (foreign->uid == NULL || *foreign->uid == '\0' || strlen(foreign->uid) > LIMIT_UID ||
        foreign->fetched < 0)
      abort();
    struct drop_row row = {.uid = foreign->uid,
                           .size = i % 2 == 0 ? DROP_SIZE_UNKNOWN : i,
                           .base = DROP_ELSEWHERE,
                           .fetched = foreign->fetched,
                           .state = DROP_HERE};
    g_ptr_array_add(rows, drop_row_copy(&row));
  }
  return rows;
}

/* No letter is deleted that only another program knows, and none is met twice. */
static void
plan(const struct listing *listing, const GPtrArray *rows)
{
  struct plan_policy policy = {.leave = 0, .max_size = 1 << 20, .now = 1800000000};
  g_autoptr(plan_t) plan = plan_make((const struct plan_letter *)(void *)listing->letters->data,
                                     listing->letters->len, rows, &policy);
  g_autoptr(GHashTable) met = g_hash_table_new(NULL, NULL);
  for (guint i = 0; i < plan->count; i++) {
    const struct plan_step *step = &plan->steps[i];
    if (step->action == PLAN_DELETE || (step->row != NULL && !g_hash_table_add(met, (void *)(uintptr_t)step->row)))
      abort();
  }
}

static struct listing *
listing_of(const char *text)
{
  struct listing *listing = listing_new();
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  for (char **line = lines; *line != NULL; line++)
    if (!listing_take_size(listing, *line))
      break;
  listing_sort(listing);
  for (char **line = lines; *line != NULL; line++)
    if (!listing_take_uid(listing, *line))
      break;
  return listing;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) found = foreign_read((const char *)data, size, &error);
  if ((found == NULL) != (error != NULL) || (found != NULL && found->len == 0))
    abort();
  if (found == NULL)
    return 0;
  g_autofree char *text = g_strndup((const char *)data, size);
  g_autoptr(listing_t) listing = listing_of(text);
  g_autoptr(GPtrArray) rows = rows_of(found);
  plan(listing, rows);
  return 0;
}

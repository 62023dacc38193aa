#include "crypto/idle.h"

/* The host ends itself after 60 seconds without a request. */
#define MOST_SECONDS 45

struct waiting {
  const struct plugin_spec *spec;
  struct client *client;
  gint64 since;
};

struct idle {
  GMutex lock;
  GPtrArray *waiting;       /* at most one of each plugin */
};

static void
free_waiting(gpointer data)
{
  struct waiting *waiting = data;
  client_end(waiting->client);
  g_free(waiting);
}

struct idle *
idle_new(void)
{
  struct idle *idle = g_new0(struct idle, 1);
  g_mutex_init(&idle->lock);
  idle->waiting = g_ptr_array_new_with_free_func(free_waiting);
  return idle;
}

void
idle_free(struct idle *idle)
{
  if (idle == NULL)
    return;
  g_ptr_array_unref(idle->waiting);
  g_mutex_clear(&idle->lock);
  g_free(idle);
}

static guint
place_of(const struct idle *idle, const struct plugin_spec *spec)
{
  guint place = 0;
  while (place < idle->waiting->len &&
         ((struct waiting *)idle->waiting->pdata[place])->spec != spec)
    place++;
  return place;
}

struct client *
idle_take(struct idle *idle, const struct plugin_spec *spec)
{
  struct client *client = NULL;
  g_mutex_lock(&idle->lock);
  guint place = place_of(idle, spec);
  if (place < idle->waiting->len) {
    struct waiting *waiting = g_ptr_array_steal_index_fast(idle->waiting, place);
    if (g_get_monotonic_time() - waiting->since < MOST_SECONDS * G_USEC_PER_SEC &&
        client_is_quiet(waiting->client))
      client = g_steal_pointer(&waiting->client);
    free_waiting(waiting);
  }
  g_mutex_unlock(&idle->lock);
  return client;
}

void
idle_give(struct idle *idle, const struct plugin_spec *spec, struct client *client)
{
  if (client == NULL)
    return;
  g_mutex_lock(&idle->lock);
  bool kept = client_can_stay(client) && client_is_quiet(client) &&
              place_of(idle, spec) == idle->waiting->len;
  if (kept) {
    struct waiting *waiting = g_new0(struct waiting, 1);
    *waiting = (struct waiting){spec, client, g_get_monotonic_time()};
    g_ptr_array_add(idle->waiting, waiting);
  }
  g_mutex_unlock(&idle->lock);
  if (!kept)
    client_end(client);
}

#include "crypto/ahead.h"

struct ahead {
  GMutex lock;
  GThread *thread;          /* gives a struct client or NULL; NULL: none is started */
  const struct plugin_spec *spec;
  struct plugin_spec quiet; /* the same, of which nobody is asked */
  crypto_ask ask;
  void *data;
};

struct ahead *
ahead_new(void)
{
  struct ahead *ahead = g_new0(struct ahead, 1);
  g_mutex_init(&ahead->lock);
  return ahead;
}

static GThread *
steal(struct ahead *ahead, const struct plugin_spec *spec)
{
  g_mutex_lock(&ahead->lock);
  GThread *thread = spec == NULL || ahead->spec == spec ? g_steal_pointer(&ahead->thread) : NULL;
  g_mutex_unlock(&ahead->lock);
  return thread;
}

void
ahead_free(struct ahead *ahead)
{
  if (ahead == NULL)
    return;
  GThread *thread = steal(ahead, NULL);
  if (thread != NULL)
    client_end(g_thread_join(thread));
  g_mutex_clear(&ahead->lock);
  g_free(ahead);
}

static gpointer
start(gpointer data)
{
  const struct ahead *ahead = data;
  return client_start(&ahead->quiet, ahead->ask, ahead->data, NULL, NULL);
}

void
ahead_start(struct ahead *ahead, const struct plugin_spec *spec, crypto_ask ask, void *data)
{
  g_mutex_lock(&ahead->lock);
  if (ahead->thread == NULL) {
    ahead->spec = spec;
    ahead->quiet = *spec;
    ahead->quiet.grants.silent = true;
    ahead->ask = ask;
    ahead->data = data;
    ahead->thread = g_thread_new("ahead", start, ahead);
  }
  g_mutex_unlock(&ahead->lock);
}

struct client *
ahead_take(struct ahead *ahead, const struct plugin_spec *spec)
{
  GThread *thread = steal(ahead, spec);
  struct client *client = thread != NULL ? g_thread_join(thread) : NULL;
  if (client == NULL || client_is_quiet(client))
    return client;
  client_end(client);
  return NULL;
}

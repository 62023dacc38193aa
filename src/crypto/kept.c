/* Plugin processes that are kept for a while: to start one costs GnuPG's library the time
 * of five programs. */
#include "crypto/crypto-private.h"

#include <string.h>

#include "crypto/postino-plugin.h"

#define KEPT_SECONDS 60

struct kept { char *name; struct client *client; gint64 since; };

static void
kept_free(void *data)
{
  struct kept *kept = data;
  client_end(kept->client);
  g_free(kept->name);
  g_free(kept);
}

void
kept_init(struct crypto *crypto)
{
  g_mutex_init(&crypto->lock);
  crypto->kept = g_ptr_array_new_with_free_func(kept_free);
}

void
kept_clear(struct crypto *crypto)
{
  g_ptr_array_unref(crypto->kept);
  g_mutex_clear(&crypto->lock);
}

/* One that lives and is not too old; whoever finds others ends them. */
static struct client *
find_kept(struct crypto *crypto, const char *name)
{
  struct client *found = NULL;
  gint64 oldest = g_get_monotonic_time() - (gint64)KEPT_SECONDS * G_USEC_PER_SEC;
  g_autoptr(GPtrArray) ended = g_ptr_array_new_with_free_func(kept_free);
  g_mutex_lock(&crypto->lock);
  for (guint i = crypto->kept->len; i-- > 0;) {
    struct kept *kept = crypto->kept->pdata[i];
    bool usable = kept->since > oldest && client_is_idle(kept->client);
    if (!usable)
      g_ptr_array_add(ended, g_ptr_array_steal_index(crypto->kept, i));
    else if (found == NULL && strcmp(kept->name, name) == 0) {
      found = g_steal_pointer(&kept->client);
      g_ptr_array_remove_index(crypto->kept, i);
    }
  }
  g_mutex_unlock(&crypto->lock);
  return found;
}

struct client *
crypto_take(struct crypto *crypto, const char *name, unsigned capabilities, GCancellable *cancel,
            GError **error)
{
  struct client *kept = find_kept(crypto, name);
  if (kept != NULL && (capabilities & ~client_capabilities(kept)) == 0)
    return kept;
  client_end(kept);
  return crypto_start(crypto, name, capabilities, cancel, error);
}

void
crypto_keep(struct crypto *crypto, const char *name, struct client *client)
{
  if ((client_capabilities(client) & POSTINO_CAN_STAY) == 0) {
    client_end(client);
    return;
  }
  struct kept *kept = g_new0(struct kept, 1);
  *kept = (struct kept){g_strdup(name), client, g_get_monotonic_time()};
  g_mutex_lock(&crypto->lock);
  bool enough = false;
  for (guint i = 0; i < crypto->kept->len && !enough; i++)
    enough = strcmp(((struct kept *)crypto->kept->pdata[i])->name, name) == 0;
  if (!enough)
    g_ptr_array_add(crypto->kept, g_steal_pointer(&kept));
  g_mutex_unlock(&crypto->lock);
  if (kept != NULL)
    kept_free(kept);
}

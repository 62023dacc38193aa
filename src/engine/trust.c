/* Which keys the user has confirmed for which addresses.  Kept in state.db beside
 * what accounts achieved: it must not be lost, and it is nobody's secret. */
#include <string.h>

#include "base/error.h"
#include "base/i18n.h"
#include "engine/engine-private.h"
#include "store/drops.h"

#define NO_ACCOUNT ""

static char *
name_of(const char *address)
{
  g_autofree char *folded = g_utf8_strdown(address, -1);
  return g_strconcat("confirmed ", folded, NULL);
}

bool
is_confirmed(const char *address, const char *fingerprint, void *data)
{
  struct engine *engine = data;
  if (!g_utf8_validate(address, -1, NULL))
    return false;
  g_autofree char *name = name_of(address);
  g_autofree char *known = store_memory_get(engine->store, NO_ACCOUNT, name);
  g_auto(GStrv) prints = g_strsplit(known != NULL ? known : "", " ", -1);
  return g_strv_contains((const char *const *)prints, fingerprint);
}

struct confirm { char *address, *fingerprint; };

static void
confirm_free(void *data)
{
  struct confirm *confirm = data;
  g_free(confirm->address);
  g_free(confirm->fingerprint);
  g_free(confirm);
}

static bool
is_fingerprint(const char *text)
{
  size_t length = strlen(text);
  return length >= 32 && length <= 128 && strspn(text, "0123456789abcdefABCDEF") == length;
}

static bool
run_confirm(struct work *work, GError **error)
{
  const struct confirm *confirm = work->args;
  struct engine *engine = work->engine;
  if (!address_is_valid_spec(confirm->address) || !is_fingerprint(confirm->fingerprint))
    return error_set(error, POSTINO_ERROR_INVALID, "%s",
                     _("a whole fingerprint and an address are needed"));
  if (is_confirmed(confirm->address, confirm->fingerprint, engine))
    return true;
  g_autofree char *name = name_of(confirm->address);
  g_autofree char *known = store_memory_get(engine->store, NO_ACCOUNT, name);
  g_autofree char *all = known != NULL && *known != '\0'
                             ? g_strconcat(known, " ", confirm->fingerprint, NULL)
                             : g_strdup(confirm->fingerprint);
  return store_memory_set(engine->store, NO_ACCOUNT, name, all, error);
}

request_id
engine_confirm(struct engine *engine, const char *address, const char *fingerprint)
{
  struct confirm *confirm = g_new0(struct confirm, 1);
  confirm->address = g_strdup(address);
  confirm->fingerprint = g_strdup(fingerprint);
  return engine_request(engine, GROUP_CHANGE, run_confirm, confirm, confirm_free);
}

/* Keys: those that are there, those that letters bring, and whose they are.  What
 * the user has confirmed lies in state.db. */
#include <string.h>

#include "base/error.h"
#include "base/i18n.h"
#include "engine/engine-private.h"
#include "message/headers.h"
#include "store/drops.h"

/* ---- confirmed ---- */

/* The table is for what accounts remember; no account is called so. */
static char *
memory_of(const char *fingerprint)
{
  g_autofree char *upper = g_ascii_strup(fingerprint, -1);
  return g_strconcat("\tkey ", upper, NULL);
}

bool
key_is_confirmed(const char *address, const char *fingerprint, void *data)
{
  struct engine *engine = data;
  g_autofree char *where = memory_of(fingerprint);
  g_autofree char *spec = g_ascii_strdown(address, -1);
  g_autofree char *value = store_memory_get(engine->store, where, spec);
  return g_strcmp0(value, "confirmed") == 0;
}

struct key_work {
  char *account, *query, *address;
  GBytes *data;
  struct ref *ref;
  bool yes;
};

static void
key_work_free(void *data)
{
  struct key_work *key = data;
  g_free(key->account);
  g_free(key->query);
  g_free(key->address);
  g_clear_pointer(&key->data, g_bytes_unref);
  ref_free(key->ref);
  g_free(key);
}

static struct key_work *
key_work_new(const char *account, const char *query)
{
  struct key_work *key = g_new0(struct key_work, 1);
  key->account = g_strdup(account);
  key->query = g_strdup(query);
  return key;
}

static bool
run_confirm(struct work *work, GError **error)
{
  const struct key_work *key = work->args;
  g_autofree char *where = memory_of(key->query);
  g_autofree char *spec = g_ascii_strdown(key->address, -1);
  return store_memory_set(work->engine->store, where, spec, key->yes ? "confirmed" : NULL, error);
}

request_id
engine_key_confirm(struct engine *engine, const char *address, const char *fingerprint, bool yes)
{
  struct key_work *key = key_work_new(NULL, fingerprint);
  key->address = g_strdup(address);
  key->yes = yes;
  return engine_request(engine, GROUP_CHANGE, run_confirm, key, key_work_free);
}

/* ---- the key ring ---- */

static const char *
plugin_of(struct work *work, const struct key_work *key, GError **error)
{
  const struct conf_account *account = engine_account(work->engine, key->account, error);
  return account != NULL ? account->crypto_plugin : NULL;
}

static bool
run_keys(struct work *work, GError **error)
{
  const struct key_work *key = work->args;
  const char *plugin = plugin_of(work, key, error);
  if (plugin != NULL)
    work->done->keys = crypto_keys(work->engine->crypto, plugin, key->query, work->cancel, error);
  return work->done->keys != NULL;
}

request_id
engine_keys(struct engine *engine, const char *account, const char *query)
{
  return engine_request(engine, NULL, run_keys, key_work_new(account, query), key_work_free);
}

static bool
run_export(struct work *work, GError **error)
{
  const struct key_work *key = work->args;
  const char *plugin = plugin_of(work, key, error);
  GBytes *bytes = plugin != NULL ? crypto_key_export(work->engine->crypto, plugin, key->query,
                                                     work->cancel, error)
                                 : NULL;
  if (bytes == NULL)
    return false;
  work->done->part = g_new0(struct part, 1);
  work->done->part->bytes = bytes;
  work->done->part->type = g_strdup("application/pgp-keys");
  work->done->part->name = g_strconcat(key->query, ".asc", NULL);
  return true;
}

request_id
engine_key_export(struct engine *engine, const char *account, const char *fingerprint)
{
  return engine_request(engine, NULL, run_export, key_work_new(account, fingerprint),
                        key_work_free);
}

static bool
run_make(struct work *work, GError **error)
{
  const struct key_work *key = work->args;
  const struct conf_account *account = engine_account(work->engine, key->account, error);
  if (account == NULL)
    return false;
  g_autoptr(GPtrArray) own = address_parse_header(account->from, -1);
  if (own->len == 0)
    return error_set(error, POSTINO_ERROR_CONFIG, _("account \"%s\" has no from address; set it"),
                     account->name);
  work_progress(work, _("making a key pair"), 0, 0);
  struct key_info *made = crypto_key_make(work->engine->crypto, account->crypto_plugin,
                                          own->pdata[0], work->cancel, error);
  if (made == NULL)
    return false;
  work->done->text = g_strdup_printf(
      _("Key %s was made for %s. Keep a copy in a safe place: gpg --export-secret-keys"),
      made->fingerprint, made->user_id != NULL ? made->user_id : "");
  key_info_free(made);
  return true;
}

request_id
engine_key_make(struct engine *engine, const char *account)
{
  return engine_request(engine, NULL, run_make, key_work_new(account, NULL), key_work_free);
}

/* ---- what a letter brings ---- */

/* Autocrypt level 1, 2.1: addr is the sender's, and keydata comes last. */
static GBytes *
autocrypt_key(const struct opened *opened)
{
  gsize length;
  const char *bytes = g_bytes_get_data(opened->source, &length);
  g_autoptr(headers_t) headers = headers_parse(bytes != NULL ? bytes : "", length);
  const char *value = headers_get(headers, "Autocrypt");
  const GPtrArray *from = opened->rendered->from;
  if (value == NULL || headers_repeats(headers, "Autocrypt") != 1 || from->len != 1)
    return NULL;
  g_auto(GStrv) attributes = g_strsplit(value, ";", 20);
  bool of_sender = false;
  for (char **attribute = attributes; *attribute != NULL; attribute++) {
    g_strstrip(*attribute);
    if (g_str_has_prefix(*attribute, "addr="))
      of_sender = address_same(*attribute + 5, ((struct address *)from->pdata[0])->spec);
    if (!g_str_has_prefix(*attribute, "keydata=") || !of_sender)
      continue;
    gsize size;
    guchar *key = g_base64_decode(*attribute + 8, &size);
    return g_bytes_new_take(key, size);
  }
  return NULL;
}

static bool
is_key_part(const struct rendered_part *part)
{
  static const char *const types[] = {"application/pgp-keys", "application/pkix-cert",
                                      "application/x-x509-user-cert", "application/x-x509-ca-cert",
                                      NULL};
  return g_strv_contains(types, part->type);
}

static bool
import_bytes(struct work *work, const char *plugin, GBytes *bytes, GPtrArray *all, GError **error)
{
  GPtrArray *some = crypto_key_import(work->engine->crypto, plugin, bytes, work->cancel, error);
  if (some != NULL)
    g_ptr_array_extend_and_steal(all, some);
  return some != NULL;
}

static bool
import_parts(struct work *work, const char *plugin, const struct opened *opened, GPtrArray *all,
             GError **error)
{
  for (guint i = 0; opened->shown != NULL && i < opened->rendered->parts->len; i++) {
    const struct rendered_part *part = opened->rendered->parts->pdata[i];
    if (!is_key_part(part))
      continue;
    g_autoptr(GBytes) bytes = reader_part(work->engine->readers, opened->shown, part->number, false,
                                          NULL, NULL, work->cancel, error);
    if (bytes == NULL || !import_bytes(work, plugin, bytes, all, error))
      return false;
  }
  return true;
}

static void
free_key(gpointer key)
{
  key_info_free(key);
}

static bool
run_import(struct work *work, GError **error)
{
  const struct key_work *key = work->args;
  const char *plugin = plugin_of(work, key, error);
  g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func(free_key);
  if (plugin == NULL)
    return false;
  if (key->data != NULL) {
    if (!import_bytes(work, plugin, key->data, all, error))
      return false;
  } else {
    g_autoptr(opened_t) opened = open_letter(work, key->ref, NULL, error);
    if (opened == NULL || !import_parts(work, plugin, opened, all, error))
      return false;
    g_autoptr(GBytes) autocrypt = autocrypt_key(opened);
    if (autocrypt != NULL && !import_bytes(work, plugin, autocrypt, all, error))
      return false;
    if (all->len == 0)
      return error_set(error, POSTINO_ERROR_NOTFOUND, "%s", _("this letter brings no key"));
  }
  work->done->keys = g_steal_pointer(&all);
  return true;
}

request_id
engine_key_import(struct engine *engine, const char *account, GBytes *data)
{
  struct key_work *key = key_work_new(account, NULL);
  key->data = g_bytes_ref(data);
  return engine_request(engine, NULL, run_import, key, key_work_free);
}

request_id
engine_key_import_from(struct engine *engine, const char *account, const struct letter_ref *ref)
{
  struct key_work *key = key_work_new(account, NULL);
  key->ref = ref_copy(ref);
  return engine_request(engine, NULL, run_import, key, key_work_free);
}

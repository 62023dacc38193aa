/* Keys: those that are there, those that letters bring, and whose they are.  What
 * the user has confirmed lies in state.db. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/blob.h"
#include "base/error.h"
#include "base/file.h"
#include "base/i18n.h"
#include "base/limits.h"
#include "base/log.h"
#include "engine/autocrypt.h"
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

/* Of each address the key that letters to it are sealed to: another one is a changed
 * key.  No account is called so either. */
#define KNOWN_KEYS "\tknown keys"
#define SINCE "\tsince"

char *
key_known(const char *address, void *data)
{
  struct engine *engine = data;
  g_autofree char *spec = g_ascii_strdown(address, -1);
  return store_memory_get(engine->store, KNOWN_KEYS, spec);
}

/* What is remembered costs no letter when it cannot be kept. */
static void
remember(struct engine *engine, const char *where, const char *name, const char *value)
{
  g_autoptr(GError) error = NULL;
  if (!store_memory_set(engine->store, where, name, value, &error))
    log_dialogue("keys", '*', error->message, -1);
}

static int64_t
known_since(struct engine *engine, const char *fingerprint)
{
  g_autofree char *where = memory_of(fingerprint);
  g_autofree char *value = store_memory_get(engine->store, where, SINCE);
  return value != NULL ? g_ascii_strtoll(value, NULL, 10) : 0;
}

static void
note_since(struct engine *engine, const char *fingerprint)
{
  g_autofree char *where = memory_of(fingerprint);
  g_autofree char *now = g_strdup_printf("%" G_GINT64_FORMAT, g_get_real_time() / G_USEC_PER_SEC);
  if (known_since(engine, fingerprint) == 0)
    remember(engine, where, SINCE, now);
}

int64_t
key_seen(struct engine *engine, const char *fingerprint)
{
  if (fingerprint == NULL)
    return 0;
  note_since(engine, fingerprint);
  return known_since(engine, fingerprint);
}

void
key_note(const char *address, const char *fingerprint, void *data)
{
  struct engine *engine = data;
  g_autofree char *spec = g_ascii_strdown(address, -1);
  g_autofree char *known = key_known(spec, engine);
  if (fingerprint == NULL || (known != NULL && g_ascii_strcasecmp(known, fingerprint) == 0))
    return;
  remember(engine, KNOWN_KEYS, spec, fingerprint);
  note_since(engine, fingerprint);
}

struct key_work {
  enum key_change change;
  char *account, *query, *address, *path;
  struct blob *file;
  struct ref *ref;
  bool yes, secret;
};

static void
key_work_free(void *data)
{
  struct key_work *key = data;
  g_free(key->account);
  g_free(key->query);
  g_free(key->address);
  g_free(key->path);
  g_clear_pointer(&key->file, blob_unref);
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
  if (!store_memory_set(work->engine->store, where, spec, key->yes ? "confirmed" : NULL, error))
    return false;
  if (key->yes)
    key_note(spec, key->query, work->engine);
  return true;
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

/* What the key ring does not know of a key. */
static void
add_memory(struct engine *engine, struct key_info *key)
{
  g_autoptr(GPtrArray) owners = address_parse_header(key->user_id != NULL ? key->user_id : "", -1);
  const struct address *owner = owners->len == 1 ? owners->pdata[0] : NULL;
  g_autofree char *before = owner != NULL ? key_known(owner->spec, engine) : NULL;
  key->confirmed = owner != NULL && key_is_confirmed(owner->spec, key->fingerprint, engine);
  key->changed = before != NULL && !key->confirmed && !key->secret &&
                 g_ascii_strcasecmp(before, key->fingerprint) != 0;
  key->known = known_since(engine, key->fingerprint);
}

static bool
run_keys(struct work *work, GError **error)
{
  const struct key_work *key = work->args;
  const char *plugin = plugin_of(work, key, error);
  if (plugin != NULL)
    work->done->keys = crypto_keys(work->engine->crypto, plugin, key->query, work->cancel, error);
  for (guint i = 0; work->done->keys != NULL && i < work->done->keys->len; i++)
    add_memory(work->engine, work->done->keys->pdata[i]);
  return work->done->keys != NULL;
}

request_id
engine_keys(struct engine *engine, const char *account, const char *query)
{
  return engine_request(engine, NULL, run_keys, key_work_new(account, query), key_work_free);
}

static bool
write_new(const char *path, mode_t mode, GBytes *bytes, GError **error)
{
  auto_fd fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (fd < 0)
    return error_errno(error, POSTINO_ERROR_LOCAL, errno,
                       _("%s cannot be written; name another file"), path);
  gsize length;
  const void *data = g_bytes_get_data(bytes, &length);
  return file_write_all(fd, data, length, error);
}

static bool
run_export(struct work *work, GError **error)
{
  const struct key_work *key = work->args;
  const char *plugin = plugin_of(work, key, error);
  g_autoptr(GBytes) bytes = NULL;
  if (plugin != NULL && key->secret)
    bytes = crypto_key_backup(work->engine->crypto, plugin, key->query, work->cancel, error);
  else if (plugin != NULL)
    bytes = crypto_key_export(work->engine->crypto, plugin, key->query, work->cancel, error);
  if (bytes == NULL || !write_new(key->path, key->secret ? 0600 : 0644, bytes, error))
    return false;
  work->done->text = g_strdup(key->path);
  return true;
}

request_id
engine_key_export(struct engine *engine, const char *account, const char *fingerprint,
                  const char *path)
{
  struct key_work *key = key_work_new(account, fingerprint);
  key->path = g_strdup(path);
  return engine_request(engine, NULL, run_export, key, key_work_free);
}

request_id
engine_key_backup(struct engine *engine, const char *account, const char *fingerprint,
                  const char *path)
{
  struct key_work *key = key_work_new(account, fingerprint);
  key->path = g_strdup(path);
  key->secret = true;
  return engine_request(engine, NULL, run_export, key, key_work_free);
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
  work->doing = _("making a key pair");
  work_progress(work, work->doing, 0, 0);
  struct key_info *made = crypto_key_make(work->engine->crypto, account->crypto_plugin,
                                          own->pdata[0], work->cancel, error);
  if (made == NULL)
    return false;
  work->done->text = g_strdup_printf(
      _("Key %s was made for %s. Without it nothing that is sealed to you can be read: keep a copy "
        "in a safe place (:keys, then backup)."),
      made->fingerprint, made->user_id != NULL ? made->user_id : "");
  key_info_free(made);
  return true;
}

request_id
engine_key_make(struct engine *engine, const char *account)
{
  return engine_request(engine, NULL, run_make, key_work_new(account, NULL), key_work_free);
}

static bool
run_change(struct work *work, GError **error)
{
  const struct key_work *key = work->args;
  const char *plugin = plugin_of(work, key, error);
  return plugin != NULL && crypto_key_change(work->engine->crypto, plugin, key->change, key->query,
                                             work->cancel, error);
}

request_id
engine_key_change(struct engine *engine, const char *account, enum key_change change,
                  const char *fingerprint)
{
  struct key_work *key = key_work_new(account, fingerprint);
  key->change = change;
  return engine_request(engine, GROUP_CHANGE, run_change, key, key_work_free);
}

/* ---- what a letter brings ---- */

#define SETUP_TYPE "application/autocrypt-setup"

static bool
is_key_part(const struct rendered_part *part)
{
  static const char *const types[] = {"application/pgp-keys", "application/pkix-cert",
                                      "application/x-x509-user-cert", "application/x-x509-ca-cert",
                                      SETUP_TYPE, NULL};
  return g_strv_contains(types, part->type);
}

static bool
keep(struct work *work, GPtrArray *some, GPtrArray *all)
{
  for (guint i = 0; some != NULL && i < some->len; i++)
    note_since(work->engine, ((const struct key_info *)some->pdata[i])->fingerprint);
  if (some != NULL)
    g_ptr_array_extend_and_steal(all, some);
  return some != NULL;
}

static bool
import_bytes(struct work *work, const char *plugin, GBytes *bytes, bool of_others, GPtrArray *all,
             GError **error)
{
  return keep(work,
              crypto_key_import(work->engine->crypto, plugin, bytes, of_others, work->cancel, error),
              all);
}

/* One's own pair, of another program. */
static bool
import_setup(struct work *work, const char *plugin, GBytes *bytes, GPtrArray *all, GError **error)
{
  g_autoptr(GBytes) armour = autocrypt_setup_armour(bytes);
  if (armour == NULL)
    return error_set(error, POSTINO_ERROR_INVALID, "%s",
                     _("this setup message is damaged; let the other program make a new one"));
  return keep(work,
              crypto_key_setup_open(work->engine->crypto, plugin, armour, work->cancel, error), all);
}

static bool
import_part(struct work *work, const char *plugin, const char *type, GBytes *bytes,
            GPtrArray *all, GError **error)
{
  return strcmp(type, SETUP_TYPE) == 0 ? import_setup(work, plugin, bytes, all, error)
                                       : import_bytes(work, plugin, bytes, true, all, error);
}

/* Only from oneself: whoever else sends one wants his own pair to be used. */
static bool
is_from_oneself(struct work *work, const struct opened *opened)
{
  const GPtrArray *from = opened->rendered->from;
  return from->len == 1 && conf_account_of_address(
                               work->engine->conf, ((struct address *)from->pdata[0])->spec) != NULL;
}

/* `all`: what the letter brings; a pair of one's own only where `pairs`. */
static bool
import_parts(struct work *work, const char *plugin, const struct opened *opened, bool pairs,
             GPtrArray *all, GError **error)
{
  for (guint i = 0; opened->shown != NULL && i < opened->rendered->parts->len; i++) {
    const struct rendered_part *part = opened->rendered->parts->pdata[i];
    bool pair = strcmp(part->type, SETUP_TYPE) == 0;
    if (!is_key_part(part) || (pair && !pairs))
      continue;
    if (pair && !is_from_oneself(work, opened))
      return error_set(error, POSTINO_ERROR_REFUSED, "%s",
                       _("this setup message comes from somebody else: it is not taken"));
    g_autoptr(GBytes) bytes = reader_part(work->engine->readers, opened->shown, part->number, false,
                                          NULL, NULL, work->cancel, error);
    if (bytes == NULL || !import_part(work, plugin, part->type, bytes, all, error))
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
  if (key->file != NULL) {
    /* One byte more than a key may have is refused as too large. */
    g_autoptr(GBytes) bytes = blob_head(key->file, LIMIT_MIB(8) + 1, error);
    if (bytes == NULL || !import_bytes(work, plugin, bytes, false, all, error))
      return false;
  } else {
    g_autoptr(opened_t) opened = open_letter(work, key->ref, NULL, error);
    if (opened == NULL || !import_parts(work, plugin, opened, true, all, error))
      return false;
    g_autoptr(GBytes) autocrypt = autocrypt_of_letter(opened->source);
    if (autocrypt != NULL && !import_bytes(work, plugin, autocrypt, true, all, error))
      return false;
    if (all->len == 0)
      return error_set(error, POSTINO_ERROR_NOTFOUND, "%s", _("this letter brings no key"));
  }
  work->done->keys = g_steal_pointer(&all);
  return true;
}

request_id
engine_key_import(struct engine *engine, const char *account, struct blob *file)
{
  struct key_work *key = key_work_new(account, NULL);
  key->file = blob_ref(file);
  return engine_request(engine, NULL, run_import, key, key_work_free);
}

request_id
engine_key_import_from(struct engine *engine, const char *account, const struct letter_ref *ref)
{
  struct key_work *key = key_work_new(account, NULL);
  key->ref = ref_copy(ref);
  return engine_request(engine, NULL, run_import, key, key_work_free);
}

/* ---- a key that is missing ---- */

/* Letters of the sender that are looked through, the newest first. */
#define LETTERS_LOOKED_AT 50

/* What the last letters of the address bring: attached keys and the field. */
static bool
import_from_letters(struct work *work, const char *plugin, const char *spec, GPtrArray *all)
{
  g_autofree char *query = g_strdup_printf("from:\"%s\"", spec);
  struct rows_query rows_query = {.query = query, .limit = LETTERS_LOOKED_AT};
  g_autoptr(GBytes) remembered = autocrypt_remembered(work->engine, spec);
  if (remembered != NULL && import_bytes(work, plugin, remembered, true, all, NULL))
    return true;
  g_autoptr(GPtrArray) rows =
      strchr(spec, '"') == NULL
          ? store_rows(work->engine->store, &rows_query, work->cancel, NULL)
          : NULL;
  for (guint i = 0; rows != NULL && i < rows->len && all->len == 0; i++) {
    const struct row *row = rows->pdata[i];
    struct ref ref = {.key = row->key};
    g_autoptr(GBytes) bytes = store_read(work->engine->store, row->key, NULL);
    g_autoptr(GBytes) field = bytes != NULL ? autocrypt_of_letter(bytes) : NULL;
    if (field != NULL)
      (void)import_bytes(work, plugin, field, true, all, NULL);
    else if ((row->marks & INDEX_KEY) != 0) {
      g_autoptr(opened_t) opened = open_letter(work, &ref, NULL, NULL);
      if (opened != NULL)
        (void)import_parts(work, plugin, opened, false, all, NULL);
    }
  }
  return all->len > 0;
}

/* What another letter said of it; NULL: none did.  Free it. */
static char *
import_from_gossip(struct work *work, const char *plugin, const char *spec, GPtrArray *all)
{
  g_autofree char *sender = NULL;
  g_autoptr(GBytes) key = gossip_remembered(work->engine, spec, &sender);
  return key != NULL && import_bytes(work, plugin, key, true, all, NULL)
             ? g_strdup_printf(_("a letter of %s, who passed it on"), sender)
             : NULL;
}

static bool
run_find(struct work *work, GError **error)
{
  const struct key_work *key = work->args;
  const struct conf_account *account = engine_account(work->engine, key->account, error);
  if (account == NULL)
    return false;
  g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func(free_key);
  work_progress(work, _("looking for the key in your letters"), 0, 0);
  if (import_from_letters(work, account->crypto_plugin, key->query, all))
    work->done->text = g_strdup(_("a letter"));
  else
    work->done->text = import_from_gossip(work, account->crypto_plugin, key->query, all);
  if (work->done->text != NULL) {
    work->done->keys = g_steal_pointer(&all);
    return true;
  }
  if (!key->yes || account->lookup == CONF_LOOKUP_NEVER)
    return error_set(error, POSTINO_ERROR_NOTFOUND,
                     _("no letter of %s brings a key; ask for it and import it"), key->query);
  work_progress(work, _("asking the provider of the address for the key"), 0, 0);
  work->done->keys = crypto_key_locate(work->engine->crypto, account->crypto_plugin, key->query,
                                       work->cancel, error);
  for (guint i = 0; work->done->keys != NULL && i < work->done->keys->len; i++)
    note_since(work->engine, ((const struct key_info *)work->done->keys->pdata[i])->fingerprint);
  work->done->text = g_strdup(_("its provider"));
  return work->done->keys != NULL;
}

request_id
engine_key_find(struct engine *engine, const char *account, const char *address, bool outside)
{
  struct key_work *key = key_work_new(account, address);
  key->yes = outside;
  return engine_request(engine, NULL, run_find, key, key_work_free);
}

/* ---- the first start ---- */

#define OFFERS "\toffers"

/* Said once: whoever does not want it has read it. */
static bool
run_offer(struct work *work, GError **error)
{
  const struct conf_account *account = engine_account(work->engine, NULL, NULL);
  g_autofree char *said = store_memory_get(work->engine->store, OFFERS, "key pair");
  if (account == NULL || said != NULL ||
      (account->sign == CONF_NEVER && account->encrypt == CONF_NEVER))
    return true;
  g_autoptr(GPtrArray) own =
      crypto_keys(work->engine->crypto, account->crypto_plugin, NULL, work->cancel, NULL);
  if (own == NULL)
    return true;
  work->done->total = own->len == 0;
  return store_memory_set(work->engine->store, OFFERS, "key pair", own->len > 0 ? "has" : "said",
                          error);
}

request_id
engine_key_offer(struct engine *engine)
{
  return engine_request(engine, NULL, run_offer, NULL, NULL);
}

/* What a key manager asks of a plugin: everything offline and on the user's word. */
#include "base/error.h"
#include "base/i18n.h"
#include "base/limits.h"
#include "base/sanitize.h"
#include "crypto/crypto-private.h"
#include "crypto/packets.h"
#include "crypto/postino-plugin.h"

/* Larger ones hold more than a person's keys. */
#define LARGEST_KEYS LIMIT_MIB(8)

void
key_info_free(struct key_info *key)
{
  if (key == NULL)
    return;
  g_free(key->fingerprint);
  g_free(key->user_id);
  g_free(key);
}

static void
free_key_info(gpointer key)
{
  key_info_free(key);
}

static void
take_of_key(struct key_info *key, const struct frame_value *value)
{
  switch (value->field) {
  case FIELD_USER_ID:
    if (key->user_id == NULL) {
      g_autofree char *raw = value_text(value);
      key->user_id = sanitize_line(raw, -1);
    }
    break;
  case FIELD_VALIDITY:
    key->trusted = value_number(value) >= POSTINO_VALIDITY_MARGINAL;
    break;
  case FIELD_HAVE_SECRET:
    key->secret = value_number(value) != 0;
    break;
  case FIELD_REVOKED:
    key->revoked = value_number(value) != 0;
    break;
  case FIELD_SINCE:
    key->since = (int64_t)value_number(value);
    break;
  case FIELD_EXPIRES:
    key->expires = (int64_t)value_number(value);
    break;
  default:
    break;
  }
}

static GPtrArray *
read_keys(const struct frame *reply)
{
  GPtrArray *keys = g_ptr_array_new_with_free_func(free_key_info);
  struct frame_cursor cursor = {reply, 0};
  struct frame_value value;
  while (frame_next(&cursor, &value)) {
    if (value.field == FIELD_KEY) {
      struct key_info *key = g_new0(struct key_info, 1);
      g_autofree char *raw = value_text(&value);
      key->fingerprint = sanitize_line(raw, -1);
      g_ptr_array_add(keys, key);
    } else if (keys->len > 0)
      take_of_key(keys->pdata[keys->len - 1], &value);
  }
  return keys;
}

static struct frame *
ask_keys(struct crypto *crypto, const char *plugin, const char *action, const char *query,
         GBytes *data, GCancellable *cancel, GError **error)
{
  /* Without bytes of others, and looking only. */
  static const char *const harmless[] = {"own", "find", "show", NULL};
  bool stays = data == NULL && g_strv_contains(harmless, action);
  bool outside = strcmp(action, "locate") == 0;
  g_autoptr(client_t) client =
      (stays     ? crypto_take
       : outside ? crypto_start_outside
                 : crypto_start)(crypto, plugin, POSTINO_CAN_KEYS, cancel, error);
  if (client == NULL)
    return NULL;
  g_autoptr(frame_t) request = client_request(client, FRAME_KEYS);
  frame_add_text(request, FIELD_ACTION, action);
  frame_add_text(request, FIELD_QUERY, query);
  if (data != NULL && !frame_add_bulk(request, data, error))
    return NULL;
  struct frame *reply =
      client_call(client, g_steal_pointer(&request), LIMIT_PLUGIN_SECONDS, NULL, cancel, error);
  if (reply != NULL && stays)
    crypto_rest(crypto, plugin, g_steal_pointer(&client));
  return reply;
}

GPtrArray *
crypto_keys(struct crypto *crypto, const char *plugin, const char *query, GCancellable *cancel,
            GError **error)
{
  g_autoptr(frame_t) reply =
      ask_keys(crypto, plugin, query != NULL ? "find" : "own", query, NULL, cancel, error);
  return reply != NULL ? read_keys(reply) : NULL;
}

static GPtrArray *
take_keys(struct crypto *crypto, const char *plugin, const char *action, const char *query,
          GBytes *data, GCancellable *cancel, GError **error)
{
  if (g_bytes_get_size(data) > LARGEST_KEYS) {
    error_set(error, POSTINO_ERROR_INVALID, "%s", _("this is too large to be a key"));
    return NULL;
  }
  g_autoptr(frame_t) reply = ask_keys(crypto, plugin, action, query, data, cancel, error);
  return reply != NULL ? read_keys(reply) : NULL;
}

GPtrArray *
crypto_key_import(struct crypto *crypto, const char *plugin, GBytes *data, bool of_others,
                  GCancellable *cancel, GError **error)
{
  return take_keys(crypto, plugin, "import", of_others ? "public" : NULL, data, cancel, error);
}

/* The packets of a setup message; false when it is none. */
static bool
read_setup(GBytes *armour, struct packets *packets)
{
  gsize length;
  const char *text = g_bytes_get_data(armour, &length);
  g_autoptr(GBytes) data =
      armour_decode(text != NULL ? text : "", length, &(struct armour){.label = "MESSAGE"}, NULL);
  return data != NULL && packets_read(data, packets, NULL);
}

/* GnuPG would open one that is sealed to a key, or in the clear, with any code. */
GPtrArray *
crypto_key_setup_open(struct crypto *crypto, const char *plugin, GBytes *armour,
                      GCancellable *cancel, GError **error)
{
  struct packets packets;
  if (read_setup(armour, &packets) && packets_are_setup(&packets))
    return take_keys(crypto, plugin, "setup-open", NULL, armour, cancel, error);
  error_set(error, POSTINO_ERROR_INVALID, "%s",
            _("this setup message is not sealed by a code alone; let the other program make a new "
              "one"));
  return NULL;
}

GPtrArray *
crypto_key_locate(struct crypto *crypto, const char *plugin, const char *address,
                  GCancellable *cancel, GError **error)
{
  g_autoptr(frame_t) reply = ask_keys(crypto, plugin, "locate", address, NULL, cancel, error);
  return reply != NULL ? read_keys(reply) : NULL;
}

static GBytes *
bytes_of_key(struct crypto *crypto, const char *plugin, const char *action,
             const char *fingerprint, GBytes *data, GCancellable *cancel, GError **error)
{
  g_autoptr(frame_t) reply = ask_keys(crypto, plugin, action, fingerprint, data, cancel, error);
  if (reply == NULL)
    return NULL;
  g_autoptr(GError) why = NULL;
  GBytes *key = frame_bulk(reply, 0, LARGEST_KEYS, &why);
  if (key == NULL)
    error_set(error, POSTINO_ERROR_REFUSED, _("plugin %s gave no key (%s)"), plugin,
              why != NULL ? why->message : _("nothing came with its answer"));
  return key;
}

GBytes *
crypto_key_export(struct crypto *crypto, const char *plugin, const char *fingerprint,
                  GCancellable *cancel, GError **error)
{
  return bytes_of_key(crypto, plugin, "show", fingerprint, NULL, cancel, error);
}

GBytes *
crypto_key_backup(struct crypto *crypto, const char *plugin, const char *fingerprint,
                  GCancellable *cancel, GError **error)
{
  return bytes_of_key(crypto, plugin, "backup", fingerprint, NULL, cancel, error);
}

GBytes *
crypto_key_setup(struct crypto *crypto, const char *plugin, const char *fingerprint,
                 const char *code, GCancellable *cancel, GError **error)
{
  struct packets packets;
  g_autoptr(GBytes) data = g_bytes_new(code, strlen(code));
  g_autoptr(GBytes) armour =
      bytes_of_key(crypto, plugin, "setup", fingerprint, data, cancel, error);
  if (armour == NULL || (read_setup(armour, &packets) && packets_are_strong_setup(&packets)))
    return g_steal_pointer(&armour);
  error_set(error, POSTINO_ERROR_REFUSED,
            _("plugin %s did not seal your pair by AES with the code; nothing was made"), plugin);
  return NULL;
}

struct key_info *
crypto_key_make(struct crypto *crypto, const char *plugin, const struct address *owner,
                GCancellable *cancel, GError **error)
{
  g_autofree char *name = owner->name != NULL ? sanitize_line(owner->name, -1) : g_strdup("");
  for (char *c = name; *c != '\0'; c++)
    if (*c == '<' || *c == '>')
      *c = ' ';
  g_strstrip(name);
  g_autofree char *user_id = g_strdup_printf(*name != '\0' ? "%s <%s>" : "%s%s", name, owner->spec);
  g_autoptr(frame_t) reply = ask_keys(crypto, plugin, "make", user_id, NULL, cancel, error);
  if (reply == NULL)
    return NULL;
  g_autoptr(GPtrArray) keys = read_keys(reply);
  if (keys->len == 1)
    return g_ptr_array_steal_index(keys, 0);
  error_set(error, POSTINO_ERROR_REFUSED, _("plugin %s does not say which key it made"), plugin);
  return NULL;
}

bool
crypto_key_change(struct crypto *crypto, const char *plugin, enum key_change change,
                  const char *fingerprint, GCancellable *cancel, GError **error)
{
  static const char *const actions[] = {"renew", "revoke", "delete"};
  g_autoptr(frame_t) reply =
      ask_keys(crypto, plugin, actions[change], fingerprint, NULL, cancel, error);
  return reply != NULL;
}

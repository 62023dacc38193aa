#include "crypto/crypto.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/i18n.h"
#include "base/limits.h"
#include "base/paths.h"
#include "base/sanitize.h"
#include "crypto/check.h"
#include "crypto/crypto-private.h"
#include "crypto/postino-plugin.h"
#include "crypto/rights.h"

static const char *const bundled[] = {"openpgp", "smime"};

/* ---- which there are ---- */

static void
add_bundled(struct crypto *crypto)
{
  for (gsize i = 0; i < G_N_ELEMENTS(bundled); i++) {
    g_autofree char *path = paths_plugin(bundled[i]);
    if (!g_file_test(path, G_FILE_TEST_EXISTS))
      continue;
    struct plugin_spec *spec = plugin_spec_new(bundled[i], path, NULL);
    spec->is_bundled = true;
    g_ptr_array_add(crypto->plugins, spec);
  }
}

/* The rc may give a bundled plugin options, or put another in its place. */
static void
add_configured(struct crypto *crypto, const struct conf_plugin *plugin)
{
  for (guint i = 0; i < crypto->plugins->len; i++) {
    struct plugin_spec *spec = crypto->plugins->pdata[i];
    if (strcmp(spec->name, plugin->name) != 0)
      continue;
    g_strfreev(spec->options);
    spec->options = plugin->options != NULL ? g_strdupv(plugin->options) : g_new0(char *, 1);
    if (plugin->command != NULL) {
      g_free(spec->path);
      spec->path = g_strdup(plugin->command);
    }
    spec->is_bundled = plugin->command == NULL;
    spec->granted = g_strdupv(plugin->rights);
    return;
  }
  g_autofree char *path =
      plugin->command != NULL ? g_strdup(plugin->command) : paths_plugin(plugin->name);
  struct plugin_spec *spec = plugin_spec_new(plugin->name, path, plugin->options);
  spec->granted = g_strdupv(plugin->rights);
  g_ptr_array_add(crypto->plugins, spec);
}

struct crypto *
crypto_new(const struct conf *conf, crypto_ask ask, void *data)
{
  struct crypto *crypto = g_new0(struct crypto, 1);
  crypto->plugins = g_ptr_array_new_with_free_func((GDestroyNotify)plugin_spec_free);
  crypto->idle = idle_new();
  crypto->ahead = ahead_new();
  crypto->opener = g_strdup("openpgp");
  crypto->smime_opener = g_strdup("smime");
  crypto->age_opener = g_strdup("age");
  crypto->ask = ask;
  crypto->ask_data = data;
  add_bundled(crypto);
  for (guint i = 0; i < conf->plugins->len; i++)
    add_configured(crypto, conf->plugins->pdata[i]);
  return crypto;
}

void
crypto_free(struct crypto *crypto)
{
  if (crypto == NULL)
    return;
  ahead_free(crypto->ahead);
  idle_free(crypto->idle);
  g_ptr_array_unref(crypto->plugins);
  g_free(crypto->opener);
  g_free(crypto->smime_opener);
  g_free(crypto->age_opener);
  g_free(crypto);
}

void
crypto_set_confirmed(struct crypto *crypto, crypto_confirmed confirmed, void *data)
{
  crypto->confirmed = confirmed;
  crypto->confirmed_data = data;
}

void
crypto_set_memory(struct crypto *crypto, const struct crypto_memory *memory)
{
  crypto->memory = *memory;
}

void
crypto_set_screen(struct crypto *crypto, const struct crypto_screen *screen)
{
  for (guint i = 0; i < crypto->plugins->len; i++) {
    struct plugin_spec *spec = crypto->plugins->pdata[i];
    spec->no_terminal = true;
    spec->screen = *screen;
  }
}

void
crypto_set_progress(struct crypto *crypto, crypto_progress progress, void *data)
{
  for (guint i = 0; i < crypto->plugins->len; i++) {
    struct plugin_spec *spec = crypto->plugins->pdata[i];
    spec->progress = progress;
    spec->progress_data = data;
  }
}

void
crypto_set_grants(struct crypto *crypto, const struct crypto_grants *grants)
{
  for (guint i = 0; i < crypto->plugins->len; i++)
    ((struct plugin_spec *)crypto->plugins->pdata[i])->grants = *grants;
}

char *
crypto_grant(struct crypto *crypto, const char *plugin, GError **error)
{
  const struct plugin_spec *spec = crypto_find(crypto, plugin);
  g_autoptr(GError) why = NULL;
  g_auto(GStrv) asked = spec != NULL ? rights_asked(spec->name, spec->path, &why) : NULL;
  if (why != NULL) {
    g_propagate_error(error, g_steal_pointer(&why));
    return NULL;
  }
  if (asked == NULL) {
    g_autofree char *clean = sanitize_line(plugin, -1);
    error_set(error, POSTINO_ERROR_NOTFOUND,
              spec == NULL ? _("there is no plugin \"%s\"; see postino plugin list")
                           : _("plugin %s has no manifest and asks for nothing"), clean);
    return NULL;
  }
  g_autofree char *digest = rights_digest(spec->path, asked);
  return spec->grants.grant(spec->name, digest, spec->grants.data, error) ? rights_words(asked)
                                                                         : NULL;
}

const struct plugin_spec *
crypto_find(const struct crypto *crypto, const char *name)
{
  for (guint i = 0; i < crypto->plugins->len; i++) {
    const struct plugin_spec *spec = crypto->plugins->pdata[i];
    if (strcmp(spec->name, name) == 0)
      return spec;
  }
  return NULL;
}

static char *
words_of(unsigned capabilities)
{
  static const struct {
    unsigned bit;
    const char *word;
  } words[] = {
      {POSTINO_CAN_SIGN, "sign"},     {POSTINO_CAN_SEAL, "seal"}, {POSTINO_CAN_OPEN, "open"},
      {POSTINO_CAN_VERIFY, "verify"}, {POSTINO_CAN_KEYS, "keys"},
  };
  GString *text = g_string_new(NULL);
  for (gsize i = 0; i < G_N_ELEMENTS(words); i++)
    if ((capabilities & words[i].bit) != 0)
      g_string_append_printf(text, "%s%s", text->len > 0 ? " " : "", words[i].word);
  return g_string_free(text, FALSE);
}

void
crypto_expect(struct crypto *crypto, const char *plugin)
{
  const struct plugin_spec *spec = crypto_find(crypto, plugin);
  if (spec != NULL)
    ahead_start(crypto->ahead, spec, crypto->ask, crypto->ask_data);
}

/* A sealed or signed letter says so in its first lines; what only quotes such words
 * costs a process that does nothing. */
#define LOOKED_AT LIMIT_KIB(16)

void
crypto_expect_letter(struct crypto *crypto, GBytes *message)
{
  const struct { const char *words, *plugin; } marks[] = {
      {"pkcs7-", crypto->smime_opener},
      {"application/pgp-", crypto->opener},
      {"-----BEGIN PGP ", crypto->opener}};
  gsize length = 0;
  const char *bytes = g_bytes_get_data(message, &length);
  for (size_t i = 0; length > 0 && i < G_N_ELEMENTS(marks); i++)
    if (memmem(bytes, MIN(length, LOOKED_AT), marks[i].words, strlen(marks[i].words)) != NULL) {
      crypto_expect(crypto, marks[i].plugin);
      return;
    }
}

static const struct plugin_spec *
find_or_say(const struct crypto *crypto, const char *name, GError **error)
{
  const struct plugin_spec *spec = crypto_find(crypto, name);
  if (spec == NULL)
    error_set(error, POSTINO_ERROR_CONFIG,
              _("there is no plugin \"%s\"; name one of postino plugin list in the crypto block of "
                "the rc file"),
              name);
  return spec;
}

/* The same client if it can do this, else NULL. */
static struct client *
able(struct client *client, const char *name, unsigned capabilities, GError **error)
{
  unsigned missing = client != NULL ? capabilities & ~client_capabilities(client) : 0;
  if (missing == 0)
    return client;
  g_autofree char *words = words_of(missing);
  client_end(client);
  error_set(error, POSTINO_ERROR_REFUSED, _("plugin %s cannot do this (%s); use another one"), name,
            words);
  return NULL;
}

struct client *
crypto_start(struct crypto *crypto, const char *name, unsigned capabilities, GCancellable *cancel,
             GError **error)
{
  const struct plugin_spec *spec = find_or_say(crypto, name, error);
  if (spec == NULL)
    return NULL;
  struct client *client = ahead_take(crypto->ahead, spec);
  if (client == NULL)
    client = client_start(spec, crypto->ask, crypto->ask_data, cancel, error);
  return able(client, name, capabilities, error);
}

struct client *
crypto_start_outside(struct crypto *crypto, const char *name, unsigned capabilities,
                     GCancellable *cancel, GError **error)
{
  const struct plugin_spec *spec = find_or_say(crypto, name, error);
  if (spec == NULL)
    return NULL;
  struct plugin_spec outside = *spec;
  outside.asks_outside = true;
  return able(client_start(&outside, crypto->ask, crypto->ask_data, cancel, error), name,
              capabilities, error);
}

struct client *
crypto_take(struct crypto *crypto, const char *name, unsigned capabilities, GCancellable *cancel,
            GError **error)
{
  const struct plugin_spec *spec = find_or_say(crypto, name, error);
  struct client *client = spec != NULL ? idle_take(crypto->idle, spec) : NULL;
  if (client == NULL)
    return crypto_start(crypto, name, capabilities, cancel, spec != NULL ? error : NULL);
  return able(client, name, capabilities, error);
}

void
crypto_rest(struct crypto *crypto, const char *name, struct client *client)
{
  idle_give(crypto->idle, crypto_find(crypto, name), client);
}

static void
free_info(gpointer data)
{
  struct plugin_info *info = data;
  g_free(info->name);
  g_free(info->version);
  g_free(info->path);
  g_free(info->why_disabled);
  g_free(info->capabilities);
  g_free(info->rights);
  g_free(info);
}

GPtrArray *
crypto_plugins(struct crypto *crypto, GCancellable *cancel)
{
  GPtrArray *list = g_ptr_array_new_with_free_func(free_info);
  for (guint i = 0; i < crypto->plugins->len; i++) {
    struct plugin_spec quiet = *(const struct plugin_spec *)crypto->plugins->pdata[i];
    const struct plugin_spec *spec = &quiet;
    quiet.grants.silent = true;
    g_autoptr(GError) why = NULL;
    g_autoptr(client_t) client = client_start(spec, crypto->ask, crypto->ask_data, cancel, &why);
    struct plugin_info *info = g_new0(struct plugin_info, 1);
    info->name = sanitize_line(spec->name, -1);
    info->path = sanitize_line(spec->path, -1);
    info->version = g_strdup(client != NULL ? client_version(client) : "");
    info->capabilities = words_of(client != NULL ? client_capabilities(client) : 0);
    info->why_disabled = client == NULL ? g_strdup(why->message) : NULL;
    g_auto(GStrv) rights = plugin_spec_rights(spec, NULL);
    info->rights = rights != NULL ? rights_words(rights) : g_strdup("");
    g_ptr_array_add(list, info);
  }
  return list;
}

/* ---- recipients ---- */

static void
take_of_recipient(struct seal_recipient *recipient, const struct frame_value *value)
{
  g_autofree char *raw = value_text(value);
  g_autofree char *text = sanitize_line(raw, -1);
  switch (value->field) {
  case FIELD_CAN_SEAL:
    recipient->can_seal = value_number(value) != 0;
    break;
  case FIELD_CAN_SIGN:
    recipient->can_sign = value_number(value) != 0;
    break;
  case FIELD_UNTRUSTED:
    recipient->untrusted = value_number(value) != 0;
    break;
  case FIELD_KEY:
    g_free(recipient->key);
    recipient->key = g_steal_pointer(&text);
    break;
  case FIELD_USER_ID:
    g_free(recipient->user_id);
    recipient->user_id = g_steal_pointer(&text);
    break;
  case FIELD_WHY:
    g_free(recipient->why);
    recipient->why = g_steal_pointer(&text);
    break;
  case FIELD_SINCE:
    recipient->since = (int64_t)value_number(value);
    break;
  case FIELD_EXPIRES:
    recipient->expires = (int64_t)value_number(value);
    break;
  default:
    break;
  }
}

/* One answer for each, in order: anything else is a plugin that cannot count. */
static bool
read_recipients(const struct frame *reply, GPtrArray *recipients)
{
  struct frame_cursor cursor = {reply, 0};
  struct frame_value value;
  guint next = 0;
  while (frame_next(&cursor, &value)) {
    if (value.field == FIELD_RECIPIENT) {
      g_autofree char *spec = value_text(&value);
      const struct seal_recipient *asked = next < recipients->len ? recipients->pdata[next] : NULL;
      if (asked == NULL || strcmp(asked->spec, spec) != 0)
        return false;
      next++;
    } else if (next > 0)
      take_of_recipient(recipients->pdata[next - 1], &value);
  }
  return next == recipients->len;
}

static void
settle_recipient(struct seal_recipient *recipient)
{
  if (recipient->can_seal && recipient->key == NULL)
    recipient->can_seal = false;
  if (recipient->can_seal)
    g_clear_pointer(&recipient->why, g_free);
  else if (recipient->why == NULL || *recipient->why == '\0') {
    g_free(recipient->why);
    recipient->why = g_strdup_printf(_("there is no key of %s"), recipient->spec);
  }
}

/* Sends `request` (consumed) and takes what it says of each of `recipients`. */
static bool
ask_again(struct client *client, struct frame *request, GPtrArray *recipients,
          GCancellable *cancel, GError **error)
{
  g_autoptr(frame_t) reply =
      client_call(client, request, LIMIT_PLUGIN_ASK_SECONDS, NULL, cancel, error);
  if (reply == NULL)
    return false;
  if (!read_recipients(reply, recipients))
    return error_set(error, POSTINO_ERROR_REFUSED,
                     _("plugin %s did not answer for each recipient; see postino plugin check"),
                     client_name(client));
  g_ptr_array_foreach(recipients, (GFunc)(void (*)(void))settle_recipient, NULL);
  return true;
}

GPtrArray *
ask_recipients(struct crypto *crypto, struct client *client, const char *const *specs,
               GCancellable *cancel, GError **error)
{
  g_autoptr(GPtrArray) recipients =
      g_ptr_array_new_with_free_func((GDestroyNotify)seal_recipient_free);
  struct frame *request = client_request(client, FRAME_RECIPIENTS);
  for (; *specs != NULL; specs++) {
    struct seal_recipient *recipient = g_new0(struct seal_recipient, 1);
    recipient->spec = g_strdup(*specs);
    g_ptr_array_add(recipients, recipient);
    frame_add_text(request, FIELD_RECIPIENT, *specs);
  }
  return ask_again(client, request, recipients, cancel, error) ? g_steal_pointer(&recipients) : NULL;
}

/* Is this the key that the user confirmed for the address? */
static bool
is_confirmed(struct crypto *crypto, const char *spec, const char *key)
{
  return key != NULL && crypto->confirmed != NULL &&
         crypto->confirmed(spec, key, crypto->confirmed_data);
}

static bool
is_same_key(const char *a, const char *b)
{
  return a != NULL && b != NULL && g_ascii_strcasecmp(a, b) == 0;
}

/* The confirmed key that the plugin is to be told of: the one it found and only
 * doubts, or the one of before where it found another.  Free it. */
static char *
key_to_insist_on(struct crypto *crypto, const struct seal_recipient *recipient, const char *known)
{
  if (!recipient->can_seal && recipient->untrusted &&
      is_confirmed(crypto, recipient->spec, recipient->key))
    return g_strdup(recipient->key);
  if (recipient->key != NULL && !is_same_key(recipient->key, known) &&
      !is_confirmed(crypto, recipient->spec, recipient->key) &&
      is_confirmed(crypto, recipient->spec, known))
    return g_strdup(known);
  return NULL;
}

/* Another key than until now is sealed to by nobody's word but the user's; one's own
 * keys need none. */
static void
hold_changed_key(struct crypto *crypto, struct seal_recipient *recipient, const char *known)
{
  if (known == NULL || recipient->key == NULL || recipient->can_sign ||
      is_same_key(recipient->key, known) || is_confirmed(crypto, recipient->spec, recipient->key))
    return;
  recipient->can_seal = false;
  recipient->untrusted = recipient->changed = true;
  g_free(recipient->why);
  recipient->why = g_strdup_printf(
      _("the key of %s has changed: it was %s until now and is %s; compare the new fingerprint "
        "with its owner, then say so (:confirm-key %s)"),
      recipient->spec, known, recipient->key, recipient->spec);
}

/* What the user has confirmed by hand holds where the plugin only doubts, or found
 * another key: it is asked again with the confirmed fingerprints. */
static GPtrArray *
confirm_recipients(struct crypto *crypto, struct client *client, GPtrArray *recipients,
                   GCancellable *cancel, GError **error)
{
  g_autoptr(GPtrArray) mine = recipients;
  g_autoptr(GPtrArray) known = g_ptr_array_new_with_free_func(g_free);
  g_autoptr(frame_t) request = client_request(client, FRAME_RECIPIENTS);
  bool any = false;
  for (guint i = 0; i < mine->len; i++) {
    const struct seal_recipient *recipient = mine->pdata[i];
    char *before = crypto->memory.known != NULL
                       ? crypto->memory.known(recipient->spec, crypto->memory.data)
                       : NULL;
    g_ptr_array_add(known, before);
    g_autofree char *insisted = key_to_insist_on(crypto, recipient, before);
    frame_add_text(request, FIELD_RECIPIENT, recipient->spec);
    frame_add_text(request, FIELD_CONFIRMED, insisted);
    any = any || insisted != NULL;
  }
  if (any && !ask_again(client, g_steal_pointer(&request), mine, cancel, error))
    return NULL;
  for (guint i = 0; i < mine->len; i++)
    hold_changed_key(crypto, mine->pdata[i], known->pdata[i]);
  return g_steal_pointer(&mine);
}

static GPtrArray *
recipients_of(struct crypto *crypto, struct client *client, const char *const *specs,
              GCancellable *cancel, GError **error)
{
  GPtrArray *recipients = ask_recipients(crypto, client, specs, cancel, error);
  return recipients != NULL ? confirm_recipients(crypto, client, recipients, cancel, error) : NULL;
}

GPtrArray *
crypto_recipients(struct crypto *crypto, const char *plugin, const char *const *specs,
                  GCancellable *cancel, GError **error)
{
  g_autoptr(client_t) client = crypto_take(crypto, plugin, POSTINO_CAN_SEAL, cancel, error);
  GPtrArray *recipients =
      client != NULL ? recipients_of(crypto, client, specs, cancel, error) : NULL;
  if (recipients != NULL)
    crypto_rest(crypto, plugin, g_steal_pointer(&client));
  return recipients;
}

/* ---- sealing ---- */

/* Every recipient once, and the sender, who shall read what he wrote. */
static char **
everyone(const struct seal_request *request)
{
  GPtrArray *specs = g_ptr_array_new();
  for (const char *const *spec = request->recipients; spec != NULL && *spec != NULL; spec++) {
    bool twice = false;
    for (guint i = 0; i < specs->len && !twice; i++)
      twice = address_same(specs->pdata[i], *spec);
    if (!twice)
      g_ptr_array_add(specs, g_strdup(*spec));
  }
  bool there = false;
  for (guint i = 0; i < specs->len && !there; i++)
    there = address_same(specs->pdata[i], request->from);
  if (!there)
    g_ptr_array_add(specs, g_strdup(request->from));
  g_ptr_array_add(specs, NULL);
  return (char **)g_ptr_array_free(specs, FALSE);
}

static bool
all_can(const GPtrArray *recipients, GError **error)
{
  for (guint i = 0; i < recipients->len; i++) {
    const struct seal_recipient *recipient = recipients->pdata[i];
    if (!recipient->can_seal)
      return error_set(error, recipient->untrusted ? POSTINO_ERROR_TRUST : POSTINO_ERROR_REFUSED,
                       "%s", recipient->why);
  }
  return true;
}

guint
different_keys(const GPtrArray *recipients)
{
  g_autoptr(GHashTable) keys = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  for (guint i = 0; i < recipients->len; i++) {
    const struct seal_recipient *recipient = recipients->pdata[i];
    g_hash_table_add(keys, g_ascii_strup(recipient->key, -1));
  }
  return g_hash_table_size(keys);
}

/* Who reads it moves its position, which all descriptors of it share. */
static bool
add_entity(struct frame *frame, const struct seal_request *request, GError **error)
{
  int memory = request->memory != NULL ? blob_memory(request->memory) : -1;
  int own = memory >= 0 ? fcntl(memory, F_DUPFD_CLOEXEC, 0) : -1;
  if (own < 0 || lseek(own, 0, SEEK_SET) < 0) {
    fd_clear(&own);
    return frame_add_bulk(frame, request->entity, error);
  }
  frame_add_fd(frame, own);
  return true;
}

struct blob *
ask_seal(struct client *client, const struct seal_request *request, const GPtrArray *recipients,
         GCancellable *cancel, GError **error)
{
  g_autoptr(frame_t) frame = client_request(client, FRAME_SEAL);
  frame_add_number(frame, FIELD_OPERATIONS,
                   (request->sign ? POSTINO_SIGN : 0) | (request->encrypt ? POSTINO_ENCRYPT : 0));
  frame_add_text(frame, FIELD_FROM, request->from);
  for (guint i = 0; recipients != NULL && i < recipients->len; i++) {
    const struct seal_recipient *recipient = recipients->pdata[i];
    frame_add_text(frame, FIELD_RECIPIENT, recipient->spec);
    frame_add_text(frame, FIELD_KEY, recipient->key);
  }
  frame_add_number(frame, FIELD_LIMIT, CLIENT_LARGEST);
  if (!add_entity(frame, request, error))
    return NULL;
  g_autoptr(frame_t) reply =
      client_call(client, g_steal_pointer(&frame), LIMIT_PLUGIN_SECONDS, NULL, cancel, error);
  if (reply == NULL)
    return NULL;
  g_autoptr(GError) why = NULL;
  struct blob *result = frame_blob(reply, 0, CLIENT_LARGEST, &why);
  if (result == NULL)
    error_set(error, POSTINO_ERROR_REFUSED,
              _("plugin %s gave no sealed letter (%s); nothing was sent; see postino plugin check"),
              client_name(client), why != NULL ? why->message : _("nothing came with its answer"));
  return result;
}

static void
note_keys(struct crypto *crypto, const GPtrArray *recipients)
{
  for (guint i = 0; crypto->memory.note != NULL && recipients != NULL && i < recipients->len; i++) {
    const struct seal_recipient *recipient = recipients->pdata[i];
    crypto->memory.note(recipient->spec, recipient->key, crypto->memory.data);
  }
}

/* What the search looks for is laid out while the plugin works. */
static gpointer
lay_out(gpointer data)
{
  const struct seal_request *request = data;
  struct needles *needles = needles_new(request->entity, request->subject);
  if (request->memory != NULL)
    blob_forget(request->memory, request->entity, g_bytes_get_size(request->entity));
  return needles;
}

/* What a plugin gave, while it is checked. */
struct given {
  struct blob *blob;
  GBytes *bytes;
};

static void
forget_given(const char *until, void *data)
{
  const struct given *given = data;
  const char *start = g_bytes_get_data(given->bytes, NULL);
  blob_forget(given->blob, given->bytes, (size_t)(until - start));
}

/* The plugin's result, checked. */
static GBytes *
seal_checked(struct client *client, const struct seal_request *request,
             const GPtrArray *recipients, GCancellable *cancel, GError **error)
{
  GThread *thread = request->encrypt ? g_thread_new("needles", lay_out, (gpointer)request) : NULL;
  g_autoptr(blob_t) blob = ask_seal(client, request, recipients, cancel, error);
  g_autoptr(needles_t) needles = thread != NULL ? g_thread_join(thread) : NULL;
  g_autoptr(GBytes) result = blob != NULL ? blob_bytes(blob, error) : NULL;
  struct given given = {blob, result};
  struct check check = {.entity = request->entity,
                        .subject = request->subject,
                        .needles = needles,
                        .sign = request->sign,
                        .encrypt = request->encrypt,
                        .keys = recipients != NULL ? different_keys(recipients) : 0,
                        .passed = forget_given,
                        .data = &given};
  if (result == NULL || !check_result(&check, result, error))
    return NULL;
  return g_steal_pointer(&result);
}

GBytes *
crypto_seal(struct crypto *crypto, const struct seal_request *request, GCancellable *cancel,
            GError **error)
{
  if (!request->sign && !request->encrypt) {
    error_set(error, POSTINO_ERROR_BUG, "%s",
              _("a letter was to be sealed, but neither signed nor "
                "encrypted; nothing was sent"));
    return NULL;
  }
  unsigned needed =
      (request->sign ? POSTINO_CAN_SIGN : 0) | (request->encrypt ? POSTINO_CAN_SEAL : 0);
  g_autoptr(client_t) client = crypto_take(crypto, request->plugin, needed, cancel, error);
  if (client == NULL)
    return NULL;
  g_autoptr(GPtrArray) recipients = NULL;
  if (request->encrypt) {
    g_auto(GStrv) specs = everyone(request);
    recipients = recipients_of(crypto, client, (const char *const *)specs, cancel, error);
    if (recipients == NULL || !all_can(recipients, error))
      return NULL;
  }
  g_autoptr(GBytes) result = seal_checked(client, request, recipients, cancel, error);
  if (result == NULL)
    return NULL;
  crypto_rest(crypto, request->plugin, g_steal_pointer(&client));
  note_keys(crypto, recipients);
  return g_steal_pointer(&result);
}

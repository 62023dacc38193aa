/* `postino plugin check`: what postino-plugin(7) asks of a plugin, tried on it.
 * Nothing here leaves the machine. */
#include <string.h>

#include "base/error.h"
#include "base/i18n.h"
#include "base/limits.h"
#include "base/sanitize.h"
#include "crypto/crypto-private.h"
#include "crypto/crypto.h"
#include "crypto/postino-plugin.h"
#include "crypto/rights.h"
#include "crypto/verdict.h"

/* A request and a field of a version to come. */
#define UNKNOWN_REQUEST 99
#define UNKNOWN_FIELD 4000

struct trial {
  struct crypto *crypto; /* with this plugin alone */
  const struct plugin_spec *spec;
  unsigned capabilities;
  char *address; /* of an own key, or NULL */
  void (*report)(bool passed, const char *line, void *data);
  void *data;
  GCancellable *cancel;
  bool failed;
};

/* `where`: the part of postino-plugin(7) that asks for it, said when it failed. */
static void
say(struct trial *trial, const char *where, bool passed, const char *what, const GError *why)
{
  g_autoptr(GString) text = g_string_new(what);
  if (why != NULL)
    g_string_append_printf(text, ": %s", why->message);
  if (!passed)
    g_string_append_printf(text, _(" (see %s in postino-plugin(7))"), where);
  g_autofree char *line = sanitize_line(text->str, -1);
  trial->failed = trial->failed || !passed;
  trial->report(passed, line, trial->data);
}

/* ---- the protocol ---- */

static bool
try_hello(struct trial *trial)
{
  g_autoptr(GError) why = NULL;
  g_autoptr(client_t) client =
      client_start(trial->spec, trial->crypto->ask, trial->crypto->ask_data, trial->cancel, &why);
  say(trial, "HELLO", client != NULL, _("it starts and says hello"), why);
  if (client == NULL)
    return false;
  trial->capabilities = client_capabilities(client);
  say(trial, "HELLO", *client_name(client) != '\0', _("it says its name"), NULL);
  say(trial, "HELLO", trial->capabilities != 0, _("it says what it can do"), NULL);
  return true;
}

static void
try_other_version(struct trial *trial)
{
  g_autoptr(GError) why = NULL;
  g_autoptr(client_t) client = client_spawn(trial->spec, NULL, NULL, &why);
  bool accepted = client != NULL &&
                  client_hello(client, trial->spec, PROTOCOL_VERSION + 1000, trial->cancel, &why);
  say(trial, "HELLO", client != NULL && !accepted && !error_is(why, POSTINO_ERROR_RETRY),
      _("it refuses a version of the protocol that it does not know"), NULL);
}

static void
try_unknown_request(struct trial *trial)
{
  g_autoptr(GError) why = NULL;
  g_autoptr(client_t) client = client_start(trial->spec, NULL, NULL, trial->cancel, &why);
  if (client == NULL)
    return;
  int code = 0;
  struct frame *request = client_request(client, UNKNOWN_REQUEST);
  g_autoptr(frame_t) reply =
      client_call(client, request, LIMIT_PLUGIN_ASK_SECONDS, &code, trial->cancel, &why);
  say(trial, "Types", reply == NULL && code == POSTINO_UNSUPPORTED,
      _("it answers a request that it does not know by the error 'unsupported'"), NULL);
}

/* RECIPIENTS with a field of a version to come. */
static struct frame *
ask_with_field(struct trial *trial, unsigned field, int *code_out, GError **error)
{
  g_autoptr(client_t) client = client_start(trial->spec, NULL, NULL, trial->cancel, error);
  if (client == NULL)
    return NULL;
  struct frame *request = client_request(client, FRAME_RECIPIENTS);
  frame_add_text(request, field, "of a version to come");
  frame_add_text(request, FIELD_RECIPIENT, "nobody@check.invalid");
  return client_call(client, request, LIMIT_PLUGIN_ASK_SECONDS, code_out, trial->cancel, error);
}

static void
try_unknown_field(struct trial *trial)
{
  g_autoptr(GError) why = NULL;
  int code = 0;
  g_autoptr(frame_t) reply = ask_with_field(trial, UNKNOWN_FIELD, NULL, &why);
  g_autoptr(frame_t) other = ask_with_field(trial, UNKNOWN_FIELD | FIELD_CRITICAL, &code, NULL);
  say(trial, "THE PROTOCOL", reply != NULL, _("it passes over a field that it does not know"),
      why);
  say(trial, "THE PROTOCOL", other == NULL && code == POSTINO_UNSUPPORTED,
      _("it answers one that must be understood by the error 'unsupported'"), NULL);
}

static void
try_staying(struct trial *trial)
{
  g_autoptr(GError) why = NULL;
  if ((trial->capabilities & POSTINO_CAN_STAY) == 0)
    return;
  g_autoptr(client_t) client = client_start(trial->spec, NULL, NULL, trial->cancel, &why);
  bool good = client != NULL;
  for (int i = 0; good && i < 3; i++) {
    struct frame *request = client_request(client, FRAME_RECIPIENTS);
    frame_add_text(request, FIELD_RECIPIENT, "nobody@check.invalid");
    g_autoptr(frame_t) reply =
        client_call(client, request, LIMIT_PLUGIN_ASK_SECONDS, NULL, trial->cancel, &why);
    good = reply != NULL;
  }
  say(trial, "THE PROCESS", good, _("it goes on after a request, as it says that it can"), why);
}

static void
try_recipients(struct trial *trial)
{
  const char *specs[] = {"nobody@check.invalid", "no-one@check.invalid", "x y\"<>@check.invalid",
                         NULL};
  g_autoptr(GError) why = NULL;
  g_autoptr(GPtrArray) list =
      crypto_recipients(trial->crypto, trial->spec->name, specs, trial->cancel, &why);
  say(trial, "RECIPIENTS", list != NULL, _("it answers for each recipient, in order"), why);
  bool none = list != NULL;
  for (guint i = 0; list != NULL && i < list->len; i++)
    none = none && !((struct seal_recipient *)list->pdata[i])->can_seal;
  if (list != NULL)
    say(trial, "RECIPIENTS", none,
        _("it does not claim to have keys of addresses that nobody has"), NULL);
}

/* An address to try the rest with: one whose secret key is here. */
static void
find_own_address(struct trial *trial)
{
  g_autoptr(GError) why = NULL;
  g_autoptr(client_t) client = client_start(trial->spec, NULL, NULL, trial->cancel, &why);
  if (client == NULL)
    return;
  struct frame *request = client_request(client, FRAME_KEYS);
  frame_add_text(request, FIELD_ACTION, "own");
  g_autoptr(frame_t) reply =
      client_call(client, request, LIMIT_PLUGIN_ASK_SECONDS, NULL, trial->cancel, &why);
  say(trial, "KEYS", reply != NULL, _("it lists your own keys"), why);
  struct frame_cursor cursor = {reply, 0};
  struct frame_value value;
  while (reply != NULL && trial->address == NULL && frame_next(&cursor, &value)) {
    if (value.field != FIELD_USER_ID)
      continue;
    g_autofree char *text = value_text(&value);
    g_autofree char *name = NULL;
    (void)user_id_parse(text, &name, &trial->address);
  }
}

/* ---- letters ---- */

static GBytes *
sample(size_t lines)
{
  GString *text = g_string_new("Content-Type: text/plain; charset=us-ascii\r\n\r\n");
  for (size_t i = 0; i < lines; i++)
    g_string_append_printf(text, "Line %zu of a letter that nobody else may read.\r\n", i);
  gsize length = text->len;
  return g_bytes_new_take(g_string_free(text, FALSE), length);
}

static GBytes *
seal_sample(struct trial *trial, GBytes *entity, bool sign, bool encrypt, GError **error)
{
  const char *recipients[] = {trial->address, NULL};
  struct seal_request request = {.plugin = trial->spec->name,
                                 .from = trial->address,
                                 .recipients = recipients,
                                 .entity = entity,
                                 .sign = sign,
                                 .encrypt = encrypt};
  return crypto_seal(trial->crypto, &request, trial->cancel, error);
}

static struct verdict *
open_sample(struct trial *trial, GBytes *sealed, GBytes **shown_out)
{
  g_autoptr(GPtrArray) from = g_ptr_array_new_with_free_func((GDestroyNotify)address_free);
  struct verdict *verdict = NULL;
  g_ptr_array_add(from, address_new(NULL, trial->address));
  if (!crypto_open(trial->crypto, sealed, entity_kind(sealed), from, &verdict, shown_out,
                   trial->cancel, NULL))
    return NULL;
  return verdict;
}

static void
try_letter(struct trial *trial, size_t lines, bool sign, bool encrypt, const char *what)
{
  g_autoptr(GError) why = NULL;
  g_autoptr(GBytes) entity = sample(lines);
  g_autoptr(GBytes) sealed = seal_sample(trial, entity, sign, encrypt, &why);
  g_autofree char *made = g_strdup_printf(_("%s: it is made as it must be"), what);
  say(trial, "WHAT IS CHECKED", sealed != NULL, made, why);
  if (sealed == NULL)
    return;
  g_autoptr(GBytes) shown = NULL;
  g_autoptr(verdict_t) verdict = open_sample(trial, sealed, &shown);
  g_autofree char *words = verdict != NULL ? verdict_words(verdict) : g_strdup("");
  g_autofree char *same =
      g_strdup_printf(_("%s: it is opened again, byte for byte (%s)"), what, words);
  say(trial, "OPEN", shown != NULL && g_bytes_equal(shown, entity), same, NULL);
  if (sign) {
    /* A key whose owner nobody confirmed is no fault of the plugin. */
    g_autofree char *found = g_strdup_printf(_("%s: its signature is found (%s)"), what, words);
    say(trial, "OPEN",
        verdict != NULL && verdict->fingerprint != NULL &&
            (verdict->address != NULL || strstr(words, "not confirmed") != NULL),
        found, NULL);
  }
}

/* Some bytes in the middle of the armour changed: CRC and all else aside, the
 * plugin must not give back what it cannot vouch for. */
static void
try_damage(struct trial *trial)
{
  g_autoptr(GBytes) entity = sample(40);
  g_autoptr(GBytes) sealed = seal_sample(trial, entity, false, true, NULL);
  if (sealed == NULL)
    return;
  gsize length = g_bytes_get_size(sealed);
  g_autofree char *text = g_strndup(g_bytes_get_data(sealed, NULL), length);
  /* An armour without its checksum, so that it reaches the plugin; still base64. */
  char *sum = g_strrstr(text, "\r\n=");
  char *at = text + length / 2;
  while (at > text && !g_ascii_isalnum(*at))
    at--;
  *at = *at == 'A' ? 'B' : 'A';
  if (sum != NULL && entity_kind(sealed) == ENVELOPE_PGP_SEALED)
    memmove(sum, sum + 7, length - (gsize)(sum + 7 - text) + 1);
  g_autoptr(GBytes) damaged = g_bytes_new(text, strlen(text));
  g_autoptr(GBytes) shown = NULL;
  g_autoptr(verdict_t) verdict = open_sample(trial, damaged, &shown);
  say(trial, "OPEN", verdict != NULL && verdict->seal == SEAL_BROKEN && shown == NULL,
      _("a letter that was changed on its way is not shown"), NULL);
}

/* ---- errors and limits ---- */

/* Sends `request`, which the plugin must refuse; it must live on and answer the
 * next one. */
static void
try_refusal(struct trial *trial, const char *where, struct client *client, struct frame *request,
            const char *what)
{
  g_autoptr(GError) why = NULL;
  int code = 0;
  g_autoptr(frame_t) reply =
      client_call(client, request, LIMIT_PLUGIN_SECONDS, &code, trial->cancel, &why);
  say(trial, where, reply == NULL && code > 0, what, code > 0 ? NULL : why);
}

static void
try_open_garbage(struct trial *trial)
{
  g_autoptr(client_t) client = client_start(trial->spec, NULL, NULL, trial->cancel, NULL);
  g_autoptr(GBytes) garbage = g_bytes_new_static("no letter at all", 16);
  if (client == NULL)
    return;
  g_autoptr(frame_t) request = client_request(client, FRAME_OPEN);
  frame_add_text(request, FIELD_FORMAT, "a-format-to-come");
  frame_add_number(request, FIELD_LIMIT, CLIENT_LARGEST);
  if (frame_add_bulk(request, garbage, NULL))
    try_refusal(trial, "OPEN", client, g_steal_pointer(&request),
                _("it refuses a format that it does not know"));
}

/* `limit`: of the result; `key`: to seal to, or NULL for the own one. */
static struct frame *
seal_request_of(struct trial *trial, struct client *client, GBytes *entity, uint64_t limit,
                const char *key)
{
  const char *specs[] = {trial->address, NULL};
  g_autoptr(GPtrArray) list = ask_recipients(trial->crypto, client, specs, trial->cancel, NULL);
  const struct seal_recipient *own = list != NULL && list->len == 1 ? list->pdata[0] : NULL;
  if (own == NULL || own->key == NULL)
    return NULL;
  g_autoptr(frame_t) request = client_request(client, FRAME_SEAL);
  frame_add_number(request, FIELD_OPERATIONS, POSTINO_ENCRYPT);
  frame_add_text(request, FIELD_FROM, trial->address);
  frame_add_text(request, FIELD_RECIPIENT, trial->address);
  frame_add_text(request, FIELD_KEY, key != NULL ? key : own->key);
  frame_add_number(request, FIELD_LIMIT, limit);
  return frame_add_bulk(request, entity, NULL) ? g_steal_pointer(&request) : NULL;
}

static void
try_seal_wrongly(struct trial *trial, uint64_t limit, const char *key, const char *what)
{
  g_autoptr(client_t) client = client_start(trial->spec, NULL, NULL, trial->cancel, NULL);
  g_autoptr(GBytes) entity = sample(20);
  struct frame *request =
      client != NULL ? seal_request_of(trial, client, entity, limit, key) : NULL;
  if (request != NULL)
    try_refusal(trial, "SEAL", client, request, what);
}

/* Of a letter that takes a while what is said of it can be shown; nothing need be. */
static void
try_progress(struct trial *trial)
{
  g_autoptr(client_t) client = client_start(trial->spec, NULL, NULL, trial->cancel, NULL);
  g_autoptr(GBytes) entity = sample(40000);
  struct frame *request =
      client != NULL ? seal_request_of(trial, client, entity, CLIENT_LARGEST, NULL) : NULL;
  if (request == NULL)
    return;
  unsigned reports = 0;
  g_autoptr(frame_t) reply =
      client_call(client, request, LIMIT_PLUGIN_SECONDS, NULL, trial->cancel, NULL);
  bool odd = client_progress_was_odd(client, &reports);
  g_autofree char *what =
      g_strdup_printf(_("what it says of its progress can be shown (%u times for 2 MB)"), reports);
  say(trial, "PROGRESS", reply != NULL && !odd, what, NULL);
}

/* Milliseconds after which the sealing of a large letter is cancelled. */
#define CANCEL_AFTER 300
#define CANCEL_SECONDS 5

static gpointer
cancel_soon(gpointer cancel)
{
  g_usleep(CANCEL_AFTER * 1000);
  g_cancellable_cancel(cancel);
  return NULL;
}

/* The process is killed: what it began elsewhere must not go on. */
static void
try_cancel(struct trial *trial)
{
  g_autoptr(client_t) client = client_start(trial->spec, NULL, NULL, trial->cancel, NULL);
  g_autoptr(GBytes) entity = sample(200000);
  g_autoptr(GCancellable) cancel = g_cancellable_new();
  g_autoptr(GError) why = NULL;
  struct frame *request =
      client != NULL ? seal_request_of(trial, client, entity, CLIENT_LARGEST, NULL) : NULL;
  if (request == NULL)
    return;
  GThread *thread = g_thread_new("cancel", cancel_soon, cancel);
  g_autoptr(frame_t) reply =
      client_call(client, request, LIMIT_PLUGIN_SECONDS, NULL, cancel, &why);
  g_thread_join(thread);
  bool ended = reply != NULL || (error_is(why, POSTINO_ERROR_CANCELLED) &&
                                 client_left_nothing(client, CANCEL_SECONDS));
  say(trial, "THE PROCESS", ended, _("cancelled, it ends with all that it started"), NULL);
}

static void
try_errors(struct trial *trial)
{
  try_seal_wrongly(trial, CLIENT_LARGEST, "0123456789012345678901234567890123456789",
                   _("it seals to no key that is not there"));
  try_seal_wrongly(trial, 100, NULL, _("it gives no letter that is larger than the limit"));
}

static void
try_letters(struct trial *trial)
{
  bool can_sign = (trial->capabilities & POSTINO_CAN_SIGN) != 0;
  bool can_seal = (trial->capabilities & POSTINO_CAN_SEAL) != 0;
  if ((trial->capabilities & POSTINO_CAN_KEYS) != 0)
    find_own_address(trial);
  if (trial->address == NULL) {
    say(trial, "KEYS", true,
        _("letters: left out, because there is no key of your own to try with"), NULL);
    return;
  }
  if (can_sign)
    try_letter(trial, 5, true, false, _("a signed letter"));
  if (can_seal) {
    try_letter(trial, 5, false, true, _("a sealed letter"));
    try_letter(trial, 0, false, true, _("an empty one"));
    try_letter(trial, 40000, false, true, _("one of 2 MB"));
    try_damage(trial);
    try_errors(trial);
    try_progress(trial);
    try_cancel(trial);
  }
  if (can_sign && can_seal)
    try_letter(trial, 5, true, true, _("one sealed and signed"));
}

/* ---- which plugin ---- */

/* A core with this plugin alone, which opens what it seals. */
static struct crypto *
crypto_of(struct crypto *crypto, const char *name_or_path)
{
  const struct plugin_spec *known = crypto_find(crypto, name_or_path);
  if (known == NULL && strchr(name_or_path, '/') == NULL)
    return NULL;
  struct crypto *alone = g_new0(struct crypto, 1);
  *alone = *crypto;
  alone->idle = idle_new();
  alone->ahead = ahead_new();
  alone->plugins = g_ptr_array_new_with_free_func((GDestroyNotify)plugin_spec_free);
  g_autofree char *path = g_canonicalize_filename(known != NULL ? known->path : name_or_path, NULL);
  alone->opener = known != NULL ? g_strdup(known->name) : g_path_get_basename(path);
  alone->smime_opener = g_strdup(alone->opener);
  alone->age_opener = g_strdup(alone->opener);
  struct plugin_spec *spec =
      plugin_spec_new(alone->opener, path, known != NULL ? known->options : NULL);
  /* Who gives a path gives with it what the manifest beside it asks for. */
  spec->is_bundled = known != NULL && known->is_bundled;
  if (known != NULL)
    spec->grants = known->grants;
  spec->granted = known != NULL ? g_strdupv(known->granted) : rights_asked(spec->name, path, NULL);
  g_ptr_array_add(alone->plugins, spec);
  return alone;
}

bool
crypto_check_plugin(struct crypto *crypto, const char *name_or_path,
                    void (*report)(bool passed, const char *line, void *data), void *data,
                    GCancellable *cancel, GError **error)
{
  g_autoptr(crypto_t) alone = crypto_of(crypto, name_or_path);
  if (alone == NULL)
    return error_set(
        error, POSTINO_ERROR_NOTFOUND,
        _("there is no plugin \"%s\"; give a name of postino plugin list, or a path with "
          "a / in it"),
        name_or_path);
  struct trial trial = {.crypto = alone,
                        .spec = alone->plugins->pdata[0],
                        .report = report,
                        .data = data,
                        .cancel = cancel};
  if (try_hello(&trial)) {
    try_other_version(&trial);
    try_unknown_request(&trial);
    if ((trial.capabilities & POSTINO_CAN_SEAL) != 0) {
      try_unknown_field(&trial);
      try_recipients(&trial);
      try_staying(&trial);
    }
    if ((trial.capabilities & (POSTINO_CAN_OPEN | POSTINO_CAN_VERIFY)) != 0)
      try_open_garbage(&trial);
    try_letters(&trial);
  }
  g_free(trial.address);
  if (g_cancellable_is_cancelled(cancel))
    return error_set(error, POSTINO_ERROR_CANCELLED, "%s", _("cancelled"));
  if (trial.failed)
    return error_set(error, POSTINO_ERROR_REFUSED,
                     _("plugin %s does not do all that postino-plugin(7) asks; the lines above say "
                       "what"),
                     name_or_path);
  return true;
}

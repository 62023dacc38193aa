#include "net/sasl.h"

#include <sasl/sasl.h>
#include <sasl/saslutil.h>
#include <stdint.h>
#include <string.h>

#include "base/error.h"
#include "base/i18n.h"
#include "base/limits.h"
#include "base/sanitize.h"
#include "base/text.h"

enum family { FAMILY_CLEAR, FAMILY_DIGEST, FAMILY_SCRAM, FAMILY_BEARER, FAMILY_EXTERNAL };

/* The best first: AUTO takes the first row that is offered and allowed.  Bearer
 * tokens are never guessed: what the user typed may be a password. */
struct mechanism {
  const char *name;
  enum conf_auth auth;
  enum family family;
  bool automatic;
};
static const struct mechanism mechanisms[] = {
    {"SCRAM-SHA-256", CONF_AUTH_SCRAM_SHA_256, FAMILY_SCRAM, true},
    {"SCRAM-SHA-1", CONF_AUTH_SCRAM_SHA_1, FAMILY_SCRAM, true},
    {"PLAIN", CONF_AUTH_PLAIN, FAMILY_CLEAR, true},
    {"LOGIN", CONF_AUTH_LOGIN, FAMILY_CLEAR, true},
    {"CRAM-MD5", CONF_AUTH_CRAM_MD5, FAMILY_DIGEST, true},
    {"OAUTHBEARER", CONF_AUTH_OAUTHBEARER, FAMILY_BEARER, false},
    {"XOAUTH2", CONF_AUTH_XOAUTH2, FAMILY_BEARER, false},
    {"EXTERNAL", CONF_AUTH_EXTERNAL, FAMILY_EXTERNAL, false},
};

/* Cyrus stores every callback as this type and calls it as what it is. */
typedef int (*callback_fn)(void);
#define CALLBACK(function) ((callback_fn)(void (*)(void))(function))

struct sasl {
  const struct mechanism *mechanism;
  char *user, *host;
  int port;
  secret_t *password;
  secret_t *password_block; /* a sasl_secret_t for Cyrus */
  sasl_conn_t *cyrus;
  sasl_callback_t callbacks[5];
  secret_t *initial;        /* base64; NULL: the mechanism has none */
  bool initial_due;         /* it did not go with the mechanism's name */
  bool done;                /* nothing is left to be said or proved */
  guint steps;
};

/* Cyrus' own words would go to syslog. */
static int
swallow_log(void *context, int level, const char *message)
{
  return SASL_OK;
}

static void *
mutex_new(void)
{
  GMutex *mutex = g_new0(GMutex, 1);
  g_mutex_init(mutex);
  return mutex;
}

static int
mutex_lock(void *mutex)
{
  g_mutex_lock(mutex);
  return 0;
}

static int
mutex_unlock(void *mutex)
{
  g_mutex_unlock(mutex);
  return 0;
}

static void
mutex_free(void *mutex)
{
  g_mutex_clear(mutex);
  g_free(mutex);
}

/* Started once and never ended: libetpan, which counts uses of its own, is asked
 * for no login, so nobody ends it under us. */
static bool
start_cyrus(GError **error)
{
  static gsize once;
  static int result;
  static sasl_callback_t callbacks[2];
  if (g_once_init_enter(&once)) {
    callbacks[0] = (sasl_callback_t){SASL_CB_LOG, CALLBACK(swallow_log), NULL};
    callbacks[1] = (sasl_callback_t){SASL_CB_LIST_END, NULL, NULL};
    sasl_set_mutex(mutex_new, mutex_lock, mutex_unlock, mutex_free);
    result = sasl_client_init(callbacks);
    g_once_init_leave(&once, 1);
  }
  if (result != SASL_OK)
    return error_set(error, POSTINO_ERROR_BUG, _("the SASL library does not start: %s"),
                     sasl_errstring(result, NULL, NULL));
  return true;
}

static int
give_name(void *context, int id, const char **result, unsigned *length)
{
  const struct sasl *sasl = context;
  /* The authorisation identity stays empty: the server takes the user's own. */
  *result = id == SASL_CB_AUTHNAME ? sasl->user : "";
  if (length != NULL)
    *length = (unsigned)strlen(*result);
  return SASL_OK;
}

static int
give_password(sasl_conn_t *cyrus, void *context, int id, sasl_secret_t **result)
{
  struct sasl *sasl = context;
  *result = (sasl_secret_t *)(void *)(uintptr_t)secret_text(sasl->password_block);
  return SASL_OK;
}

/* Cyrus wants a length followed by the bytes. */
static secret_t *
password_block(const secret_t *password)
{
  size_t length = secret_length(password);
  g_autofree char *zeros = g_malloc0(sizeof(sasl_secret_t) + length);
  secret_t *block = secret_new(zeros, sizeof(sasl_secret_t) + length);
  sasl_secret_t *inside = (sasl_secret_t *)(void *)(uintptr_t)secret_text(block);
  inside->len = length;
  memcpy(inside->data, secret_text(password), length);
  return block;
}

static bool
is_offered(const struct sasl_options *options, const char *name)
{
  for (const char *const *at = options->offered; at != NULL && *at != NULL; at++)
    if (text_ascii_equal(*at, name))
      return true;
  return false;
}

static bool
is_allowed(const struct sasl_options *options, const struct mechanism *row)
{
  switch (row->family) {
  case FAMILY_SCRAM:
    return true;
  case FAMILY_DIGEST:
    return options->confidential || options->auth == row->auth;
  default:
    return options->confidential;
  }
}

static bool
is_wanted(const struct sasl_options *options, const struct mechanism *row)
{
  return options->auth == CONF_AUTH_AUTO ? row->automatic : options->auth == row->auth;
}

static char *
shown_offer(const struct sasl_options *options)
{
  g_autofree char *all =
      options->offered == NULL || options->offered[0] == NULL
          ? g_strdup(_("none"))
          : g_strjoinv(", ", (char **)(uintptr_t)options->offered);
  return sanitize_line(all, MIN((gssize)strlen(all), 200));
}

static bool
none_fits(const struct sasl_options *options, GError **error)
{
  g_autofree char *offer = shown_offer(options);
  const char *wanted = NULL;
  bool bearer = false;
  for (size_t i = 0; i < G_N_ELEMENTS(mechanisms); i++) {
    if (mechanisms[i].auth == options->auth)
      wanted = mechanisms[i].name;
    bearer |= mechanisms[i].family == FAMILY_BEARER && is_offered(options, mechanisms[i].name);
  }
  if (wanted != NULL && !is_offered(options, wanted))
    return error_set(error, POSTINO_ERROR_AUTH,
                     _("the server does not offer %s; it offers %s: set auth to one of these, or "
                       "to auto"),
                     wanted, offer);
  if (!options->confidential)
    return error_set(error, POSTINO_ERROR_AUTH,
                     _("the server offers no way to log in that hides the password (%s), and the "
                       "connection is not encrypted; set tls = \"implicit\" or \"starttls\""),
                     offer);
  if (bearer)
    return error_set(error, POSTINO_ERROR_AUTH,
                     _("the server wants a token, not a password (%s); set auth = \"xoauth2\" or "
                       "\"oauthbearer\" and a password-command that prints the token"),
                     offer);
  return error_set(error, POSTINO_ERROR_AUTH,
                   _("the server offers no way to log in that postino can use; it offers %s"),
                   offer);
}

static const struct mechanism *
choose(const struct sasl_options *options, GError **error)
{
  for (size_t i = 0; i < G_N_ELEMENTS(mechanisms); i++) {
    const struct mechanism *row = &mechanisms[i];
    if (is_wanted(options, row) && is_offered(options, row->name) && is_allowed(options, row))
      return row;
  }
  none_fits(options, error);
  return NULL;
}

static bool
set_up_cyrus(struct sasl *sasl, const char *service, GError **error)
{
  if (!start_cyrus(error))
    return false;
  sasl->password_block = password_block(sasl->password);
  sasl->callbacks[0] = (sasl_callback_t){SASL_CB_USER, CALLBACK(give_name), sasl};
  sasl->callbacks[1] = (sasl_callback_t){SASL_CB_AUTHNAME, CALLBACK(give_name), sasl};
  sasl->callbacks[2] = (sasl_callback_t){SASL_CB_PASS, CALLBACK(give_password), sasl};
  sasl->callbacks[3] = (sasl_callback_t){SASL_CB_LOG, CALLBACK(swallow_log), NULL};
  sasl->callbacks[4] = (sasl_callback_t){SASL_CB_LIST_END, NULL, NULL};
  /* maxbufsize 0: no security layer of SASL's own, TLS is there for that. */
  sasl_security_properties_t limits = {.security_flags = SASL_SEC_NOANONYMOUS};
  int rc = sasl_client_new(service, sasl->host, NULL, NULL, sasl->callbacks, 0, &sasl->cyrus);
  if (rc == SASL_OK)
    rc = sasl_setprop(sasl->cyrus, SASL_SEC_PROPS, &limits);
  if (rc != SASL_OK)
    return error_set(error, POSTINO_ERROR_BUG, _("the SASL library does not start: %s"),
                     sasl_errstring(rc, NULL, NULL));
  return true;
}


static secret_t *
encode(const void *data, size_t length)
{
  size_t size = length / 3 * 4 + 8;
  char *text = g_malloc(size);
  unsigned written = 0;
  int rc = sasl_encode64(data, (unsigned)length, text, (unsigned)size, &written);
  secret_t *secret = secret_new(text, rc == SASL_OK ? written : 0);
  secret_wipe(text, size);
  g_free(text);
  return secret;
}

static GBytes *
decode(const char *text, GError **error)
{
  size_t length = strlen(text);
  g_autofree char *data = g_malloc(length + 4);
  unsigned written = 0;
  if (length > 0 &&
      sasl_decode64(text, (unsigned)length, data, (unsigned)length + 3, &written) != SASL_OK) {
    error_set(error, POSTINO_ERROR_PROTOCOL, _("the server's challenge is no base64"));
    return NULL;
  }
  return g_bytes_new(data, written);
}

static bool
start_mechanism(struct sasl *sasl, GError **error)
{
  const char *out = NULL;
  unsigned length = 0;
  const char *name = sasl->mechanism->name;
  int rc = sasl_client_start(sasl->cyrus, name, NULL, &out, &length, NULL);
  if (rc == SASL_NOMECH)
    return error_set(error, POSTINO_ERROR_AUTH,
                     _("this machine lacks the SASL module for %s (Debian: libsasl2-modules)"),
                     name);
  if (rc != SASL_OK && rc != SASL_CONTINUE)
    return error_set(error, POSTINO_ERROR_AUTH, _("%s cannot begin: %s"), name,
                     sasl_errstring(rc, NULL, NULL));
  sasl->done = rc == SASL_OK;
  if (out != NULL)
    sasl->initial = length > 0 ? encode(out, length) : secret_new("=", 1);
  return true;
}

/* RFC 5801: a comma or an equals sign in the name is written =2C, =3D. */
static void
append_gs2_name(GString *out, const char *name)
{
  for (; *name != '\0'; name++)
    if (*name == ',')
      g_string_append(out, "=2C");
    else if (*name == '=')
      g_string_append(out, "=3D");
    else
      g_string_append_c(out, *name);
}

/* RFC 7628, and the older form that XOAUTH2's inventors describe. */
static void
start_bearer(struct sasl *sasl)
{
  GString *text = g_string_sized_new(secret_length(sasl->password) + 512);
  if (sasl->mechanism->auth == CONF_AUTH_OAUTHBEARER) {
    g_string_append(text, "n,a=");
    append_gs2_name(text, sasl->user);
    g_string_append_printf(text, ",\001host=%s\001port=%d\001auth=Bearer ", sasl->host,
                           sasl->port);
  } else
    g_string_append_printf(text, "user=%s\001auth=Bearer ", sasl->user);
  g_string_append(text, secret_text(sasl->password));
  g_string_append(text, "\001\001");
  sasl->initial = encode(text->str, text->len);
  secret_wipe(text->str, text->len);
  g_string_free(text, TRUE);
  sasl->done = true;
}

/* RFC 4422, appendix A: the certificate says who it is, the response whom to be. */
static void
start_external(struct sasl *sasl)
{
  size_t length = strlen(sasl->user);
  sasl->initial = length > 0 ? encode(sasl->user, length) : secret_new("=", 1);
  sasl->done = true;
}

struct sasl *
sasl_new(const struct sasl_options *options, GError **error)
{
  const struct mechanism *mechanism = choose(options, error);
  if (mechanism == NULL)
    return NULL;
  g_autoptr(sasl_loop_t) sasl = g_new0(struct sasl, 1);
  sasl->mechanism = mechanism;
  sasl->user = g_strdup(options->user);
  sasl->host = g_strdup(options->host);
  sasl->port = options->port;
  sasl->password = secret_ref((secret_t *)(uintptr_t)options->password);
  if (mechanism->family == FAMILY_BEARER)
    start_bearer(sasl);
  else if (mechanism->family == FAMILY_EXTERNAL)
    start_external(sasl);
  else if (!set_up_cyrus(sasl, options->service, error) || !start_mechanism(sasl, error))
    return NULL;
  return g_steal_pointer(&sasl);
}

void
sasl_free(struct sasl *sasl)
{
  if (sasl == NULL)
    return;
  if (sasl->cyrus != NULL)
    sasl_dispose(&sasl->cyrus);
  secret_unref(sasl->password_block);
  secret_unref(sasl->password);
  secret_unref(sasl->initial);
  g_free(sasl->user);
  g_free(sasl->host);
  g_free(sasl);
}

const char *
sasl_mechanism(const struct sasl *sasl)
{
  return sasl->mechanism->name;
}

secret_t *
sasl_initial(struct sasl *sasl, size_t most)
{
  sasl->initial_due = sasl->initial != NULL && secret_length(sasl->initial) > most;
  return sasl->initial_due ? NULL : secret_ref(sasl->initial);
}

/* In answer to a challenge nothing is nothing, and not "=" (RFC 4954, 4). */
static secret_t *
initial_late(struct sasl *sasl)
{
  sasl->initial_due = false;
  return g_str_equal(secret_text(sasl->initial), "=") ? secret_new("", 0)
                                                      : secret_ref(sasl->initial);
}

/* RFC 5802 "r=…,s=…,i=COUNT": the count is read before the library works it
 * off, for 2^31 rounds would take hours. */
static bool
iterations_are_sane(GBytes *challenge, GError **error)
{
  size_t length;
  const char *data = g_bytes_get_data(challenge, &length);
  g_autofree char *text = g_strndup(length > 0 ? data : "", length);
  g_auto(GStrv) parts = g_strsplit(text, ",", -1);
  for (char **part = parts; *part != NULL; part++) {
    guint64 count = 0;
    if (!g_str_has_prefix(*part, "i="))
      continue;
    if (g_ascii_string_to_unsigned(*part + 2, 10, LIMIT_SCRAM_MIN, LIMIT_SCRAM_MAX, &count, NULL))
      return true;
    return error_set(error, POSTINO_ERROR_PROTOCOL,
                     _("the server asks for an absurd number of rounds in SCRAM (sound are %d to "
                       "%d); the password was not sent"),
                     LIMIT_SCRAM_MIN, LIMIT_SCRAM_MAX);
  }
  return error_set(error, POSTINO_ERROR_PROTOCOL, _("the server's SCRAM challenge is broken"));
}

static bool
unproven(GError **error)
{
  return error_set(error, POSTINO_ERROR_AUTH,
                   _("the server did not prove that it knows the password, so it may not be the "
                     "one that it says; nothing was retrieved or sent"));
}

static secret_t *
step_cyrus(struct sasl *sasl, GBytes *challenge, GError **error)
{
  const char *out = NULL;
  unsigned length = 0;
  size_t size;
  const char *data = g_bytes_get_data(challenge, &size);
  bool scram = sasl->mechanism->family == FAMILY_SCRAM;
  if (scram && sasl->steps == 1 && !iterations_are_sane(challenge, error))
    return NULL;
  int rc = sasl_client_step(sasl->cyrus, size > 0 ? data : "", (unsigned)size, NULL, &out, &length);
  if (rc == SASL_OK || rc == SASL_CONTINUE) {
    sasl->done = rc == SASL_OK;
    return out != NULL && length > 0 ? encode(out, length) : secret_new("", 0);
  }
  if (scram && sasl->steps > 1)
    unproven(error);
  else
    error_set(error, POSTINO_ERROR_PROTOCOL, _("the server's %s challenge is broken: %s"),
              sasl->mechanism->name, sasl_errstring(rc, NULL, NULL));
  return NULL;
}

/* More than any mechanism has. */
#define STEPS_MAX 6

secret_t *
sasl_step(struct sasl *sasl, const char *challenge, GError **error)
{
  if (sasl->initial_due)
    return initial_late(sasl);
  g_autoptr(GBytes) data = decode(challenge, error);
  if (data == NULL)
    return NULL;
  sasl->steps++;
  if (sasl->mechanism->family == FAMILY_BEARER && sasl->steps == 1)
    /* The challenge is the failure as JSON; the dummy answer makes the server
     * end the exchange with its refusal. */
    return sasl->mechanism->auth == CONF_AUTH_OAUTHBEARER ? encode("\001", 1)
                                                          : secret_new("", 0);
  if (sasl->steps > STEPS_MAX || sasl->done) {
    error_set(error, POSTINO_ERROR_PROTOCOL, _("the server does not end the %s exchange"),
              sasl->mechanism->name);
    return NULL;
  }
  return step_cyrus(sasl, data, error);
}

enum sasl_rest
sasl_rest(const struct sasl *sasl)
{
  if (sasl->initial_due)
    return SASL_REST_UNKNOWN;
  if (sasl->done)
    return SASL_REST_NOTHING;
  return sasl->mechanism->family == FAMILY_SCRAM && sasl->steps == 1 ? SASL_REST_EMPTY
                                                                     : SASL_REST_UNKNOWN;
}

bool
sasl_finish(struct sasl *sasl, const char *last, GError **error)
{
  if (!sasl->done && last != NULL && *last != '\0') {
    g_autoptr(secret_t) answer = sasl_step(sasl, last, error);
    if (answer == NULL)
      return false;
  }
  if (sasl->done || sasl->mechanism->family != FAMILY_SCRAM)
    return true;
  return unproven(error);
}

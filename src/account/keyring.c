#include <string.h>

#include "account/account.h"
#include "base/error.h"
#include "base/i18n.h"
#include "base/limits.h"
#include "base/sanitize.h"
#include "message/address.h"

/* Seconds that password-command may take: it may ask for a passphrase itself. */
#define COMMAND_SECONDS 60

struct keyring {
  account_ask ask;
  void *data;
  GMutex lock;
  GHashTable *given;        /* "account host user" -> secret */
};

struct keyring *
keyring_new(account_ask ask, void *data)
{
  struct keyring *keyring = g_new0(struct keyring, 1);
  keyring->ask = ask;
  keyring->data = data;
  g_mutex_init(&keyring->lock);
  keyring->given =
      g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)secret_unref);
  return keyring;
}

void
keyring_free(struct keyring *keyring)
{
  if (keyring == NULL)
    return;
  g_hash_table_unref(keyring->given);
  g_mutex_clear(&keyring->lock);
  g_free(keyring);
}

/* Accounts whose servers share a user share the password that was typed. */
static char *
slot_of(const struct conf_account *account, const struct conf_server *server)
{
  return g_strconcat(account->name, "\n", server->user, NULL);
}

/* ---- a command that prints it ---- */

static GSubprocess *
start_command(const char *const *argv, GError **error)
{
  g_autoptr(GError) why = NULL;
  GSubprocess *process = g_subprocess_newv(
      argv, G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE, &why);
  if (process == NULL)
    error_set(error, POSTINO_ERROR_CONFIG, _("cannot run %s: %s"), argv[0], why->message);
  return process;
}

static gboolean
end_waiting(void *cancel)
{
  g_cancellable_cancel(cancel);
  return G_SOURCE_REMOVE;
}

struct run {
  GMainLoop *loop;
  GBytes *out, *err;
  GError *error;
  bool ended;
};

static void
on_output(GObject *source, GAsyncResult *result, void *data)
{
  struct run *run = data;
  run->ended = true;
  (void)g_subprocess_communicate_finish(G_SUBPROCESS(source), result, &run->out, &run->err,
                                        &run->error);
  g_main_loop_quit(run->loop);
}

static void
cancel_other(GCancellable *outer, void *inner)
{
  g_cancellable_cancel(inner);
}

/* Waits for the process's output, for at most COMMAND_SECONDS, in a main context
 * of its own: this runs on a worker. */
static void
collect_output(GSubprocess *process, struct run *run, GCancellable *cancel)
{
  g_autoptr(GMainContext) context = g_main_context_new();
  g_autoptr(GCancellable) inner = g_cancellable_new();
  g_main_context_push_thread_default(context);
  run->loop = g_main_loop_new(context, FALSE);
  gulong handler =
      cancel != NULL ? g_cancellable_connect(cancel, G_CALLBACK(cancel_other), inner, NULL) : 0;
  g_autoptr(GSource) timer = g_timeout_source_new_seconds(COMMAND_SECONDS);
  g_source_set_callback(timer, end_waiting, inner, NULL);
  g_source_attach(timer, context);
  g_subprocess_communicate_async(process, NULL, inner, on_output, run);
  while (!run->ended)
    g_main_context_iteration(context, TRUE);
  g_source_destroy(timer);
  if (handler != 0)
    g_cancellable_disconnect(cancel, handler);
  g_main_loop_unref(run->loop);
  g_main_context_pop_thread_default(context);
}

static secret_t *
first_line(GBytes *output)
{
  gsize length;
  const char *text = g_bytes_get_data(output, &length);
  const char *end = text != NULL ? memchr(text, '\n', length) : NULL;
  gsize size = end != NULL ? (gsize)(end - text) : length;
  if (size > 0 && text[size - 1] == '\r')
    size--;
  return size > 0 ? secret_new(text, size) : NULL;
}

/* What held the password is wiped before it is given back. */
static void
wipe_output(GBytes *output)
{
  gsize length;
  const void *data = output != NULL ? g_bytes_get_data(output, &length) : NULL;
  if (data != NULL)
    secret_wipe((void *)data, length);
}

/* The command's own complaint, on one line. */
static char *
complaint(GBytes *errors)
{
  gsize length = 0;
  const char *text = errors != NULL ? g_bytes_get_data(errors, &length) : NULL;
  g_autofree char *line = sanitize_line(text != NULL ? text : "", (gssize)MIN(length, 200));
  return g_strdup(g_strstrip(line));
}

static secret_t *
judge_output(const char *command, GSubprocess *process, struct run *run, GError **error)
{
  if (run->error != NULL) {
    g_subprocess_force_exit(process);
    error_set(error, POSTINO_ERROR_AUTH, _("%s: no answer in %d seconds"), command,
              COMMAND_SECONDS);
    return NULL;
  }
  g_autofree char *said = complaint(run->err);
  if (!g_subprocess_get_successful(process)) {
    error_set(error, POSTINO_ERROR_AUTH, _("%s failed (%s); run it by hand to see why"), command,
              *said != '\0' ? said : _("it said nothing"));
    return NULL;
  }
  secret_t *secret = first_line(run->out);
  if (secret == NULL)
    error_set(error, POSTINO_ERROR_AUTH,
              _("%s printed no password; its first line of output is what is taken"), command);
  return secret;
}

static secret_t *
run_command(const char *shown, const char *const *argv, GCancellable *cancel, GError **error)
{
  g_autoptr(GSubprocess) process = start_command(argv, error);
  struct run run = {0};
  if (process == NULL)
    return NULL;
  collect_output(process, &run, cancel);
  secret_t *secret = NULL;
  if (g_cancellable_is_cancelled(cancel)) {
    g_subprocess_force_exit(process);
    error_set(error, POSTINO_ERROR_CANCELLED, "%s", _("cancelled"));
  } else
    secret = judge_output(shown, process, &run, error);
  g_clear_error(&run.error);
  wipe_output(run.out);
  g_clear_pointer(&run.out, g_bytes_unref);
  g_clear_pointer(&run.err, g_bytes_unref);
  return secret;
}

/* ---- where it may come from ---- */

static secret_t *
remembered(struct keyring *keyring, const char *slot)
{
  g_mutex_lock(&keyring->lock);
  secret_t *secret = secret_ref(g_hash_table_lookup(keyring->given, slot));
  g_mutex_unlock(&keyring->lock);
  return secret;
}

static void
remember(struct keyring *keyring, const char *slot, secret_t *secret)
{
  g_mutex_lock(&keyring->lock);
  g_hash_table_insert(keyring->given, g_strdup(slot), secret_ref(secret));
  g_mutex_unlock(&keyring->lock);
}

static secret_t *
ask_person(struct keyring *keyring, const struct conf_account *account,
           const struct conf_server *server, GError **error)
{
  g_autofree char *prompt =
      g_strdup_printf(_("Password of %s at %s:"), server->user, server->server);
  secret_t *secret = keyring->ask != NULL ? keyring->ask(prompt, keyring->data) : NULL;
  if (secret == NULL)
    error_set(error, POSTINO_ERROR_AUTH,
              _("no password for account \"%s\"; set password-command or password in the rc file, "
                "or give it when asked"),
              account->name);
  return secret;
}

static secret_t *
from_outside(struct keyring *keyring, const struct conf_account *account,
             const struct conf_server *server, GCancellable *cancel, GError **error)
{
  if (server->password_command != NULL) {
    const char *argv[] = {"/bin/sh", "-c", server->password_command, NULL};
    return run_command("password-command", argv, cancel, error);
  }
  if (account->keyring) {
    const char *argv[] = {"secret-tool", "lookup", "server", server->server,
                          "user",        server->user, NULL};
    return run_command("secret-tool", argv, cancel, error);
  }
  return ask_person(keyring, account, server, error);
}

secret_t *
keyring_password(struct keyring *keyring, const struct conf_account *account,
                 const struct conf_server *server, GCancellable *cancel, GError **error)
{
  if (server->auth == CONF_AUTH_EXTERNAL)
    return secret_new("", 0);
  if (server->password != NULL)
    return secret_ref(server->password);
  g_autofree char *slot = slot_of(account, server);
  secret_t *secret = remembered(keyring, slot);
  if (secret != NULL)
    return secret;
  secret = from_outside(keyring, account, server, cancel, error);
  if (secret != NULL)
    remember(keyring, slot, secret);
  return secret;
}

void
keyring_forget(struct keyring *keyring, const struct conf_account *account,
               const struct conf_server *server)
{
  g_autofree char *slot = slot_of(account, server);
  g_mutex_lock(&keyring->lock);
  g_hash_table_remove(keyring->given, slot);
  g_mutex_unlock(&keyring->lock);
}

/* ---- whose ---- */

static void
add_specs(GPtrArray *specs, const char *written)
{
  g_autoptr(GPtrArray) list = address_parse_typed(written, NULL);
  for (guint i = 0; list != NULL && i < list->len; i++)
    g_ptr_array_add(specs, g_strdup(((struct address *)g_ptr_array_index(list, i))->spec));
}

char **
account_addresses(const struct conf_account *account)
{
  GPtrArray *specs = g_ptr_array_new();
  if (account->from != NULL)
    add_specs(specs, account->from);
  for (char **also = account->also; *also != NULL; also++)
    add_specs(specs, *also);
  g_ptr_array_add(specs, NULL);
  return (char **)g_ptr_array_free(specs, FALSE);
}

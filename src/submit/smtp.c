#include "submit/smtp.h"

#include <string.h>

#include "base/error.h"
#include "base/i18n.h"
#include "base/limits.h"
#include "base/sanitize.h"
#include "base/text.h"
#include "net/auth.h"

/* RFC 4954, 4: a line of AUTH may have so many bytes; a longer initial response
 * waits for its challenge. */
#define AUTH_LINE_MAX 512
/* Seconds for an answer that changes nothing. */
#define LEAVE_SECONDS 5

/* ---- replies ---- */

static bool
not_smtp(const struct smtp *smtp, const char *line, GError **error)
{
  g_autofree char *clean = sanitize_line(line, (gssize)MIN(strlen(line), 200));
  return error_set(error, POSTINO_ERROR_PROTOCOL,
                   _("%s: the server answered \"%s\", which is no SMTP"), smtp->place, clean);
}

/* 421 may come at any time and means that the server leaves (RFC 5321, 3.8). */
static bool
leaves(const struct smtp *smtp, const struct smtp_reply *reply, GError **error)
{
  return error_set(error, POSTINO_ERROR_RETRY, _("%s: the server ends the session: \"%s\""),
                   smtp->place, reply->words);
}

typedef void (*line_fn)(struct smtp *smtp, const char *text, guint line);

static bool
read_lines(struct smtp *smtp, struct smtp_reply *reply, line_fn take, GError **error)
{
  smtp_reply_clear(reply);
  for (;;) {
    const char *line = connection_read_line(smtp->connection, LIMIT_REPLY_LINE, error);
    if (line == NULL)
      return false;
    enum reply_line kind = smtp_reply_take(reply, line);
    if (kind == REPLY_BROKEN)
      return not_smtp(smtp, line, error);
    if (take != NULL && reply->code == 250)
      take(smtp, smtp_reply_text(line), reply->lines);
    if (kind == REPLY_WHOLE)
      return true;
  }
}

bool
smtp_read(struct smtp *smtp, struct smtp_reply *reply, GError **error)
{
  return read_lines(smtp, reply, NULL, error);
}

static bool
refused(const struct smtp *smtp, const struct smtp_reply *reply, bool login, GError **error)
{
  if (reply->code == 421)
    return leaves(smtp, reply, error);
  return error_set(error, smtp_reply_error(reply, login), _("%s: the server refused: \"%s\""),
                   smtp->place, reply->words);
}

/* ---- EHLO ---- */

/* Whatever was learnt before is forgotten.  The name is the address literal of
 * our end: it tells the server nothing that it does not know. */
static bool
greet(struct smtp *smtp, GError **error)
{
  g_auto(smtp_reply_t) reply = {0};
  capability_forget(smtp);
  if (!connection_printf(smtp->connection, error, "EHLO %s\r\n",
                         connection_local_literal(smtp->connection)) ||
      !connection_flush(smtp->connection, error) ||
      !read_lines(smtp, &reply, capability_take, error))
    return false;
  return reply.code == 250 || refused(smtp, &reply, false, error);
}

static bool
start_tls(struct smtp *smtp, GError **error)
{
  g_auto(smtp_reply_t) reply = {0};
  if ((smtp->capabilities & SMTP_STARTTLS) == 0)
    return error_set(error, POSTINO_ERROR_TRUST,
                     _("%s: the server does not offer STARTTLS, so no name, no password and no "
                       "letter was sent to it; try tls = \"implicit\", or ask the provider"),
                     smtp->place);
  if (!connection_printf(smtp->connection, error, "STARTTLS\r\n") ||
      !connection_flush(smtp->connection, error) || !smtp_read(smtp, &reply, error))
    return false;
  if (reply.code == 220)
    return connection_start_tls(smtp->connection, error) && greet(smtp, error);
  if (reply.code / 100 == 4)
    return refused(smtp, &reply, false, error);
  return error_set(error, POSTINO_ERROR_TRUST,
                   _("%s: the server refused TLS (\"%s\"), so nothing was sent to it"),
                   smtp->place, reply.words);
}

static bool
connect_server(struct smtp *smtp, const char *known_key, GCancellable *cancel, GError **error)
{
  const struct conf_server *server = smtp->server;
  g_autofree char *who = g_strdup_printf("%s smtp", smtp->account->name);
  g_auto(smtp_reply_t) reply = {0};
  smtp->place = g_strdup_printf("%s (%s:%d)", who, server->server, server->port);
  smtp->connection = connection_open_server(server, who, known_key, cancel, error);
  if (smtp->connection == NULL || !smtp_read(smtp, &reply, error))
    return false;
  if (reply.code != 220)
    return refused(smtp, &reply, false, error);
  return greet(smtp, error) && (server->tls != CONF_TLS_STARTTLS || start_tls(smtp, error));
}

/* ---- login ---- */

/* The challenge in a reply's line, which may be longer than its words keep. */
static bool
read_challenge(struct smtp *smtp, struct smtp_reply *reply, char **challenge_out, GError **error)
{
  smtp_reply_clear(reply);
  for (;;) {
    const char *line = connection_read_line(smtp->connection, LIMIT_REPLY_LINE * 4, error);
    if (line == NULL)
      return false;
    enum reply_line kind = smtp_reply_take(reply, line);
    if (kind == REPLY_BROKEN)
      return not_smtp(smtp, line, error);
    if (kind == REPLY_MORE)
      continue;
    *challenge_out = g_strdup(smtp_reply_text(line));
    return true;
  }
}

static bool
answer_challenge(struct smtp *smtp, struct sasl *sasl, const char *challenge, GError **error)
{
  g_autoptr(secret_t) answer = sasl_step(sasl, challenge, error);
  if (answer != NULL)
    return auth_write(smtp->connection, "", secret_text(answer), "********", error) &&
           connection_flush(smtp->connection, error);
  g_prefix_error(error, "%s: ", smtp->place);
  return false;
}

static bool
sasl_exchange(struct smtp *smtp, struct sasl *sasl, bool *told_out, GError **error)
{
  for (;;) {
    g_auto(smtp_reply_t) reply = {0};
    g_autofree char *challenge = NULL;
    if (!read_challenge(smtp, &reply, &challenge, error))
      return false;
    if (reply.code == 334) {
      if (!answer_challenge(smtp, sasl, challenge, error))
        return false;
      continue;
    }
    if (reply.code != 235) {
      *told_out = reply.code >= 500;
      return refused(smtp, &reply, true, error);
    }
    if (sasl_finish(sasl, NULL, error))
      return true;
    g_prefix_error(error, "%s: ", smtp->place);
    return false;
  }
}

static bool
login_with(struct smtp *smtp, const secret_t *password, bool *told_out, GError **error)
{
  g_autoptr(sasl_loop_t) sasl = auth_choose(smtp->connection, "smtp", smtp->server, password,
                                            smtp->mechanisms, error);
  if (sasl == NULL) {
    g_prefix_error(error, "%s: ", smtp->place);
    return false;
  }
  smtp->method = g_strdup(sasl_mechanism(sasl));
  return auth_command(smtp->connection, sasl, AUTH_LINE_MAX, error) &&
         connection_flush(smtp->connection, error) &&
         sasl_exchange(smtp, sasl, told_out, error);
}

/* A letter is never handed over unauthenticated where a user is configured. */
static bool
login(struct smtp *smtp, struct keyring *keyring, GCancellable *cancel, GError **error)
{
  bool offered = (smtp->capabilities & SMTP_AUTH) != 0;
  if (smtp->server->user == NULL || (smtp->server->user_assumed && !offered))
    return true;
  if (!offered)
    return error_set(error, POSTINO_ERROR_AUTH,
                     _("%s: the server does not let \"%s\" log in, so nothing was sent; check its "
                       "port and tls, or remove user and password"),
                     smtp->place, smtp->server->user);
  g_autoptr(secret_t) password =
      keyring_password(keyring, smtp->account, smtp->server, cancel, error);
  if (password == NULL)
    return false;
  bool told = false;
  GError *why = NULL;
  if (login_with(smtp, password, &told, &why))
    return true;
  if (!told) {
    g_propagate_error(error, why);
    return false;
  }
  keyring_forget(keyring, smtp->account, smtp->server);
  g_autofree char *sentence =
      g_strdup_printf(_("%s; check user (\"%s\") and password of account \"%s\""), why->message,
                      smtp->server->user, smtp->account->name);
  g_error_free(why);
  return error_set(error, POSTINO_ERROR_AUTH, "%s", sentence);
}

struct smtp *
smtp_open(const struct conf_account *account, struct keyring *keyring, const char *known_key,
          GCancellable *cancel, GError **error)
{
  g_autoptr(smtp_t) smtp = g_new0(struct smtp, 1);
  smtp->account = account;
  smtp->server = account->smtp;
  capability_forget(smtp);
  if (!connect_server(smtp, known_key, cancel, error) || !login(smtp, keyring, cancel, error))
    return NULL;
  return g_steal_pointer(&smtp);
}

void
smtp_close(struct smtp *smtp)
{
  if (smtp == NULL)
    return;
  transaction_free(smtp->ahead);
  connection_close(smtp->connection);
  g_free(smtp->place);
  g_strfreev(smtp->mechanisms);
  g_free(smtp->method);
  g_free(smtp);
}

void
smtp_quit(struct smtp *smtp)
{
  g_autoptr(GError) ignored = NULL;
  connection_set_timeout(smtp->connection, MIN(smtp->server->timeout, LEAVE_SECONDS));
  if (connection_printf(smtp->connection, &ignored, "QUIT\r\n"))
    (void)!connection_flush(smtp->connection, &ignored);
}

#include "retrieve/session-private.h"

#include <string.h>

#include "base/i18n.h"
#include "base/limits.h"
#include "net/auth.h"

/* RFC 5034, 4: a longer AUTH line must not carry the initial response. */
#define AUTH_LINE_MAX 255

/* RFC 6856: where it is offered, letters come as they are, not turned into ASCII, and
 * a name may be UTF-8.  Only before the login; without it all goes on as ever. */
static bool
hear_utf8(struct pop3 *pop3, GError **error)
{
  g_autoptr(GError) refused = NULL;
  pop3->utf8_asked = false;
  if (pop3_answer(pop3, POSTINO_ERROR_REFUSED, &refused) != POP3_DEAD)
    return true;
  g_propagate_error(error, g_steal_pointer(&refused));
  return false;
}

static bool
speak_utf8(struct pop3 *pop3, GError **error)
{
  if ((pop3->capabilities & POP3_UTF8) == 0)
    return true;
  if (!pop3_send(pop3, error, "UTF8"))
    return false;
  pop3->utf8_asked = true;
  return pop3_pipelines(pop3) ||
         (connection_flush(pop3->connection, error) && hear_utf8(pop3, error));
}

static bool
flush_login(struct pop3 *pop3, GError **error)
{
  return connection_flush(pop3->connection, error) &&
         (!pop3->utf8_asked || hear_utf8(pop3, error));
}

/* Our last word of the login was queued: what comes after it goes along, where the
 * server takes that. */
static bool
send_last_word(struct pop3 *pop3, GError **error)
{
  if (pop3->may_list && pop3_pipelines(pop3)) {
    if (!pop3_send(pop3, error, "CAPA") || !pop3_send(pop3, error, "LIST") ||
        !pop3_send(pop3, error, "UIDL"))
      return false;
    pop3->listed = true;
  }
  return flush_login(pop3, error);
}

/* An answer of the SASL exchange was queued. */
static bool
send_sasl(struct pop3 *pop3, const struct sasl *sasl, GError **error)
{
  enum sasl_rest rest = sasl_rest(sasl);
  bool ahead = pop3->may_list && pop3_pipelines(pop3);
  if (rest == SASL_REST_UNKNOWN || (rest == SASL_REST_EMPTY && !ahead))
    return flush_login(pop3, error);
  /* Nothing that follows gives anything away to a server without proof, and nothing is
   * believed before it. */
  if (rest == SASL_REST_EMPTY) {
    pop3->proof_taken = true;
    if (!pop3_send(pop3, error, "%s", ""))
      return false;
  }
  return send_last_word(pop3, error);
}

/* One round of the SASL exchange: what the server says and our answer to it. */
static bool
sasl_round(struct pop3 *pop3, struct sasl *sasl, const char *line, GError **error)
{
  g_autoptr(secret_t) answer = sasl_step(sasl, line[1] == ' ' ? line + 2 : line + 1, error);
  if (answer != NULL)
    return pop3->proof_taken ||
           (auth_write(pop3->connection, "", secret_text(answer), "********", error) &&
            send_sasl(pop3, sasl, error));
  g_prefix_error(error, "%s: ", pop3->place);
  return false;
}

static bool
sasl_exchange(struct pop3 *pop3, struct sasl *sasl, GError **error)
{
  for (;;) {
    const char *line = connection_read_line(pop3->connection, LIMIT_REPLY_LINE * 4, error);
    if (line == NULL)
      return false;
    if (*line == '+' && !pop3_has_status(line, "+OK")) {
      if (!sasl_round(pop3, sasl, line, error))
        return false;
      continue;
    }
    if (pop3_judge(pop3, line, POSTINO_ERROR_AUTH, error) != POP3_YES)
      return false;
    if (sasl_finish(sasl, NULL, error))
      return true;
    g_prefix_error(error, "%s: ", pop3->place);
    return false;
  }
}

static bool
login_sasl(struct pop3 *pop3, struct sasl *sasl, GError **error)
{
  pop3->method = g_strdup(sasl_mechanism(sasl));
  return auth_command(pop3->connection, sasl, AUTH_LINE_MAX, error) &&
         send_sasl(pop3, sasl, error) && sasl_exchange(pop3, sasl, error);
}

static bool
login_user_at_once(struct pop3 *pop3, const secret_t *password, GError **error)
{
  if (!pop3_send(pop3, error, "USER %s", pop3->server->user) ||
      !auth_write(pop3->connection, "PASS ", secret_text(password), "PASS ********", error) ||
      !send_last_word(pop3, error))
    return false;
  enum pop3_answer user = pop3_answer(pop3, POSTINO_ERROR_AUTH, error);
  return user != POP3_DEAD &&
         pop3_answer(pop3, POSTINO_ERROR_AUTH, user == POP3_YES ? error : NULL) == POP3_YES &&
         user == POP3_YES;
}

static bool
login_user(struct pop3 *pop3, const secret_t *password, GError **error)
{
  if (!auth_is_confidential(pop3->connection, pop3->server))
    return error_set(error, POSTINO_ERROR_AUTH,
                     _("%s: the connection is not encrypted, so the password was not sent; set "
                       "tls = \"implicit\" or \"starttls\""),
                     pop3->place);
  if (strpbrk(secret_text(password), "\r\n") != NULL)
    return error_set(error, POSTINO_ERROR_AUTH, _("%s: the password holds a line end"),
                     pop3->place);
  pop3->method = g_strdup("USER");
  if (pop3->may_list && pop3_pipelines(pop3))
    return login_user_at_once(pop3, password, error);
  return pop3_send(pop3, error, "USER %s", pop3->server->user) && flush_login(pop3, error) &&
         pop3_answer(pop3, POSTINO_ERROR_AUTH, error) == POP3_YES &&
         auth_write(pop3->connection, "PASS ", secret_text(password), "PASS ********", error) &&
         send_last_word(pop3, error) &&
         pop3_answer(pop3, POSTINO_ERROR_AUTH, error) == POP3_YES;
}

static bool
login_apop(struct pop3 *pop3, const secret_t *password, GError **error)
{
  if (pop3->stamp == NULL)
    return error_set(error, POSTINO_ERROR_AUTH,
                     _("%s: the server offers no APOP; set auth = \"auto\""), pop3->place);
  pop3->method = g_strdup("APOP");
  g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_MD5);
  g_checksum_update(sum, (const guchar *)pop3->stamp, -1);
  g_checksum_update(sum, (const guchar *)secret_text(password), (gssize)secret_length(password));
  g_autofree char *prefix = g_strdup_printf("APOP %s ", pop3->server->user);
  return auth_write(pop3->connection, prefix, g_checksum_get_string(sum), "APOP ********", error) &&
         send_last_word(pop3, error) &&
         pop3_answer(pop3, POSTINO_ERROR_AUTH, error) == POP3_YES;
}

/* With AUTO a server without any mechanism of ours is met as RFC 1939 has it. */
static bool
wants_user(const struct pop3 *pop3, const GError *why)
{
  return pop3->server->auth == CONF_AUTH_USER ||
         (pop3->server->auth == CONF_AUTH_AUTO && error_is(why, POSTINO_ERROR_AUTH) &&
          ((pop3->capabilities & POP3_USER) != 0 || (pop3->capabilities & POP3_SASL) == 0));
}

static bool
login_with(struct pop3 *pop3, const secret_t *password, GError **error)
{
  if (pop3->server->auth == CONF_AUTH_APOP)
    return login_apop(pop3, password, error);
  if (pop3->server->auth == CONF_AUTH_USER)
    return login_user(pop3, password, error);
  g_autoptr(GError) why = NULL;
  g_autoptr(sasl_loop_t) sasl = auth_choose(pop3->connection, "pop", pop3->server, password,
                                            pop3->mechanisms, &why);
  if (sasl != NULL)
    return login_sasl(pop3, sasl, error);
  if (wants_user(pop3, why))
    return login_user(pop3, password, error);
  g_propagate_prefixed_error(error, g_steal_pointer(&why), "%s: ", pop3->place);
  return false;
}

bool
pop3_login(struct pop3 *pop3, struct keyring *keyring, GCancellable *cancel, GError **error)
{
  if (pop3->server->user == NULL || strpbrk(pop3->server->user, "\r\n") != NULL)
    return error_set(error, POSTINO_ERROR_CONFIG, _("%s: no user is set"), pop3->place);
  g_autoptr(secret_t) password =
      keyring_password(keyring, pop3->account, pop3->server, cancel, error);
  if (password == NULL || !speak_utf8(pop3, error))
    return false;
  GError *why = NULL;
  if (login_with(pop3, password, &why))
    return true;
  /* Refused by the server, that is; what could not be tried is no news of the password. */
  if (error_is(why, POSTINO_ERROR_AUTH) && pop3->method != NULL) {
    keyring_forget(keyring, pop3->account, pop3->server);
    g_autofree char *hint = g_strdup_printf(
        _("; check user (\"%s\") and password of account \"%s\""), pop3->server->user,
        pop3->account->name);
    g_autofree char *sentence = g_strconcat(why->message, hint, NULL);
    g_clear_error(&why);
    return error_set(error, POSTINO_ERROR_AUTH, "%s", sentence);
  }
  g_propagate_error(error, why);
  return false;
}

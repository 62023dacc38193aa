#include "retrieve/session-private.h"

#include <string.h>

#include "base/i18n.h"
#include "base/limits.h"

/* Seconds that a server which did not take a pipelined login is served step by step. */
#define STEPS_SECONDS (24 * 60 * 60)

/* ---- greeting and TLS ---- */

char *
pop3_stamp(const char *line)
{
  const char *from = strchr(line, '<');
  const char *to = from != NULL ? strchr(from, '>') : NULL;
  if (to == NULL)
    return NULL;
  for (const char *at = from; at <= to; at++)
    if (*at <= 0x20 || *at >= 0x7f)
      return NULL;
  return g_strndup(from, (gsize)(to - from) + 1);
}

static bool
read_greeting(struct pop3 *pop3, GError **error)
{
  const char *line = connection_read_line(pop3->connection, LIMIT_REPLY_LINE, error);
  if (line == NULL || pop3_judge(pop3, line, POSTINO_ERROR_RETRY, error) != POP3_YES)
    return false;
  pop3->stamp = pop3_stamp(line);
  return true;
}

static bool
no_tls(const struct pop3 *pop3, GError **error)
{
  return error_set(error, POSTINO_ERROR_TRUST,
                   _("%s: the server does not offer TLS by STLS, so no name and no password was "
                     "sent to it; try tls = \"implicit\", or ask the provider"),
                   pop3->place);
}

/* Words that come before they are asked for are somebody else's. */
static bool
nothing_waits(const struct pop3 *pop3, GError **error)
{
  return !connection_has_input(pop3->connection) ||
         pop3_broken(pop3, _("the server sent words before TLS began; somebody may sit between, "
                             "so nothing was sent to it"), error);
}

/* Nothing but STLS is said before TLS, and nothing heard before it is believed. */
static bool
start_tls(struct pop3 *pop3, GError **error)
{
  if (!nothing_waits(pop3, error) || !pop3_ask_capabilities(pop3, error))
    return false;
  if ((pop3->capabilities & POP3_CAPA) != 0 && (pop3->capabilities & POP3_STLS) == 0)
    return no_tls(pop3, error);
  if (!nothing_waits(pop3, error))
    return false;
  g_autoptr(GError) refused = NULL;
  enum pop3_answer answer = pop3_ask(pop3, "STLS", POSTINO_ERROR_TRUST, &refused);
  if (answer == POP3_NO)
    return no_tls(pop3, error);
  if (answer == POP3_DEAD) {
    g_propagate_error(error, g_steal_pointer(&refused));
    return false;
  }
  g_clear_pointer(&pop3->stamp, g_free);
  pop3_forget_capabilities(pop3);
  return connection_start_tls(pop3->connection, error);
}

static bool
connect_server(struct pop3 *pop3, const char *known_key, GCancellable *cancel, GError **error)
{
  const struct conf_server *server = pop3->server;
  g_autofree char *who = g_strdup_printf("%s pop3", pop3->account->name);
  pop3->place = g_strdup_printf("%s (%s:%d)", who, server->server, server->port);
  pop3->connection = connection_open_server(server, who, known_key, cancel, error);
  return pop3->connection != NULL && read_greeting(pop3, error) &&
         (server->tls != CONF_TLS_STARTTLS || start_tls(pop3, error));
}

/* ---- what one session tells the next ---- */

/* "tls 121 SCRAM-SHA-256 PLAIN": what was offered before the login, and how. */
static char *
memory_of_offer(const struct pop3 *pop3)
{
  g_autofree char *mechanisms = g_strjoinv(" ", pop3->mechanisms);
  return g_strdup_printf("%s %u %s", connection_is_tls(pop3->connection) ? "tls" : "clear",
                         pop3->capabilities, mechanisms);
}

char *
pop3_memory_of_steps(void)
{
  return g_strdup_printf("steps %" G_GINT64_FORMAT,
                         g_get_real_time() / G_USEC_PER_SEC + STEPS_SECONDS);
}

static bool
goes_by_steps(const char *memory)
{
  gint64 left = memory != NULL && g_str_has_prefix(memory, "steps ")
                    ? g_ascii_strtoll(memory + 6, NULL, 10) - g_get_real_time() / G_USEC_PER_SEC
                    : 0;
  return left > 0 && left <= STEPS_SECONDS;
}

/* Takes an earlier session's word for what the server offers, where it spares a round
 * trip; what comes behind the login tells whether it still holds. */
static bool
assume_offer(struct pop3 *pop3, const char *memory)
{
  g_auto(GStrv) words = g_strsplit(memory != NULL ? memory : "", " ", 100);
  guint64 bits;
  if (!pop3->may_list || words[0] == NULL || words[1] == NULL ||
      !g_str_equal(words[0], connection_is_tls(pop3->connection) ? "tls" : "clear") ||
      !g_ascii_string_to_unsigned(words[1], 10, 0, G_MAXUINT32, &bits, NULL) ||
      (bits & POP3_PIPELINING) == 0)
    return false;
  pop3_forget_capabilities(pop3);
  pop3->capabilities = (unsigned)bits;
  g_strfreev(pop3->mechanisms);
  pop3->mechanisms = g_strdupv(words + 2);
  pop3->assumed = true;
  return true;
}

static bool
learn_offer(struct pop3 *pop3, const char *memory, GError **error)
{
  if (assume_offer(pop3, memory))
    return true;
  if (!pop3_ask_capabilities(pop3, error))
    return false;
  g_autofree char *now = memory_of_offer(pop3);
  if (pop3->may_list && g_strcmp0(now, memory) != 0)
    pop3->memory = g_steal_pointer(&now);
  return true;
}

/* The server refused a login that it was thought to offer: does it offer it still, so
 * that the refusal means the password? */
static bool
offers_it_still(struct pop3 *pop3)
{
  g_autofree char *method = g_strdup(pop3->method);
  g_autoptr(GError) ignored = NULL;
  if (pop3->proof_taken && pop3_answer(pop3, POSTINO_ERROR_REFUSED, NULL) == POP3_DEAD)
    return false;
  bool heard = pop3->listed ? pop3_read_capabilities(pop3, &ignored)
                            : pop3_ask_capabilities(pop3, &ignored);
  if (!heard || (pop3->capabilities & POP3_CAPA) == 0)
    return false;
  if (g_strcmp0(method, "USER") == 0)
    return (pop3->capabilities & (POP3_USER | POP3_SASL)) != POP3_SASL;
  return g_strv_contains((const char *const *)pop3->mechanisms, method);
}

/* ---- the whole ---- */

static struct pop3 *
pop3_new(const struct pop3_options *options)
{
  struct pop3 *pop3 = g_new0(struct pop3, 1);
  pop3->account = options->account;
  pop3->server = options->account->pop3;
  pop3->expire = -1;
  pop3->mechanisms = g_new0(char *, 1);
  pop3->may_list = options->list && !goes_by_steps(options->memory);
  return pop3;
}

/* One connection.  *again_out: it failed by what an earlier session remembered, so that
 * another may do better without. */
static struct pop3 *
try_open(const struct pop3_options *options, const char *memory, bool *again_out, char **memory_out,
         GCancellable *cancel, GError **error)
{
  g_autoptr(pop3_t) pop3 = pop3_new(options);
  GError *why = NULL;
  *again_out = false;
  if (connect_server(pop3, options->known_key, cancel, &why) && learn_offer(pop3, memory, &why) &&
      pop3_login(pop3, options->keyring, cancel, &why)) {
    *memory_out = g_steal_pointer(&pop3->memory);
    return g_steal_pointer(&pop3);
  }
  bool sure = !error_is(why, POSTINO_ERROR_AUTH);
  if (pop3->listed && (error_is(why, POSTINO_ERROR_RETRY) || error_is(why, POSTINO_ERROR_PROTOCOL)))
    *memory_out = pop3_memory_of_steps();
  else if (pop3->assumed && !sure)
    *again_out = !offers_it_still(pop3);
  g_propagate_error(error, why);
  return NULL;
}

struct pop3 *
pop3_open(const struct pop3_options *options, char **memory_out, GCancellable *cancel,
          GError **error)
{
  g_autoptr(GError) why = NULL;
  bool again;
  *memory_out = NULL;
  struct pop3 *pop3 = try_open(options, options->memory, &again, memory_out, cancel, &why);
  if (pop3 == NULL && again) {
    g_clear_error(&why);
    pop3 = try_open(options, NULL, &again, memory_out, cancel, &why);
  }
  if (pop3 == NULL)
    g_propagate_error(error, g_steal_pointer(&why));
  return pop3;
}

void
pop3_close(struct pop3 *pop3)
{
  if (pop3 == NULL)
    return;
  connection_close(pop3->connection);
  g_free(pop3->place);
  g_free(pop3->stamp);
  g_strfreev(pop3->mechanisms);
  g_free(pop3->method);
  g_free(pop3->ahead_line);
  g_free(pop3->memory);
  g_free(pop3);
}

bool
pop3_quit(struct pop3 *pop3, GError **error)
{
  return pop3_ask(pop3, "QUIT", POSTINO_ERROR_RETRY, error) == POP3_YES;
}

void
pop3_leave(struct pop3 *pop3)
{
  (void)!(pop3_send(pop3, NULL, "QUIT") && connection_flush(pop3->connection, NULL));
}

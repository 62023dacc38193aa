#include "retrieve/session.h"

#include <string.h>

#include "base/error.h"
#include "base/i18n.h"
#include "base/limits.h"
#include "base/sanitize.h"
#include "base/text.h"
#include "net/auth.h"

/* RFC 5034, 4: a longer AUTH line must not carry the initial response. */
#define AUTH_LINE_MAX 255
/* Seconds that a server which did not take a pipelined login is served step by step. */
#define STEPS_SECONDS (24 * 60 * 60)
/* Seconds between two logins that a server may ask for. */
#define LOGIN_DELAY_MAX 3600

/* ---- status lines ---- */

struct code {
  const char *code;
  enum postino_error error;
  const char *meaning;      /* N_(); NULL: the login says it */
};
static const struct code codes[] = {
    {"AUTH", POSTINO_ERROR_AUTH, NULL},
    {"SYS/PERM", POSTINO_ERROR_REFUSED, N_("this does not pass by itself: ask the provider")},
    {"SYS/TEMP", POSTINO_ERROR_RETRY, N_("a fault of the server's that should pass; try again later")},
    {"IN-USE", POSTINO_ERROR_RETRY,
     N_("another program is reading this mailbox, or a cut line is not forgotten there yet; try "
        "again in some minutes")},
    {"LOGIN-DELAY", POSTINO_ERROR_RETRY,
     N_("it wants more time between two logins; fetch less often")},
};

/* The row of a response code (RFC 2449, 3206), or NULL. */
static const struct code *
code_of(const char *text)
{
  const char *end = *text == '[' ? strchr(text, ']') : NULL;
  if (end == NULL)
    return NULL;
  g_autofree char *code = g_strndup(text + 1, (gsize)(end - text - 1));
  for (size_t i = 0; i < G_N_ELEMENTS(codes); i++)
    if (text_ascii_equal(code, codes[i].code))
      return &codes[i];
  return NULL;
}

enum postino_error
pop3_code(const char *text, enum postino_error otherwise)
{
  const struct code *code = code_of(text);
  return code != NULL ? code->error : otherwise;
}

bool
pop3_broken(const struct pop3 *pop3, const char *sentence, GError **error)
{
  return error_set(error, POSTINO_ERROR_PROTOCOL, "%s: %s", pop3->place, sentence);
}

static char *
quoted(const char *text)
{
  g_autofree char *clean = sanitize_line(text, MIN((gssize)strlen(text), 300));
  g_strstrip(clean);
  return *clean != '\0' ? g_strdup_printf("\"%s\"", clean) : g_strdup(_("without a word"));
}

static const char *
status_words(const char *line, const char *status)
{
  line += strlen(status);
  return *line == ' ' ? line + 1 : line;
}

static bool
has_status(const char *line, const char *status)
{
  size_t length = strlen(status);
  return g_ascii_strncasecmp(line, status, length) == 0 &&
         (line[length] == '\0' || line[length] == ' ' || line[length] == '\t');
}

/* Tells an answer from words that are none, and fills `error` for those. */
static enum pop3_answer
judge(const struct pop3 *pop3, const char *line, enum postino_error otherwise, GError **error)
{
  if (has_status(line, "+OK"))
    return POP3_YES;
  if (has_status(line, "-ERR")) {
    const char *words = status_words(line, "-ERR");
    g_autofree char *quote = quoted(words);
    const struct code *code = code_of(words);
    bool meant = code != NULL && code->meaning != NULL;
    error_set(error, pop3_code(words, otherwise), _("%s: the server refused, %s%s%s"), pop3->place,
              quote, meant ? "; " : "", meant ? _(code->meaning) : "");
    return POP3_NO;
  }
  g_autofree char *quote = quoted(line);
  error_set(error, POSTINO_ERROR_PROTOCOL, _("%s: the server answered %s, which is no POP3"),
            pop3->place, quote);
  return POP3_DEAD;
}

static const char *
read_status(struct pop3 *pop3, GError **error)
{
  if (!pop3->ahead)
    return connection_read_line(pop3->connection, LIMIT_REPLY_LINE, error);
  pop3->ahead = false;
  return pop3->ahead_line;
}

enum pop3_answer
pop3_answer(struct pop3 *pop3, enum postino_error otherwise, GError **error)
{
  const char *line = read_status(pop3, error);
  return line == NULL ? POP3_DEAD : judge(pop3, line, otherwise, error);
}

bool
pop3_look_ahead(struct pop3 *pop3, GError **error)
{
  const char *line = connection_read_line(pop3->connection, LIMIT_REPLY_LINE, error);
  if (line == NULL)
    return false;
  g_autoptr(GError) refused = NULL;
  if (judge(pop3, line, POSTINO_ERROR_REFUSED, &refused) == POP3_DEAD) {
    g_propagate_error(error, g_steal_pointer(&refused));
    return false;
  }
  g_free(pop3->ahead_line);
  pop3->ahead_line = g_strdup(line);
  pop3->ahead = true;
  return true;
}

bool
pop3_send(struct pop3 *pop3, GError **error, const char *format, ...)
{
  va_list ap;
  va_start(ap, format);
  g_autofree char *command = g_strdup_vprintf(format, ap);
  va_end(ap);
  return connection_printf(pop3->connection, error, "%s\r\n", command);
}

/* Sends one command and reads its status line. */
static enum pop3_answer
ask(struct pop3 *pop3, const char *command, enum postino_error otherwise, GError **error)
{
  if (!pop3_send(pop3, error, "%s", command) || !connection_flush(pop3->connection, error))
    return POP3_DEAD;
  return pop3_answer(pop3, otherwise, error);
}

const char *
pop3_next(struct pop3 *pop3, bool *end_out, GError **error)
{
  const char *line = connection_read_line(pop3->connection, LIMIT_REPLY_LINE, error);
  *end_out = line != NULL && g_str_equal(line, ".");
  if (line == NULL || *end_out)
    return NULL;
  return *line == '.' ? line + 1 : line;
}

bool
pop3_pipelines(const struct pop3 *pop3)
{
  return (pop3->capabilities & POP3_PIPELINING) != 0;
}

/* ---- capabilities (RFC 2449) ---- */

static const struct { const char *name; enum pop3_capability bit; } capabilities[] = {
    {"TOP", POP3_TOP},   {"UIDL", POP3_UIDL},             {"USER", POP3_USER},
    {"STLS", POP3_STLS}, {"PIPELINING", POP3_PIPELINING}, {"SASL", POP3_SASL},
    {"UTF8", POP3_UTF8},
};

void
pop3_take_capability(struct pop3 *pop3, const char *line)
{
  g_auto(GStrv) words = g_strsplit_set(line, " \t", 100);
  for (size_t i = 0; i < G_N_ELEMENTS(capabilities); i++)
    if (text_ascii_equal(words[0] != NULL ? words[0] : "", capabilities[i].name))
      pop3->capabilities |= capabilities[i].bit;
  if (words[0] == NULL)
    return;
  if (text_ascii_equal(words[0], "SASL")) {
    g_strfreev(pop3->mechanisms);
    pop3->mechanisms = g_strdupv(words + 1);
  }
  guint64 days, seconds;
  if (text_ascii_equal(words[0], "LOGIN-DELAY") && words[1] != NULL &&
      g_ascii_string_to_unsigned(words[1], 10, 0, LOGIN_DELAY_MAX, &seconds, NULL))
    pop3->login_delay = (int)seconds;
  if (text_ascii_equal(words[0], "EXPIRE") && words[1] != NULL &&
      g_ascii_string_to_unsigned(words[1], 10, 0, 100000, &days, NULL))
    pop3->expire = (int)days;
}

static void
forget_capabilities(struct pop3 *pop3)
{
  pop3->capabilities = 0;
  pop3->expire = -1;
  pop3->login_delay = 0;
  g_strfreev(pop3->mechanisms);
  pop3->mechanisms = g_new0(char *, 1);
}

bool
pop3_read_capabilities(struct pop3 *pop3, GError **error)
{
  g_autoptr(GError) refused = NULL;
  enum pop3_answer answer = pop3_answer(pop3, POSTINO_ERROR_REFUSED, &refused);
  if (answer == POP3_DEAD) {
    g_propagate_error(error, g_steal_pointer(&refused));
    return false;
  }
  forget_capabilities(pop3);
  if (answer == POP3_NO)
    return true;
  pop3->capabilities = POP3_CAPA;
  bool end = false;
  for (guint lines = 0;; lines++) {
    const char *line = pop3_next(pop3, &end, error);
    if (line == NULL)
      return end;
    if (lines >= LIMIT_REPLY_LINES)
      return pop3_broken(pop3, _("the server's list of capabilities does not end"), error);
    pop3_take_capability(pop3, line);
  }
}

static bool
ask_capabilities(struct pop3 *pop3, GError **error)
{
  return pop3_send(pop3, error, "CAPA") && connection_flush(pop3->connection, error) &&
         pop3_read_capabilities(pop3, error);
}

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
  if (line == NULL || judge(pop3, line, POSTINO_ERROR_RETRY, error) != POP3_YES)
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
  if (!nothing_waits(pop3, error) || !ask_capabilities(pop3, error))
    return false;
  if ((pop3->capabilities & POP3_CAPA) != 0 && (pop3->capabilities & POP3_STLS) == 0)
    return no_tls(pop3, error);
  if (!nothing_waits(pop3, error))
    return false;
  g_autoptr(GError) refused = NULL;
  enum pop3_answer answer = ask(pop3, "STLS", POSTINO_ERROR_TRUST, &refused);
  if (answer == POP3_NO)
    return no_tls(pop3, error);
  if (answer == POP3_DEAD) {
    g_propagate_error(error, g_steal_pointer(&refused));
    return false;
  }
  g_clear_pointer(&pop3->stamp, g_free);
  forget_capabilities(pop3);
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

/* ---- login ---- */

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
    if (*line == '+' && !has_status(line, "+OK")) {
      if (!sasl_round(pop3, sasl, line, error))
        return false;
      continue;
    }
    if (judge(pop3, line, POSTINO_ERROR_AUTH, error) != POP3_YES)
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

static bool
login(struct pop3 *pop3, struct keyring *keyring, GCancellable *cancel, GError **error)
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
  forget_capabilities(pop3);
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
  if (!ask_capabilities(pop3, error))
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
  if ((pop3->proof_taken && pop3_answer(pop3, POSTINO_ERROR_REFUSED, NULL) == POP3_DEAD) ||
      !(pop3->listed ? pop3_read_capabilities(pop3, &ignored) : ask_capabilities(pop3, &ignored)) ||
      (pop3->capabilities & POP3_CAPA) == 0)
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
      login(pop3, options->keyring, cancel, &why)) {
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
  return ask(pop3, "QUIT", POSTINO_ERROR_RETRY, error) == POP3_YES;
}

void
pop3_leave(struct pop3 *pop3)
{
  (void)!(pop3_send(pop3, NULL, "QUIT") && connection_flush(pop3->connection, NULL));
}

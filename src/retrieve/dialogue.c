#include "retrieve/session-private.h"

#include <string.h>

#include "base/i18n.h"
#include "base/limits.h"
#include "base/sanitize.h"
#include "base/text.h"

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

bool
pop3_has_status(const char *line, const char *status)
{
  size_t length = strlen(status);
  return g_ascii_strncasecmp(line, status, length) == 0 &&
         (line[length] == '\0' || line[length] == ' ' || line[length] == '\t');
}

/* Tells an answer from words that are none, and fills `error` for those. */
enum pop3_answer
pop3_judge(const struct pop3 *pop3, const char *line, enum postino_error otherwise, GError **error)
{
  if (pop3_has_status(line, "+OK"))
    return POP3_YES;
  if (pop3_has_status(line, "-ERR")) {
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
  return line == NULL ? POP3_DEAD : pop3_judge(pop3, line, otherwise, error);
}

bool
pop3_look_ahead(struct pop3 *pop3, GError **error)
{
  const char *line = connection_read_line(pop3->connection, LIMIT_REPLY_LINE, error);
  if (line == NULL)
    return false;
  g_autoptr(GError) refused = NULL;
  if (pop3_judge(pop3, line, POSTINO_ERROR_REFUSED, &refused) == POP3_DEAD) {
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
enum pop3_answer
pop3_ask(struct pop3 *pop3, const char *command, enum postino_error otherwise, GError **error)
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

/* "RETR 123456" with its line end, and what TLS adds. */
#define COMMAND_BYTES 16
/* What both sides can keep in any case. */
#define COMMANDS_FEW 256

guint
pop3_room(const struct pop3 *pop3)
{
  return (guint)MAX(connection_room(pop3->connection) / COMMAND_BYTES, COMMANDS_FEW);
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

void
pop3_forget_capabilities(struct pop3 *pop3)
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
  pop3_forget_capabilities(pop3);
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

bool
pop3_ask_capabilities(struct pop3 *pop3, GError **error)
{
  return pop3_send(pop3, error, "CAPA") && connection_flush(pop3->connection, error) &&
         pop3_read_capabilities(pop3, error);
}

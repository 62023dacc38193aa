/* SMTP on standard input and output, as programs speak it with "sendmail -bs": each
 * letter that is answered with 250 lies safely in the outbox. */
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/sanitize.h"
#include "base/text.h"
#include "ui/cli/cli.h"

/* RFC 5321, 4.5.3.1: a command's length, with room for parameters; far above what a
 * letter's line may have, which is longer all the same. */
#define LINE_MAX_BYTES LIMIT_KIB(64)
#define RECIPIENTS_MAX 10000
#define FAULTS_MAX 100

struct session {
  struct cli *cli;
  const struct send_options *given;
  char *from;               /* NULL: no letter was begun */
  GPtrArray *recipients;    /* char * */
  char *notify, *ret;       /* wishes for reports; NULL */
  GString *line;
  guint letters, faults;
  bool over;
};

static void
answer(struct session *session, const char *text)
{
  session->faults += *text == '5';
  fputs(text, stdout);
  fputs("\r\n", stdout);
  fflush(stdout);
}

/* Without its end.  False at the end of the input; what is too long is cut. */
static bool
read_line(struct session *session)
{
  int c;
  bool any = false;
  g_string_truncate(session->line, 0);
  while ((c = getc_unlocked(stdin)) != EOF && c != '\n') {
    any = true;
    if (session->line->len < LINE_MAX_BYTES)
      g_string_append_c(session->line, (char)c);
  }
  GString *line = session->line;
  if (line->len > 0 && line->str[line->len - 1] == '\r')
    g_string_truncate(line, line->len - 1);
  return any || c == '\n';
}

static void
reset(struct session *session)
{
  g_clear_pointer(&session->from, g_free);
  g_clear_pointer(&session->notify, g_free);
  g_clear_pointer(&session->ret, g_free);
  g_ptr_array_set_size(session->recipients, 0);
}

/* ---- the envelope ---- */

/* "FROM:<a@b> X=Y": the path, and the parameters in *words_out. */
static char *
read_path(const char *text, const char *word, char ***words_out)
{
  if (g_ascii_strncasecmp(text, word, strlen(word)) != 0)
    return NULL;
  text += strlen(word) + strspn(text + strlen(word), " ");
  const char *close = *text == '<' ? text + 1 : NULL;
  for (bool quoted = false; close != NULL && (*close != '>' || quoted); close++) {
    if (*close == '\0')
      return NULL;
    quoted ^= *close == '"';
    close += *close == '\\' && close[1] != '\0';
  }
  if (close == NULL || (close[1] != '\0' && close[1] != ' '))
    return NULL;
  *words_out = g_strsplit(close + 1, " ", -1);
  return g_strndup(text + 1, (gsize)(close - text - 1));
}

static bool
take_value(const char *word, const char *name, char **value_out)
{
  if (g_ascii_strncasecmp(word, name, strlen(name)) != 0)
    return false;
  if (value_out != NULL && *value_out == NULL)
    *value_out = g_ascii_strup(word + strlen(name), -1);
  return true;
}

static bool
take_mail_parameter(struct session *session, const char *word, guint64 *size_out)
{
  if (g_ascii_strncasecmp(word, "SIZE=", 5) == 0)
    return g_ascii_string_to_unsigned(word + 5, 10, 0, G_MAXINT64, size_out, NULL);
  return *word == '\0' || take_value(word, "BODY=", NULL) || take_value(word, "SMTPUTF8", NULL) ||
         take_value(word, "ENVID=", NULL) || take_value(word, "AUTH=", NULL) ||
         ((text_ascii_equal(word, "RET=FULL") || text_ascii_equal(word, "RET=HDRS")) &&
          take_value(word, "RET=", &session->ret));
}

static void
do_mail(struct session *session, const char *argument)
{
  g_auto(GStrv) words = NULL;
  g_autofree char *path = read_path(argument, "FROM:", &words);
  guint64 size = 0;
  if (session->from != NULL || path == NULL) {
    answer(session, path == NULL ? "501 5.5.4 MAIL FROM:<address>" : "503 5.5.1 one letter at a time");
    return;
  }
  for (char **word = words; *word != NULL; word++)
    if (!take_mail_parameter(session, *word, &size)) {
      answer(session, "555 5.5.4 unknown parameter");
      return;
    }
  if (size > LIMIT_MESSAGE) {
    answer(session, "552 5.3.4 too large");
    return;
  }
  session->from = g_steal_pointer(&path);
  answer(session, "250 2.1.0 ok");
}

/* One wish holds for all recipients of a letter: the first that is told. */
static void
do_rcpt(struct session *session, const char *argument)
{
  g_auto(GStrv) words = NULL;
  g_autofree char *path = read_path(argument, "TO:", &words);
  if (session->from == NULL || path == NULL || *path == '\0') {
    answer(session, session->from == NULL ? "503 5.5.1 MAIL comes first" : "501 5.5.4 RCPT TO:<address>");
    return;
  }
  for (char **word = words; *word != NULL; word++)
    if (**word != '\0' && !take_value(*word, "NOTIFY=", &session->notify) &&
        !take_value(*word, "ORCPT=", NULL)) {
      answer(session, "555 5.5.4 unknown parameter");
      return;
    }
  if (session->recipients->len >= RECIPIENTS_MAX) {
    answer(session, "452 4.5.3 too many recipients");
    return;
  }
  g_ptr_array_add(session->recipients, g_steal_pointer(&path));
  answer(session, "250 2.1.5 ok");
}

/* ---- the letter ---- */

static char *
wishes_of(const struct session *session)
{
  g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);
  if (session->notify != NULL)
    g_ptr_array_add(words, g_strdup_printf("NOTIFY=%s", session->notify));
  if (session->ret != NULL)
    g_ptr_array_add(words, g_strdup_printf("RET=%s", session->ret));
  g_ptr_array_add(words, NULL);
  return words->len > 1 ? g_strjoinv(" ", (char **)words->pdata) : g_strdup(session->given->dsn);
}

static const char *
code_of(const GError *error)
{
  return error_is(error, POSTINO_ERROR_INVALID) || error_is(error, POSTINO_ERROR_USAGE) ? "554 5.6.0"
         : error_is(error, POSTINO_ERROR_CONFIG)                                        ? "550 5.3.5"
         : error_is(error, POSTINO_ERROR_LOCAL)                                         ? "452 4.3.1"
                                                                                        : "451 4.3.0";
}

static void
keep(struct session *session, GBytes *letter)
{
  g_autofree char *wishes = wishes_of(session);
  struct send_options options = *session->given;
  g_autoptr(GError) error = NULL;
  g_autofree char *text = NULL;
  g_ptr_array_add(session->recipients, NULL);
  options.from = session->from;
  options.recipients = (const char *const *)session->recipients->pdata;
  options.recipients_from_headers = false;
  options.dsn = wishes;
  options.queue_only = true;
  g_autoptr(event_t) event =
      cli_engine(session->cli, &error)
          ? cli_wait(session->cli, engine_submit(session->cli->engine, letter, &options), &error)
          : NULL;
  if (event != NULL) {
    session->letters++;
    text = g_strdup_printf("250 2.0.0 kept as %s", event->text);
  } else {
    g_autofree char *clean = sanitize_line(error->message, -1);
    text = g_strdup_printf("%s %s", code_of(error), clean);
  }
  answer(session, text);
}

/* False when the input ends before the letter does: half a letter is none. */
static bool
read_letter(struct session *session, GString *letter, bool *too_large_out)
{
  *too_large_out = false;
  for (;;) {
    if (!read_line(session))
      return false;
    const GString *line = session->line;
    if (line->len == 1 && line->str[0] == '.')
      return true;
    gsize dot = line->len > 0 && line->str[0] == '.';
    *too_large_out = *too_large_out || letter->len + line->len > LIMIT_MESSAGE ||
                     line->len >= LINE_MAX_BYTES;
    if (*too_large_out)
      continue;
    g_string_append_len(letter, line->str + dot, (gssize)(line->len - dot));
    g_string_append_c(letter, '\n');
  }
}

static void
do_data(struct session *session, const char *argument)
{
  g_autoptr(GString) letter = g_string_new(NULL);
  bool too_large;
  if (session->recipients->len == 0) {
    answer(session, "503 5.5.1 RCPT comes first");
    return;
  }
  answer(session, "354 the letter, then a line with a dot");
  if (!read_letter(session, letter, &too_large)) {
    session->over = true;
    return;
  }
  if (too_large) {
    answer(session, "552 5.3.4 too large, or a line of it is");
  } else {
    g_autoptr(GBytes) bytes = g_bytes_new(letter->str, letter->len);
    keep(session, bytes);
  }
  reset(session);
}

/* ---- the rest ---- */

static void
do_ehlo(struct session *session, const char *argument)
{
  g_autofree char *text = g_strdup_printf(
      "250-localhost\r\n250-PIPELINING\r\n250-SIZE %" G_GUINT64_FORMAT
      "\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-ENHANCEDSTATUSCODES\r\n250 DSN",
      (guint64)LIMIT_MESSAGE);
  reset(session);
  answer(session, text);
}

static void
do_helo(struct session *session, const char *argument)
{
  reset(session);
  answer(session, "250 localhost");
}

static void
do_rset(struct session *session, const char *argument)
{
  reset(session);
  answer(session, "250 2.0.0 ok");
}

static void
do_noop(struct session *session, const char *argument)
{
  answer(session, "250 2.0.0 ok");
}

static void
do_vrfy(struct session *session, const char *argument)
{
  answer(session, "252 2.5.0 try it");
}

static void
do_help(struct session *session, const char *argument)
{
  answer(session, "214 2.0.0 EHLO HELO MAIL RCPT DATA RSET NOOP VRFY QUIT");
}

static void
do_quit(struct session *session, const char *argument)
{
  session->over = true;
  answer(session, "221 2.0.0 bye");
}

static const struct {
  const char *name;
  void (*run)(struct session *session, const char *argument);
} commands[] = {
    {"EHLO", do_ehlo}, {"HELO", do_helo}, {"MAIL", do_mail}, {"RCPT", do_rcpt}, {"DATA", do_data},
    {"RSET", do_rset}, {"NOOP", do_noop}, {"VRFY", do_vrfy}, {"HELP", do_help}, {"QUIT", do_quit},
};

static void
obey(struct session *session)
{
  const char *line = session->line->str;
  size_t length = strcspn(line, " ");
  for (size_t i = 0; i < G_N_ELEMENTS(commands); i++)
    if (length == 4 && g_ascii_strncasecmp(line, commands[i].name, 4) == 0) {
      g_autofree char *argument = g_strstrip(g_strdup(line + length));
      commands[i].run(session, argument);
      return;
    }
  answer(session, "500 5.5.1 unknown command");
}

bool
cli_session(struct cli *cli, const struct send_options *options, guint *letters_out)
{
  struct session session = {.cli = cli,
                            .given = options,
                            .recipients = g_ptr_array_new_with_free_func(g_free),
                            .line = g_string_new(NULL)};
  answer(&session, "220 localhost ESMTP postino");
  while (!session.over && session.faults < FAULTS_MAX && read_line(&session))
    obey(&session);
  if (session.faults >= FAULTS_MAX)
    answer(&session, "421 4.7.0 too many errors");
  reset(&session);
  g_ptr_array_unref(session.recipients);
  g_string_free(session.line, TRUE);
  *letters_out = session.letters;
  return true;
}

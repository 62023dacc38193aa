#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/i18n.h"
#include "base/text.h"
#include "base/when.h"
#include "ui/cli/cli.h"
#include "ui/report.h"
#include "ui/ui.h"

/* What `postino send` and the sendmail link were told. */
struct request {
  struct send_options options;
  GPtrArray *recipients;    /* const char * of argv, then NULL */
  bool list_queue, run_queue;
  bool session;             /* -bs */
  bool stay;                /* -odq: in the queue until somebody flushes it */
  GString *dsn;             /* of -N and -R */
};

/* sendmail's flags that take a value, in the same word or the next; -V's is an
 * envelope id, for which the ledger has its own. */
static const char with_value[] = "faFrNRBbCDdhLOopVXA";
/* Long words of our own. */
static bool
own_flag(struct request *request, const char *word)
{
  if (text_ascii_equal(word, "--sign"))
    request->options.sign = 1;
  else if (text_ascii_equal(word, "--encrypt"))
    request->options.encrypt = 1;
  else if (text_ascii_equal(word, "--plain"))
    request->options.sign = request->options.encrypt = 0;
  else if (text_ascii_equal(word, "--hold"))
    request->options.not_before = LEDGER_NEVER;
  else
    return false;
  return true;
}

static void
add_wish(struct request *request, const char *name, const char *value)
{
  g_autofree char *upper = g_ascii_strup(value, -1);
  if (request->dsn == NULL)
    request->dsn = g_string_new(NULL);
  g_string_append_printf(request->dsn, "%s%s=%s", request->dsn->len > 0 ? " " : "", name, upper);
}

/* RFC 3461, 4.1: never alone, or some of the others. */
static bool
set_notify(struct request *request, const char *value, GError **error)
{
  static const char *const known[] = {"success", "failure", "delay", NULL};
  g_auto(GStrv) words = g_strsplit(value, ",", -1);
  if (text_ascii_equal(value, "off"))
    return true;
  bool good = words[0] != NULL;
  for (char **word = words; *word != NULL && !text_ascii_equal(value, "never"); word++)
    good = good && g_strv_contains(known, *word);
  if (!good)
    return error_set(error, POSTINO_ERROR_USAGE,
                     _("send: -N takes never, or some of success,failure,delay"));
  add_wish(request, "NOTIFY", value);
  return true;
}

static bool
set_return(struct request *request, const char *value, GError **error)
{
  if (text_ascii_equal(value, "off"))
    return true;
  if (!text_ascii_equal(value, "hdrs") && !text_ascii_equal(value, "full"))
    return error_set(error, POSTINO_ERROR_USAGE, _("send: -R takes hdrs or full"));
  add_wish(request, "RET", value);
  return true;
}

/* -b, -o and friends say how sendmail is to run: what matters here is little. */
static bool
set_flag(struct request *request, char flag, const char *value, GError **error)
{
  switch (flag) {
  case 'f':
  case 'r':
    request->options.from = value;
    return true;
  case 'F':
    request->options.full_name = value;
    return true;
  case 'a':
    request->options.account = value;
    return true;
  case 'N':
    return set_notify(request, value, error);
  case 'R':
    return set_return(request, value, error);
  case 'o':
    request->stay |= text_ascii_equal(value, "dq");
    return true;
  case 'b':
    if (text_ascii_equal(value, "p"))
      request->list_queue = true;
    else if (text_ascii_equal(value, "s"))
      request->session = true;
    else if (!text_ascii_equal(value, "m"))
      return error_set(error, POSTINO_ERROR_USAGE,
                       _("send: -b%s is not for a program that only submits mail"), value);
    return true;
  default:
    return true;
  }
}

/* msmtp's long words: a letter of sendmail's that means the same, '=' for what is of no
 * consequence here, '!' for what only the rc file says.  Values follow as "=VALUE" or
 * in the next word, as getopt_long() has it; `may` says that there need be none. */
static const struct { const char *name; char flag; enum { NONE, MAY, MUST } value; } msmtp[] = {
    {"from", 'f', MUST},
    {"account", 'a', MUST},
    {"dsn-notify", 'N', MUST},
    {"dsn-return", 'R', MUST},
    {"read-recipients", 't', NONE},
    {"read-envelope-from", 'E', NONE},
    {"file", '=', MUST},
    {"debug", '=', NONE},
    {"auto-from", '=', MAY},
    {"maildomain", '=', MUST},
    {"logfile", '=', MUST},
    {"logfile-time-format", '=', MUST},
    {"syslog", '=', MAY},
    {"set-from-header", '=', MAY},
    {"set-date-header", '=', MAY},
    {"set-msgid-header", '=', MAY},
    {"add-missing-from-header", '=', MAY},
    {"add-missing-date-header", '=', MAY},
    {"remove-bcc-headers", '=', MAY},
    {"undisclosed-recipients", '!', MAY},
    {"aliases", '!', MUST},
    {"pretend", '!', NONE},
    {"serverinfo", '!', NONE},
    {"configure", '!', MUST},
    {"rmqs", '!', MUST},
    {"host", '!', MUST},
    {"port", '!', MUST},
    {"source-ip", '!', MUST},
    {"proxy-host", '!', MUST},
    {"proxy-port", '!', MUST},
    {"socket", '!', MUST},
    {"timeout", '!', MUST},
    {"protocol", '!', MUST},
    {"domain", '!', MUST},
    {"auth", '!', MAY},
    {"user", '!', MUST},
    {"passwordeval", '!', MUST},
    {"tls", '!', MAY},
    {"tls-starttls", '!', MAY},
    {"tls-trust-file", '!', MUST},
    {"tls-crl-file", '!', MUST},
    {"tls-fingerprint", '!', MUST},
    {"tls-certcheck", '!', MAY},
    {"tls-key-file", '!', MUST},
    {"tls-cert-file", '!', MUST},
    {"tls-priorities", '!', MUST},
    {"tls-host-override", '!', MUST},
    {"tls-min-dh-prime-bits", '!', MUST},
};

static bool
act_as_msmtp(struct request *request, const char *word, char flag, const char *value,
             GError **error)
{
  switch (flag) {
  case '=':
    return true;
  case '!':
    return error_set(error, POSTINO_ERROR_USAGE,
                     _("send: %s: server, login and what a letter gets are the rc file's to say; -a "
                       "chooses the account"),
                     word);
  case 't':
    request->options.recipients_from_headers = true;
    return true;
  case 'E':
    request->options.sender_from_header = true;
    return true;
  default:
    return set_flag(request, flag, value, error);
  }
}

/* "--at TIME" and "--at=TIME", and what msmtp takes. */
static bool
long_option(struct request *request, const char *word, const char *next, bool *took_next_out,
            GError **error)
{
  const char *equals = strchr(word, '=');
  g_autofree char *name = g_strndup(word + 2, equals != NULL ? (gsize)(equals - word - 2)
                                                             : strlen(word + 2));
  const char *value = equals != NULL ? equals + 1 : next;
  *took_next_out = false;
  bool at = text_ascii_equal(name, "at");
  for (size_t i = 0; at || i < G_N_ELEMENTS(msmtp); i++) {
    if (!at && !text_ascii_equal(name, msmtp[i].name))
      continue;
    bool must = at || msmtp[i].value == MUST;
    if (must && value == NULL)
      return error_set(error, POSTINO_ERROR_USAGE, _("send: --%s needs a value"), name);
    *took_next_out = must && equals == NULL;
    return at ? when_parse(value, time(NULL), &request->options.not_before, error)
              : act_as_msmtp(request, word, msmtp[i].flag, value, error);
  }
  return own_flag(request, word) ||
         error_set(error, POSTINO_ERROR_USAGE,
                   _("send: unknown option %s; 'postino send --help' shows what it takes"), word);
}

/* One word of short flags, "-ti" or "-fADDRESS"; *next_out says that it took the
 * next word too. */
static bool
short_options(struct request *request, const char *word, const char *next, bool *took_next_out,
              GError **error)
{
  *took_next_out = false;
  for (const char *flag = word + 1; *flag != '\0'; flag++) {
    if (strchr(with_value, *flag) != NULL) {
      const char *value = flag[1] != '\0' ? flag + 1 : next;
      /* -oi and -om are whole; sendmail's -o never takes the next word. */
      if (flag[1] == '\0' && (*flag == 'o' || *flag == 'b' || *flag == 'd'))
        value = "";
      if (value == NULL)
        return error_set(error, POSTINO_ERROR_USAGE, _("send: -%c needs a value"), *flag);
      *took_next_out = value == next && next != NULL && flag[1] == '\0';
      return set_flag(request, *flag, value, error);
    }
    switch (*flag) {
    case 't':
      request->options.recipients_from_headers = true;
      break;
    case 'q':
      request->run_queue = true;
      return true;
    case 'P': case 'S':
      return act_as_msmtp(request, word, '!', NULL, error);
    case 'i': case 'm': case 'n': case 's': case 'v': case 'e': case 'G': case 'U':
      break;
    default:
      return error_set(error, POSTINO_ERROR_USAGE,
                       _("send: unknown option -%c; 'postino send --help' shows what it takes"),
                       *flag);
    }
  }
  return true;
}

/* sendmail's grammar is not GOption's: flags run together, -oX, recipients in
 * between. */
static bool
parse(struct request *request, int argc, char **argv, GError **error)
{
  request->options.sign = request->options.encrypt = -1;
  bool flags = true;
  for (int i = 1; i < argc; i++) {
    const char *word = argv[i];
    if (!flags || word[0] != '-' || word[1] == '\0')
      g_ptr_array_add(request->recipients, argv[i]);
    else if (text_ascii_equal(word, "--"))
      flags = false;
    else {
      const char *next = i + 1 < argc ? argv[i + 1] : NULL;
      bool took_next;
      if (!(word[1] == '-' ? long_option(request, word, next, &took_next, error)
                           : short_options(request, word, next, &took_next, error)))
        return false;
      i += took_next ? 1 : 0;
    }
  }
  if (request->recipients->len == 0)
    request->options.recipients_from_headers = true;
  g_ptr_array_add(request->recipients, NULL);
  request->options.recipients = (const char *const *)request->recipients->pdata;
  return true;
}

static bool
submit(struct cli *cli, struct request *request, GError **error)
{
  request->options.dsn = request->dsn != NULL ? request->dsn->str : NULL;
  request->options.input = STDIN_FILENO;
  struct engine_options ahead = {
      .seals = request->options.sign == 1 || request->options.encrypt == 1,
      .seals_for = request->options.account};
  if (!cli_engine_for(cli, &ahead, error))
    return false;
  g_autoptr(event_t) event =
      cli_wait(cli, engine_submit(cli->engine, NULL, &request->options), error);
  if (event == NULL)
    return false;
  /* The contract's words, in no language. */
  g_autofree char *date = cli_date(request->options.not_before);
  if (date != NULL)
    printf("held as %s until %s\n", event->text, date);
  else if (request->options.not_before > 0)
    printf("held as %s\n", event->text);
  return true;
}

static bool
delegate(struct cli *cli, const char *word, GError **error)
{
  char *words[] = {(char *)"queue", (char *)word, NULL};
  return cli_queue(cli, 2, words, error);
}

/* What was kept leaves behind who gave it, as with the link. */
static bool
serve(struct cli *cli, struct request *request)
{
  guint letters = 0;
  request->options.dsn = request->dsn != NULL ? request->dsn->str : NULL;
  bool served = cli_session(cli, &request->options, &letters);
  if (letters > 0 && !request->stay && request->options.not_before == 0)
    ui_flush_behind(cli->conf, false);
  return served;
}

static bool
act(struct cli *cli, struct request *request, bool link, GError **error)
{
  request->options.queue_only = link || request->stay;
  if (request->list_queue)
    return delegate(cli, "list", error);
  if (request->run_queue)
    return delegate(cli, "flush", error);
  if (request->session)
    return serve(cli, request);
  if (!submit(cli, request, error))
    return false;
  /* Who called sendmail does not wait, but the letter does not lie there either. */
  if (link && !request->stay && request->options.not_before == 0)
    ui_flush_behind(cli->conf, false);
  return true;
}

static bool
run(struct cli *cli, int argc, char **argv, bool link, GError **error)
{
  g_autoptr(GPtrArray) recipients = g_ptr_array_new();
  struct request request = {.recipients = recipients};
  bool done = parse(&request, argc, argv, error) && act(cli, &request, link, error);
  if (request.dsn != NULL)
    g_string_free(request.dsn, TRUE);
  return done;
}

bool
cli_send(struct cli *cli, int argc, char **argv, GError **error)
{
  if (argc > 1 && (text_ascii_equal(argv[1], "--help") || text_ascii_equal(argv[1], "-h"))) {
    const struct cli_command *command = cli_command("send");
    printf(_("Usage:\n  postino [OPTIONS] send %s\n\n%s.\n"), command->synopsis, _(command->help));
    return true;
  }
  return run(cli, argc, argv, false, error);
}

bool
cli_sendmail(struct cli *cli, int argc, char **argv, GError **error)
{
  return run(cli, argc, argv, true, error);
}

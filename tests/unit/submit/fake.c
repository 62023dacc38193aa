#include "tests/unit/submit/fake.h"

#include <signal.h>
#include <string.h>

static const char decent[] = "PIPELINING\nSIZE 1000000\nENHANCEDSTATUSCODES\n8BITMIME\nSMTPUTF8\n"
                             "AUTH PLAIN LOGIN";

const char fake_chunking[] = "PIPELINING\nSIZE 1000000\nENHANCEDSTATUSCODES\n8BITMIME\nCHUNKING\n"
                             "DSN\nAUTH PLAIN LOGIN";

struct fake *
fake_new(void)
{
  struct fake *fake = g_new0(struct fake, 1);
  fake->kept = g_ptr_array_new_with_free_func(g_free);
  return fake;
}

void
fake_free(struct fake *fake)
{
  g_ptr_array_unref(fake->kept);
  g_free(fake);
}

void
fake_fault(struct fake *fake, const char *at, enum fault fault, const char *say)
{
  fake->at = at;
  fake->fault = fault;
  fake->say = say;
  fake->times = 1;
}

const char *
fake_letter(const struct fake *fake, guint i)
{
  return g_ptr_array_index(fake->kept, i);
}

/* Answers, or does the fault that is due here; false: the session is over.
 * *usual_out: the usual answer was given. */
static bool
answer(struct fake *fake, struct peer *peer, const char *command, const char *usual,
       bool *usual_out)
{
  enum fault fault = FAULT_NONE;
  if (fake->times > 0 && fake->at != NULL && g_str_has_prefix(command, fake->at)) {
    fault = fake->fault;
    fake->times--;
  }
  *usual_out = fault == FAULT_NONE;
  switch (fault) {
  case FAULT_CUT:
    return false;
  case FAULT_HALF:
    peer_say_bytes(peer, usual, strlen(usual) / 2);
    return false;
  case FAULT_SAY:
    peer_say(peer, fake->say);
    return true;
  case FAULT_SILENT:
    peer_stay_silent(peer);
    return false;
  case FAULT_KILL:
    kill(g_atomic_int_get(&fake->victim), SIGKILL);
    return false;
  default:
    peer_say(peer, usual);
    return true;
  }
}

static char *
ehlo_answer(const struct fake *fake, bool tls)
{
  const char *offered = tls && fake->after_tls != NULL ? fake->after_tls
                        : fake->capabilities != NULL   ? fake->capabilities
                                                       : decent;
  g_auto(GStrv) lines = g_strsplit(offered, "\n", -1);
  GString *text = g_string_new("250-smtp.example.org\r\n");
  for (char **line = lines; *line != NULL; line++)
    g_string_append_printf(text, "250%c%s\r\n", line[1] != NULL ? '-' : ' ', *line);
  return g_string_free(text, FALSE);
}

static char *
usual_answer(struct fake *fake, const char *command, guint recipients, bool begun, bool tls)
{
  if (g_str_has_prefix(command, "RCPT ") && !begun)
    return g_strdup("503 5.5.1 MAIL first\r\n");
  if (g_str_has_prefix(command, "EHLO "))
    return ehlo_answer(fake, tls);
  if (g_str_has_prefix(command, "AUTH PLAIN "))
    return g_strdup("235 2.7.0 in\r\n");
  if (g_str_has_prefix(command, "AUTH "))
    return g_strdup("334 \r\n");
  if (g_str_has_prefix(command, "RCPT TO:<nobody"))
    return g_strdup("550-5.1.1 nobody of\r\n550 5.1.1 this name\r\n");
  if (g_str_has_prefix(command, "RCPT TO:<later"))
    return g_strdup("450 4.2.0 come again\r\n");
  if (g_str_equal(command, "DATA"))
    return g_strdup(recipients > 0 ? "354 go ahead\r\n" : "554 5.5.1 no valid recipients\r\n");
  if (g_str_equal(command, "QUIT"))
    return g_strdup("221 2.0.0 bye\r\n");
  if (g_str_equal(command, "STARTTLS"))
    return g_strdup("220 2.0.0 go ahead\r\n");
  return g_strdup("250 2.0.0 ok\r\n");
}

/* Up to the dot; NULL when the client went away before it. */
static char *
read_letter(struct peer *peer, const GString *recipients)
{
  GString *text = g_string_new(recipients->str);
  g_string_append_c(text, '\n');
  for (const char *line; (line = peer_line(peer)) != NULL;) {
    if (g_str_equal(line, "."))
      return g_string_free(text, FALSE);
    g_string_append_printf(text, "%s\n", *line == '.' ? line + 1 : line);
  }
  g_string_free(text, TRUE);
  return NULL;
}

/* "BDAT SIZE LAST": whole lines, as a letter has them. */
static bool
take_chunk(struct fake *fake, struct peer *peer, const char *command, const GString *recipients)
{
  guint64 size = g_ascii_strtoull(command + strlen("BDAT "), NULL, 10), had = 0;
  bool usual, wanted = recipients->len > 0;
  g_autoptr(GString) text = g_string_new(recipients->str);
  g_string_append_c(text, '\n');
  while (had < size) {
    const char *line = peer_line(peer);
    if (line == NULL)
      return false;
    had += strlen(line) + 2;
    g_string_append_printf(text, "%s\n", line);
  }
  if (had > size || !g_str_has_suffix(command, " LAST")) {
    peer_say(peer, "501 5.5.4 what size is that\r\n");
    return false;
  }
  if (wanted)
    g_ptr_array_add(fake->kept, g_strdup(text->str));
  return answer(fake, peer, "body",
                wanted ? "250 2.0.0 queued\r\n" : "503 5.5.1 no recipients\r\n", &usual);
}

static bool
take_letter(struct fake *fake, struct peer *peer, GString *recipients)
{
  bool usual;
  char *letter = read_letter(peer, recipients);
  if (letter == NULL)
    return false;
  g_ptr_array_add(fake->kept, letter);
  return answer(fake, peer, "body", "250 2.0.0 queued\r\n", &usual);
}

void
fake_serve(struct peer *peer, void *data)
{
  struct fake *fake = data;
  bool tls = false, usual = false, begun = false;
  g_autoptr(GString) recipients = g_string_new(NULL);
  fake->sessions++;
  if (!answer(fake, peer, "greeting", "220 smtp.example.org ESMTP\r\n", &usual))
    return;
  for (const char *line; (line = peer_line(peer)) != NULL;) {
    g_autofree char *command = g_strdup(line);
    if (g_str_has_prefix(command, "BDAT ")) {
      if (!take_chunk(fake, peer, command, recipients))
        return;
      continue;
    }
    g_autofree char *reply = usual_answer(fake, command, (guint)recipients->len, begun, tls);
    if (!answer(fake, peer, command, reply, &usual) || g_str_equal(command, "QUIT"))
      return;
    if (g_str_has_prefix(command, "MAIL "))
      begun = usual;
    if (g_str_has_prefix(command, "MAIL ") || g_str_equal(command, "RSET"))
      g_string_truncate(recipients, 0);
    else if (g_str_has_prefix(command, "RCPT TO:") && usual && *reply == '2')
      g_string_append_printf(recipients, "%.*s ", (int)strcspn(command + 8, " "), command + 8);
    else if (g_str_equal(command, "DATA") && (usual ? *reply == '3' : *fake->say == '3') &&
             !take_letter(fake, peer, recipients))
      return;
    else if (g_str_equal(command, "STARTTLS"))
      tls = fake->identity != NULL && peer_start_tls(peer, fake->identity);
  }
}

#include "tests/unit/retrieve/fake.h"

#include <signal.h>
#include <string.h>

static const char decent[] = "TOP\r\nUIDL\r\nUSER\r\nPIPELINING\r\nRESP-CODES\r\nSASL PLAIN\r\n";

static void
free_letter(void *data)
{
  struct fake_letter *letter = data;
  g_free(letter->uid);
  g_free(letter->text);
  g_free(letter);
}

struct fake *
fake_new(void)
{
  struct fake *fake = g_new0(struct fake, 1);
  fake->letters = g_ptr_array_new_with_free_func(free_letter);
  return fake;
}

void
fake_free(struct fake *fake)
{
  g_ptr_array_unref(fake->letters);
  g_free(fake);
}

void
fake_add(struct fake *fake, const char *uid, const char *subject, const char *body)
{
  struct fake_letter *letter = g_new0(struct fake_letter, 1);
  g_autofree char *text =
      g_strdup_printf("From: x@example.org\nSubject: %s\nDate: Mon, 5 Jan 2026 10:00:00 +0100\n\n%s",
                      subject, body);
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  letter->uid = g_strdup(uid);
  letter->text = g_strjoinv("\r\n", lines);
  g_ptr_array_add(fake->letters, letter);
}

guint
fake_count(const struct fake *fake)
{
  guint count = 0;
  for (guint i = 0; i < fake->letters->len; i++)
    count += !((struct fake_letter *)g_ptr_array_index(fake->letters, i))->deleted;
  return count;
}

void
fake_fault(struct fake *fake, const char *at, enum fault fault, const char *say)
{
  fake->at = at;
  fake->fault = fault;
  fake->say = say;
  fake->times = 1;
}

static bool
is_faulty(const struct fake *fake, const char *command)
{
  return fake->times > 0 && fake->at != NULL && g_str_has_prefix(command, fake->at);
}

/* Answers, or does the fault that is due here; false: the session is over. */
static bool
answer(struct fake *fake, struct peer *peer, const char *command, const char *usual)
{
  enum fault fault = FAULT_NONE;
  if (is_faulty(fake, command)) {
    fault = fake->fault;
    fake->times--;
  }
  switch (fault) {
  case FAULT_CUT:
    return false;
  case FAULT_HALF:
    peer_say_bytes(peer, usual, MAX(strlen(usual) / 2, 1));
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

/* The letters of this session by number: what was there when it began. */
static struct fake_letter *
numbered(GPtrArray *present, const char *command)
{
  const char *space = strchr(command, ' ');
  guint number = space != NULL ? (guint)atoi(space + 1) : 0;
  return number > 0 && number <= present->len ? g_ptr_array_index(present, number - 1) : NULL;
}

static char *
list_text(struct fake *fake, GPtrArray *present, bool uids)
{
  GString *text = g_string_new("+OK\r\n");
  for (guint i = 0; i < present->len; i++) {
    const struct fake_letter *letter = g_ptr_array_index(present, i);
    if (uids)
      g_string_append_printf(text, "%u %s\r\n", i + 1, letter->uid);
    else
      g_string_append_printf(text, "%u %d\r\n", i + 1, (int)strlen(letter->text) + fake->size_lie);
  }
  g_string_append(text, ".\r\n");
  return g_string_free(text, FALSE);
}

static char *
letter_text(const struct fake *fake, const struct fake_letter *letter, bool top)
{
  if (letter == NULL)
    return g_strdup("-ERR no such letter\r\n");
  const char *end = strstr(letter->text, "\r\n\r\n");
  g_autofree char *text =
      top && end != NULL ? g_strndup(letter->text, (gsize)(end - letter->text) + 4)
                         : g_strdup(letter->text);
  g_auto(GStrv) lines = g_strsplit(text, "\r\n", -1);
  GString *out = g_string_new("+OK\r\n");
  for (guint i = 0; lines[i] != NULL; i++)
    if (lines[i + 1] != NULL || *lines[i] != '\0')
      g_string_append_printf(out, "%s%s\r\n", *lines[i] == '.' && !fake->no_stuffing ? "." : "",
                             lines[i]);
  g_string_append(out, ".\r\n");
  return g_string_free(out, FALSE);
}

static char *
usual_answer(struct fake *fake, GPtrArray *present, const char *command, bool tls)
{
  struct fake_letter *letter = numbered(present, command);
  const char *offered = tls && fake->after_tls != NULL ? fake->after_tls
                        : fake->capabilities != NULL   ? fake->capabilities
                                                       : decent;
  if (g_str_equal(command, "CAPA"))
    return g_strconcat("+OK\r\n", offered, ".\r\n", NULL);
  if (g_str_equal(command, "LIST"))
    return list_text(fake, present, false);
  if (g_str_equal(command, "UIDL"))
    return strstr(offered, "UIDL") != NULL ? list_text(fake, present, true)
                                           : g_strdup("-ERR what?\r\n");
  if (g_str_equal(command, "STAT"))
    return g_strdup_printf("+OK %u 1\r\n", present->len);
  if (g_str_has_prefix(command, "TOP ")) {
    fake->examined++;
    return strstr(offered, "TOP") != NULL ? letter_text(fake, letter, true)
                                          : g_strdup("-ERR what?\r\n");
  }
  if (g_str_has_prefix(command, "RETR ")) {
    fake->retrieved++;
    return letter_text(fake, letter, false);
  }
  if (g_str_has_prefix(command, "DELE ") && letter == NULL)
    return g_strdup("-ERR no such letter\r\n");
  return g_strdup("+OK\r\n");
}

static void
expunge(GPtrArray *present)
{
  for (guint i = 0; i < present->len; i++) {
    struct fake_letter *letter = g_ptr_array_index(present, i);
    letter->deleted = letter->marked;
  }
}

static GPtrArray *
present_letters(struct fake *fake)
{
  GPtrArray *present = g_ptr_array_new();
  for (guint i = 0; i < fake->letters->len; i++) {
    struct fake_letter *letter = g_ptr_array_index(fake->letters, i);
    letter->marked = false;
    if (!letter->deleted)
      g_ptr_array_add(present, letter);
  }
  return present;
}

void
fake_serve(struct peer *peer, void *data)
{
  struct fake *fake = data;
  g_autoptr(GPtrArray) present = present_letters(fake);
  bool tls = false;
  if (!answer(fake, peer, "greeting", "+OK ready <1.2@example.org>\r\n"))
    return;
  for (const char *line; (line = peer_line(peer)) != NULL;) {
    g_autofree char *command = g_strdup(line);
    g_autofree char *usual = usual_answer(fake, present, command, tls);
    bool quit = g_str_equal(command, "QUIT");
    if (fake->loses_ahead && g_str_has_prefix(command, "AUTH"))
      peer_throw_away(peer);
    if (quit && fake->lost_quit) {
      expunge(present);
      return;
    }
    /* Before the answer: whoever reads it may look at the drop at once. */
    if (quit && !is_faulty(fake, command))
      expunge(present);
    if (!answer(fake, peer, command, usual) || quit)
      return;
    if (g_str_has_prefix(command, "DELE ") && numbered(present, command) != NULL)
      numbered(present, command)->marked = true;
    if (g_str_equal(command, "STLS"))
      tls = fake->identity != NULL && peer_start_tls(peer, fake->identity);
  }
}

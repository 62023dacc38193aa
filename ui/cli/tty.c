#include "ui/cli/tty.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/file.h"
#include "base/i18n.h"
#include "base/sanitize.h"

/* A passphrase longer than this is none that a person types. */
#define LINE_MAX_BYTES 1024

static void
say(int tty, const char *text)
{
  g_autofree char *clean = sanitize_line(text, -1);
  if (!file_write_all(tty, clean, strlen(clean), NULL) || !file_write_all(tty, " ", 1, NULL))
    return;
}

/* One line into `line`; its length, or -1 at the end of the file. */
static ssize_t
read_line(int tty, char line[LINE_MAX_BYTES])
{
  size_t length = 0;
  char c;
  ssize_t n;
  while ((n = read(tty, &c, 1)) == 1 && c != '\n')
    if (length < LINE_MAX_BYTES - 1)
      line[length++] = c;
  line[length] = '\0';
  return n == 1 || length > 0 ? (ssize_t)length : -1;
}

static ssize_t
ask(const char *prompt, bool hidden, char line[LINE_MAX_BYTES])
{
  auto_fd tty = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
  struct termios before, silent;
  if (tty < 0 || tcgetattr(tty, &before) < 0)
    return -1;
  silent = before;
  silent.c_lflag &= ~(tcflag_t)ECHO;
  say(tty, prompt);
  if (hidden)
    tcsetattr(tty, TCSAFLUSH, &silent);
  ssize_t length = read_line(tty, line);
  if (hidden) {
    tcsetattr(tty, TCSAFLUSH, &before);
    if (!file_write_all(tty, "\n", 1, NULL))
      return -1;
  }
  return length;
}

secret_t *
tty_ask(const char *prompt, bool hidden)
{
  char line[LINE_MAX_BYTES];
  ssize_t length = ask(prompt, hidden, line);
  secret_t *secret = NULL;
  if (hidden && length > 0)
    secret = secret_new(line, (size_t)length);
  else if (!hidden && length > 0 && rpmatch(line) == 1)
    secret = secret_new("yes", 3);
  secret_wipe(line, sizeof line);
  return secret;
}

char *
tty_line(const char *prompt)
{
  char line[LINE_MAX_BYTES];
  return ask(prompt, false, line) > 0 ? g_strdup(line) : NULL;
}

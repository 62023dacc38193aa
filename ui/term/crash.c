#include "ui/term/term-private.h"

#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

/* A signal handler may touch nothing but what lies here. */
static struct {
  struct termios modes;
  bool have_modes;
  char restore[512];
  volatile sig_atomic_t length;
} saved;

static const int deadly[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS};
static struct sigaction before[G_N_ELEMENTS(deadly)];

static void
put_back(void)
{
  if (saved.length > 0) {
    ssize_t ignored = write(STDOUT_FILENO, saved.restore, (size_t)saved.length);
    (void)ignored;
  }
  if (saved.have_modes)
    tcsetattr(STDOUT_FILENO, TCSANOW, &saved.modes);
}

static void
die(int number)
{
  put_back();
  for (size_t i = 0; i < G_N_ELEMENTS(deadly); i++)
    sigaction(deadly[i], &before[i], NULL);
  raise(number);
}

void
crash_remember_modes(void)
{
  saved.have_modes = tcgetattr(STDOUT_FILENO, &saved.modes) == 0;
}

void
crash_arm(const char *restore)
{
  size_t length = MIN(strlen(restore), sizeof saved.restore);
  memcpy(saved.restore, restore, length);
  saved.length = (sig_atomic_t)length;
  struct sigaction action = {.sa_handler = die, .sa_flags = SA_NODEFER};
  sigemptyset(&action.sa_mask);
  for (size_t i = 0; i < G_N_ELEMENTS(deadly); i++)
    sigaction(deadly[i], &action, &before[i]);
}

void
crash_disarm(void)
{
  if (saved.length == 0)
    return;
  saved.length = 0;
  for (size_t i = 0; i < G_N_ELEMENTS(deadly); i++)
    sigaction(deadly[i], &before[i], NULL);
}

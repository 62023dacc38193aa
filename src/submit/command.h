/* A letter's way out by a program of this machine that takes sendmail's arguments and
 * exit codes (sysexits.h), for those who have one in place of a server. */
#pragma once

#include <gio/gio.h>

#include "account/account.h"
#include "submit/smtp.h"

/* Runs the account's sendmail-command, no shell between, with the letter on its
 * standard input.  The whole letter lies ready before it starts, so `before_last_byte`
 * is called first: whoever ends us then ends neither the program nor the letter.  Its
 * exit code is every recipient's fate; ended by a signal, by us after time ran out, or
 * with a code of its own, all are unsure.  False (CONFIG, LOCAL) when it did not start,
 * or CANCELLED. */
bool command_send(const struct conf_account *account, struct smtp_letter *letter,
                  GCancellable *cancel, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The program that would be run.  CONFIG when it is not there.  Free it. */
char *command_program(const char *command, GError **error) G_GNUC_WARN_UNUSED_RESULT;

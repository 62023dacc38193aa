/* What dialogue.c (status lines, capabilities), login.c and session.c share. */
#pragma once

#include "retrieve/session.h"

/* Does the line begin with this status ("+OK", "-ERR")? */
bool pop3_has_status(const char *line, const char *status);
/* Tells an answer from words that are none; NO and DEAD fill `error`, as pop3_answer()
 * does. */
enum pop3_answer pop3_judge(const struct pop3 *pop3, const char *line,
                            enum postino_error otherwise, GError **error);
/* Sends one command and reads its status line. */
enum pop3_answer pop3_ask(struct pop3 *pop3, const char *command, enum postino_error otherwise,
                          GError **error);
void pop3_forget_capabilities(struct pop3 *pop3);
bool pop3_ask_capabilities(struct pop3 *pop3, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* By the account's policy; what a listing needs goes with the last word of it, where
 * that may be. */
bool pop3_login(struct pop3 *pop3, struct keyring *keyring, GCancellable *cancel, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

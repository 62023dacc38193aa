/* SMTP replies (RFC 5321 4.2, enhanced codes of RFC 3463), read line by line
 * within bounds.  Pure. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "base/error.h"

struct smtp_reply {
  int code;                 /* 200 to 599 */
  char *status;             /* "5.1.1", or NULL */
  char *words;              /* "550 5.1.1 no such user": clean, one line, bounded */
  GString *gathered;
  guint lines;
};
enum reply_line { REPLY_BROKEN, REPLY_MORE, REPLY_WHOLE };

void smtp_reply_clear(struct smtp_reply *reply);
/* Takes one line of a reply that was cleared before its first.  BROKEN: no reply
 * of SMTP, other codes on one reply's lines, or too many lines. */
enum reply_line smtp_reply_take(struct smtp_reply *reply, const char *line);
/* What follows "250-" or "250 " in a line that was taken. */
const char *smtp_reply_text(const char *line);

/* What a reply that is no success asks for: 4yz RETRY, 5yz REFUSED; at the login
 * AUTH for what is said of credentials. */
enum postino_error smtp_reply_error(const struct smtp_reply *reply, bool login);

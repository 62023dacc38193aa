/* Disposition notifications (RFC 8098): the receipt that a reader sends because he
 * wants to. */
#pragma once

#include <glib.h>
#include <stdint.h>

struct address;

struct receipt {
  const struct address *own;   /* for whom the letter was */
  const struct address *asker; /* who asked, in Disposition-Notification-To */
  const char *message_id;      /* of the letter, without <>; NULL */
  int64_t now;
};
/* A whole letter with CRLF ends: multipart/report that says "displayed", by hand.  It
 * holds nothing of the letter but its Message-ID.  INVALID. */
GBytes *receipt_build(const struct receipt *receipt, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* What a letter needs of the server that takes it, and the form in which it goes
 * over the line.  Pure. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* What EHLO offered. */
enum smtp_capability {
  SMTP_PIPELINING = 1 << 0,
  SMTP_SIZE = 1 << 1,
  SMTP_8BITMIME = 1 << 2,
  SMTP_SMTPUTF8 = 1 << 3,
  SMTP_STARTTLS = 1 << 4,
  SMTP_AUTH = 1 << 5,
  SMTP_ENHANCED = 1 << 6,
  SMTP_DSN = 1 << 7,
  SMTP_CHUNKING = 1 << 8,
  SMTP_FUTURERELEASE = 1 << 9,
};

struct envelope_needs {
  guint64 size;             /* with CRLF ends, that of the last line too */
  bool eight_bit;           /* BODY=8BITMIME */
  guint64 hold;             /* seconds for which the server is to hold it (RFC 4865); 0: none */
  bool utf8;                /* SMTPUTF8: an address, of the envelope or the header, is not ASCII */
};
struct envelope_needs envelope_needs(GBytes *letter, const char *from,
                                     const char *const *recipients);

/* Can a server with these capabilities take it?  Else the sentence why not; NULL
 * when it can.  `limit` is that of SIZE, 0 for none.  Free it. */
char *envelope_obstacle(const struct envelope_needs *needs, unsigned capabilities, guint64 limit);

/* What delivery reports shall say (RFC 3461). */
struct envelope_dsn {
  const char *id;           /* letters and digits, comes back in them; NULL: none */
  const char *wishes;       /* "NOTIFY=FAILURE,DELAY RET=FULL", either or both; NULL */
};
/* "MAIL FROM:<…> SIZE=… BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=…".  Free it. */
char *envelope_mail(const char *from, const struct envelope_needs *needs, unsigned capabilities,
                    const struct envelope_dsn *dsn);
/* "RCPT TO:<…> NOTIFY=… ORCPT=rfc822;…".  Free it. */
char *envelope_rcpt(const char *spec, unsigned capabilities, const struct envelope_dsn *dsn);

/* Stuffs dots (for DATA; BDAT has none) and makes every line end CRLF, block by block:
 * appends to `out`. */
struct stuffing { bool no_dots, inside, cr; };
void envelope_stuff(struct stuffing *stuffing, const char *data, size_t length, GString *out);
/* The end of the last line, when it is open; then ".\r\n" may follow. */
void envelope_stuff_end(struct stuffing *stuffing, GString *out);

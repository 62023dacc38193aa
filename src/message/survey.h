/* What bytes ask of the way that they will take (RFC 5321, 4.5.3.1.6; RFC 2045, 2.7 to
 * 2.9), found block by block.  Pure. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* Zeroed before the first block. */
struct survey {
  bool eight_bit, nul, lone_cr, not_utf8;
  bool long_line;           /* over 998 bytes without its end, LF or CRLF */
  guint64 length;
  guint64 costly;           /* bytes that quoted-printable writes as three */
  size_t column;            /* of the line so far */
  bool cr;                  /* the last byte was one */
  char rest[4];             /* of a character that is not whole yet */
  size_t rest_length;
};
void survey_take(struct survey *survey, const char *bytes, size_t length);

/* Of all that was taken: UTF-8 without a NUL? */
bool survey_is_utf8(const struct survey *survey);
/* 7-bit without NUL and lone CR, with no line over 998? */
bool survey_is_plain(const struct survey *survey);

/* Bytes as 7-bit lines (RFC 2045, 6.7 and 6.8) and text as format=flowed
 * paragraphs (RFC 3676).  Everything ends its lines with CRLF. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "message/survey.h"

/* What a body needs to pass through any mail server unchanged. */
enum encode_need {
  ENCODE_NOTHING,           /* 7-bit, no NUL or lone CR, lines of at most 998 */
  ENCODE_QUOTED,            /* shorter as quoted-printable */
  ENCODE_BASE64,
};

/* Which of them suits bytes that are text. */
enum encode_need encode_need(const struct survey *survey);

/* Bytes encoded block by block, appended to `out`.  Zeroed but for `need` before the
 * first; what is held back for the next block comes with encode_end().  Quoted-printable:
 * CRLF is a line end, any other CR or LF is data (a file comes out as it went in).
 * Base64: lines of 76.  Nothing: as they are. */
struct encoding {
  enum encode_need need;
  size_t column;
  char rest[64];
  size_t rest_length;
};
void encode_take(struct encoding *encoding, GString *out, const char *bytes, size_t length);
void encode_end(struct encoding *encoding, GString *out);
/* All at once. */
void encode_bytes(GString *out, enum encode_need need, const char *bytes, size_t length);

/* survey_is_plain() of all of it. */
bool encode_is_plain(const char *bytes, size_t length);
/* Does a line (CRLF) end in a blank? */
bool encode_has_blank_ends(const char *bytes, size_t length);

/* `text` (LF line ends) as flowed paragraphs with CRLF line ends: long ones get
 * soft breaks, quoted lines stay as they are, trailing blanks go but for the
 * signature's separator. */
char *encode_flowed(const char *text);
/* And back: what encode_flowed() was given, its trailing blanks apart. */
char *encode_unflow(const char *flowed);

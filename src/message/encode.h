/* Bytes as 7-bit lines (RFC 2045, 6.7 and 6.8) and text as format=flowed
 * paragraphs (RFC 3676).  Everything ends its lines with CRLF. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* What a body needs to pass through any mail server unchanged. */
enum encode_need {
  ENCODE_NOTHING,           /* 7-bit, no NUL or lone CR, lines of at most 998 */
  ENCODE_QUOTED,            /* shorter as quoted-printable */
  ENCODE_BASE64,
};

/* Quoted-printable of bytes: CRLF is a line end, any other CR or LF is data (a
 * file comes out as it went in). */
void encode_quoted(GString *out, const char *bytes, size_t length);
/* Base64 in lines of 76. */
void encode_base64(GString *out, const void *bytes, size_t length);
/* Which of them suits text with CRLF line ends. */
enum encode_need encode_need(const char *bytes, size_t length);

/* Is it 7-bit without NUL and lone CR, with lines of at most 998 (LF or CRLF)? */
bool encode_is_plain(const char *bytes, size_t length);
/* Does a line (CRLF) end in a blank? */
bool encode_has_blank_ends(const char *bytes, size_t length);

/* `text` (LF line ends) as flowed paragraphs with CRLF line ends: long ones get
 * soft breaks, quoted lines stay as they are, trailing blanks go but for the
 * signature's separator. */
char *encode_flowed(const char *text);
/* And back: what encode_flowed() was given, its trailing blanks apart. */
char *encode_unflow(const char *flowed);

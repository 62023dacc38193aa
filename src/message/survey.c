#include "message/survey.h"

#include <string.h>

/* RFC 5322, 2.1.1. */
#define LONGEST_LINE 998

/* A character that is cut off by the end of the bytes waits for the next ones. */
static void
check_charset(struct survey *survey, const char *bytes, size_t length)
{
  const char *stop;
  if (survey->not_utf8 || g_utf8_validate_len(bytes, length, &stop))
    return;
  size_t left = length - (size_t)(stop - bytes);
  if (left >= sizeof survey->rest ||
      g_utf8_get_char_validated(stop, (gssize)left) != (gunichar)-2) {
    survey->not_utf8 = true;
    return;
  }
  memcpy(survey->rest, stop, left);
  survey->rest_length = left;
}

/* The character that was begun, byte by byte, until it is whole or none. */
static size_t
finish_character(struct survey *survey, const char *bytes, size_t length)
{
  size_t taken = 0;
  while (survey->rest_length > 0 && taken < length && !survey->not_utf8) {
    char whole[sizeof survey->rest];
    size_t had = survey->rest_length;
    memcpy(whole, survey->rest, had);
    whole[had] = bytes[taken++];
    survey->rest_length = 0;
    check_charset(survey, whole, had + 1);
  }
  return taken;
}

static void
take_byte(struct survey *survey, guchar byte)
{
  survey->lone_cr |= survey->cr && byte != '\n';
  survey->cr = byte == '\r';
  survey->eight_bit |= byte >= 0x80;
  survey->nul |= byte == '\0';
  survey->costly += byte >= 0x7f || byte < '\t' || byte == '=';
  if (byte == '\n')
    survey->column = 0;
  else if (byte != '\r')
    survey->long_line |= ++survey->column > LONGEST_LINE;
}

void
survey_take(struct survey *survey, const char *bytes, size_t length)
{
  for (size_t i = 0; i < length; i++)
    take_byte(survey, (guchar)bytes[i]);
  survey->length += length;
  size_t taken = finish_character(survey, bytes, length);
  check_charset(survey, bytes + taken, length - taken);
}

bool
survey_is_utf8(const struct survey *survey)
{
  return !survey->not_utf8 && survey->rest_length == 0;
}

bool
survey_is_plain(const struct survey *survey)
{
  return !survey->eight_bit && !survey->nul && !survey->lone_cr && !survey->cr &&
         !survey->long_line;
}

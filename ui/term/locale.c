#include "ui/term/term-private.h"

#include <langinfo.h>
#include <string.h>
#include <wchar.h>

bool
locale_is_utf8(void)
{
  const char *charset;
  return g_get_charset(&charset);
}

/* g_str_to_ascii() knows letters; these are the signs that views draw. */
static const struct { gunichar c; char ascii; } signs[] = {
    {0x2502, '|'}, {0x2500, '-'}, {0x2026, '.'}, {0x00b7, '.'}, {0x2022, '*'}, {0x251c, '|'},
    {0x2514, '`'}, {0x25b8, '>'}, {0x25cf, '*'}, {0x00a0, ' '}, {0x2019, '\''}, {0x2018, '\''},
    {0x201c, '"'}, {0x201d, '"'}, {0x2013, '-'}, {0x2014, '-'}, {0x2192, '>'}, {0x00ab, '"'},
    {0x00bb, '"'}, {0x2588, '#'}, {0x2007, ' '}, {0x2009, ' '}, {0x202f, ' '}, {0x2010, '-'},
    {0x2011, '-'},
};

static bool
locale_has(gunichar c)
{
  char bytes[16];
  mbstate_t state;
  memset(&state, 0, sizeof state);
  return wcrtomb(bytes, (wchar_t)c, &state) != (size_t)-1;
}

static void
transliterate(const struct cell *cell, wchar_t *out, int max)
{
  gunichar c = g_utf8_get_char(cell->text);
  char sign = '\0';
  for (size_t i = 0; i < G_N_ELEMENTS(signs); i++)
    if (signs[i].c == c)
      sign = signs[i].ascii;
  g_autofree char *ascii = sign != '\0' ? g_strndup(&sign, 1) : g_str_to_ascii(cell->text, "C");
  int n = 0;
  for (const char *at = ascii; *at != '\0' && n < cell->columns && n < max - 1; at++)
    out[n++] = (wchar_t)*at;
  while (n < cell->columns && n < max - 1)
    out[n++] = L' ';
  out[n] = L'\0';
}

void
locale_cell(const struct cell *cell, wchar_t *out, int max)
{
  int n = 0;
  bool known = true;
  for (const char *at = cell->text; *at != '\0' && n < max - 1; at = g_utf8_next_char(at)) {
    gunichar c = g_utf8_get_char(at);
    known = known && (c < 0x80 || locale_has(c));
    out[n++] = (wchar_t)c;
  }
  out[n] = L'\0';
  if (!known)
    transliterate(cell, out, max);
}

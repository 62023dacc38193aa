#include <string.h>

#include "base/text.h"
#include "ui/compose/compose.h"

#define SEPARATOR "-- "

/* Beginnings of folded words, whatever the language of the interface: people write
 * in several. */
static const char *const attached_words[] = {
    "attach", "enclosed", "allegat", "alleghi", "allego", "angehangt", "anhang", "piece jointe",
    "pieces jointes", "ci-joint", "adjunto", "adjunta", "anexo", "anexa", "bijlage", "bifogad",
    NULL};

static bool
begins_word(const char *text, const char *at)
{
  return at == text || !g_unichar_isalnum(g_utf8_get_char(g_utf8_prev_char(at)));
}

static bool
line_speaks(const char *line)
{
  g_autofree char *folded = text_fold(line, -1);
  for (const char *const *word = attached_words; *word != NULL; word++)
    for (const char *at = folded; (at = strstr(at, *word)) != NULL; at++)
      if (begins_word(folded, at))
        return true;
  return false;
}

bool
compose_speaks_of_attachment(const char *body)
{
  g_auto(GStrv) lines = g_strsplit(body != NULL ? body : "", "\n", -1);
  for (char **line = lines; *line != NULL; line++) {
    if (strcmp(*line, SEPARATOR) == 0 || g_str_has_prefix(*line, "---------- "))
      return false;
    if (**line != '>' && line_speaks(*line))
      return true;
  }
  return false;
}

char *
compose_replace_signature(const char *body, const char *old, const char *new)
{
  if (!g_str_has_suffix(body, old))
    return NULL;
  /* Without one of the old account's there may be one by hand. */
  if (*old == '\0' && strstr(body, "\n" SEPARATOR "\n") != NULL)
    return NULL;
  g_autofree char *kept = g_strndup(body, strlen(body) - strlen(old));
  return g_strconcat(kept, new, NULL);
}

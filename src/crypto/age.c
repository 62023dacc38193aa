#include "crypto/age.h"

#include <string.h>

#include "base/error.h"
#include "base/i18n.h"

#define FIRST "-----BEGIN AGE ENCRYPTED FILE-----"
#define LAST "-----END AGE ENCRYPTED FILE-----"
/* A nonce and the tag of an empty last chunk. */
#define SHORTEST_PAYLOAD 32
/* More stanzas than a letter has recipients. */
#define MOST_STANZAS 2000

struct line { const char *at; size_t length; };

static bool
next_line(const char **at, const char *end, struct line *line)
{
  const char *stop = *at < end ? memchr(*at, '\n', (size_t)(end - *at)) : NULL;
  if (stop == NULL)
    return false;
  *line = (struct line){*at, (size_t)(stop - *at)};
  *at = stop + 1;
  return true;
}

static bool
line_begins(const struct line *line, const char *text)
{
  size_t length = strlen(text);
  return line->length >= length && memcmp(line->at, text, length) == 0;
}

static GBytes *
bad(GError **error)
{
  error_set(error, POSTINO_ERROR_INVALID, "%s", _("the age data is damaged, or none at all"));
  return NULL;
}

GBytes *
age_armour_decode(const char *text, size_t length, GError **error)
{
  g_autofree char *whole = g_strndup(text, length);
  if (strlen(whole) != length)
    return bad(error);
  g_strstrip(whole);
  size_t first = strlen(FIRST), last = strlen(LAST), all = strlen(whole);
  if (all < first + last || !g_str_has_prefix(whole, FIRST) || !g_str_has_suffix(whole, LAST))
    return bad(error);
  whole[all - last] = '\0';
  for (const char *c = whole + first; *c != '\0'; c++)
    if (!g_ascii_isalnum(*c) && strchr("+/=\r\n", *c) == NULL)
      return bad(error);
  gsize size;
  guchar *data = g_base64_decode(whole + first, &size);
  return g_bytes_new_take(data, size);
}

static void
count_stanza(const struct line *line, struct age *age)
{
  if (line_begins(line, "-> X25519 ") || line_begins(line, "-> ssh-ed25519 ") ||
      line_begins(line, "-> ssh-rsa "))
    age->recipients++;
  else
    age->others++;
}

bool
age_read(GBytes *data, struct age *age_out, GError **error)
{
  gsize length;
  const char *at = g_bytes_get_data(data, &length), *end = length > 0 ? at + length : at;
  struct age age = {0};
  struct line line;
  if (length == 0 || !next_line(&at, end, &line) || line.length != 21 ||
      !line_begins(&line, "age-encryption.org/v1"))
    return bad(error) != NULL;
  while (next_line(&at, end, &line) && age.recipients + age.others < MOST_STANZAS) {
    if (line_begins(&line, "-> "))
      count_stanza(&line, &age);
    else if (line_begins(&line, "--- ")) {
      if (end - at < SHORTEST_PAYLOAD)
        break;
      *age_out = age;
      return true;
    } else if (line.length > 64)
      break;
  }
  return bad(error) != NULL;
}

#include "message/render-private.h"

#include <string.h>

#include "base/limits.h"

enum flavour { FLAVOUR_NONE, FLAVOUR_OTHER, FLAVOUR_PLAIN, FLAVOUR_HTML };

/* Is there anything but white space in its first bytes?  Some programs send an
 * empty plain alternative. */
static bool
is_blank(const struct mime_part *part)
{
  bool whole;
  g_autoptr(GBytes) head = mime_decode(part, LIMIT_KIB(4), &whole);
  gsize length;
  const char *bytes = g_bytes_get_data(head, &length);
  for (gsize i = 0; i < length; i++)
    if (!g_ascii_isspace(bytes[i]))
      return false;
  return whole;
}

/* What a child would show: for a multipart, what its first part would. */
static enum flavour
flavour_of(const struct mime *mime, int i)
{
  const struct mime_part *part = mime_part(mime, (guint)i);
  while (part->kind == MIME_MULTIPART && (i = mime_first(mime, i)) >= 0)
    part = mime_part(mime, (guint)i);
  if (part->kind != MIME_LEAF || mime_is_attachment(part))
    return FLAVOUR_NONE;
  if (mime_is(part, "text/html"))
    return FLAVOUR_HTML;
  if (mime_is(part, "text/plain"))
    return is_blank(part) ? FLAVOUR_NONE : FLAVOUR_PLAIN;
  return mime_is(part, "text/") && !mime_is(part, "text/calendar") ? FLAVOUR_OTHER : FLAVOUR_NONE;
}

int
mime_choose(const struct mime *mime, int alternative, bool html)
{
  int best = -1;
  enum flavour best_flavour = FLAVOUR_NONE;
  enum flavour wanted = html ? FLAVOUR_HTML : FLAVOUR_PLAIN;
  for (int i = mime_first(mime, alternative); i >= 0; i = mime_next(mime, i)) {
    enum flavour flavour = flavour_of(mime, i);
    if (best < 0 || flavour == wanted || (best_flavour != wanted && flavour >= best_flavour)) {
      best = i;
      best_flavour = flavour;
    }
  }
  return best;
}

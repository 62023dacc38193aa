/* GIO's errors, made ours.  Apart from error.c, so that who has no need of GIO is not
 * linked with it. */
#include <gio/gio.h>

#include "base/error.h"
#include "base/i18n.h"

static enum postino_error
code_of_gio(const GError *from)
{
  if (from->domain == G_FILE_ERROR)
    return from->code == G_FILE_ERROR_NOENT ? POSTINO_ERROR_NOTFOUND : POSTINO_ERROR_LOCAL;
  if (from->domain != G_IO_ERROR)
    return POSTINO_ERROR_BUG;
  switch (from->code) {
  case G_IO_ERROR_CANCELLED:
    return POSTINO_ERROR_CANCELLED;
  case G_IO_ERROR_NOT_FOUND:
    return POSTINO_ERROR_NOTFOUND;
  case G_IO_ERROR_TIMED_OUT:
    return POSTINO_ERROR_RETRY;
  case G_IO_ERROR_HOST_NOT_FOUND:
    return POSTINO_ERROR_HOST;
  default:
    return POSTINO_ERROR_LOCAL;
  }
}

bool
error_adopt(GError **error, GError *from)
{
  if (from->domain == POSTINO_ERROR)
    g_propagate_error(error, from);
  else {
    g_set_error(error, POSTINO_ERROR, code_of_gio(from), "%s",
                g_error_matches(from, G_IO_ERROR, G_IO_ERROR_CANCELLED) ? _("cancelled")
                                                                        : from->message);
    g_error_free(from);
  }
  return false;
}

#include "base/error.h"

#include <errno.h>

#include "base/i18n.h"

G_DEFINE_QUARK(postino-error, postino_error)

static const int exit_statuses[] = {
    [POSTINO_ERROR_RETRY] = 75,    [POSTINO_ERROR_AUTH] = 77,
    [POSTINO_ERROR_TRUST] = 77,    [POSTINO_ERROR_REFUSED] = 69,
    [POSTINO_ERROR_INVALID] = 65,  [POSTINO_ERROR_LOCAL] = 74,
    [POSTINO_ERROR_PROTOCOL] = 76, [POSTINO_ERROR_CANCELLED] = 75,
    [POSTINO_ERROR_BUG] = 70,      [POSTINO_ERROR_USAGE] = 64,
    [POSTINO_ERROR_NOTFOUND] = 66, [POSTINO_ERROR_HOST] = 68,
    [POSTINO_ERROR_CREATE] = 73,   [POSTINO_ERROR_CONFIG] = 78,
    [POSTINO_ERROR_UNSURE] = 75,
};

int
error_exit_status(const GError *error)
{
  if (error == NULL)
    return 0;
  if (error->domain != POSTINO_ERROR || error->code < 0 ||
      (size_t)error->code >= G_N_ELEMENTS(exit_statuses))
    return exit_statuses[POSTINO_ERROR_BUG];
  return exit_statuses[error->code];
}

static enum postino_error
code_of_errno(enum postino_error code, int errnum)
{
  if (code != POSTINO_ERROR_LOCAL)
    return code;
  switch (errnum) {
  case ENOENT:
  case ENOTDIR:
    return POSTINO_ERROR_NOTFOUND;
  case EACCES:
  case EPERM:
  case EROFS:
  case EEXIST:
    return POSTINO_ERROR_CREATE;
  default:
    return POSTINO_ERROR_LOCAL;
  }
}

bool
error_errno(GError **error, enum postino_error code, int errnum, const char *format, ...)
{
  va_list ap;
  va_start(ap, format);
  g_autofree char *what = g_strdup_vprintf(format, ap);
  va_end(ap);
  g_set_error(error, POSTINO_ERROR, code_of_errno(code, errnum), "%s: %s", what,
              g_strerror(errnum));
  return false;
}

bool
error_set(GError **error, enum postino_error code, const char *format, ...)
{
  va_list ap;
  va_start(ap, format);
  if (error != NULL)
    *error = g_error_new_valist(POSTINO_ERROR, code, format, ap);
  va_end(ap);
  return false;
}

bool
error_is(const GError *error, enum postino_error code)
{
  return g_error_matches(error, POSTINO_ERROR, (int)code);
}

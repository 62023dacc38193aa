#include "ui/report.h"

#include <errno.h>
#include <stdio.h>

#include "base/error.h"
#include "base/i18n.h"
#include "base/sanitize.h"

void
report_line(const char *line)
{
  g_autofree char *clean = sanitize_line(line, -1);
  fprintf(stderr, "%s\n", clean);
}

int
report_error(const GError *error)
{
  g_autofree char *line = g_strdup_printf("postino: %s", error->message);
  report_line(line);
  return error_exit_status(error);
}

int
report_flush(int status)
{
  if (fflush(stdout) == 0 && !ferror(stdout))
    return status;
  int errnum = errno;
  if (errnum == EPIPE)
    return status != 0 ? status : 74;
  g_autoptr(GError) error = NULL;
  error_errno(&error, POSTINO_ERROR_LOCAL, errnum, _("the output could not be written"));
  return report_error(error);
}

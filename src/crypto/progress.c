#include "crypto/progress.h"

#include <string.h>

#include "base/sanitize.h"
#include "base/text.h"

/* Microseconds: what ends before is not told of; between two that are. */
#define MOMENT 400000
#define EVERY 100000
/* Bytes that the manual allows for WHAT, and columns that are shown of it. */
#define LONGEST_WHAT 80
#define WIDEST_WHAT 40

static bool
is_odd(const char *what, uint64_t done, uint64_t total)
{
  g_autofree char *clean = sanitize_line(what, -1);
  return (total > 0 && done > total) || strlen(what) > LONGEST_WHAT || strcmp(clean, what) != 0;
}

static bool
is_due(struct progress *progress)
{
  gint64 now = g_get_monotonic_time();
  if (progress->tell == NULL || now - progress->began < MOMENT || now - progress->told < EVERY)
    return false;
  progress->told = now;
  return true;
}

bool
progress_take(struct progress *progress, const struct frame *frame)
{
  uint64_t done = frame_number(frame, FIELD_DONE, 0), total = frame_number(frame, FIELD_TOTAL, 0);
  g_autofree char *raw = frame_text(frame, FIELD_WHAT);
  const char *what = raw != NULL ? raw : "";
  bool grown = done > progress->done;
  progress->reports++;
  progress->done = MAX(done, progress->done);
  progress->odd = progress->odd || is_odd(what, done, total);
  if (!is_due(progress))
    return grown;
  g_autofree char *clean = sanitize_line(what, -1);
  g_autofree char *fit = text_fit(g_strstrip(clean), WIDEST_WHAT);
  progress->tell(progress->plugin, fit, MIN(done, total > 0 ? total : done), total, progress->data);
  return grown;
}

#include "base/log.h"

#include "base/sanitize.h"

static GMutex lock;
static log_sink the_sink;
static void *the_data;

void
log_set_sink(log_sink sink, void *data)
{
  g_mutex_lock(&lock);
  the_sink = sink;
  the_data = data;
  g_mutex_unlock(&lock);
}

bool
log_enabled(void)
{
  return the_sink != NULL;
}

void
log_dialogue(const char *who, char direction, const char *text, gssize length)
{
  if (!log_enabled())
    return;
  g_autofree char *clean = sanitize_line(text, length);
  g_autofree char *line = g_strdup_printf("%s %c %s", who, direction, clean);
  g_mutex_lock(&lock);
  the_sink(line, the_data);
  g_mutex_unlock(&lock);
}

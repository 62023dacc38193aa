#include "base/clock.h"

#define LOOK_EVERY (60 * G_USEC_PER_SEC)

static GMutex lock;

static GTimeZone *
zone(void)
{
  static GTimeZone *known;
  static gint64 looked;
  g_mutex_lock(&lock);
  gint64 now = g_get_monotonic_time();
  if (known == NULL || now - looked > LOOK_EVERY) {
    g_clear_pointer(&known, g_time_zone_unref);
    known = g_time_zone_new_local();
    looked = now;
  }
  GTimeZone *found = g_time_zone_ref(known);
  g_mutex_unlock(&lock);
  return found;
}

GDateTime *
clock_local(int64_t seconds)
{
  g_autoptr(GTimeZone) here = zone();
  g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(seconds);
  return time != NULL ? g_date_time_to_timezone(time, here) : NULL;
}

GDateTime *
clock_now(void)
{
  g_autoptr(GTimeZone) here = zone();
  return g_date_time_new_now(here);
}

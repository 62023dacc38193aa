#include "base/when.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/i18n.h"
#include "base/sanitize.h"
#include "base/text.h"

#define MINUTE 60
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define FARTHEST (366 * (int64_t)DAY)

/* "+1d12h". */
static bool
parse_span(const char *text, int64_t now, int64_t *seconds_out)
{
  static const struct { char unit; int seconds; } units[] = {
      {'w', 7 * DAY}, {'d', DAY}, {'h', HOUR}, {'m', MINUTE}, {'s', 1}};
  int64_t sum = 0;
  if (*text++ != '+' || *text == '\0')
    return false;
  while (*text != '\0') {
    char *end;
    guint64 count = g_ascii_strtoull(text, &end, 10);
    size_t unit = 0;
    while (unit < G_N_ELEMENTS(units) && units[unit].unit != g_ascii_tolower(*end))
      unit++;
    if (!g_ascii_isdigit(*text) || unit == G_N_ELEMENTS(units) || count > FARTHEST)
      return false;
    sum += (int64_t)count * units[unit].seconds;
    text = end + 1;
  }
  *seconds_out = now + sum;
  return true;
}

/* "8:00", "18:30". */
static bool
parse_clock(const char *text, int *minutes_out)
{
  g_auto(GStrv) words = g_strsplit(text, ":", 3);
  guint64 hour, minute;
  if (g_strv_length(words) != 2 || strlen(words[1]) != 2 ||
      !g_ascii_string_to_unsigned(words[0], 10, 0, 23, &hour, NULL) ||
      !g_ascii_string_to_unsigned(words[1], 10, 0, 59, &minute, NULL))
    return false;
  *minutes_out = (int)(hour * 60 + minute);
  return true;
}

/* Days from today: "today", "tomorrow", or the name of a day of the week, which is
 * never today. */
static bool
parse_day(const char *word, const GDateTime *today, int *days_out)
{
  static const char *const names[] = {"monday",   "tuesday", "wednesday", "thursday",
                                      "friday",   "saturday", "sunday"};
  *days_out = text_ascii_equal(word, "tomorrow");
  if (*days_out == 1 || text_ascii_equal(word, "today"))
    return true;
  for (int i = 0; i < (int)G_N_ELEMENTS(names); i++)
    if (text_ascii_equal(word, names[i])) {
      int ahead = (i + 1 - g_date_time_get_day_of_week((GDateTime *)today) + 7) % 7;
      *days_out = ahead == 0 ? 7 : ahead;
      return true;
    }
  return false;
}

static bool
take_date(GDateTime *when, int64_t *seconds_out)
{
  if (when == NULL)
    return false;
  *seconds_out = g_date_time_to_unix(when);
  g_date_time_unref(when);
  return true;
}

static bool
at_clock(GDateTime *today, int days, int minutes, int64_t *seconds_out)
{
  g_autoptr(GDateTime) day = g_date_time_add_days(today, days);
  return take_date(g_date_time_new_local(g_date_time_get_year(day), g_date_time_get_month(day),
                                         g_date_time_get_day_of_month(day), minutes / 60,
                                         minutes % 60, 0),
                   seconds_out);
}

/* "2026-03-01", with or without a time of the local zone. */
static bool
parse_date(const char *word, int minutes, int64_t *seconds_out)
{
  int year, month, day;
  char more;
  if (sscanf(word, "%4d-%2d-%2d%c", &year, &month, &day, &more) != 3)
    return false;
  return take_date(g_date_time_new_local(year, month, day, minutes / 60, minutes % 60, 0),
                   seconds_out);
}

static bool
parse_words(const char *text, int64_t now, int64_t *seconds_out)
{
  g_autoptr(GDateTime) today = g_date_time_new_from_unix_local(now);
  g_auto(GStrv) words = g_strsplit(text, " ", 3);
  guint count = g_strv_length(words);
  int minutes = WHEN_MORNING * 60, days;
  if (count == 1 && parse_clock(words[0], &minutes)) {
    if (!at_clock(today, 0, minutes, seconds_out))
      return false;
    return *seconds_out > now || at_clock(today, 1, minutes, seconds_out);
  }
  if (count < 1 || count > 2 || (count == 2 && !parse_clock(words[1], &minutes)))
    return false;
  if (parse_day(words[0], today, &days))
    return at_clock(today, days, minutes, seconds_out);
  return parse_date(words[0], minutes, seconds_out);
}

static bool
parse_rfc3339(const char *text, int64_t *seconds_out)
{
  g_autoptr(GTimeZone) local = g_time_zone_new_local();
  return strchr(text, 'T') != NULL &&
         take_date(g_date_time_new_from_iso8601(text, local), seconds_out);
}

bool
when_parse(const char *text, int64_t now, int64_t *seconds_out, GError **error)
{
  g_autofree char *clean = sanitize_line(text, -1);
  int64_t seconds = 0;
  if (!parse_span(clean, now, &seconds) && !parse_rfc3339(clean, &seconds) &&
      !parse_words(clean, now, &seconds))
    return error_set(error, POSTINO_ERROR_USAGE,
                     _("\"%s\" is no time; write \"+2h\", \"18:30\", \"tomorrow 8:00\", \"friday "
                       "9:00\" or \"2026-03-01 8:00\""),
                     clean);
  if (seconds <= now || seconds - now > FARTHEST)
    return error_set(error, POSTINO_ERROR_USAGE,
                     seconds <= now ? _("\"%s\" is past") : _("\"%s\" is more than a year away"),
                     clean);
  *seconds_out = seconds;
  return true;
}

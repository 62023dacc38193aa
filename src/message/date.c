#include <string.h>

#include "message/headers.h"

/* Words and numbers of a date are read in any order that makes one: RFC 5322
 * 3.3 and 4.3, asctime(), and what real senders write. */
struct date {
  int day, month, year, hour, minute, second, zone;
  bool has_zone;
};

static const char months[] = "janfebmaraprmayjunjulaugsepoctnovdec";

struct zone { const char *name; int hours; };
static const struct zone zones[] = {
    {"ut", 0},   {"utc", 0},  {"gmt", 0},  {"z", 0},    {"est", -5}, {"edt", -4},
    {"cst", -6}, {"cdt", -5}, {"mst", -7}, {"mdt", -6}, {"pst", -8}, {"pdt", -7},
    {"cet", 1},  {"cest", 2}, {"met", 1},  {"mest", 2}, {"bst", 1},  {"jst", 9},
};

static int
month_of(const char *word, size_t length)
{
  if (length < 3)
    return 0;
  for (int i = 0; i < 12; i++)
    if (g_ascii_strncasecmp(word, months + 3 * i, 3) == 0)
      return i + 1;
  return 0;
}

static void
take_word(struct date *date, const char *word, size_t length)
{
  int month = month_of(word, length);
  if (month != 0 && date->month == 0) {
    date->month = month;
    return;
  }
  for (size_t i = 0; i < G_N_ELEMENTS(zones); i++)
    if (strlen(zones[i].name) == length && g_ascii_strncasecmp(word, zones[i].name, length) == 0 &&
        !date->has_zone) {
      date->zone = zones[i].hours * 3600;
      date->has_zone = true;
    }
}

/* Digits at `at`, at most nine of them; how many in *count_out. */
static int
number(const char *at, int *count_out)
{
  int n = 0, count = 0;
  for (; g_ascii_isdigit(at[count]) && count < 9; count++)
    n = n * 10 + (at[count] - '0');
  *count_out = count;
  return n;
}

static const char *
take_clock(struct date *date, const char *at, int hour)
{
  int count;
  date->hour = hour;
  date->minute = number(at + 1, &count);
  at += 1 + count;
  if (count != 2)
    date->minute = -1;
  if (*at == ':') {
    date->second = number(at + 1, &count);
    at += 1 + count;
  }
  return at;
}

/* RFC 5322, 4.3: two digits below 50 are 20xx, else and three digits 19xx. */
static int
full_year(int year, int digits)
{
  if (digits == 2)
    return year < 50 ? 2000 + year : 1900 + year;
  return digits == 3 ? 1900 + year : year;
}

static const char *
take_number(struct date *date, const char *at)
{
  int count, n = number(at, &count);
  at += count;
  if (*at == ':' && date->hour < 0)
    return take_clock(date, at, n);
  if (date->day == 0 && count <= 2)
    date->day = n;
  else if (date->year == 0 && count >= 2 && count <= 4)
    date->year = full_year(n, count);
  while (g_ascii_isdigit(*at))
    at++;
  return at;
}

static const char *
take_zone(struct date *date, const char *at)
{
  int count, n = number(at + 1, &count);
  if (count == 4 && n % 100 < 60 && n <= 1400) {
    date->zone = (n / 100 * 60 + n % 100) * 60 * (*at == '-' ? -1 : 1);
    date->has_zone = true;
  }
  return at + 1 + count;
}

static const char *
skip_comment(const char *at)
{
  int depth = 0;
  do {
    if (*at == '(')
      depth++;
    else if (*at == ')')
      depth--;
    else if (*at == '\\' && at[1] != '\0')
      at++;
    at++;
  } while (depth > 0 && *at != '\0');
  return at;
}

/* Longest value that is looked at: real dates have under 50 characters. */
#define LONGEST 200

static bool
read_date(const char *value, struct date *date)
{
  *date = (struct date){.hour = -1};
  for (const char *at = value; *at != '\0' && at - value < LONGEST;) {
    const char *start = at;
    if (g_ascii_isalpha(*at)) {
      while (g_ascii_isalpha(*at))
        at++;
      take_word(date, start, (size_t)(at - start));
    } else if (g_ascii_isdigit(*at))
      at = take_number(date, at);
    else if ((*at == '+' || *at == '-') && date->hour >= 0 && g_ascii_isdigit(at[1]))
      at = take_zone(date, at);
    else if (*at == '(')
      at = skip_comment(at);
    else
      at++;
  }
  return date->month != 0 && date->day != 0 && date->year != 0;
}

static int
days_of(int month, int year)
{
  static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return days[month - 1] + (month == 2 && leap);
}

static bool
is_real(const struct date *date)
{
  return date->year >= 1900 && date->year <= 9999 && date->day >= 1 &&
         date->day <= days_of(date->month, date->year) && date->hour >= 0 && date->hour <= 23 &&
         date->minute >= 0 && date->minute <= 59 && date->second >= 0 && date->second <= 60;
}

/* Days from 1970-01-01 in the Gregorian calendar, by years that begin in March. */
static int64_t
days_since_1970(int year, int month, int day)
{
  int64_t y = year - (month <= 2);
  int64_t era = y / 400, of_era = y - era * 400;
  int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

bool
headers_parse_date(const char *value, int64_t *seconds_out)
{
  struct date date;
  if (value == NULL || !read_date(value, &date) || !is_real(&date))
    return false;
  *seconds_out = days_since_1970(date.year, date.month, date.day) * 86400 +
                 date.hour * 3600 + date.minute * 60 + date.second - date.zone;
  return true;
}

bool
headers_parse_zone(const char *value, int *seconds_out)
{
  struct date date;
  if (value == NULL || !read_date(value, &date) || !date.has_zone)
    return false;
  *seconds_out = date.zone;
  return true;
}

/* The date behind the last ';' of a Received value. */
static bool
received_date(const char *value, int64_t *seconds_out)
{
  const char *semicolon = strrchr(value, ';');
  return semicolon != NULL && headers_parse_date(semicolon + 1, seconds_out);
}

#define DAY 86400

int64_t
headers_date(const struct headers *headers, int64_t arrival)
{
  int64_t seconds;
  const char *value = headers_get(headers, "Date");
  if (value != NULL && headers_parse_date(value, &seconds) && seconds >= DAY &&
      seconds <= arrival + DAY)
    return seconds;
  for (guint i = 0; i < headers_count(headers); i++)
    if (g_ascii_strcasecmp(headers_name(headers, i), "Received") == 0 &&
        received_date(headers_value(headers, i), &seconds) && seconds >= DAY &&
        seconds <= arrival + DAY)
      return seconds;
  return arrival;
}

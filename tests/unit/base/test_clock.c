#include "base/clock.h"

#include "tests/unit/test.h"

static void
times_are_told_in_the_zone_of_the_user(void **state)
{
  static const struct { int64_t seconds; const char *text; } times[] = {
      {0, "1970-01-01 02:00 +0200"},
      {1500000000, "2017-07-14 04:40 +0200"},
      {-86400, "1969-12-31 02:00 +0200"},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(times); i++) {
    g_autoptr(GDateTime) time = clock_local(times[i].seconds);
    g_autofree char *text = g_date_time_format(time, "%Y-%m-%d %H:%M %z");
    assert_string_equal(text, times[i].text);
  }
}

static void
a_time_beyond_every_calendar_is_none(void **state)
{
  assert_null(clock_local(INT64_MAX));
  assert_null(clock_local(INT64_MIN));
}

static void
now_is_told_in_the_same_zone(void **state)
{
  g_autoptr(GDateTime) now = clock_now();
  assert_int_equal(g_date_time_get_utc_offset(now), 2 * G_TIME_SPAN_HOUR);
}

int
main(void)
{
  g_setenv("TZ", "<+02>-2", TRUE);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(times_are_told_in_the_zone_of_the_user),
      cmocka_unit_test(a_time_beyond_every_calendar_is_none),
      cmocka_unit_test(now_is_told_in_the_same_zone),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

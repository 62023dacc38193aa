#include <stdlib.h>
#include <time.h>

#include "base/error.h"
#include "base/when.h"
#include "tests/unit/test.h"

/* Wednesday, 25 November 2026, 23:30 in Rome. */
#define NOW 1795645800

static const struct { const char *text; int64_t after; } good[] = {
    {"+2h", 7200},
    {"+1d12h", 129600},
    {"+1w", 604800},
    {"+90s", 90},
    {"23:45", 900},
    {"8:00", 30600},          /* that of tomorrow */
    {"tomorrow 8:00", 30600},
    {"tomorrow", 30600},
    {"Thursday 8:00", 30600},
    {"wednesday 8:00", 6 * 86400 + 30600},
    {"2026-11-26 8:00", 30600},
    {"2026-11-26", 30600},
    {"2026-11-26T08:00:00+01:00", 30600},
    {"2026-11-26T07:00:00Z", 30600},
    {"2026-11-26T08:00:00", 30600},
};

static void
a_moment_is_read_as_it_is_meant(void **state)
{
  for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
    int64_t seconds = 0;
    g_autoptr(GError) error = NULL;
    if (!when_parse(good[i].text, NOW, &seconds, &error) || seconds - NOW != good[i].after)
      fail_msg("%s: %" G_GINT64_FORMAT " (%s)", good[i].text, seconds - NOW,
               error != NULL ? error->message : "");
  }
}

static void
what_is_no_moment_or_past_is_refused(void **state)
{
  static const char *const bad[] = {"", "+", "+2", "+h", "2h", "+2x", "+99999999999d", "25:00",
                                    "8:60", "8", "yesterday", "today 8:00", "2026-11-31",
                                    "2025-01-01", "2030-01-01", "tomorrow 8:00 sharp",
                                    "tomorrow\n8:00x", "2026-11-26T08:00:00+01:00x"};
  for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
    int64_t seconds = 0;
    g_autoptr(GError) error = NULL;
    if (when_parse(bad[i], NOW, &seconds, &error))
      fail_msg("%s: %" G_GINT64_FORMAT, bad[i], seconds - NOW);
    assert_int_equal(error_exit_status(error), 64);
  }
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_moment_is_read_as_it_is_meant),
      cmocka_unit_test(what_is_no_moment_or_past_is_refused),
  };
  setenv("TZ", "Europe/Rome", 1);
  tzset();
  return cmocka_run_group_tests(tests, NULL, NULL);
}

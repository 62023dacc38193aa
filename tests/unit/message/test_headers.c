#include "message/headers.h"

#include "base/limits.h"
#include "tests/unit/test.h"

static struct headers *
parse(const char *text)
{
  size_t length = strlen(text);
  char *exact = exact_copy(text, length);
  struct headers *headers = headers_parse(exact, length);
  free(exact);
  return headers;
}

struct row { const char *in, *name, *value; size_t body; };

static void
fields_are_found_and_unfolded(void **state)
{
  static const struct row rows[] = {
      {"Subject: a\n b\r\n\tc\r\n\r\nbody", "subject", "a b\tc", 21},
      {"From x@y Mon\nSubject: a\n\nb", "Subject", "a", 25},
      {">From x\nSubject: a\n\nb", "Subject", "a", 20},
      {"Subject: a\nno field\nX: y\n", "X", NULL, 11},
      {"Subject : a\n\n", "Subject", "a", 13},
      {"Subject:\n\n", "Subject", "", 10},
      {"Subject: a", "Subject", "a", 10},
      {"\nSubject: a", "Subject", NULL, 1},
      {" leading\nSubject: a", "Subject", NULL, 0},
      {"Just text\n", "Subject", NULL, 0},
      {"Subject: a\rb\n\n", "Subject", "a b", 14},
      {"", "Subject", NULL, 0},
      {"\r\n", "Subject", NULL, 2},
      {":\n", "Subject", NULL, 0},
      {"Subject: first\nSubject: second\n\n", "Subject", "first", 32},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autoptr(headers_t) headers = parse(rows[i].in);
    const char *value = headers_get(headers, rows[i].name);
    if (rows[i].value == NULL)
      assert_null(value);
    else
      assert_string_equal(value, rows[i].value);
    assert_int_equal(headers_body(headers), rows[i].body);
  }
}

static void
nul_in_a_field_is_shown_not_an_end(void **state)
{
  static const char bytes[] = "From: a@x\0@evil\n\n";
  g_autoptr(headers_t) headers = headers_parse(bytes, sizeof bytes - 1);
  g_autofree char *text = headers_text(headers, "From");
  assert_string_equal(text, "a@x\xef\xbf\xbd@evil");
}

struct date_row { const char *in; bool good; int64_t seconds; };

static void
dates_are_read_and_checked(void **state)
{
  static const struct date_row rows[] = {
      {"Mon, 23 Nov 2026 20:56:18 +0000", true, 1795467378},
      {"Mon, 23 Nov 2026 21:56:18 +0100", true, 1795467378},
      {"23 Nov 26 20:56:18 GMT", true, 1795467378},
      {"Mon Nov 23 20:56:18 2026", true, 1795467378},
      {"Mon, 23 Nov 2026 15:56:18 EST", true, 1795467378},
      {"Mon, 23 Nov 2026 20:56 +0000 (UTC (nested))", true, 1795467360},
      {"1 Jan 1970 00:00:00 +0000", true, 0},
      {"29 Feb 2024 00:00:00 +0000", true, 1709164800},
      {"1 Jan 99 00:00:00 +0000", true, 915148800},
      {"31 Feb 2026 00:00:00 +0000", false, 0},
      {"29 Feb 2025 00:00:00 +0000", false, 0},
      {"1 Jan 2026 25:61:00 +0000", false, 0},
      {"1 Foo 2026 00:00:00", false, 0},
      {"1 Jan 99999999999999999999 00:00:00", false, 0},
      {"", false, 0},
      {"(((((", false, 0},
      {"1 Jan 2026", false, 0},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    int64_t seconds = 0;
    assert_int_equal(headers_parse_date(rows[i].in, &seconds), rows[i].good);
    assert_int_equal(seconds, rows[i].seconds);
  }
  int zone;
  assert_true(headers_parse_zone("23 Nov 2026 20:56:18 -0330", &zone));
  assert_int_equal(zone, -12600);
  assert_false(headers_parse_zone("23 Nov 2026 20:56:18", &zone));
}

static void
a_letters_date_falls_back(void **state)
{
  g_autoptr(headers_t) good = parse("Date: 23 Nov 2026 20:56:18 +0000\n\n");
  assert_int_equal(headers_date(good, 1795467378), 1795467378);
  g_autoptr(headers_t) future = parse("Received: from a by b; 23 Nov 2026 20:00:00 +0000\n"
                                      "Date: 23 Nov 2036 20:56:18 +0000\n\n");
  assert_int_equal(headers_date(future, 1795467378), 1795464000);
  g_autoptr(headers_t) none = parse("Subject: x\n\n");
  assert_int_equal(headers_date(none, 77777), 77777);
}

static void
ids_are_clean_and_unique(void **state)
{
  g_autoptr(headers_t) headers = parse("Message-ID: <a b@x>\n"
                                       "References: <1@x> <2@x>\n <1@x> junk <>\n"
                                       "In-Reply-To: <2@x> <3@x>\n\n");
  g_autofree char *id = headers_message_id(headers);
  assert_string_equal(id, "ab@x");
  g_auto(GStrv) references = headers_references(headers);
  g_autofree char *joined = g_strjoinv(" ", references);
  assert_string_equal(joined, "1@x 2@x 3@x");
}

static void
only_the_newest_references_are_kept(void **state)
{
  g_autoptr(GString) text = g_string_new("References:");
  for (int i = 0; i < 1000; i++)
    g_string_append_printf(text, " <%d@x>", i);
  g_string_append(text, "\n\n");
  g_autoptr(headers_t) headers = parse(text->str);
  g_auto(GStrv) references = headers_references(headers);
  assert_int_equal(g_strv_length(references), 200);
  assert_string_equal(references[199], "999@x");
}

static void
a_digest_forgets_status_and_line_ends(void **state)
{
  static const char *const same[] = {
      "Subject: a\nTo: b\n\nbody",
      "Subject: a\r\nTo: b\r\n\r\nother body",
      "Status: RO\nSubject: a\nX-UIDL: 1\nTo: b\nX-Status:\n A\n\n",
  };
  g_autofree char *first = headers_digest(same[0], strlen(same[0]));
  assert_int_equal(strlen(first), 64);
  for (size_t i = 1; i < G_N_ELEMENTS(same); i++) {
    g_autofree char *digest = headers_digest(same[i], strlen(same[i]));
    assert_string_equal(digest, first);
  }
  g_autofree char *other = headers_digest("Subject: b\nTo: b\n\n", 18);
  assert_string_not_equal(other, first);
}

static void
hostile_blocks_are_linear_and_bounded(void **state)
{
  static const char *const units[] = {"A: b\n", "A", " \n", "A: b\n c\n", "\r", "A:\n \n", "From \n"};
  for (size_t i = 0; i < G_N_ELEMENTS(units); i++) {
    g_autoptr(GString) hostile = g_string_new("X: y\n");
    while (hostile->len < 5000000)
      g_string_append(hostile, units[i]);
    gint64 start = g_get_monotonic_time();
    g_autoptr(headers_t) headers = headers_parse(hostile->str, hostile->len);
    g_autofree char *digest = headers_digest(hostile->str, hostile->len);
    g_auto(GStrv) references = headers_references(headers);
    assert_true(headers_count(headers) <= LIMIT_FIELDS);
    assert_int_equal(strlen(digest), 64);
    assert_true(g_strv_length(references) <= 200);
    assert_true(g_get_monotonic_time() - start < 30 * G_USEC_PER_SEC);
  }
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(fields_are_found_and_unfolded),
      cmocka_unit_test(nul_in_a_field_is_shown_not_an_end),
      cmocka_unit_test(dates_are_read_and_checked),
      cmocka_unit_test(a_letters_date_falls_back),
      cmocka_unit_test(ids_are_clean_and_unique),
      cmocka_unit_test(only_the_newest_references_are_kept),
      cmocka_unit_test(a_digest_forgets_status_and_line_ends),
      cmocka_unit_test(hostile_blocks_are_linear_and_bounded),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

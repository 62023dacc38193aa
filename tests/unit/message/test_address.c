#include "message/address.h"

#include "base/error.h"
#include "base/limits.h"
#include "tests/unit/test.h"

/* Mailboxes written as "NAME|SPEC", one a line. */
struct row { const char *in, *out; };

static char *
spell(const GPtrArray *list)
{
  GString *out = g_string_new(NULL);
  for (guint i = 0; i < list->len; i++) {
    const struct address *a = g_ptr_array_index(list, i);
    g_string_append_printf(out, "%s%s|%s", i > 0 ? "\n" : "", a->name != NULL ? a->name : "", a->spec);
  }
  return g_string_free(out, FALSE);
}

static void
header_values_become_mailboxes(void **state)
{
  static const struct row rows[] = {
      {"anna@x.example", "|anna@x.example"},
      {"Anna Rossi <anna@x.example>", "Anna Rossi|anna@x.example"},
      {"\"Rossi, Anna\" <anna@x.example>, b@y", "Rossi, Anna|anna@x.example\n|b@y"},
      {"=?utf-8?q?Perch=C3=A9?= <p@x>", "Perché|p@x"},
      {"=?utf-8?q?a=2C_b=40evil=2C?= <p@x>", "a, b@evil,|p@x"},
      {"\"=?utf-8?q?Perch=C3=A9?=\" <p@x>", "Perché|p@x"},
      {"anna@x (Anna)", "Anna|anna@x"},
      {"friends: a@x, B <b@y>; c@z", "|a@x\nB|b@y\n|c@z"},
      {"undisclosed-recipients:;", ""},
      {"<@route,@b:anna@x>", "|anna@x"},
      {"John Doe", "|John Doe"},
      {"a@x,,b@y;;", "|a@x\n|b@y"},
      {"\"unclosed <a@x>", "|\"unclosed <a@x>\""},
      {"A <a@x", "A|a@x"},
      {"(((((", ""},
      {"\"quoted local\"@x", "|\"quoted local\"@x"},
      {"< anna @ x >", "|anna@x"},
      {"J\xf6rg <j@x>", "Jörg|j@x"},
      {"A <>", "|A"},
      {"a\x01\x1b[31m <a@x>", "a\xef\xbf\xbd\xef\xbf\xbd[31m|a@x"},
      {"", ""},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    size_t length = strlen(rows[i].in);
    char *exact = exact_copy(rows[i].in, length);
    g_autoptr(GPtrArray) list = address_parse_header(exact, (gssize)length);
    g_autofree char *out = spell(list);
    assert_string_equal(out, rows[i].out);
    free(exact);
  }
}

static void
typed_addresses_are_read_whole(void **state)
{
  static const struct row rows[] = {
      {"", ""},
      {"a@x.example; b@y", "|a@x.example\n|b@y"},
      {"Rossi, Anna <a@x>", "Rossi, Anna|a@x"},
      {"b@y, Rossi, Anna <a@x>", "|b@y\nRossi, Anna|a@x"},
      {"\"Rossi \\\"Nina\\\", A.\" <a@x>", "Rossi \"Nina\", A.|a@x"},
      {"a@x (Anna), b@y,", "Anna|a@x\n|b@y"},
      {"Señor Ünï <ü@müller.example>", "Señor Ünï|ü@müller.example"},
      {"a@[127.0.0.1]", "|a@[127.0.0.1]"},
      {"Re: hello <a@x>", "Re: hello|a@x"},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) list = address_parse_typed(rows[i].in, &error);
    assert_null(error);
    g_autofree char *out = spell(list);
    assert_string_equal(out, rows[i].out);
  }
}

static void
typed_nonsense_is_refused_with_its_place(void **state)
{
  static const char *const rows[] = {
      "anna",          "a@x b@y",       "foo@bar@baz",         "a@x\r\nBcc: y@z", "a@x\nb@y",
      "A <a@x",        "A <a@x> b",     "\"A <a@x>",           "Doe, a@x, John <j@x>", "<>",
      "a@x\x1b[31m",   "a b@x",         "\"a\" b@x",           "a@",              "@x",
      "a@x..y",        "a@-x",          "A (x <a@x>",          "a<b@x>c",         "a@x\xc2\x85",
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) list = address_parse_typed(rows[i], &error);
    assert_null(list);
    assert_true(error_is(error, POSTINO_ERROR_INVALID));
  }
}

static void
only_usable_specs_are_valid(void **state)
{
  static const char *const good[] = {"a@x", "a.b+c@x.example", "\"a..b\"@x", "\"a b c\"@x", "ü@x", "a@[IPv6:::1]",
                                     "a@localhost", "o'neil@x"};
  static const char *const bad[] = {"",      "a",     "a@",    "@x",   "a b@x",    "a@x y",  "<a@x>",
                                    "a@b@c", "a..b@x", ".a@x", "a.@x", "a@.x",     "a@x.",   "a@x\n",
                                    "\" a\"@x", "\"a \"@x", "\"a  b\"@x", "\"a\tb\"@x", "\"a\\ b\"@x", "\"a b@x", ("a@\xe2\x80\xae" "x"), "a@x>", "\xff@x", "a\xc2\xa0@x",
                                    "a,b@x", "a@x,b"};
  for (size_t i = 0; i < G_N_ELEMENTS(good); i++)
    assert_true(address_is_valid_spec(good[i]));
  for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
    assert_false(address_is_valid_spec(bad[i]));
}

static void
formatting_quotes_what_needs_it_and_reads_back(void **state)
{
  static const char *const names[] = {"Anna", "Rossi, Anna", "A \"B\" \\C", "a@b", "Dott. X", "é"};
  for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
    g_autoptr(address_t) address = address_new(names[i], "a@x");
    g_autofree char *text = address_format(address);
    g_autoptr(GPtrArray) list = address_parse_typed(text, NULL);
    assert_non_null(list);
    assert_int_equal(list->len, 1);
    const struct address *back = g_ptr_array_index(list, 0);
    assert_string_equal(back->name, names[i]);
    assert_string_equal(back->spec, "a@x");
  }
}

static void
case_does_not_part_mailboxes(void **state)
{
  assert_true(address_same("Anna@X.example", "anna@x.EXAMPLE"));
  assert_true(address_same("Ü@x", "ü@x"));
  assert_false(address_same("a@x", "b@x"));
}

static void
hostile_lists_are_linear_and_bounded(void **state)
{
  static const char *const units[] = {"a@x,", "(", ";", "a:", "\"", "<", "\\", "<@", "a@x;:", "="};
  for (size_t i = 0; i < G_N_ELEMENTS(units); i++) {
    g_autoptr(GString) hostile = g_string_new(NULL);
    while (hostile->len < 160000)
      g_string_append(hostile, units[i]);
    gint64 start = g_get_monotonic_time();
    g_autoptr(GPtrArray) list = address_parse_header(hostile->str, (gssize)hostile->len);
    assert_true(list->len <= LIMIT_ADDRESSES);
    assert_true(g_get_monotonic_time() - start < 30 * G_USEC_PER_SEC);
  }
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(header_values_become_mailboxes),
      cmocka_unit_test(typed_addresses_are_read_whole),
      cmocka_unit_test(typed_nonsense_is_refused_with_its_place),
      cmocka_unit_test(only_usable_specs_are_valid),
      cmocka_unit_test(formatting_quotes_what_needs_it_and_reads_back),
      cmocka_unit_test(case_does_not_part_mailboxes),
      cmocka_unit_test(hostile_lists_are_linear_and_bounded),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

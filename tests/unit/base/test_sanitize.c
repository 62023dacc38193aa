#include "base/sanitize.h"

#include "tests/unit/test.h"

struct row {
  const char *in;
  const char *out;
};

static void
controls_never_reach_a_line(void **state)
{
  static const struct row rows[] = {
      {"plain", "plain"},
      {"a\x1b[31mb", "a\xef\xbf\xbd[31mb"},
      {"tab\tand\r\nline", "tab and line"},
      {"c1 \xc2\x9b" "31m", "c1 \xef\xbf\xbd" "31m"},
      {"raw c1 \x9b" "31m", "raw c1 \xef\xbf\xbd" "31m"},
      {"del\x7f", "del\xef\xbf\xbd"},
      {"rlo \xe2\x80\xae" "exe.txt", "rlo exe.txt"},
      {"zero\xe2\x80\x8bwidth", "zerowidth"},
      {"perché 東京", "perché 東京"},
      {"", ""},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    size_t length = strlen(rows[i].in);
    char *exact = exact_copy(rows[i].in, length);
    g_autofree char *out = sanitize_line(exact, (gssize)length);
    assert_string_equal(out, rows[i].out);
    free(exact);
  }
}

static void
a_nul_byte_is_shown_not_obeyed(void **state)
{
  g_autofree char *out = sanitize_line("a\0b", 3);
  assert_string_equal(out, "a\xef\xbf\xbd" "b");
}

static void
text_keeps_its_lines(void **state)
{
  g_autofree char *out = sanitize_text("a\r\nb\rc\n\td\x1b]0;x\x07", -1);
  assert_string_equal(out, "a\nb\nc\n\td\xef\xbf\xbd]0;x\xef\xbf\xbd");
}

static void
file_names_stay_in_their_directory(void **state)
{
  static const struct row rows[] = {
      {"report.pdf", "report.pdf"},
      {"../../etc/passwd", "passwd"},
      {"..", "part"},
      {"-rf", "rf"},
      {".bashrc", "bashrc"},
      {"C:\\temp\\a.doc", "a.doc"},
      {"a\nb", "a b"},
      {"fattura \xe2\x80\xae" "fdp.exe", "fattura fdp.exe"},
      {"", "part"},
      {"evil/", "evil"},
      {"a\x1b[2Jb.txt", "a[2Jb.txt"},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autofree char *out = sanitize_filename(rows[i].in, "part");
    assert_string_equal(out, rows[i].out);
  }
}

static void
a_long_name_is_cut_between_characters(void **state)
{
  GString *name = g_string_new(NULL);
  for (int i = 0; i < 300; i++)
    g_string_append(name, "é");
  g_autofree char *out = sanitize_filename(name->str, "part");
  assert_true(strlen(out) <= 200);
  assert_true(g_utf8_validate(out, -1, NULL));
  g_string_free(name, TRUE);
}

static void
bidi_controls_are_reported(void **state)
{
  assert_true(sanitize_has_bidi("a\xe2\x80\xae", -1));
  assert_false(sanitize_has_bidi("שלום", -1));
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(controls_never_reach_a_line),
      cmocka_unit_test(a_nul_byte_is_shown_not_obeyed),
      cmocka_unit_test(text_keeps_its_lines),
      cmocka_unit_test(file_names_stay_in_their_directory),
      cmocka_unit_test(a_long_name_is_cut_between_characters),
      cmocka_unit_test(bidi_controls_are_reported),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

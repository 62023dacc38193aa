#include "message/words.h"

#include "message/charset.h"
#include "message/params.h"
#include "tests/unit/test.h"

struct row { const char *in, *out; };

static void
encoded_words_are_decoded(void **state)
{
  static const struct row rows[] = {
      {"plain", "plain"},
      {"=?UTF-8?Q?Perch=C3=A9?=", "Perché"},
      {"=?utf-8?b?UGVyY2jDqQ==?=", "Perché"},
      {"=?iso-8859-1?q?Caff=E8_=80?= si", "Caffè € si"},
      {"=?UTF-8?B?4p0=?= =?UTF-8?B?pA==?=", "❤"},
      {"a =?utf-8?q?b?= c", "a b c"},
      {"=?utf-8?q?a?=  =?utf-8?q?b?=", "ab"},
      {"=?ISO-2022-JP?B?GyRCJUYlOSVIGyhC?=", "テスト"},
      {"=?gb2312?B?1tDOxA==?=", "中文"},
      {"=?ks_c_5601-1987?B?x9GxuQ==?=", "한국"},
      {"=?utf-8*en?Q?lang?=", "lang"},
      {"=?nonsense?Q?abc?=", "abc"},
      {"=??Q?x?=", "x"},
      {"=?utf-8?x?abc?=", "=?utf-8?x?abc?="},
      {"=?utf-8?Q?abc", "=?utf-8?Q?abc"},
      {"caf\xe8", "cafè"},
      {"caf\xc3\xa8", "cafè"},
      {"=?utf-8?Q?a=0D=0ABcc:_x=1B[31m?=", "a Bcc: x\xef\xbf\xbd[31m"},
      {"=?utf-8?Q?a=00b?=", "a\xef\xbf\xbd" "b"},
      {"=?utf-8?B?4oCuZXZpbA==?=", "evil"},
      {"=?utf-8?B?!!!!?=", ""},
      {"=?UTF-16BE?B?AGEAYg==?=", "ab"},
      {"=?utf-8?Q?has a blank?=", "has a blank"},
      {"", ""},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    size_t length = strlen(rows[i].in);
    char *exact = exact_copy(rows[i].in, length);
    g_autofree char *out = words_decode(exact, (gssize)length);
    assert_string_equal(out, rows[i].out);
    free(exact);
  }
}

static void
what_is_encoded_decodes_to_the_same(void **state)
{
  static const char *const texts[] = {
      "plain subject", "Perché no?", "東京都の長い題名はどこまでも続くのであるから折り返される",
      "mixed ASCII words and then Città di Castello and then more ASCII words that go on and on",
      "=?utf-8?q?not_a_word?=", " leading", "trailing ", "two  blanks", "é", "",
      "🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉",
      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
  };
  for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
    g_autoptr(GString) out = g_string_new("Subject: ");
    words_encode(out, texts[i], false, out->len);
    assert_true(g_str_is_ascii(out->str));
    g_auto(GStrv) lines = g_strsplit(out->str, "\r\n", -1);
    for (char **line = lines; *line != NULL; line++) {
      assert_true(strlen(*line) <= 76 || strncmp(texts[i], "aaaa", 4) == 0);
      assert_true(line == lines || **line == ' ');
    }
    g_autofree char *joined = g_strjoinv("", lines);
    g_autofree char *back = words_decode(joined + 9, -1);
    g_autofree char *want = g_strstrip(g_strdup(texts[i]));
    assert_string_equal(back, want);
  }
}

static void
no_encoded_word_is_longer_than_75(void **state)
{
  g_autoptr(GString) text = g_string_new(NULL);
  for (int i = 0; i < 300; i++)
    g_string_append(text, i % 7 == 0 ? "漢" : i % 3 == 0 ? "é" : "x");
  g_autoptr(GString) out = g_string_new("Subject: ");
  words_encode(out, text->str, false, out->len);
  g_auto(GStrv) words = g_strsplit_set(out->str, " \r\n", -1);
  for (char **word = words; *word != NULL; word++)
    assert_true(strlen(*word) <= 75);
}

static void
a_value_full_of_beginnings_is_linear(void **state)
{
  g_autoptr(GString) hostile = g_string_new(NULL);
  for (int i = 0; i < 20000; i++)
    g_string_append(hostile, "=?a?q?=?=?utf-8?b?");
  gint64 start = g_get_monotonic_time();
  g_autofree char *out = words_decode(hostile->str, (gssize)hostile->len);
  assert_non_null(out);
  assert_true(g_get_monotonic_time() - start < 30 * G_USEC_PER_SEC);
}

struct charset_row { const char *charset, *bytes, *out; bool known; };

static void
charsets_become_utf8(void **state)
{
  static const struct charset_row rows[] = {
      {"utf-8", "caff\xc3\xa8", "caffè", true},
      {"utf-8", "caff\xe8!", "caff\xef\xbf\xbd!", true},
      {"UTF8", "\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd", true},
      {"ISO_8859-1", "\x93hi\x94", "“hi”", true},
      {"us-ascii", "\x80", "€", true},
      {"x-klingon", "abc\xe8", "abcè", false},
      {"iso-2022-jp", "\x1b$B%F%9%H", "テスト", true},
      {"koi8-r", "\xf0\xd2\xc9", "При", true},
      {"gb2312", "\xd6\xd0\xce", "中\xef\xbf\xbd", true},
      {"shift_jis", "\x83\x65", "テ", true},
      {NULL, "\x1b$B%F\x1b(B", "テ", true},
      {"utf-16", "\xff\xfe" "a", "\xef\xbf\xbd", true},
      {"utf-7", "+AOk-", "é", true},
      {"../../etc/passwd", "x", "x", false},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autoptr(GString) out = g_string_new(NULL);
    size_t length = strlen(rows[i].bytes);
    char *exact = exact_copy(rows[i].bytes, length);
    bool known = charset_append(out, rows[i].charset, exact, length);
    assert_string_equal(out->str, rows[i].out);
    assert_int_equal(known, rows[i].known);
    assert_true(g_utf8_validate(out->str, (gssize)out->len, NULL));
    free(exact);
  }
}

struct param_row { const char *value, *main, *name, *out; };

static void
parameters_are_read(void **state)
{
  static const struct param_row rows[] = {
      {"text/plain; charset=utf-8", "text/plain", "charset", "utf-8"},
      {"Text/HTML ; Charset = \"a\\\"b\"", "text/html", "charset", "a\"b"},
      {"text/plain (comment; charset=x); charset=y", "text/plain", "charset", "y"},
      {"a/b; name=uno due.txt; x=y", "a/b", "name", "uno due.txt"},
      {"a/b; name*=utf-8'it'perch%C3%A9.txt", "a/b", "name", "perché.txt"},
      {"a/b; name*0*=utf-8''perch%C3; name*1*=%A9; name*2=\".txt\"", "a/b", "name", "perché.txt"},
      {"a/b; name*1=b; name*0=a", "a/b", "name", "ab"},
      {"a/b; name*=iso-8859-1''%E8", "a/b", "name", "è"},
      {"a/b; name=\"=?utf-8?q?perch=C3=A9.txt?=\"", "a/b", "name", "perché.txt"},
      {"a/b; name=\"open", "a/b", "name", "open"},
      {"a/b; name=caf\xe8.txt", "a/b", "name", "cafè.txt"},
      {"attachment; filename=\"../../x\"; filename*=utf-8''y", "attachment", "filename", "y"},
      {"", "", "name", NULL},
      {";;;;", "", "name", NULL},
      {"a/b; name", "a/b", "name", NULL},
      {"a/b; (x", "a/b", "name", NULL},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autoptr(params_t) params = params_parse(rows[i].value);
    g_autofree char *out = params_text(params, rows[i].name);
    assert_string_equal(params_main(params), rows[i].main);
    if (rows[i].out == NULL)
      assert_null(out);
    else
      assert_string_equal(out, rows[i].out);
  }
}

static void
many_parameters_are_cut_not_suffered(void **state)
{
  g_autoptr(GString) value = g_string_new("a/b");
  for (int i = 0; i < 20000; i++)
    g_string_append_printf(value, "; name*%d=x", i);
  gint64 start = g_get_monotonic_time();
  g_autoptr(params_t) params = params_parse(value->str);
  g_autofree char *name = params_text(params, "name");
  assert_int_equal(strlen(name), 200);
  assert_true(g_get_monotonic_time() - start < 30 * G_USEC_PER_SEC);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(encoded_words_are_decoded),
      cmocka_unit_test(what_is_encoded_decodes_to_the_same),
      cmocka_unit_test(no_encoded_word_is_longer_than_75),
      cmocka_unit_test(a_value_full_of_beginnings_is_linear),
      cmocka_unit_test(charsets_become_utf8),
      cmocka_unit_test(parameters_are_read),
      cmocka_unit_test(many_parameters_are_cut_not_suffered),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

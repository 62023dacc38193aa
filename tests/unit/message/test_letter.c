#include "base/error.h"
#include "base/limits.h"
#include "message/draft.h"
#include "message/headers.h"
#include "tests/unit/test.h"

static const struct build_options options = {.now = 1767607200};

static GBytes *
exact(const char *text, size_t length)
{
  char *copy = exact_copy(text, length);
  return g_bytes_new_with_free_func(copy, length, free, copy);
}

/* The letter made of `text`, or NULL with the sentence in *why_out. */
static char *
prepare(const char *text, size_t length, char **recipients_out, char **why_out)
{
  g_autoptr(GBytes) message = exact(text, length);
  g_autoptr(GPtrArray) recipients = NULL;
  g_autoptr(GError) error = NULL;
  g_autoptr(GBytes) made =
      letter_prepare(message, &options, "tuoisp.example", &recipients, &error);
  if (made == NULL) {
    assert_true(error_is(error, POSTINO_ERROR_INVALID));
    *why_out = g_strdup(error->message);
    return NULL;
  }
  *recipients_out = address_format_list(recipients);
  return g_strndup(g_bytes_get_data(made, NULL), g_bytes_get_size(made));
}

#define FIXED "Date: Mon, 5 Jan 2026 10:00:00 +0000\r\nMessage-ID: <1@a.example>\r\n"

static void
a_letter_is_kept_but_for_what_must_change(void **state)
{
  static const struct { const char *given, *made, *recipients; } rows[] = {
      {FIXED "To: b@x.example\r\nSubject: s\r\n\r\nhi\r\n",
       FIXED "To: b@x.example\r\nSubject: s\r\n\r\nhi\r\n", "b@x.example"},
      /* Line ends, a missing last one, the mbox line. */
      {"From anna Mon Jan  5 10:00:00 2026\n" FIXED "To: b@x.example\n\n.\nFrom me\nend",
       FIXED "To: b@x.example\r\n\r\n.\r\nFrom me\r\nend\r\n", "b@x.example"},
      /* Bcc in every spelling goes; its recipients stay. */
      {FIXED "To: b@x.example\nBcc: c@x.example,\n d@x.example\nBCC : e@x.example\n\nhi\n",
       FIXED "To: b@x.example\r\n\r\nhi\r\n",
       "b@x.example, c@x.example, d@x.example, e@x.example"},
      /* Empty address fields, as a form has them. */
      {FIXED "To: b@x.example\nCc: \nBcc:\nReply-To:\n\nhi\n",
       FIXED "To: b@x.example\r\n\r\nhi\r\n", "b@x.example"},
      /* Raw 8-bit is named for what it is. */
      {FIXED "To: =?utf-8?q?B=C3=A9?= <b@x.example>\nSubject: perch\xc3\xa9\n\nsi\xc3\xac\n",
       FIXED "To: =?utf-8?q?B=C3=A9?= <b@x.example>\r\nSubject: =?UTF-8?Q?perch=C3=A9?=\r\n"
             "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
             "Content-Transfer-Encoding: 8bit\r\n\r\nsi\xc3\xac\r\n",
       "B\xc3\xa9 <b@x.example>"},
      /* Text behind the fields without an empty line, as sendmail takes it. */
      {FIXED "To: b@x.example\nhello there\n", FIXED "To: b@x.example\r\n\r\nhello there\r\n",
       "b@x.example"},
      {FIXED "X-Postino-Draft: sealed=yes\nTo: b@x.example\n\n",
       FIXED "To: b@x.example\r\n\r\n", "b@x.example"},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autofree char *recipients = NULL, *why = NULL;
    g_autofree char *made = prepare(rows[i].given, strlen(rows[i].given), &recipients, &why);
    assert_null(why);
    assert_string_equal(made, rows[i].made);
    assert_string_equal(recipients, rows[i].recipients);
  }
}

static void
date_and_message_id_are_added_where_missing(void **state)
{
  g_autofree char *recipients = NULL, *why = NULL;
  const char *text = "To: b@x.example\nDate:\nSubject: x\n\nhi\n";
  g_autofree char *made = prepare(text, strlen(text), &recipients, &why);
  g_autoptr(headers_t) headers = headers_parse(made, strlen(made));
  assert_int_equal(headers_repeats(headers, "Date"), 1);
  assert_string_equal(headers_get(headers, "Date"), "Mon, 5 Jan 2026 10:00:00 +0000");
  g_autofree char *id = headers_message_id(headers);
  assert_int_equal(strlen(id), 32 + strlen("@tuoisp.example"));
  assert_true(g_str_has_suffix(id, "@tuoisp.example"));
}

static void
what_would_change_or_leak_on_the_way_is_refused(void **state)
{
  static const struct { const char *text; size_t length; const char *why; } rows[] = {
#define ROW(text, why) {text, sizeof(text) - 1, why}
      ROW("To: b@x.example\n\na\0b\n", "NUL"),
      ROW("To: b@x.example\n\na\rb\n", "CR without LF"),
      ROW("To: b@x.example\r", "CR without LF"),
      ROW("Subject: a\rBcc: c@x.example\n\nhi\n", "CR without LF"),
      ROW("To: b@x.example\nno field\nBcc: c@x.example\n\nhi\n", "before Bcc"),
#undef ROW
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autofree char *recipients = NULL, *why = NULL;
    assert_null(prepare(rows[i].text, rows[i].length, &recipients, &why));
    assert_non_null(strstr(why, rows[i].why));
  }
}

static void
a_long_line_of_plain_text_is_quoted_and_elsewhere_refused(void **state)
{
  g_autofree char *line = g_strnfill(1200, 'x');
  g_autofree char *text = g_strdup_printf(FIXED "To: b@x.example\n\n%s\n", line);
  g_autofree char *coded = g_strdup_printf(
      FIXED "To: b@x.example\nContent-Type: multipart/mixed; boundary=b\n\n%s\n", line);
  g_autofree char *header = g_strdup_printf(FIXED "To: b@x.example\nX: %s\n\nhi\n", line);
  g_autofree char *recipients = NULL, *why = NULL, *why_too = NULL;
  g_autofree char *made = prepare(text, strlen(text), &recipients, &why);
  assert_non_null(strstr(made, "Content-Transfer-Encoding: quoted-printable\r\n\r\nxxx"));
  g_auto(GStrv) lines = g_strsplit(made, "\r\n", -1);
  for (char **at = lines; *at != NULL; at++)
    assert_true(strlen(*at) <= 78);
  assert_null(prepare(coded, strlen(coded), &recipients, &why));
  assert_non_null(strstr(why, "998"));
  assert_null(prepare(header, strlen(header), &recipients, &why_too));
  assert_non_null(strstr(why_too, "X: "));
}

static void
a_field_of_many_recipients_is_never_cut_in_silence(void **state)
{
  GString *text = g_string_new("To: ");
  for (int i = 0; i < LIMIT_ADDRESSES + 100; i++)
    g_string_append_printf(text, "%sa%d@x.example", i > 0 ? ",\n " : "", i);
  g_string_append(text, "\n\nhi\n");
  g_autofree char *recipients = NULL, *why = NULL;
  assert_null(prepare(text->str, text->len, &recipients, &why));
  assert_non_null(strstr(why, "recipients"));
  g_string_free(text, TRUE);
}

static void
an_entity_is_taken_out_and_another_put_in(void **state)
{
  static const char letter[] = FIXED
      "From: a@x.example\r\nSubject: secret\r\nMIME-Version: 1.0\r\n"
      "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
      "perch\xc3\xa9\r\n";
  g_autoptr(GBytes) message = exact(letter, sizeof letter - 1);
  g_autoptr(blob_writer_t) writer = blob_writer_memory(NULL);
  assert_true(letter_write_entity(message, BUILD_BARE, writer, NULL));
  g_autoptr(blob_t) blob = blob_writer_end(writer, NULL);
  g_autoptr(GBytes) entity = blob_bytes(blob, NULL);
  static const char wanted[] =
      "Content-Type: text/plain; charset=utf-8\r\n"
      "Content-Transfer-Encoding: quoted-printable\r\n\r\nperch=C3=A9\r\n";
  assert_int_equal(g_bytes_get_size(entity), sizeof wanted - 1);
  assert_memory_equal(g_bytes_get_data(entity, NULL), wanted, sizeof wanted - 1);
  static const char sealed[] = "Content-Type: multipart/encrypted; boundary=b\r\n\r\n--b--\r\n";
  g_autoptr(GBytes) other = exact(sealed, sizeof sealed - 1);
  g_autoptr(GBytes) whole = letter_with_entity(message, other, "...");
  g_autofree char *text = g_strndup(g_bytes_get_data(whole, NULL), g_bytes_get_size(whole));
  assert_string_equal(
      text, FIXED "From: a@x.example\r\nSubject: ...\r\nMIME-Version: 1.0\r\n"
                  "Content-Type: multipart/encrypted; boundary=b\r\n\r\n--b--\r\n");
}

static char *
mutated(GRand *rand, const char *text, size_t *length_out)
{
  static const char *const pieces[] = {"\r", "\n", "\r\n", "Bcc", ":", " ", "\t", "From ", "\xe8", "<", "\n\n",
                                       "Bcc: c@x.example\n", "\n ", ">From ", "Content-Type: text/plain\n",
                                       "Date:", "\x7f", ",", "\n\t\n"};
  GString *out = g_string_new(text);
  for (int n = g_rand_int_range(rand, 1, 6); n > 0; n--) {
    gssize at = g_rand_int_range(rand, 0, (gint32)out->len);
    if (g_rand_boolean(rand))
      g_string_erase(out, at, 1);
    else
      g_string_insert(out, at, pieces[g_rand_int_range(rand, 0, G_N_ELEMENTS(pieces))]);
  }
  *length_out = out->len;
  return g_string_free(out, FALSE);
}

/* Whatever reads the header of what leaves finds no Bcc in it, and no server has
 * anything to change. */
static void
any_bytes_give_a_safe_letter_or_a_sentence(void **state)
{
  static const char seed[] = "From: Anna <a@x.example>\nTo: b@x.example,\n c@x.example\n"
                             "Bcc: d@x.example\nSubject: s\nBcc: e@x.example\n f@x.example\n"
                             "Content-Type: text/plain\n\nhi\nBcc: text\n";
  g_autoptr(GRand) rand = g_rand_new_with_seed(20261127);
  int made_some = 0;
  for (int i = 0; i < 5000; i++) {
    size_t length;
    g_autofree char *recipients = NULL, *why = NULL;
    g_autofree char *text = mutated(rand, seed, &length);
    g_autofree char *made = prepare(text, length, &recipients, &why);
    if (made == NULL)
      continue;
    made_some++;
    g_autoptr(headers_t) headers = headers_parse(made, strlen(made));
    assert_int_equal(headers_repeats(headers, "Bcc"), 0);
    assert_int_equal(headers_repeats(headers, "Message-ID"), 1);
    for (const char *at = made; (at = strpbrk(at, "\r\n")) != NULL; at += 2)
      assert_true(at[0] == '\r' && at[1] == '\n');
  }
  assert_true(made_some > 1000);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_letter_is_kept_but_for_what_must_change),
      cmocka_unit_test(date_and_message_id_are_added_where_missing),
      cmocka_unit_test(what_would_change_or_leak_on_the_way_is_refused),
      cmocka_unit_test(a_long_line_of_plain_text_is_quoted_and_elsewhere_refused),
      cmocka_unit_test(a_field_of_many_recipients_is_never_cut_in_silence),
      cmocka_unit_test(an_entity_is_taken_out_and_another_put_in),
      cmocka_unit_test(any_bytes_give_a_safe_letter_or_a_sentence),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

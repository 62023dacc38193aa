#include "message/rendered.h"

#include "message/headers.h"
#include "tests/unit/test.h"

static struct index_doc *
doc_of(const char *letter)
{
  size_t length = strlen(letter);
  char *exact = exact_copy(letter, length);
  struct index_doc *doc = index_message(exact, length, 1795467378);
  free(exact);
  return doc;
}

static void
fields_are_kept_for_the_index(void **state)
{
  static const char letter[] = "From: =?iso-8859-1?q?Caff=E8?= <c@x.example>\nTo: a@x, B <b@x>\n"
                               "Cc: c@x\nSubject: =?utf-8?q?=C3=A8?=\nMessage-ID: <1@x>\n"
                               "In-Reply-To: <0@x>\nList-Id: Garden <g.x.example>\n"
                               "Date: Mon, 23 Nov 2026 20:56:18 +0000\n\nciao\n";
  g_autoptr(index_doc_t) doc = doc_of(letter);
  g_autofree char *digest = headers_digest(letter, sizeof letter - 1);
  assert_string_equal(doc->from, "Caff\xc3\xa8 <c@x.example>");
  assert_string_equal(doc->to, "a@x, B <b@x>");
  assert_string_equal(doc->cc, "c@x");
  assert_string_equal(doc->subject, "\xc3\xa8");
  assert_string_equal(doc->message_id, "1@x");
  assert_string_equal(doc->references[0], "0@x");
  assert_string_equal(doc->list, "Garden <g.x.example>");
  assert_string_equal(doc->text, "ciao\n");
  assert_string_equal(doc->filenames, "");
  assert_string_equal(doc->digest, digest);
  assert_int_equal(doc->date, 1795467378);
  assert_int_equal(doc->marks, 0);
}

#define MIXED "Content-Type: multipart/mixed; boundary=b\n\n"

struct row { const char *letter; unsigned marks; const char *text; };

static void
marks_and_text_come_from_the_parts(void **state)
{
  static const struct row rows[] = {
      {"", 0, ""},
      {"Content-Type: text/html\n\n<p>a<script>x</script><p>b", 0, "a\nb\n"},
      {"Content-Type: multipart/alternative; boundary=b\n\n--b\n\na\n--b\n"
       "Content-Type: text/html\n\n<b>c\n--b\nContent-Type: text/calendar\n\nd\n--b--",
       INDEX_CALENDAR, "a\nc\nd\n"},
      {MIXED "--b\n\na\n--b\nContent-Type: application/pdf\n\nb\n--b--", INDEX_ATTACHMENT, "a\n"},
      {MIXED "--b\n\na\n--b\nContent-Disposition: attachment\n\nb\n--b--", INDEX_ATTACHMENT,
       "a\nb\n"},
      {MIXED "--b\nContent-Type: application/pgp-keys\n\nb\n--b--", INDEX_ATTACHMENT | INDEX_KEY, ""},
      {"S: x\n\na\n-----BEGIN PGP PUBLIC KEY BLOCK-----\nkkkk\n-----END PGP PUBLIC KEY "
       "BLOCK-----\nb\n",
       INDEX_KEY, "a\n-----BEGIN PGP -----END PGP PUBLIC KEY BLOCK-----\nb\n"},
      {"S: x\n\n-----BEGIN PGP MESSAGE-----\nxxxx\n", INDEX_SEALED, "-----BEGIN PGP \n"},
      {"S: x\n\n-----BEGIN PGP SIGNED MESSAGE-----\nHash: x\n\na\n", INDEX_SIGNED,
       "-----BEGIN PGP SIGNED MESSAGE-----\nHash: x\n\na\n"},
      {"Content-Type: multipart/signed; protocol=\"application/pgp-signature\"; boundary=b\n\n"
       "--b\n\na\n--b\nContent-Type: application/pgp-signature\n\nx\n--b--",
       INDEX_SIGNED, "a\n"},
      {"Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=b\n\n"
       "--b\nContent-Type: application/pgp-encrypted\n\nx\n--b\n"
       "Content-Type: application/octet-stream\n\nx\n--b--",
       INDEX_SEALED, ""},
      {"Content-Type: application/pkcs7-mime; smime-type=enveloped-data\n\nx", INDEX_SEALED, ""},
      {"Content-Type: message/rfc822\n\nSubject: inner\n\na", 0, "inner\na\n"},
      {"From: MAILER-DAEMON@x.example\nX-Failed-Recipients: a@x.example\n\na", INDEX_REPORT, "a\n"},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autoptr(index_doc_t) doc = doc_of(rows[i].letter);
    assert_int_equal(doc->marks, rows[i].marks);
    assert_string_equal(doc->text, rows[i].text);
  }
}

static void
names_of_files_stand_one_a_line(void **state)
{
  g_autoptr(index_doc_t) doc = doc_of(MIXED "--b\nContent-Type: a/b; name=one.pdf\n\n"
                                            "--b\nContent-Disposition: attachment; "
                                            "filename*=''../two%0Ax\n\n--b--");
  assert_string_equal(doc->filenames, "one.pdf\ntwo x\n");
}

#define BOTH(plain, html) \
  "Content-Type: multipart/alternative; boundary=b\n\n--b\n\n" plain "\n--b\n" \
  "Content-Type: text/html\n\n" html "\n--b--\n"

static void
html_says_again_only_what_is_new(void **state)
{
  static const struct { const char *letter, *text; } rows[] = {
      {BOTH("one two three\nfour five six\n", "<p>one two three four<br>five six"),
       "one two three\nfour five six\n"},
      {BOTH("one two three\nfour five six\n", "<p>one two three four five six, and seven"),
       "one two three\nfour five six\nthree four five six, and seven\n"},
      {BOTH("a b c d e f g h i j k l\n", "<p>a b c d e f X g h i j k l"),
       "a b c d e f g h i j k l\nd e f X g h i\n"},
      {BOTH("a b c d e f g h\n", "<p>Y a b c d e f g h Z"),
       "a b c d e f g h\nY a b c\nf g h Z\n"},
      {BOTH("one\n", "<p>one"), "one\none\n"},
      {BOTH("", "<p>only here"), "only here\n"},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autoptr(index_doc_t) doc = doc_of(rows[i].letter);
    assert_string_equal(doc->text, rows[i].text);
  }
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(fields_are_kept_for_the_index),
      cmocka_unit_test(marks_and_text_come_from_the_parts),
      cmocka_unit_test(html_says_again_only_what_is_new),
      cmocka_unit_test(names_of_files_stand_one_a_line),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

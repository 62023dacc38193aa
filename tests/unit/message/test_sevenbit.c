#include "message/sevenbit.h"

#include <string.h>

#include "base/error.h"
#include "message/encode.h"
#include "message/mime.h"
#include "tests/unit/test.h"

#define E8 "perch\xc3\xa9"

static GBytes *
converted(const char *letter, size_t length, GError **error)
{
  char *copy = exact_copy(letter, length);
  g_autoptr(GBytes) bytes = g_bytes_new_with_free_func(copy, length, free, copy);
  g_autoptr(blob_writer_t) writer = blob_writer_memory(NULL);
  if (!sevenbit_write(bytes, writer, error))
    return NULL;
  g_autoptr(blob_t) blob = blob_writer_end(writer, NULL);
  return blob_bytes(blob, NULL);
}

/* The same parts that decode to the same, and nothing that is not 7-bit. */
static void
assert_says_the_same(const char *letter, GBytes *made)
{
  gsize length;
  const char *bytes = g_bytes_get_data(made, &length);
  g_autoptr(mime_t) before = mime_parse(letter, strlen(letter)), after = mime_parse(bytes, length);
  assert_true(encode_is_plain(bytes, length));
  assert_int_equal(after->parts->len, before->parts->len);
  for (guint i = 0; i < before->parts->len; i++) {
    const struct mime_part *a = mime_part(before, i), *b = mime_part(after, i);
    bool whole;
    assert_string_equal(a->media, b->media);
    g_autofree char *name = mime_name(a), *same = mime_name(b);
    assert_true(g_strcmp0(name, same) == 0);
    if (a->kind != MIME_LEAF)
      continue;
    g_autoptr(GBytes) in = mime_decode(a, 1 << 20, &whole), out = mime_decode(b, 1 << 20, &whole);
    assert_true(g_bytes_equal(in, out));
  }
}

static void
every_part_decodes_to_what_it_was(void **state)
{
  static const char *const letters[] = {
      "Subject: a\r\n\r\n" E8 "\r\n",
      "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
      "Content-Transfer-Encoding: 8bit\r\n\r\n.\r\nFrom " E8 " \r\n\r\n-- \r\nAnna\r\n",
      /* The preamble is shown to nobody; the name of a file is. */
      "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"b b\"\r\n"
      "Content-Transfer-Encoding: 8bit\r\n\r\n" E8 "\r\n--b b\r\n\r\n" E8 "\r\n--b b\r\n"
      "Content-Type: application/pdf; name=\"" E8 ".pdf\"\r\n"
      "Content-Disposition: attachment; filename=\"" E8 ".pdf\"\r\nContent-Description: " E8 "\r\n"
      "Content-Transfer-Encoding: base64\r\n\r\nQUJD\r\n--b b\r\nContent-Type: image/x\r\n"
      "Content-Transfer-Encoding: binary\r\n\r\n\xff\xd8\x01" E8 "\r\n--b b--\r\n" E8 "\r\n",
      /* Letters within letters. */
      "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
      "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\nSubject: " E8 "\r\n"
      "From: \"" E8 "\" <a@x.example>\r\n"
      "MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=c\r\n\r\n--c\r\n"
      "Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n<p>" E8
      "\r\n--c--\r\n\r\n--b\r\n\r\nlast\r\n--b--\r\n",
      /* Whose end is missing. */
      "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nperch\xc3\xa9",
  };
  for (size_t i = 0; i < G_N_ELEMENTS(letters); i++) {
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) made = converted(letters[i], strlen(letters[i]), &error);
    assert_null(error);
    assert_says_the_same(letters[i], made);
  }
}

#define SIGNED \
  "Content-Type: multipart/signed; boundary=s; protocol=\"application/pgp-signature\"\r\n\r\n" \
  "--s\r\nContent-Type: text/plain\r\n\r\nsigned text \r\n--s\r\n" \
  "Content-Type: application/pgp-signature\r\n\r\nABC\r\n--s--\r\n"

static void
what_is_signed_is_not_touched(void **state)
{
  static const char beside[] =
      "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" SIGNED
      "\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" E8 "\r\n--b--\r\n";
  g_autoptr(GBytes) made = converted(beside, sizeof beside - 1, NULL);
  assert_non_null(made);
  assert_says_the_same(beside, made);
  gsize length;
  const char *bytes = g_bytes_get_data(made, &length);
  assert_non_null(memmem(bytes, length, SIGNED, sizeof SIGNED - 1));
}

static void
what_cannot_be_encoded_is_refused(void **state)
{
  static const char *const letters[] = {
      "Content-Type: multipart/signed; boundary=s\r\n\r\n--s\r\n\r\n" E8 "\r\n--s\r\n"
      "Content-Type: application/pgp-signature\r\n\r\nABC\r\n--s--\r\n",
      "Content-Type: multipart/encrypted; boundary=s\r\n\r\n--s\r\n\r\n" E8 "\r\n--s--\r\n",
      "Content-Type: multipart/mixed\r\n\r\n" E8 "\r\n",
      "Content-Type: multipart/mixed; boundary=\"\xc3\xa9\"\r\n\r\n--\xc3\xa9\r\n\r\n" E8 "\r\n--\xc3\xa9--\r\n",
      "Content-Type: message/delivery-status\r\n\r\n" E8 "\r\n",
      "Content-Transfer-Encoding: base64\r\n\r\n" E8 "\r\n",
      "From: a\xc3\xa9@x.example\r\n\r\n" E8 "\r\n",
      "Content-Transfer-Encoding: 7bit\xc3\xa9\r\n\r\nb\r\n",
      "Content-Transfer-Encoding: x-own\r\n\r\n" E8 "\r\n",
      "Content-Type: text/plain\r\nContent-Type: text/html\r\n\r\n" E8 "\r\n",
  };
  for (size_t i = 0; i < G_N_ELEMENTS(letters); i++) {
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) made = converted(letters[i], strlen(letters[i]), &error);
    if (made != NULL)
      fail_msg("converted all the same: %s", letters[i]);
    assert_true(error_is(error, POSTINO_ERROR_INVALID));
    assert_non_null(strstr(error->message, "8BITMIME"));
  }
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_part_decodes_to_what_it_was),
      cmocka_unit_test(what_is_signed_is_not_touched),
      cmocka_unit_test(what_cannot_be_encoded_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

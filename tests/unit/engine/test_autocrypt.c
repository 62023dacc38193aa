/* The field Autocrypt (level 1, 2.1) as others write it, and as it goes out. */
#include "engine/autocrypt.h"
#include "tests/unit/test.h"

#define KEY "bXkga2V5"

static void
field_is_taken_only_where_it_is_its_sender_s(void **state)
{
  static const struct {
    const char *value;
    bool good, mutual;
  } rows[] = {
      {"addr=anna@x.example; keydata=" KEY, true, false},
      {"addr=Anna@X.example; prefer-encrypt=mutual; keydata=" KEY, true, true},
      {" addr = anna@x.example ;prefer-encrypt=mutual;_future=1;keydata=\r\n bXkg\r\n a2V5", true, true},
      {"addr=anna@x.example; prefer-encrypt=nopreference; keydata=" KEY, true, false},
      {"addr=bruno@x.example; keydata=" KEY, false, false},
      {"keydata=" KEY, false, false},
      {"keydata=" KEY "; addr=anna@x.example", false, false},
      {"addr=anna@x.example", false, false},
      {"addr=anna@x.example; keydata=", false, false},
      {"addr=anna@x.example; keydata=" KEY "; keydata=" KEY, false, false},
      {"addr=anna@x.example; critical=1; keydata=" KEY, false, false},
      {"addr=anna@x.example; address=1; keydata=" KEY, false, false},
      {"", false, false},
      {";;;=;", false, false},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autofree char *value = exact_copy(rows[i].value, strlen(rows[i].value));
    g_autofree char *text = g_strndup(value, strlen(rows[i].value));
    struct autocrypt field = {0};
    if (autocrypt_parse(text, "anna@x.example", &field) != rows[i].good)
      fail_msg("%s", rows[i].value);
    if (!rows[i].good)
      continue;
    assert_int_equal(field.mutual, rows[i].mutual);
    assert_string_equal(field.keydata, KEY);
    autocrypt_clear(&field);
  }
}

static void
field_that_is_too_large_is_passed_over(void **state)
{
  struct autocrypt field = {0};
  g_autoptr(GString) value = g_string_new("addr=anna@x.example; keydata=");
  for (int i = 0; i < 4000; i++)
    g_string_append(value, "bXkg");
  assert_false(autocrypt_parse(value->str, "anna@x.example", &field));
}

static GBytes *
key_in(const char *letter)
{
  g_autoptr(GBytes) bytes = g_bytes_new(letter, strlen(letter));
  return autocrypt_of_letter(bytes);
}

static void
letter_without_one_sender_or_one_field_brings_nothing(void **state)
{
#define DATE "Date: Thu, 26 Nov 2026 10:00:00 +0000\r\n"
#define FIELD "Autocrypt: addr=anna@x.example; keydata=" KEY "\r\n"
  g_autoptr(GBytes) good = key_in("From: Anna <anna@x.example>\r\n" DATE FIELD "\r\nx\r\n");
  assert_non_null(good);
  assert_memory_equal(g_bytes_get_data(good, NULL), "my key", 6);
  assert_null(key_in("From: anna@x.example, bruno@x.example\r\n" DATE FIELD "\r\nx\r\n"));
  assert_null(key_in("From: anna@x.example\r\n" DATE FIELD FIELD "\r\nx\r\n"));
  assert_null(key_in("From: bruno@x.example\r\n" DATE FIELD "\r\nx\r\n"));
  assert_null(key_in("From: anna@x.example\r\n" FIELD "\r\nx\r\n"));
  assert_null(key_in("From: anna@x.example\r\nContent-Type: multipart/report\r\n" DATE FIELD "\r\n"));
}

static void
field_goes_out_folded_and_is_read_again(void **state)
{
  static const char armour[] = "-----BEGIN PGP PUBLIC KEY BLOCK-----\nComment: x\n\nbXkg\na2V5\n=abcd\n"
                               "-----END PGP PUBLIC KEY BLOCK-----\n";
  g_autoptr(GBytes) bytes = g_bytes_new_static(armour, strlen(armour));
  g_autofree char *field = autocrypt_field("anna@x.example", bytes, true);
  assert_string_equal(field, "Autocrypt: addr=anna@x.example; prefer-encrypt=mutual; keydata=\r\n " KEY
                             "\r\n");
  g_autofree char *letter = g_strconcat("From: anna@x.example\r\n" DATE, field, "\r\nx\r\n", NULL);
  g_autoptr(GBytes) key = key_in(letter);
  assert_non_null(key);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(field_is_taken_only_where_it_is_its_sender_s),
      cmocka_unit_test(field_that_is_too_large_is_passed_over),
      cmocka_unit_test(letter_without_one_sender_or_one_field_brings_nothing),
      cmocka_unit_test(field_goes_out_folded_and_is_read_again),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

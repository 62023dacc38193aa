/* What plugins must not get away with. */
#include "base/error.h"
#include "crypto/check.h"
#include "crypto/leak.h"
#include "crypto/packets.h"
#include "tests/unit/test.h"

#define TEXT "Questa frase non deve poter essere letta da chi porta la lettera."
#define ENTITY "Content-Type: text/plain\r\n\r\n" TEXT "\r\n"

#define OUTER                                                                                      \
  "Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\";\r\n"                \
  "\tboundary=\"=_b\"\r\n\r\n"
#define FIRST "--=_b\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n\r\n"
#define SECOND "--=_b\r\nContent-Type: application/octet-stream\r\n\r\n"
#define BEGIN "-----BEGIN PGP MESSAGE-----\r\n\r\n"
#define END "-----END PGP MESSAGE-----\r\n"
#define CLOSE "\r\n--=_b--\r\n"

/* ---- packets by hand ---- */

static void
add_packet(GByteArray *data, int tag, const void *body, guint length)
{
  guint8 head[] = {(guint8)(0xc0 | tag), 0xff, 0, 0, (guint8)(length >> 8), (guint8)length};
  g_byte_array_append(data, head, sizeof head);
  g_byte_array_append(data, body, length);
}

static void
add_session_key(GByteArray *data, guint8 id)
{
  guint8 body[40] = {3, 1, 2, 3, 4, 5, 6, 7, id, 18};
  add_packet(data, 1, body, sizeof body);
}

static void
add_sealed_data(GByteArray *data, int tag)
{
  guint8 body[300];
  for (guint i = 0; i < sizeof body; i++)
    body[i] = (guint8)(i * i * 31 + i * 7 + 1);
  add_packet(data, tag, body, sizeof body);
}

/* Session keys for `keys` keys, then data of `tag`. */
static GByteArray *
message(guint keys, int tag)
{
  GByteArray *data = g_byte_array_new();
  for (guint i = 0; i < keys; i++)
    add_session_key(data, (guint8)(i + 1));
  add_sealed_data(data, tag);
  return data;
}

static char *
base64_of(GByteArray *data)
{
  GString *text = g_string_new(NULL);
  g_autofree char *one = g_base64_encode(data->data, data->len);
  for (const char *at = one; *at != '\0'; at += MIN(strlen(at), 64))
    g_string_append_printf(text, "%.64s\r\n", at);
  g_byte_array_unref(data);
  return g_string_free(text, FALSE);
}

static bool
check_sealed(const char *result, guint keys, const char *subject, char **why_out)
{
  size_t length = strlen(result);
  char *copy = exact_copy(result, length);
  g_autoptr(GBytes) bytes = g_bytes_new_static(copy, length);
  g_autoptr(GBytes) entity = g_bytes_new_static(ENTITY, strlen(ENTITY));
  g_autoptr(GError) error = NULL;
  struct check check = {.entity = entity, .subject = subject, .encrypt = true, .keys = keys};
  bool passed = check_result(&check, bytes, &error);
  assert_int_equal(passed, error == NULL);
  if (error != NULL)
    assert_true(error_is(error, POSTINO_ERROR_INVALID));
  if (why_out != NULL)
    *why_out = g_strdup(error != NULL ? error->message : "");
  free(copy);
  return passed;
}

static char *
wrapped(GByteArray *data)
{
  g_autofree char *text = base64_of(data);
  return g_strconcat(OUTER FIRST SECOND BEGIN, text, END CLOSE, NULL);
}

static void
right_letter_passes(void **state)
{
  g_autofree char *one = wrapped(message(1, 18));
  g_autofree char *three = wrapped(message(3, 18));
  g_autofree char *aead = wrapped(message(2, 20));
  assert_true(check_sealed(one, 1, "un oggetto nascosto", NULL));
  assert_true(check_sealed(three, 3, NULL, NULL));
  assert_true(check_sealed(aead, 2, NULL, NULL));
}

static void
one_recipient_fewer_is_caught(void **state)
{
  g_autofree char *two = wrapped(message(2, 18));
  g_autofree char *why = NULL;
  assert_false(check_sealed(two, 3, NULL, &why));
  assert_non_null(strstr(why, "sealed to 2 keys"));
  assert_false(check_sealed(two, 1, NULL, NULL));
  GByteArray *doubled = g_byte_array_new();
  add_session_key(doubled, 7);
  add_session_key(doubled, 7);
  add_sealed_data(doubled, 18);
  g_autofree char *twice = wrapped(doubled);
  assert_false(check_sealed(twice, 2, NULL, NULL));
}

static GByteArray *
with_password(void)
{
  guint8 body[13] = {4, 9, 3, 8};
  GByteArray *data = g_byte_array_new();
  add_session_key(data, 1);
  add_packet(data, 3, body, sizeof body);
  add_sealed_data(data, 18);
  return data;
}

static GByteArray *
with_behind(int tag)
{
  GByteArray *data = message(1, 18);
  add_sealed_data(data, tag);
  return data;
}

static GByteArray *
in_wrong_order(void)
{
  GByteArray *data = g_byte_array_new();
  add_sealed_data(data, 18);
  add_session_key(data, 1);
  return data;
}

static GByteArray *
cut(void)
{
  GByteArray *data = message(1, 18);
  g_byte_array_set_size(data, data->len - 20);
  return data;
}

static void
packets_of_any_other_kind_are_caught(void **state)
{
  GByteArray *hostile[] = {
      message(1, 9),       /* no integrity */
      message(1, 11),      /* literal: clear */
      message(1, 8),       /* compressed */
      message(0, 18),      /* for nobody */
      with_password(),     /* a password nobody asked for */
      with_behind(18),     with_behind(11), with_behind(2), in_wrong_order(), cut(),
      g_byte_array_new(),
  };
  for (gsize i = 0; i < G_N_ELEMENTS(hostile); i++) {
    g_autofree char *text = wrapped(hostile[i]);
    if (check_sealed(text, 1, NULL, NULL))
      fail_msg("hostile packets %zu passed", i);
  }
}

static void
wrapping_of_any_other_kind_is_caught(void **state)
{
  g_autofree char *good = base64_of(message(1, 18));
  const char *const hostile[][3] = {
      /* extra fields */
      {"X-Clear: secret\r\n" OUTER FIRST SECOND BEGIN, END CLOSE, "a further field"},
      {"Subject: s\r\n" OUTER FIRST SECOND BEGIN, END CLOSE, "a subject"},
      {"Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; x=\"clear\";\r\n"
       "\tboundary=\"=_b\"\r\n\r\n" FIRST SECOND BEGIN, END CLOSE, "a further parameter"},
      {"Content-Type: multipart/encrypted (clear); protocol=\"application/pgp-encrypted\";\r\n"
       "\tboundary=\"=_b\"\r\n\r\n" FIRST SECOND BEGIN, END CLOSE, "a comment"},
      {"Content-Type: multipart/mixed; protocol=\"application/pgp-encrypted\";\r\n"
       "\tboundary=\"=_b\"\r\n\r\n" FIRST SECOND BEGIN, END CLOSE, "another type"},
      {"clear\r\n" OUTER FIRST SECOND BEGIN, END CLOSE, "a line that is no field"},
      /* structure */
      {OUTER "clear\r\n" FIRST SECOND BEGIN, END CLOSE, "a preamble"},
      {OUTER FIRST SECOND BEGIN, END CLOSE "clear\r\n", "an epilogue"},
      {OUTER FIRST SECOND BEGIN, END "\r\n--=_b\r\n\r\nclear\r\n--=_b--\r\n", "a third part"},
      {OUTER SECOND BEGIN, END CLOSE, "one part"},
      {OUTER FIRST SECOND BEGIN, END, "no end"},
      {OUTER "--=_b\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 2\r\n\r\n" SECOND BEGIN,
       END CLOSE, "another version"},
      {OUTER "--=_b\r\nContent-Type: application/pgp-encrypted\r\nX-A: clear\r\n\r\nVersion: 1\r\n\r\n"
       SECOND BEGIN, END CLOSE, "a field in the first part"},
      {OUTER FIRST "--=_b\r\nContent-Type: application/octet-stream; name=\"clear.doc\"\r\n\r\n" BEGIN,
       END CLOSE, "a file's name"},
      {OUTER FIRST "--=_b\r\nContent-Type: text/plain\r\n\r\n" BEGIN, END CLOSE, "a clear type"},
      /* armour */
      {OUTER FIRST SECOND "clear\r\n" BEGIN, END CLOSE, "text before the armour"},
      {OUTER FIRST SECOND BEGIN, END "clear\r\n" CLOSE, "text behind the armour"},
      {OUTER FIRST SECOND "-----BEGIN PGP MESSAGE-----\r\nX-Clear: a\r\n\r\n", END CLOSE,
       "a header of the armour"},
      {OUTER FIRST SECOND BEGIN "=AAAA\r\n", END CLOSE, "a checksum before the data"},
      {OUTER FIRST SECOND BEGIN, "=AAAA\r\n" END CLOSE, "a wrong checksum"},
      {OUTER FIRST SECOND "-----BEGIN PGP SIGNATURE-----\r\n\r\n",
       "-----END PGP SIGNATURE-----\r\n" CLOSE, "a signature only"},
      {OUTER FIRST SECOND BEGIN, "clear text, not base64!\r\n" END CLOSE, "clear text in the armour"},
      {OUTER FIRST SECOND BEGIN, END CLOSE "\n", "a lone LF"},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(hostile); i++) {
    g_autofree char *text = g_strconcat(hostile[i][0], good, hostile[i][1], NULL);
    if (check_sealed(text, 1, NULL, NULL))
      fail_msg("%s passed", hostile[i][2]);
  }
  assert_false(check_sealed("", 1, NULL, NULL));
  assert_false(check_sealed(ENTITY, 1, NULL, NULL));
}

/* ---- clear text ---- */

static char *
with_payload(const char *clear)
{
  GByteArray *data = g_byte_array_new();
  guint8 body[600] = {1};
  for (guint i = 1; i < sizeof body; i++)
    body[i] = (guint8)(i * i * 17 + 3);
  memcpy(body + 200, clear, strlen(clear));
  add_session_key(data, 1);
  add_packet(data, 18, body, sizeof body);
  return wrapped(data);
}

static void
clear_text_is_found_in_the_payload(void **state)
{
  g_autofree char *encoded = g_base64_encode((const guint8 *)ENTITY, strlen(ENTITY));
  const char *const hostile[] = {TEXT, "deve poter essere letta da", encoded,
                                 "il mio oggetto segreto"};
  for (gsize i = 0; i < G_N_ELEMENTS(hostile); i++) {
    g_autofree char *text = with_payload(hostile[i]);
    g_autofree char *why = NULL;
    if (check_sealed(text, 1, "il mio oggetto segreto", &why))
      fail_msg("clear text %zu passed", i);
    assert_non_null(strstr(why, "can be read"));
  }
  g_autofree char *short_piece = with_payload("non deve");
  assert_true(check_sealed(short_piece, 1, "il mio oggetto segreto", NULL));
}

static void
clear_text_is_found_beside_the_payload(void **state)
{
  g_autofree char *good = base64_of(message(1, 18));
  g_autofree char *comment =
      g_strconcat(OUTER FIRST SECOND "-----BEGIN PGP MESSAGE-----\r\nComment: " TEXT "\r\n\r\n", good,
                  END CLOSE, NULL);
  assert_false(check_sealed(comment, 1, NULL, NULL));
  g_autofree char *innocent =
      g_strconcat(OUTER FIRST SECOND "-----BEGIN PGP MESSAGE-----\r\nComment: by GnuPG\r\n\r\n", good,
                  END CLOSE, NULL);
  assert_true(check_sealed(innocent, 1, NULL, NULL));
}

static bool
leak_found(GBytes *entity, const char *subject, GBytes *payload)
{
  g_autoptr(needles_t) needles = needles_new(entity, subject);
  gsize length;
  const void *bytes = g_bytes_get_data(payload, &length);
  return needles_found(needles, bytes, length, true);
}

static void
clear_text_is_found_at_every_offset(void **state)
{
  g_autoptr(GBytes) entity = g_bytes_new_static(ENTITY, strlen(ENTITY));
  for (size_t at = 0; at + 24 <= strlen(TEXT); at++)
    for (size_t place = 0; place < 9; place++) {
      char payload[64];
      memset(payload, '#', sizeof payload);
      memcpy(payload + place, &TEXT[at], 24);
      g_autoptr(GBytes) bytes = g_bytes_new(payload, place + 24);
      assert_true(leak_found(entity, NULL, bytes));
    }
}

static void
encoded_parts_are_sought_decoded(void **state)
{
  const char *entity = "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n"
                       "Content-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
                       "perch=C3=A9 la citt=C3=A0 =\r\n=C3=A8 cos=C3=AC lontana\r\n--x\r\n"
                       "Content-Transfer-Encoding: base64\r\n\r\n"
                       "SWwgZmlsZSBhbGxlZ2F0byBjaGUgbmVzc3VubyBkZXZlIHZlZGVyZQ==\r\n--x--\r\n";
  g_autoptr(GBytes) bytes = g_bytes_new_static(entity, strlen(entity));
  const char *const leaks[] = {"--- perché la città è così lontana ---",
                               "..Il file allegato che nessuno deve vedere..",
                               "SWwgZmlsZSBhbGxlZ2F0byBjaGUgbmVzc3VubyBkZXZl"};
  for (gsize i = 0; i < G_N_ELEMENTS(leaks); i++) {
    g_autoptr(GBytes) payload = g_bytes_new_static(leaks[i], strlen(leaks[i]));
    if (!leak_found(bytes, NULL, payload))
      fail_msg("%s was not found", leaks[i]);
  }
}

/* Windows that are equal are told apart by what stands around them. */
static void
clear_text_that_repeats_itself_is_found(void **state)
{
  static const char text[] = "Content-Type: text/plain\r\n\r\n"
                             "0abcdefgTHE SAME AGAIN!!1hijklmnTHE SAME AGAIN!!2opqrstu";
  g_autoptr(GBytes) entity = g_bytes_new_static(text, sizeof text - 1);
  g_autoptr(GBytes) first = g_bytes_new_static("~~abcdefgTHE SAME AGAIN!!1~~", 28);
  g_autoptr(GBytes) second = g_bytes_new_static("~~hijklmnTHE SAME AGAIN!!2~~", 28);
  assert_true(leak_found(entity, NULL, first));
  assert_true(leak_found(entity, NULL, second));
}

static void
monotonous_bytes_are_no_leak(void **state)
{
  g_autoptr(GString) zeros = g_string_new("Content-Type: application/octet-stream\r\n\r\n");
  for (int i = 0; i < 100000; i++)
    g_string_append(zeros, "0000====");
  g_autoptr(GBytes) entity = g_bytes_new(zeros->str, zeros->len);
  g_autoptr(GBytes) payload = g_bytes_new(zeros->str + 60, 100000);
  assert_false(leak_found(entity, NULL, payload));
}

/* ---- signed ---- */

#define SIGNED_OUTER                                                                               \
  "Content-Type: multipart/signed; micalg=\"pgp-sha512\";\r\n"                                    \
  "\tprotocol=\"application/pgp-signature\"; boundary=\"=_b\"\r\n\r\n"
#define SIGNATURE_PART "\r\n--=_b\r\nContent-Type: application/pgp-signature\r\n\r\n"

static bool
check_signed(const char *outer, const char *first, int tag, const char *close)
{
  GByteArray *data = g_byte_array_new();
  add_sealed_data(data, tag);
  g_autofree char *base64 = base64_of(data);
  g_autofree char *text =
      g_strconcat(outer, "--=_b\r\n", first, SIGNATURE_PART, "-----BEGIN PGP SIGNATURE-----\r\n\r\n",
                  base64, "-----END PGP SIGNATURE-----\r\n", close, NULL);
  g_autoptr(GBytes) bytes = g_bytes_new(text, strlen(text));
  g_autoptr(GBytes) entity = g_bytes_new_static(ENTITY, strlen(ENTITY));
  struct check check = {.entity = entity, .sign = true};
  return check_result(&check, bytes, NULL);
}

/* The rule itself, as slowly as it can be said. */
static bool
shares_a_varied_window(const char *text, gsize length, const char *payload, gsize size)
{
  for (gsize i = 0; i + 24 <= length; i++) {
    bool seen[256] = {false};
    guint different = 0;
    for (gsize k = i; k < i + 24; k++) {
      different += !seen[(guint8)text[k]];
      seen[(guint8)text[k]] = true;
    }
    if (different >= 8 && memmem(payload, size, text + i, 24) != NULL)
      return true;
  }
  return false;
}

static void
fill_with(GRand *random, GString *to, gsize length, int letters)
{
  while (length-- > 0)
    g_string_append_c(to, (char)('a' + g_rand_int_range(random, 0, letters)));
}

/* Texts of two letters repeat their windows often, those of twenty never. */
static void
search_finds_what_the_rule_says(void **state)
{
  g_autoptr(GRand) random = g_rand_new_with_seed(20261126);
  guint found = 0;
  for (int round = 0; round < 600; round++) {
    g_autoptr(GString) text = g_string_new(NULL), payload = g_string_new(NULL);
    gsize piece = (gsize)g_rand_int_range(random, 14, 40);
    fill_with(random, text, 700, 2 + round % 3 * 9);
    fill_with(random, payload, (gsize)g_rand_int_range(random, 0, 400), 26);
    gsize from = (gsize)g_rand_int_range(random, 0, (int)(text->len - piece));
    g_string_append_len(payload, text->str + from, (gssize)piece);
    fill_with(random, payload, (gsize)g_rand_int_range(random, 0, 400), 26);
    g_autofree char *entity_text =
        g_strconcat("Content-Type: text/plain\r\n\r\n", text->str, NULL);
    g_autoptr(GBytes) entity = g_bytes_new(entity_text, strlen(entity_text));
    g_autoptr(needles_t) needles = needles_new(entity, NULL);
    bool wanted = shares_a_varied_window(text->str, text->len, payload->str, payload->len);
    if (needles_found(needles, payload->str, payload->len, false) != wanted)
      fail_msg("round %d: %s in %s", round, text->str, payload->str);
    found += wanted;
  }
  assert_in_range(found, 100, 500);
}

static void
signed_letter_must_hold_exactly_ours(void **state)
{
  assert_true(check_signed(SIGNED_OUTER, ENTITY, 2, CLOSE));
  assert_false(check_signed(SIGNED_OUTER, ENTITY "more\r\n", 2, CLOSE));
  assert_false(check_signed(SIGNED_OUTER, "Content-Type: text/plain\r\n\r\nQuesta\r\n", 2, CLOSE));
  assert_false(check_signed(SIGNED_OUTER, ENTITY, 11, CLOSE));
  assert_false(check_signed(SIGNED_OUTER, ENTITY, 2, "\r\n--=_b\r\n\r\nthird\r\n--=_b--\r\n"));
  assert_false(check_signed(OUTER, ENTITY, 2, CLOSE));
}

/* ---- packets of outside ---- */

static void
any_bytes_are_walked_without_harm(void **state)
{
  guint8 bytes[64];
  guint32 seed = 12345;
  for (int round = 0; round < 20000; round++) {
    size_t length = (size_t)round % sizeof bytes;
    for (size_t i = 0; i < length; i++)
      bytes[i] = (guint8)((seed = seed * 1103515245 + 12345) >> 16);
    if (length > 0)
      bytes[0] |= 0x80;
    char *copy = exact_copy(bytes, length);
    g_autoptr(GBytes) data = g_bytes_new_static(copy, length);
    struct packets packets;
    (void)!packets_read(data, &packets, NULL);
    g_autoptr(GBytes) armour = armour_decode(copy, length, &(struct armour){.label = "MESSAGE"}, NULL);
    assert_null(armour);
    free(copy);
  }
}

static void
partial_lengths_are_followed(void **state)
{
  /* A session key, then data in chunks of 2, 1 and 3 bytes. */
  const guint8 bytes[] = {0xc1, 3, 3, 1, 2, 0xd2, 0xe1, 1, 9, 0xe0, 9, 3, 9, 9, 9};
  char *copy = exact_copy(bytes, sizeof bytes);
  g_autoptr(GBytes) data = g_bytes_new_static(copy, sizeof bytes);
  struct packets packets;
  assert_true(packets_read(data, &packets, NULL));
  assert_true(packets_are_sealed(&packets));
  assert_int_equal(packets.public_keys, 1);
  free(copy);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(right_letter_passes),
      cmocka_unit_test(one_recipient_fewer_is_caught),
      cmocka_unit_test(packets_of_any_other_kind_are_caught),
      cmocka_unit_test(wrapping_of_any_other_kind_is_caught),
      cmocka_unit_test(clear_text_is_found_in_the_payload),
      cmocka_unit_test(clear_text_is_found_beside_the_payload),
      cmocka_unit_test(clear_text_is_found_at_every_offset),
      cmocka_unit_test(encoded_parts_are_sought_decoded),
      cmocka_unit_test(clear_text_that_repeats_itself_is_found),
      cmocka_unit_test(monotonous_bytes_are_no_leak),
      cmocka_unit_test(search_finds_what_the_rule_says),
      cmocka_unit_test(signed_letter_must_hold_exactly_ours),
      cmocka_unit_test(any_bytes_are_walked_without_harm),
      cmocka_unit_test(partial_lengths_are_followed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Letters built to fool: what was changed, cut, unprotected or wrapped shows
 * nothing, and no signature counts for what it does not cover (EFAIL; Johnny, you
 * are fired).  Real keys, real GnuPG. */
#include "base/error.h"
#include "crypto/crypto-private.h"
#include "crypto/packets.h"
#include "tests/unit/crypto/gnupg.h"
#include "tests/unit/test.h"

#define CLEAR "Content-Type: text/plain\r\n\r\nIl testo segreto della lettera di Anna.\r\n"

static struct gnupg gnupg;
static struct conf *conf;
static struct crypto *crypto;

static int
set_up(void **state)
{
  gnupg_init(&gnupg);
  gnupg_make_key(&gnupg, "Anna Rossi <anna@tuoisp.example>");
  gnupg_make_key(&gnupg, "Eva <eva@evil.example>");
  conf = conf_new_default();
  crypto = crypto_new(conf, NULL, NULL);
  return 0;
}

static int
tear_down(void **state)
{
  crypto_free(crypto);
  conf_free(conf);
  gnupg_clear(&gnupg);
  return 0;
}

/* ---- building ---- */

static GBytes *
bytes_of(const char *text)
{
  return g_bytes_new(text, strlen(text));
}

static char *
text_of(GBytes *bytes)
{
  return g_strndup(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));
}

static char *
armoured(GBytes *packets)
{
  g_autoptr(GBytes) text = gnupg_run(&gnupg, packets, "--enarmor", NULL);
  g_autofree char *raw = text_of(text);
  g_autoptr(GString) armour = g_string_new(raw);
  g_string_replace(armour, "PGP ARMORED FILE", "PGP MESSAGE", 0);
  g_string_replace(armour, "Comment: Use \"gpg --dearmor\" for unpacking\n", "", 0);
  return g_string_free(g_steal_pointer(&armour), FALSE);
}

static char *
sealed_letter(const char *armour)
{
  return g_strconcat("From: anna@tuoisp.example\n"
                     "Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\";"
                     " boundary=b\n\n--b\nContent-Type: application/pgp-encrypted\n\nVersion: 1\n\n"
                     "--b\nContent-Type: application/octet-stream\n\n",
                     armour, "\n--b--\n", NULL);
}

static char *
signed_letter(const char *text, const char *signature)
{
  return g_strconcat("From: anna@tuoisp.example\n"
                     "Content-Type: multipart/signed; protocol=\"application/pgp-signature\";"
                     " micalg=pgp-sha512; boundary=b\n\n--b\n",
                     text, "\n--b\nContent-Type: application/pgp-signature\n\n", signature,
                     "\n--b--\n", NULL);
}

static char *
signature_by(const char *who, const char *text)
{
  g_autoptr(GBytes) data = bytes_of(text);
  g_autoptr(GBytes) signature =
      gnupg_run(&gnupg, data, "--armor", "--local-user", who, "--detach-sign", NULL);
  return text_of(signature);
}

static GBytes *
encrypted(const char *text, const char *option)
{
  g_autoptr(GBytes) data = bytes_of(text);
  return gnupg_run(&gnupg, data, option, "--recipient", "anna@tuoisp.example", "--encrypt", NULL);
}

struct outcome {
  struct verdict *verdict;
  GBytes *shown;
  char *words;
};

static struct outcome
open_as(const char *letter, enum envelope_kind kind)
{
  size_t length = strlen(letter);
  char *copy = exact_copy(letter, length);
  g_autoptr(GBytes) message = g_bytes_new_static(copy, length);
  g_autoptr(GPtrArray) from = g_ptr_array_new_with_free_func((GDestroyNotify)address_free);
  struct outcome outcome = {0};
  g_ptr_array_add(from, address_new(NULL, "anna@tuoisp.example"));
  assert_true(
      crypto_open(crypto, message, kind, from, &outcome.verdict, &outcome.shown, NULL, NULL));
  outcome.words = verdict_words(outcome.verdict);
  if (outcome.shown != NULL) {
    /* Not to point into `copy`. */
    GBytes *own =
        g_bytes_new(g_bytes_get_data(outcome.shown, NULL), g_bytes_get_size(outcome.shown));
    g_bytes_unref(outcome.shown);
    outcome.shown = own;
  }
  free(copy);
  return outcome;
}

static void
outcome_clear(struct outcome *outcome)
{
  verdict_free(outcome->verdict);
  g_clear_pointer(&outcome->shown, g_bytes_unref);
  g_free(outcome->words);
}

static void
assert_broken(const char *letter, const char *what)
{
  struct outcome outcome = open_as(letter, ENVELOPE_PGP_SEALED);
  if (outcome.verdict->seal != SEAL_BROKEN || outcome.shown != NULL)
    fail_msg("%s: %s", what, outcome.words);
  outcome_clear(&outcome);
}

static void
assert_not_signed(const char *letter, enum envelope_kind kind, const char *what)
{
  struct outcome outcome = open_as(letter, kind);
  if (outcome.verdict->seal == SEAL_SIGNED || outcome.verdict->seal == SEAL_SEALED_SIGNED ||
      strstr(outcome.words, "signed by") != NULL)
    fail_msg("%s: %s", what, outcome.words);
  outcome_clear(&outcome);
}

/* ---- EFAIL ---- */

static void
whole_letter_is_shown(void **state)
{
  g_autoptr(GBytes) packets = encrypted(CLEAR, "--no-armor");
  g_autofree char *armour = armoured(packets);
  g_autofree char *letter = sealed_letter(armour);
  struct outcome outcome = open_as(letter, ENVELOPE_PGP_SEALED);
  assert_string_equal(outcome.words, "sealed");
  assert_memory_equal(g_bytes_get_data(outcome.shown, NULL), CLEAR, strlen(CLEAR));
  outcome_clear(&outcome);
}

static void
changed_or_cut_letter_shows_nothing(void **state)
{
  g_autoptr(GBytes) packets = encrypted(CLEAR, "--no-armor");
  gsize length;
  const guint8 *data = g_bytes_get_data(packets, &length);
  for (gsize at = 1; at < 60; at += 7) {
    g_autofree guint8 *copy = g_memdup2(data, length);
    copy[length - at] ^= 0x40;
    g_autoptr(GBytes) changed = g_bytes_new(copy, length);
    g_autofree char *armour = armoured(changed);
    g_autofree char *letter = sealed_letter(armour);
    assert_broken(letter, "a flipped bit");
  }
  for (gsize cut = 1; cut < 40; cut += 13) {
    g_autoptr(GBytes) shorter = g_bytes_new(data, length - cut);
    g_autofree char *armour = armoured(shorter);
    g_autofree char *letter = sealed_letter(armour);
    assert_broken(letter, "a cut");
  }
}

/* The packet with integrity protection relabelled as one without, its version
 * byte and its MDC cut off: the downgrade of the paper. */
static void
stripped_integrity_shows_nothing(void **state)
{
  g_autoptr(GBytes) packets = encrypted(CLEAR, "--no-armor");
  gsize length;
  const guint8 *data = g_bytes_get_data(packets, &length);
  gsize key = 2 + (gsize)data[1]; /* one short session key packet stands first */
  assert_true((data[0] == 0x84 || data[0] == 0xc1) && data[key] == 0xd2 && data[key + 1] < 192);
  g_autoptr(GByteArray) stripped = g_byte_array_new();
  guint8 head[] = {0xc0 | 9, (guint8)(data[key + 1] - 1 - 22)};
  g_byte_array_append(stripped, data, (guint)key);
  g_byte_array_append(stripped, head, sizeof head);
  g_byte_array_append(stripped, data + key + 3, (guint)(length - key - 3 - 22));
  g_autoptr(GBytes) bytes = g_bytes_new(stripped->data, stripped->len);
  g_autofree char *armour = armoured(bytes);
  g_autofree char *letter = sealed_letter(armour);
  assert_broken(letter, "stripped");
}

static void
letter_that_is_not_encrypted_shows_nothing(void **state)
{
  g_autoptr(GBytes) data = bytes_of(CLEAR);
  g_autoptr(GBytes) only_signed =
      gnupg_run(&gnupg, data, "--local-user", "eva@evil.example", "--sign", NULL);
  g_autoptr(GBytes) stored = gnupg_run(&gnupg, data, "--store", NULL);
  GBytes *all[] = {only_signed, stored};
  for (gsize i = 0; i < G_N_ELEMENTS(all); i++) {
    g_autofree char *armour = armoured(all[i]);
    g_autofree char *letter = sealed_letter(armour);
    assert_broken(letter, "clear packets in an envelope");
  }
}

static void
two_messages_in_one_envelope_show_nothing(void **state)
{
  g_autoptr(GBytes) one = encrypted(CLEAR, "--no-armor");
  g_autoptr(GBytes) two = encrypted(CLEAR, "--no-armor");
  g_autoptr(GByteArray) both = g_byte_array_new();
  g_byte_array_append(both, g_bytes_get_data(one, NULL), (guint)g_bytes_get_size(one));
  g_byte_array_append(both, g_bytes_get_data(two, NULL), (guint)g_bytes_get_size(two));
  g_autoptr(GBytes) bytes = g_bytes_new(both->data, both->len);
  g_autofree char *armour = armoured(bytes);
  g_autofree char *letter = sealed_letter(armour);
  assert_broken(letter, "two messages");
}

static void
wrapped_letters_show_nothing_but_the_sealed_text(void **state)
{
  g_autoptr(GBytes) packets = encrypted(CLEAR, "--no-armor");
  g_autofree char *armour = armoured(packets);
  g_autofree char *letter = sealed_letter(armour);
  /* A part before or behind the sealed one, to splice HTML around it. */
  g_autoptr(GString) before = g_string_new(letter);
  g_string_replace(before, "--b\nContent-Type: application/pgp-encrypted",
                   "--b\nContent-Type: text/html\n\n<img src=\"http://evil.example/\n"
                   "--b\nContent-Type: application/pgp-encrypted",
                   1);
  assert_broken(before->str, "a part before");
  g_autoptr(GString) behind = g_string_new(letter);
  g_string_replace(behind, "\n--b--\n", "\n--b\nContent-Type: text/html\n\n\">\n--b--\n", 1);
  assert_broken(behind->str, "a part behind");
  /* What stands outside the parts is not shown at all. */
  g_autofree char *epilogue = g_strconcat(letter, "<img src=\"http://evil.example/\">\n", NULL);
  struct outcome outcome = open_as(epilogue, ENVELOPE_PGP_SEALED);
  assert_string_equal(outcome.words, "sealed");
  assert_int_equal(g_bytes_get_size(outcome.shown), strlen(CLEAR));
  outcome_clear(&outcome);
}

/* ---- signatures ---- */

#define SIGNED "Content-Type: text/plain\r\n\r\nFirmato da Anna.\r\n"

static void
good_signature_is_said(void **state)
{
  g_autofree char *signature = signature_by("anna@tuoisp.example", SIGNED);
  g_autofree char *letter = signed_letter(SIGNED, signature);
  struct outcome outcome = open_as(letter, ENVELOPE_PGP_SIGNED);
  assert_string_equal(outcome.words, "signed by Anna Rossi <anna@tuoisp.example>");
  assert_int_equal(g_bytes_get_size(outcome.shown), strlen(SIGNED));
  assert_true(outcome.verdict->signed_at > 0);
  outcome_clear(&outcome);
}

static void
forged_signatures_are_not_said(void **state)
{
  g_autofree char *anna = signature_by("anna@tuoisp.example", SIGNED);
  g_autofree char *eva = signature_by("eva@evil.example", SIGNED);
  g_autofree char *both = g_strconcat(anna, eva, NULL);
  g_autofree char *by_eva = signed_letter(SIGNED, eva);
  g_autofree char *by_both = signed_letter(SIGNED, both);
  g_autofree char *other_text = signed_letter("Content-Type: text/plain\r\n\r\nAltro.\r\n", anna);
  g_autofree char *no_signature = signed_letter(SIGNED, "");
  g_autofree char *nonsense =
      signed_letter(SIGNED, "[GNUPG:] GOODSIG 1 Anna\n[GNUPG:] VALIDSIG 1\n");
  /* A whole message that Anna signed, where the signature of another should be. */
  g_autoptr(GBytes) data = bytes_of(SIGNED);
  g_autoptr(GBytes) whole =
      gnupg_run(&gnupg, data, "--armor", "--local-user", "anna@tuoisp.example", "--sign", NULL);
  g_autoptr(GBytes) clear =
      gnupg_run(&gnupg, data, "--local-user", "anna@tuoisp.example", "--clear-sign", NULL);
  g_autofree char *whole_text = text_of(whole);
  g_autofree char *clear_text = text_of(clear);
  g_autofree char *with_whole =
      signed_letter("Content-Type: text/plain\r\n\r\nAltro.\r\n", whole_text);
  g_autofree char *with_clear =
      signed_letter("Content-Type: text/plain\r\n\r\nAltro.\r\n", clear_text);
  assert_not_signed(with_whole, ENVELOPE_PGP_SIGNED, "a signed message for a signature");
  assert_not_signed(with_clear, ENVELOPE_PGP_SIGNED, "a clear-signed text for a signature");
  assert_not_signed(by_eva, ENVELOPE_PGP_SIGNED, "another's key");
  assert_not_signed(by_both, ENVELOPE_PGP_SIGNED, "two signatures");
  assert_not_signed(other_text, ENVELOPE_PGP_SIGNED, "another text");
  assert_not_signed(no_signature, ENVELOPE_PGP_SIGNED, "no signature");
  assert_not_signed(nonsense, ENVELOPE_PGP_SIGNED, "status lines for a signature");
}

static void
more_parts_than_the_signed_one_are_not_covered(void **state)
{
  g_autofree char *anna = signature_by("anna@tuoisp.example", SIGNED);
  g_autofree char *letter = signed_letter(SIGNED, anna);
  g_autoptr(GString) three = g_string_new(letter);
  g_string_replace(three, "\n--b--\n", "\n--b\n\nText that nobody signed\n--b--\n", 1);
  assert_not_signed(three->str, ENVELOPE_PGP_SIGNED, "a third part");
  g_autoptr(GString) first = g_string_new(letter);
  g_string_replace(first, "\n\n--b\n", "\n\n--b\n\nText that nobody signed\n--b\n", 1);
  assert_not_signed(first->str, ENVELOPE_PGP_SIGNED, "a part before");
  g_autoptr(GString) twice = g_string_new(letter);
  g_string_prepend(twice, "Content-Type: multipart/signed; boundary=c\n");
  assert_not_signed(twice->str, ENVELOPE_PGP_SIGNED, "two types");
  /* A preamble is no part of what is shown. */
  g_autoptr(GString) preamble = g_string_new(letter);
  g_string_replace(preamble, "\n\n--b\n", "\n\nText that nobody signed\n--b\n", 1);
  struct outcome outcome = open_as(preamble->str, ENVELOPE_PGP_SIGNED);
  assert_int_equal(g_bytes_get_size(outcome.shown), strlen(SIGNED));
  outcome_clear(&outcome);
}

static void
sealed_letter_with_a_signed_one_inside_is_both(void **state)
{
  g_autofree char *anna = signature_by("anna@tuoisp.example", SIGNED);
  g_autofree char *inner = signed_letter(SIGNED, anna);
  g_autoptr(GBytes) packets = encrypted(strchr(inner, '\n') + 1, "--no-armor");
  g_autofree char *armour = armoured(packets);
  g_autofree char *letter = sealed_letter(armour);
  struct outcome outcome = open_as(letter, ENVELOPE_PGP_SEALED);
  assert_string_equal(outcome.words, "sealed, signed by Anna Rossi <anna@tuoisp.example>");
  outcome_clear(&outcome);
}

static void
smime_says_that_there_is_no_plugin(void **state)
{
  g_free(crypto->smime_opener);
  crypto->smime_opener = g_strdup("none");
  struct outcome is_signed = open_as("From: a@b.example\n\nx\n", ENVELOPE_SMIME_SIGNED);
  struct outcome is_sealed = open_as("From: a@b.example\n\nx\n", ENVELOPE_SMIME_SEALED);
  assert_true(g_str_has_prefix(is_signed.words, "signature not verified: it is S/MIME"));
  assert_non_null(is_signed.shown);
  assert_true(g_str_has_prefix(is_sealed.words, "broken: it is S/MIME"));
  assert_null(is_sealed.shown);
  outcome_clear(&is_signed);
  outcome_clear(&is_sealed);
  g_free(crypto->smime_opener);
  crypto->smime_opener = g_strdup("smime");
}

static void
armour_that_is_the_whole_text_is_opened(void **state)
{
  g_autoptr(GBytes) packets = encrypted("Ciao Anna.\n", "--no-armor");
  g_autofree char *armour = armoured(packets);
  g_autofree char *whole = g_strconcat("From: anna@tuoisp.example\n\n", armour, NULL);
  g_autofree char *mixed = g_strconcat("From: anna@tuoisp.example\n\nread this:\n", armour, NULL);
  struct outcome outcome = open_as(whole, ENVELOPE_PGP_INLINE);
  assert_string_equal(outcome.words, "sealed");
  g_autofree char *text = text_of(outcome.shown);
  assert_true(g_str_has_suffix(text, "\r\n\r\nCiao Anna.\n"));
  outcome_clear(&outcome);
  outcome = open_as(mixed, ENVELOPE_PGP_INLINE);
  assert_string_equal(outcome.words, "postcard");
  outcome_clear(&outcome);
}

static char *
clear_signed(const char *who, const char *text)
{
  g_autoptr(GBytes) data = bytes_of(text);
  g_autoptr(GBytes) made = gnupg_run(&gnupg, data, "--local-user", who, "--clear-sign", NULL);
  return text_of(made);
}

static void
clear_signed_text_shows_what_was_signed_and_no_more(void **state)
{
  static const char head[] = "From: anna@tuoisp.example\n"
                             "Content-Type: text/plain; charset=iso-8859-15\n\n";
  g_autofree char *made = clear_signed("anna@tuoisp.example", "Ciao.\n- Anna\n");
  g_autofree char *evil = clear_signed("eva@evil.example", "Ciao.\n");
  g_autoptr(GString) changed = g_string_new(made);
  g_string_replace(changed, "Ciao", "Addio", 0);
  g_autoptr(GString) header = g_string_new(made);
  g_string_replace(header, "\n\n", "\nPay 100 euro to Eva.\n\n", 1);
  g_autofree char *whole = g_strconcat(head, made, NULL);
  struct outcome outcome = open_as(whole, ENVELOPE_PGP_INLINE);
  assert_string_equal(outcome.words, "signed by Anna Rossi <anna@tuoisp.example>");
  g_autofree char *text = text_of(outcome.shown);
  assert_non_null(strstr(text, "iso-8859-15"));
  assert_true(g_str_has_suffix(text, "\r\n\r\nCiao.\n- Anna\n"));
  outcome_clear(&outcome);
  const char *const bad[][2] = {
      {"", changed->str}, {"", evil},          {"before\n", made},
      {made, made},       {"", header->str}, {"-----BEGIN PGP SIGNED MESSAGE-----\n", made}};
  for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
    g_autofree char *letter = g_strconcat(head, bad[i][0], bad[i][1], NULL);
    struct outcome seen = open_as(letter, ENVELOPE_PGP_INLINE);
    g_autofree char *shown = seen.shown != NULL ? text_of(seen.shown) : g_strdup("");
    /* A line among the armour's headers is no part of what is shown as signed. */
    if (seen.verdict->seal == SEAL_SIGNED && strstr(shown, "euro") != NULL)
      fail_msg("%s", letter);
    if (seen.verdict->seal == SEAL_SIGNED && i != 4)
      fail_msg("%s: %s", letter, seen.words);
    outcome_clear(&seen);
  }
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(whole_letter_is_shown),
      cmocka_unit_test(changed_or_cut_letter_shows_nothing),
      cmocka_unit_test(stripped_integrity_shows_nothing),
      cmocka_unit_test(letter_that_is_not_encrypted_shows_nothing),
      cmocka_unit_test(two_messages_in_one_envelope_show_nothing),
      cmocka_unit_test(wrapped_letters_show_nothing_but_the_sealed_text),
      cmocka_unit_test(good_signature_is_said),
      cmocka_unit_test(forged_signatures_are_not_said),
      cmocka_unit_test(more_parts_than_the_signed_one_are_not_covered),
      cmocka_unit_test(sealed_letter_with_a_signed_one_inside_is_both),
      cmocka_unit_test(smime_says_that_there_is_no_plugin),
      cmocka_unit_test(armour_that_is_the_whole_text_is_opened),
      cmocka_unit_test(clear_signed_text_shows_what_was_signed_and_no_more),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}

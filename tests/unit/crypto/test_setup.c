/* Autocrypt's setup message (level 1, 4): what ours is sealed by, whatever the user's
 * gpg.conf wishes, and the forms in which other programs write theirs. */
#include <glib/gstdio.h>

#include "base/error.h"
#include "crypto/crypto.h"
#include "tests/unit/crypto/gnupg.h"
#include "tests/unit/test.h"

#define CODE "1742-0185-6197-1303-7016-8412-3581-4441-0597"

struct ground {
  struct gnupg gnupg;       /* with anna's pair */
  struct conf *conf;
  struct crypto *crypto;
  GBytes *pair;             /* hers, as armour */
  char *fingerprint;
  const char *typed;        /* by the person */
  char *prompt;             /* that was shown last */
};
static struct ground ground;

static secret_t *
answer(const char *prompt, bool secret, void *data)
{
  assert_true(secret);
  g_free(ground.prompt);
  ground.prompt = g_strdup(prompt);
  return secret_new(ground.typed, strlen(ground.typed));
}

static int
set_up(void **state)
{
  gnupg_init(&ground.gnupg);
  gnupg_make_key(&ground.gnupg, "Anna Rossi <anna@tuoisp.example>");
  ground.fingerprint = gnupg_fingerprint(&ground.gnupg, "anna@tuoisp.example");
  ground.pair = gnupg_run(&ground.gnupg, NULL, "--armor", "--export-secret-keys", NULL);
  ground.conf = conf_new_default();
  ground.crypto = crypto_new(ground.conf, answer, NULL);
  return 0;
}

static int
tear_down(void **state)
{
  crypto_free(ground.crypto);
  conf_free(ground.conf);
  g_bytes_unref(ground.pair);
  g_free(ground.fingerprint);
  g_free(ground.prompt);
  gnupg_clear(&ground.gnupg);
  return 0;
}

static char *
text_of(GBytes *bytes)
{
  return g_strndup(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));
}

/* ---- ours ---- */

static void
pair_is_sealed_by_aes_whatever_gpg_conf_says(void **state)
{
  static const char *const confs[] = {
      "", "personal-cipher-preferences 3DES CAST5\n", "cipher-algo CAST5\n",
      "s2k-cipher-algo CAST5\ns2k-digest-algo SHA1\n", "s2k-mode 0\n", "openpgp\n",
      "cipher-algo 3DES\ns2k-mode 1\nencrypt-to anna@tuoisp.example\n"};
  g_autofree char *path = g_build_filename(ground.gnupg.dir, "gpg.conf", NULL);
  for (size_t i = 0; i < G_N_ELEMENTS(confs); i++) {
    g_autoptr(GError) error = NULL;
    assert_true(g_file_set_contents(path, confs[i], -1, NULL));
    g_autoptr(GBytes) armour =
        crypto_key_setup(ground.crypto, "openpgp", ground.fingerprint, CODE, NULL, &error);
    g_unlink(path);
    if (armour == NULL)
      fail_msg("%s: %s", confs[i], error->message);
    g_autofree char *text = text_of(armour);
    assert_true(g_str_has_prefix(text, "-----BEGIN PGP MESSAGE-----\n"
                                       "Passphrase-Format: numeric9x4\nPassphrase-Begin: 17\n"));
    assert_null(strstr(text, CODE));
    g_autoptr(GBytes) listed = gnupg_run(&ground.gnupg, armour, "--pinentry-mode", "loopback",
                                         "--passphrase", CODE, "--list-packets", NULL);
    g_autofree char *packets = text_of(listed);
    if (strstr(packets, "symkey enc packet: version 4, cipher 7, aead 0,s2k 3, hash 8") == NULL ||
        strstr(packets, "mdc_method: 2") == NULL || strstr(packets, "pubkey enc") != NULL)
      fail_msg("%s: %s", confs[i], packets);
    g_autoptr(GBytes) opened = gnupg_run(&ground.gnupg, armour, "--pinentry-mode", "loopback",
                                         "--passphrase", CODE, "--decrypt", NULL);
    g_autofree char *within = text_of(opened);
    assert_true(g_str_has_prefix(within, "-----BEGIN PGP PRIVATE KEY BLOCK-----\n"
                                         "Autocrypt-Prefer-Encrypt: mutual\n"));
  }
}

/* ---- those of others ---- */

/* `pair` sealed by gpg with a code, its armour with more `headers`. */
static GBytes *
sealed_by(GBytes *pair, const char *cipher, const char *code, const char *headers)
{
  g_autoptr(GBytes) sealed =
      gnupg_run(&ground.gnupg, pair, "--armor", "--pinentry-mode", "loopback", "--passphrase", code,
                "--cipher-algo", cipher, "--s2k-cipher-algo", cipher, "--symmetric", NULL);
  g_autofree char *text = text_of(sealed);
  g_autoptr(GString) all = g_string_new(text);
  g_string_insert(all, strchr(all->str, '\n') + 1 - all->str, headers);
  return g_bytes_new(all->str, all->len);
}

/* Into an empty key ring; the fingerprint, or NULL. */
static char *
taken(GBytes *armour, const char *typed, GError **error)
{
  struct gnupg empty;
  ground.typed = typed;
  gnupg_init(&empty);
  g_autoptr(crypto_t) crypto = crypto_new(ground.conf, answer, NULL);
  g_autoptr(GPtrArray) keys = crypto_key_setup_open(crypto, "openpgp", armour, NULL, error);
  const struct key_info *key = keys != NULL && keys->len == 1 ? keys->pdata[0] : NULL;
  char *fingerprint = key != NULL && key->secret ? g_strdup(key->fingerprint) : NULL;
  gnupg_clear(&empty);
  g_setenv("GNUPGHOME", ground.gnupg.dir, TRUE);
  return fingerprint;
}

static GBytes *
with_tail(const char *tail)
{
  g_autofree char *pair = text_of(ground.pair);
  g_autofree char *whole = g_strconcat(pair, tail, NULL);
  return g_bytes_new(whole, strlen(whole));
}

static GBytes *
with_crlf(GBytes *armour)
{
  g_autofree char *text = text_of(armour);
  g_autoptr(GString) all = g_string_new(text);
  g_string_replace(all, "\n", "\r\n", 0);
  return g_bytes_new(all->str, all->len);
}

static void
messages_of_other_programs_are_taken(void **state)
{
  static const struct {
    const char *cipher, *code, *headers, *typed, *prompt, *tail;
    bool crlf;
  } rows[] = {
      /* As the specification's appendix has it, and K-9 writes it. */
      {"AES", CODE, "Passphrase-Format: numeric9x4\nPassphrase-Begin: 17\n", CODE, "begins with 17", ""},
      {"AES256", CODE, "Version: Delta\nPassphrase-Format: numeric9x4\nPassphrase-Begin: 17\n",
       "1742 0185 6197 1303 7016 8412 3581 4441 0597", "36 digits", "", true},
      {"AES", CODE, "Passphrase-Format: numeric9x4\n", "174201856197130370168412358144410597",
       "36 digits", ""},
      /* No form is said, or one that nobody knows: it is typed as it is. */
      {"AES", "cavallo giusto", "", "cavallo giusto", "The setup code", ""},
      {"AES", "cavallo giusto", "Passphrase-Format: words\n", "cavallo giusto", "The setup code", ""},
      /* What follows the pair is passed over. */
      {"AES", CODE, "Passphrase-Format: numeric9x4\n", CODE, "36 digits",
       "\nand more\n-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAAAA\n-----END PGP PUBLIC KEY BLOCK-----\n"},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) pair = with_tail(rows[i].tail);
    g_autoptr(GBytes) plain = sealed_by(pair, rows[i].cipher, rows[i].code, rows[i].headers);
    g_autoptr(GBytes) armour = rows[i].crlf ? with_crlf(plain) : g_bytes_ref(plain);
    g_autofree char *fingerprint = taken(armour, rows[i].typed, &error);
    if (fingerprint == NULL)
      fail_msg("row %zu: %s", i, error != NULL ? error->message : "no key");
    assert_string_equal(fingerprint, ground.fingerprint);
    assert_non_null(strstr(ground.prompt, rows[i].prompt));
  }
}

static void
wrong_code_takes_nothing(void **state)
{
  static const char *const typed[] = {"1742-0185-6197-1303-7016-8412-3581-4441-0598", "1742", ""};
  g_autoptr(GBytes) armour = sealed_by(ground.pair, "AES", CODE, "Passphrase-Format: numeric9x4\n");
  for (size_t i = 0; i < G_N_ELEMENTS(typed); i++) {
    g_autoptr(GError) error = NULL;
    g_autofree char *fingerprint = taken(armour, typed[i], &error);
    assert_null(fingerprint);
    assert_true(error_is(error, POSTINO_ERROR_AUTH));
  }
}

/* GnuPG opens these with any code, or none. */
static void
what_is_not_sealed_by_a_code_alone_is_refused(void **state)
{
  g_autoptr(GBytes) to_key =
      gnupg_run(&ground.gnupg, ground.pair, "--armor", "--trust-model", "always", "--recipient",
                "anna@tuoisp.example", "--encrypt", NULL);
  g_autoptr(GBytes) to_both =
      gnupg_run(&ground.gnupg, ground.pair, "--armor", "--trust-model", "always", "--pinentry-mode",
                "loopback", "--passphrase", CODE, "--recipient", "anna@tuoisp.example", "--encrypt",
                "--symmetric", NULL);
  g_autoptr(GBytes) in_clear = gnupg_run(&ground.gnupg, ground.pair, "--armor", "--store", NULL);
  /* A session key for a password, and data that nothing protects. */
  static const char unprotected_text[] = "-----BEGIN PGP MESSAGE-----\n\n"
                                         "jA0EBwMCFAxADoCdzeX/pAwBAgMEBQYHCAkKCww=\n"
                                         "-----END PGP MESSAGE-----\n";
  g_autoptr(GBytes) unprotected = g_bytes_new_static(unprotected_text, strlen(unprotected_text));
  g_autoptr(GBytes) none = g_bytes_new_static("", 0);
  GBytes *rows[] = {to_key, to_both, in_clear, unprotected, none};
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autoptr(GError) error = NULL;
    g_clear_pointer(&ground.prompt, g_free);
    g_autofree char *fingerprint = taken(rows[i], CODE, &error);
    if (fingerprint != NULL || !error_is(error, POSTINO_ERROR_INVALID) || ground.prompt != NULL)
      fail_msg("row %zu: %s", i, error != NULL ? error->message : "taken");
  }
}

/* What opens with the code is a pair, and nothing else. */
static void
what_holds_no_pair_is_refused(void **state)
{
  g_autoptr(GBytes) public = gnupg_run(&ground.gnupg, NULL, "--armor", "--export", NULL);
  g_autoptr(GBytes) text = g_bytes_new_static("no key at all\n", 14);
  GBytes *rows[] = {public, text};
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) armour = sealed_by(rows[i], "AES", CODE, "Passphrase-Format: numeric9x4\n");
    g_autofree char *fingerprint = taken(armour, CODE, &error);
    assert_null(fingerprint);
    assert_non_null(strstr(error->message, "no key pair"));
  }
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(pair_is_sealed_by_aes_whatever_gpg_conf_says),
      cmocka_unit_test(messages_of_other_programs_are_taken),
      cmocka_unit_test(wrong_code_takes_nothing),
      cmocka_unit_test(what_is_not_sealed_by_a_code_alone_is_refused),
      cmocka_unit_test(what_holds_no_pair_is_refused),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}

/* S/MIME by the real plugin, with openssl and gpgsm on the other side. */
#include <gio/gio.h>
#include <glib/gstdio.h>

#include "base/error.h"
#include "crypto/check.h"
#include "crypto/cms.h"
#include "crypto/crypto.h"
#include "tests/unit/crypto/gnupg.h"
#include "tests/unit/test.h"

#define ENTITY                                                                                     \
  "Content-Type: text/plain; charset=us-ascii\r\n\r\n"                                             \
  "Questa frase non deve poter essere letta da chi porta la lettera.\r\n"

static struct gnupg gnupg;
static char *dir;
static struct crypto *crypto;
static GBytes *entity;

/* A shell's work in the directory of the certificates; it must succeed. */
static void
sh(const char *script)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *whole = g_strdup_printf("cd %s && { %s\n}", dir, script);
  const char *argv[] = {"sh", "-ec", whole, NULL};
  g_autofree char *said = NULL;
  int status;
  assert_true(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, &said,
                           &status, &error));
  if (status != 0)
    fail_msg("%s: %s", script, said);
}

static GBytes *
file(const char *name)
{
  g_autofree char *path = g_build_filename(dir, name, NULL);
  char *text;
  gsize length;
  assert_true(g_file_get_contents(path, &text, &length, NULL));
  return g_bytes_new_take(text, length);
}

static void
put(const char *name, GBytes *bytes)
{
  g_autofree char *path = g_build_filename(dir, name, NULL);
  assert_true(g_file_set_contents(path, g_bytes_get_data(bytes, NULL),
                                  (gssize)g_bytes_get_size(bytes), NULL));
}

static int
set_up(void **state)
{
  g_autoptr(conf_t) conf = conf_new_default();
  const char *top = g_getenv("abs_top_srcdir");
  g_autofree char *script =
      g_build_filename(top != NULL ? top : ".", "tests/unit/crypto/smime.sh", NULL);
  g_autofree char *make = NULL;
  gnupg_init(&gnupg);
  dir = g_strdup("/tmp/psts.XXXXXX");
  assert_non_null(g_mkdtemp_full(dir, 0700));
  make = g_strdup_printf("sh %s %s", script, dir);
  sh(make);
  crypto = crypto_new(conf, NULL, NULL);
  entity = g_bytes_new_static(ENTITY, strlen(ENTITY));
  put("entity", entity);
  return 0;
}

static int
tear_down(void **state)
{
  const char *erase[] = {"rm", "-rf", dir, NULL};
  g_bytes_unref(entity);
  crypto_free(crypto);
  gnupg_clear(&gnupg);
  assert_true(g_spawn_sync(NULL, (char **)erase, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL,
                           NULL, NULL));
  g_free(dir);
  return 0;
}

static GBytes *
seal_to(const char *spec, bool sign, bool encrypt, GError **error)
{
  const char *recipients[] = {spec, NULL};
  struct seal_request request = {.plugin = "smime",
                                 .from = "anna@tuoisp.example",
                                 .recipients = recipients,
                                 .entity = entity,
                                 .subject = "Un soggetto segreto",
                                 .sign = sign,
                                 .encrypt = encrypt};
  return crypto_seal(crypto, &request, NULL, error);
}

/* The words of the verdict over a letter from `spec`; *shown_out: what may be shown. */
static char *
words_of(GBytes *letter, enum envelope_kind kind, const char *spec, char **shown_out)
{
  g_autoptr(GPtrArray) from = g_ptr_array_new_with_free_func((GDestroyNotify)address_free);
  g_autoptr(verdict_t) verdict = NULL;
  g_autoptr(GBytes) shown = NULL;
  g_ptr_array_add(from, address_new(NULL, spec));
  assert_true(crypto_open(crypto, letter, kind, from, &verdict, &shown, NULL, NULL));
  if (shown_out != NULL)
    *shown_out = shown == NULL ? NULL
                               : g_strndup(g_bytes_get_data(shown, NULL), g_bytes_get_size(shown));
  return verdict_words(verdict);
}

static void
signed_letter_is_read_by_openssl_and_by_us(void **state)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GBytes) made = seal_to("bruno@tuoisp.example", true, false, &error);
  if (made == NULL)
    fail_msg("%s", error->message);
  g_autofree char *shown = NULL;
  g_autofree char *words = words_of(made, ENVELOPE_SMIME_SIGNED, "anna@tuoisp.example", &shown);
  assert_string_equal(words, "signed by Anna Rossi <anna@tuoisp.example>");
  assert_string_equal(shown, ENTITY);
  put("made", made);
  sh("openssl cms -verify -in made -CAfile good.crt -purpose smimesign -out seen 2>err; cmp seen entity");
}

static void
sealed_letter_is_read_by_openssl_gpgsm_and_by_us(void **state)
{
  for (int sign = 0; sign < 2; sign++) {
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) made = seal_to("bruno@tuoisp.example", sign == 1, true, &error);
    if (made == NULL)
      fail_msg("%s", error->message);
    g_autofree char *shown = NULL;
    g_autofree char *words = words_of(made, ENVELOPE_SMIME_SEALED, "anna@tuoisp.example", &shown);
    assert_string_equal(words, "sealed, signed by Anna Rossi <anna@tuoisp.example>");
    assert_string_equal(shown, ENTITY);
    put("made", made);
    sh("openssl cms -decrypt -in made -recip bruno.crt -inkey bruno.key -out inner\n"
       "openssl cms -verify -in inner -CAfile good.crt -out seen 2>err; cmp seen entity\n"
       "sed '1,/^.$/d' made | base64 -di >made.der\n"
       "gpgsm --batch --quiet --disable-dirmngr -d made.der >inner2 2>err\n"
       "cmp inner inner2");
  }
}

static void
letters_of_openssl_and_gpgsm_are_read(void **state)
{
  static const struct {
    const char *script;
    enum envelope_kind kind;
    const char *from, *words;
    bool shown;
  } rows[] = {
      {"openssl cms -sign -in entity -signer anna.crt -inkey anna.key -out got", ENVELOPE_SMIME_SIGNED,
       "anna", "signed by Anna Rossi <anna@tuoisp.example>", true},
      {"openssl cms -sign -nodetach -in entity -signer anna.crt -inkey anna.key -out got",
       ENVELOPE_SMIME_OPAQUE, "anna", "signed by Anna Rossi <anna@tuoisp.example>", true},
      {"openssl cms -sign -nodetach -in entity -signer anna.crt -inkey anna.key -out got",
       ENVELOPE_SMIME_OPAQUE, "bruno", "signature not verified: key ", true},
      {"openssl cms -sign -in entity -signer carla.crt -inkey carla.key -out got",
       ENVELOPE_SMIME_SIGNED, "carla", "signature not verified: ", true},
      {"openssl cms -sign -in entity -signer anna.crt -inkey anna.key -signer bruno.crt -inkey "
       "bruno.key -out got",
       ENVELOPE_SMIME_SIGNED, "anna", "signature not verified: it carries 2 signatures", true},
      {"openssl cms -sign -in entity -signer anna.crt -inkey anna.key | sed s/frase/FRASE/ >got",
       ENVELOPE_SMIME_SIGNED, "anna", "signature not verified: the text is not what was signed",
       true},
      {"openssl cms -sign -in entity -signer anna.crt -inkey anna.key | "
       "openssl cms -encrypt -aes-256-cbc -out got bruno.crt",
       ENVELOPE_SMIME_SEALED, "anna", "sealed, signed by Anna Rossi <anna@tuoisp.example>", true},
      {"openssl cms -sign -nodetach -in entity -signer anna.crt -inkey anna.key | "
       "openssl cms -encrypt -aes-256-cbc -out got bruno.crt",
       ENVELOPE_SMIME_SEALED, "anna", "sealed, signed by Anna Rossi <anna@tuoisp.example>", true},
      {"openssl cms -encrypt -aes-256-cbc -in entity -out got bruno.crt", ENVELOPE_SMIME_SEALED,
       "anna", "broken: nothing proves that it was not changed on its way", false},
      {"openssl cms -sign -in entity -signer anna.crt -inkey anna.key | sed s/frase/FRASE/ | "
       "openssl cms -encrypt -aes-256-cbc -out got bruno.crt",
       ENVELOPE_SMIME_SEALED, "anna", "broken: nothing proves", false},
      {"openssl cms -encrypt -aes-256-cbc -in entity -out got carla.crt", ENVELOPE_SMIME_SEALED,
       "anna", "broken: ", false},
      {"gpgsm --batch --quiet --disable-dirmngr -u '<anna@tuoisp.example>' --detach-sign entity "
       "2>err | base64 >sig\n"
       "{ printf 'Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\"; "
       "micalg=sha-256; boundary=b\\r\\n\\r\\n--b\\r\\n'; cat entity; printf '\\r\\n--b\\r\\n"
       "Content-Type: application/pkcs7-signature; name=smime.p7s\\r\\n"
       "Content-Transfer-Encoding: base64\\r\\n\\r\\n'; cat sig; printf '\\r\\n--b--\\r\\n'; } >got",
       ENVELOPE_SMIME_SIGNED, "anna", "signed by Anna Rossi <anna@tuoisp.example>", true},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
    sh(rows[i].script);
    g_autoptr(GBytes) got = file("got");
    g_autofree char *spec = g_strconcat(rows[i].from, "@tuoisp.example", NULL);
    g_autofree char *shown = NULL;
    g_autofree char *words = words_of(got, rows[i].kind, spec, &shown);
    if (!g_str_has_prefix(words, rows[i].words) || (shown != NULL) != rows[i].shown)
      fail_msg("%s: %s", rows[i].script, words);
    if (shown != NULL && g_ascii_strncasecmp(shown, "Content-Type: text/plain", 24) != 0)
      fail_msg("%s shows %s", rows[i].script, shown);
  }
}

/* A real CRL of the authority names the certificate: nobody asks for it, and that is
 * said beside the verdict. */
static void
revocation_that_nobody_asks_for_is_said_to_be_unknown(void **state)
{
  g_autoptr(GPtrArray) from = g_ptr_array_new_with_free_func((GDestroyNotify)address_free);
  g_autoptr(verdict_t) verdict = NULL;
  g_autoptr(GBytes) shown = NULL;
  sh("printf '[ca]\\ndefault_ca=d\\n[d]\\ndatabase=index\\ncrlnumber=number\\ndefault_md=sha256\\n"
     "default_crl_days=30\\ncertificate=good.crt\\nprivate_key=good.key\\n' >ca.cnf\n"
     ": >index; echo 01 >number\n"
     "openssl ca -config ca.cnf -revoke bruno.crt 2>err\n"
     "openssl ca -config ca.cnf -gencrl -out good.crl 2>err\n"
     "cat good.crt good.crl >chain\n"
     "! openssl verify -crl_check -CAfile chain bruno.crt 2>err >said\n"
     "grep -q revoked said err\n"
     "openssl cms -sign -in entity -signer bruno.crt -inkey bruno.key -out got");
  g_autoptr(GBytes) got = file("got");
  g_ptr_array_add(from, address_new(NULL, "bruno@tuoisp.example"));
  assert_true(
      crypto_open(crypto, got, ENVELOPE_SMIME_SIGNED, from, &verdict, &shown, NULL, NULL));
  assert_int_equal(verdict->seal, SEAL_SIGNED);
  assert_true(verdict->revocation_unknown);
}

static void
who_cannot_be_sealed_to_is_said(void **state)
{
  const char *specs[] = {"bruno@tuoisp.example", "carla@tuoisp.example", "nobody@tuoisp.example",
                         NULL};
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) list = crypto_recipients(crypto, "smime", specs, NULL, &error);
  assert_non_null(list);
  const struct seal_recipient *bruno = list->pdata[0], *carla = list->pdata[1],
                              *nobody = list->pdata[2];
  assert_true(bruno->can_seal);
  assert_string_equal(bruno->user_id, "Bruno Verdi <bruno@tuoisp.example>");
  assert_false(carla->can_seal);
  assert_non_null(strstr(carla->why, "issuer"));
  assert_false(nobody->can_seal);
  assert_non_null(strstr(nobody->why, "no certificate"));
  g_autoptr(GBytes) none = seal_to("carla@tuoisp.example", true, true, &error);
  assert_null(none);
  assert_non_null(strstr(error->message, "carla@tuoisp.example"));
}

/* A pair is one's own, and needs no confirming: one that a letter brings must not become
 * that. */
static void
pair_is_not_taken_from_a_letter(void **state)
{
  g_autoptr(GError) error = NULL, outside = NULL;
  g_autoptr(GBytes) pair = file("bruno.p12");
  assert_null(crypto_key_import(crypto, "smime", pair, true, NULL, &error));
  assert_true(error_is(error, POSTINO_ERROR_INVALID));
  assert_non_null(strstr(error->message, "secret key"));
  assert_null(crypto_key_locate(crypto, "smime", "nobody@tuoisp.example", NULL, &outside));
  assert_non_null(strstr(outside->message, "not looked for outside"));
}

static void
note_failure(bool passed, const char *line, void *data)
{
  if (!passed)
    print_message("%s\n", line);
  *(bool *)data = *(bool *)data || !passed;
}

static void
plugin_conforms(void **state)
{
  g_autoptr(GError) error = NULL;
  bool failed = false;
  assert_true(crypto_check_plugin(crypto, "smime", note_failure, &failed, NULL, &error));
  assert_false(failed);
}

/* ---- what a wrong plugin might give ---- */

static void
sealed_result_is_checked_to_its_structure(void **state)
{
  static const struct { const char *script; guint keys; bool good; } rows[] = {
      {"openssl cms -encrypt -in entity -out cms anna.crt bruno.crt", 2, true},
      {"openssl cms -encrypt -in entity -out cms bruno.crt", 2, false},
      {"openssl cms -encrypt -in entity -out cms anna.crt bruno.crt carla.crt", 2, false},
      {"openssl cms -encrypt -in entity -out cms -secretkey 000102030405060708090A0B0C0D0E0F "
       "-secretkeyid 01 anna.crt", 2, false},
      {"openssl cms -sign -nodetach -in entity -signer anna.crt -inkey anna.key -out cms", 1, false},
      {"openssl cms -data_create -in entity -out cms", 1, false},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autofree char *script = g_strdup_printf(
        "%s\n{ printf 'Content-Type: application/pkcs7-mime; smime-type=enveloped-data; "
        "name=\"smime.p7m\"\\r\\nContent-Transfer-Encoding: base64\\r\\n\\r\\n'; "
        "tr -d '\\r' <cms | sed '1,/^$/d' | sed 's/$/\\r/'; } >got",
        rows[i].script);
    sh(script);
    g_autoptr(GBytes) got = file("got");
    g_autoptr(GError) error = NULL;
    struct check check = {.entity = entity, .encrypt = true, .keys = rows[i].keys};
    if (check_result(&check, got, &error) != rows[i].good)
      fail_msg("%s: %s", rows[i].script, error != NULL ? error->message : "taken");
  }
}

static void
damaged_cms_is_refused_without_an_over_read(void **state)
{
  sh("openssl cms -encrypt -outform DER -in entity -out der anna.crt bruno.crt");
  g_autoptr(GBytes) whole = file("der");
  gsize length;
  const char *bytes = g_bytes_get_data(whole, &length);
  struct cms cms;
  assert_true(cms_read(whole, &cms, NULL));
  assert_int_equal(cms.kind, CMS_ENVELOPED);
  assert_int_equal(cms.recipients, 2);
  for (gsize i = 0; i < length; i++) {
    char *copy = exact_copy(bytes, i);
    g_autoptr(GBytes) cut = g_bytes_new_with_free_func(copy, i, free, copy);
    assert_false(cms_read(cut, &cms, NULL));
  }
  for (gsize i = 0; i < MIN(length, 600); i++)
    for (int bit = 0; bit < 8; bit++) {
      char *copy = exact_copy(bytes, length);
      copy[i] ^= (char)(1 << bit);
      g_autoptr(GBytes) bent = g_bytes_new_with_free_func(copy, length, free, copy);
      (void)!cms_read(bent, &cms, NULL);
    }
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(signed_letter_is_read_by_openssl_and_by_us),
      cmocka_unit_test(sealed_letter_is_read_by_openssl_gpgsm_and_by_us),
      cmocka_unit_test(letters_of_openssl_and_gpgsm_are_read),
      cmocka_unit_test(revocation_that_nobody_asks_for_is_said_to_be_unknown),
      cmocka_unit_test(who_cannot_be_sealed_to_is_said),
      cmocka_unit_test(pair_is_not_taken_from_a_letter),
      cmocka_unit_test(sealed_result_is_checked_to_its_structure),
      cmocka_unit_test(damaged_cms_is_refused_without_an_over_read),
      cmocka_unit_test(plugin_conforms),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}

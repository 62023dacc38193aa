#include <glib.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "base/error.h"
#include "net/sasl.h"
#include "tests/unit/test.h"

#define USER "anna"
#define PASSWORD "p,=\xc3\xa9 w"

static struct sasl *
start(const char *offer, enum conf_auth auth, bool confidential, GError **error)
{
  g_auto(GStrv) offered = g_strsplit(offer, " ", -1);
  g_autoptr(secret_t) password = secret_new(PASSWORD, strlen(PASSWORD));
  struct sasl_options options = {
      .service = "pop", .host = "pop.example", .port = 995, .user = USER, .password = password,
      .auth = auth, .offered = (const char *const *)offered, .confidential = confidential};
  return sasl_new(&options, error);
}

struct choice {
  const char *offer;
  enum conf_auth auth;
  bool confidential;
  const char *chosen;       /* NULL: AUTH */
};
static const struct choice choices[] = {
    {"PLAIN LOGIN SCRAM-SHA-1 SCRAM-SHA-256", CONF_AUTH_AUTO, true, "SCRAM-SHA-256"},
    {"plain scram-sha-1", CONF_AUTH_AUTO, true, "SCRAM-SHA-1"},
    {"LOGIN PLAIN", CONF_AUTH_AUTO, true, "PLAIN"},
    {"LOGIN", CONF_AUTH_AUTO, true, "LOGIN"},
    {"CRAM-MD5", CONF_AUTH_AUTO, true, "CRAM-MD5"},
    {"PLAIN LOGIN CRAM-MD5", CONF_AUTH_AUTO, false, NULL},
    {"PLAIN LOGIN SCRAM-SHA-1", CONF_AUTH_AUTO, false, "SCRAM-SHA-1"},
    {"PLAIN CRAM-MD5", CONF_AUTH_CRAM_MD5, false, "CRAM-MD5"},
    {"PLAIN", CONF_AUTH_PLAIN, false, NULL},
    {"SCRAM-SHA-256 PLAIN", CONF_AUTH_PLAIN, true, "PLAIN"},
    {"SCRAM-SHA-256", CONF_AUTH_PLAIN, true, NULL},
    {"NTLM ANONYMOUS GSSAPI DIGEST-MD5", CONF_AUTH_AUTO, true, NULL},
    {"XOAUTH2 OAUTHBEARER", CONF_AUTH_AUTO, true, NULL},
    {"XOAUTH2", CONF_AUTH_XOAUTH2, true, "XOAUTH2"},
    {"XOAUTH2", CONF_AUTH_XOAUTH2, false, NULL},
    {"EXTERNAL", CONF_AUTH_EXTERNAL, true, "EXTERNAL"},
    {"EXTERNAL", CONF_AUTH_AUTO, true, NULL},
    {"EXTERNAL", CONF_AUTH_EXTERNAL, false, NULL},
    {"PLAIN", CONF_AUTH_EXTERNAL, true, NULL},
    {"", CONF_AUTH_AUTO, true, NULL},
};

static void
the_strongest_allowed_mechanism_is_chosen(void **state)
{
  for (size_t i = 0; i < G_N_ELEMENTS(choices); i++) {
    const struct choice *c = &choices[i];
    g_autoptr(GError) error = NULL;
    g_autoptr(sasl_loop_t) sasl = start(c->offer, c->auth, c->confidential, &error);
    if (c->chosen == NULL) {
      if (sasl != NULL)
        fail_msg("“%s” gave %s", c->offer, sasl_mechanism(sasl));
      assert_int_equal(error_exit_status(error), 77);
    } else {
      if (sasl == NULL)
        fail_msg("“%s”: %s", c->offer, error->message);
      assert_string_equal(sasl_mechanism(sasl), c->chosen);
    }
  }
}

static void
assert_decodes_to(const secret_t *secret, const char *bytes, size_t length)
{
  assert_non_null(secret);
  gsize got = 0;
  g_autofree guchar *data = g_base64_decode(secret_text(secret), &got);
  assert_int_equal(got, length);
  assert_memory_equal(data, bytes, length);
}

static void
plain_and_login_say_name_and_password(void **state)
{
  g_autoptr(sasl_loop_t) plain = start("PLAIN", CONF_AUTH_AUTO, true, NULL);
  g_autoptr(secret_t) initial = sasl_initial(plain, 500);
  assert_decodes_to(initial, "\0" USER "\0" PASSWORD, 2 + strlen(USER PASSWORD));
  assert_true(sasl_finish(plain, NULL, NULL));
  g_autoptr(sasl_loop_t) login = start("LOGIN", CONF_AUTH_AUTO, true, NULL);
  assert_null(sasl_initial(login, 500));
  g_autoptr(secret_t) name = sasl_step(login, "VXNlcm5hbWU6", NULL);
  assert_decodes_to(name, USER, strlen(USER));
  g_autoptr(secret_t) word = sasl_step(login, "UGFzc3dvcmQ6", NULL);
  assert_decodes_to(word, PASSWORD, strlen(PASSWORD));
  assert_true(sasl_finish(login, NULL, NULL));
}

static void
a_response_without_room_answers_the_first_challenge(void **state)
{
  g_autoptr(sasl_loop_t) plain = start("PLAIN", CONF_AUTH_AUTO, true, NULL);
  assert_null(sasl_initial(plain, 5));
  assert_int_equal(sasl_rest(plain), SASL_REST_UNKNOWN);
  g_autoptr(secret_t) answer = sasl_step(plain, "", NULL);
  assert_decodes_to(answer, "\0" USER "\0" PASSWORD, 2 + strlen(USER PASSWORD));
  assert_int_equal(sasl_rest(plain), SASL_REST_NOTHING);
  assert_true(sasl_finish(plain, NULL, NULL));
}

static void
cram_md5_answers_with_a_digest(void **state)
{
  static const char challenge[] = "<1896.697170952@postoffice.example>";
  g_autoptr(sasl_loop_t) sasl = start("CRAM-MD5", CONF_AUTH_AUTO, true, NULL);
  g_autofree char *coded = g_base64_encode((const guchar *)challenge, strlen(challenge));
  g_autoptr(secret_t) answer = sasl_step(sasl, coded, NULL);
  g_autofree char *digest =
      g_compute_hmac_for_string(G_CHECKSUM_MD5, (const guchar *)PASSWORD, strlen(PASSWORD),
                                challenge, (gssize)strlen(challenge));
  g_autofree char *expected = g_strconcat(USER " ", digest, NULL);
  assert_decodes_to(answer, expected, strlen(expected));
  assert_true(sasl_finish(sasl, NULL, NULL));
}

static void
bearer_tokens_are_said_as_their_rfc_asks(void **state)
{
  static const char x[] = "user=" USER "\1auth=Bearer " PASSWORD "\1\1";
  static const char o[] =
      "n,a=" USER ",\1host=pop.example\1port=995\1auth=Bearer " PASSWORD "\1\1";
  g_autoptr(sasl_loop_t) xoauth2 = start("XOAUTH2", CONF_AUTH_XOAUTH2, true, NULL);
  g_autoptr(secret_t) first = sasl_initial(xoauth2, 500);
  assert_decodes_to(first, x, sizeof x - 1);
  g_autoptr(secret_t) dummy = sasl_step(xoauth2, "eyJzdGF0dXMiOiI0MDAifQ==", NULL);
  assert_int_equal(secret_length(dummy), 0);
  g_autoptr(GError) error = NULL;
  assert_null(sasl_step(xoauth2, "", &error));
  assert_int_equal(error_exit_status(error), 76);
  g_autoptr(sasl_loop_t) bearer = start("OAUTHBEARER", CONF_AUTH_OAUTHBEARER, true, NULL);
  g_autoptr(secret_t) initial = sasl_initial(bearer, 500);
  assert_decodes_to(initial, o, sizeof o - 1);
  g_autoptr(secret_t) one = sasl_step(bearer, "eyJzdGF0dXMiOiI0MDAifQ==", NULL);
  assert_decodes_to(one, "\1", 1);
}

/* ---- the server's side of SCRAM (RFC 5802), made here ---- */

struct scram {
  const EVP_MD *md;
  char *client_first_bare, *server_first, *client_final_bare, *proof;
  guchar salted[64];
  unsigned size;
};

static void
hmac(const struct scram *scram, const guchar *key, const char *text, guchar *out)
{
  unsigned length = 0;
  HMAC(scram->md, key, (int)scram->size, (const guchar *)text, strlen(text), out, &length);
}

static char *
base64(const void *data, size_t length)
{
  return g_base64_encode(data, length);
}

/* The challenge for the client's first message. */
static char *
scram_first(struct scram *scram, const secret_t *initial, const char *count)
{
  gsize length = 0;
  g_autofree guchar *data = g_base64_decode(secret_text(initial), &length);
  g_autofree char *text = g_strndup((char *)data, length);
  assert_true(g_str_has_prefix(text, "n,,n=" USER ",r="));
  scram->client_first_bare = g_strdup(text + 3);
  scram->server_first =
      g_strdup_printf("r=%sSERVER,s=c2FsdHNhbHQ=,i=%s", strstr(text, "r=") + 2, count);
  return base64(scram->server_first, strlen(scram->server_first));
}

/* Checks the client's proof as a server does; the server's signature. */
static char *
scram_final(struct scram *scram, const secret_t *answer, int count, bool honest)
{
  guchar client_key[64], server_key[64], stored[64], signature[64], server_signature[64];
  gsize length = 0;
  g_autofree guchar *data = g_base64_decode(secret_text(answer), &length);
  g_autofree char *text = g_strndup((char *)data, length);
  char *proof = strstr(text, ",p=");
  assert_non_null(proof);
  *proof = '\0';
  assert_true(g_str_has_prefix(text, "c=biws,r="));
  scram->size = (unsigned)EVP_MD_get_size(scram->md);
  PKCS5_PBKDF2_HMAC(PASSWORD, -1, (const guchar *)"saltsalt", 8, count, scram->md,
                    (int)scram->size, scram->salted);
  hmac(scram, scram->salted, "Client Key", client_key);
  hmac(scram, scram->salted, "Server Key", server_key);
  EVP_Digest(client_key, scram->size, stored, NULL, scram->md, NULL);
  g_autofree char *all =
      g_strdup_printf("%s,%s,%s", scram->client_first_bare, scram->server_first, text);
  hmac(scram, stored, all, signature);
  hmac(scram, server_key, all, server_signature);
  g_autofree guchar *shown = g_base64_decode(proof + 3, &length);
  assert_int_equal(length, scram->size);
  for (unsigned i = 0; i < scram->size; i++)
    assert_int_equal(shown[i], client_key[i] ^ signature[i]);
  if (!honest)
    server_signature[0] ^= 1;
  g_autofree char *coded = base64(server_signature, scram->size);
  g_autofree char *final = g_strconcat("v=", coded, NULL);
  return base64(final, strlen(final));
}

static void
scram_clear(struct scram *scram)
{
  g_free(scram->client_first_bare);
  g_free(scram->server_first);
}

static void
check_scram(const char *name, const EVP_MD *md, bool honest)
{
  struct scram scram = {.md = md};
  g_autoptr(GError) error = NULL;
  g_autoptr(sasl_loop_t) sasl = start(name, CONF_AUTH_AUTO, false, &error);
  assert_non_null(sasl);
  g_autoptr(secret_t) initial = sasl_initial(sasl, 500);
  g_autofree char *first = scram_first(&scram, initial, "4096");
  g_autoptr(secret_t) answer = sasl_step(sasl, first, &error);
  if (answer == NULL)
    fail_msg("%s: %s", name, error->message);
  /* Before the server's last word nothing is proved. */
  assert_false(sasl_finish(sasl, NULL, &error));
  assert_int_equal(error_exit_status(error), 77);
  g_clear_error(&error);
  g_autofree char *last = scram_final(&scram, answer, 4096, honest);
  g_autoptr(secret_t) done = sasl_step(sasl, last, &error);
  if (honest) {
    assert_non_null(done);
    assert_int_equal(secret_length(done), 0);
    assert_true(sasl_finish(sasl, NULL, NULL));
  } else {
    assert_null(done);
    assert_int_equal(error_exit_status(error), 77);
    assert_non_null(strstr(error->message, "did not prove"));
  }
  scram_clear(&scram);
}

static void
scram_proves_both_sides(void **state)
{
  check_scram("SCRAM-SHA-1", EVP_sha1(), true);
  check_scram("SCRAM-SHA-256", EVP_sha256(), true);
}

static void
a_server_that_cannot_prove_itself_is_left(void **state)
{
  check_scram("SCRAM-SHA-1", EVP_sha1(), false);
  check_scram("SCRAM-SHA-256", EVP_sha256(), false);
}

static void
the_last_proof_may_come_with_success(void **state)
{
  struct scram scram = {.md = EVP_sha256()};
  g_autoptr(sasl_loop_t) sasl = start("SCRAM-SHA-256", CONF_AUTH_AUTO, true, NULL);
  g_autoptr(secret_t) initial = sasl_initial(sasl, 500);
  g_autofree char *first = scram_first(&scram, initial, "5000");
  g_autoptr(secret_t) answer = sasl_step(sasl, first, NULL);
  assert_non_null(answer);
  g_autofree char *last = scram_final(&scram, answer, 5000, true);
  assert_true(sasl_finish(sasl, last, NULL));
  scram_clear(&scram);
}

static void
absurd_iteration_counts_are_refused_at_once(void **state)
{
  static const char *const counts[] = {"2147483647", "600001", "4095",  "1",    "0", "-1",
                                       "99999999999999999999", "4096x", "", "0x1000", " 4096"};
  for (size_t i = 0; i < G_N_ELEMENTS(counts); i++) {
    struct scram scram = {.md = EVP_sha1()};
    g_autoptr(sasl_loop_t) sasl = start("SCRAM-SHA-1", CONF_AUTH_AUTO, true, NULL);
    g_autoptr(secret_t) initial = sasl_initial(sasl, 500);
    g_autofree char *first = scram_first(&scram, initial, counts[i]);
    gint64 began = g_get_monotonic_time();
    g_autoptr(GError) error = NULL;
    assert_null(sasl_step(sasl, first, &error));
    assert_true(g_get_monotonic_time() - began < 30 * G_USEC_PER_SEC);
    assert_int_equal(error_exit_status(error), 76);
    scram_clear(&scram);
  }
}

static void
broken_challenges_are_refused(void **state)
{
  static const char *const challenges[] = {"!!!", "abc", "=", "cj1mb28=", "", "YWJj\x1b"};
  for (size_t i = 0; i < G_N_ELEMENTS(challenges); i++) {
    g_autoptr(sasl_loop_t) sasl = start("SCRAM-SHA-256", CONF_AUTH_AUTO, true, NULL);
    g_autoptr(secret_t) initial = sasl_initial(sasl, 500);
    g_autoptr(GError) error = NULL;
    assert_null(sasl_step(sasl, challenges[i], &error));
    assert_int_equal(error_exit_status(error), 76);
  }
}

static void
long_passwords_fit(void **state)
{
  g_autofree char *text = g_strnfill(5000, 'x');
  g_autoptr(secret_t) password = secret_new(text, 5000);
  const char *offered[] = {"PLAIN", NULL};
  struct sasl_options options = {.service = "smtp", .host = "h", .port = 587, .user = USER,
                                 .password = password, .offered = offered, .confidential = true};
  g_autoptr(sasl_loop_t) sasl = sasl_new(&options, NULL);
  assert_non_null(sasl);
  g_autoptr(secret_t) initial = sasl_initial(sasl, G_MAXSIZE);
  gsize length = 0;
  g_free(g_base64_decode(secret_text(initial), &length));
  assert_int_equal(length, 2 + strlen(USER) + 5000);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_strongest_allowed_mechanism_is_chosen),
      cmocka_unit_test(plain_and_login_say_name_and_password),
      cmocka_unit_test(a_response_without_room_answers_the_first_challenge),
      cmocka_unit_test(cram_md5_answers_with_a_digest),
      cmocka_unit_test(bearer_tokens_are_said_as_their_rfc_asks),
      cmocka_unit_test(scram_proves_both_sides),
      cmocka_unit_test(a_server_that_cannot_prove_itself_is_left),
      cmocka_unit_test(the_last_proof_may_come_with_success),
      cmocka_unit_test(absurd_iteration_counts_are_refused_at_once),
      cmocka_unit_test(broken_challenges_are_refused),
      cmocka_unit_test(long_passwords_fit),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

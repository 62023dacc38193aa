#include <gio/gio.h>
#include <string.h>

#include "base/error.h"
#include "net/certificate.h"
#include "net/connection.h"
#include "tests/unit/net/peer.h"
#include "tests/unit/test.h"

struct case_of_trust {
  const char *what;
  struct identity_options identity;
  const char *host;
  bool system_ca, other_ca; /* instead of the right one */
  int code;                 /* -1: accepted */
  const char *words;        /* in the sentence */
};

static const struct case_of_trust cases[] = {
    {"the name is there", {.names = "DNS:localhost"}, "localhost", .code = -1},
    {"the address is there", {.names = "IP:127.0.0.1"}, "127.0.0.1", .code = -1},
    {"a common name without alternatives", {.common_name = "localhost"}, "localhost", .code = -1},
    {"another host", {.names = "DNS:mail.other.example,DNS:pop.other.example"}, "localhost",
     .code = POSTINO_ERROR_TRUST, .words = "mail.other.example, pop.other.example"},
    {"another address", {.names = "IP:127.0.0.2"}, "127.0.0.1", .code = POSTINO_ERROR_TRUST,
     .words = "127.0.0.2"},
    {"a name where an address is asked", {.names = "DNS:127.0.0.1"}, "127.0.0.1",
     .code = POSTINO_ERROR_TRUST, .words = "not for 127.0.0.1"},
    {"the common name beside other alternatives",
     {.names = "DNS:other.example", .common_name = "localhost"}, "localhost",
     .code = POSTINO_ERROR_TRUST, .words = "other.example"},
    {"the common name beside alternatives of another kind",
     {.names = "email:a@b.example", .common_name = "localhost"}, "localhost",
     .code = POSTINO_ERROR_TRUST, .words = "no host at all"},
    {"a partial wildcard", {.names = "DNS:local*"}, "localhost", .code = POSTINO_ERROR_TRUST,
     .words = "local*"},
    {"expired", {.names = "DNS:localhost", .starts_in = -7200, .ends_in = -3600}, "localhost",
     .code = POSTINO_ERROR_TRUST, .words = "expired on"},
    {"not yet valid", {.names = "DNS:localhost", .starts_in = 3600}, "localhost",
     .code = POSTINO_ERROR_TRUST, .words = "valid only from"},
    {"self-signed", {.names = "DNS:localhost", .self_signed = true}, "localhost",
     .code = POSTINO_ERROR_TRUST, .words = "self-signed"},
    {"an unknown authority", {.names = "DNS:localhost"}, "localhost", .system_ca = true,
     .code = POSTINO_ERROR_TRUST, .words = "ca-file"},
    {"another authority", {.names = "DNS:localhost"}, "localhost", .other_ca = true,
     .code = POSTINO_ERROR_TRUST, .words = "pin ="},
    {"a weak key", {.names = "DNS:localhost", .rsa_bits = 1024}, "localhost",
     .code = POSTINO_ERROR_TRUST, .words = "1024 bits"},
    {"a client's certificate", {.names = "DNS:localhost", .for_clients = true}, "localhost",
     .code = POSTINO_ERROR_TRUST, .words = "not made for servers"},
    {"escape bytes in its names", {.names = "DNS:\033[31mevil"}, "localhost",
     .code = POSTINO_ERROR_TRUST, .words = "not for localhost"},
};

static void
greet_over_tls(struct peer *peer, void *data)
{
  if (peer_start_tls(peer, data)) {
    peer_say(peer, "+OK hello\r\n");
    peer_answer(peer, "+OK bye\r\n");
  }
}

static void
assert_clean(const GError *error)
{
  for (const char *at = error->message; *at != '\0'; at++)
    assert_true((unsigned char)*at >= 0x20 && *at != 0x7f);
}

static struct connection_options
options_to(struct peer *peer, const char *host, const char *ca_file)
{
  return (struct connection_options){.host = host, .port = peer_port(peer),
                                     .tls = CONF_TLS_IMPLICIT, .timeout = 5,
                                     .ca_file = ca_file, .who = "home pop3"};
}

static void
check_trust(const struct case_of_trust *c)
{
  struct identity *identity = identity_new(&c->identity);
  struct peer *peer = peer_new(greet_over_tls, identity);
  struct connection_options options =
      options_to(peer, c->host, c->system_ca  ? NULL
                                : c->other_ca ? identity_other_ca_file()
                                              : identity_ca_file());
  g_autoptr(GError) error = NULL;
  g_autoptr(connection_t) connection = connection_open(&options, NULL, &error);
  if (c->code < 0) {
    if (connection == NULL)
      fail_msg("%s: %s", c->what, error->message);
    assert_string_equal(connection_read_line(connection, 512, NULL), "+OK hello");
    assert_true(connection_is_tls(connection));
    assert_true(connection_is_loopback(connection));
    g_autofree char *pin = identity_pin(identity);
    assert_string_equal(connection_peer_pin(connection), pin);
    assert_non_null(strstr(connection_cipher(connection), "TLSv1."));
  } else {
    if (connection != NULL)
      fail_msg("%s: was accepted", c->what);
    assert_clean(error);
    if (error->code != c->code || strstr(error->message, c->words) == NULL)
      fail_msg("%s: %d %s", c->what, error->code, error->message);
  }
  g_clear_pointer(&connection, connection_close);
  g_autofree char *heard = peer_end(peer);
  assert_string_equal(heard, "");
  identity_free(identity);
}

static void
certificates_are_judged(void **state)
{
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
    check_trust(&cases[i]);
}

static struct connection *
open_pinned(struct peer *peer, const char *pin, const char *ca_file, GError **error)
{
  struct connection_options options = options_to(peer, "localhost", ca_file);
  options.pin = pin;
  return connection_open(&options, NULL, error);
}

static void
the_pinned_key_is_enough(void **state)
{
  struct identity *identity =
      identity_new(&(struct identity_options){.names = "DNS:other.example", .self_signed = true});
  struct peer *peer = peer_new(greet_over_tls, identity);
  g_autofree char *pin = identity_pin(identity);
  g_autofree char *upper = g_ascii_strup(pin, -1);
  g_autoptr(connection_t) connection = open_pinned(peer, upper, NULL, NULL);
  assert_non_null(connection);
  g_clear_pointer(&connection, connection_close);
  /* With a ca-file both must hold. */
  g_autoptr(GError) error = NULL;
  assert_null(open_pinned(peer, pin, identity_ca_file(), &error));
  assert_true(error_is(error, POSTINO_ERROR_TRUST));
  g_free(peer_end(peer));
  identity_free(identity);
}

static void
another_key_than_the_pinned_is_refused_with_both(void **state)
{
  struct identity *identity = identity_new(&(struct identity_options){.names = "DNS:localhost"});
  struct peer *peer = peer_new(greet_over_tls, identity);
  g_autofree char *zeros = g_strnfill(64, '0');
  g_autofree char *other = g_strconcat("sha256:", zeros, NULL);
  g_autofree char *shown = identity_pin(identity);
  g_autoptr(GError) error = NULL;
  assert_null(open_pinned(peer, other, identity_ca_file(), &error));
  assert_true(error_is(error, POSTINO_ERROR_TRUST));
  assert_non_null(strstr(error->message, other));
  assert_non_null(strstr(error->message, shown));
  g_clear_error(&error);
  assert_null(open_pinned(peer, "sha256:12", NULL, &error));
  assert_true(error_is(error, POSTINO_ERROR_CONFIG));
  g_free(peer_end(peer));
  identity_free(identity);
}

static void
a_weak_pinned_key_is_refused(void **state)
{
  struct identity *identity =
      identity_new(&(struct identity_options){.names = "DNS:localhost", .rsa_bits = 1024});
  struct peer *peer = peer_new(greet_over_tls, identity);
  g_autofree char *pin = identity_pin(identity);
  g_autoptr(GError) error = NULL;
  assert_null(open_pinned(peer, pin, NULL, &error));
  assert_non_null(strstr(error->message, "1024 bits"));
  g_free(peer_end(peer));
  identity_free(identity);
}

static void
speak_old_tls(struct peer *peer, void *data)
{
  peer_start_old_tls(peer, data);
}

static void
tls_before_1_2_is_refused(void **state)
{
  struct identity *identity = identity_new(&(struct identity_options){.names = "DNS:localhost"});
  struct peer *peer = peer_new(speak_old_tls, identity);
  struct connection_options options = options_to(peer, "localhost", identity_ca_file());
  g_autoptr(GError) error = NULL;
  assert_null(connection_open(&options, NULL, &error));
  if (!error_is(error, POSTINO_ERROR_TRUST) || strstr(error->message, "older than 1.2") == NULL)
    fail_msg("%s", error->message);
  g_free(peer_end(peer));
  identity_free(identity);
}

static void
greet_in_clear(struct peer *peer, void *data)
{
  peer_say(peer, "+OK plain words\r\n");
  peer_stay_silent(peer);
}

static void
a_server_without_tls_is_named_as_such(void **state)
{
  struct peer *peer = peer_new(greet_in_clear, NULL);
  struct connection_options options = options_to(peer, "localhost", identity_ca_file());
  g_autoptr(GError) error = NULL;
  assert_null(connection_open(&options, NULL, &error));
  if (!error_is(error, POSTINO_ERROR_PROTOCOL) || strstr(error->message, "starttls") == NULL)
    fail_msg("%s", error->message);
  g_free(peer_end(peer));
}

static void
say_nothing(struct peer *peer, void *data)
{
  peer_stay_silent(peer);
}

static void
silence_in_the_handshake_times_out(void **state)
{
  struct peer *peer = peer_new(say_nothing, NULL);
  struct connection_options options = options_to(peer, "localhost", identity_ca_file());
  options.timeout = 1;
  gint64 start = g_get_monotonic_time();
  g_autoptr(GError) error = NULL;
  assert_null(connection_open(&options, NULL, &error));
  assert_true(g_get_monotonic_time() - start < 30 * G_USEC_PER_SEC);
  assert_int_equal(error_exit_status(error), 75);
  g_free(peer_end(peer));
}

static void
upgrade(struct peer *peer, void *data)
{
  peer_say(peer, "+OK clear\r\n");
  peer_answer(peer, "+OK begin\r\n");
  if (peer_start_tls(peer, data))
    peer_answer(peer, "+OK secret heard\r\n");
}

static void
upgrade_with_early_words(struct peer *peer, void *data)
{
  peer_say(peer, "+OK clear\r\n");
  peer_answer(peer, "+OK begin\r\n+OK you are logged in\r\n");
  if (peer_start_tls(peer, data))
    peer_answer(peer, "+OK secret heard\r\n");
}

static bool
upgrade_and_tell(struct connection *connection, GError **error)
{
  return connection_read_line(connection, 512, error) != NULL &&
         connection_printf(connection, error, "STLS\r\n") &&
         connection_flush(connection, error) &&
         connection_read_line(connection, 512, error) != NULL &&
         connection_start_tls(connection, error) &&
         connection_write(connection, "PASS x\r\n", 8, "PASS ***", error) &&
         connection_flush(connection, error) &&
         connection_read_line(connection, 512, error) != NULL;
}

static bool
run_upgrade(peer_script script, char **heard_out, GError **error)
{
  struct identity *identity = identity_new(&(struct identity_options){.names = "DNS:localhost"});
  struct peer *peer = peer_new(script, identity);
  struct connection_options options = options_to(peer, "localhost", identity_ca_file());
  options.tls = CONF_TLS_STARTTLS;
  g_autoptr(connection_t) connection = connection_open(&options, NULL, error);
  bool done = connection != NULL && upgrade_and_tell(connection, error);
  g_clear_pointer(&connection, connection_close);
  *heard_out = peer_end(peer);
  identity_free(identity);
  return done;
}

static void
tls_begins_in_place(void **state)
{
  g_autofree char *heard = NULL;
  g_autoptr(GError) error = NULL;
  if (!run_upgrade(upgrade, &heard, &error))
    fail_msg("%s", error->message);
  assert_string_equal(heard, "STLS\r\nPASS x\r\n");
}

static void
words_before_tls_are_an_attack(void **state)
{
  g_autofree char *heard = NULL;
  g_autoptr(GError) error = NULL;
  assert_false(run_upgrade(upgrade_with_early_words, &heard, &error));
  assert_int_equal(error_exit_status(error), 76);
  assert_string_equal(heard, "STLS\r\n");
}

static void
a_ca_file_that_is_none_is_a_fault_of_the_rc(void **state)
{
  struct peer *peer = peer_new(say_nothing, NULL);
  struct connection_options options = options_to(peer, "localhost", "/dev/null");
  g_autoptr(GError) error = NULL;
  assert_null(connection_open(&options, NULL, &error));
  assert_int_equal(error_exit_status(error), 78);
  g_free(peer_end(peer));
}

static int
clean_up(void **state)
{
  identity_clean_up();
  return 0;
}

/* One session after another; is the last one resumed? */
static bool
resumes(const struct connection_options *options, const char *pin)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(connection_t) connection = connection_open(options, NULL, &error);
  if (connection == NULL)
    fail_msg("%s", error->message);
  /* Tickets come with the first words. */
  assert_string_equal(connection_read_line(connection, 512, NULL), "+OK hello");
  assert_string_equal(connection_peer_pin(connection), pin);
  assert_true(connection_printf(connection, NULL, "QUIT\r\n"));
  assert_true(connection_flush(connection, NULL));
  assert_string_equal(connection_read_line(connection, 512, NULL), "+OK bye");
  return connection_is_resumed(connection);
}

static void
a_session_is_resumed_under_the_same_policy_alone(void **state)
{
  struct identity *identity = identity_new(&(struct identity_options){.names = "DNS:localhost"});
  struct peer *peer = peer_new(greet_over_tls, identity);
  g_autofree char *pin = identity_pin(identity);
  struct connection_options options = options_to(peer, "localhost", identity_ca_file());
  assert_false(resumes(&options, pin));
  assert_true(resumes(&options, pin));
  assert_true(resumes(&options, pin));
  options.who = "other pop3";
  assert_false(resumes(&options, pin));
  options.pin = pin;
  assert_false(resumes(&options, pin));
  options.ca_file = NULL;
  assert_false(resumes(&options, pin));
  /* Whose authority is not trusted gets nothing by what was trusted once. */
  options.who = "home pop3";
  options.pin = NULL;
  options.ca_file = identity_other_ca_file();
  g_autoptr(GError) error = NULL;
  assert_null(connection_open(&options, NULL, &error));
  assert_int_equal(error->code, POSTINO_ERROR_TRUST);
  g_free(peer_end(peer));
  identity_free(identity);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(certificates_are_judged),
      cmocka_unit_test(the_pinned_key_is_enough),
      cmocka_unit_test(another_key_than_the_pinned_is_refused_with_both),
      cmocka_unit_test(a_weak_pinned_key_is_refused),
      cmocka_unit_test(tls_before_1_2_is_refused),
      cmocka_unit_test(a_server_without_tls_is_named_as_such),
      cmocka_unit_test(silence_in_the_handshake_times_out),
      cmocka_unit_test(tls_begins_in_place),
      cmocka_unit_test(a_session_is_resumed_under_the_same_policy_alone),
      cmocka_unit_test(words_before_tls_are_an_attack),
      cmocka_unit_test(a_ca_file_that_is_none_is_a_fault_of_the_rc),
  };
  return cmocka_run_group_tests(tests, NULL, clean_up);
}

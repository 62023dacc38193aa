#include "store/trust.h"
#include "tests/unit/store/fixture.h"

#define KEY "sha256:aa"
#define OTHER "sha256:bb"

static const struct conf_server checked = {.server = (char *)"pop.example"};

static struct conf_account home = {.name = (char *)"home"};

static int
status_of(struct fixture *fixture, const struct conf_server *server, const char *word)
{
  g_autoptr(GError) error = NULL;
  bool good = trust_check(fixture->store, &home, server, "pop3", &error);
  assert_int_equal(good, error == NULL);
  if (word != NULL && (good || strstr(error->message, word) == NULL))
    fail_msg("no \"%s\" in: %s", word, good ? "no error" : error->message);
  return error_exit_status(error);
}

static void
keep(struct fixture *fixture, const struct conf_server *server, const char *key)
{
  struct trust trust = {.tls = key != NULL, .key = key};
  assert_true(trust_keep(fixture->store, &home, server, "pop3", &trust, NULL));
}

static void
tls_is_not_given_up_silently(void **state)
{
  struct fixture *fixture = *state;
  struct conf_server clear = {.server = (char *)"127.0.0.1", .tls = CONF_TLS_NONE,
                              .allow_cleartext = true};
  assert_int_equal(status_of(fixture, &clear, NULL), 0);
  keep(fixture, &clear, NULL);
  keep(fixture, &checked, KEY);
  assert_int_equal(status_of(fixture, &clear, "postino account forget home"), 77);
  struct conf_server starttls = {.server = (char *)"other.example", .tls = CONF_TLS_STARTTLS};
  assert_int_equal(status_of(fixture, &starttls, NULL), 0);
  fixture_reopen(fixture);
  assert_int_equal(status_of(fixture, &clear, "TLS"), 77);
  assert_true(trust_forget(fixture->store, "home", NULL));
  assert_int_equal(status_of(fixture, &clear, NULL), 0);
}

static void
a_pin_does_not_bypass_a_check_silently(void **state)
{
  struct fixture *fixture = *state;
  struct conf_server pinned = {.server = (char *)"pop.example", .pin = (char *)OTHER};
  assert_int_equal(status_of(fixture, &pinned, NULL), 0);
  keep(fixture, &checked, KEY);
  assert_int_equal(status_of(fixture, &pinned, OTHER), 77);
  assert_int_equal(status_of(fixture, &pinned, KEY), 77);
  pinned.ca_file = (char *)"/ca.pem";
  assert_int_equal(status_of(fixture, &pinned, NULL), 0);
  pinned.ca_file = NULL;
  pinned.pin = (char *)KEY;
  assert_int_equal(status_of(fixture, &pinned, NULL), 0);
  keep(fixture, &pinned, KEY);
  pinned.pin = (char *)OTHER;
  assert_int_equal(status_of(fixture, &pinned, "checked until now"), 77);
  pinned.server = (char *)"elsewhere.example";
  assert_int_equal(status_of(fixture, &pinned, NULL), 0);
}

static void
a_pin_may_follow_a_pin(void **state)
{
  struct fixture *fixture = *state;
  struct conf_server pinned = {.server = (char *)"pop.example", .pin = (char *)KEY};
  keep(fixture, &pinned, KEY);
  pinned.pin = (char *)OTHER;
  assert_int_equal(status_of(fixture, &pinned, NULL), 0);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      fixture_test(tls_is_not_given_up_silently),
      fixture_test(a_pin_does_not_bypass_a_check_silently),
      fixture_test(a_pin_may_follow_a_pin),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

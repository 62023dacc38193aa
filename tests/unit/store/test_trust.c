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

static char *
known(struct fixture *fixture, const struct conf_server *server)
{
  return trust_known_key(fixture->store, &home, server, "pop3");
}

static void
a_dropped_pin_is_still_the_only_key(void **state)
{
  struct fixture *fixture = *state;
  struct conf_server pinned = {.server = (char *)"pop.example", .pin = (char *)KEY};
  assert_null(known(fixture, &checked));
  keep(fixture, &pinned, KEY);
  assert_null(known(fixture, &pinned));
  g_autofree char *key = known(fixture, &checked);
  assert_string_equal(key, KEY);
  /* Also after a login without the pin. */
  keep(fixture, &checked, KEY);
  g_autofree char *later = known(fixture, &checked);
  assert_string_equal(later, KEY);
  struct conf_server elsewhere = {.server = (char *)"elsewhere.example"};
  assert_null(known(fixture, &elsewhere));
  assert_true(trust_forget(fixture->store, "home", NULL));
  assert_null(known(fixture, &checked));
}

static void
what_is_remembered_can_be_shown(void **state)
{
  struct fixture *fixture = *state;
  g_auto(trust_memory_t) memory = {0};
  struct conf_server pinned = {.server = (char *)"pop.example", .pin = (char *)KEY};
  assert_false(trust_recall(fixture->store, "home", "pop3", &memory));
  g_autofree char *fresh = trust_words(fixture->store, &home, &pinned, "pop3", KEY);
  assert_string_equal(fresh, ", key " KEY ", not seen before");
  keep(fixture, &pinned, KEY);
  assert_true(trust_recall(fixture->store, "home", "pop3", &memory));
  assert_true(memory.pinned && !memory.checked);
  trust_memory_clear(&memory);
  keep(fixture, &checked, KEY);
  assert_true(trust_recall(fixture->store, "home", "pop3", &memory));
  assert_true(memory.pinned && memory.checked);
  assert_string_equal(memory.key, KEY);
  assert_string_equal(memory.host, "pop.example");
  g_autofree char *changed = trust_words(fixture->store, &home, &pinned, "pop3", OTHER);
  assert_string_equal(changed, ", key " OTHER ", which was " KEY " before");
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      fixture_test(tls_is_not_given_up_silently),
      fixture_test(a_pin_does_not_bypass_a_check_silently),
      fixture_test(a_pin_may_follow_a_pin),
      fixture_test(a_dropped_pin_is_still_the_only_key),
      fixture_test(what_is_remembered_can_be_shown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

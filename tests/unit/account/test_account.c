#include "account/account.h"

#include "base/error.h"
#include <unistd.h>

#include "tests/unit/test.h"

static int asked;

static secret_t *
answer(const char *prompt, void *data)
{
  asked++;
  return data != NULL ? secret_new(data, strlen(data)) : NULL;
}

/* An account whose one server has what the row says. */
static void
with_server(const char *command, const char *password, struct conf_account *account,
            struct conf_server *server)
{
  *account = (struct conf_account){.name = (char *)"home"};
  *server = (struct conf_server){
      .server = (char *)"pop3.x.example",
      .user = (char *)"anna",
      .password_command = (char *)command,
      .password = password != NULL ? secret_new(password, strlen(password)) : NULL,
  };
}

static void
the_first_line_of_the_command_is_the_password(void **state)
{
  static const struct {
    const char *command, *password, *complaint;
  } rows[] = {
      {"printf 'one\\ntwo\\n'", "one", NULL},
      {"printf 'crlf\\r\\n'", "crlf", NULL},
      {"printf 'with space '", "with space ", NULL},
      {"true", NULL, "printed no password"},
      {"echo oops >&2; exit 3", NULL, "oops"},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    struct conf_account account;
    struct conf_server server;
    with_server(rows[i].command, NULL, &account, &server);
    g_autoptr(keyring_t) keyring = keyring_new(answer, NULL);
    g_autoptr(GError) error = NULL;
    g_autoptr(secret_t) secret = keyring_password(keyring, &account, &server, NULL, &error);
    if (rows[i].password != NULL) {
      assert_non_null(secret);
      assert_string_equal(secret_text(secret), rows[i].password);
    } else {
      assert_null(secret);
      assert_true(error_is(error, POSTINO_ERROR_AUTH));
      assert_non_null(strstr(error->message, rows[i].complaint));
    }
  }
}

static void
a_person_is_asked_once_until_it_was_wrong(void **state)
{
  struct conf_account account;
  struct conf_server server;
  with_server(NULL, NULL, &account, &server);
  g_autoptr(keyring_t) keyring = keyring_new(answer, (void *)"mela");
  asked = 0;
  for (int i = 0; i < 3; i++) {
    g_autoptr(secret_t) secret = keyring_password(keyring, &account, &server, NULL, NULL);
    assert_string_equal(secret_text(secret), "mela");
  }
  assert_int_equal(asked, 1);
  keyring_forget(keyring, &account, &server);
  g_autoptr(secret_t) again = keyring_password(keyring, &account, &server, NULL, NULL);
  assert_non_null(again);
  assert_int_equal(asked, 2);
}

static void
nobody_to_ask_says_what_to_set(void **state)
{
  struct conf_account account;
  struct conf_server server;
  with_server(NULL, NULL, &account, &server);
  g_autoptr(keyring_t) keyring = keyring_new(answer, NULL);
  g_autoptr(GError) error = NULL;
  assert_null(keyring_password(keyring, &account, &server, NULL, &error));
  assert_int_equal(error_exit_status(error), 77);
  assert_non_null(strstr(error->message, "password-command"));
}

static void
a_slow_command_is_cancelled(void **state)
{
  struct conf_account account;
  struct conf_server server;
  with_server("exec sleep 30", NULL, &account, &server);
  g_autoptr(keyring_t) keyring = keyring_new(answer, NULL);
  g_autoptr(GCancellable) cancel = g_cancellable_new();
  g_cancellable_cancel(cancel);
  g_autoptr(GError) error = NULL;
  assert_null(keyring_password(keyring, &account, &server, cancel, &error));
  assert_true(error_is(error, POSTINO_ERROR_CANCELLED));
}

static void
a_known_provider_is_found_and_an_unknown_one_is_guessed(void **state)
{
  g_autoptr(discovery_t) known = discovery_offline("anna.rossi@libero.it", NULL);
  assert_string_equal(known->pop3->host, "popmail.libero.it");
  assert_int_equal(known->pop3->port, 995);
  assert_string_equal(known->smtp->user, "anna.rossi@libero.it");
  g_autoptr(discovery_t) guessed = discovery_offline("anna@tuoisp.example", NULL);
  assert_string_equal(guessed->pop3->host, "pop3.tuoisp.example");
  assert_string_equal(guessed->smtp->host, "smtp.tuoisp.example");
  assert_non_null(guessed->hint);
  g_autoptr(GError) error = NULL;
  assert_null(discovery_offline("anna", &error));
  assert_true(error_is(error, POSTINO_ERROR_INVALID));
}

static void
what_is_found_is_an_rc_file_that_loads(void **state)
{
  g_autoptr(discovery_t) found = discovery_offline("anna@tuoisp.example", NULL);
  g_autofree char *text = discovery_rc(found, "anna@tuoisp.example", "tuo\"isp");
  g_autofree char *path = NULL;
  int fd = g_file_open_tmp("postino-rc-XXXXXX", &path, NULL);
  assert_true(fd >= 0);
  close(fd);
  assert_true(g_file_set_contents(path, text, -1, NULL));
  g_autoptr(GError) error = NULL;
  g_autoptr(conf_t) conf = conf_load(path, NULL, &error);
  if (conf == NULL)
    fail_msg("%s", error->message);
  assert_non_null(conf_account(conf, "tuo\"isp"));
  unlink(path);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_first_line_of_the_command_is_the_password),
      cmocka_unit_test(a_person_is_asked_once_until_it_was_wrong),
      cmocka_unit_test(nobody_to_ask_says_what_to_set),
      cmocka_unit_test(a_slow_command_is_cancelled),
      cmocka_unit_test(a_known_provider_is_found_and_an_unknown_one_is_guessed),
      cmocka_unit_test(what_is_found_is_an_rc_file_that_loads),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

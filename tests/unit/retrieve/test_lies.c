#include <string.h>

#include "base/error.h"
#include "tests/unit/retrieve/scene.h"

/* ---- servers that lie ---- */

static void
sizes_that_lie_do_not_matter(void **state)
{
  static const int lies[] = {-20, 20, 5000};
  for (size_t i = 0; i < G_N_ELEMENTS(lies); i++) {
    struct scene *s = scene_new(0);
    s->fake->size_lie = lies[i];
    scene_five(s);
    scene_expect(s, 0, 5, 0);
    scene_assert_five(s);
    assert_int_equal(fake_count(s->fake), 0);
    g_free(scene_end(s));
  }
}

static void
a_letter_cut_by_its_own_dot_is_neither_kept_nor_deleted(void **state)
{
  for (int last = 0; last < 2; last++) {
    struct scene *s = scene_new(0);
    s->fake->no_stuffing = true;
    fake_add(s->fake, "u1", "uno", "ciao\n");
    fake_add(s->fake, "u2", "due", "prima\n.\ndopo\n");
    if (!last)
      fake_add(s->fake, "u3", "tre", "ciao\n");
    assert_int_equal(scene_fetch(s), 76);
    assert_int_equal(s->result.fetched, 1);
    assert_int_equal(scene_letters(s), 1);
    assert_int_equal(fake_count(s->fake), last ? 2 : 3);
    g_free(scene_end(s));
  }
}

static const struct { const char *at, *say; int status; guint fetched; } lies[] = {
    {"LIST", "+OK\r\n0 100\r\n4000000000 1\r\nx\r\n1 80\r\n.\r\n", 0, 1},
    {"LIST", "+OK\r\n5 99999999999999999999\r\n.\r\n", 0, 0},
    {"LIST", "-ERR [SYS/PERM] gone\r\n", 69, 0},
    {"LIST", "-ERR not now\r\n", 75, 0},
    {"LIST", "250 what\r\n", 76, 0},
    {"UIDL", "-ERR no\r\n", 0, 5},
    {"UIDL", "+OK\r\n1 a\r\n1 b\r\n2\r\n9 z\r\n.\r\n", 0, 5},
    {"UIDL", "+OK\r\n.\r\n", 0, 5},
    {"CAPA", "-ERR no\r\n", 0, 5},
    {"CAPA", "nonsense\r\n", 76, 0},
    {"greeting", "-ERR [SYS/TEMP] too many\r\n", 75, 0},
    {"greeting", "-ERR [SYS/PERM] closed\r\n", 69, 0},
    {"greeting", "220 smtp.example.org\r\n", 76, 0},
    {"AUTH", "-ERR [AUTH] \033]0;evil\a no\r\n", 77, 0},
    {"AUTH", "-ERR [IN-USE] locked\r\n", 75, 0},
    {"AUTH", "-ERR [LOGIN-DELAY] wait\r\n", 75, 0},
    {"AUTH", "-ERR \233 31m no\r\n", 77, 0},
    {"RETR 2", "+OK\r\n.\r\n", 0, 5},
};

static void
each_lie_gets_its_answer(void **state)
{
  for (size_t i = 0; i < G_N_ELEMENTS(lies); i++) {
    struct scene *s = scene_new(0);
    scene_five(s);
    fake_fault(s->fake, lies[i].at, FAULT_SAY, lies[i].say);
    int status = scene_fetch(s);
    if (status != lies[i].status || s->result.fetched != lies[i].fetched)
      fail_msg("%s %s: %d, %u (%s)", lies[i].at, lies[i].say, status, s->result.fetched,
               s->error != NULL ? s->error->message : "-");
    if (s->error != NULL) {
      assert_null(strpbrk(s->error->message, "\r\n\033\a"));
      assert_true(g_utf8_validate(s->error->message, -1, NULL));
      assert_non_null(strstr(s->error->message, "home"));
    }
    g_free(scene_end(s));
  }
}

static void
silence_ends_in_time(void **state)
{
  static const char *const here[] = {"greeting", "LIST", "RETR 3"};
  for (size_t i = 0; i < G_N_ELEMENTS(here); i++) {
    struct scene *s = scene_new(0);
    scene_five(s);
    fake_fault(s->fake, here[i], FAULT_SILENT, NULL);
    assert_int_equal(scene_fetch(s), 75);
    assert_int_equal(scene_letters(s), i == 2 ? 2 : 0);
    assert_int_equal(fake_count(s->fake), 5);
    g_free(scene_end(s));
  }
}

static void
flood(struct peer *peer, void *data)
{
  g_autoptr(GString) text = g_string_new("+OK\r\n");
  for (int i = 0; i < 20000; i++)
    g_string_append(text, data);
  peer_say(peer, "+OK\r\n");
  for (const char *line; (line = peer_line(peer)) != NULL;)
    peer_say(peer, g_str_equal(line, "LIST")   ? text->str
                   : g_str_equal(line, "CAPA") ? "+OK\r\nSASL PLAIN\r\n.\r\n"
                                               : "+OK\r\n");
}

static void
floods_are_bounded(void **state)
{
  static const char *const floods[] = {"250-line\r\n", "1 1\r\n1 x\r\n", "x"};
  for (size_t i = 0; i < G_N_ELEMENTS(floods); i++) {
    struct scene *s = scene_new(0);
    struct peer *peer = peer_new(flood, (void *)(uintptr_t)floods[i]);
    s->server.port = peer_port(peer);
    assert_int_equal(scene_fetch(s), 76);
    g_free(peer_end(peer));
    g_free(scene_end(s));
  }
}

/* ---- who may hear the password ---- */

static void
a_refused_password_is_asked_for_again(void **state)
{
  struct scene *s = scene_new(0);
  fake_fault(s->fake, "AUTH", FAULT_SAY, "-ERR no\r\n");
  assert_int_equal(scene_fetch(s), 77);
  assert_non_null(strstr(s->error->message, "account \"home\""));
  assert_non_null(strstr(s->error->message, "anna"));
  assert_null(strstr(s->error->message, "geheim"));
  assert_int_equal(s->asked, 1);
  assert_int_equal(scene_fetch(s), 0);
  assert_int_equal(scene_fetch(s), 0);
  assert_int_equal(s->asked, 2);
  g_free(scene_end(s));
}

static void
no_password_leaves_without_tls(void **state)
{
  static const char *const answers[] = {"-ERR no\r\n", "+OK\r\nSASL PLAIN\r\n.\r\n"};
  for (size_t i = 0; i < G_N_ELEMENTS(answers); i++) {
    struct scene *s = scene_new(0);
    s->server.tls = CONF_TLS_STARTTLS;
    fake_fault(s->fake, "CAPA", FAULT_SAY, answers[i]);
    assert_int_equal(scene_fetch(s), i == 0 ? 76 : 77);
    g_autofree char *heard = scene_end(s);
    assert_null(strstr(heard, "AUTH"));
    assert_null(strstr(heard, "USER"));
  }
}

static void
after_stls_capabilities_are_asked_again(void **state)
{
  struct scene *s = scene_new(0);
  struct identity_options options = {.names = "IP:127.0.0.1"};
  struct identity *identity = identity_new(&options);
  s->fake->identity = identity;
  s->fake->capabilities = "STLS\r\nSASL XOAUTH2\r\n";
  s->fake->after_tls = "UIDL\r\nTOP\r\nSASL PLAIN\r\nPIPELINING\r\n";
  s->server.tls = CONF_TLS_STARTTLS;
  s->server.ca_file = (char *)(uintptr_t)identity_ca_file();
  scene_five(s);
  scene_expect(s, 0, 5, 0);
  char *found = NULL;
  assert_true(retrieve_test(&s->account, s->keyring, s->store, &found, NULL, &s->error));
  g_autofree char *pin = identity_pin(identity);
  g_autofree char *wanted = g_strdup_printf("TLSv1.3, PLAIN, 0 letters, key %s, as before", pin);
  assert_string_equal(found, wanted);
  g_free(found);
  s->server.tls = CONF_TLS_NONE;
  assert_int_equal(scene_fetch(s), 77);
  assert_non_null(strstr(s->error->message, "used TLS until now"));
  g_free(scene_end(s));
  identity_free(identity);
}

/* The pin is gone from the rc file; the authority vouches for both keys. */
static void
a_dropped_pin_is_compared_before_a_password_leaves(void **state)
{
  struct scene *s = scene_new(-1);
  struct identity_options options = {.names = "IP:127.0.0.1"};
  struct identity *first = identity_new(&options), *second = identity_new(&options);
  g_autofree char *pinned = identity_pin(first), *shown = identity_pin(second);
  s->fake->identity = first;
  s->fake->capabilities = "STLS\r\n";
  s->fake->after_tls = "UIDL\r\nTOP\r\nSASL PLAIN\r\n";
  s->server.tls = CONF_TLS_STARTTLS;
  s->server.pin = pinned;
  scene_five(s);
  scene_expect(s, 0, 5, 0);
  s->server.pin = NULL;
  s->server.ca_file = (char *)(uintptr_t)identity_ca_file();
  scene_expect(s, 0, 0, 5);
  s->fake->identity = second;
  assert_int_equal(scene_fetch(s), 77);
  assert_non_null(strstr(s->error->message, pinned));
  assert_non_null(strstr(s->error->message, shown));
  assert_non_null(strstr(s->error->message, "account forget"));
  char *found = NULL;
  g_clear_error(&s->error);
  assert_false(retrieve_test(&s->account, s->keyring, s->store, &found, NULL, &s->error));
  assert_int_equal(error_exit_status(s->error), 77);
  s->server.pin = shown;
  scene_expect(s, 0, 0, 5);
  g_autofree char *heard = scene_end(s);
  identity_free(first);
  identity_free(second);
  /* What comes over TLS is heard too: three logins, none of them to a stranger. */
  guint logins = 0;
  for (const char *at = heard; (at = strstr(at, "AUTH PLAIN")) != NULL; at++)
    logins++;
  assert_int_equal(logins, 3);
}

static void
apop_proves_the_password_without_sending_it(void **state)
{
  struct scene *s = scene_new(0);
  s->server.auth = CONF_AUTH_APOP;
  scene_expect(s, 0, 0, 0);
  g_autofree char *hash =
      g_compute_checksum_for_string(G_CHECKSUM_MD5, "<1.2@example.org>geheim", -1);
  g_autofree char *heard = scene_end(s);
  assert_non_null(strstr(heard, hash));
  assert_null(strstr(heard, "geheim"));
}

static void
a_token_logs_in_by_both_mechanisms(void **state)
{
  static const struct { enum conf_auth auth; const char *capabilities, *said; } cases[] = {
      {CONF_AUTH_XOAUTH2, "UIDL\r\nTOP\r\nSASL PLAIN XOAUTH2\r\n",
       "user=anna\1auth=Bearer geheim\1\1"},
      {CONF_AUTH_OAUTHBEARER, "UIDL\r\nTOP\r\nSASL OAUTHBEARER\r\n",
       "n,a=anna,\1host=127.0.0.1\1port=PORT\1auth=Bearer geheim\1\1"},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    struct scene *s = scene_new(-1);
    s->server.auth = cases[i].auth;
    s->fake->capabilities = cases[i].capabilities;
    scene_five(s);
    fake_fault(s->fake, "AUTH", FAULT_SAY, "+ eyJzdGF0dXMiOiI0MDEifQ==\r\n-ERR [AUTH] token\r\n");
    assert_int_equal(scene_fetch(s), 77);
    assert_non_null(strstr(s->error->message, "token"));
    scene_expect(s, 0, 5, 0);
    g_autofree char *port = g_strdup_printf("%d", s->server.port);
    g_auto(GStrv) parts = g_strsplit(cases[i].said, "PORT", -1);
    g_autofree char *said = g_strjoinv(port, parts);
    g_autofree char *base64 = g_base64_encode((const guchar *)said, strlen(said));
    g_autofree char *heard = scene_end(s);
    if (strstr(heard, base64) == NULL)
      fail_msg("not \"%s\" in: %s", base64, heard);
  }
}

static void
each_code_has_its_meaning(void **state)
{
  static const struct { const char *reply, *meaning; int status; } cases[] = {
      {"-ERR [IN-USE] locked\r\n", "another program", 75},
      {"-ERR [LOGIN-DELAY] wait\r\n", "fetch less often", 75},
      {"-ERR [SYS/TEMP] later\r\n", "should pass", 75},
      {"-ERR [SYS/PERM] broken\r\n", "ask the provider", 69},
      {"-ERR [AUTH] no\r\n", "check user", 77},
      {"-ERR [STRANGE] no\r\n", "check user", 77},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    struct scene *s = scene_new(-1);
    fake_fault(s->fake, "AUTH", FAULT_SAY, cases[i].reply);
    assert_int_equal(scene_fetch(s), cases[i].status);
    if (strstr(s->error->message, cases[i].meaning) == NULL)
      fail_msg("%s", s->error->message);
    g_free(scene_end(s));
  }
}

static void
time_between_logins_is_kept(void **state)
{
  struct scene *s = scene_new(-1);
  s->fake->capabilities = "UIDL\r\nTOP\r\nSASL PLAIN\r\nLOGIN-DELAY 900\r\n";
  scene_five(s);
  scene_expect(s, 0, 5, 0);
  int before = peer_connections(s->peer);
  assert_int_equal(scene_fetch(s), 75);
  assert_non_null(strstr(s->error->message, "no further login"));
  assert_int_equal(peer_connections(s->peer), before);
  g_free(scene_end(s));
}

static void
where_it_is_offered_letters_come_in_utf8(void **state)
{
  struct scene *s = scene_new(-1);
  s->fake->capabilities = "UIDL\r\nTOP\r\nUTF8 USER\r\nSASL PLAIN\r\n";
  scene_five(s);
  fake_fault(s->fake, "UTF8", FAULT_SAY, "-ERR not today\r\n");
  scene_expect(s, 0, 5, 0);
  g_autofree char *heard = scene_end(s);
  assert_non_null(strstr(heard, "CAPA\r\nUTF8\r\nAUTH PLAIN"));
}

int
main(void)
{
  scene_prepare();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(sizes_that_lie_do_not_matter),
      cmocka_unit_test(a_letter_cut_by_its_own_dot_is_neither_kept_nor_deleted),
      cmocka_unit_test(each_lie_gets_its_answer),
      cmocka_unit_test(silence_ends_in_time),
      cmocka_unit_test(floods_are_bounded),
      cmocka_unit_test(a_refused_password_is_asked_for_again),
      cmocka_unit_test(no_password_leaves_without_tls),
      cmocka_unit_test(after_stls_capabilities_are_asked_again),
      cmocka_unit_test(a_dropped_pin_is_compared_before_a_password_leaves),
      cmocka_unit_test(apop_proves_the_password_without_sending_it),
      cmocka_unit_test(a_token_logs_in_by_both_mechanisms),
      cmocka_unit_test(each_code_has_its_meaning),
      cmocka_unit_test(time_between_logins_is_kept),
      cmocka_unit_test(where_it_is_offered_letters_come_in_utf8),
  };
  return cmocka_run_group_tests(tests, NULL, scene_clean_up);
}

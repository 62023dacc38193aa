/* How few turns of the line a login takes, and what becomes of it when the server
 * is not what it was. */
#include <string.h>

#include "base/error.h"
#include "tests/unit/retrieve/scene.h"

static guint
times_in(const char *text, const char *part)
{
  guint count = 0;
  for (const char *at = text; (at = strstr(at, part)) != NULL; at += strlen(part))
    count++;
  return count;
}

#define AUTH_PLAIN "AUTH PLAIN AGFubmEAZ2VoZWlt"

static void
what_was_offered_once_is_not_asked_again(void **state)
{
  struct scene *s = scene_new(-1);
  scene_five(s);
  scene_expect(s, 0, 5, 0);
  scene_expect(s, 0, 0, 5);
  g_autofree char *heard = scene_end(s);
  g_auto(GStrv) sessions = g_strsplit(heard, "QUIT\r\n", -1);
  assert_int_equal(g_strv_length(sessions), 3);
  assert_true(g_str_has_prefix(sessions[0], "CAPA\r\n" AUTH_PLAIN "\r\nCAPA\r\nLIST\r\nUIDL\r\n"));
  assert_string_equal(sessions[1], AUTH_PLAIN "\r\nCAPA\r\nLIST\r\nUIDL\r\n");
}

static void
a_name_and_a_password_go_together_where_that_is_allowed(void **state)
{
  static const char *const offers[] = {"UIDL\r\nUSER\r\nPIPELINING\r\n", "UIDL\r\nUSER\r\n"};
  for (size_t i = 0; i < G_N_ELEMENTS(offers); i++) {
    struct scene *s = scene_new(-1);
    scene_five(s);
    s->fake->capabilities = offers[i];
    fake_fault(s->fake, "USER", FAULT_SAY, "-ERR nobody\r\n");
    assert_int_equal(scene_fetch(s), 77);
    assert_non_null(strstr(s->error->message, "\"nobody\""));
    scene_expect(s, 0, 5, 0);
    g_autofree char *heard = scene_end(s);
    assert_int_equal(times_in(heard, "PASS geheim"), i == 0 ? 2 : 1);
  }
}

static void
an_offer_that_ended_is_noticed(void **state)
{
  struct scene *s = scene_new(-1);
  scene_five(s);
  scene_expect(s, 0, 5, 0);
  s->fake->capabilities = "TOP\r\nUIDL\r\nUSER\r\nPIPELINING\r\n";
  fake_fault(s->fake, "AUTH", FAULT_SAY, "-ERR unknown command\r\n");
  scene_expect(s, 0, 0, 5);
  scene_expect(s, 0, 0, 5);
  g_autofree char *heard = scene_end(s);
  assert_int_equal(times_in(heard, AUTH_PLAIN), 2);
  assert_int_equal(times_in(heard, "USER anna"), 2);
}

/* Servers shut out who tries too often. */
static void
a_password_that_became_wrong_is_tried_once(void **state)
{
  struct scene *s = scene_new(-1);
  scene_five(s);
  scene_expect(s, 0, 5, 0);
  fake_fault(s->fake, "AUTH", FAULT_SAY, "-ERR [AUTH] no\r\n");
  assert_int_equal(scene_fetch(s), 77);
  g_autofree char *heard = scene_end(s);
  assert_int_equal(times_in(heard, AUTH_PLAIN), 2);
}

static void
a_server_that_loses_what_was_sent_ahead_is_served_step_by_step(void **state)
{
  struct scene *s = scene_new(-1);
  scene_five(s);
  s->fake->loses_ahead = true;
  assert_int_equal(scene_fetch(s), 75);
  scene_expect(s, 0, 5, 0);
  scene_expect(s, 0, 0, 5);
  g_free(scene_end(s));
}

/* Its challenge comes after the answer to it was sent: nothing is believed, and
 * nothing deleted, on the word of a server that proves nothing. */
static void
a_server_without_proof_gets_nowhere(void **state)
{
  struct scene *s = scene_new(0);
  scene_five(s);
  s->fake->capabilities = "TOP\r\nUIDL\r\nPIPELINING\r\nSASL SCRAM-SHA-256\r\n";
  fake_fault(s->fake, "AUTH SCRAM-SHA-256", FAULT_SAY, "+OK welcome\r\n");
  assert_int_equal(scene_fetch(s), 77);
  assert_non_null(strstr(s->error->message, "did not prove"));
  assert_int_equal(fake_count(s->fake), 5);
  assert_int_equal(scene_letters(s), 0);
  g_free(scene_end(s));
}

static void
nobody_waits_for_the_answer_to_a_quit_that_changes_nothing(void **state)
{
  struct scene *s = scene_new(-1);
  scene_five(s);
  fake_fault(s->fake, "QUIT", FAULT_SILENT, NULL);
  gint64 start = g_get_monotonic_time();
  scene_expect(s, 0, 5, 0);
  assert_true(g_get_monotonic_time() - start < G_USEC_PER_SEC);
  g_free(scene_end(s));
}

int
main(void)
{
  scene_prepare();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_was_offered_once_is_not_asked_again),
      cmocka_unit_test(a_name_and_a_password_go_together_where_that_is_allowed),
      cmocka_unit_test(an_offer_that_ended_is_noticed),
      cmocka_unit_test(a_password_that_became_wrong_is_tried_once),
      cmocka_unit_test(a_server_that_loses_what_was_sent_ahead_is_served_step_by_step),
      cmocka_unit_test(a_server_without_proof_gets_nowhere),
      cmocka_unit_test(nobody_waits_for_the_answer_to_a_quit_that_changes_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, scene_clean_up);
}

/* Letters with an hour of their own, at servers that can hold them (RFC 4865). */
#include <string.h>

#include "base/error.h"
#include "tests/unit/submit/scene.h"

#define HOUR 3600

static int64_t
now(void)
{
  return g_get_real_time() / G_USEC_PER_SEC;
}

static char *
add_for(struct scene *s, int64_t not_before)
{
  g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(g_free);
  g_autoptr(GBytes) bytes = g_bytes_new_static(LETTER, strlen(LETTER));
  GBytes *copies[] = {bytes};
  struct ledger_recipient *recipient = g_new0(struct ledger_recipient, 1);
  recipient->spec = (char *)"bruno@x";
  recipient->copy = 1;
  g_ptr_array_add(list, recipient);
  struct submission submission = {.account = &s->account,
                                  .from = "anna@tuoisp.example",
                                  .readable = bytes,
                                  .copies = copies,
                                  .n_copies = 1,
                                  .recipients = list,
                                  .not_before = not_before,
                                  .hand_over = now()};
  char *id = NULL;
  bool known;
  assert_true(outbox_add(s->store, &submission, &id, &known, &s->error));
  return id;
}

struct wish {
  const char *capabilities;
  int64_t wait;             /* seconds until its hour; 0: LEDGER_NEVER */
  bool wanted, held_there;
};

static void
play(const struct wish *row)
{
  struct scene *s = scene_new();
  s->fake->capabilities = row->capabilities;
  s->server.hold_at_server = row->wanted;
  g_autofree char *id = add_for(s, row->wait > 0 ? now() + row->wait : LEDGER_NEVER);
  assert_int_equal(scene_flush(s), 0);
  scene_assert_state(s, id, row->held_there ? "sent" : "held",
                     row->held_there ? "accepted" : "waiting");
  assert_int_equal(scene_files(s, "Sent"), row->held_there);
  /* One that is not held there is not asked about again: it waits for its hour. */
  guint sessions = s->fake->sessions;
  assert_int_equal(scene_flush(s), 0);
  assert_int_equal(s->fake->sessions, sessions);
  g_autoptr(ledger_letter_t) letter = scene_letter(s, id);
  int64_t next = outbox_next(s->store, NULL);
  /* Where it is not wanted any more, asking costs nothing but a look. */
  if (row->wanted)
    assert_int_equal(next, row->held_there || row->wait == 0 ? 0 : letter->not_before);
  g_autofree char *heard = scene_end(s);
  const char *hold = strstr(heard, " HOLDFOR=");
  assert_int_equal(hold != NULL, row->held_there);
  if (hold != NULL)
    assert_in_range(g_ascii_strtoull(hold + strlen(" HOLDFOR="), NULL, 10), row->wait - 60, row->wait);
}

#define DECENT "PIPELINING\nAUTH PLAIN\n"

static void
a_server_holds_a_letter_where_it_can_and_shall(void **state)
{
  static const struct wish rows[] = {
      {DECENT "FUTURERELEASE 86400 2099-01-01T00:00:00Z", HOUR, true, true},
      {DECENT "FUTURERELEASE 86400 2099-01-01T00:00:00Z", HOUR, false, false},
      {DECENT "FUTURERELEASE 600 2099-01-01T00:00:00Z", HOUR, true, false},
      {DECENT "FUTURERELEASE 86400 2000-01-01T00:00:00Z", HOUR, true, false},
      {DECENT "FUTURERELEASE many", HOUR, true, false},
      {DECENT "FUTURERELEASE", HOUR, true, false},
      {DECENT "SIZE 10000", HOUR, true, false},
      {DECENT "FUTURERELEASE 86400 2099-01-01T00:00:00Z", 0, true, false},
      {DECENT "FUTURERELEASE 86400 2099-01-01T00:00:00Z", 30, true, false},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
    play(&rows[i]);
}

static void
a_line_that_fails_before_the_hour_changes_nothing(void **state)
{
  struct scene *s = scene_new();
  s->server.hold_at_server = true;
  fake_fault(s->fake, "greeting", FAULT_SAY, "554 go away");
  int64_t hour = now() + HOUR;
  g_autofree char *id = add_for(s, hour);
  assert_int_not_equal(scene_flush(s), 0);
  scene_assert_state(s, id, "held", "waiting");
  assert_int_equal(outbox_next(s->store, NULL), hour);
  g_free(scene_end(s));
}

static void
what_the_server_refuses_to_hold_is_told(void **state)
{
  struct scene *s = scene_new();
  s->server.hold_at_server = true;
  s->fake->capabilities = DECENT "FUTURERELEASE 86400 2099-01-01T00:00:00Z";
  fake_fault(s->fake, "MAIL", FAULT_SAY, "501 5.5.4 no such parameter");
  g_autofree char *id = add_for(s, now() + HOUR);
  (void)scene_flush(s);
  scene_assert_state(s, id, "blocked", "refused");
  g_free(scene_end(s));
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_server_holds_a_letter_where_it_can_and_shall),
      cmocka_unit_test(a_line_that_fails_before_the_hour_changes_nothing),
      cmocka_unit_test(what_the_server_refuses_to_hold_is_told),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* A letter's envelope goes with the last byte of the one before it (RFC 2920, 3.1). */
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "base/error.h"
#include "tests/unit/submit/scene.h"

/* Answers a dot only when the whole next envelope has come, as long as there is one:
 * who waits for the answer first waits in vain. */
struct strict { guint letters, kept; };

static bool
read_to_the_dot(struct peer *peer)
{
  for (const char *line; (line = peer_line(peer)) != NULL;)
    if (g_str_equal(line, "."))
      return true;
  return false;
}

static void
serve_strictly(struct peer *peer, void *data)
{
  struct strict *strict = data;
  peer_say(peer, "220 x\r\n");
  peer_line(peer);
  peer_say(peer, "250-x\r\n250-PIPELINING\r\n250 AUTH PLAIN\r\n");
  peer_answer(peer, "235 in\r\n");
  for (int i = 0; i < 3; i++)
    peer_line(peer);
  peer_say(peer, "250 ok\r\n250 ok\r\n354 go\r\n");
  while (read_to_the_dot(peer)) {
    strict->kept++;
    for (int i = 0; i < 3 && strict->kept < strict->letters; i++)
      peer_line(peer);
    peer_say(peer, strict->kept < strict->letters ? "250 kept\r\n250 ok\r\n250 ok\r\n354 go\r\n"
                                                  : "250 kept\r\n");
  }
}

static void
the_next_envelope_goes_with_the_dot(void **state)
{
  struct scene *s = scene_new();
  struct strict strict = {.letters = 5};
  g_free(peer_end(s->peer));
  s->peer = peer_new(serve_strictly, &strict);
  s->server.port = peer_port(s->peer);
  for (guint i = 0; i < strict.letters; i++) {
    g_autofree char *to = g_strdup_printf("r%u@x", i);
    g_free(scene_add(s, to, LETTER, 0));
  }
  assert_int_equal(scene_flush(s), 0);
  assert_int_equal(strict.kept, 5);
  assert_int_equal(s->settled, 5);
  assert_int_equal(peer_connections(s->peer), 1);
  assert_int_equal(scene_files(s, "Sent"), 5);
  assert_int_equal(scene_files(s, "Outbox"), 0);
  g_autofree char *heard = scene_end(s);
  assert_null(strstr(heard, "RSET"));
}

/* What happens at a step, the first time it comes, and what becomes of the three
 * letters: to one@x, two@x, three@x. */
static const struct {
  const char *at;
  enum fault fault;
  const char *say;
  const char *states[3];
  guint kept, sessions;
} bad_days[] = {
    {"body", FAULT_SAY, "451 4.3.0 later\r\n", {"queued", "sent", "sent"}, 3, 1},
    {"body", FAULT_SAY, "554 5.6.0 never\r\n", {"blocked", "sent", "sent"}, 3, 1},
    {"body", FAULT_SAY, "421 4.3.2 closing\r\n", {"queued", "sent", "sent"}, 3, 2},
    {"body", FAULT_SAY, "what\r\n", {"unsure", "sent", "sent"}, 3, 2},
    {"body", FAULT_CUT, NULL, {"unsure", "sent", "sent"}, 3, 2},
    {"body", FAULT_HALF, NULL, {"unsure", "sent", "sent"}, 3, 2},
    {"body", FAULT_SILENT, NULL, {"unsure", "sent", "sent"}, 3, 2},
    {"RCPT TO:<two", FAULT_SAY, "550 5.1.1 nobody\r\n", {"sent", "blocked", "sent"}, 2, 1},
    {"RCPT TO:<two", FAULT_SAY, "450 4.2.1 later\r\n", {"sent", "queued", "sent"}, 2, 1},
    {"RCPT TO:<two", FAULT_SAY, "421 4.3.2 closing\r\n", {"sent", "queued", "sent"}, 2, 2},
    {"RCPT TO:<two", FAULT_SAY, "354 go\r\n", {"sent", "blocked", "sent"}, 2, 2},
    {"RCPT TO:<two", FAULT_SAY, "what\r\n", {"sent", "blocked", "sent"}, 2, 2},
    {"RCPT TO:<two", FAULT_CUT, NULL, {"sent", "queued", "sent"}, 2, 2},
    {"RCPT TO:<two", FAULT_SILENT, NULL, {"sent", "queued", "sent"}, 2, 2},
    /* An answer too many: 250 where DATA's is due. */
    {"RCPT TO:<two", FAULT_SAY, "250 ok\r\n250 ok\r\n", {"sent", "blocked", "sent"}, 2, 2},
};

static void
each_bad_day_leaves_each_letter_in_the_right_state(void **state)
{
  for (size_t i = 0; i < G_N_ELEMENTS(bad_days); i++) {
    struct scene *s = scene_new();
    char *ids[] = {scene_add(s, "one@x", LETTER, 0), scene_add(s, "two@x", LETTER, 0),
                   scene_add(s, "three@x", LETTER, 0)};
    fake_fault(s->fake, bad_days[i].at, bad_days[i].fault, bad_days[i].say);
    (void)scene_flush(s);
    for (int n = 0; n < 3; n++) {
      g_autoptr(ledger_letter_t) letter = scene_letter(s, ids[n]);
      if (!g_str_equal(letter_state_word(letter->state), bad_days[i].states[n]))
        fail_msg("%s %s: letter %d is %s, not %s", bad_days[i].at, bad_days[i].say, n + 1,
                 letter_state_word(letter->state), bad_days[i].states[n]);
      assert_int_equal(letter->attempts, 1);
      g_free(ids[n]);
    }
    assert_int_equal(s->fake->kept->len, bad_days[i].kept);
    if (s->fake->sessions != bad_days[i].sessions)
      fail_msg("%s %s: %u sessions", bad_days[i].at, bad_days[i].say, s->fake->sessions);
    assert_int_equal(scene_files(s, "Sent") + scene_files(s, "Outbox"), 3);
    g_free(scene_end(s));
  }
}

/* Killed at a step of the second letter: the first is never sent again, the second is
 * sent once. */
static void
kill_at(const char *step, const char *first, guint kept)
{
  struct scene *s = scene_new();
  g_autofree char *one = scene_add(s, "one@x", LETTER, 0);
  g_autofree char *two = scene_add(s, "two@x", LETTER, 0);
  g_clear_pointer(&s->store, store_close);
  fake_fault(s->fake, step, FAULT_KILL, NULL);
  pid_t child = fork();
  if (child == 0) {
    scene_open_store(s);
    scene_flush(s);
    _exit(0);
  }
  g_atomic_int_set(&s->fake->victim, child);
  int status;
  waitpid(child, &status, 0);
  assert_true(WIFSIGNALED(status));
  scene_open_store(s);
  assert_int_equal(scene_flush(s), 0);
  g_autoptr(ledger_letter_t) letter = scene_letter(s, one);
  assert_string_equal(letter_state_word(letter->state), first);
  scene_assert_state(s, two, "sent", "accepted");
  assert_int_equal(s->fake->kept->len, kept);
  assert_int_equal(scene_files(s, "Sent") + scene_files(s, "Outbox"), 2);
  g_free(scene_end(s));
}

static void
a_kill_while_an_envelope_is_ahead_sends_nothing_twice(void **state)
{
  kill_at("body", "unsure", 2);
}

/* The first dot is answered and then the line is dropped, with the envelope that came
 * along. */
static void
serve_and_drop(struct peer *peer, void *data)
{
  guint *kept = data;
  peer_say(peer, "220 x\r\n");
  peer_line(peer);
  peer_say(peer, "250-x\r\n250-PIPELINING\r\n250 AUTH PLAIN\r\n");
  peer_answer(peer, "235 in\r\n");
  for (const char *line; (line = peer_line(peer)) != NULL;) {
    if (g_str_equal(line, "DATA")) {
      peer_say(peer, "354 go\r\n");
      if (!read_to_the_dot(peer))
        return;
      peer_say(peer, "250 kept\r\n");
      if (++*kept == 1)
        return;
    } else
      peer_say(peer, "250 ok\r\n");
  }
}

static void
an_envelope_that_was_dropped_is_sent_again(void **state)
{
  struct scene *s = scene_new();
  guint kept = 0;
  g_free(peer_end(s->peer));
  s->peer = peer_new(serve_and_drop, &kept);
  s->server.port = peer_port(s->peer);
  for (int i = 0; i < 4; i++) {
    g_autofree char *to = g_strdup_printf("r%d@x", i);
    g_free(scene_add(s, to, LETTER, 0));
  }
  (void)scene_flush(s);
  assert_int_equal(scene_flush(s), 0);
  assert_int_equal(kept, 4);
  assert_int_equal(scene_files(s, "Sent"), 4);
  g_autofree char *heard = scene_end(s);
  assert_true(g_str_has_suffix(heard, ".\r\nQUIT\r\n"));
}

/* Its sender took it back, or wants it later, after the ledger was read. */
static void
a_letter_that_was_taken_back_meanwhile_stays(void **state)
{
  struct scene *s = scene_new();
  g_autofree char *one = scene_add(s, "one@x", LETTER, 0);
  g_autofree char *two = scene_add(s, "two@x", LETTER, 0);
  assert_true(outbox_hold(s->store, two, LEDGER_NEVER, NULL));
  assert_int_equal(scene_flush(s), 0);
  scene_assert_state(s, one, "sent", "accepted");
  scene_assert_state(s, two, "held", "waiting");
  g_autofree char *heard = scene_end(s);
  assert_null(strstr(heard, "two@x"));
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_next_envelope_goes_with_the_dot),
      cmocka_unit_test(each_bad_day_leaves_each_letter_in_the_right_state),
      cmocka_unit_test(a_kill_while_an_envelope_is_ahead_sends_nothing_twice),
      cmocka_unit_test(an_envelope_that_was_dropped_is_sent_again),
      cmocka_unit_test(a_letter_that_was_taken_back_meanwhile_stays),
  };
  signal(SIGPIPE, SIG_IGN);
  return cmocka_run_group_tests(tests, NULL, NULL);
}

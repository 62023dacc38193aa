#include <string.h>

#include "base/error.h"
#include "tests/unit/submit/scene.h"

static struct scene *
chunking_scene(void)
{
  struct scene *s = scene_new();
  s->fake->capabilities = fake_chunking;
  return s;
}

static void
a_small_letter_goes_with_its_envelope(void **state)
{
  struct scene *s = chunking_scene();
  g_autofree char *id = scene_add(s, "bruno@x nobody@x", LETTER, 0);
  g_autofree char *next = scene_add(s, "dora@x", LETTER "open\r", 0);
  assert_int_equal(scene_flush(s), 0);
  scene_assert_state(s, id, "blocked", "accepted refused");
  scene_assert_state(s, next, "sent", "accepted");
  assert_string_equal(fake_letter(s->fake, 0),
                      "<bruno@x> \nFrom: anna@tuoisp.example\nTo: bruno@tuoisp.example\n"
                      "Message-ID: <m1@x>\n\nciao\n.\n..due\n");
  assert_true(g_str_has_suffix(fake_letter(s->fake, 1), "..due\nopen\n"));
  assert_int_equal(s->fake->sessions, 1);
  g_autofree char *heard = scene_end(s);
  assert_null(strstr(heard, "DATA"));
  assert_non_null(strstr(heard, "RCPT TO:<nobody@x> ORCPT=rfc822;nobody@x\r\nBDAT "));
}

static void
the_last_line_may_be_open(void **state)
{
  static const char *const ends[] = {"", "\n", "\r", "\r\n", "\n\r", ".", "\r\r\n", "x\ny\rz"};
  for (size_t i = 0; i < G_N_ELEMENTS(ends); i++) {
    struct scene *s = chunking_scene();
    g_autofree char *letter = g_strconcat("From: anna@tuoisp.example\r\n\r\nciao", ends[i], NULL);
    g_autofree char *id = scene_add(s, "bruno@x", letter, 0);
    assert_int_equal(scene_flush(s), 0);
    scene_assert_state(s, id, "sent", "accepted");
    g_free(scene_end(s));
  }
}

/* What the server does at a step, the exit status of the flush, and the letter's
 * state.  Everything has left when the first answer comes. */
static const struct {
  const char *at;
  enum fault fault;
  const char *say;
  int status;
  const char *state, *recipient;
  guint kept;
} bad_days[] = {
    {"MAIL", FAULT_SAY, "451 4.3.0 later\r\n", 0, "queued", "later", 0},
    {"MAIL", FAULT_SAY, "550 5.7.1 never\r\n", 0, "blocked", "refused", 0},
    {"MAIL", FAULT_SAY, "421 4.3.2 closing\r\n", 75, "queued", "waiting", 0},
    {"MAIL", FAULT_SAY, "what\r\n", 0, "unsure", "unsure", 0},
    {"MAIL", FAULT_CUT, NULL, 0, "unsure", "unsure", 0},
    {"RCPT", FAULT_SAY, "452 4.5.3 later\r\n", 0, "queued", "later", 0},
    {"RCPT", FAULT_SAY, "550 5.1.1 nobody\r\n", 0, "blocked", "refused", 0},
    {"RCPT", FAULT_SAY, "421 4.3.2 closing\r\n", 75, "queued", "waiting", 0},
    {"RCPT", FAULT_SILENT, NULL, 0, "unsure", "unsure", 0},
    {"body", FAULT_SAY, "452 4.3.1 full\r\n", 0, "queued", "later", 1},
    {"body", FAULT_SAY, "554 5.6.0 never\r\n", 0, "blocked", "refused", 1},
    {"body", FAULT_SAY, "421 4.3.2 no\r\n", 75, "queued", "later", 1},
    {"body", FAULT_SAY, "354 go on\r\n", 0, "unsure", "unsure", 1},
    {"body", FAULT_SAY, "hm\r\n", 0, "unsure", "unsure", 1},
    {"body", FAULT_CUT, NULL, 0, "unsure", "unsure", 1},
    {"body", FAULT_SILENT, NULL, 0, "unsure", "unsure", 1},
    {"QUIT", FAULT_CUT, NULL, 0, "sent", "accepted", 1},
};

static void
each_bad_day_leaves_the_right_state(void **state)
{
  for (size_t i = 0; i < G_N_ELEMENTS(bad_days); i++) {
    struct scene *s = chunking_scene();
    g_autofree char *id = scene_add(s, "bruno@x", LETTER, 0);
    fake_fault(s->fake, bad_days[i].at, bad_days[i].fault, bad_days[i].say);
    int status = scene_flush(s);
    if (status != bad_days[i].status)
      fail_msg("%s %s: %d (%s), not %d", bad_days[i].at, bad_days[i].say, status,
               s->error != NULL ? s->error->message : "-", bad_days[i].status);
    scene_assert_state(s, id, bad_days[i].state, bad_days[i].recipient);
    if (s->fake->kept->len != bad_days[i].kept)
      fail_msg("%s %s: %u kept", bad_days[i].at, bad_days[i].say, s->fake->kept->len);
    bool waits = g_str_equal(bad_days[i].state, "queued");
    assert_int_equal(scene_flush(s), 0);
    scene_assert_state(s, id, waits ? "sent" : bad_days[i].state,
                       waits ? "accepted" : bad_days[i].recipient);
    assert_int_equal(scene_files(s, "Sent") + scene_files(s, "Outbox"), 1);
    g_free(scene_end(s));
  }
}

static char *
big_letter(void)
{
  GString *text = g_string_new("From: anna@tuoisp.example\r\n\r\n");
  for (guint i = 0; i < 1300; i++)
    g_string_append(text, ".a line of a letter that is too large to be sent in vain\r\n");
  return g_string_free(text, FALSE);
}

static void
a_large_letter_waits_for_its_recipients(void **state)
{
  struct scene *s = chunking_scene();
  g_autofree char *letter = big_letter();
  g_autofree char *id = scene_add(s, "nobody@x", letter, 0);
  g_autofree char *next = scene_add(s, "bruno@x nobody@x", letter, 0);
  assert_int_equal(scene_flush(s), 0);
  scene_assert_state(s, id, "blocked", "refused");
  scene_assert_state(s, next, "blocked", "accepted refused");
  assert_int_equal(s->fake->kept->len, 1);
  assert_int_equal(strlen(fake_letter(s->fake, 0)), strlen("<bruno@x> \n") + strlen(letter) - 1302);
  g_free(scene_end(s));
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_small_letter_goes_with_its_envelope),
      cmocka_unit_test(the_last_line_may_be_open),
      cmocka_unit_test(each_bad_day_leaves_the_right_state),
      cmocka_unit_test(a_large_letter_waits_for_its_recipients),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

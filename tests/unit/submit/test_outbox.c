#include <string.h>

#include "base/error.h"
#include "tests/unit/submit/scene.h"

#define CAME_BACK(seconds, id)                                                           \
  g_strdup_printf("Received: from a by b; %s\r\nFrom: anna@tuoisp.example\r\n"           \
                  "Message-ID: <%s>\r\n\r\nciao\r\n", date_at(seconds), id)

static const char *
date_at(int64_t seconds)
{
  static char text[64];
  g_autoptr(GDateTime) now = g_date_time_new_now_utc();
  g_autoptr(GDateTime) then = g_date_time_add_seconds(now, (double)seconds);
  g_autofree char *date = g_date_time_format(then, "%a, %d %b %Y %H:%M:%S +0000");
  g_strlcpy(text, date, sizeof text);
  return text;
}

static char *
unsure_letter(struct scene *s, const char *recipients, const char *states)
{
  char *id = scene_add(s, recipients, LETTER, 0);
  fake_fault(s->fake, "body", FAULT_CUT, NULL);
  assert_int_equal(scene_flush(s), 0);
  scene_assert_state(s, id, "unsure", states);
  return id;
}

static bool
comes_back(struct scene *s, const char *id, int64_t seconds, const char *message_id,
           const char *own)
{
  const char *const all[] = {own, NULL};
  g_autofree char *text = CAME_BACK(seconds, message_id);
  g_autoptr(GBytes) copy = g_bytes_new(text, strlen(text));
  bool settled;
  assert_true(outbox_returned(s->store, id, copy, all, &settled, &s->error));
  return settled;
}

static void
a_copy_that_comes_back_settles_an_unsure_letter(void **state)
{
  struct scene *s = scene_new();
  g_autofree char *id = unsure_letter(s, "bruno@x anna@tuoisp.example", "unsure unsure");
  assert_false(comes_back(s, id, 0, "other@x", NULL));
  assert_false(comes_back(s, id, -5000, "m1@x", NULL)); /* that it was sent on from */
  scene_assert_state(s, id, "unsure", "unsure unsure");
  assert_true(comes_back(s, id, 5, "m1@x", NULL));
  scene_assert_state(s, id, "sent", "accepted accepted");
  assert_int_equal(scene_files(s, "Sent"), 1);
  assert_false(comes_back(s, id, 5, "m1@x", NULL));
  assert_int_equal(scene_files(s, "Sent"), 1);
  g_free(scene_end(s));
}

static void
a_copy_vouches_for_its_own_wire_copy_alone(void **state)
{
  struct scene *s = scene_new();
  g_autofree char *id = unsure_letter(s, "bruno@x 2:anna@tuoisp.example", "unsure waiting");
  assert_false(comes_back(s, id, 5, "m1@x", NULL));
  assert_false(comes_back(s, id, 5, "m1@x", "anna@tuoisp.example"));
  scene_assert_state(s, id, "unsure", "unsure waiting");
  assert_true(comes_back(s, id, 5, "m1@x", "bruno@x"));
  scene_assert_state(s, id, "queued", "accepted waiting");
  assert_int_equal(scene_flush(s), 0);
  scene_assert_state(s, id, "sent", "accepted accepted");
  assert_int_equal(s->fake->kept->len, 2);
  g_free(scene_end(s));
}

/* ---- holding, and giving up ---- */

static void
a_letter_is_held_until_it_is_told_to_go(void **state)
{
  struct scene *s = scene_new();
  g_autofree char *id = scene_add(s, "bruno@x", LETTER, LEDGER_NEVER);
  scene_assert_state(s, id, "held", "waiting");
  assert_int_equal(outbox_next(s->store, "home"), 0);
  assert_int_equal(scene_flush(s), 0);
  assert_int_equal(s->fake->sessions, 0);
  int64_t then = g_get_real_time() / G_USEC_PER_SEC + 1000;
  assert_true(outbox_hold(s->store, id, then, NULL));
  assert_int_equal(outbox_next(s->store, "home"), then);
  assert_int_equal(scene_flush(s), 0);
  assert_true(outbox_retry(s->store, id, NULL));
  assert_int_equal(scene_flush(s), 0);
  scene_assert_state(s, id, "sent", "accepted");
  assert_false(outbox_hold(s->store, id, then, &s->error));
  assert_int_equal(error_exit_status(s->error), 69);
  g_free(scene_end(s));
}

static void
a_letter_that_may_have_been_sent_is_not_held(void **state)
{
  struct scene *s = scene_new();
  g_autofree char *id = unsure_letter(s, "bruno@x", "unsure");
  assert_false(outbox_hold(s->store, id, LEDGER_NEVER, &s->error));
  assert_int_equal(error_exit_status(s->error), 69);
  scene_assert_state(s, id, "unsure", "unsure");
  g_free(scene_end(s));
}

static char *
old_letter(struct scene *s, int64_t days, guint attempts)
{
  struct ledger_recipient *bruno = g_new0(struct ledger_recipient, 1);
  int64_t then = g_get_real_time() / G_USEC_PER_SEC - days * 24 * 60 * 60;
  g_autoptr(GBytes) bytes = g_bytes_new_static(LETTER, strlen(LETTER));
  g_autoptr(ledger_letter_t) letter = g_new0(struct ledger_letter, 1);
  bruno->spec = g_strdup("bruno@x");
  bruno->copy = 1;
  letter->recipients = g_ptr_array_new();
  g_ptr_array_add(letter->recipients, bruno);
  letter->account = g_strdup("home");
  letter->from = g_strdup("anna@tuoisp.example");
  letter->digest = g_strdup("digest");
  letter->created = letter->changed = then;
  letter->attempts = attempts;
  letter->state = LETTER_QUEUED;
  g_autoptr(blob_t) blob = blob_new(bytes);
  assert_true(ledger_add(s->store, letter, blob, &blob, 1, &s->error));
  g_free(bruno->spec);
  g_free(bruno);
  return g_strdup(letter->id);
}

static void
days_of_trying_block_a_letter_and_the_user_begins_anew(void **state)
{
  static const struct { int64_t days; guint attempts; const char *state; } tries[] = {
      {6, 30, "blocked"}, {4, 30, "queued"}, {6, 3, "queued"}};
  for (size_t i = 0; i < G_N_ELEMENTS(tries); i++) {
    struct scene *s = scene_new();
    g_autofree char *id = old_letter(s, tries[i].days, tries[i].attempts);
    fake_fault(s->fake, "RCPT", FAULT_SAY, "450 4.2.0 not now\r\n");
    s->fake->times = 100;
    assert_int_equal(scene_flush(s), 0);
    scene_assert_state(s, id, tries[i].state, "later");
    g_autoptr(ledger_letter_t) letter = scene_letter(s, id);
    if (strstr(letter->reason, "not now") == NULL)
      fail_msg("%s", letter->reason);
    assert_int_equal(letter->next_try > 0, g_str_equal(tries[i].state, "queued"));
    assert_true(outbox_retry(s->store, id, NULL));
    assert_int_equal(scene_flush(s), 0);
    scene_assert_state(s, id, "queued", "later");
    g_free(scene_end(s));
  }
}

static void
a_letter_that_is_sealed_again_is_known_by_what_was_given(void **state)
{
  struct scene *s = scene_new();
  struct ledger_recipient bruno = {.spec = (char *)"bruno@x", .copy = 1};
  g_autoptr(GPtrArray) recipients = g_ptr_array_new();
  g_ptr_array_add(recipients, &bruno);
  g_autoptr(GBytes) given = g_bytes_new_static("ciao", 4), other = g_bytes_new_static("hallo", 5);
  g_autofree char *first = NULL, *second = NULL;
  for (int i = 0; i < 2; i++) {
    g_autofree char *sealed = g_strdup_printf(LETTER "%d\r\n", i);
    g_autoptr(GBytes) bytes = g_bytes_new(sealed, strlen(sealed));
    g_autoptr(blob_t) blob = blob_new(bytes);
    struct submission submission = {.account = &s->account, .from = "anna@tuoisp.example",
                                    .readable = blob, .copies = &blob, .n_copies = 1,
                                    .recipients = recipients, .given = given};
    bool known = false;
    assert_true(outbox_add(s->store, &submission, i == 0 ? &first : &second, &known, NULL));
    assert_int_equal(known, i == 1);
    g_autofree char *found = outbox_known(s->store, &submission);
    assert_string_equal(found, first);
    submission.given = other;
    assert_null(outbox_known(s->store, &submission));
    submission.given = given;
    submission.from = "a.rossi@tuoisp.example";
    assert_null(outbox_known(s->store, &submission));
  }
  assert_string_equal(first, second);
  assert_int_equal(scene_files(s, "Outbox"), 1);
  g_free(scene_end(s));
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_copy_that_comes_back_settles_an_unsure_letter),
      cmocka_unit_test(a_copy_vouches_for_its_own_wire_copy_alone),
      cmocka_unit_test(a_letter_is_held_until_it_is_told_to_go),
      cmocka_unit_test(a_letter_that_may_have_been_sent_is_not_held),
      cmocka_unit_test(days_of_trying_block_a_letter_and_the_user_begins_anew),
      cmocka_unit_test(a_letter_that_is_sealed_again_is_known_by_what_was_given),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "tests/unit/engine/house.h"

#include "base/error.h"

#define NO_ACCOUNT "fetch-every = 0\n"

/* ---- works of the test's own, on the real workers ---- */

static bool
run_ask(struct work *work, GError **error)
{
  g_autoptr(secret_t) answer = ask_password(work->args, work->engine);
  if (answer == NULL)
    return error_set(error, POSTINO_ERROR_AUTH, "refused");
  work->done->text = g_strdup(secret_text(answer));
  return true;
}

static request_id
request_ask(struct house *house, const char *prompt)
{
  return engine_request(house->engine, NULL, run_ask, (void *)prompt, NULL);
}

/* Waits for its cancel, or for the engine's end. */
static bool
run_wait(struct work *work, GError **error)
{
  while (!g_cancellable_is_cancelled(work->cancel))
    g_usleep(1000);
  return error_set(error, POSTINO_ERROR_CANCELLED, "stopped");
}

/* ---- progress ---- */

/* Ten seconds were needed for 1,000 of 5,000; of 150 it cannot be said yet. */
static bool
run_many(struct work *work, GError **error)
{
  struct store_progress progress = {.done = GPOINTER_TO_UINT(work->args), .total = 5000};
  (void)error;
  work->began = g_get_monotonic_time() - 10 * G_USEC_PER_SEC;
  work_progress_of_many(work, "changing letters", &progress);
  return true;
}

static void
what_changes_many_letters_tells_the_time_that_is_left(void **state)
{
  static const struct { guint done; const char *text; } cases[] = {
      {1000, "changing letters (100 a second, 41 s left)"},
      {150, "changing letters"},
      {5000, "changing letters"},
  };
  struct house house;
  house_open(&house, NO_ACCOUNT, NULL);
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    request_id id = engine_request(house.engine, NULL, run_many, GUINT_TO_POINTER(cases[i].done),
                                   NULL);
    g_autoptr(event_t) told = house_event(&house);
    assert_int_equal(told->kind, EVENT_PROGRESS);
    assert_int_equal(told->done, cases[i].done);
    assert_string_equal(told->text, cases[i].text);
    event_free(house_good(&house, id));
  }
  house_close(&house);
}

/* Where mail changes all the time, looking takes a fifth of it, and rests two seconds
 * at most. */
static void
the_watcher_rests_after_a_look(void **state)
{
  struct house house;
  house_open(&house, NO_ACCOUNT, NULL);
  struct engine *engine = house.engine;
  gint64 began = g_get_monotonic_time(), second = G_USEC_PER_SEC;
  engine->look_began = began;
  engine->look_ended = began + second / 100;
  assert_int_equal(refresh_rests_until(engine), engine->look_ended + 4 * second / 100);
  engine->look_ended = began + 30 * second;
  assert_int_equal(refresh_rests_until(engine), engine->look_ended + 2 * second);
  engine->looking = true;
  assert_true(refresh_rests_until(engine) > g_get_monotonic_time());
  engine->looking = false;
  house_close(&house);
}

/* ---- questions ---- */

static void
an_answer_reaches_the_worker_that_asked(void **state)
{
  struct house house;
  house_open(&house, NO_ACCOUNT, NULL);
  house.answer = "geheim";
  g_autoptr(event_t) event = house_good(&house, request_ask(&house, "Password?"));
  assert_string_equal(event->text, "geheim");
  assert_int_equal(house.asked, 1);
  house_close(&house);
}

static void
a_refused_question_ends_the_request_with_its_reason(void **state)
{
  struct house house;
  house_open(&house, NO_ACCOUNT, NULL);
  g_autoptr(event_t) event = house_done(&house, request_ask(&house, "Password?"));
  assert_true(error_is(event->error, POSTINO_ERROR_AUTH));
  house_close(&house);
}

static void
a_question_names_its_request_and_is_clean(void **state)
{
  struct house house;
  house_open(&house, NO_ACCOUNT, NULL);
  request_id request = request_ask(&house, "Pass\x1b[31m\xe2\x80\xaeword?");
  g_autoptr(event_t) event = house_event(&house);
  assert_int_equal(event->kind, EVENT_ASK);
  assert_int_equal(event->request, request);
  assert_true(event->secret);
  assert_null(strchr(event->text, '\x1b'));
  assert_null(strstr(event->text, "\xe2\x80\xae"));
  engine_answer(house.engine, event->ask, NULL);
  g_autoptr(event_t) done = house_done(&house, request);
  house_close(&house);
}

static void
the_same_question_is_asked_once_at_a_time(void **state)
{
  struct house house;
  house_open(&house, NO_ACCOUNT, NULL);
  request_id requests[3];
  for (size_t i = 0; i < G_N_ELEMENTS(requests); i++)
    requests[i] = request_ask(&house, "Password?");
  g_autoptr(event_t) event = house_event(&house);
  assert_int_equal(event->kind, EVENT_ASK);
  g_autoptr(secret_t) answer = secret_new("x", 1);
  for (guint i = 0; i < 200; i++) { /* the others come to the same desk meanwhile */
    struct event *other = engine_next(house.engine);
    assert_null(other);
    g_usleep(500);
  }
  engine_answer(house.engine, event->ask, answer);
  house.answer = "y";
  guint joined = 0;
  for (size_t i = 0; i < G_N_ELEMENTS(requests); i++) {
    g_autoptr(event_t) done = house_good(&house, requests[i]);
    joined += g_str_equal(done->text, "x");
  }
  assert_int_equal(joined, 3);
  assert_int_equal(house.asked, 0);
  house_close(&house);
}

static void
cancelling_a_request_ends_its_question(void **state)
{
  struct house house;
  house_open(&house, NO_ACCOUNT, NULL);
  request_id request = request_ask(&house, "Password?");
  g_autoptr(event_t) event = house_event(&house);
  assert_int_equal(event->kind, EVENT_ASK);
  engine_cancel(house.engine, request);
  g_autoptr(event_t) done = house_done(&house, request);
  assert_non_null(done->error);
  engine_answer(house.engine, event->ask, NULL); /* too late, and harmless */
  house_close(&house);
}

static void
closing_ends_questions_and_waits(void **state)
{
  for (int i = 0; i < 20; i++) {
    struct house house;
    house_open(&house, NO_ACCOUNT, NULL);
    request_ask(&house, "Password?");
    request_ask(&house, "Another?");
    engine_request(house.engine, GROUP_CHANGE, run_wait, NULL, NULL);
    engine_request(house.engine, GROUP_CHANGE, run_wait, NULL, NULL);
    house_close(&house);
  }
}

static void
what_only_a_timer_wanted_asks_nobody(void **state)
{
  struct house house;
  house_open(&house, NO_ACCOUNT, NULL);
  struct work_spec spec = {.run = run_ask, .args = (void *)"Password?"};
  request_id request = engine_start(house.engine, &spec, 1, WORK_SILENT, NULL);
  g_autoptr(event_t) done = house_done(&house, request);
  assert_true(error_is(done->error, POSTINO_ERROR_AUTH));
  assert_int_equal(house.asked, 0);
  house_close(&house);
}

/* ---- requests ---- */

static void
a_cancelled_request_ends_once(void **state)
{
  struct house house;
  house_open(&house, NO_ACCOUNT, NULL);
  request_id running = engine_request(house.engine, GROUP_CHANGE, run_wait, NULL, NULL);
  request_id queued = engine_request(house.engine, GROUP_CHANGE, run_wait, NULL, NULL);
  engine_cancel(house.engine, queued);
  engine_cancel(house.engine, running);
  engine_cancel(house.engine, queued);
  g_autoptr(event_t) first = house_done(&house, running);
  g_autoptr(event_t) second = house_done(&house, queued);
  assert_true(error_is(first->error, POSTINO_ERROR_CANCELLED));
  assert_true(error_is(second->error, POSTINO_ERROR_CANCELLED));
  assert_null(engine_next(house.engine));
  engine_cancel(house.engine, 4711);
  house_close(&house);
}

static bool
run_part(struct work *work, GError **error)
{
  if (GPOINTER_TO_INT(work->args) < 0)
    return error_set(error, POSTINO_ERROR_HOST, "part failed");
  return true;
}

static void
a_request_of_many_works_ends_when_the_last_has(void **state)
{
  struct house house;
  house_open(&house, NO_ACCOUNT, NULL);
  struct work_spec specs[8];
  for (size_t i = 0; i < G_N_ELEMENTS(specs); i++)
    specs[i] = (struct work_spec){.run = run_part, .args = GINT_TO_POINTER(i == 3 ? -1 : 1)};
  for (int round = 0; round < 50; round++) {
    request_id request = engine_start(house.engine, specs, G_N_ELEMENTS(specs), 0, NULL);
    g_autoptr(event_t) done = house_done(&house, request);
    assert_true(error_is(done->error, POSTINO_ERROR_HOST));
    assert_null(engine_next(house.engine));
  }
  house_close(&house);
}

static void
waiting_changes_and_progress_are_said_once(void **state)
{
  g_autoptr(GError) error = NULL;
  struct event_queue *queue = event_queue_new(&error);
  for (guint i = 1; i <= 3; i++) {
    struct event *progress = event_new(EVENT_PROGRESS, 7);
    progress->done = i;
    event_queue_push(queue, progress);
    event_queue_push(queue, event_new(EVENT_CHANGED, 0));
    event_queue_push(queue, event_new(EVENT_NOTICE, 0));
  }
  g_autoptr(event_t) progress = event_queue_pop(queue, false);
  assert_int_equal(progress->kind, EVENT_PROGRESS);
  assert_int_equal(progress->done, 3);
  g_autoptr(event_t) changed = event_queue_pop(queue, false);
  assert_int_equal(changed->kind, EVENT_CHANGED);
  for (guint i = 0; i < 3; i++) {
    g_autoptr(event_t) notice = event_queue_pop(queue, false);
    assert_int_equal(notice->kind, EVENT_NOTICE);
  }
  assert_null(event_queue_pop(queue, false));
  event_queue_free(queue);
}

/* ---- what cannot be begun ---- */

static void
requests_that_need_an_account_name_the_mend(void **state)
{
  struct house house;
  house_open(&house, NO_ACCOUNT, NULL);
  const char *home[] = {"home", NULL};
  request_id requests[] = {
      engine_fetch(house.engine, NULL, false),      engine_fetch(house.engine, home, false),
      engine_compose(house.engine, NULL, NULL),     engine_server_list(house.engine, NULL),
      engine_account_test(house.engine, NULL),
  };
  for (size_t i = 0; i < G_N_ELEMENTS(requests); i++) {
    g_autoptr(event_t) done = house_done(&house, requests[i]);
    assert_true(error_is(done->error, POSTINO_ERROR_CONFIG));
    assert_non_null(strstr(done->error->message, "account add"));
  }
  house_close(&house);
}

static void
an_account_that_is_not_there_or_half_there_is_said(void **state)
{
  static const char rc[] = "account \"out\" { from = \"a@x.example\" user = \"a\""
                           " smtp { server = \"localhost\" } }\n"
                           "account \"in\" { from = \"b@x.example\" user = \"b\""
                           " pop3 { server = \"localhost\" } }\n" NO_ACCOUNT;
  struct house house;
  house_open(&house, rc, NULL);
  const char *wrong[] = {"hmoe", NULL}, *out[] = {"out", NULL};
  g_autoptr(event_t) unknown = house_done(&house, engine_fetch(house.engine, wrong, false));
  assert_true(error_is(unknown->error, POSTINO_ERROR_USAGE));
  assert_non_null(strstr(unknown->error->message, "out, in"));
  g_autoptr(event_t) half = house_done(&house, engine_fetch(house.engine, out, false));
  assert_true(error_is(half->error, POSTINO_ERROR_CONFIG));
  assert_non_null(strstr(half->error->message, "pop3"));
  house_close(&house);
}

static void
what_the_user_has_confirmed_is_kept(void **state)
{
  static const char key[] = "0123456789ABCDEF0123456789ABCDEF01234567";
  struct house house;
  house_open(&house, "", NULL);
  assert_false(key_is_confirmed("anna@x.example", key, house.engine));
  g_autoptr(event_t) yes =
      house_good(&house, engine_key_confirm(house.engine, "Anna@x.example", key, true));
  house_reopen(&house, NULL);
  assert_true(key_is_confirmed("anna@X.example", key, house.engine));
  assert_false(key_is_confirmed("eva@x.example", key, house.engine));
  assert_false(key_is_confirmed("anna@x.example", "FF", house.engine));
  g_autoptr(event_t) no =
      house_good(&house, engine_key_confirm(house.engine, "anna@x.example", key, false));
  assert_false(key_is_confirmed("anna@x.example", key, house.engine));
  house_close(&house);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_changes_many_letters_tells_the_time_that_is_left),
      cmocka_unit_test(the_watcher_rests_after_a_look),
      cmocka_unit_test(an_answer_reaches_the_worker_that_asked),
      cmocka_unit_test(a_refused_question_ends_the_request_with_its_reason),
      cmocka_unit_test(a_question_names_its_request_and_is_clean),
      cmocka_unit_test(the_same_question_is_asked_once_at_a_time),
      cmocka_unit_test(cancelling_a_request_ends_its_question),
      cmocka_unit_test(closing_ends_questions_and_waits),
      cmocka_unit_test(what_only_a_timer_wanted_asks_nobody),
      cmocka_unit_test(a_cancelled_request_ends_once),
      cmocka_unit_test(a_request_of_many_works_ends_when_the_last_has),
      cmocka_unit_test(waiting_changes_and_progress_are_said_once),
      cmocka_unit_test(requests_that_need_an_account_name_the_mend),
      cmocka_unit_test(an_account_that_is_not_there_or_half_there_is_said),
      cmocka_unit_test(what_the_user_has_confirmed_is_kept),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

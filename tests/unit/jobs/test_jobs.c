#include "jobs/jobs.h"

#include "tests/unit/test.h"

static GMutex lock;
static GCond moved;
static GString *trace;
static int running, most, ended;

static void
note(struct job *job, void *data)
{
  g_mutex_lock(&lock);
  g_string_append(trace, data);
  running++;
  most = MAX(most, running);
  g_mutex_unlock(&lock);
  g_usleep(2000);
  g_mutex_lock(&lock);
  running--;
  ended++;
  g_cond_broadcast(&moved);
  g_mutex_unlock(&lock);
}

static void
until_cancelled(struct job *job, void *data)
{
  GPollFD wait;
  assert_true(g_cancellable_make_pollfd(job_cancellable(job), &wait));
  g_poll(&wait, 1, 10000);
  g_cancellable_release_fd(job_cancellable(job));
  g_mutex_lock(&lock);
  ended += g_cancellable_is_cancelled(job_cancellable(job));
  g_cond_broadcast(&moved);
  g_mutex_unlock(&lock);
}

static int
start(void **state)
{
  trace = g_string_new(NULL);
  running = most = ended = 0;
  *state = jobs_new(4);
  return 0;
}

static int
stop(void **state)
{
  g_string_free(trace, TRUE);
  return 0;
}

static void
jobs_of_one_group_run_in_order_and_alone(void **state)
{
  static const char *const letters[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
  for (size_t i = 0; i < G_N_ELEMENTS(letters); i++) {
    struct job_spec spec = {.run = note, .data = (void *)letters[i], .group = "one"};
    assert_int_not_equal(jobs_add(*state, &spec), 0);
  }
  jobs_free(*state);
  assert_string_equal(trace->str, "abcdefgh");
  assert_int_equal(most, 1);
}

static void
every_job_ends_also_when_the_pool_closes(void **state)
{
  for (int i = 0; i < 50; i++) {
    struct job_spec spec = {.run = note, .data = (void *)"x", .group = i % 2 ? "odd" : NULL};
    jobs_add(*state, &spec);
  }
  jobs_free(*state);
  assert_int_equal(ended, 50);
}

static void
a_running_job_is_cancelled_at_once(void **state)
{
  struct job_spec spec = {.run = until_cancelled};
  uint64_t id = jobs_add(*state, &spec);
  jobs_cancel(*state, id);
  g_mutex_lock(&lock);
  gint64 deadline = g_get_monotonic_time() + 5 * G_TIME_SPAN_SECOND;
  while (ended == 0)
    assert_true(g_cond_wait_until(&moved, &lock, deadline));
  g_mutex_unlock(&lock);
  jobs_cancel(*state, id + 100);
  jobs_free(*state);
}

static void
arguments_are_freed_once(void **state)
{
  struct job_spec spec = {.run = note, .data = g_strdup("y"), .free_data = g_free};
  jobs_add(*state, &spec);
  jobs_free(*state);
  assert_string_equal(trace->str, "y");
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(jobs_of_one_group_run_in_order_and_alone, start, stop),
      cmocka_unit_test_setup_teardown(every_job_ends_also_when_the_pool_closes, start, stop),
      cmocka_unit_test_setup_teardown(a_running_job_is_cancelled_at_once, start, stop),
      cmocka_unit_test_setup_teardown(arguments_are_freed_once, start, stop),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

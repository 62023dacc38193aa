#include <signal.h>
#include <sys/wait.h>

#include "tests/unit/store/fixture.h"

static void
one_holder_at_a_time_also_within_a_process(void **state)
{
  struct fixture *fixture = *state;
  g_autoptr(store_lock_t) first = store_lock(fixture->store, "drop-1", 0, NULL, NULL);
  assert_non_null(first);
  g_autoptr(GError) error = NULL;
  assert_null(store_lock(fixture->store, "drop-1", 0, NULL, &error));
  assert_true(error_is(error, POSTINO_ERROR_RETRY));
  g_autofree char *pid = g_strdup_printf("process %d", (int)getpid());
  assert_non_null(strstr(error->message, pid));
  g_autoptr(store_lock_t) other = store_lock(fixture->store, "drop-2", 0, NULL, NULL);
  assert_non_null(other);
}

static void
it_is_free_again_when_its_holder_lets_go_or_dies(void **state)
{
  struct fixture *fixture = *state;
  store_unlock(store_lock(fixture->store, "drop-1", 0, NULL, NULL));
  int ready[2];
  assert_int_equal(pipe(ready), 0);
  pid_t child = fork();
  if (child == 0) {
    alarm(60);
    bool held = store_lock(fixture->store, "drop-1", 0, NULL, NULL) != NULL;
    if (!held || write(ready[1], "x", 1) != 1)
      _exit(1);
    pause();
  }
  char byte;
  assert_int_equal(read(ready[0], &byte, 1), 1);
  g_autoptr(GError) error = NULL;
  assert_null(store_lock(fixture->store, "drop-1", 0, NULL, &error));
  g_autofree char *pid = g_strdup_printf("process %d", (int)child);
  assert_non_null(strstr(error->message, pid));
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  close(ready[0]);
  close(ready[1]);
  g_autoptr(store_lock_t) again = store_lock(fixture->store, "drop-1", 5, NULL, NULL);
  assert_non_null(again);
}

static gpointer
let_go(gpointer lock)
{
  g_usleep(100000);
  store_unlock(lock);
  return NULL;
}

static void
who_waits_gets_it_when_it_is_free(void **state)
{
  struct fixture *fixture = *state;
  GThread *thread =
      g_thread_new("holder", let_go, store_lock(fixture->store, "drop-1", 0, NULL, NULL));
  g_autoptr(store_lock_t) mine = store_lock(fixture->store, "drop-1", 20, NULL, NULL);
  assert_non_null(mine);
  g_thread_join(thread);
}

static gpointer
stop(gpointer cancel)
{
  g_usleep(50000);
  g_cancellable_cancel(cancel);
  return NULL;
}

static void
waiting_can_be_cancelled(void **state)
{
  struct fixture *fixture = *state;
  g_autoptr(store_lock_t) first = store_lock(fixture->store, "drop-1", 0, NULL, NULL);
  assert_non_null(first);
  g_autoptr(GCancellable) cancel = g_cancellable_new();
  GThread *thread = g_thread_new("stop", stop, cancel);
  g_autoptr(GError) error = NULL;
  assert_null(store_lock(fixture->store, "drop-1", 600, cancel, &error));
  assert_true(error_is(error, POSTINO_ERROR_CANCELLED));
  g_thread_join(thread);
}

static void
a_name_never_leaves_the_directory(void **state)
{
  struct fixture *fixture = *state;
  g_autoptr(store_lock_t) lock = store_lock(fixture->store, "outbox-../../x\n", 0, NULL, NULL);
  assert_non_null(lock);
  g_autofree char *path =
      g_build_filename(fixture->dir, ".postino/lock/outbox-..%2F..%2Fx%0A", NULL);
  assert_int_equal(access(path, F_OK), 0);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      fixture_test(one_holder_at_a_time_also_within_a_process),
      fixture_test(it_is_free_again_when_its_holder_lets_go_or_dies),
      fixture_test(who_waits_gets_it_when_it_is_free),
      fixture_test(waiting_can_be_cancelled),
      fixture_test(a_name_never_leaves_the_directory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

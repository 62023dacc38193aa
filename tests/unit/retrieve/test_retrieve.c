#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/waiting.h"
#include "tests/unit/net/faults.h"
#include "tests/unit/retrieve/scene.h"

static void
letters_come_once_and_byte_for_byte(void **state)
{
  struct scene *s = scene_new(-1);
  scene_five(s);
  scene_expect(s, 0, 5, 0);
  assert_int_equal(g_strv_length(s->result.keys), 5);
  scene_assert_five(s);
  scene_expect(s, 0, 0, 5);
  assert_int_equal(s->fake->retrieved, 5);
  assert_int_equal(fake_count(s->fake), 5);
  g_free(scene_end(s));
}

static void
letters_are_deleted_once_they_are_here(void **state)
{
  struct scene *s = scene_new(0);
  scene_five(s);
  scene_expect(s, 0, 5, 0);
  assert_int_equal(s->result.deleted, 5);
  assert_int_equal(fake_count(s->fake), 0);
  scene_assert_five(s);
  scene_expect(s, 0, 0, 0);
  g_free(scene_end(s));
}

/* The path of a folder of the store.  Free it. */
static char *
folder_path(struct scene *s, const char *folder, const char *sub)
{
  return g_build_filename(s->dir, folder, sub, NULL);
}

static void
what_is_deleted_here_is_deleted_there(void **state)
{
  struct scene *s = scene_new(CONF_LEAVE_WHEN_DELETED);
  scene_five(s);
  scene_expect(s, 0, 5, 0);
  scene_expect(s, 0, 0, 5);
  assert_int_equal(s->result.deleted, 0);
  g_autofree char *new = folder_path(s, "Inbox", "new");
  g_autofree char *other = folder_path(s, "Altro", NULL);
  g_autofree char *target = folder_path(s, "Altro", "new");
  assert_true(store_make_folder(s->store, "Altro", &s->error));
  GDir *dir = g_dir_open(new, 0, NULL);
  g_autofree char *first = g_build_filename(new, g_dir_read_name(dir), NULL);
  const char *name = g_dir_read_name(dir);
  g_autofree char *second = g_build_filename(new, name, NULL);
  g_autofree char *there = g_build_filename(target, name, NULL);
  assert_int_equal(remove(first), 0);
  assert_int_equal(rename(second, there), 0);
  g_dir_close(dir);
  scene_expect(s, 0, 0, 5);
  assert_int_equal(s->result.deleted, 1);
  assert_int_equal(fake_count(s->fake), 4);

  g_autofree char *away = folder_path(s, ".altro", NULL);
  assert_int_equal(rename(other, away), 0);
  scene_expect(s, 0, 0, 4);
  assert_int_equal(s->result.deleted, 0);
  assert_non_null(strstr(s->result.remark, "Altro is gone"));
  assert_int_equal(rename(away, other), 0);
  scene_expect(s, 0, 0, 4);
  assert_int_equal(s->result.deleted, 0);
  assert_int_equal(rename(other, away), 0);
  scene_expect(s, 0, 0, 4);
  scene_expect(s, 0, 0, 4);
  assert_int_equal(s->result.deleted, 1);
  assert_int_equal(fake_count(s->fake), 3);
  g_free(scene_end(s));
}

static void
only_the_newest_stay(void **state)
{
  struct scene *s = scene_new(-1);
  s->server.keep_newest = 2;
  scene_five(s);
  scene_expect(s, 0, 5, 0);
  assert_int_equal(fake_count(s->fake), 5);
  scene_expect(s, 0, 0, 5);
  assert_int_equal(s->result.deleted, 3);
  assert_int_equal(fake_count(s->fake), 2);
  scene_assert_five(s);
  g_free(scene_end(s));
}

static void
a_server_without_pipelining_is_served_step_by_step(void **state)
{
  struct scene *s = scene_new(0);
  s->fake->capabilities = "UIDL\r\nTOP\r\n";
  scene_five(s);
  scene_expect(s, 0, 5, 0);
  assert_int_equal(fake_count(s->fake), 0);
  scene_assert_five(s);
  g_autofree char *heard = scene_end(s);
  assert_non_null(strstr(heard, "USER anna\r\nPASS geheim\r\n"));
}

static void
many_windows_keep_their_order(void **state)
{
  struct scene *s = scene_new(0);
  for (int i = 0; i < 300; i++) {
    g_autofree char *uid = g_strdup_printf("id-%d", i), *body = g_strnfill((gsize)i * 7, 'x');
    fake_add(s->fake, uid, uid, body);
  }
  fake_fault(s->fake, "RETR 70", FAULT_SAY, "-ERR [SYS/TEMP] not now\r\n");
  scene_expect(s, 0, 299, 0);
  assert_int_equal(s->result.failed, 1);
  assert_int_equal(s->result.deleted, 299);
  assert_non_null(strstr(s->result.remark, "letter 70"));
  assert_int_equal(fake_count(s->fake), 1);
  scene_expect(s, 0, 1, 0);
  assert_int_equal(scene_letters(s), 300);
  assert_int_equal(fake_count(s->fake), 0);
  g_free(scene_end(s));
}

/* Whatever is cut wherever: the next good run has each letter once, and the server
 * has none. */
static const char *const steps[] = {"greeting", "CAPA",   "AUTH",   "LIST",   "UIDL",   "RETR 1",
                                    "RETR 2",   "RETR 5", "DELE 1", "DELE 3", "DELE 5", "QUIT"};

static void
cut_at(const char *step, enum fault fault, const char *capabilities)
{
  struct scene *s = scene_new(0);
  s->fake->capabilities = capabilities;
  scene_five(s);
  fake_fault(s->fake, step, fault, NULL);
  if (scene_fetch(s) != 75 && s->error == NULL)
    fail_msg("%s: no error", step);
  assert_int_equal(scene_files(s, "tmp"), 0);
  if (scene_fetch(s) != 0)
    fail_msg("%s: %s", step, s->error->message);
  scene_assert_five(s);
  assert_int_equal(fake_count(s->fake), 0);
  g_free(scene_end(s));
}

/* More than leave in one flight, and DELEs before each. */
static void
a_large_drop_keeps_its_order(void **state)
{
  struct scene *s = scene_new(0);
  for (int i = 0; i < 9000; i++) {
    g_autofree char *uid = g_strdup_printf("id-%d", i);
    fake_add(s->fake, uid, uid, "x\n");
  }
  fake_fault(s->fake, "DELE 8000", FAULT_SAY, "-ERR not now\r\n");
  scene_expect(s, 0, 9000, 0);
  assert_int_equal(s->result.deleted, 8999);
  assert_int_equal(scene_letters(s), 9000);
  assert_int_equal(fake_count(s->fake), 0);
  g_free(scene_end(s));
}

static void
a_line_cut_anywhere_loses_and_doubles_nothing(void **state)
{
  for (size_t i = 0; i < G_N_ELEMENTS(steps); i++) {
    cut_at(steps[i], FAULT_CUT, NULL);
    cut_at(steps[i], FAULT_HALF, NULL);
  }
  cut_at("RETR 3", FAULT_CUT, "UIDL\r\nSASL PLAIN\r\n");
  cut_at("DELE 3", FAULT_CUT, "UIDL\r\nSASL PLAIN\r\n");
}

/* The same with the whole process killed. */
static void
kill_at(const char *step, int leave)
{
  struct scene *s = scene_new(leave);
  scene_five(s);
  g_clear_pointer(&s->store, store_close);
  fake_fault(s->fake, step, FAULT_KILL, NULL);
  pid_t child = fork();
  if (child == 0) {
    scene_open_store(s);
    scene_fetch(s);
    _exit(0);
  }
  g_atomic_int_set(&s->fake->victim, child);
  int status;
  waitpid(child, &status, 0);
  assert_true(WIFSIGNALED(status));
  scene_open_store(s);
  if (scene_fetch(s) != 0)
    fail_msg("%s: %s", step, s->error->message);
  scene_assert_five(s);
  assert_int_equal(fake_count(s->fake), leave == 0 ? 0 : 5);
  assert_int_equal(scene_fetch(s), 0);
  scene_assert_five(s);
  g_free(scene_end(s));
}

static void
a_kill_anywhere_loses_and_doubles_nothing(void **state)
{
  /* The peer's thread reads `victim` after the client has spoken: it is set long
   * before, since the child has yet to open its store. */
  static const char *const here[] = {"LIST", "RETR 1", "RETR 4", "DELE 1", "DELE 5", "QUIT"};
  for (size_t i = 0; i < G_N_ELEMENTS(here); i++)
    kill_at(here[i], 0);
  /* Without deletions nobody waits for what QUIT is answered. */
  kill_at("RETR 4", -1);
}

static void
fetch_in_child(void *data)
{
  struct scene *s = data;
  s->store = store_open(s->dir, NULL, NULL);
  if (s->store != NULL)
    scene_fetch(s);
}

static void
assert_one_waits(struct scene *s)
{
  g_autofree char *drop = NULL;
  assert_true(store_drop(s->store, "home", "127.0.0.1", "anna", &drop, NULL));
  g_autoptr(GPtrArray) waiting = store_waiting(s->store, drop, NULL);
  assert_int_equal(waiting->len, 1);
}

/* A fault of the disk, the line or the process at any call.  One letter is too large
 * to be fetched. */
static void
a_fault_at_any_call_loses_and_doubles_nothing(void **state)
{
  for (int mode = FAULTS_FAIL; mode <= FAULTS_DIE; mode++)
    for (int at = mode; ; at += fault_stride()) {
      struct scene *s = scene_new(0);
      g_autofree char *large = g_strnfill(2000, 'x');
      scene_five(s);
      fake_add(s->fake, "large", "grande", large);
      s->server.max_size = 1000;
      g_clear_pointer(&s->store, store_close);
      bool struck = fault_run(mode, at, fetch_in_child, s);
      scene_open_store(s);
      if (scene_fetch(s) != 0)
        fail_msg("call %d: %s", at, s->error->message);
      scene_assert_five(s);
      assert_int_equal(fake_count(s->fake), 1);
      assert_one_waits(s);
      g_free(scene_end(s));
      if (!struck)
        break;
    }
}

static void
a_letter_that_never_comes_whole_costs_itself_alone(void **state)
{
  struct scene *s = scene_new(-1);
  scene_five(s);
  fake_fault(s->fake, "RETR 2", FAULT_HALF, NULL);
  s->fake->times = G_MAXINT;
  scene_expect(s, 75, 1, 0);
  scene_expect(s, 75, 3, 1);
  fake_add(s->fake, "u6", "sei", "nuova\n");
  scene_expect(s, 75, 1, 4);
  s->fake->times = 0;
  scene_expect(s, 0, 1, 5);
  assert_int_equal(scene_letters(s), 6);
  scene_expect(s, 0, 0, 6);
  g_free(scene_end(s));
}

static void
letters_whose_rows_were_lost_meet_their_files(void **state)
{
  struct scene *s = scene_new(-1);
  scene_five(s);
  scene_expect(s, 0, 5, 0);
  scene_lose_rows(s);
  scene_expect(s, 0, 5, 0);
  scene_assert_five(s);
  scene_expect(s, 0, 0, 5);
  g_free(scene_end(s));
}

static void
a_lost_answer_to_quit_is_made_good(void **state)
{
  struct scene *s = scene_new(0);
  scene_five(s);
  s->fake->lost_quit = true;
  assert_int_equal(scene_fetch(s), 75);
  assert_int_equal(s->result.fetched, 5);
  assert_int_equal(s->result.deleted, 0);
  assert_int_equal(fake_count(s->fake), 0);
  s->fake->lost_quit = false;
  scene_expect(s, 0, 0, 0);
  /* The server uses a UID again for a letter of the same size: it is no letter
   * of ours, and comes. */
  fake_add(s->fake, "u1", "uni", "ciao\n");
  scene_expect(s, 0, 1, 0);
  assert_int_equal(scene_letters(s), 6);
  assert_int_equal(fake_count(s->fake), 0);
  g_free(scene_end(s));
}

static void
a_server_that_forgets_what_it_deleted_is_told_again(void **state)
{
  struct scene *s = scene_new(0);
  scene_five(s);
  scene_expect(s, 0, 5, 0);
  for (guint i = 0; i < 5; i++)
    ((struct fake_letter *)g_ptr_array_index(s->fake->letters, i))->deleted = false;
  scene_expect(s, 0, 0, 5);
  assert_int_equal(s->fake->retrieved, 5);
  assert_int_equal(fake_count(s->fake), 0);
  scene_assert_five(s);
  g_free(scene_end(s));
}

static void
a_held_drop_is_left_alone(void **state)
{
  struct scene *s = scene_new(-1);
  scene_expect(s, 0, 0, 0);
  char *id = NULL;
  assert_true(store_drop(s->store, "home", "127.0.0.1", "anna", &id, NULL));
  g_autofree char *name = g_strconcat("drop-", id, NULL);
  g_autoptr(store_lock_t) lock = store_lock(s->store, name, 1, NULL, NULL);
  assert_non_null(lock);
  assert_int_equal(scene_fetch(s), 75);
  g_free(id);
  g_free(scene_end(s));
}

int
main(void)
{
  scene_prepare();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(letters_come_once_and_byte_for_byte),
      cmocka_unit_test(letters_are_deleted_once_they_are_here),
      cmocka_unit_test(what_is_deleted_here_is_deleted_there),
      cmocka_unit_test(only_the_newest_stay),
      cmocka_unit_test(a_server_without_pipelining_is_served_step_by_step),
      cmocka_unit_test(many_windows_keep_their_order),
      cmocka_unit_test(a_large_drop_keeps_its_order),
      cmocka_unit_test(a_line_cut_anywhere_loses_and_doubles_nothing),
      cmocka_unit_test(a_kill_anywhere_loses_and_doubles_nothing),
      cmocka_unit_test(a_fault_at_any_call_loses_and_doubles_nothing),
      cmocka_unit_test(a_letter_that_never_comes_whole_costs_itself_alone),
      cmocka_unit_test(letters_whose_rows_were_lost_meet_their_files),
      cmocka_unit_test(a_lost_answer_to_quit_is_made_good),
      cmocka_unit_test(a_server_that_forgets_what_it_deleted_is_told_again),
      cmocka_unit_test(a_held_drop_is_left_alone),
  };
  return cmocka_run_group_tests(tests, NULL, scene_clean_up);
}

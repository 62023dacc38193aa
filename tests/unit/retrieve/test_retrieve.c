#include <fcntl.h>
#include <ftw.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "retrieve/retrieve.h"
#include "store/drops.h"
#include "tests/unit/net/faults.h"
#include "tests/unit/retrieve/fake.h"

struct scene {
  char *dir;
  struct fake *fake;
  struct peer *peer;
  struct conf_server server;
  struct conf_account account;
  struct store *store;
  struct keyring *keyring;
  struct retrieve_result result;
  GError *error;
  int asked;
};

static void
open_store(struct scene *s)
{
  s->store = store_open(s->dir, NULL, &s->error);
  if (s->store == NULL)
    fail_msg("%s", s->error->message);
}

static secret_t *
give_password(const char *prompt, void *data)
{
  ((struct scene *)data)->asked++;
  return secret_new("geheim", 6);
}

static struct scene *
scene_new(int leave)
{
  struct scene *s = g_new0(struct scene, 1);
  s->dir = g_dir_make_tmp("postino-retrieve-XXXXXX", NULL);
  s->fake = fake_new();
  s->peer = peer_new(fake_serve, s->fake);
  s->server = (struct conf_server){.server = (char *)"127.0.0.1", .port = peer_port(s->peer),
                                   .tls = CONF_TLS_NONE, .timeout = 1, .user = (char *)"anna",
                                   .leave_on_server = leave, .max_size = 50 << 20};
  s->account = (struct conf_account){.name = (char *)"home", .inbox = (char *)"Inbox",
                                     .pop3 = &s->server};
  s->keyring = keyring_new(give_password, s);
  open_store(s);
  return s;
}

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
  return remove(path);
}

static void
remove_tree(const char *dir)
{
  nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* What the peer heard.  Free it. */
static char *
scene_end(struct scene *s)
{
  char *heard = peer_end(s->peer);
  store_close(s->store);
  keyring_free(s->keyring);
  fake_free(s->fake);
  retrieve_result_clear(&s->result);
  g_clear_error(&s->error);
  remove_tree(s->dir);
  g_free(s->dir);
  g_free(s);
  return heard;
}

/* One fetch; its exit status. */
static int
fetch(struct scene *s)
{
  retrieve_result_clear(&s->result);
  g_clear_error(&s->error);
  bool ok = retrieve_run(&s->account, s->keyring, s->store, NULL, &s->result, NULL, &s->error);
  assert_int_equal(ok, s->error == NULL);
  return error_exit_status(s->error);
}

static guint
files_in(struct scene *s, const char *sub)
{
  g_autofree char *path = g_build_filename(s->dir, "Inbox", sub, NULL);
  GDir *dir = g_dir_open(path, 0, NULL);
  guint count = 0;
  while (dir != NULL && g_dir_read_name(dir) != NULL)
    count++;
  if (dir != NULL)
    g_dir_close(dir);
  return count;
}

static guint
letters(struct scene *s)
{
  return files_in(s, "new") + files_in(s, "cur");
}

static void
expect_fetch(struct scene *s, int status, guint fetched, guint known)
{
  int got = fetch(s);
  if (got != status || s->result.fetched != fetched || s->result.known != known)
    fail_msg("%d, %u new, %u known (%s), not %d, %u, %u", got, s->result.fetched, s->result.known,
             s->error != NULL ? s->error->message : "no error", status, fetched, known);
}

static void
five_letters(struct scene *s)
{
  fake_add(s->fake, "u1", "uno", "ciao\n");
  fake_add(s->fake, "u2", "due", ".\n..due\n.tre\nFrom qui\n");
  fake_add(s->fake, "u3", "tre", "");
  fake_add(s->fake, "u4", "quattro", "senza fine");
  fake_add(s->fake, "u5", "cinque", "\n\n.\n");
}

/* Is there exactly one file whose text ends so? */
static bool
holds(struct scene *s, const char *subject, const char *body)
{
  g_autofree char *wanted = g_strdup_printf("Subject: %s\n", subject);
  g_autofree char *end = g_strdup_printf("\n\n%s", body);
  g_autofree char *path = g_build_filename(s->dir, "Inbox", "new", NULL);
  guint found = 0;
  GDir *dir = g_dir_open(path, 0, NULL);
  for (const char *name; dir != NULL && (name = g_dir_read_name(dir)) != NULL;) {
    g_autofree char *file = g_build_filename(path, name, NULL);
    g_autofree char *text = NULL;
    assert_true(g_file_get_contents(file, &text, NULL, NULL));
    found += strstr(text, wanted) != NULL && g_str_has_suffix(text, end);
  }
  if (dir != NULL)
    g_dir_close(dir);
  return found == 1;
}

static void
assert_five(struct scene *s)
{
  assert_int_equal(letters(s), 5);
  assert_int_equal(files_in(s, "tmp"), 0);
  assert_true(holds(s, "uno", "ciao\n"));
  assert_true(holds(s, "due", ".\n..due\n.tre\nFrom qui\n"));
  assert_true(holds(s, "tre", ""));
  assert_true(holds(s, "quattro", "senza fine\n"));
  assert_true(holds(s, "cinque", "\n\n.\n"));
}

static void
letters_come_once_and_byte_for_byte(void **state)
{
  struct scene *s = scene_new(-1);
  five_letters(s);
  expect_fetch(s, 0, 5, 0);
  assert_int_equal(g_strv_length(s->result.keys), 5);
  assert_five(s);
  expect_fetch(s, 0, 0, 5);
  assert_int_equal(s->fake->retrieved, 5);
  assert_int_equal(fake_count(s->fake), 5);
  g_free(scene_end(s));
}

static void
letters_are_deleted_once_they_are_here(void **state)
{
  struct scene *s = scene_new(0);
  five_letters(s);
  expect_fetch(s, 0, 5, 0);
  assert_int_equal(s->result.deleted, 5);
  assert_int_equal(fake_count(s->fake), 0);
  assert_five(s);
  expect_fetch(s, 0, 0, 0);
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
  five_letters(s);
  expect_fetch(s, 0, 5, 0);
  expect_fetch(s, 0, 0, 5);
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
  expect_fetch(s, 0, 0, 5);
  assert_int_equal(s->result.deleted, 1);
  assert_int_equal(fake_count(s->fake), 4);

  g_autofree char *away = folder_path(s, ".altro", NULL);
  assert_int_equal(rename(other, away), 0);
  expect_fetch(s, 0, 0, 4);
  assert_int_equal(s->result.deleted, 0);
  assert_non_null(strstr(s->result.remark, "Altro is gone"));
  assert_int_equal(rename(away, other), 0);
  expect_fetch(s, 0, 0, 4);
  assert_int_equal(s->result.deleted, 0);
  assert_int_equal(rename(other, away), 0);
  expect_fetch(s, 0, 0, 4);
  expect_fetch(s, 0, 0, 4);
  assert_int_equal(s->result.deleted, 1);
  assert_int_equal(fake_count(s->fake), 3);
  g_free(scene_end(s));
}

static void
only_the_newest_stay(void **state)
{
  struct scene *s = scene_new(-1);
  s->server.keep_newest = 2;
  five_letters(s);
  expect_fetch(s, 0, 5, 0);
  assert_int_equal(fake_count(s->fake), 5);
  expect_fetch(s, 0, 0, 5);
  assert_int_equal(s->result.deleted, 3);
  assert_int_equal(fake_count(s->fake), 2);
  assert_five(s);
  g_free(scene_end(s));
}

static void
a_server_without_pipelining_is_served_step_by_step(void **state)
{
  struct scene *s = scene_new(0);
  s->fake->capabilities = "UIDL\r\nTOP\r\n";
  five_letters(s);
  expect_fetch(s, 0, 5, 0);
  assert_int_equal(fake_count(s->fake), 0);
  assert_five(s);
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
  expect_fetch(s, 0, 299, 0);
  assert_int_equal(s->result.failed, 1);
  assert_int_equal(s->result.deleted, 299);
  assert_non_null(strstr(s->result.remark, "letter 70"));
  assert_int_equal(fake_count(s->fake), 1);
  expect_fetch(s, 0, 1, 0);
  assert_int_equal(letters(s), 300);
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
  five_letters(s);
  fake_fault(s->fake, step, fault, NULL);
  if (fetch(s) != 75 && s->error == NULL)
    fail_msg("%s: no error", step);
  assert_int_equal(files_in(s, "tmp"), 0);
  if (fetch(s) != 0)
    fail_msg("%s: %s", step, s->error->message);
  assert_five(s);
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
  five_letters(s);
  g_clear_pointer(&s->store, store_close);
  fake_fault(s->fake, step, FAULT_KILL, NULL);
  pid_t child = fork();
  if (child == 0) {
    open_store(s);
    fetch(s);
    _exit(0);
  }
  g_atomic_int_set(&s->fake->victim, child);
  int status;
  waitpid(child, &status, 0);
  assert_true(WIFSIGNALED(status));
  open_store(s);
  if (fetch(s) != 0)
    fail_msg("%s: %s", step, s->error->message);
  assert_five(s);
  assert_int_equal(fake_count(s->fake), leave == 0 ? 0 : 5);
  assert_int_equal(fetch(s), 0);
  assert_five(s);
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
  kill_at("RETR 4", -1);
  kill_at("QUIT", -1);
}

static void
fetch_in_child(void *data)
{
  struct scene *s = data;
  s->store = store_open(s->dir, NULL, NULL);
  if (s->store != NULL)
    fetch(s);
}

/* A fault of the disk, the line or the process at any call. */
static void
a_fault_at_any_call_loses_and_doubles_nothing(void **state)
{
  for (int mode = FAULTS_FAIL; mode <= FAULTS_DIE; mode++)
    for (int at = mode; ; at += fault_stride()) {
      struct scene *s = scene_new(0);
      five_letters(s);
      g_clear_pointer(&s->store, store_close);
      bool struck = fault_run(mode, at, fetch_in_child, s);
      open_store(s);
      if (fetch(s) != 0)
        fail_msg("call %d: %s", at, s->error->message);
      assert_five(s);
      assert_int_equal(fake_count(s->fake), 0);
      g_free(scene_end(s));
      if (!struck)
        break;
    }
}

static void
a_letter_that_never_comes_whole_costs_itself_alone(void **state)
{
  struct scene *s = scene_new(-1);
  five_letters(s);
  fake_fault(s->fake, "RETR 2", FAULT_HALF, NULL);
  s->fake->times = G_MAXINT;
  expect_fetch(s, 75, 1, 0);
  expect_fetch(s, 75, 3, 1);
  fake_add(s->fake, "u6", "sei", "nuova\n");
  expect_fetch(s, 75, 1, 4);
  s->fake->times = 0;
  expect_fetch(s, 0, 1, 5);
  assert_int_equal(letters(s), 6);
  expect_fetch(s, 0, 0, 6);
  g_free(scene_end(s));
}

static void
letters_whose_rows_were_lost_meet_their_files(void **state)
{
  struct scene *s = scene_new(-1);
  five_letters(s);
  expect_fetch(s, 0, 5, 0);
  char *id = NULL;
  const char *const none[] = {NULL};
  assert_true(store_drop(s->store, "home", "127.0.0.1", "anna", &id, NULL));
  assert_true(store_drop_prune(s->store, id, none, 0, NULL));
  g_free(id);
  expect_fetch(s, 0, 5, 0);
  assert_five(s);
  expect_fetch(s, 0, 0, 5);
  g_free(scene_end(s));
}

static void
a_lost_answer_to_quit_is_made_good(void **state)
{
  struct scene *s = scene_new(0);
  five_letters(s);
  s->fake->lost_quit = true;
  assert_int_equal(fetch(s), 75);
  assert_int_equal(s->result.fetched, 5);
  assert_int_equal(s->result.deleted, 0);
  assert_int_equal(fake_count(s->fake), 0);
  s->fake->lost_quit = false;
  expect_fetch(s, 0, 0, 0);
  /* The server uses a UID again for a letter of the same size: it is no letter
   * of ours, and comes. */
  fake_add(s->fake, "u1", "uni", "ciao\n");
  expect_fetch(s, 0, 1, 0);
  assert_int_equal(letters(s), 6);
  assert_int_equal(fake_count(s->fake), 0);
  g_free(scene_end(s));
}

static void
a_server_that_forgets_what_it_deleted_is_told_again(void **state)
{
  struct scene *s = scene_new(0);
  five_letters(s);
  expect_fetch(s, 0, 5, 0);
  for (guint i = 0; i < 5; i++)
    ((struct fake_letter *)g_ptr_array_index(s->fake->letters, i))->deleted = false;
  expect_fetch(s, 0, 0, 5);
  assert_int_equal(s->fake->retrieved, 5);
  assert_int_equal(fake_count(s->fake), 0);
  assert_five(s);
  g_free(scene_end(s));
}

static void
rename_all(struct fake *fake)
{
  for (guint i = 0; i < fake->letters->len; i++) {
    struct fake_letter *letter = g_ptr_array_index(fake->letters, i);
    g_free(letter->uid);
    letter->uid = g_strdup_printf("new-%u", i);
  }
}

static void
letters_that_the_server_renames_are_recognised(void **state)
{
  struct scene *s = scene_new(-1);
  five_letters(s);
  expect_fetch(s, 0, 5, 0);
  rename_all(s->fake);
  fake_add(s->fake, "new-6", "sei", "x\n");
  expect_fetch(s, 0, 1, 5);
  assert_non_null(strstr(s->result.remark, "renamed 5"));
  assert_int_equal(s->fake->examined, 5);
  expect_fetch(s, 0, 0, 6);
  assert_null(s->result.remark);
  assert_int_equal(s->fake->examined, 5);
  assert_int_equal(letters(s), 6);
  g_free(scene_end(s));
}

static void
a_server_without_uidl_is_served_by_headers(void **state)
{
  static const char *const offers[] = {"TOP\r\nPIPELINING\r\nSASL PLAIN\r\n",
                                       "PIPELINING\r\nSASL PLAIN\r\n"};
  for (size_t i = 0; i < G_N_ELEMENTS(offers); i++) {
    struct scene *s = scene_new(-1);
    s->fake->capabilities = offers[i];
    five_letters(s);
    fake_add(s->fake, "", "uno", "ciao\n");
    expect_fetch(s, 0, 6, 0);
    assert_int_equal(letters(s), 6);
    expect_fetch(s, 0, 0, 6);
    assert_int_equal(s->fake->retrieved, i == 0 ? 6 : 12);
    assert_int_equal(letters(s), 6);
    g_free(scene_end(s));
  }
}

static void
doubled_uids_lose_nothing(void **state)
{
  struct scene *s = scene_new(0);
  fake_add(s->fake, "same", "uno", "ciao\n");
  fake_add(s->fake, "same", "duo", "ciao\n");
  fake_add(s->fake, "same", "trentatre", "ciao\n");
  expect_fetch(s, 0, 3, 0);
  assert_int_equal(letters(s), 3);
  assert_int_equal(fake_count(s->fake), 0);
  g_free(scene_end(s));
}

static void
a_large_letter_waits_until_it_is_asked_for(void **state)
{
  struct scene *s = scene_new(0);
  five_letters(s);
  g_autofree char *body = g_strnfill(5000, 'x');
  fake_add(s->fake, "big", "grande", body);
  s->server.max_size = 1000;
  expect_fetch(s, 0, 5, 0);
  assert_int_equal(s->result.too_large, 1);
  assert_int_equal(fake_count(s->fake), 1);
  guint number = 1;
  struct retrieve_result result;
  assert_true(retrieve_fetch_numbers(&s->account, s->keyring, s->store, &number, 1, &result, NULL,
                                     &s->error));
  assert_int_equal(result.fetched, 1);
  retrieve_result_clear(&result);
  assert_int_equal(letters(s), 6);
  g_free(scene_end(s));
}

static void
numbers_mean_the_letters_that_were_shown(void **state)
{
  struct scene *s = scene_new(-1);
  five_letters(s);
  g_autoptr(GPtrArray) rows =
      retrieve_list(&s->account, s->keyring, s->store, NULL, &s->error);
  assert_non_null(rows);
  assert_int_equal(rows->len, 5);
  assert_string_equal(((struct server_row *)g_ptr_array_index(rows, 1))->uid, "u2");
  assert_false(((struct server_row *)g_ptr_array_index(rows, 1))->here);
  guint first[] = {1, 1}, third = 3;
  assert_true(retrieve_delete_numbers(&s->account, s->keyring, s->store, first, 2, NULL, &s->error));
  assert_int_equal(fake_count(s->fake), 4);
  /* u3 has number 2 now, and is still what was shown as 3. */
  struct retrieve_result result;
  assert_true(retrieve_fetch_numbers(&s->account, s->keyring, s->store, &third, 1, &result, NULL,
                                     &s->error));
  retrieve_result_clear(&result);
  assert_true(holds(s, "tre", ""));
  assert_false(retrieve_delete_numbers(&s->account, s->keyring, s->store, first, 1, NULL, &s->error));
  assert_int_equal(error_exit_status(s->error), 66);
  assert_int_equal(fake_count(s->fake), 4);
  expect_fetch(s, 0, 3, 1);
  g_free(scene_end(s));
}

static void
a_letter_that_was_removed_comes_back_when_asked_for(void **state)
{
  struct scene *s = scene_new(-1);
  five_letters(s);
  expect_fetch(s, 0, 5, 0);
  g_autofree char *inbox = g_build_filename(s->dir, "Inbox", NULL);
  remove_tree(inbox);
  expect_fetch(s, 0, 0, 5);
  guint second = 2;
  struct retrieve_result result;
  for (int i = 0; i < 2; i++) {
    assert_true(retrieve_fetch_numbers(&s->account, s->keyring, s->store, &second, 1, &result,
                                       NULL, &s->error));
    assert_int_equal(result.fetched, i == 0 ? 1 : 0);
    retrieve_result_clear(&result);
    assert_int_equal(letters(s), 1);
  }
  expect_fetch(s, 0, 0, 5);
  g_free(scene_end(s));
}

static void
count_line(const char *line, void *data)
{
  ++*(guint *)data;
}

static void
a_dry_run_touches_nothing(void **state)
{
  struct scene *s = scene_new(0);
  five_letters(s);
  guint lines = 0;
  struct retrieve_options options = {.dry_run = true, .plan_line = count_line, .data = &lines};
  assert_true(retrieve_run(&s->account, s->keyring, s->store, &options, &s->result, NULL,
                           &s->error));
  assert_int_equal(lines, 5);
  assert_int_equal(letters(s), 0);
  assert_int_equal(fake_count(s->fake), 5);
  g_free(scene_end(s));
}

/* ---- servers that lie ---- */

static void
sizes_that_lie_do_not_matter(void **state)
{
  static const int lies[] = {-20, 20, 5000};
  for (size_t i = 0; i < G_N_ELEMENTS(lies); i++) {
    struct scene *s = scene_new(0);
    s->fake->size_lie = lies[i];
    five_letters(s);
    expect_fetch(s, 0, 5, 0);
    assert_five(s);
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
    assert_int_equal(fetch(s), 76);
    assert_int_equal(s->result.fetched, 1);
    assert_int_equal(letters(s), 1);
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
    five_letters(s);
    fake_fault(s->fake, lies[i].at, FAULT_SAY, lies[i].say);
    int status = fetch(s);
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
    five_letters(s);
    fake_fault(s->fake, here[i], FAULT_SILENT, NULL);
    assert_int_equal(fetch(s), 75);
    assert_int_equal(letters(s), i == 2 ? 2 : 0);
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
    assert_int_equal(fetch(s), 76);
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
  assert_int_equal(fetch(s), 77);
  assert_non_null(strstr(s->error->message, "account \"home\""));
  assert_non_null(strstr(s->error->message, "anna"));
  assert_null(strstr(s->error->message, "geheim"));
  assert_int_equal(s->asked, 1);
  assert_int_equal(fetch(s), 0);
  assert_int_equal(fetch(s), 0);
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
    assert_int_equal(fetch(s), i == 0 ? 76 : 77);
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
  five_letters(s);
  expect_fetch(s, 0, 5, 0);
  char *found = NULL;
  assert_true(retrieve_test(&s->account, s->keyring, &found, NULL, &s->error));
  assert_string_equal(found, "TLSv1.3, PLAIN, 0 letters");
  g_free(found);
  s->server.tls = CONF_TLS_NONE;
  assert_int_equal(fetch(s), 77);
  assert_non_null(strstr(s->error->message, "used TLS until now"));
  g_free(scene_end(s));
  identity_free(identity);
}

static void
apop_proves_the_password_without_sending_it(void **state)
{
  struct scene *s = scene_new(0);
  s->server.auth = CONF_AUTH_APOP;
  expect_fetch(s, 0, 0, 0);
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
    five_letters(s);
    fake_fault(s->fake, "AUTH", FAULT_SAY, "+ eyJzdGF0dXMiOiI0MDEifQ==\r\n-ERR [AUTH] token\r\n");
    assert_int_equal(fetch(s), 77);
    assert_non_null(strstr(s->error->message, "token"));
    expect_fetch(s, 0, 5, 0);
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
    assert_int_equal(fetch(s), cases[i].status);
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
  five_letters(s);
  expect_fetch(s, 0, 5, 0);
  int before = peer_connections(s->peer);
  assert_int_equal(fetch(s), 75);
  assert_non_null(strstr(s->error->message, "no further login"));
  assert_int_equal(peer_connections(s->peer), before);
  g_free(scene_end(s));
}

static void
where_it_is_offered_letters_come_in_utf8(void **state)
{
  struct scene *s = scene_new(-1);
  s->fake->capabilities = "UIDL\r\nTOP\r\nUTF8 USER\r\nSASL PLAIN\r\n";
  five_letters(s);
  fake_fault(s->fake, "UTF8", FAULT_SAY, "-ERR not today\r\n");
  expect_fetch(s, 0, 5, 0);
  g_autofree char *heard = scene_end(s);
  assert_non_null(strstr(heard, "CAPA\r\nUTF8\r\nAUTH PLAIN"));
}

static void
what_another_program_fetched_is_not_fetched_again(void **state)
{
  struct scene *s = scene_new(0);
  g_autofree char *path = g_build_filename(s->dir, "uidls", NULL);
  guint new = 0, known = 0;
  five_letters(s);
  assert_true(g_file_set_contents(path, " 3 127.0.0.1 anna\nu1\nu2\ngone\n 1 x y\nu3\n", -1, NULL));
  assert_true(retrieve_import_state(&s->account, s->store, path, &new, &known, NULL, &s->error));
  assert_int_equal(new, 3);
  assert_true(retrieve_import_state(&s->account, s->store, path, &new, &known, NULL, &s->error));
  assert_int_equal(new, 0);
  assert_int_equal(known, 3);
  expect_fetch(s, 0, 3, 2);
  assert_null(s->result.remark);
  expect_fetch(s, 0, 0, 2);
  assert_int_equal(s->fake->retrieved, 3);
  assert_int_equal(fake_count(s->fake), 2);
  assert_true(g_file_set_contents(path, " 1 x y\nu3\n", -1, NULL));
  assert_false(retrieve_import_state(&s->account, s->store, path, &new, &known, NULL, &s->error));
  assert_int_equal(error_exit_status(s->error), 66);
  assert_non_null(strstr(s->error->message, "letters of y@x, none of anna@127.0.0.1"));
  g_free(scene_end(s));
}

static void
an_account_that_was_renamed_keeps_its_letters(void **state)
{
  struct scene *s = scene_new(-1);
  five_letters(s);
  expect_fetch(s, 0, 5, 0);
  s->account.name = (char *)"house";
  expect_fetch(s, 0, 0, 5);
  assert_non_null(s->result.remark);
  assert_int_equal(letters(s), 5);
  /* UIDs alone make no heir: another drop of the same UIDs is fetched. */
  s->account.name = (char *)"other";
  for (guint i = 0; i < 5; i++) {
    struct fake_letter *letter = g_ptr_array_index(s->fake->letters, i);
    char *subject = strstr(letter->text, "Subject: ");
    subject[9] = 'X';
  }
  expect_fetch(s, 0, 5, 0);
  assert_int_equal(letters(s), 10);
  g_free(scene_end(s));
}

static void
a_held_drop_is_left_alone(void **state)
{
  struct scene *s = scene_new(-1);
  expect_fetch(s, 0, 0, 0);
  char *id = NULL;
  assert_true(store_drop(s->store, "home", "127.0.0.1", "anna", &id, NULL));
  g_autofree char *name = g_strconcat("drop-", id, NULL);
  g_autoptr(store_lock_t) lock = store_lock(s->store, name, 1, NULL, NULL);
  assert_non_null(lock);
  assert_int_equal(fetch(s), 75);
  g_free(id);
  g_free(scene_end(s));
}

static int
clean_up(void **state)
{
  identity_clean_up();
  return 0;
}

int
main(void)
{
  /* Every letter is synced; here nothing survives the test anyway. */
  if (access("/dev/shm", W_OK) == 0)
    g_setenv("TMPDIR", "/dev/shm", FALSE);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(letters_come_once_and_byte_for_byte),
      cmocka_unit_test(letters_are_deleted_once_they_are_here),
      cmocka_unit_test(what_is_deleted_here_is_deleted_there),
      cmocka_unit_test(only_the_newest_stay),
      cmocka_unit_test(a_server_without_pipelining_is_served_step_by_step),
      cmocka_unit_test(many_windows_keep_their_order),
      cmocka_unit_test(a_line_cut_anywhere_loses_and_doubles_nothing),
      cmocka_unit_test(a_kill_anywhere_loses_and_doubles_nothing),
      cmocka_unit_test(a_fault_at_any_call_loses_and_doubles_nothing),
      cmocka_unit_test(a_letter_that_never_comes_whole_costs_itself_alone),
      cmocka_unit_test(letters_whose_rows_were_lost_meet_their_files),
      cmocka_unit_test(a_lost_answer_to_quit_is_made_good),
      cmocka_unit_test(a_server_that_forgets_what_it_deleted_is_told_again),
      cmocka_unit_test(letters_that_the_server_renames_are_recognised),
      cmocka_unit_test(a_server_without_uidl_is_served_by_headers),
      cmocka_unit_test(doubled_uids_lose_nothing),
      cmocka_unit_test(a_large_letter_waits_until_it_is_asked_for),
      cmocka_unit_test(numbers_mean_the_letters_that_were_shown),
      cmocka_unit_test(a_letter_that_was_removed_comes_back_when_asked_for),
      cmocka_unit_test(a_dry_run_touches_nothing),
      cmocka_unit_test(sizes_that_lie_do_not_matter),
      cmocka_unit_test(a_letter_cut_by_its_own_dot_is_neither_kept_nor_deleted),
      cmocka_unit_test(each_lie_gets_its_answer),
      cmocka_unit_test(silence_ends_in_time),
      cmocka_unit_test(floods_are_bounded),
      cmocka_unit_test(a_refused_password_is_asked_for_again),
      cmocka_unit_test(no_password_leaves_without_tls),
      cmocka_unit_test(after_stls_capabilities_are_asked_again),
      cmocka_unit_test(apop_proves_the_password_without_sending_it),
      cmocka_unit_test(a_token_logs_in_by_both_mechanisms),
      cmocka_unit_test(each_code_has_its_meaning),
      cmocka_unit_test(time_between_logins_is_kept),
      cmocka_unit_test(where_it_is_offered_letters_come_in_utf8),
      cmocka_unit_test(what_another_program_fetched_is_not_fetched_again),
      cmocka_unit_test(an_account_that_was_renamed_keeps_its_letters),
      cmocka_unit_test(a_held_drop_is_left_alone),
  };
  return cmocka_run_group_tests(tests, NULL, clean_up);
}

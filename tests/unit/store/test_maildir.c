#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "tests/unit/store/fixture.h"

/* A file system that knows no renaming without replacing (NFS, FUSE), and what happens there
 * between a link and the removal of the old name. */
#define IN_FRONT __attribute__((visibility("default")))
static enum { PLAIN, LINKS, RENAMED_BETWEEN, REMOVED_BETWEEN } links_alone;

IN_FRONT int
renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
  if (links_alone != PLAIN && flags != 0) {
    errno = EINVAL;
    return -1;
  }
  return (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
}

IN_FRONT int
link(const char *from, const char *to)
{
  int result = (int)syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0);
  g_autofree char *other = g_strconcat(from, "T", NULL);
  if (links_alone == RENAMED_BETWEEN)
    assert_int_equal(rename(from, other), 0);
  else if (links_alone == REMOVED_BETWEEN)
    assert_int_equal(unlink(from), 0);
  return result;
}

static void
a_key_is_taken_apart(void **state)
{
  static const struct { const char *key, *folder, *base; } cases[] = {
      {"Inbox/1.a.postino", "Inbox", "1.a.postino"},
      {"Lists/debian/1.a", "Lists/debian", "1.a"},
      {"./1.a", ".", "1.a"},
      {".Sent/1.a", ".Sent", "1.a"},
      {"Inbox", NULL, NULL},
      {"/1.a", NULL, NULL},
      {"Inbox/", NULL, NULL},
      {"Inbox/..", NULL, NULL},
      {"../1.a", NULL, NULL},
      {"Inbox/../x/1.a", NULL, NULL},
      {"/etc/passwd", NULL, NULL},
      {".postino/outbox/x.1", NULL, NULL},
      {"a/b/c/d/e/f/g/h/1.a", "a/b/c/d/e/f/g/h", "1.a"},
      {"a/b/c/d/e/f/g/h/i/1.a", NULL, NULL},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autofree char *folder = NULL, *base = NULL;
    assert_int_equal(key_split(cases[i].key, &folder, &base), cases[i].folder != NULL);
    if (cases[i].folder == NULL)
      continue;
    assert_string_equal(folder, cases[i].folder);
    assert_string_equal(base, cases[i].base);
  }
}

static void
a_name_has_base_and_flags(void **state)
{
  static const struct { const char *name, *base; unsigned flags; } cases[] = {
      {"1.a.host:2,FS", "1.a.host", ROW_FLAGGED | ROW_SEEN},
      {"1.a.host:2,", "1.a.host", 0},
      {"1.a.host", "1.a.host", 0},
      {"1.a,S=5:2,DPRTabS", "1.a,S=5", ROW_DRAFT | ROW_PASSED | ROW_REPLIED | ROW_TRASHED | ROW_SEEN},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    unsigned flags = 99;
    g_autofree char *base = maildir_base(cases[i].name, &flags);
    assert_string_equal(base, cases[i].base);
    assert_int_equal(flags, cases[i].flags);
  }
  g_autofree char *name = maildir_name("1.a", ROW_SEEN | ROW_DRAFT | ROW_REPLIED);
  assert_string_equal(name, "1.a:2,DRS");
}

static void
letters_of_other_programs_stay_behind_the_flags(void **state)
{
  g_autofree char *name = maildir_reflag("1.a:2,Sba", ROW_FLAGGED);
  assert_string_equal(name, "1.a:2,Fab");
  g_autofree char *fresh = maildir_reflag("1.a", ROW_SEEN);
  assert_string_equal(fresh, "1.a:2,S");
}

static void
folder_names_that_leave_hide_or_hold_controls_are_refused(void **state)
{
  static const char *const bad[] = {"", "..", "../x", "/etc", "a//b", "a/", ".hidden", "a/.b",
                                    "a\nb", "a\x1b[m", "\xff", "a/cur", "new", "a\xe2\x80\xae!",
                                    "1/2/3/4/5/6/7/8/9"};
  static const char *const good[] = {".", "Inbox", "Lists/debian", "Pöst 東京", "1/2/3/4/5/6/7/8"};
  struct fixture *fixture = *state;
  for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
    g_autoptr(GError) error = NULL;
    assert_false(store_make_folder(fixture->store, bad[i], &error));
    assert_true(error_is(error, POSTINO_ERROR_INVALID));
  }
  for (size_t i = 0; i < G_N_ELEMENTS(good); i++)
    assert_true(maildir_name_is_valid(good[i], NULL));
}

static void
make(const struct fixture *fixture, const char *folder)
{
  static const char *const subs[] = {"cur", "new", "tmp"};
  for (size_t i = 0; i < 3; i++) {
    g_autofree char *path = g_build_filename(fixture->dir, folder, subs[i], NULL);
    assert_int_equal(g_mkdir_with_parents(path, 0700), 0);
  }
}

static void
assert_folders(const struct fixture *fixture, const char *expected)
{
  g_auto(GStrv) names = maildir_folders(fixture->store, NULL, NULL);
  g_autofree char *joined = g_strjoinv(" ", names);
  assert_string_equal(joined, expected);
}

static void
folders_are_found_as_the_contract_says(void **state)
{
  struct fixture *fixture = *state;
  g_autofree char *loop = g_build_filename(fixture->dir, "Lists", "loop", NULL);
  g_autofree char *again = g_build_filename(fixture->dir, "Again", NULL);
  g_autofree char *outside = g_build_filename(fixture->dir, "Linked", NULL);
  g_autofree char *target = g_build_filename(fixture->dir, ".hidden", "x", NULL);
  make(fixture, "Inbox");
  make(fixture, "Lists/debian");
  make(fixture, "1/2/3/4/5/6/7/8");
  make(fixture, "1/2/3/4/5/6/7/8/9");
  make(fixture, ".hidden/x");
  assert_int_equal(symlink("..", loop), 0);
  assert_int_equal(symlink("Inbox", again), 0);
  assert_int_equal(symlink(target, outside), 0);
  assert_folders(fixture, "1/2/3/4/5/6/7/8 Inbox Linked Lists/debian");
}

static void
a_maildir_plus_plus_has_dot_folders(void **state)
{
  struct fixture *fixture = *state;
  make(fixture, ".");
  make(fixture, ".Sent");
  make(fixture, ".Lists.debian");
  make(fixture, "Plain/.hidden");
  assert_folders(fixture, ". .Lists.debian .Sent");
}

static void
a_letter_is_found_again_after_another_program_renamed_it(void **state)
{
  struct fixture *fixture = *state;
  make(fixture, "Inbox");
  fixture_write(fixture, "Inbox/cur/1.a:2,Sab", "x", 1);
  unsigned flags = 0;
  g_autofree char *gone = g_build_filename(fixture->dir, "Inbox/new/1.a", NULL);
  g_autofree char *path = maildir_find(fixture->store, "Inbox/1.a", gone, &flags, NULL);
  assert_non_null(path);
  assert_true(g_str_has_suffix(path, "/Inbox/cur/1.a:2,Sab"));
  assert_int_equal(flags, ROW_SEEN);
  g_autoptr(GError) error = NULL;
  assert_null(maildir_find(fixture->store, "Inbox/1", NULL, NULL, &error));
  assert_true(error_is(error, POSTINO_ERROR_NOTFOUND));
}

static void
a_hint_of_another_folder_is_not_believed(void **state)
{
  struct fixture *fixture = *state;
  make(fixture, "Inbox");
  make(fixture, "Other");
  fixture_write(fixture, "Other/cur/1.a:2,", "x", 1);
  g_autofree char *hint = g_build_filename(fixture->dir, "Other/cur/1.a:2,", NULL);
  assert_null(maildir_find(fixture->store, "Inbox/1.a", hint, NULL, NULL));
}

static void
nothing_is_ever_replaced(void **state)
{
  struct fixture *fixture = *state;
  fixture_write(fixture, "a", "one", 3);
  fixture_write(fixture, "b", "two", 3);
  g_autofree char *a = g_build_filename(fixture->dir, "a", NULL);
  g_autofree char *b = g_build_filename(fixture->dir, "b", NULL);
  assert_int_equal(maildir_rename(a, b), EEXIST);
  g_autofree char *text = NULL;
  assert_true(g_file_get_contents(b, &text, NULL, NULL));
  assert_string_equal(text, "two");
}

/* As above where only links can be made: no letter is there twice because another program
 * was quicker. */
static void
a_letter_renamed_between_link_and_removal_is_not_doubled(void **state)
{
  struct fixture *fixture = *state;
  static const struct { int what, errnum; guint left; const char *there; } cases[] = {
      {LINKS, 0, 1, "cur/1.a:2,S"},
      {RENAMED_BETWEEN, ENOENT, 1, "cur/1.a:2,T"},
      {REMOVED_BETWEEN, 0, 1, "cur/1.a:2,S"},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autofree char *folder = g_strdup_printf("F%zu", i);
    g_autofree char *made = maildir_make(fixture->store, folder, NULL);
    g_autofree char *name = g_strdup_printf("%s/cur/1.a:2,", folder);
    fixture_write(fixture, name, "one", 3);
    g_autofree char *from = g_build_filename(made, "cur/1.a:2,", NULL);
    g_autofree char *to = g_build_filename(made, "cur/1.a:2,S", NULL);
    g_autofree char *there = g_build_filename(made, cases[i].there, NULL), *text = NULL;
    g_autofree char *cur = g_strdup_printf("%s/cur", folder);
    links_alone = cases[i].what;
    assert_int_equal(maildir_rename(from, to), cases[i].errnum);
    links_alone = PLAIN;
    assert_int_equal(fixture_count(fixture, cur), cases[i].left);
    assert_true(g_file_get_contents(there, &text, NULL, NULL));
    assert_string_equal(text, "one");
  }
}

/* A process number that is nobody's: that of a child that ended. */
static int
dead_pid(void)
{
  pid_t child = fork();
  if (child == 0)
    _exit(0);
  waitpid(child, NULL, 0);
  return (int)child;
}

/* A child that ended and that nobody asked after: it has its number still. */
static pid_t
unburied_pid(void)
{
  siginfo_t ended;
  pid_t child = fork();
  if (child == 0)
    _exit(0);
  waitid(P_PID, (id_t)child, &ended, WEXITED | WNOWAIT);
  return child;
}

static void
a_killed_writer_is_dead_before_its_parent_asks(void **state)
{
  struct fixture *fixture = *state;
  make(fixture, "Inbox");
  g_autofree char *inbox = g_build_filename(fixture->dir, "Inbox", NULL);
  g_autofree char *living = NULL;
  auto_fd fd = maildir_tmp(inbox, &living, NULL);
  assert_true(fd >= 0);
  pid_t pid = unburied_pid();
  g_autofree char *stem = g_strndup(living, (gsize)(strrchr(living, '-') - living));
  g_autofree char *dead = g_strdup_printf("%s-%d", stem, (int)pid);
  assert_true(g_file_set_contents(dead, "half", 4, NULL));
  fixture_reopen(fixture);
  assert_int_equal(access(dead, F_OK), -1);
  assert_int_equal(access(living, F_OK), 0);
  waitpid(pid, NULL, 0);
}

static void
only_our_own_dead_tmp_files_are_swept(void **state)
{
  struct fixture *fixture = *state;
  make(fixture, "Inbox");
  g_autofree char *inbox = g_build_filename(fixture->dir, "Inbox", NULL);
  g_autofree char *living = NULL;
  auto_fd fd = maildir_tmp(inbox, &living, NULL);
  assert_true(fd >= 0);
  g_autofree char *stem = g_strndup(living, (gsize)(strrchr(living, '-') - living));
  g_autofree char *dead = g_strdup_printf("%s-%d", stem, dead_pid());
  assert_true(g_file_set_contents(dead, "half", 4, NULL));
  fixture_write(fixture, "Inbox/tmp/1.M2.otherhost", "half", 4);
  fixture_write(fixture, "Inbox/tmp/1.a.postino-0123456789abcdef-1", "another machine", -1);
  fixture_reopen(fixture);
  assert_int_equal(access(living, F_OK), 0);
  assert_int_equal(access(dead, F_OK), -1);
  assert_int_equal(fixture_count(fixture, "Inbox/tmp"), 3);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_key_is_taken_apart),
      cmocka_unit_test(a_name_has_base_and_flags),
      cmocka_unit_test(letters_of_other_programs_stay_behind_the_flags),
      fixture_test(folder_names_that_leave_hide_or_hold_controls_are_refused),
      fixture_test(folders_are_found_as_the_contract_says),
      fixture_test(a_maildir_plus_plus_has_dot_folders),
      fixture_test(a_letter_is_found_again_after_another_program_renamed_it),
      fixture_test(a_hint_of_another_folder_is_not_believed),
      fixture_test(nothing_is_ever_replaced),
      fixture_test(a_letter_renamed_between_link_and_removal_is_not_doubled),
      fixture_test(a_killed_writer_is_dead_before_its_parent_asks),
      fixture_test(only_our_own_dead_tmp_files_are_swept),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

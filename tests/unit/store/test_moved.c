/* Folders that others rename, move, replace, remove and make again, under an open store and
 * a closed one: what was said of letters goes with them, nothing is lost or there twice, and
 * folders that nobody touched are not read again. */
#include <fcntl.h>
#include <sys/stat.h>

#include "tests/unit/store/live.h"

#define DO(call) do { bool done = (call); live_check(done, error); } while (0)

/* What a folder holds. */
static void
fill(struct fixture *f, const char *folder)
{
  static const char *const names[] = {"1.a:2,S", "2.b:2,", "3.c:2,R"};
  for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
    g_autofree char *name = g_strdup_printf("%s/cur/%s", folder, names[i]);
    g_autofree char *subject = g_strdup_printf("s%zu", i);
    live_put(f, name, subject, "boat");
  }
}

static char **
key_of(const char *folder, const char *base)
{
  char **keys = g_new0(char *, 2);
  keys[0] = g_strdup_printf("%s/%s", folder, base);
  return keys;
}
typedef const char *const *names_t;

/* Tags, a thread by hand and its mark, and a change of flags that can be taken back. */
static void
say_all(struct fixture *f, const char *folder)
{
  g_auto(GStrv) a = key_of(folder, "1.a"), b = key_of(folder, "2.b"), c = key_of(folder, "3.c");
  GError *error = NULL;
  DO(store_tag(f->store, (names_t)b, "+todo +late", &error));
  DO(store_thread_join(f->store, (names_t)c, a[0], &error));
  DO(store_thread_mark(f->store, (names_t)b, THREAD_WATCHED, &error));
  DO(store_flag(f->store, (names_t)a, ROW_FLAGGED, 0, &error));
}

static void
assert_all(struct fixture *f, const char *folder)
{
  struct rows_query asked = {.folder = folder, .order = ROWS_THREAD, .limit = 100};
  g_autoptr(GPtrArray) rows = mirror_rows(f, &asked);
  guint seen = 0;
  if (rows->len != 3)
    fail_msg("%u letters in %s", rows->len, folder);
  for (guint i = 0; i < rows->len; i++) {
    const struct row *row = rows->pdata[i];
    assert_int_equal(access(row->path, F_OK), 0);
    if (g_str_has_suffix(row->key, "/1.a")) {
      assert_int_equal(row->flags & (ROW_SEEN | ROW_FLAGGED), ROW_SEEN | ROW_FLAGGED);
    } else if (g_str_has_suffix(row->key, "/2.b")) {
      assert_string_equal(row->tags, "late todo");
      assert_int_equal(row->thread_mark, THREAD_WATCHED);
    } else {
      assert_int_equal(row->flags & (ROW_SEEN | ROW_REPLIED), ROW_REPLIED);
      assert_int_equal(row->depth, 1);
    }
    seen++;
  }
  assert_int_equal(seen, 3);
}

static void
assert_no_folder(struct fixture *f, const char *folder)
{
  struct rows_query asked = {.folder = folder, .limit = 100};
  g_autoptr(GError) error = NULL;
  assert_null(store_rows(f->store, &asked, NULL, &error));
  assert_true(error_is(error, POSTINO_ERROR_NOTFOUND));
}

static void
set_aside(const struct fixture *f, const char *name, int64_t seconds)
{
  g_autofree char *path = live_path(f, name);
  struct timespec times[2] = {{.tv_sec = seconds}, {.tv_sec = seconds}};
  assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

/* A letter that only a reading of all names would find: its coming does not show. */
static void
hide_one(struct fixture *f)
{
  live_put(f, "Quiet/cur/1.q:2,", "quiet", "boat");
  set_aside(f, "Quiet/cur", 1600000000);
  set_aside(f, "Quiet/new", 1600000000);
  live_refresh(f);
  live_put(f, "Quiet/cur/2.q:2,", "hidden", "boat");
  set_aside(f, "Quiet/cur", 1600000000);
}

static void
look(struct fixture *f, bool closed)
{
  if (closed)
    live_reopen(f);
  live_refresh(f);
  live_assert(f, "Quiet", NULL, "Quiet/1.q");
}

static void
shut(struct fixture *f, bool closed)
{
  if (closed)
    store_close(g_steal_pointer(&f->store));
}

/* A letter that is read again has another number. */
static int64_t
sum_of_ids(struct fixture *f)
{
  g_autoptr(conn_t) conn = conn_read(f->store, NULL, NULL);
  int64_t sum = 0;
  assert_true(conn_number(conn, &sum, 0, NULL, "SELECT sum(id) FROM letter", ""));
  return sum;
}

static const struct { const char *name, *from, *to, *made, *renamed; } renames[] = {
    /* The folder; what is renamed into what; the folder then. */
    {"Archive", "Archive", "Old", NULL, "Old"},
    {".A.B", ".A.B", ".A.C", NULL, ".A.C"},
    {"Lists/x", "Lists", "Groups", NULL, "Groups/x"},
    {"Lists/x/y", "Lists/x", "Lists/z", NULL, "Lists/z/y"},
    {"Archive", "Archive", "Box/Archive", "Box", "Box/Archive"},
    {"Archive", "Archive", ".Archive", NULL, ".Archive"},
};

/* The last change is taken back where the letter lies now. */
static void
undo_flags(struct fixture *f, const char *folder)
{
  g_autofree char *what = NULL, *wanted = g_strdup_printf("%s/1.a", folder);
  GError *error = NULL;
  live_assert(f, folder, "is:flagged", wanted);
  DO(store_undo(f->store, &what, &error));
  assert_string_equal(what, "flags of 1 letter as before");
  live_assert(f, folder, "is:flagged", "");
  live_refresh(f);
  live_assert(f, folder, "is:flagged", "");
}

static void
a_renamed_folder_keeps_all(void **state)
{
  for (size_t i = 0; i < 2 * G_N_ELEMENTS(renames); i++) {
    void *own = NULL;
    live_open(&own);
    struct fixture *f = own;
    bool closed = i % 2;
    size_t n = i / 2;
    live_folder(f, ".");
    fill(f, renames[n].name);
    hide_one(f);
    live_refresh(f);
    say_all(f, renames[n].name);
    int64_t ids = sum_of_ids(f);
    shut(f, closed);
    if (renames[n].made != NULL) {
      g_autofree char *made = live_path(f, renames[n].made);
      assert_int_equal(mkdir(made, 0700), 0);
    }
    live_rename(f, renames[n].from, renames[n].to);
    look(f, closed);
    assert_all(f, renames[n].renamed);
    assert_int_equal(sum_of_ids(f), ids);
    assert_no_folder(f, renames[n].name);
    undo_flags(f, renames[n].renamed);
    fixture_close(&own);
  }
}

static struct fixture *
begin(void **own, const char *folder)
{
  *own = NULL;
  live_open(own);
  struct fixture *f = *own;
  fill(f, folder);
  hide_one(f);
  live_refresh(f);
  say_all(f, folder);
  live_refresh(f);
  return f;
}

static void
a_folder_replaced_by_a_link_to_it_is_the_same(void **state)
{
  for (int closed = 0; closed < 2; closed++) {
    void *own;
    struct fixture *f = begin(&own, "Archive");
    g_autofree char *away = g_strconcat(f->dir, ".away", NULL), *link = live_path(f, "Archive");
    shut(f, closed);
    assert_int_equal(rename(link, away), 0);
    assert_int_equal(symlink(away, link), 0);
    look(f, closed);
    assert_all(f, "Archive");
    undo_flags(f, "Archive");
    assert_int_equal(unlink(link), 0);
    look(f, false);
    assert_no_folder(f, "Archive");
    assert_int_equal(rename(away, link), 0);
    look(f, false);
    g_auto(GStrv) a = key_of("Archive", "1.a");
    GError *error = NULL;
    DO(store_flag(f->store, (names_t)a, ROW_FLAGGED, 0, &error));
    assert_all(f, "Archive");
    fixture_close(&own);
  }
}

/* An unmounted disk, a backup that comes back: what was said is in the state. */
static void
a_folder_that_goes_and_comes_back_has_all(void **state)
{
  for (int closed = 0; closed < 2; closed++) {
    void *own;
    struct fixture *f = begin(&own, "Archive");
    g_autofree char *away = g_strconcat(f->dir, ".away", NULL), *place = live_path(f, "Archive");
    shut(f, closed);
    assert_int_equal(rename(place, away), 0);
    fixture_write(f, "Archive", "a file", -1);
    look(f, closed);
    assert_no_folder(f, "Archive");
    shut(f, closed);
    assert_int_equal(unlink(place), 0);
    assert_int_equal(rename(away, place), 0);
    look(f, closed);
    assert_all(f, "Archive");
    undo_flags(f, "Archive");
    fixture_close(&own);
  }
}

static void
folders_that_change_names_with_each_other_do_so(void **state)
{
  for (int closed = 0; closed < 2; closed++) {
    void *own;
    struct fixture *f = begin(&own, "Archive");
    live_put(f, "Other/cur/9.o:2,", "other", "boat");
    live_refresh(f);
    shut(f, closed);
    live_rename(f, "Archive", "Third");
    live_rename(f, "Other", "Archive");
    live_rename(f, "Third", "Other");
    look(f, closed);
    live_assert(f, "Archive", NULL, "Archive/9.o");
    assert_all(f, "Other");
    undo_flags(f, "Other");
    fixture_close(&own);
  }
}

static void
a_folder_made_anew_under_an_old_name_is_another(void **state)
{
  for (int closed = 0; closed < 2; closed++) {
    void *own;
    struct fixture *f = begin(&own, "Archive");
    shut(f, closed);
    live_rename(f, "Archive", "Old");
    live_put(f, "Archive/cur/4.d:2,", "another", "kettle");
    look(f, closed);
    assert_all(f, "Old");
    live_assert(f, "Archive", NULL, "Archive/4.d");
    undo_flags(f, "Old");
    fixture_close(&own);
  }
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_renamed_folder_keeps_all),
      cmocka_unit_test(a_folder_replaced_by_a_link_to_it_is_the_same),
      cmocka_unit_test(a_folder_that_goes_and_comes_back_has_all),
      cmocka_unit_test(folders_that_change_names_with_each_other_do_so),
      cmocka_unit_test(a_folder_made_anew_under_an_old_name_is_another),
  };
  if (access("/dev/shm", W_OK) == 0)
    g_setenv("TMPDIR", "/dev/shm", TRUE);
  return cmocka_run_group_tests(tests, live_start, live_stop);
}

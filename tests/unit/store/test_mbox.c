#include "store/mbox.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "tests/unit/store/fixture.h"

#define FROM "From anna@x Tue Jan  2 10:00:00 2024\n"

static void
only_a_from_line_with_a_date_begins_a_letter(void **state)
{
  static const struct { const char *line; int64_t date; } cases[] = {
      {"From anna@x Tue Jan  2 10:00:00 2024", 1704189600},
      {"From anna@x Tue Jan  2 10:00:00 2024\r\n", 1704189600},
      {"From anna@x Tue Jan  2 10:00 2024\n", 1704189600},
      {"From - Tue Jan 02 10:00:00 2024\n", 1704189600},
      {"From anna rossi@x Tue Jan 2 10:00:00 CET 2024\n", 1704189600},
      {"From 17@xxx Tue Jan 02 10:00:00 +0000 2024\n", 1704189600},
      {"From anna@x Tue, 2 Jan 2024 10:00:00 +0000\n", 1704189600},
      {"From anna@x Tue Jan  2 10:00:00 2024 remote from y\n", 1704189600},
      {"From Tue Jan  2 10:00:00 2024\n", 1704189600},
      {"From here it goes on\n", 0},
      {"From Monday on, January 3 is free\n", 0},
      {"From anna@x Tue Jan 32 10:00:00 2024\n", 0},
      {"From anna@x Tue Feb 31 10:00:00 2024\n", 0},
      {"From anna@x Tue Jan  2 25:00:00 2024\n", 0},
      {"From anna@x Tue Jan  2 10:00:00\n", 0},
      {"from anna@x Tue Jan  2 10:00:00 2024\n", 0},
      {"From: anna@x\n", 0},
      {"From ", 0},
      {"", 0},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    int64_t date = 0;
    size_t length = strlen(cases[i].line);
    g_autofree char *exact = exact_copy(cases[i].line, length);
    assert_int_equal(mbox_is_separator(exact, length, &date), cases[i].date != 0);
    assert_int_equal(date, cases[i].date);
  }
}

static bool
import(const struct fixture *fixture, const char *text, gssize length, guint64 *imported,
       guint64 *known, GError **error)
{
  fixture_write(fixture, "in.mbox", text, length);
  g_autofree char *path = g_build_filename(fixture->dir, "in.mbox", NULL);
  return store_import(fixture->store, path, "In", imported, known, NULL, NULL, NULL, error);
}

struct letters {
  GPtrArray *texts;
  GPtrArray *flags;
};

static bool
read_letter(const char *path, const char *name, void *data)
{
  struct letters *letters = data;
  char *text = NULL;
  unsigned flags;
  g_free(maildir_base(name, &flags));
  assert_true(g_file_get_contents(path, &text, NULL, NULL));
  g_ptr_array_add(letters->texts, text);
  g_ptr_array_add(letters->flags, GUINT_TO_POINTER(flags));
  return true;
}

static gint
compare_texts(gconstpointer a, gconstpointer b)
{
  return strcmp(*(char *const *)a, *(char *const *)b);
}

static GPtrArray *
letters_in(const struct fixture *fixture, const char *folder)
{
  GPtrArray *texts = g_ptr_array_new_with_free_func(g_free);
  g_autoptr(GPtrArray) flags = g_ptr_array_new();
  struct letters letters = {texts, flags};
  assert_true(maildir_each(fixture->store, folder, read_letter, &letters, NULL));
  g_ptr_array_sort(texts, compare_texts);
  return texts;
}

static void
the_dialects_are_read_alike(void **state)
{
  static const struct { const char *name, *mbox, *letters[4]; } cases[] = {
      {"plain", FROM "A: 1\n\nx\n\n" FROM "B: 2\n\ny\n\n", {"A: 1\n\nx\n", "B: 2\n\ny\n"}},
      {"CRLF", "From a Tue Jan  2 10:00:00 2024\r\nA: 1\r\n\r\nx\r\n\r\nFrom b Tue Jan  2 10:00:00 2024\r\nB: 2\r\n\r\ny\r\n",
       {"A: 1\n\nx\n", "B: 2\n\ny\n"}},
      {"quoted", FROM "A: 1\n\n>From me\n>>From you\n>from\n> From\n\n",
       {"A: 1\n\nFrom me\n>From you\n>from\n> From\n"}},
      {"text that begins with From", FROM "A: 1\n\nx\n\nFrom here it goes on\n\nFrom x\n\n",
       {"A: 1\n\nx\n\nFrom here it goes on\n\nFrom x\n"}},
      {"no blank line before", FROM "A: 1\n\nx\n" FROM "z\n\n", {"A: 1\n\nx\n" FROM "z\n"}},
      {"no body", FROM "A: 1\n\n" FROM "B: 2\n\n\n" FROM "C: 3\n\n", {"A: 1\n\n", "B: 2\n\n", "C: 3\n\n"}},
      {"blank lines stay", FROM "A: 1\n\n\n\nx\n\n\n\n" FROM "B: 2\n\ny",
       {"A: 1\n\n\n\nx\n\n\n", "B: 2\n\ny"}},
      {"leading blank lines", "\n\n" FROM "A: 1\n\nx\n\n", {"A: 1\n\nx\n"}},
      {"length that does not fit", FROM "A: 1\nContent-Length: 3\n\nx\nyy\n\n" FROM "B: 2\n\ny\n\n",
       {"A: 1\nContent-Length: 3\n\nx\nyy\n", "B: 2\n\ny\n"}},
      {"absurd length", FROM "A: 1\nContent-Length: 99999999999999999999\n\nx\n\n" FROM "B: 2\n\ny\n\n",
       {"A: 1\nContent-Length: 99999999999999999999\n\nx\n", "B: 2\n\ny\n"}},
      {"mboxcl, quoted", FROM "A: 1\nContent-Length: 11\n\nx\n>From me\n\n" FROM "B: 2\n\ny\n\n",
       {"A: 1\nContent-Length: 11\n\nx\nFrom me\n", "B: 2\n\ny\n"}},
      {"mboxo", FROM "A: 1\n\n>From me\n\n" FROM "B: 2\n\n>>From you\n\n",
       {"A: 1\n\nFrom me\n", "B: 2\n\n>From you\n"}},
      {"mboxcl2", FROM "A: 1\nContent-Length: 42\n\nx\n\n" FROM "y\n\n" FROM "B: 2\nContent-Length: 2\n\ny\n\n",
       {"A: 1\nContent-Length: 42\n\nx\n\n" FROM "y\n", "B: 2\nContent-Length: 2\n\ny\n"}},
      {"empty file", "", {NULL}},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    guint64 imported = 99, known = 99;
    g_autoptr(GError) error = NULL;
    void *own = NULL;
    fixture_open(&own);
    struct fixture *fixture = own;
    if (!import(fixture, cases[i].mbox, -1, &imported, &known, &error))
      fail_msg("%s: %s", cases[i].name, error->message);
    g_autoptr(GPtrArray) texts = letters_in(fixture, "In");
    guint n = 0;
    for (; cases[i].letters[n] != NULL; n++) {
      if (n >= texts->len || strcmp(texts->pdata[n], cases[i].letters[n]) != 0)
        fail_msg("%s: letter %u of %u is “%s”", cases[i].name, n, texts->len,
                 n < texts->len ? (char *)texts->pdata[n] : "missing");
    }
    assert_int_equal(texts->len, n);
    assert_int_equal(imported, n);
    assert_int_equal(known, 0);
    /* Once more brings nothing, of what dialect it may be. */
    assert_true(import(fixture, cases[i].mbox, -1, &imported, &known, NULL));
    assert_int_equal(imported, 0);
    assert_int_equal(known, n);
    fixture_close(&own);
  }
}

static void
a_length_that_fits_is_honoured_over_from_lines(void **state)
{
  struct fixture *fixture = *state;
  static const char body[] = "x\n\n" FROM "not: new\n\n>From me\n";
  g_autofree char *text = g_strdup_printf(FROM "A: 1\nContent-Length: %zu\n\n%s\n" FROM "B: 2\n\ny\n\n",
                                          strlen(body), body);
  g_autofree char *first = g_strdup_printf("A: 1\nContent-Length: %zu\n\n%s", strlen(body), body);
  guint64 imported = 0;
  assert_true(import(fixture, text, -1, &imported, NULL, NULL));
  assert_int_equal(imported, 2);
  g_autoptr(GPtrArray) texts = letters_in(fixture, "In");
  assert_string_equal(texts->pdata[0], first);
  assert_string_equal(texts->pdata[1], "B: 2\n\ny\n");
}

static void
what_is_no_mbox_is_refused(void **state)
{
  struct fixture *fixture = *state;
  static const char *const bad[] = {"Subject: x\n\nhi\n", "\x7f!ELF", "From x\n\n"};
  for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
    g_autoptr(GError) error = NULL;
    assert_false(import(fixture, bad[i], -1, NULL, NULL, &error));
    assert_true(error_is(error, POSTINO_ERROR_INVALID));
    assert_int_equal(fixture_count(fixture, "In/tmp") + fixture_count(fixture, "In/new"), 0);
  }
  g_autoptr(GError) error = NULL;
  assert_false(store_import(fixture->store, "/nonexistent", "In", NULL, NULL, NULL, NULL, NULL, &error));
  assert_true(error_is(error, POSTINO_ERROR_NOTFOUND));
  g_clear_error(&error);
  assert_false(store_import(fixture->store, "/", "In", NULL, NULL, NULL, NULL, NULL, &error));
  assert_true(error_is(error, POSTINO_ERROR_INVALID));
}

static void
status_lines_become_flags_and_the_date_becomes_the_arrival(void **state)
{
  struct fixture *fixture = *state;
  assert_true(import(fixture, FROM "Status: RO\nX-Status: AF\nA: 1\n\nStatus: x\n\n", -1, NULL, NULL, NULL));
  g_autofree char *cur = g_build_filename(fixture->dir, "In/cur", NULL);
  g_autoptr(GDir) dir = g_dir_open(cur, 0, NULL);
  const char *name = g_dir_read_name(dir);
  assert_non_null(name);
  assert_true(g_str_has_suffix(name, ":2,FRS"));
  assert_true(g_str_has_prefix(name, "1704189600."));
  g_autofree char *path = g_build_filename(cur, name, NULL);
  struct stat st;
  assert_int_equal(stat(path, &st), 0);
  assert_int_equal(st.st_mtime, 1704189600);
}

static void
what_is_here_already_is_not_imported_twice(void **state)
{
  struct fixture *fixture = *state;
  guint64 imported, known;
  g_free(fixture_deliver(fixture, "In", "A: 1\n\nx\n", ROW_SEEN));
  g_free(fixture_deliver(fixture, "Elsewhere", "A: 1\n\nother\n", ROW_SEEN));
  static const char text[] = FROM "Status: O\nA: 1\n\nx\n\n" FROM "A: 1\n\nother\n\n" FROM "A: 1\n\nother\n\n";
  assert_true(import(fixture, text, -1, &imported, &known, NULL));
  assert_int_equal(imported, 1);
  assert_int_equal(known, 2);
  assert_true(import(fixture, text, -1, &imported, &known, NULL));
  assert_int_equal(imported, 0);
  assert_int_equal(known, 3);
}

static void
lines_without_end_and_zero_bytes_pass(void **state)
{
  struct fixture *fixture = *state;
  GString *text = g_string_new(FROM "A: 1\n\n");
  for (int i = 0; i < 200000; i++)
    g_string_append_c(text, "a>\0\r"[i % 4]);
  g_string_append(text, "\n\n" FROM "B: 2\n\ny\n\n");
  guint64 imported = 0;
  assert_true(import(fixture, text->str, (gssize)text->len, &imported, NULL, NULL));
  g_string_free(text, TRUE);
  assert_int_equal(imported, 2);
  g_autofree char *newest = g_build_filename(fixture->dir, "In/new", NULL);
  g_autoptr(GDir) dir = g_dir_open(newest, 0, NULL);
  off_t sizes = 0;
  for (const char *name; (name = g_dir_read_name(dir)) != NULL;) {
    g_autofree char *path = g_build_filename(newest, name, NULL);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    sizes += st.st_size;
  }
  /* Its mbox has LF: a CR before one is its own. */
  assert_int_equal(sizes, 6 + 200000 + 1 + 8);
}

static void
an_export_comes_back_byte_for_byte(void **state)
{
  struct fixture *fixture = *state;
  static const char *const texts[] = {
      "A: 1\n\nFrom me\n>From you\n\n" FROM "x\n", "B: 2\n\n", "C: 3\n\nx\n\n\n",
      "D: 4\n\nlone\rcr\n", "From bad@mda Tue Jan  2 10:00:00 2024\nE: 5\n\nx\n",
      "F: 6\n", "G: 7\r\n", "H: 8\r\n\r\n", "I: 9"};
  for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
    g_free(fixture_deliver(fixture, "Out", texts[i], i % 2 ? ROW_SEEN : 0));
  g_autofree char *path = g_build_filename(fixture->dir, "out.mbox", NULL);
  guint64 exported = 0, imported = 0, known = 0;
  assert_true(store_export(fixture->store, "Out", path, &exported, NULL, NULL));
  assert_int_equal(exported, G_N_ELEMENTS(texts));
  assert_true(store_import(fixture->store, path, "Out", &imported, &known, NULL, NULL, NULL, NULL));
  assert_int_equal(imported, 0);
  assert_int_equal(known, G_N_ELEMENTS(texts));
  void *own = NULL;
  fixture_open(&own);
  struct fixture *other = own;
  assert_true(store_import(other->store, path, "In", &imported, &known, NULL, NULL, NULL, NULL));
  assert_int_equal(imported, G_N_ELEMENTS(texts));
  g_autoptr(GPtrArray) before = letters_in(fixture, "Out");
  g_autoptr(GPtrArray) after = letters_in(other, "In");
  for (guint i = 0; i < before->len; i++)
    assert_string_equal(after->pdata[i], before->pdata[i]);
  fixture_close(&own);
}

/* Pieces of which letters are put together that an mbox could take for something else. */
static char *
nasty_letter(GRand *rand, guint number)
{
  static const char *const lines[] = {
      "From me", ">From you", ">>From them", FROM, (">" FROM), "x", "", "", " From x", "lone\rcr",
      "From MAILER-DAEMON Tue Jan  2 10:00:00 2024", "Content-Length: 5", "\r", ">", "Status: RO",
      "From -", "tab\t ", "\xff\xfe"};
  bool crlf = g_rand_int_range(rand, 0, 3) == 0;
  const char *end = crlf ? "\r\n" : "\n";
  g_autoptr(GString) body = g_string_new(NULL);
  guint n = (guint)g_rand_int_range(rand, 0, 9);
  for (guint i = 0; i < n; i++) {
    const char *line = lines[g_rand_int_range(rand, 0, (gint32)G_N_ELEMENTS(lines))];
    g_string_append_len(body, line, (gssize)strcspn(line, "\n"));
    if (i + 1 < n || g_rand_int_range(rand, 0, 4) != 0)
      g_string_append(body, end);
  }
  g_autoptr(GString) text = g_string_new(NULL);
  g_string_append_printf(text, "Subject: %u%s", number, end);
  if (g_rand_int_range(rand, 0, 3) == 0)
    g_string_append_printf(text, "Content-Length: %d%s",
                           (int)body->len + g_rand_int_range(rand, -2, 3), end);
  g_string_append_printf(text, "%s%s", end, body->str);
  return g_strdup(text->str);
}

static void
whatever_a_letter_holds_it_comes_back(void **state)
{
  struct fixture *fixture = *state;
  g_autoptr(GRand) rand = g_rand_new_with_seed(5);
  guint64 exported = 0, imported = 0, known = 0;
  for (guint i = 0; i < 400; i++) {
    g_autofree char *text = nasty_letter(rand, i);
    g_autofree char *name = g_strdup_printf("Out/cur/%u.x:2,S", 1000 + i);
    fixture_write(fixture, name, text, -1);
  }
  assert_true(store_make_folder(fixture->store, "Out", NULL));
  g_autofree char *path = g_build_filename(fixture->dir, "out.mbox", NULL);
  assert_true(store_export(fixture->store, "Out", path, &exported, NULL, NULL));
  assert_int_equal(exported, 400);
  assert_true(store_import(fixture->store, path, "In", &imported, &known, NULL, NULL, NULL, NULL));
  g_autoptr(GPtrArray) before = letters_in(fixture, "Out"), after = letters_in(fixture, "In");
  for (guint i = 0; i < before->len && i < after->len; i++)
    assert_string_equal(after->pdata[i], before->pdata[i]);
  assert_int_equal(imported, 400);
  assert_true(store_import(fixture->store, path, "Out", &imported, &known, NULL, NULL, NULL, NULL));
  assert_int_equal(known, 400);
}

static void
the_same_letter_with_other_line_ends_is_known(void **state)
{
  struct fixture *fixture = *state;
  guint64 imported, known;
  assert_true(store_make_folder(fixture->store, "In", NULL));
  fixture_write(fixture, "In/cur/1.x:2,S", "A: 1\r\n\r\nx\r\ny\r\n", -1);
  fixture_write(fixture, "In/cur/2.x:2,S", "B: 1\n\nno end", -1);
  static const char text[] = FROM "A: 1\n\nx\ny\n\n" FROM "B: 1\n\nno end\n\n" FROM "C: 1\n\nx\ry\n\n";
  assert_true(import(fixture, text, -1, &imported, &known, NULL));
  assert_int_equal(imported, 1);
  assert_int_equal(known, 2);
}

static void
stop_soon(const struct store_progress *progress, void *data)
{
  assert_true(progress->done <= progress->total);
  if (progress->done > progress->total / 3)
    g_cancellable_cancel(data);
}

static void
a_stopped_import_keeps_what_came_and_is_taken_up(void **state)
{
  struct fixture *fixture = *state;
  g_autoptr(GString) text = g_string_new(NULL);
  g_autofree char *filler = g_strnfill(30000, 'x');
  for (int i = 0; i < 200; i++)
    g_string_append_printf(text, FROM "A: %d\n\n%s\n\n", i, filler);
  fixture_write(fixture, "big.mbox", text->str, (gssize)text->len);
  g_autofree char *path = g_build_filename(fixture->dir, "big.mbox", NULL);
  g_autoptr(GCancellable) cancel = g_cancellable_new();
  g_autoptr(GError) error = NULL;
  guint64 imported = 0, known = 0;
  assert_false(store_import(fixture->store, path, "In", &imported, &known, stop_soon, cancel, cancel,
                            &error));
  assert_true(error_is(error, POSTINO_ERROR_CANCELLED));
  guint kept = fixture_count(fixture, "In/new");
  assert_true(kept > 0 && kept < 200);
  g_autofree char *said = g_strdup_printf("stopped: %u letters were imported into In and stay", kept);
  assert_non_null(strstr(error->message, said));
  assert_int_equal(fixture_count(fixture, "In/tmp"), 0);
  assert_true(store_import(fixture->store, path, "In", &imported, &known, NULL, NULL, NULL, NULL));
  assert_int_equal(known, kept);
  assert_int_equal(imported, 200 - kept);
  assert_int_equal(fixture_count(fixture, "In/new"), 200);
}

static void
note_total(const struct store_progress *progress, void *total)
{
  *(guint *)total = (guint)progress->total;
}

static void
an_export_never_goes_over_a_file_and_leaves_nothing_partial(void **state)
{
  struct fixture *fixture = *state;
  g_free(fixture_deliver(fixture, "Out", "A: 1\n\nx\n", 0));
  g_autofree char *there = g_build_filename(fixture->dir, "there", NULL);
  g_autofree char *fresh = g_build_filename(fixture->dir, "ex", "fresh", NULL);
  fixture_write(fixture, "there", "mine", 4);
  fixture_write(fixture, "ex/other", "", 0);
  g_autoptr(GError) error = NULL;
  assert_false(store_export(fixture->store, "Out", there, NULL, NULL, &error));
  assert_true(error_is(error, POSTINO_ERROR_CREATE));
  g_clear_error(&error);
  g_autoptr(GCancellable) cancel = g_cancellable_new();
  guint told = 0;
  struct store_bulk bulk = {.progress = note_total, .data = &told, .cancel = cancel};
  g_cancellable_cancel(cancel);
  assert_false(store_export(fixture->store, "Out", fresh, NULL, &bulk, &error));
  assert_true(error_is(error, POSTINO_ERROR_CANCELLED));
  assert_int_equal(told, 1);
  g_clear_error(&error);
  struct rlimit before;
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
  struct rlimit small = {.rlim_cur = 20, .rlim_max = before.rlim_max};
  signal(SIGXFSZ, SIG_IGN);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
  bool written = store_export(fixture->store, "Out", fresh, NULL, NULL, &error);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
  assert_false(written);
  assert_true(error_is(error, POSTINO_ERROR_LOCAL));
  assert_int_equal(fixture_count(fixture, "ex"), 1);
  g_clear_error(&error);
  assert_false(store_export(fixture->store, "None", fresh, NULL, NULL, &error));
  assert_true(error_is(error, POSTINO_ERROR_NOTFOUND));
}

static void
a_maildir_is_imported_with_its_flags(void **state)
{
  struct fixture *fixture = *state;
  void *own = NULL;
  fixture_open(&own);
  struct fixture *other = own;
  g_free(fixture_deliver(other, "Out", "A: 1\n\nx\n", ROW_SEEN | ROW_FLAGGED));
  g_free(fixture_deliver(other, "Out", "B: 2\n\ny\n", 0));
  g_autofree char *path = g_build_filename(other->dir, "Out", NULL);
  guint64 imported = 0, known = 0;
  assert_true(store_import(fixture->store, path, "In", &imported, &known, NULL, NULL, NULL, NULL));
  assert_int_equal(imported, 2);
  assert_int_equal(fixture_count(fixture, "In/new"), 1);
  assert_int_equal(fixture_count(fixture, "In/cur"), 1);
  fixture_close(&own);
}

/* Byte for byte, and since when it is there: what an mbox cannot say, a Maildir does. */
static void
a_letter_of_a_maildir_comes_as_it_is(void **state)
{
  static const char *const texts[] = {"A: 1\r\n\r\nx\r\n", "B: 1\n\nmixed\r\nx", "C: 1\n\n\r\n\r",
                                      "D: 1\n\n", "E: 1"};
  struct fixture *f = *state;
  void *own = NULL;
  fixture_open(&own);
  struct fixture *other = own;
  assert_true(store_make_folder(other->store, "Out", NULL));
  for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
    g_autofree char *name = g_strdup_printf("Out/cur/160000000%zu.M1.host:2,S", i);
    fixture_write(other, name, texts[i], -1);
  }
  g_autofree char *out = g_build_filename(other->dir, "Out", NULL);
  assert_true(store_import(f->store, out, "In", NULL, NULL, NULL, NULL, NULL, NULL));
  g_autofree char *cur = g_build_filename(f->dir, "In/cur", NULL);
  g_autoptr(GDir) open = g_dir_open(cur, 0, NULL);
  guint found = 0;
  for (const char *name; (name = g_dir_read_name(open)) != NULL; found++) {
    g_autofree char *file = g_build_filename(cur, name, NULL), *text = NULL;
    struct stat info;
    assert_true(g_file_get_contents(file, &text, NULL, NULL));
    assert_string_equal(text, texts[*text - 'A']);
    assert_int_equal(stat(file, &info), 0);
    assert_int_equal(info.st_mtime, 1600000000 + *text - 'A');
  }
  assert_int_equal(found, G_N_ELEMENTS(texts));
  fixture_close(&own);
}

/* ---- what lies below a path ---- */

static void
assert_sources(const struct fixture *f, const char *sub, const char *to, const char *wanted)
{
  g_autofree char *path = g_build_filename(f->dir, sub, NULL);
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) sources = store_import_sources(path, to, "Inbox", &error);
  g_autoptr(GString) found = g_string_new(NULL);
  for (guint i = 0; sources != NULL && i < sources->len; i++) {
    const struct import_source *source = sources->pdata[i];
    g_string_append_printf(found, "%s>%s ", source->path + strlen(path), source->folder);
  }
  if (sources == NULL)
    g_string_append(found, error_is(error, POSTINO_ERROR_INVALID) ? "none" : "?");
  assert_string_equal(found->str, wanted);
}

static void
make_maildir(const struct fixture *f, const char *name)
{
  static const char *const subs[] = {"cur", "new", "tmp"};
  for (size_t i = 0; i < G_N_ELEMENTS(subs); i++) {
    g_autofree char *path = g_build_filename(f->dir, name, subs[i], NULL);
    assert_int_equal(g_mkdir_with_parents(path, 0700), 0);
  }
}

static void
the_folders_of_other_programs_are_found(void **state)
{
  struct fixture *f = *state;
  g_autofree char *below = g_build_filename(f->dir, "tb/Old.sbd/Deep.sbd", NULL);
  g_autofree char *hidden = g_build_filename(f->dir, "nested/.notmuch", NULL);
  g_autofree char *loop = g_build_filename(f->dir, "nested/Work/again", NULL);
  make_maildir(f, "plus");
  make_maildir(f, "plus/.Sent");
  make_maildir(f, "plus/.Work.2024");
  make_maildir(f, "plus/.postino");
  make_maildir(f, "nested/INBOX");
  make_maildir(f, "nested/Work/2024");
  assert_int_equal(g_mkdir_with_parents(below, 0700), 0);
  assert_int_equal(g_mkdir_with_parents(hidden, 0700), 0);
  assert_int_equal(symlink("..", loop), 0);
  fixture_write(f, "nested/.notmuch/xapian", FROM, -1);
  fixture_write(f, "tb/Inbox", FROM "\nA: 1\n", -1);
  fixture_write(f, "tb/Inbox.msf", "// <!-- <mdb:mork -->\n", -1);
  fixture_write(f, "tb/Old", FROM, -1);
  fixture_write(f, "tb/Old.sbd/Deep", FROM, -1);
  fixture_write(f, "tb/Old.sbd/Deep.sbd/Deeper", FROM, -1);
  fixture_write(f, "tb/empty", "", 0);
  fixture_write(f, "tb/.hidden", FROM, -1);
  assert_sources(f, "plus", NULL, ">Inbox /.Sent>Sent /.Work.2024>Work/2024 ");
  assert_sources(f, "plus", "Home", ">Home /.Sent>Home/Sent /.Work.2024>Home/Work/2024 ");
  assert_sources(f, "nested", NULL, "/INBOX>Inbox /Work/2024>Work/2024 ");
  assert_sources(f, "tb", NULL, "/Inbox>Inbox /Old>Old /Old.sbd/Deep>Old/Deep"
                                " /Old.sbd/Deep.sbd/Deeper>Old/Deep/Deeper ");
  assert_sources(f, "tb/Old", "X", ">X ");
  assert_sources(f, "tb/none", NULL, ">Inbox ");
  assert_sources(f, "nested/.notmuch", NULL, "/xapian>xapian ");
  assert_sources(f, "plus/cur", NULL, "none");
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(only_a_from_line_with_a_date_begins_a_letter),
      cmocka_unit_test(the_dialects_are_read_alike),
      fixture_test(a_length_that_fits_is_honoured_over_from_lines),
      fixture_test(what_is_no_mbox_is_refused),
      fixture_test(status_lines_become_flags_and_the_date_becomes_the_arrival),
      fixture_test(what_is_here_already_is_not_imported_twice),
      fixture_test(lines_without_end_and_zero_bytes_pass),
      fixture_test(an_export_comes_back_byte_for_byte),
      fixture_test(whatever_a_letter_holds_it_comes_back),
      fixture_test(the_same_letter_with_other_line_ends_is_known),
      fixture_test(a_stopped_import_keeps_what_came_and_is_taken_up),
      fixture_test(an_export_never_goes_over_a_file_and_leaves_nothing_partial),
      fixture_test(a_maildir_is_imported_with_its_flags),
      fixture_test(a_letter_of_a_maildir_comes_as_it_is),
      fixture_test(the_folders_of_other_programs_are_found),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

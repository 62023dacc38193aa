#include "tests/unit/store/mirror.h"

/* A letter of second `date` with id `id` that refers to `refs` ("" none). */
static void
letter(struct fixture *f, const char *folder, int date, const char *id, const char *refs,
       const char *subject)
{
  g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(1700000000 + date);
  g_autofree char *stamp = g_date_time_format(time, "%d %b %Y %H:%M:%S +0000");
  g_auto(GStrv) ids = g_strsplit(refs, " ", -1);
  g_autoptr(GString) text = g_string_new(NULL);
  g_string_append_printf(text, "Date: %s\nFrom: a@b.example\nSubject: %s\n", stamp, subject);
  if (*id != '\0')
    g_string_append_printf(text, "Message-ID: <%s@t>\n", id);
  if (*refs != '\0')
    g_string_append(text, "References:");
  for (char **ref = ids; *refs != '\0' && *ref != NULL; ref++)
    g_string_append_printf(text, " <%s@t>", *ref);
  g_string_append(text, "\n\nbody\n");
  g_autofree char *base = *id != '\0' ? g_strdup(id) : g_strdup_printf("none%d", date);
  mirror_add(f, folder, base, 0, NULL, text->str);
}

/* "a .b ..c": each letter with its depth as dots. */
static char *
tree(struct fixture *f, const char *folder, const char *query)
{
  struct rows_query asked = {.folder = folder, .query = query, .order = ROWS_THREAD, .limit = 1000};
  g_autoptr(GPtrArray) rows = mirror_rows(f, &asked);
  GString *out = g_string_new(NULL);
  for (guint i = 0; i < rows->len; i++) {
    const struct row *row = rows->pdata[i];
    if (i > 0)
      g_string_append_c(out, ' ');
    for (int depth = 0; depth < row->depth; depth++)
      g_string_append_c(out, '.');
    g_string_append(out, strrchr(row->key, '/') + 1);
  }
  return g_string_free(out, FALSE);
}

static void
assert_tree(struct fixture *f, const char *folder, const char *query, const char *wanted)
{
  g_autofree char *seen = tree(f, folder, query);
  assert_string_equal(seen, wanted);
}

static void
answers_hang_below_what_they_answer(void **state)
{
  struct fixture *f = *state;
  letter(f, "Inbox", 1, "a", "", "one");
  letter(f, "Inbox", 2, "x", "", "other");
  letter(f, "Inbox", 3, "b", "a", "Re: one");
  letter(f, "Inbox", 4, "c", "a b", "Re: one");
  letter(f, "Inbox", 5, "d", "a", "Re: one");
  assert_tree(f, "Inbox", NULL, "a .b ..c .d x");
  assert_tree(f, NULL, NULL, "a .b ..c .d x");
}

static void
threads_are_one_whatever_comes_first(void **state)
{
  struct fixture *f = *state;
  letter(f, "Inbox", 5, "d", "a c", "Re: one");
  letter(f, "Inbox", 3, "b", "a", "Re: one");
  letter(f, "Inbox", 4, "c", "a", "Re: one");
  letter(f, "Inbox", 1, "a", "", "one");
  assert_tree(f, "Inbox", NULL, "a .b .c ..d");
}

static void
a_missing_parent_holds_its_answers_together(void **state)
{
  struct fixture *f = *state;
  letter(f, "Inbox", 3, "b", "gone", "Re: b");
  letter(f, "Inbox", 4, "c", "gone", "Re: c");
  letter(f, "Inbox", 5, "z", "", "z");
  assert_tree(f, "Inbox", NULL, "z b c");
  struct rows_query asked = {.folder = "Inbox", .order = ROWS_THREAD, .limit = 10};
  g_autoptr(GPtrArray) rows = mirror_rows(f, &asked);
  assert_int_equal(((struct row *)rows->pdata[1])->thread, ((struct row *)rows->pdata[2])->thread);
  letter(f, "Inbox", 1, "gone", "", "x");
  assert_tree(f, "Inbox", NULL, "z gone .b .c");
}

static void
two_threads_unite_when_the_letter_between_comes(void **state)
{
  struct fixture *f = *state;
  letter(f, "Inbox", 1, "a", "", "p");
  letter(f, "Inbox", 9, "d", "c", "q");
  letter(f, "Other", 8, "e", "c", "q");
  assert_tree(f, "Inbox", NULL, "d a");
  letter(f, "Inbox", 4, "c", "a", "r");
  assert_tree(f, "Inbox", NULL, "a .c ..d");
  assert_tree(f, NULL, NULL, "a .c ..e ..d");
  assert_tree(f, "Other", NULL, "e");
}

static void
an_answer_without_references_is_joined_by_subject(void **state)
{
  struct fixture *f = *state;
  letter(f, "Inbox", 1, "a", "", "Lunch on Sunday");
  letter(f, "Inbox", 2, "b", "", "RE: AW: lunch on sunday");
  letter(f, "Inbox", 3, "c", "", "Lunch on Sunday");
  letter(f, "Other", 4, "d", "", "Re: Lunch on Sunday");
  letter(f, "Inbox", 40 * 86400, "e", "", "Re: Lunch on Sunday");
  assert_tree(f, "Inbox", NULL, "e c a .b");
  assert_tree(f, "Other", NULL, "d");
}

static void
an_answer_that_came_first_is_joined_later(void **state)
{
  struct fixture *f = *state;
  letter(f, "Inbox", 2, "b", "", "Re: Lunch on Sunday");
  letter(f, "Inbox", 1, "a", "", "Lunch on Sunday");
  struct rows_query asked = {.folder = "Inbox", .order = ROWS_THREAD, .limit = 10};
  g_autoptr(GPtrArray) rows = mirror_rows(f, &asked);
  assert_int_equal(((struct row *)rows->pdata[0])->thread, ((struct row *)rows->pdata[1])->thread);
}

static void
letters_without_an_id_stand_alone(void **state)
{
  struct fixture *f = *state;
  letter(f, "Inbox", 1, "", "", "x");
  letter(f, "Inbox", 2, "", "", "y");
  letter(f, "Inbox", 3, "", "k", "z");
  assert_tree(f, "Inbox", NULL, "none3 none2 none1");
}

static void
circles_of_references_end(void **state)
{
  struct fixture *f = *state;
  letter(f, "Inbox", 1, "a", "b", "x");
  letter(f, "Inbox", 2, "b", "c", "x");
  letter(f, "Inbox", 3, "c", "a", "x");
  letter(f, "Inbox", 4, "s", "s", "x");
  letter(f, "Inbox", 5, "d", "b", "x");
  assert_tree(f, "Inbox", NULL, "a .c ..b ...d s");
}

static void
copies_of_a_letter_lie_side_by_side(void **state)
{
  struct fixture *f = *state;
  letter(f, "Inbox", 1, "a", "", "x");
  letter(f, "Archive", 1, "a", "", "x");
  letter(f, "Inbox", 2, "b", "a", "x");
  g_autofree char *seen = tree(f, NULL, NULL);
  assert_string_equal(seen, "a .b a");
}

static void
a_search_shows_only_what_it_found(void **state)
{
  struct fixture *f = *state;
  letter(f, "Inbox", 1, "a", "", "one");
  letter(f, "Inbox", 2, "b", "a", "two");
  letter(f, "Inbox", 3, "c", "a b", "three");
  letter(f, "Inbox", 4, "z", "", "one");
  assert_tree(f, "Inbox", "subject:one or subject:three", "z a .c");
  assert_tree(f, "Inbox", "subject:two", "b");
}

static void
deep_and_wide_threads_are_walked(void **state)
{
  struct fixture *f = *state;
  g_autofree char *last = g_strdup("");
  for (int i = 0; i < 300; i++) {
    g_autofree char *id = g_strdup_printf("n%d", i);
    letter(f, "Inbox", i, id, last, "deep");
    g_free(last);
    last = g_steal_pointer(&id);
  }
  struct rows_query asked = {.folder = "Inbox", .order = ROWS_THREAD, .limit = 1000};
  g_autoptr(GPtrArray) rows = mirror_rows(f, &asked);
  assert_int_equal(rows->len, 300);
  assert_int_equal(((struct row *)rows->pdata[299])->depth, 299);
}

/* How often statements ran on the connection that reads. */
static int
statements_run(struct fixture *f)
{
  g_autoptr(conn_t) conn = conn_read(f->store, NULL, NULL);
  int runs = 0;
  for (sqlite3_stmt *at = sqlite3_next_stmt(conn->db, NULL); at != NULL;
       at = sqlite3_next_stmt(conn->db, at))
    runs += sqlite3_stmt_status(at, SQLITE_STMTSTATUS_RUN, 0);
  return runs;
}

/* A thread may be as long as a folder: its letters are not asked for one by one. */
static void
a_long_thread_is_not_read_for_what_is_unread_in_it(void **state)
{
  struct fixture *f = *state;
  for (int i = 0; i < 200; i++) {
    g_autofree char *base = g_strdup_printf("n%d", i);
    g_autofree char *text = g_strdup_printf("Subject: s\nMessage-ID: <n%d@x>\nReferences: <n0@x>\n"
                                            "Date: 14 Nov 2023 10:%02d:%02d +0000\n\nx\n",
                                            i, i / 60, i % 60);
    mirror_add(f, "Inbox", base, i == 150 ? 0 : ROW_SEEN, NULL, text);
  }
  struct rows_query asked = {.folder = "Inbox", .order = ROWS_THREAD, .limit = 1};
  g_autoptr(GPtrArray) first = mirror_rows(f, &asked);
  asked.folded = true;
  g_autoptr(GPtrArray) folded = mirror_rows(f, &asked);
  assert_int_equal(((struct row *)folded->pdata[0])->folded_unread, 1);
  asked.after = first->pdata[0];
  struct row *unread = store_next_unread(f->store, &asked, NULL);
  assert_string_equal(unread->key, "Inbox/n150");
  row_free(unread);
  int runs = statements_run(f);
  if (runs > 50)
    fail_msg("%d statements ran", runs);
}

/* Removing and moving letters keeps the order of threads right. */
static void
threads_follow_removals_and_moves(void **state)
{
  struct fixture *f = *state;
  letter(f, "Inbox", 1, "a", "", "one");
  letter(f, "Inbox", 2, "x", "", "x");
  letter(f, "Inbox", 3, "b", "a", "Re: one");
  letter(f, "Inbox", 4, "y", "", "y");
  letter(f, "Inbox", 5, "c", "a b", "Re: one");
  assert_tree(f, "Inbox", NULL, "a .b ..c y x");
  index_removed(f->store, "Inbox/c");
  assert_tree(f, "Inbox", NULL, "y a .b x");
  g_autofree char *path = g_build_filename(f->dir, "Other", "cur", "b:2,S", NULL);
  index_moved(f->store, "Inbox/b", "Other/b", path, ROW_SEEN);
  assert_tree(f, "Inbox", NULL, "y x a");
  assert_tree(f, "Other", NULL, "b");
  assert_tree(f, NULL, NULL, "y a .b x");
  index_removed(f->store, "Inbox/a");
  assert_tree(f, NULL, NULL, "y b x");
  letter(f, "Inbox", 6, "c", "a b", "Re: one");
  assert_tree(f, NULL, NULL, "b .c y x");
}

/* ---- by hand ---- */

/* "FOLDER/BASE" of letters, space between. */
static void
by_hand(struct fixture *f, const char *what, const char *names, const char *below)
{
  g_autoptr(GError) error = NULL;
  g_auto(GStrv) keys = g_strsplit(names, " ", -1);
  const char *const *all = (const char *const *)keys;
  bool done = strcmp(what, "join") == 0    ? store_thread_join(f->store, all, below, &error)
              : strcmp(what, "break") == 0 ? store_thread_break(f->store, all, &error)
              : strcmp(what, "mute") == 0
                  ? store_thread_mark(f->store, all, THREAD_MUTED, &error)
                  : store_thread_mark(f->store, all, THREAD_PLAIN, &error);
  if (!done)
    fail_msg("%s: %s", what, error->message);
}

static void
take_back(struct fixture *f)
{
  g_autoptr(GError) error = NULL;
  if (!store_undo(f->store, NULL, &error))
    fail_msg("%s", error->message);
}

/* The index from nothing; the letters come again in another order. */
static void
forget_index(struct fixture *f)
{
  g_autoptr(GError) error = NULL;
  assert_true(index_replace(f->store, &error));
  assert_true(hand_follow(f->store, NULL, &error));
}

static void
a_letter_is_joined_below_another_with_its_answers(void **state)
{
  struct fixture *f = *state;
  letter(f, "Inbox", 1, "a", "", "one");
  letter(f, "Inbox", 2, "x", "", "other");
  letter(f, "Inbox", 3, "y", "x", "Re: other");
  by_hand(f, "join", "Inbox/x", "Inbox/a");
  assert_tree(f, "Inbox", NULL, "a .x ..y");
  letter(f, "Inbox", 4, "z", "x y", "Re: other");
  assert_tree(f, "Inbox", NULL, "a .x ..y ...z");
  letter(f, "Inbox", 5, "b", "a", "Re: one");
  assert_tree(f, "Inbox", NULL, "a .x ..y ...z .b");
  take_back(f);
  assert_tree(f, "Inbox", NULL, "a .b x .y ..z");
}

static void
a_branch_is_broken_off_and_what_comes_stays_with_it(void **state)
{
  struct fixture *f = *state;
  letter(f, "Inbox", 1, "a", "", "one");
  letter(f, "Inbox", 2, "b", "a", "Re: one");
  letter(f, "Inbox", 3, "c", "a b", "Re: one");
  letter(f, "Inbox", 4, "d", "a", "Re: one");
  by_hand(f, "break", "Inbox/b", NULL);
  assert_tree(f, "Inbox", NULL, "a .d b .c");
  letter(f, "Inbox", 5, "e", "a b c", "Re: one");
  assert_tree(f, "Inbox", NULL, "b .c ..e a .d");
  letter(f, "Other", 6, "g", "a b", "Re: one");
  assert_tree(f, NULL, NULL, "b .c ..e .g a .d");
  take_back(f);
  assert_tree(f, "Inbox", NULL, "a .b ..c ...e .d");
}

static void
what_was_done_by_hand_outlives_the_index(void **state)
{
  struct fixture *f = *state;
  for (int round = 0; round < 2; round++) {
    letter(f, "Inbox", 5, "e", "a b", "Re: one");
    letter(f, "Inbox", 3, "y", "x", "Re: other");
    letter(f, "Inbox", 2, "b", "a", "Re: one");
    letter(f, "Inbox", 6, "o", "", "Re: one");
    letter(f, "Inbox", 1, "a", "", "one");
    letter(f, "Inbox", 4, "x", "", "other");
    if (round == 0) {
      by_hand(f, "break", "Inbox/b Inbox/o", NULL);
      by_hand(f, "join", "Inbox/x", "Inbox/a");
      by_hand(f, "mute", "Inbox/y", NULL);
    }
    assert_tree(f, "Inbox", NULL, "o b .e a .x ..y");
    assert_tree(f, "Inbox", "is:muted", "a .x ..y");
    if (round == 0)
      forget_index(f);
  }
  take_back(f);
  take_back(f);
  take_back(f);
  /* By its subject a letter is joined when it comes, not when a break is taken back. */
  assert_tree(f, "Inbox", NULL, "o a .b ..e x .y");
}

static void
a_letter_is_not_joined_below_its_own_answer(void **state)
{
  struct fixture *f = *state;
  letter(f, "Inbox", 1, "a", "", "one");
  letter(f, "Inbox", 2, "b", "a", "Re: one");
  static const char *const keys[] = {"Inbox/a", NULL};
  static const char *const below[] = {"Inbox/a", "Inbox/b"};
  for (size_t i = 0; i < G_N_ELEMENTS(below); i++) {
    g_autoptr(GError) error = NULL;
    assert_false(store_thread_join(f->store, keys, below[i], &error));
    assert_true(error_is(error, POSTINO_ERROR_INVALID));
  }
  g_autoptr(GError) error = NULL;
  assert_false(store_undo(f->store, NULL, &error));
  assert_tree(f, "Inbox", NULL, "a .b");
}

static void
a_muted_thread_is_passed_over(void **state)
{
  struct fixture *f = *state;
  letter(f, "Inbox", 1, "a", "", "one");
  letter(f, "Inbox", 2, "x", "", "two");
  by_hand(f, "mute", "Inbox/a", NULL);
  letter(f, "Inbox", 3, "b", "a", "Re: one");
  static const enum rows_order orders[] = {ROWS_NEWEST, ROWS_THREAD};
  for (size_t i = 0; i < G_N_ELEMENTS(orders); i++) {
    g_autoptr(GError) error = NULL;
    struct rows_query asked = {.folder = "Inbox", .order = orders[i], .limit = 10};
    g_autoptr(row_t) row = store_next_unread(f->store, &asked, &error);
    assert_string_equal(row->key, "Inbox/x");
  }
  by_hand(f, "plain", "Inbox/b", NULL);
  struct rows_query asked = {.folder = "Inbox", .limit = 10};
  g_autoptr(row_t) row = store_next_unread(f->store, &asked, NULL);
  assert_string_equal(row->key, "Inbox/b");
  take_back(f);
  assert_tree(f, "Inbox", "is:muted", "a .b");
}

static void
a_folded_thread_shows_its_first_letter(void **state)
{
  struct fixture *f = *state;
  letter(f, "Inbox", 1, "a", "", "one");
  letter(f, "Inbox", 2, "b", "a", "Re: one");
  letter(f, "Inbox", 3, "x", "", "two");
  letter(f, "Inbox", 4, "y", "x", "Re: two");
  struct rows_query asked = {.folder = "Inbox", .order = ROWS_THREAD, .limit = 10, .folded = true};
  g_autoptr(GPtrArray) all = mirror_rows(f, &asked);
  g_autofree char *folded = mirror_bases(all);
  assert_string_equal(folded, "x a");
  const struct row *first = all->pdata[0], *second = all->pdata[1];
  assert_int_equal(first->folded, 1);
  assert_int_equal(first->folded_unread, 1);
  asked.folds = &second->thread;
  asked.n_folds = 1;
  g_autoptr(GPtrArray) rows = mirror_rows(f, &asked);
  g_autofree char *one = mirror_bases(rows);
  assert_string_equal(one, "x a b");
  asked.after = first;
  g_autoptr(GPtrArray) next = mirror_rows(f, &asked);
  g_autofree char *behind = mirror_bases(next);
  assert_string_equal(behind, "a b");
  asked.backwards = true;
  asked.after = second;
  g_autoptr(GPtrArray) back = mirror_rows(f, &asked);
  g_autofree char *before = mirror_bases(back);
  assert_string_equal(before, "x");
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      fixture_test(answers_hang_below_what_they_answer),
      fixture_test(threads_are_one_whatever_comes_first),
      fixture_test(a_missing_parent_holds_its_answers_together),
      fixture_test(two_threads_unite_when_the_letter_between_comes),
      fixture_test(an_answer_without_references_is_joined_by_subject),
      fixture_test(an_answer_that_came_first_is_joined_later),
      fixture_test(letters_without_an_id_stand_alone),
      fixture_test(circles_of_references_end),
      fixture_test(copies_of_a_letter_lie_side_by_side),
      fixture_test(a_search_shows_only_what_it_found),
      fixture_test(deep_and_wide_threads_are_walked),
      fixture_test(a_long_thread_is_not_read_for_what_is_unread_in_it),
      fixture_test(threads_follow_removals_and_moves),
      fixture_test(a_letter_is_joined_below_another_with_its_answers),
      fixture_test(a_branch_is_broken_off_and_what_comes_stays_with_it),
      fixture_test(what_was_done_by_hand_outlives_the_index),
      fixture_test(a_letter_is_not_joined_below_its_own_answer),
      fixture_test(a_muted_thread_is_passed_over),
      fixture_test(a_folded_thread_shows_its_first_letter),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

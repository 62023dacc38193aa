/* Two hundred changes of all kinds over several runs, others changing letters meanwhile, and
 * all of it taken back: what nobody else touched is exactly as it was.  POSTINO_SEED gives
 * one run again. */
#include "tests/unit/store/live.h"

#define LETTERS 24
#define STEPS 200
/* The last ones are changed by other programs. */
#define OWN 18

static const char *const folders[] = {"Inbox", "Archive", "Lists/x"};

static int
compare_text(const void *a, const void *b)
{
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Key, flags and tags of the letters that are ours alone, a line each. */
static char *
all_of(struct fixture *f, GPtrArray *keys)
{
  g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);
  struct rows_query asked = {.order = ROWS_OLDEST, .limit = 1000};
  g_autoptr(GPtrArray) rows = mirror_rows(f, &asked);
  for (guint i = 0; i < rows->len; i++) {
    const struct row *row = rows->pdata[i];
    assert_int_equal(access(row->path, F_OK), 0);
    if (keys != NULL)
      g_ptr_array_add(keys, g_strdup(row->key));
    if (g_ascii_strtoull(strrchr(row->key, '/') + 1, NULL, 10) < OWN)
      g_ptr_array_add(lines, g_strdup_printf("%s %u %s", row->key, row->flags,
                                             row->tags != NULL ? row->tags : ""));
  }
  g_ptr_array_sort(lines, compare_text);
  g_ptr_array_add(lines, NULL);
  return g_strjoinv("\n", (char **)lines->pdata);
}

/* One change of some letters. */
static void
change_some(struct fixture *f, GRand *rand)
{
  g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func(g_free), some = g_ptr_array_new();
  g_free(all_of(f, all));
  for (guint i = 0; i < all->len; i++)
    if (g_rand_int_range(rand, 0, 5) == 0)
      g_ptr_array_add(some, all->pdata[i]);
  g_ptr_array_add(some, NULL);
  const char *const *keys = (const char *const *)some->pdata;
  static const unsigned flags[] = {ROW_SEEN, ROW_FLAGGED, ROW_REPLIED, ROW_TRASHED};
  static const char *const words[] = {"+todo", "-todo +later", "+a +b", "-a"};
  gint32 kind = g_rand_int_range(rand, 0, 4), which = g_rand_int_range(rand, 0, 4);
  if (kind == 0)
    assert_true(store_flag(f->store, keys, flags[which], flags[(which + 1) % 4], NULL));
  else if (kind == 1)
    assert_true(store_move(f->store, keys, folders[which % 3], NULL, NULL));
  else
    assert_true(store_tag(f->store, keys, words[which], NULL));
}

/* dovecot flags one, mbsync moves one, rm removes one: letters from OWN on. */
static void
others_change(struct fixture *f, GRand *rand)
{
  struct rows_query asked = {.order = ROWS_OLDEST, .limit = 1000};
  g_autoptr(GPtrArray) rows = mirror_rows(f, &asked);
  for (guint i = 0; i < rows->len; i++) {
    const struct row *row = rows->pdata[i];
    guint64 number = g_ascii_strtoull(strrchr(row->key, '/') + 1, NULL, 10);
    if (number < OWN || g_rand_boolean(rand))
      continue;
    g_autofree char *to = g_strdup_printf("%s/%s/cur/%u.x:2,%s", f->dir,
                                          number % 3 == 1 ? "Lists/x" : row->folder,
                                          (guint)number, number % 2 ? "S" : "FS");
    if (number % 3 == 0 && g_rand_int_range(rand, 0, 10) == 0)
      assert_int_equal(unlink(row->path), 0);
    else
      assert_int_equal(rename(row->path, to), 0);
  }
  live_refresh(f);
}

static void
two_hundred_changes_of_many_runs_are_taken_back(void **state)
{
  struct fixture *f = *state;
  const char *given = g_getenv("POSTINO_SEED");
  guint32 seed = given != NULL ? (guint32)g_ascii_strtoull(given, NULL, 10) : g_random_int();
  g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
  print_message("# POSTINO_SEED=%u\n", seed);
  for (size_t i = 0; i < G_N_ELEMENTS(folders); i++)
    live_folder(f, folders[i]);
  for (guint i = 0; i < LETTERS; i++) {
    g_autofree char *name = g_strdup_printf("%s/cur/%u.x:2,%s", folders[i % 3], i,
                                            i % 2 ? "S" : "");
    g_autofree char *subject = g_strdup_printf("s%u", i);
    live_put(f, name, subject, "boat");
  }
  live_refresh(f);
  g_autofree char *first = all_of(f, NULL);
  for (guint done = 0; done < STEPS; done++) {
    change_some(f, rand);
    if (done % 40 == 20)
      others_change(f, rand);
    if (done % 30 == 10) {
      live_reopen(f);
      live_refresh(f);
    }
  }
  for (guint undone = 0; undone < 2 * STEPS; undone++) {
    g_autofree char *what = NULL;
    g_autoptr(GError) error = NULL;
    if (!store_undo(f->store, &what, &error)) {
      assert_true(error_is(error, POSTINO_ERROR_NOTFOUND));
      break;
    }
    if (undone % 30 == 10) {
      live_reopen(f);
      live_refresh(f);
    }
  }
  live_refresh(f);
  g_autofree char *last = all_of(f, NULL);
  assert_string_equal(last, first);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      live_test(two_hundred_changes_of_many_runs_are_taken_back),
  };
  if (access("/dev/shm", W_OK) == 0)
    g_setenv("TMPDIR", "/dev/shm", TRUE);
  return cmocka_run_group_tests(tests, live_start, live_stop);
}

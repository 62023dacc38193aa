#include "ui/keymap.h"

#include <glib/gstdio.h>

#include "conf/conf.h"
#include "tests/unit/test.h"
#include "ui/ui-private.h"

static const struct view_class *const views[] = {
    &folders_class, &index_class, &reader_class, &compose_class, &queue_class, &server_class, &keys_class,
    &text_class,
};

static void
words_name_keys(void **state)
{
  static const struct { const char *word; int n; term_key keys[3]; const char *again; } cases[] = {
      {"x", 1, {'x'}, "x"},
      {"C-x", 1, {24}, "C-x"},
      {"C-X", 1, {24}, "C-x"},
      {"M-v", 2, {27, 'v'}, "M-v"},
      {"PageUp", 1, {TERM_KEY_PAGE_UP}, "PageUp"},
      {"pageup", 1, {TERM_KEY_PAGE_UP}, "PageUp"},
      {"Space", 1, {' '}, "Space"},
      {"Tab", 1, {9}, "Tab"},
      {"gg", 2, {'g', 'g'}, "gg"},
      {"<C-x><C-s>", 2, {24, 19}, "<C-x><C-s>"},
      {"<C-x>k", 2, {24, 'k'}, "<C-x>k"},
      {"<", 1, {'<'}, "<"},
      {"M-<", 2, {27, '<'}, "M-<"},
      {"F10", 1, {TERM_KEY_F1 + 9}, "F10"},
      {"è", 1, {0xe8}, "è"},
      {"日", 1, {0x65e5}, "日"},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    struct key_sequence keys;
    assert_true(key_parse(cases[i].word, &keys));
    assert_int_equal(keys.n, cases[i].n);
    assert_memory_equal(keys.keys, cases[i].keys, sizeof(term_key) * (size_t)keys.n);
    g_autofree char *again = key_format(&keys);
    assert_string_equal(again, cases[i].again);
  }
}

static void
other_words_name_none(void **state)
{
  static const char *const words[] = {"", "PageUpp", "abcd", "<Nope>", "C-xx", "\x01", "\xff"};
  for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
    struct key_sequence keys;
    assert_false(key_parse(words[i], &keys));
  }
}

static void
every_row_has_a_name_a_help_and_keys_that_can_be_read(void **state)
{
  for (const struct command_group *const *group = command_groups(); *group != NULL; group++) {
    assert_true((*group)->help != NULL && *(*group)->help != '\0');
    for (size_t i = 0; i < (*group)->n; i++) {
      const struct command *row = &(*group)->rows[i];
      assert_true(row->name != NULL && *row->name != '\0' && row->run != NULL);
      assert_true(row->help != NULL && *row->help != '\0');
      assert_true(row->ask == NULL || row->args != NULL);
      g_auto(GStrv) words = g_strsplit(row->keys, " ", -1);
      for (size_t k = 0; words[k] != NULL; k++) {
        struct key_sequence keys;
        if (!key_parse(words[k], &keys))
          fail_msg("%s has a key '%s' that is none", row->name, words[k]);
      }
    }
  }
}

static void
no_group_has_a_name_twice(void **state)
{
  for (const struct command_group *const *group = command_groups(); *group != NULL; group++)
    for (size_t i = 0; i < (*group)->n; i++)
      for (size_t k = 0; k < i; k++)
        assert_string_not_equal((*group)->rows[i].name, (*group)->rows[k].name);
}

/* One key, one command: within a group always; between groups only where a view
 * means its own thing by it. */
static void
no_key_collides(void **state)
{
  static const char *const meant[] = {"reader find", "queue unsend", NULL};
  g_autoptr(keymap_t) keymap = keymap_new();
  for (const struct command_group *const *group = command_groups(); *group != NULL; group++)
    for (size_t i = 0; i < (*group)->n; i++) {
      const struct command *row = &(*group)->rows[i];
      const struct command_group *own[] = {*group, NULL};
      g_auto(GStrv) words = g_strsplit(row->keys, " ", -1);
      for (size_t k = 0; words[k] != NULL; k++) {
        struct key_sequence keys;
        const struct binding *found;
        assert_true(key_parse(words[k], &keys));
        if (keymap_find(keymap, own, &keys, &found) != KEYMAP_FOUND || found->command != row)
          fail_msg("key %s of %s %s is another's", words[k], (*group)->name, row->name);
      }
    }
  for (size_t v = 0; v < G_N_ELEMENTS(views); v++)
    for (const struct command_group *const *group = views[v]->groups; *group != NULL; group++)
      for (size_t i = 0; i < (*group)->n; i++) {
        const struct command *row = &(*group)->rows[i];
        g_auto(GStrv) words = g_strsplit(row->keys, " ", -1);
        for (size_t k = 0; words[k] != NULL; k++) {
          struct key_sequence keys;
          const struct binding *found;
          assert_true(key_parse(words[k], &keys));
          assert_int_equal(keymap_find(keymap, views[v]->groups, &keys, &found), KEYMAP_FOUND);
          g_autofree char *pair = g_strdup_printf("%s %s", found->group->name, found->command->name);
          if (found->command != row && !g_strv_contains(meant, pair))
            fail_msg("in view %s key %s of %s is taken by %s", views[v]->name, words[k], row->name,
                     pair);
        }
      }
}

/* After rows have changed: POSTINO_WRITE_KEYMAP=1 tests/unit/ui/test_keymap */
static void
the_default_keymap_file_is_what_the_rows_say(void **state)
{
  g_autofree char *wanted = command_default_keymap(), *got = NULL;
  if (g_getenv("POSTINO_WRITE_KEYMAP") != NULL)
    assert_true(g_file_set_contents(KEYMAPSRC "/default.keys", wanted, -1, NULL));
  assert_true(g_file_get_contents(KEYMAPSRC "/default.keys", &got, NULL, NULL));
  assert_string_equal(got, wanted);
}

static void
bundled_keymaps_have_no_fault_and_can_do_what_matters(void **state)
{
  static const char *const names[] = {"default", "mutt", "pine", "vi", "emacs"};
  static const char *const needed[] = {"back", "help", "command", "cancel", "fetch"};
  for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
    g_autofree char *path = g_strdup_printf("%s/%s.keys", KEYMAPSRC, names[i]);
    g_autoptr(GPtrArray) faults = keymap_check(path);
    if (faults->len > 0) {
      const struct conf_fault *first = g_ptr_array_index(faults, 0);
      fail_msg("%s:%d: %s", first->file, first->line, first->text);
    }
    g_autoptr(GPtrArray) none = g_ptr_array_new();
    g_autoptr(keymap_t) keymap = keymap_load(path, none);
    for (size_t v = 0; v < G_N_ELEMENTS(views); v++)
      for (size_t n = 0; n < G_N_ELEMENTS(needed); n++) {
        const struct command *row = command_find(views[v]->groups, needed[n]);
        g_autofree char *keys = keymap_keys(keymap, views[v]->groups, row, 1);
        if (keys == NULL)
          fail_msg("keymap %s has no key for %s in %s", names[i], needed[n], views[v]->name);
      }
  }
}

static char *
written(const char *text)
{
  char *path = NULL;
  int fd = g_file_open_tmp("keymap-XXXXXX", &path, NULL);
  assert_true(fd >= 0);
  assert_true(g_file_set_contents(path, text, -1, NULL));
  close(fd);
  return path;
}

static void
faults_are_told_with_line_and_mend(void **state)
{
  static const struct { const char *text; int line; const char *said; } cases[] = {
      {"bind index x delete\nbnd index y delete\n", 2, "did you mean 'bind'"},
      {"bind indx x delete\n", 1, "did you mean 'index'"},
      {"bind index PageUpp up\n", 1, "did you mean 'PageUp'"},
      {"bind index x delte\n", 1, "did you mean 'delete'"},
      {"bind folders x reply\n", 1, "unknown command 'reply'"},
      {"bind mail x zzzzz\n", 1, "the help screen"},
      {"bind index x opne\n", 1, "did you mean 'open'"},
      {"bind index x\n", 1, "bind needs"},
      {"unbind index\n", 1, "unbind needs"},
      {"bind index x open now\n", 1, "takes no argument"},
      {"# fine\n\nbind index x open\nbind index x down\n", 4, "bound already in line 3"},
      {"bind index gg first\nbind index g last\n", 2, "bound already in line 1"},
      {"include /nonexistent/keys\n", 1, "/nonexistent/keys"},
      {"bind compose x move Archive\n", 1, "unknown command 'move'"},
      {"\xff\xfe bind\n", 1, "unknown word"},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autofree char *path = written(cases[i].text);
    g_autoptr(GPtrArray) faults = keymap_check(path);
    if (faults->len != 1)
      fail_msg("%u faults in: %s", faults->len, cases[i].text);
    const struct conf_fault *fault = g_ptr_array_index(faults, 0);
    assert_int_equal(fault->line, cases[i].line);
    assert_string_equal(fault->file, path);
    if (strstr(fault->text, cases[i].said) == NULL)
      fail_msg("'%s' does not say '%s'", fault->text, cases[i].said);
    g_unlink(path);
  }
}

static void
a_keymap_that_is_not_there_is_one_fault(void **state)
{
  g_autoptr(GPtrArray) faults = keymap_check("/nonexistent/x.keys");
  assert_int_equal(faults->len, 1);
}

static void
all_faults_are_told_and_the_rest_holds(void **state)
{
  g_autofree char *path = written("nonsense\nbind index x open\nbind nowhere x open\n");
  g_autoptr(GPtrArray) faults = g_ptr_array_new();
  g_autoptr(keymap_t) keymap = keymap_load(path, faults);
  struct key_sequence keys;
  const struct binding *found;
  assert_int_equal(faults->len, 2);
  assert_true(key_parse("x", &keys));
  assert_int_equal(keymap_find(keymap, index_class.groups, &keys, &found), KEYMAP_FOUND);
  assert_string_equal(found->command->name, "open");
  g_unlink(path);
  for (guint i = 0; i < faults->len; i++) {
    struct conf_fault *fault = g_ptr_array_index(faults, i);
    g_free(fault->file);
    g_free(fault->text);
    g_free(fault);
  }
}

static enum keymap_match
finds(const struct keymap *keymap, const struct view_class *view, const char *word,
      const struct binding **found_out)
{
  struct key_sequence keys;
  assert_true(key_parse(word, &keys));
  return keymap_find(keymap, view->groups, &keys, found_out);
}

static void
files_bind_unbind_and_pass_arguments(void **state)
{
  g_autofree char *path = written("bind letter A move Archive # to the archive\n"
                                  "unbind index d\n"
                                  "bind index dd delete\n"
                                  "unbind any G\n"
                                  "bind any # fetch\n");
  g_autoptr(GPtrArray) faults = g_ptr_array_new();
  g_autoptr(keymap_t) keymap = keymap_load(path, faults);
  const struct binding *found;
  assert_int_equal(faults->len, 0);
  assert_int_equal(finds(keymap, &index_class, "A", &found), KEYMAP_FOUND);
  assert_string_equal(found->command->name, "move");
  assert_string_equal(found->args[0], "Archive");
  assert_null(found->args[1]);
  assert_int_equal(finds(keymap, &index_class, "d", &found), KEYMAP_PREFIX);
  assert_int_equal(finds(keymap, &index_class, "dd", &found), KEYMAP_FOUND);
  assert_int_equal(finds(keymap, &reader_class, "d", &found), KEYMAP_FOUND);
  assert_int_equal(finds(keymap, &index_class, "G", &found), KEYMAP_NONE);
  assert_int_equal(finds(keymap, &index_class, "#", &found), KEYMAP_FOUND);
  g_unlink(path);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(words_name_keys),
      cmocka_unit_test(other_words_name_none),
      cmocka_unit_test(every_row_has_a_name_a_help_and_keys_that_can_be_read),
      cmocka_unit_test(no_group_has_a_name_twice),
      cmocka_unit_test(no_key_collides),
      cmocka_unit_test(the_default_keymap_file_is_what_the_rows_say),
      cmocka_unit_test(bundled_keymaps_have_no_fault_and_can_do_what_matters),
      cmocka_unit_test(faults_are_told_with_line_and_mend),
      cmocka_unit_test(a_keymap_that_is_not_there_is_one_fault),
      cmocka_unit_test(all_faults_are_told_and_the_rest_holds),
      cmocka_unit_test(files_bind_unbind_and_pass_arguments),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

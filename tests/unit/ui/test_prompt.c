#include "ui/prompt.h"

#include "tests/unit/test.h"

static struct prompt *
prompt_of(const char *text, GPtrArray *history)
{
  struct prompt_options options = {.label = "To:", .text = text, .complete = COMPLETE_ADDRESS};
  return prompt_new(&options, history);
}

static enum prompt_result
type(struct prompt *prompt, const char *text)
{
  enum prompt_result result = PROMPT_MORE;
  for (; *text != '\0'; text = g_utf8_next_char(text))
    result = prompt_key(prompt, g_utf8_get_char(text));
  return result;
}

static void
keys_edit_by_clusters(void **state)
{
  static const struct { const char *text; const term_key keys[4]; const char *wanted; } cases[] = {
      {"abc", {TERM_KEY_BACKSPACE}, "ab"},
      {"abc", {TERM_KEY_LEFT, TERM_KEY_BACKSPACE}, "ac"},
      {"abc", {TERM_KEY_HOME, TERM_KEY_DELETE}, "bc"},
      {"ae\xcc\x81", {TERM_KEY_BACKSPACE}, "a"},
      {"a👩‍👩‍👧", {TERM_KEY_LEFT, 'x'}, "ax👩‍👩‍👧"},
      {"日本", {TERM_KEY_LEFT, TERM_KEY_LEFT, TERM_KEY_LEFT, 'x'}, "x日本"},
      {"one two ", {TERM_CONTROL('W')}, "one "},
      {"one two", {TERM_CONTROL('U')}, ""},
      {"one two", {TERM_KEY_HOME, TERM_CONTROL('K')}, ""},
      {"", {TERM_KEY_BACKSPACE, TERM_KEY_DELETE, TERM_KEY_LEFT, TERM_KEY_RIGHT}, ""},
      {"a", {0x1b5, 0x110003, 1, 2}, "aƵ"},
      {"a", {TERM_KEY_F1, 'b'}, "ab"},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autoptr(prompt_t) prompt = prompt_of(cases[i].text, NULL);
    for (size_t k = 0; k < 4 && cases[i].keys[k] != 0; k++)
      assert_int_equal(prompt_key(prompt, cases[i].keys[k]), PROMPT_MORE);
    assert_string_equal(prompt->text->str, cases[i].wanted);
    assert_true(prompt->cursor <= prompt->text->len);
  }
}

static void
enter_takes_and_escape_cancels(void **state)
{
  g_autoptr(prompt_t) prompt = prompt_of(NULL, NULL);
  assert_int_equal(type(prompt, "anna"), PROMPT_MORE);
  assert_int_equal(prompt_key(prompt, TERM_KEY_ENTER), PROMPT_DONE);
  assert_int_equal(prompt_key(prompt, TERM_KEY_ESC), PROMPT_CANCELLED);
  assert_int_equal(prompt_key(prompt, TERM_CONTROL('G')), PROMPT_CANCELLED);
}

static void
pasted_lines_stay_one_line_and_run_nothing(void **state)
{
  g_autoptr(prompt_t) prompt = prompt_of("a", NULL);
  prompt_paste(prompt, "b\nq\ty\n");
  assert_string_equal(prompt->text->str, "ab q y");
}

static void
history_is_walked_and_what_was_typed_is_kept(void **state)
{
  g_autoptr(GPtrArray) history = g_ptr_array_new();
  g_ptr_array_add(history, (void *)"first");
  g_ptr_array_add(history, (void *)"second");
  g_autoptr(prompt_t) prompt = prompt_of(NULL, history);
  type(prompt, "new");
  static const struct { term_key key; const char *wanted; } steps[] = {
      {TERM_KEY_UP, "second"}, {TERM_KEY_UP, "first"},    {TERM_KEY_UP, "first"},
      {TERM_KEY_DOWN, "second"}, {TERM_KEY_DOWN, "new"}, {TERM_KEY_DOWN, "new"},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(steps); i++) {
    prompt_key(prompt, steps[i].key);
    assert_string_equal(prompt->text->str, steps[i].wanted);
  }
}

static GPtrArray *
candidates(const char *const *texts)
{
  GPtrArray *out = g_ptr_array_new_with_free_func((GDestroyNotify)candidate_free);
  for (; *texts != NULL; texts++)
    g_ptr_array_add(out, candidate_new(*texts, NULL));
  return out;
}

static void
tab_fills_in_what_candidates_share_and_then_walks_them(void **state)
{
  static const char *const folders[] = {"Lists/debian", "Lists/orto", NULL};
  g_autoptr(prompt_t) prompt = prompt_of("li", NULL);
  assert_int_equal(prompt_key(prompt, TERM_KEY_TAB), PROMPT_COMPLETE);
  prompt_offer(prompt, candidates(folders), 0, true);
  assert_string_equal(prompt->text->str, "Lists/");
  prompt_key(prompt, TERM_KEY_TAB);
  assert_string_equal(prompt->text->str, "Lists/debian");
  prompt_key(prompt, TERM_KEY_TAB);
  assert_string_equal(prompt->text->str, "Lists/orto");
  prompt_key(prompt, TERM_KEY_TAB);
  assert_string_equal(prompt->text->str, "Lists/debian");
  prompt_key(prompt, TERM_KEY_BACK_TAB);
  assert_string_equal(prompt->text->str, "Lists/orto");
}

static void
the_only_candidate_is_taken_where_the_word_stands(void **state)
{
  static const char *const only[] = {"Bruno Verdi <bruno@isp.example>", NULL};
  g_autoptr(prompt_t) prompt = prompt_of("anna@isp.example, br", NULL);
  prompt_offer(prompt, candidates(only), 18, true);
  assert_string_equal(prompt->text->str, "anna@isp.example, Bruno Verdi <bruno@isp.example>");
  assert_null(prompt->candidates);
}

static void
a_secret_is_neither_shown_nor_remembered(void **state)
{
  struct prompt_options options = {.label = "Password:", .secret = true};
  g_autoptr(GPtrArray) history = g_ptr_array_new();
  g_autoptr(prompt_t) prompt = prompt_new(&options, history);
  g_autoptr(canvas_t) canvas = canvas_new(2, 40);
  struct area area = area_whole(canvas);
  type(prompt, "hunter2");
  prompt_draw(prompt, &area);
  g_autofree char *line = canvas_row_text(canvas, 1);
  assert_string_equal(line, "Password:");
  assert_null(prompt->history);
  assert_string_equal(prompt->text->str, "hunter2");
}

static void
only_y_means_yes(void **state)
{
  static const struct { term_key key; enum prompt_result result; } cases[] = {
      {'y', PROMPT_DONE},        {'Y', PROMPT_DONE},           {'n', PROMPT_CANCELLED},
      {TERM_KEY_ENTER, PROMPT_CANCELLED}, {TERM_KEY_ESC, PROMPT_CANCELLED}, {' ', PROMPT_CANCELLED},
      {TERM_KEY_RESIZE, PROMPT_MORE},
  };
  struct prompt_options options = {.label = "Sure?", .yes_no = true};
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autoptr(prompt_t) prompt = prompt_new(&options, NULL);
    assert_int_equal(prompt_key(prompt, cases[i].key), cases[i].result);
  }
}

static void
a_long_line_scrolls_with_the_cursor(void **state)
{
  g_autoptr(prompt_t) prompt = prompt_of("0123456789012345678901234567890123456789end", NULL);
  g_autoptr(canvas_t) canvas = canvas_new(1, 20);
  struct area area = area_whole(canvas);
  prompt_draw(prompt, &area);
  g_autofree char *line = canvas_row_text(canvas, 0);
  assert_true(g_str_has_suffix(line, "end"));
  assert_true(canvas->cursor_column < 20);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(keys_edit_by_clusters),
      cmocka_unit_test(enter_takes_and_escape_cancels),
      cmocka_unit_test(pasted_lines_stay_one_line_and_run_nothing),
      cmocka_unit_test(history_is_walked_and_what_was_typed_is_kept),
      cmocka_unit_test(tab_fills_in_what_candidates_share_and_then_walks_them),
      cmocka_unit_test(the_only_candidate_is_taken_where_the_word_stands),
      cmocka_unit_test(a_secret_is_neither_shown_nor_remembered),
      cmocka_unit_test(only_y_means_yes),
      cmocka_unit_test(a_long_line_scrolls_with_the_cursor),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

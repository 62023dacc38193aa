#include "ui/index/index.h"

#include "base/error.h"
#include "tests/unit/engine/house.h"

#define LETTERS 150

struct desk {
  struct house house;
  struct term *term;
  struct ui *ui;
  struct index_view *index;
};

static void
write_letter(struct desk *desk, int number)
{
  g_autoptr(GDateTime) when = g_date_time_new_from_unix_utc(1700000000 + number * 600);
  g_autofree char *date = g_date_time_format(when, "%a, %d %b %Y %H:%M:%S +0000");
  g_autofree char *name = g_strdup_printf("%d.x%d.desk", 1700000000 + number * 600, number);
  g_autofree char *text = g_strdup_printf("From: Person %d <p%d@x.example>\nTo: anna@here.example\n"
                                          "Subject: number %d\nDate: %s\nMessage-ID: <n%d@x>\n\n%d\n",
                                          number, number, number, date, number, number);
  g_free(house_deliver(&desk->house, "Inbox", name, text));
}

static void
settle(struct desk *desk)
{
  while (g_hash_table_size(desk->ui->awaited) > 0) {
    struct event *event = house_event(&desk->house);
    ui_event(desk->ui, event);
    event_free(event);
  }
  ui_draw(desk->ui);
}

static void
refresh(struct desk *desk)
{
  event_free(house_good(&desk->house, engine_refresh(desk->house.engine, false)));
  ui_event(desk->ui, &(struct event){.kind = EVENT_CHANGED});
  settle(desk);
}

static int
sit_down(void **state)
{
  struct engine_options options = {.delay_sending = true};
  struct desk *desk = g_new0(struct desk, 1);
  house_open(&desk->house, "", &options);
  for (int i = 0; i < LETTERS; i++)
    write_letter(desk, i);
  event_free(house_good(&desk->house, engine_refresh(desk->house.engine, false)));
  desk->term = term_fake(24, 80);
  desk->ui = ui_new(desk->house.conf, desk->house.engine, desk->term);
  ui_begin(desk->ui, &(struct ui_options){0});
  desk->index = (struct index_view *)ui_view(desk->ui);
  settle(desk);
  *state = desk;
  return 0;
}

static int
stand_up(void **state)
{
  struct desk *desk = *state;
  ui_free(desk->ui);
  term_close(desk->term);
  house_close(&desk->house);
  g_free(desk);
  return 0;
}

static void
press(struct desk *desk, term_key key, int times)
{
  for (int i = 0; i < times; i++)
    ui_key(desk->ui, key);
  settle(desk);
}

static int
under_cursor(const struct desk *desk)
{
  const struct row *row = index_view_cursor(desk->index);
  assert_non_null(row);
  return atoi(row->subject + strlen("number "));
}

/* The letter on this line of the screen. */
static char *
line(const struct desk *desk, int row)
{
  return canvas_row_text(term_canvas(desk->term), row);
}

static void
it_opens_on_the_newest_letters_of_the_inbox(void **state)
{
  struct desk *desk = *state;
  g_autofree char *bar = line(desk, 0), *first = line(desk, 1);
  assert_non_null(strstr(bar, "Inbox  150 unread of 150"));
  assert_true(g_str_has_suffix(first, "number 149"));
  assert_true(desk->index->rows->len < LETTERS);
}

static void
keys_that_come_faster_than_rows_are_not_lost(void **state)
{
  struct desk *desk = *state;
  press(desk, 'j', 120);
  assert_int_equal(under_cursor(desk), 29);
  press(desk, 'k', 100);
  assert_int_equal(under_cursor(desk), 129);
  press(desk, 'k', 500);
  assert_int_equal(under_cursor(desk), 149);
  press(desk, 'j', 500);
  assert_int_equal(under_cursor(desk), 0);
}

static void
both_ends_are_reached_at_once(void **state)
{
  struct desk *desk = *state;
  press(desk, TERM_KEY_END, 1);
  assert_int_equal(under_cursor(desk), 0);
  press(desk, TERM_KEY_PAGE_UP, 3);
  assert_int_equal(under_cursor(desk), 60);
  press(desk, TERM_KEY_HOME, 1);
  assert_int_equal(under_cursor(desk), 149);
}

static void
assert_bar(const struct desk *desk, const char *end)
{
  g_autofree char *bar = line(desk, 0);
  g_strchomp(bar);
  if (!g_str_has_suffix(bar, end))
    fail_msg("the bar is '%s', not '…%s'", bar, end);
}

static void
answer(struct desk *desk, const char *text)
{
  for (; *text != '\0'; text++)
    ui_key(desk->ui, (term_key)*text);
  press(desk, TERM_KEY_ENTER, 1);
}

static void
assert_said(const struct desk *desk, const char *wanted)
{
  g_autofree char *said = line(desk, 22);
  g_strchomp(said);
  assert_string_equal(said, wanted);
}

/* Of 150 letters the newest is the first; the bar tells where the cursor stands. */
static void
any_place_is_gone_to(void **state)
{
  struct desk *desk = *state;
  assert_bar(desk, " 0%");
  press(desk, '%', 1);
  answer(desk, "75");
  assert_int_equal(under_cursor(desk), 75);
  assert_bar(desk, " 50%");
  press(desk, 'k', 30);
  assert_int_equal(under_cursor(desk), 105);
  assert_bar(desk, " 30%");
  press(desk, 'j', 60);
  assert_bar(desk, " 70%");
  press(desk, TERM_KEY_END, 1);
  assert_bar(desk, "100%");
  press(desk, 'k', 75);
  assert_bar(desk, " 50%");
  answer(desk, "120");
  assert_int_equal(under_cursor(desk), 30);
  press(desk, ':', 1);
  answer(desk, "50%");
  assert_int_equal(under_cursor(desk), 75);
  press(desk, '%', 1);
  answer(desk, "9999");
  assert_int_equal(under_cursor(desk), 0);
  press(desk, '%', 1);
  answer(desk, "1");
  assert_int_equal(under_cursor(desk), 149);
}

static void
what_is_no_place_is_said(void **state)
{
  struct desk *desk = *state;
  static const char *const wrong[] = {"x", "-1", "101%", "5 6", "%"};
  for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
    press(desk, '%', 1);
    answer(desk, wrong[i]);
    g_autofree char *said = line(desk, 22);
    assert_non_null(strstr(said, "is no place in the list"));
    assert_int_equal(under_cursor(desk), 149);
  }
}

static void
the_bar_says_the_order_and_how_many_are_chosen(void **state)
{
  struct desk *desk = *state;
  press(desk, 'z', 1);
  g_autofree char *offered = line(desk, 20);
  assert_non_null(strstr(offered, "size"));
  answer(desk, "si");
  g_autofree char *bar = line(desk, 0), *row = line(desk, 1);
  assert_non_null(strstr(bar, "unread of 150, by size"));
  assert_non_null(strstr(row, "15"));
  press(desk, 'x', 3);
  assert_bar(desk, "3 chosen    2%");
  press(desk, 'z', 1);
  answer(desk, "newest");
  g_autofree char *plain = line(desk, 0);
  assert_non_null(strstr(plain, "unread of 150  "));
}

static void
tags_are_seen_behind_a_long_subject(void **state)
{
  struct desk *desk = *state;
  g_autofree char *long_word = g_strnfill(100, 'w');
  g_autofree char *text = g_strdup_printf("From: a@x.example\nSubject: %s\nDate: Tue, 05 Dec 2023"
                                          " 10:00:00 +0000\nMessage-ID: <long@x>\n\nx\n", long_word);
  g_free(house_deliver(&desk->house, "Inbox", "1701770400.long.desk", text));
  refresh(desk);
  press(desk, TERM_KEY_HOME, 1);
  press(desk, 't', 1);
  answer(desk, "+todo");
  refresh(desk);
  g_autofree char *first = line(desk, 1);
  g_strchomp(first);
  assert_true(g_str_has_suffix(first, "w…  [todo]"));
}

static void
a_folded_thread_says_what_is_unread_in_it(void **state)
{
  struct desk *desk = *state;
  for (int i = 0; i < 3; i++) {
    g_autofree char *text = g_strdup_printf(
        "From: a@x.example\nSubject: talk\nDate: Tue, 05 Dec 2023 1%d:00:00 +0000\n"
        "Message-ID: <t%d@x>\n%s\nx\n", i, i, i > 0 ? "In-Reply-To: <t0@x>\n" : "");
    g_autofree char *name = g_strdup_printf("170177040%d.t.desk", i);
    g_free(house_deliver(&desk->house, "Inbox", name, text));
  }
  refresh(desk);
  press(desk, 'T', 1);
  press(desk, 'V', 1);
  press(desk, TERM_KEY_HOME, 1);
  press(desk, 'N', 1);
  refresh(desk);
  assert_true(index_view_cursor(desk->index)->flags & ROW_SEEN);
  g_autofree char *first = line(desk, 1);
  if (!g_str_has_prefix(first, " N") || strstr(first, "(+2, 2 unread) talk") == NULL)
    fail_msg("the row is '%s'", first);
  press(desk, '#', 1);
  g_autofree char *said = line(desk, 22);
  assert_non_null(strstr(said, "begins its thread already"));
}

static void
the_cursor_stays_on_its_letter_when_mail_comes(void **state)
{
  struct desk *desk = *state;
  press(desk, 'j', 3);
  write_letter(desk, 400);
  write_letter(desk, 401);
  refresh(desk);
  assert_int_equal(under_cursor(desk), 146);
  g_autofree char *first = line(desk, 1);
  assert_true(g_str_has_suffix(first, "number 401"));
}

static void
after_a_deletion_the_cursor_is_on_the_next_letter(void **state)
{
  struct desk *desk = *state;
  press(desk, 'j', 3);
  press(desk, 'd', 1);
  ui_event(desk->ui, &(struct event){.kind = EVENT_CHANGED});
  settle(desk);
  assert_int_equal(under_cursor(desk), 145);
  g_autofree char *bar = line(desk, 0);
  assert_non_null(strstr(bar, "149 unread of 149"));
}

static void
several_letters_are_chosen_for_one_command(void **state)
{
  struct desk *desk = *state;
  press(desk, 'x', 3);
  g_auto(GStrv) chosen = index_view_letters(&desk->index->view);
  assert_int_equal(g_strv_length(chosen), 3);
  press(desk, 'd', 1);
  assert_int_equal(house_count(&desk->house, "Trash"), 3);
  g_auto(GStrv) left = index_view_letters(&desk->index->view);
  assert_int_equal(g_strv_length(left), 1);
}

static void
a_screen_of_any_size_is_drawn(void **state)
{
  struct desk *desk = *state;
  static const int sizes[][2] = {{1, 1}, {2, 200}, {6, 24}, {5, 80}, {24, 80}, {60, 200}, {30, 119},
                                 {30, 120}, {30, 159}, {30, 160}, {200, 10}, {7, 161}};
  for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
    canvas_resize(term_canvas(desk->term), sizes[i][0], sizes[i][1]);
    ui_settle(desk->ui);
    settle(desk);
    press(desk, ':', 1);
    press(desk, TERM_KEY_TAB, 1);
    press(desk, TERM_KEY_ESC, 1);
    press(desk, '?', 1);
    press(desk, 'q', 1);
    press(desk, 'b', 1);
    press(desk, 'q', 1);
  }
}

static void
type(struct desk *desk, const char *text)
{
  for (; *text != '\0'; text++)
    ui_key(desk->ui, (term_key)*text);
  /* The pause is over. */
  desk->ui->typed_until = desk->ui->typed_until != 0 ? 1 : 0;
  ui_tell_typed(desk->ui);
  settle(desk);
}

static const struct index_view *
shown(struct desk *desk)
{
  return (const struct index_view *)ui_view(desk->ui);
}

static void
results_come_while_one_types(void **state)
{
  struct desk *desk = *state;
  press(desk, '/', 1);
  type(desk, "subject:numb");
  assert_string_equal(shown(desk)->query, "subject:numb*");
  assert_true(shown(desk)->rows->len > 1);
  type(desk, "er 14");
  assert_string_equal(shown(desk)->query, "subject:number 14");
  assert_int_equal(shown(desk)->rows->len, 1);
  assert_non_null(ui_asked(desk->ui));
  type(desk, "9");
  assert_int_equal(shown(desk)->rows->len, 1);
  press(desk, TERM_KEY_ENTER, 1);
  assert_null(ui_asked(desk->ui));
  assert_string_equal(shown(desk)->query, "subject:number 149");
  assert_int_equal(shown(desk)->rows->len, 1);
  assert_int_equal(desk->ui->views->len, 2);
  press(desk, 'q', 1);
  assert_int_equal(desk->ui->views->len, 1);
}

static void
a_search_given_up_leaves_the_list_as_it_was(void **state)
{
  struct desk *desk = *state;
  press(desk, 'j', 3);
  press(desk, '.', 1);
  type(desk, "12");
  assert_int_equal(desk->ui->views->len, 2);
  assert_string_equal(shown(desk)->folder, "Inbox");
  type(desk, " (");
  assert_string_equal(shown(desk)->query, "12");
  press(desk, TERM_KEY_ESC, 1);
  assert_int_equal(desk->ui->views->len, 1);
  assert_int_equal(shown(desk)->list.cursor, 3);
  assert_null(shown(desk)->query);
}

static void
assert_open(struct desk *desk, int number)
{
  g_autofree char *end = g_strdup_printf("Inbox: number %d", number);
  assert_bar(desk, end);
}

/* The letter that is gone to is the one that is opened, although it is not there yet. */
static void
what_is_typed_ahead_is_for_the_letter_gone_to(void **state)
{
  struct desk *desk = *state;
  ui_key(desk->ui, '\t');
  press(desk, TERM_KEY_ENTER, 1);
  assert_open(desk, 148);
  press(desk, 'q', 1);
  press(desk, TERM_KEY_HOME, 1);
  press(desk, 'X', 1);
  press(desk, 'N', 1);
  press(desk, 'X', 1);
  ui_key(desk->ui, TERM_KEY_END);
  press(desk, 'N', 1);
  refresh(desk);
  ui_key(desk->ui, TERM_KEY_HOME);
  ui_key(desk->ui, TERM_KEY_TAB);
  press(desk, TERM_KEY_ENTER, 1);
  assert_open(desk, 0);
  press(desk, 'q', 1);
  ui_key(desk->ui, TERM_KEY_HOME);
  ui_key(desk->ui, '7');
  ui_key(desk->ui, TERM_KEY_ENTER);
  press(desk, TERM_KEY_ENTER, 1);
  assert_open(desk, 143);
}

/* The engine knows no keys: it names a command. */
static void
a_notice_names_the_key_of_its_command(void **state)
{
  struct desk *desk = *state;
  struct event event = {
      .kind = EVENT_NOTICE, .text = (char *)"Some are not read.", .command = "refresh"};
  ui_event(desk->ui, &event);
  ui_draw(desk->ui);
  assert_said(desk, "Some are not read. C-r does it at once.");
}

static void
a_change_of_many_says_what_was_done(void **state)
{
  struct desk *desk = *state;
  press(desk, 'X', 1);
  press(desk, 'M', 1);
  answer(desk, "Archive");
  assert_said(desk, "150 letters moved to Archive; u takes them back.");
  assert_int_equal(house_count(&desk->house, "Archive"), LETTERS);
  press(desk, 'u', 1);
  assert_said(desk, "Undone: 150 letters moved back");
  refresh(desk);
  press(desk, 'x', 2);
  press(desk, 'd', 1);
  assert_said(desk, "2 letters are in the trash; u takes them back.");
  press(desk, 'g', 1);
  answer(desk, "Trash");
  press(desk, 'd', 1);
  assert_said(desk, "1 letter is removed for good.");
  assert_int_equal(house_count(&desk->house, "Trash"), 1);
}

/* The store's own tests stop a change; here is what is said of it. */
static void
a_change_of_many_that_is_stopped_says_how_far_it_came(void **state)
{
  struct desk *desk = *state;
  request_id request = 4711;
  ui_await_plain(ui_view(desk->ui), request, "All is done.");
  struct event progress = {.kind = EVENT_PROGRESS, .request = request, .done = 250, .total = 450,
                           .text = (char *)"changing letters (100 a second, 2 s left)"};
  ui_event(desk->ui, &progress);
  ui_draw(desk->ui);
  g_autofree char *running = line(desk, 22);
  assert_non_null(strstr(running, "changing letters (100 a second, 2 s left): 250 of 450"));
  assert_true(g_str_has_suffix(running, "(C-g cancels)"));
  struct event done = {.kind = EVENT_DONE, .request = request};
  error_set(&done.error, POSTINO_ERROR_CANCELLED, "stopped after 250 of 450 letters; undo takes"
                                                  " them back");
  ui_event(desk->ui, &done);
  ui_draw(desk->ui);
  g_clear_error(&done.error);
  assert_said(desk, "Cancelled: stopped after 250 of 450 letters; undo takes them back");
}

static void
all_letters_are_chosen_or_none(void **state)
{
  struct desk *desk = *state;
  press(desk, 'X', 1);
  assert_int_equal(g_hash_table_size(desk->index->chosen), LETTERS);
  g_auto(GStrv) keys = index_view_letters(ui_view(desk->ui));
  assert_int_equal(g_strv_length(keys), LETTERS);
  press(desk, 'X', 1);
  assert_int_equal(g_hash_table_size(desk->index->chosen), 0);
  /* What was asked for before is not taken. */
  ui_key(desk->ui, 'X');
  press(desk, 'X', 1);
  assert_int_equal(g_hash_table_size(desk->index->chosen), 0);
}

int
main(void)
{
#define AT_A_DESK(test) cmocka_unit_test_setup_teardown(test, sit_down, stand_up)
  const struct CMUnitTest tests[] = {
      AT_A_DESK(it_opens_on_the_newest_letters_of_the_inbox),
      AT_A_DESK(keys_that_come_faster_than_rows_are_not_lost),
      AT_A_DESK(both_ends_are_reached_at_once),
      AT_A_DESK(the_cursor_stays_on_its_letter_when_mail_comes),
      AT_A_DESK(after_a_deletion_the_cursor_is_on_the_next_letter),
      AT_A_DESK(any_place_is_gone_to),
      AT_A_DESK(what_is_no_place_is_said),
      AT_A_DESK(the_bar_says_the_order_and_how_many_are_chosen),
      AT_A_DESK(tags_are_seen_behind_a_long_subject),
      AT_A_DESK(a_folded_thread_says_what_is_unread_in_it),
      AT_A_DESK(several_letters_are_chosen_for_one_command),
      AT_A_DESK(a_change_of_many_says_what_was_done),
      AT_A_DESK(a_change_of_many_that_is_stopped_says_how_far_it_came),
      AT_A_DESK(what_is_typed_ahead_is_for_the_letter_gone_to),
      AT_A_DESK(a_notice_names_the_key_of_its_command),
      AT_A_DESK(all_letters_are_chosen_or_none),
      AT_A_DESK(a_screen_of_any_size_is_drawn),
      AT_A_DESK(results_come_while_one_types),
      AT_A_DESK(a_search_given_up_leaves_the_list_as_it_was),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

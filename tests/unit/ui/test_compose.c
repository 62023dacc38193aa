#include "ui/compose/compose.h"

#include "tests/unit/engine/house.h"

/* ---- the text ---- */

static void
own_words_that_promise_an_attachment_are_heard(void **state)
{
  static const struct { const char *body; bool speaks; } cases[] = {
      {"", false},
      {"See the attached file.", true},
      {"I ATTACH it.", true},
      {"Trovi tutto in allegato.", true},
      {"Ti allego la foto", true},
      {"Im Anhang findest du es", true},
      {"Ci-joint le devis", true},
      {"Voilà la pièce jointe", true},
      {"Va el archivo adjunto", true},
      {"Nothing of the kind.", false},
      {"unattached", false},
      {"> see the attached file\nyes, thank you", false},
      {"thanks\n-- \nAll attachments are opened on paper", false},
      {"fyi\n\n---------- Forwarded letter ----------\nwith the attachment", false},
      {"> quoted\nI attach mine", true},
      {"attac", false},
  };
  assert_false(compose_speaks_of_attachment(NULL));
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
    if (compose_speaks_of_attachment(cases[i].body) != cases[i].speaks)
      fail_msg("heard wrongly: %s", cases[i].body);
}

static void
one_signature_takes_the_place_of_another(void **state)
{
  static const struct { const char *body, *old, *new, *wanted; } cases[] = {
      {"Hi\n\n-- \nA\n", "\n-- \nA\n", "\n-- \nB\n", "Hi\n\n-- \nB\n"},
      {"\n-- \nA\n", "\n-- \nA\n", "", ""},
      {"Hi\n", "", "\n-- \nB\n", "Hi\n\n-- \nB\n"},
      {"", "", "\n-- \nB\n", "\n-- \nB\n"},
      {"Hi\n\n-- \nmine\n", "\n-- \nA\n", "\n-- \nB\n", NULL},
      {"Hi\n\n-- \nmine\n", "", "\n-- \nB\n", NULL},
      {"A", "\n-- \nA\n", "x", NULL},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autofree char *got =
        compose_replace_signature(cases[i].body, cases[i].old, cases[i].new);
    if (cases[i].wanted == NULL)
      assert_null(got);
    else
      assert_string_equal(got, cases[i].wanted);
  }
}

/* ---- a letter on a desk ---- */

struct desk {
  struct house house;
  struct term *term;
  struct ui *ui;
  struct compose_view *compose;
};

static const char accounts[] =
    "send-delay = 5\n"
    "account \"home\" { from = \"Anna Rossi <anna@here.example>\" also = {\"a.rossi@here.example\"}\n"
    "  smtp { server = \"localhost\" port = 1 }\n"
    "  crypto { sign = \"never\" encrypt = \"never\" } }\n"
    "account \"work\" { from = \"A. Rossi <rossi@work.example>\"\n"
    "  smtp { server = \"localhost\" port = 1 }\n"
    "  crypto { sign = \"never\" encrypt = \"never\" } }\n";

static void
settle(struct desk *desk)
{
  while (g_hash_table_size(desk->ui->awaited) > 0) {
    struct event *event = house_event(&desk->house);
    ui_event(desk->ui, event);
    event_free(event);
  }
}

static void
sit_down_with(struct desk *desk, const char *rc)
{
  struct engine_options options = {.delay_sending = true};
  g_autofree char *all = g_strconcat(rc, accounts, NULL);
  house_open(&desk->house, all, &options);
  desk->term = term_fake(24, 80);
  desk->ui = ui_new(desk->house.conf, desk->house.engine, desk->term);
  desk->ui->keymap = keymap_new();
  ui_push(desk->ui, index_view_new(desk->ui, "Inbox", NULL));
  struct draft *draft = draft_new();
  draft->account = g_strdup("home");
  draft->from = address_new("Anna Rossi", "anna@here.example");
  draft->body = g_strdup("");
  ui_push(desk->ui, compose_view_new(desk->ui, draft));
  desk->compose = (struct compose_view *)ui_view(desk->ui);
  settle(desk);
}

static void
sit_down(struct desk *desk)
{
  sit_down_with(desk, "");
}

static void
stand_up(struct desk *desk)
{
  ui_free(desk->ui);
  term_close(desk->term);
  house_close(&desk->house);
}

static const char *
said(const struct desk *desk)
{
  const GPtrArray *all = status_messages(desk->ui->status);
  return all->len > 0 ? g_ptr_array_index(all, all->len - 1) : "";
}

static void
fill(struct desk *desk, enum compose_field field, const char *text)
{
  g_autoptr(GError) error = NULL;
  if (!compose_set_field(desk->compose, field, text, &error))
    fail_msg("%s", error->message);
  settle(desk);
}

static char *
drawn(struct desk *desk)
{
  g_autoptr(canvas_t) canvas = canvas_new(24, 80);
  struct area area = area_whole(canvas);
  compose_class.draw(&desk->compose->view, &area, true);
  GString *out = g_string_new(NULL);
  for (int row = 0; row < canvas->rows; row++) {
    g_autofree char *text = canvas_row_text(canvas, row);
    g_string_append_printf(out, "%s\n", text);
  }
  return g_string_free(out, FALSE);
}

static void
fields_take_what_people_type(void **state)
{
  static const struct { enum compose_field field; const char *typed, *text; } cases[] = {
      {FIELD_TO, "bruno@x.example, ", "bruno@x.example"},
      {FIELD_TO, "Bruno Verdi <bruno@x.example>; Carla <c@x.example>",
       "Bruno Verdi <bruno@x.example>, Carla <c@x.example>"},
      {FIELD_CC, "", ""},
      {FIELD_SUBJECT, "  A subject, with a comma,  ", "A subject, with a comma,"},
      {FIELD_SUBJECT, "two\nlines", "two lines"},
  };
  struct desk desk;
  sit_down(&desk);
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    fill(&desk, cases[i].field, cases[i].typed);
    g_autofree char *text = compose_field_text(desk.compose, cases[i].field);
    assert_string_equal(text, cases[i].text);
  }
  stand_up(&desk);
}

static void
what_is_no_address_is_refused_and_changes_nothing(void **state)
{
  struct desk desk;
  sit_down(&desk);
  fill(&desk, FIELD_TO, "bruno@x.example");
  g_autoptr(GError) error = NULL;
  assert_false(compose_set_field(desk.compose, FIELD_TO, "bruno@@x", &error));
  assert_non_null(error);
  g_autofree char *text = compose_field_text(desk.compose, FIELD_TO);
  assert_string_equal(text, "bruno@x.example");
  g_clear_error(&error);
  assert_false(compose_set_field(desk.compose, FIELD_FROM, "a@x.example, b@x.example", &error));
  assert_non_null(error);
  stand_up(&desk);
}

static void
the_account_follows_the_sender(void **state)
{
  struct desk desk;
  sit_down(&desk);
  fill(&desk, FIELD_FROM, "rossi@work.example");
  assert_string_equal(desk.compose->draft->account, "work");
  assert_string_equal(desk.compose->draft->from->name, "A. Rossi");
  fill(&desk, FIELD_FROM, "Annina <a.rossi@here.example>");
  assert_string_equal(desk.compose->draft->account, "home");
  assert_string_equal(desk.compose->draft->from->name, "Annina");
  fill(&desk, FIELD_FROM, "else@where.example");
  assert_string_equal(desk.compose->draft->account, "home");
  assert_non_null(strstr(said(&desk), "no address of yours"));
  assert_true(compose_set_account(desk.compose, "work"));
  assert_false(compose_set_account(desk.compose, "nowhere"));
  settle(&desk);
  assert_string_equal(desk.compose->draft->from->spec, "rossi@work.example");
  stand_up(&desk);
}

static void
a_text_that_was_replaced_comes_back(void **state)
{
  struct desk desk;
  sit_down(&desk);
  compose_set_body(desk.compose, g_strdup("first"));
  compose_set_body(desk.compose, g_strdup("second"));
  ui_key(desk.ui, 'u');
  assert_string_equal(desk.compose->draft->body, "first");
  ui_key(desk.ui, 'u');
  assert_string_equal(desk.compose->draft->body, "second");
  stand_up(&desk);
}

static void
an_editor_that_fails_costs_no_word(void **state)
{
  static const char *const editors[] = {
      "editor = \"false\"\n",
      "editor = \"sh -c 'printf half >\\\"$0\\\"; exit 1'\"\n",
      "editor = \"sh -c 'printf half >\\\"$0\\\"; kill -9 $$'\"\n",
      "editor = \"sh -c 'rm \\\"$0\\\"'\"\n",
      "editor = \"/nowhere/an-editor\"\n",
      "editor = \"unclosed 'quote\"\n",
  };
  for (size_t i = 0; i < G_N_ELEMENTS(editors); i++) {
    struct desk desk;
    sit_down_with(&desk, editors[i]);
    compose_set_body(desk.compose, g_strdup("every word"));
    ui_key(desk.ui, 'e');
    assert_string_equal(desk.compose->draft->body, "every word");
    assert_non_null(strstr(said(&desk), "the text is as it was before"));
    ui_key(desk.ui, 'u');
    assert_string_equal(desk.compose->draft->body, i == 1 || i == 2 ? "half" : "");
    stand_up(&desk);
  }
}

static void
what_the_editor_wrote_is_the_text(void **state)
{
  struct desk desk;
  sit_down_with(&desk, "editor = \"sh -c 'printf \\\"a\\\\r\\\\nb\\\\n\\\" >\\\"$0\\\"'\"\n");
  ui_key(desk.ui, 'e');
  assert_string_equal(desk.compose->draft->body, "a\nb\n");
  assert_true(desk.compose->changed);
  stand_up(&desk);
}

static void
an_untouched_letter_closes_and_a_changed_one_asks(void **state)
{
  struct desk desk;
  sit_down(&desk);
  assert_true(compose_may_close(&desk.compose->view));
  fill(&desk, FIELD_SUBJECT, "Changed");
  assert_false(compose_may_close(&desk.compose->view));
  assert_non_null(ui_asked(desk.ui));
  ui_key(desk.ui, 'z');
  assert_null(ui_asked(desk.ui));
  assert_ptr_equal(ui_view(desk.ui), desk.compose);
  ui_key(desk.ui, 'q');
  ui_key(desk.ui, 'x');
  settle(&desk);
  assert_true(ui_view(desk.ui)->kind == &index_class);
  assert_int_equal(house_count(&desk.house, "Drafts"), 0);
  stand_up(&desk);
}

static void
leaving_goes_on_when_the_letter_is_kept(void **state)
{
  struct desk desk;
  sit_down(&desk);
  fill(&desk, FIELD_SUBJECT, "Kept");
  ui_key(desk.ui, 'Q');
  assert_false(desk.ui->leaving);
  ui_key(desk.ui, 'k');
  settle(&desk);
  assert_true(desk.ui->leaving);
  assert_int_equal(house_count(&desk.house, "Drafts"), 1);
  stand_up(&desk);
}

static void
a_letter_is_rescued_when_the_end_comes_from_outside(void **state)
{
  struct desk desk;
  sit_down(&desk);
  assert_false(compose_rescue(&desk.compose->view));
  fill(&desk, FIELD_SUBJECT, "Rescued");
  desk.ui->leaving = true;
  assert_true(compose_rescue(&desk.compose->view));
  settle(&desk);
  assert_int_equal(house_count(&desk.house, "Drafts"), 1);
  stand_up(&desk);
}

static void
what_is_missing_is_asked_for_before_it_is_sent(void **state)
{
  struct desk desk;
  sit_down(&desk);
  ui_key(desk.ui, 'y');
  assert_string_equal(ui_asked(desk.ui)->label, "To:");
  assert_non_null(strstr(said(&desk), "no recipient"));
  for (const char *at = "bruno@x.example"; *at != '\0'; at++)
    ui_key(desk.ui, (term_key)*at);
  ui_key(desk.ui, TERM_KEY_ENTER);
  settle(&desk);
  ui_key(desk.ui, 'y');
  assert_non_null(strstr(ui_asked(desk.ui)->label, "no subject"));
  ui_key(desk.ui, 'n');
  assert_non_null(strstr(said(&desk), "S changes that, y sends"));
  compose_set_body(desk.compose, g_strdup("It is attached.\n"));
  ui_key(desk.ui, 'y');
  ui_key(desk.ui, 'y');
  assert_non_null(strstr(ui_asked(desk.ui)->label, "something attached"));
  ui_key(desk.ui, 'y');
  settle(&desk);
  assert_true(ui_view(desk.ui)->kind == &index_class);
  assert_int_equal(house_count(&desk.house, "Outbox"), 1);
  assert_non_null(strstr(said(&desk), "u takes it back"));
  stand_up(&desk);
}

static void
a_letter_that_must_be_sealed_and_cannot_stays(void **state)
{
  struct desk desk;
  sit_down(&desk);
  desk.compose->draft->encrypt = DRAFT_YES;
  fill(&desk, FIELD_SUBJECT, "Secret");
  fill(&desk, FIELD_TO, "nobody@nowhere.example");
  assert_non_null(desk.compose->sealing->error);
  g_autofree char *screen = drawn(&desk);
  assert_non_null(strstr(screen, "CANNOT BE SENT AS IT STANDS"));
  ui_key(desk.ui, 'y');
  settle(&desk);
  assert_non_null(strstr(said(&desk), "Not sent: "));
  assert_ptr_equal(ui_view(desk.ui), desk.compose);
  assert_int_equal(house_count(&desk.house, "Outbox"), 0);
  stand_up(&desk);
}

static void
a_postcard_in_answer_to_a_sealed_letter_is_asked_about(void **state)
{
  struct desk desk;
  sit_down(&desk);
  desk.compose->draft->answers_sealed = true;
  fill(&desk, FIELD_SUBJECT, "Re: Secret");
  fill(&desk, FIELD_TO, "nobody@nowhere.example");
  ui_key(desk.ui, 'y');
  assert_non_null(ui_asked(desk.ui));
  assert_non_null(strstr(ui_asked(desk.ui)->label, "was sealed. Send this one as a postcard"));
  ui_key(desk.ui, 'n');
  assert_non_null(strstr(said(&desk), "Not sent."));
  assert_int_equal(house_count(&desk.house, "Outbox"), 0);
  stand_up(&desk);
}

static void
a_file_that_is_not_there_is_said(void **state)
{
  struct desk desk;
  sit_down(&desk);
  command_run_line(&desk.compose->view, "attach /nowhere/at/all");
  settle(&desk);
  assert_non_null(strstr(said(&desk), "Nothing was attached: "));
  assert_non_null(strstr(said(&desk), "a tries another file"));
  assert_int_equal(desk.compose->draft->attachments->len, 0);
  g_autofree char *line = g_strdup_printf("attach %s/postinorc", desk.house.dir);
  command_run_line(&desk.compose->view, line);
  settle(&desk);
  assert_int_equal(desk.compose->draft->attachments->len, 1);
  g_autofree char *screen = drawn(&desk);
  assert_non_null(strstr(screen, "Attached: postinorc"));
  for (int i = 0; i < 4; i++)
    ui_key(desk.ui, 'j');
  ui_key(desk.ui, 'x');
  assert_int_equal(desk.compose->draft->attachments->len, 0);
  stand_up(&desk);
}

static void
keys_typed_for_a_letter_wait_for_it(void **state)
{
  struct desk desk;
  sit_down(&desk);
  ui_drop(&desk.compose->view);
  for (const char *at = "cdq@x.example"; *at != '\0'; at++)
    ui_key(desk.ui, (term_key)*at);
  settle(&desk);
  assert_true(ui_view(desk.ui)->kind == &compose_class);
  assert_string_equal(ui_asked(desk.ui)->text->str, "dq@x.example");
  stand_up(&desk);
}

static void
nothing_from_outside_reaches_the_screen_raw(void **state)
{
  struct desk desk;
  sit_down(&desk);
  fill(&desk, FIELD_SUBJECT, "a\x1b[31mred");
  compose_set_body(desk.compose, g_strdup("text \x1b]0;title\x07 goes on\n"));
  g_autofree char *screen = drawn(&desk);
  assert_null(strchr(screen, 0x1b));
  assert_null(strchr(screen, 0x07));
  stand_up(&desk);
}

static void
the_view_fits_every_screen(void **state)
{
  struct desk desk;
  sit_down(&desk);
  GString *many = g_string_new(NULL);
  for (int i = 0; i < 60; i++)
    g_string_append_printf(many, "%sp%d@x.example", i > 0 ? ", " : "", i);
  fill(&desk, FIELD_TO, many->str);
  g_string_free(many, TRUE);
  for (int rows = 1; rows < 40; rows++)
    for (int columns = 1; columns < 100; columns += 7) {
      g_autoptr(canvas_t) canvas = canvas_new(rows, columns);
      struct area area = area_whole(canvas);
      compose_class.draw(&desk.compose->view, &area, true);
    }
  g_autofree char *screen = drawn(&desk);
  assert_non_null(strstr(screen, "more"));
  assert_non_null(strstr(screen, "No text yet"));
  stand_up(&desk);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(own_words_that_promise_an_attachment_are_heard),
      cmocka_unit_test(one_signature_takes_the_place_of_another),
      cmocka_unit_test(fields_take_what_people_type),
      cmocka_unit_test(what_is_no_address_is_refused_and_changes_nothing),
      cmocka_unit_test(the_account_follows_the_sender),
      cmocka_unit_test(a_text_that_was_replaced_comes_back),
      cmocka_unit_test(an_editor_that_fails_costs_no_word),
      cmocka_unit_test(what_the_editor_wrote_is_the_text),
      cmocka_unit_test(an_untouched_letter_closes_and_a_changed_one_asks),
      cmocka_unit_test(leaving_goes_on_when_the_letter_is_kept),
      cmocka_unit_test(a_letter_is_rescued_when_the_end_comes_from_outside),
      cmocka_unit_test(what_is_missing_is_asked_for_before_it_is_sent),
      cmocka_unit_test(a_letter_that_must_be_sealed_and_cannot_stays),
      cmocka_unit_test(a_postcard_in_answer_to_a_sealed_letter_is_asked_about),
      cmocka_unit_test(a_file_that_is_not_there_is_said),
      cmocka_unit_test(keys_typed_for_a_letter_wait_for_it),
      cmocka_unit_test(nothing_from_outside_reaches_the_screen_raw),
      cmocka_unit_test(the_view_fits_every_screen),
  };
  /* No key ring of the tester's. */
  g_setenv("GNUPGHOME", "/nonexistent", TRUE);
  return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "message/draft.h"
#include "tests/unit/test.h"

static struct address anna = {(char *)"Anna Rossi", (char *)"anna@tuoisp.example"};
static const char *const own[] = {"anna@tuoisp.example", "a.rossi@tuoisp.example", NULL};
static const struct draft_author author = {
    .account = "home", .from = &anna, .own = own, .signature = "Anna"};

static void
add_header(struct rendered *letter, const char *name, const char *value)
{
  struct rendered_header *header = g_new0(struct rendered_header, 1);
  header->name = g_strdup(name);
  header->value = g_strdup(value);
  g_ptr_array_add(letter->headers, header);
}

static void
add_line(struct rendered *letter, enum line_kind kind, int quote, const char *text)
{
  struct rendered_line *line = g_new0(struct rendered_line, 1);
  line->kind = kind;
  line->quote = quote;
  line->text = g_strdup(text);
  g_ptr_array_add(letter->lines, line);
}

static void
free_header(gpointer data)
{
  struct rendered_header *header = data;
  g_free(header->name);
  g_free(header->value);
  g_free(header);
}

static void
free_line(gpointer data)
{
  struct rendered_line *line = data;
  g_free(line->text);
  g_free(line);
}

/* A rendered letter in the test's own memory. */
static void
letter_init(struct rendered *letter)
{
  *letter = (struct rendered){.date = 1767603600, .subject = (char *)"Cena",
                              .message_id = (char *)"2@x.example"};
  letter->headers = g_ptr_array_new_with_free_func(free_header);
  letter->lines = g_ptr_array_new_with_free_func(free_line);
}

static void
letter_clear(struct rendered *letter)
{
  GPtrArray *lists[] = {letter->headers, letter->lines,    letter->from, letter->to,
                        letter->cc,      letter->reply_to};
  for (size_t i = 0; i < G_N_ELEMENTS(lists); i++)
    if (lists[i] != NULL)
      g_ptr_array_unref(lists[i]);
}

static void
the_right_people_are_answered(void **state)
{
  static const struct {
    const char *from, *reply_to, *to, *cc, *followup, *list;
    enum draft_reply how;
    const char *answer_to, *answer_cc, *answer_from;
  } rows[] = {
      {"b@x.example", "", "anna@tuoisp.example", "c@x.example", NULL, NULL, DRAFT_REPLY,
       "b@x.example", "", "anna@tuoisp.example"},
      {"b@x.example", "r@x.example", "anna@tuoisp.example", "", NULL, NULL, DRAFT_REPLY,
       "r@x.example", "", "anna@tuoisp.example"},
      /* Oneself is left out, in any case and under any own address. */
      {"b@x.example", "", "ANNA@TUOISP.example, c@x.example", "d@x.example, b@x.example", NULL,
       NULL, DRAFT_REPLY_ALL, "b@x.example", "c@x.example, d@x.example", "anna@tuoisp.example"},
      {"b@x.example", "", "a.rossi@tuoisp.example", "", NULL, NULL, DRAFT_REPLY, "b@x.example", "",
       "a.rossi@tuoisp.example"},
      /* One's own letter goes on to those it went to. */
      {"anna@tuoisp.example", "", "b@x.example", "c@x.example", NULL, NULL, DRAFT_REPLY_ALL,
       "b@x.example", "c@x.example", "anna@tuoisp.example"},
      {"anna@tuoisp.example", "", "anna@tuoisp.example", "", NULL, NULL, DRAFT_REPLY,
       "anna@tuoisp.example", "", "anna@tuoisp.example"},
      /* Mail-Followup-To is for discussions, not for a word to the sender. */
      {"b@x.example", "", "list@x.example", "", "list@x.example, anna@tuoisp.example", NULL,
       DRAFT_REPLY_ALL, "list@x.example", "", "anna@tuoisp.example"},
      {"b@x.example", "", "list@x.example", "", "list@x.example", NULL, DRAFT_REPLY, "b@x.example",
       "", "anna@tuoisp.example"},
      {"b@x.example", "", "list@x.example", "", NULL, "list@x.example", DRAFT_REPLY_LIST,
       "list@x.example", "", "anna@tuoisp.example"},
      {"b@x.example", "", "c@x.example", "", NULL, NULL, DRAFT_REPLY_LIST, "b@x.example",
       "c@x.example", "anna@tuoisp.example"},
      /* What cannot be written to is left out. */
      {"b@x.example", "", "undisclosed recipients, c@x.example", "nobody", NULL, NULL,
       DRAFT_REPLY_ALL, "b@x.example", "c@x.example", "anna@tuoisp.example"},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    struct rendered letter;
    letter_init(&letter);
    letter.from = address_parse_header(rows[i].from, -1);
    letter.reply_to = address_parse_header(rows[i].reply_to, -1);
    letter.to = address_parse_header(rows[i].to, -1);
    letter.cc = address_parse_header(rows[i].cc, -1);
    letter.list_post = (char *)rows[i].list;
    if (rows[i].followup != NULL)
      add_header(&letter, "Mail-Followup-To", rows[i].followup);
    g_autoptr(draft_t) draft = draft_reply(&letter, rows[i].how, &author);
    g_autofree char *to = address_format_list(draft->to), *cc = address_format_list(draft->cc);
    assert_string_equal(to, rows[i].answer_to);
    assert_string_equal(cc, rows[i].answer_cc);
    assert_string_equal(draft->from->spec, rows[i].answer_from);
    assert_string_equal(draft->from->name, "Anna Rossi");
    letter_clear(&letter);
  }
}

static void
prefixes_of_subjects_do_not_gather(void **state)
{
  static const struct { const char *subject, *reply, *forward; } rows[] = {
      {"Cena", "Re: Cena", "Fwd: Cena"},
      {"Re: Cena", "Re: Cena", "Fwd: Re: Cena"},
      {"RE: AW: R: Re[3]: SV : Cena", "Re: Cena", "Fwd: RE: AW: R: Re[3]: SV : Cena"},
      {"Re\xef\xbc\x9a Cena", "Re: Cena", "Fwd: Re\xef\xbc\x9a Cena"},
      {"Fwd: FW: WG: Cena", "Re: Fwd: FW: WG: Cena", "Fwd: Cena"},
      {"Rent: due", "Re: Rent: due", "Fwd: Rent: due"},
      {"Re", "Re: Re", "Fwd: Re"},
      {"", "Re:", "Fwd:"},
      {NULL, "Re:", "Fwd:"},
      {"RE:", "Re:", "Fwd: RE:"},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    struct rendered letter;
    letter_init(&letter);
    letter.subject = (char *)rows[i].subject;
    g_autoptr(draft_t) reply = draft_reply(&letter, DRAFT_REPLY, &author);
    g_autoptr(draft_t) forward = draft_forward(&letter, NULL, &author);
    assert_string_equal(reply->subject, rows[i].reply);
    assert_string_equal(forward->subject, rows[i].forward);
    letter_clear(&letter);
  }
}

static void
the_text_is_quoted_under_who_wrote_it_when(void **state)
{
  struct rendered letter;
  letter_init(&letter);
  letter.from = address_parse_header("Bruno Bianchi <b@x.example>", -1);
  /* Ten o'clock where Bruno is. */
  add_header(&letter, "Date", "Mon, 5 Jan 2026 10:00:00 +0100");
  add_line(&letter, LINE_NOTICE, 0, "an image was left out");
  add_line(&letter, LINE_TEXT, 0, "Ciao Anna,");
  add_line(&letter, LINE_TEXT, 0, "");
  add_line(&letter, LINE_QUOTE, 1, "a che ora?");
  add_line(&letter, LINE_TEXT, 0,
           "alle otto, come sempre, e porta con te quel libro di cui avevamo parlato a lungo");
  add_line(&letter, LINE_TEXT, 0, "");
  add_line(&letter, LINE_SIGNATURE, 0, "-- ");
  add_line(&letter, LINE_SIGNATURE, 0, "Bruno");
  g_autoptr(draft_t) draft = draft_reply(&letter, DRAFT_REPLY, &author);
  assert_string_equal(draft->body,
                      "On 2026-01-05 10:00, Bruno Bianchi wrote:\n"
                      "> Ciao Anna,\n>\n>> a che ora?\n"
                      "> alle otto, come sempre, e porta con te quel libro di cui avevamo\n"
                      "> parlato a lungo\n"
                      "\n\n-- \nAnna\n");
  letter_clear(&letter);
}

static void
a_forwarded_letter_stands_under_its_headers(void **state)
{
  struct rendered letter;
  letter_init(&letter);
  letter.from = address_parse_header("Bruno <b@x.example>", -1);
  letter.to = address_parse_header("anna@tuoisp.example", -1);
  letter.bcc = address_parse_header("hidden@x.example", -1);
  add_line(&letter, LINE_TEXT, 0, "Ciao");
  add_line(&letter, LINE_QUOTE, 2, "forse");
  g_autoptr(GBytes) original = g_bytes_new_static("Subject: Cena\n\nCiao\n", 20);
  g_autoptr(draft_t) draft = draft_forward(&letter, original, &author);
  assert_string_equal(draft->body, "\n---------- Forwarded letter ----------\n"
                                   "From: Bruno <b@x.example>\nDate: 2026-01-05 09:00\n"
                                   "To: anna@tuoisp.example\nSubject: Cena\n\n"
                                   "Ciao\n>> forse\n\n-- \nAnna\n");
  const struct draft_attachment *attached = g_ptr_array_index(draft->attachments, 0);
  assert_string_equal(attached->type, "message/rfc822");
  assert_string_equal(attached->name, "Cena.eml");
  assert_int_equal(draft->to->len, 0);
  assert_null(draft->in_reply_to);
  g_ptr_array_unref(letter.bcc);
  letter_clear(&letter);
}

static void
references_keep_the_root_and_the_newest(void **state)
{
  struct rendered letter;
  letter_init(&letter);
  char *references[121] = {NULL};
  for (int i = 0; i < 120; i++)
    references[i] = g_strdup_printf("r%d@x.example", i);
  letter.references = references;
  g_autoptr(draft_t) draft = draft_reply(&letter, DRAFT_REPLY, &author);
  assert_string_equal(draft->in_reply_to, "2@x.example");
  assert_int_equal(g_strv_length(draft->references), 50);
  assert_string_equal(draft->references[0], "r0@x.example");
  assert_string_equal(draft->references[1], "r72@x.example");
  assert_string_equal(draft->references[48], "r119@x.example");
  assert_string_equal(draft->references[49], "2@x.example");
  for (int i = 0; i < 120; i++)
    g_free(references[i]);
  letter_clear(&letter);
}

static void
a_reply_to_a_sealed_letter_remembers_it(void **state)
{
  struct rendered letter;
  letter_init(&letter);
  letter.envelope = ENVELOPE_PGP_SEALED;
  g_autoptr(draft_t) reply = draft_reply(&letter, DRAFT_REPLY, &author);
  g_autoptr(draft_t) forward = draft_forward(&letter, NULL, &author);
  assert_true(reply->answers_sealed);
  assert_true(forward->answers_sealed);
  letter_clear(&letter);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_right_people_are_answered),
      cmocka_unit_test(prefixes_of_subjects_do_not_gather),
      cmocka_unit_test(the_text_is_quoted_under_who_wrote_it_when),
      cmocka_unit_test(a_forwarded_letter_stands_under_its_headers),
      cmocka_unit_test(references_keep_the_root_and_the_newest),
      cmocka_unit_test(a_reply_to_a_sealed_letter_remembers_it),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

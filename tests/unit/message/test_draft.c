#include "base/error.h"
#include "message/draft.h"
#include "tests/unit/test.h"

static struct address anna = {(char *)"Anna Rossi", (char *)"anna@tuoisp.example"};
static const char *const own[] = {"anna@tuoisp.example", NULL};
static const struct draft_author author = {.account = "home", .from = &anna, .own = own};
static const struct draft_author signing = {
    .account = "home", .from = &anna, .own = own, .signature = "Anna\nRoma"};

static void
a_link_gives_only_what_is_honoured(void **state)
{
  static const struct { const char *uri, *form; } rows[] = {
      {"mailto:bruno@x.example",
       "From: Anna Rossi <anna@tuoisp.example>\nTo: bruno@x.example\nCc: \nBcc: \nReply-To: \n"
       "Subject: \n\n"},
      {"MAILTO:b@x.example,c%2Bd@x.example?cc=e@x.example&bcc=f@x.example&subject=Perch%C3%A9%20no"
       "&body=uno%0D%0Adue&attach=/etc/passwd&x-header=a&from=g@x.example",
       "From: Anna Rossi <anna@tuoisp.example>\nTo: b@x.example, c+d@x.example\n"
       "Cc: e@x.example\nBcc: f@x.example\nReply-To: \nSubject: Perch\xc3\xa9 no\n\nuno\ndue\n"},
      /* No line end comes through, wherever it hides. */
      {"mailto:?to=b@x.example&subject=a%0D%0ABcc:%20c@x.example&in-reply-to=%3C1@x.example%3E",
       "From: Anna Rossi <anna@tuoisp.example>\nTo: b@x.example\nCc: \nBcc: \nReply-To: \n"
       "Subject: a Bcc: c@x.example\nIn-Reply-To: <1@x.example>\nReferences: <1@x.example>\n\n"},
      {"mailto:?subject=100%&body=%", "From: Anna Rossi <anna@tuoisp.example>\nTo: \nCc: \nBcc: \n"
       "Reply-To: \nSubject: 100%\n\n%\n"},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autoptr(GError) error = NULL;
    g_autoptr(draft_t) draft = draft_mailto(rows[i].uri, &author, &error);
    assert_null(error);
    g_autofree char *form = draft_format(draft);
    assert_string_equal(form, rows[i].form);
    assert_int_equal(draft->attachments->len, 0);
  }
}

static void
a_link_that_cannot_be_read_is_refused(void **state)
{
  static const char *const rows[] = {
      "http://x.example", "mailto:b@x.example%00", "mailto:?subject=%FF", "mailto:?to=%0Ab@x.example",
      "mailto:b@x.example%0D%0ABcc:c@x.example", "mailto:no-address",
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autoptr(GError) error = NULL;
    assert_null(draft_mailto(rows[i], &author, &error));
    assert_true(error_is(error, POSTINO_ERROR_INVALID));
  }
}

static void
a_form_comes_back_as_it_was_written(void **state)
{
  static const char *const rows[] = {
      "From: Anna Rossi <anna@tuoisp.example>\nTo: \"Bianchi, Bruno\" <b@x.example>, c@x.example\n"
      "Cc: \nBcc: d@x.example\nReply-To: e@x.example\nSubject: caff\xc3\xa8: due\n"
      "In-Reply-To: <1@x.example>\nReferences: <0@x.example> <1@x.example>\n\n\n text\n-- \nAnna\n",
      "From: a@x.example\nTo: \nCc: \nBcc: \nReply-To: \nSubject: \n\n",
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autoptr(GError) error = NULL;
    g_autoptr(draft_t) draft = draft_parse(rows[i], &author, &error);
    assert_null(error);
    g_autoptr(draft_t) copy = draft_copy(draft);
    g_autofree char *form = draft_format(copy);
    assert_string_equal(form, rows[i]);
    assert_string_equal(copy->account, "home");
  }
}

static void
a_form_is_read_tolerantly_but_nothing_in_it_is_lost(void **state)
{
  static const struct { const char *form, *why; } rows[] = {
      {"to: b@x.example\r\nSUBJECT:  a\r\n\tb\r\n\r\nhi\r\n", NULL},
      {"To: b@x.example\nsubject: a b\n \nhi\n", NULL},
      {"To: b@x.example\nAttach: /etc/passwd\n\nhi\n", "line 2: “Attach” cannot be set here"},
      {"Hello Bruno\n\nhi\n", "line 1: “Hello Bruno” is no header field"},
      {"To: b@x.example\nCc: bruno\n\nhi\n", "line 2: Cc: no usable address"},
      {"From: a@x.example, b@x.example\n\nhi\n", "line 1: From: exactly one address"},
      {"To: \xff\n\nhi\n", "not UTF-8"},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autoptr(GError) error = NULL;
    g_autoptr(draft_t) draft = draft_parse(rows[i].form, &author, &error);
    if (rows[i].why != NULL) {
      assert_null(draft);
      assert_true(error_is(error, POSTINO_ERROR_INVALID));
      assert_non_null(strstr(error->message, rows[i].why));
      continue;
    }
    assert_null(error);
    assert_string_equal(draft->from->spec, "anna@tuoisp.example");
    assert_string_equal(draft->subject, "a b");
    assert_string_equal(draft->body, "hi\n");
  }
}

static void
the_signature_stands_below_its_separator(void **state)
{
  g_autoptr(draft_t) blank = draft_blank(&signing);
  assert_string_equal(blank->body, "\n-- \nAnna\nRoma\n");
  g_autoptr(GError) error = NULL;
  g_autoptr(draft_t) linked = draft_mailto("mailto:b@x.example?body=hi", &signing, &error);
  assert_string_equal(linked->body, "hi\n\n-- \nAnna\nRoma\n");
}

static void
message_ids_differ_and_name_no_host(void **state)
{
  static const struct { const char *domain, *end; } rows[] = {
      {"x.example", "@x.example"}, {NULL, "@localhost"}, {"", "@localhost"},
      {"b\xc3\xbc""cher.example", "@xn--bcher-kva.example"}, {"a b\r\n", "@localhost"},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autofree char *one = message_id_new(rows[i].domain), *other = message_id_new(rows[i].domain);
    assert_true(g_str_has_suffix(one, rows[i].end));
    assert_int_equal(strlen(one), 32 + strlen(rows[i].end));
    assert_string_not_equal(one, other);
  }
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_link_gives_only_what_is_honoured),
      cmocka_unit_test(a_link_that_cannot_be_read_is_refused),
      cmocka_unit_test(a_form_comes_back_as_it_was_written),
      cmocka_unit_test(a_form_is_read_tolerantly_but_nothing_in_it_is_lost),
      cmocka_unit_test(the_signature_stands_below_its_separator),
      cmocka_unit_test(message_ids_differ_and_name_no_host),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

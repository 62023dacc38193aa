#include "base/error.h"
#include "message/draft.h"
#include "message/encode.h"
#include "tests/unit/test.h"

static const struct build_options kept = {.now = 1767607200, .keep_bcc = true};

static struct draft *
again(const struct draft *draft)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GBytes) bytes = draft_build(draft, &kept, &error);
  assert_null(error);
  size_t length = g_bytes_get_size(bytes);
  assert_true(encode_is_plain(g_bytes_get_data(bytes, NULL), length));
  char *copy = exact_copy(g_bytes_get_data(bytes, NULL), length);
  struct draft *back = draft_from_message(copy, length, "home", &error);
  free(copy);
  assert_null(error);
  return back;
}

static void
attach(struct draft *draft, const char *name, const char *type, const void *bytes, size_t length)
{
  struct draft_attachment *attachment = g_new0(struct draft_attachment, 1);
  attachment->name = g_strdup(name);
  attachment->type = g_strdup(type);
  g_autoptr(GBytes) held = g_bytes_new(bytes, length);
  attachment->blob = blob_new(held);
  g_ptr_array_add(draft->attachments, attachment);
}

static struct draft *
some_draft(void)
{
  struct draft *draft = draft_new();
  draft->from = address_new("Anna Rossi", "anna@tuoisp.example");
  draft->subject = g_strdup("Perch\xc3\xa9 no?");
  draft->body = g_strdup("Ciao,\n\n> allora?\n caff\xc3\xa8\n-- \nAnna\n");
  return draft;
}

static void
a_postponed_draft_comes_back_whole(void **state)
{
  g_autoptr(draft_t) draft = some_draft();
  g_ptr_array_add(draft->to, address_new("Bianchi, Bruno", "b@x.example"));
  g_ptr_array_add(draft->bcc, address_new(NULL, "hidden@x.example"));
  draft->message_id = g_strdup("3@tuoisp.example");
  draft->in_reply_to = g_strdup("2@x.example");
  const char *references[] = {"1@x.example", "2@x.example", NULL};
  draft->references = g_strdupv((char **)references);
  draft->sign = DRAFT_YES;
  draft->encrypt = DRAFT_NO;
  draft->answers_sealed = true;
  draft->not_before = 1767225600;
  draft->ask_receipt = true;
  draft->answers = g_strdup("1767.abc=; postino:2,S");
  draft->forwards = g_strdup("perch\xc3\xa9");
  g_autoptr(draft_t) back = again(draft);
  g_autofree char *form = draft_format(draft), *form_back = draft_format(back);
  assert_string_equal(form_back, form);
  assert_string_equal(back->message_id, draft->message_id);
  assert_string_equal(back->account, "home");
  assert_int_equal(back->sign, DRAFT_YES);
  assert_int_equal(back->encrypt, DRAFT_NO);
  assert_true(back->answers_sealed);
  assert_int_equal(back->not_before, 1767225600);
  assert_true(back->ask_receipt);
  assert_string_equal(back->answers, draft->answers);
  assert_string_equal(back->forwards, draft->forwards);
}

static void
attachments_come_back_byte_for_byte(void **state)
{
  static const struct { const char *name, *type; const char *bytes; size_t length; const char *type_back; } rows[] = {
#define ROW(name, type, bytes, back) {name, type, bytes, sizeof(bytes) - 1, back}
      ROW("a.txt", "text/plain", "uno\ndue \n\n", "text/plain"),
      ROW("a.txt", "text/plain", "uno\r\ndue", "text/plain"),
      ROW("a.txt", "text/plain", "lone\rcr\n", "text/plain"),
      ROW("perch\xc3\xa9 \xe6\x9d\xb1.diff", "text/x-diff", "-caff\xc3\xa8\n+From me\n.\n", "text/x-diff"),
      ROW("latin.txt", "text/plain", "caff\xe8\n", "text/plain"),
      ROW("cjk.txt", "text/plain", "\xe6\x9d\xb1\xe4\xba\xac\xe6\x9d\xb1\xe4\xba\xac\n", "text/plain"),
      ROW("a.bin", "application/pdf", "%PDF\0\r\n\x80\xff", "application/pdf"),
      ROW("empty", "application/pdf", "", "application/pdf"),
      ROW("bad", "no type\r\nBcc: a", "x", "application/octet-stream"),
      ROW("mixed", "multipart/mixed", "x", "application/octet-stream"),
      ROW("l.eml", "message/rfc822", "Subject: a\r\n\r\nhi\r\n--\r\n", "message/rfc822"),
      ROW("8.eml", "message/rfc822", "Subject: a\r\n\r\ncaff\xc3\xa8\r\n", "application/octet-stream"),
#undef ROW
  };
  g_autoptr(draft_t) draft = some_draft();
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
    attach(draft, rows[i].name, rows[i].type, rows[i].bytes, rows[i].length);
  g_autoptr(draft_t) back = again(draft);
  assert_string_equal(back->body, draft->body);
  assert_int_equal(back->attachments->len, G_N_ELEMENTS(rows));
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    const struct draft_attachment *attachment = g_ptr_array_index(back->attachments, i);
    assert_string_equal(attachment->name, rows[i].name);
    assert_string_equal(attachment->type, rows[i].type_back);
    g_autoptr(GBytes) got = blob_bytes(attachment->blob, NULL);
    assert_int_equal(g_bytes_get_size(got), rows[i].length);
    if (rows[i].length > 0)
      assert_memory_equal(g_bytes_get_data(got, NULL), rows[i].bytes, rows[i].length);
  }
}

static const char *const pieces[] = {
    "a", "parola", " ", " ", " ", "  ", "\n", "\n\n", ">", "> ", "From ", ".", "-- ", "\n-- \n", "\t", "=",
    "\xc3\xa8", "\xe6\x9d\xb1\xe4\xba\xac", "\xf0\x9f\x98\x80", "https://x.example/una/strada/molto/lunga",
    "--=_", "e\xcc\x81"};

/* What a body is after its trailing blanks went (RFC 3676 gives them a meaning). */
static char *
trimmed(const char *body)
{
  GString *out = g_string_new(NULL);
  g_auto(GStrv) lines = g_strsplit(body, "\n", -1);
  for (char **line = lines; *line != NULL; line++) {
    size_t length = strlen(*line);
    if (line[1] == NULL && length == 0)
      break;
    bool separator = strcmp(*line, "-- ") == 0;
    while (!separator && length > 0 && strchr(" \t", (*line)[length - 1]) != NULL)
      (*line)[--length] = '\0';
    g_string_append_printf(out, "%s\n", *line);
  }
  return g_string_free(out, FALSE);
}

static void
every_body_and_file_comes_back(void **state)
{
  g_autoptr(GRand) rand = g_rand_new_with_seed(20261126);
  for (int i = 0; i < 300; i++) {
    g_autoptr(draft_t) draft = some_draft();
    GString *body = g_string_new(NULL);
    for (int n = g_rand_int_range(rand, 0, 300); n > 0; n--)
      g_string_append(body, pieces[g_rand_int_range(rand, 0, G_N_ELEMENTS(pieces))]);
    g_free(draft->body);
    draft->body = g_string_free(body, FALSE);
    int files = g_rand_int_range(rand, 0, 3);
    for (int n = 0; n < files; n++) {
      guchar bytes[300];
      int length = g_rand_int_range(rand, 0, 300), most = g_rand_boolean(rand) ? 256 : 128;
      for (int k = 0; k < length; k++)
        bytes[k] = (guchar)g_rand_int_range(rand, most == 128 ? 1 : 0, most);
      attach(draft, "a.x", most == 128 ? "text/plain" : "image/png", bytes, (size_t)length);
    }
    g_autoptr(draft_t) back = again(draft);
    g_autofree char *wanted = trimmed(draft->body);
    assert_string_equal(back->body, wanted);
    assert_int_equal(back->attachments->len, files);
    for (int n = 0; n < files; n++) {
      const struct draft_attachment *a = g_ptr_array_index(draft->attachments, n);
      const struct draft_attachment *b = g_ptr_array_index(back->attachments, n);
      g_autoptr(GBytes) given = blob_bytes(a->blob, NULL), got = blob_bytes(b->blob, NULL);
        assert_true(g_bytes_equal(given, got));
    }
  }
}

static void
a_draft_of_another_program_loses_nothing(void **state)
{
  static const char letter[] =
      "From: anna@tuoisp.example\nTo: b@x.example, nobody\nSubject: s\nMIME-Version: 1.0\n"
      "Content-Type: multipart/mixed; boundary=o\n\n--o\n"
      "Content-Type: multipart/alternative; boundary=i\n\n--i\n"
      "Content-Type: text/plain; charset=iso-8859-1\n\nperch\xe9  \n--i\n"
      "Content-Type: text/html\n\n<p>perch&eacute;\n--i--\n--o\n"
      "Content-Type: text/plain\nContent-Disposition: attachment; filename=n.txt\n\nnote\n--o--\n";
  g_autoptr(GError) error = NULL;
  char *copy = exact_copy(letter, sizeof letter - 1);
  g_autoptr(draft_t) draft = draft_from_message(copy, sizeof letter - 1, "home", &error);
  free(copy);
  assert_null(error);
  assert_string_equal(draft->body, "perch\xc3\xa9  ");
  assert_int_equal(draft->to->len, 1);
  assert_int_equal(draft->attachments->len, 1);
  const struct draft_attachment *attachment = g_ptr_array_index(draft->attachments, 0);
  assert_string_equal(attachment->name, "n.txt");
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_postponed_draft_comes_back_whole),
      cmocka_unit_test(attachments_come_back_byte_for_byte),
      cmocka_unit_test(every_body_and_file_comes_back),
      cmocka_unit_test(a_draft_of_another_program_loses_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

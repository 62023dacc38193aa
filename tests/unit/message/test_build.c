#include <glib/gstdio.h>
#include <unistd.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/sanitize.h"
#include "message/draft.h"
#include "message/encode.h"
#include "message/write.h"
#include "message/headers.h"
#include "message/params.h"
#include "tests/unit/test.h"

static const struct build_options wire = {.now = 1767607200};
static const struct build_options kept = {.now = 1767607200, .keep_bcc = true};

static char *
build(const struct draft *draft, const struct build_options *options)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GBytes) bytes = draft_build(draft, options, &error);
  assert_null(error);
  return g_strndup(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));
}

static struct draft *
simple(const char *body)
{
  struct draft *draft = draft_new();
  draft->from = address_new("Anna Rossi", "anna@tuoisp.example");
  draft->message_id = g_strdup("1@tuoisp.example");
  g_ptr_array_add(draft->to, address_new(NULL, "b@x.example"));
  draft->subject = g_strdup("Cena");
  draft->body = g_strdup(body);
  return draft;
}

static void
a_letter_is_written_as_the_standards_say(void **state)
{
  g_autoptr(draft_t) draft = simple("Ciao Bruno,\n\nalle otto.\n-- \nAnna\n");
  g_ptr_array_add(draft->bcc, address_new(NULL, "hidden@x.example"));
  draft->in_reply_to = g_strdup("0@x.example");
  g_autofree char *letter = build(draft, &wire);
  assert_string_equal(letter, "Date: Mon, 5 Jan 2026 10:00:00 +0000\r\n"
                              "From: Anna Rossi <anna@tuoisp.example>\r\n"
                              "To: b@x.example\r\nSubject: Cena\r\n"
                              "Message-ID: <1@tuoisp.example>\r\nIn-Reply-To: <0@x.example>\r\n"
                              "MIME-Version: 1.0\r\n"
                              "Content-Type: text/plain; charset=us-ascii; format=flowed\r\n"
                              "Content-Transfer-Encoding: 7bit\r\n\r\n"
                              "Ciao Bruno,\r\n\r\nalle otto.\r\n-- \r\nAnna\r\n");
  g_autofree char *own_copy = build(draft, &kept);
  assert_non_null(strstr(own_copy, "\r\nBcc: hidden@x.example\r\n"));
}

static void
what_cannot_stand_in_a_header_is_refused(void **state)
{
  static const struct { const char *subject, *name, *spec, *id, *why; } rows[] = {
      {"a\r\nBcc: c@x.example", NULL, "b@x.example", "1@x", "Subject: "},
      {"a\nb", NULL, "b@x.example", "1@x", "Subject: "},
      {"a\x1b[2J", NULL, "b@x.example", "1@x", "Subject: "},
      {"a\xff", NULL, "b@x.example", "1@x", "Subject: "},
      {"a", "B\r\nBcc: c@x.example", "b@x.example", "1@x", "To: "},
      {"a", NULL, "b@x.example\r\nBcc: c@x.example", "1@x", "To: "},
      {"a", NULL, "b@x.example> c@x.example", "1@x", "To: "},
      {"a", NULL, "b", "1@x", "To: "},
      {"a", NULL, "b@x.example", "1@x>\r\nBcc: <c@x", "Message-ID: "},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autoptr(draft_t) draft = draft_new();
    g_autoptr(GError) error = NULL;
    draft->from = address_new(NULL, "anna@tuoisp.example");
    g_ptr_array_add(draft->to, address_new(rows[i].name, rows[i].spec));
    draft->subject = g_strdup(rows[i].subject);
    draft->message_id = g_strdup(rows[i].id);
    assert_null(draft_build(draft, &wire, &error));
    assert_true(error_is(error, POSTINO_ERROR_INVALID));
    assert_true(g_str_has_prefix(error->message, rows[i].why));
  }
}

static void
ids_that_came_from_outside_cannot_break_out(void **state)
{
  g_autoptr(draft_t) draft = simple("hi\n");
  const char *references[] = {"good@x.example", "a\r\nBcc: b@x", "sp ace@x", "<@x>", NULL};
  draft->references = g_strdupv((char **)references);
  draft->in_reply_to = g_strdup("x\ny");
  g_autofree char *letter = build(draft, &wire);
  assert_non_null(strstr(letter, "\r\nReferences: <good@x.example>\r\n"));
  assert_null(strstr(letter, "Bcc"));
  assert_null(strstr(letter, "In-Reply-To"));
}

static void
text_is_flowed_and_comes_back(void **state)
{
  static const struct { const char *text, *flowed; } rows[] = {
      {"", ""},
      {"a\n", "a\r\n"},
      {"a  \n", "a\r\n"},
      {" a\n>q  \nFrom me\n", "  a\r\n>q\r\n From me\r\n"},
      {"x\n-- \ny\n", "x\r\n-- \r\ny\r\n"},
      {"one two three four five six seven eight nine ten eleven twelve thirteen four > b\n",
       "one two three four five six seven eight nine ten eleven twelve thirteen \r\nfour > b\r\n"},
      {"aaaaaaaaaa bbbbbbbbbb cccccccccc dddddddddd eeeeeeeeee ffffffffff ggggggg > hhhhhhhhhh\n",
       "aaaaaaaaaa bbbbbbbbbb cccccccccc dddddddddd eeeeeeeeee ffffffffff "
       "\r\nggggggg > hhhhhhhhhh\r\n"},
      {"aaaaaaaaaa bbbbbbbbbb cccccccccc dddddddddd eeeeeeeeee ffffffffff gggg > hhhhhhhhhhhhhh\n",
       "aaaaaaaaaa bbbbbbbbbb cccccccccc dddddddddd eeeeeeeeee ffffffffff gggg "
       "\r\n > hhhhhhhhhhhhhh\r\n"},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autofree char *flowed = encode_flowed(rows[i].text);
    g_autofree char *again = encode_unflow(flowed);
    g_autofree char *twice = encode_flowed(again);
    assert_string_equal(flowed, rows[i].flowed);
    assert_string_equal(twice, flowed);
  }
}

static void
quoted_printable_keeps_files_and_lines(void **state)
{
  static const struct { const char *given, *coded; } rows[] = {
      {"", ""},
      {"a=b\r\n", "a=3Db\r\n"},
      {"a \r\nb\t", "a=20\r\nb=09"},
      {"a\nb\n", "a=0A=\r\nb=0A"},
      {"a\rb", "a=0Db"},
      {"From x\r\n.\r\n", "=46rom x\r\n=2E\r\n"},
      {"caff\xc3\xa8", "caff=C3=A8"},
      {"123456789 123456789 123456789 123456789 123456789 123456789 123456789 12345From x",
       "123456789 123456789 123456789 123456789 123456789 123456789 123456789 12345=\r\n=46rom x"},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autoptr(GString) out = g_string_new(NULL);
    char *given = exact_copy(rows[i].given, strlen(rows[i].given));
    encode_bytes(out, ENCODE_QUOTED, given, strlen(rows[i].given));
    free(given);
    assert_string_equal(out->str, rows[i].coded);
  }
}

/* Blocks of any size, each in a place of exactly its size. */
static char *
encoded_in_blocks(GRand *dice, enum encode_need need, const char *text, size_t length)
{
  struct encoding encoding = {.need = need};
  GString *out = g_string_new(NULL);
  for (size_t at = 0; at < length;) {
    size_t wanted = (size_t)g_rand_int_range(dice, 1, 70), block = MIN(wanted, length - at);
    char *copy = exact_copy(text + at, block);
    encode_take(&encoding, out, copy, block);
    free(copy);
    at += block;
  }
  encode_end(&encoding, out);
  return g_string_free(out, FALSE);
}

static void
bytes_in_blocks_are_encoded_as_the_whole(void **state)
{
  static const char *const pieces[] = {"\r\n", "\r", "\n", " ", "\t", ".", "From ", "From", "=",
                                       "\xc3\xa8", "abcdefgh", "\r\nFrom ", "\n.", "F", "\x01"};
  g_autoptr(GRand) dice = g_rand_new_with_seed(4);
  for (int round = 0; round < 2000; round++) {
    g_autoptr(GString) text = g_string_new(NULL);
    for (int n = g_rand_int_range(dice, 0, 60); n > 0; n--)
      g_string_append(text, pieces[g_rand_int_range(dice, 0, G_N_ELEMENTS(pieces))]);
    for (int need = ENCODE_NOTHING; need <= ENCODE_BASE64; need++) {
      g_autoptr(GString) whole = g_string_new(NULL);
      encode_bytes(whole, need, text->str, text->len);
      g_autofree char *parts = encoded_in_blocks(dice, need, text->str, text->len);
      assert_string_equal(parts, whole->str);
    }
  }
}

static void
bytes_in_blocks_are_looked_at_as_the_whole(void **state)
{
  static const char *const pieces[] = {"\r\n", "\r", "\n", "\xc3", "\xa8", "\xe2\x82\xac", "\xf0\x9f",
                                       "\x98\x80", "abc", "="};
  g_autoptr(GRand) dice = g_rand_new_with_seed(5);
  for (int round = 0; round < 3000; round++) {
    g_autoptr(GString) text = g_string_new(NULL);
    struct survey whole = {0}, parts = {0};
    for (int n = g_rand_int_range(dice, 0, 6); n > 0; n--)
      g_string_append(text, pieces[g_rand_int_range(dice, 0, G_N_ELEMENTS(pieces))]);
    survey_take(&whole, text->str, text->len);
    for (size_t at = 0; at < text->len; at++) {
      char *copy = exact_copy(text->str + at, 1);
      survey_take(&parts, copy, 1);
      free(copy);
    }
    assert_int_equal(survey_is_utf8(&parts), g_utf8_validate(text->str, (gssize)text->len, NULL));
    assert_int_equal(survey_is_utf8(&whole), survey_is_utf8(&parts));
    assert_int_equal(survey_is_plain(&whole), survey_is_plain(&parts));
    assert_int_equal(whole.lone_cr, parts.lone_cr);
    assert_int_equal(whole.costly, parts.costly);
  }
}

static void
attached(struct draft *draft, const char *name, const char *type, struct blob *blob)
{
  struct draft_attachment *attachment = g_new0(struct draft_attachment, 1);
  *attachment = (struct draft_attachment){g_strdup(name), g_strdup(type), blob};
  g_ptr_array_add(draft->attachments, attachment);
}

/* A letter in a file that is attached: each of its line ends is CRLF, wherever the blocks
 * in which it is read are cut. */
static void
an_attached_letter_keeps_its_lines(void **state)
{
  g_autoptr(GString) letter = g_string_new("Subject: a\n\n");
  while (letter->len < 65535)
    g_string_append(letter, letter->len % 7 == 0 ? "x\n" : "y\r\n");
  g_autoptr(GBytes) bytes = g_bytes_new(letter->str, letter->len);
  g_autoptr(draft_t) draft = simple("hi\n");
  attached(draft, "a.eml", "message/rfc822", blob_new(bytes));
  g_autofree char *text = build(draft, &wire);
  assert_non_null(strstr(text, "Content-Type: message/rfc822"));
  for (const char *lf = strchr(text, '\n'); lf != NULL; lf = strchr(lf + 1, '\n')) {
    assert_true(lf[-1] == '\r');
    assert_true(lf[-2] != '\r');
  }
}

static void
a_file_that_changed_since_it_was_attached_is_not_sent(void **state)
{
  static const char *const types[] = {"text/plain", "application/pdf"};
  g_autofree char *dir = g_dir_make_tmp("postino-build-XXXXXX", NULL);
  g_autofree char *path = g_build_filename(dir, "plan.txt", NULL);
  for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
    assert_true(g_file_set_contents(path, "the first plan", -1, NULL));
    g_autoptr(draft_t) draft = simple("hi\n");
    attached(draft, "plan.txt", types[i], blob_open(path, NULL));
    g_autofree char *text = build(draft, &wire);
    assert_non_null(strstr(text, i == 0 ? "the first plan" : "dGhlIGZpcnN0IHBsYW4="));
    FILE *file = g_fopen(path, "w");
    assert_true(fputs("another", file) > 0);
    fclose(file);
    g_autoptr(GError) error = NULL;
    assert_null(draft_build(draft, &wire, &error));
    assert_true(error_is(error, POSTINO_ERROR_INVALID));
    assert_non_null(strstr(error->message, "plan.txt was changed"));
    g_unlink(path);
  }
  g_rmdir(dir);
}

static void
a_letter_has_a_largest_size(void **state)
{
  g_autofree char *dir = g_dir_make_tmp("postino-build-XXXXXX", NULL);
  g_autofree char *path = g_build_filename(dir, "much", NULL);
  assert_true(g_file_set_contents(path, "", 0, NULL));
  assert_int_equal(truncate(path, LIMIT_MESSAGE / 4 * 3), 0);
  g_autoptr(draft_t) draft = simple("hi\n");
  attached(draft, "much", "application/octet-stream", blob_open(path, NULL));
  g_autoptr(GError) error = NULL;
  assert_null(draft_build(draft, &wire, &error));
  assert_true(error_is(error, POSTINO_ERROR_INVALID));
  assert_non_null(strstr(error->message, "attach less"));
  g_unlink(path);
  g_rmdir(dir);
}

static void
file_names_pass_through_parameters(void **state)
{
  static const char *const names[] = {
      "a.pdf", "a b\"c\\d.pdf", "caff\xc3\xa8 \xe2\x82\xac.pdf", "=?utf-8?q?a?=.pdf",
      "a;b=c,d'e%41*f.pdf",
      "a very long name of a file that somebody saved under the whole first sentence of it.pdf",
      "\xe6\x9d\xb1\xe4\xba\xac, \xe6\x9d\xb1\xe4\xba\xac e \xe6\x9d\xb1\xe4\xba\xac.txt",
  };
  for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
    g_autoptr(GString) out = g_string_new("attachment");
    write_parameter(out, "filename", names[i]);
    g_auto(GStrv) lines = g_strsplit(out->str, "\r\n", -1);
    for (char **line = lines; *line != NULL; line++)
      assert_true(strlen(*line) <= 78);
    g_autofree char *unfolded = g_strjoinv("", lines);
    g_autoptr(params_t) params = params_parse(unfolded);
    g_autofree char *name = params_text(params, "filename");
    assert_string_equal(name, names[i]);
  }
}

static void
a_domain_travels_in_ascii_where_it_can(void **state)
{
  g_autoptr(draft_t) draft = simple("hi\n");
  g_ptr_array_set_size(draft->to, 0);
  g_ptr_array_add(draft->to, address_new(NULL, "anna@b\xc3\xbc""cher.example"));
  g_autofree char *letter = build(draft, &wire);
  assert_non_null(strstr(letter, "\r\nTo: anna@xn--bcher-kva.example\r\n"));
}

static void
what_is_signed_ends_no_line_in_a_blank(void **state)
{
  g_autoptr(draft_t) draft = simple("hi\n-- \nAnna\n");
  struct build_options entity_only = {.entity_only = true};
  g_autofree char *entity = build(draft, &entity_only), *letter = build(draft, &wire);
  assert_true(g_str_has_suffix(entity, "quoted-printable\r\n\r\nhi\r\n--=20\r\nAnna\r\n"));
  assert_true(g_str_has_suffix(letter, "7bit\r\n\r\nhi\r\n-- \r\nAnna\r\n"));
}

static void
an_entity_has_only_its_content_and_can_be_wrapped(void **state)
{
  g_autoptr(draft_t) draft = simple("hi\n");
  g_autoptr(GError) error = NULL;
  struct build_options entity_only = {.entity_only = true};
  g_autofree char *entity = build(draft, &entity_only);
  assert_string_equal(entity, "Content-Type: text/plain; charset=us-ascii; format=flowed\r\n"
                              "Content-Transfer-Encoding: 7bit\r\n\r\nhi\r\n");
  g_autoptr(GBytes) sealed = g_bytes_new_static("Content-Type: x/y\r\n\r\nz\r\n", 25 - 3);
  g_autoptr(blob_t) inner = blob_new(sealed);
  g_autoptr(blob_t) wrapped = draft_wrap(draft, inner, "...", &wire, &error);
  g_autoptr(GBytes) whole = blob_bytes(wrapped, &error);
  g_autofree char *text = g_strndup(g_bytes_get_data(whole, NULL), g_bytes_get_size(whole));
  assert_non_null(strstr(text, "\r\nSubject: ...\r\n"));
  assert_null(strstr(text, "Cena"));
  assert_true(g_str_has_suffix(text, "MIME-Version: 1.0\r\nContent-Type: x/y\r\n\r\n"
                                     "z"));
  g_autoptr(GBytes) rubbish = g_bytes_new_static("Bcc: a\r\n", 8);
  g_autoptr(blob_t) outer = blob_new(rubbish);
  assert_null(draft_wrap(draft, outer, "...", &wire, &error));
}

/* ---- everything that went in comes out ---- */

static const char *const letters[] = {"a", "B", "7", " ", "'", "\"", "(", ")", ",", ";", "\\", "=?", "?=", "_",
                                      ".", "@", "<", "\xc3\xa8", "\xc3\x9f", "\xd0\x96", "\xe6\x9d\xb1",
                                      "\xf0\x9f\x98\x80", "\xd7\xa9", "e\xcc\x81"};

static char *
random_text(GRand *rand, int most)
{
  GString *out = g_string_new(NULL);
  for (int n = g_rand_int_range(rand, 0, most); n > 0; n--)
    g_string_append(out, letters[g_rand_int_range(rand, 0, G_N_ELEMENTS(letters))]);
  return g_strstrip(g_string_free(out, FALSE));
}

static void
add_random_addresses(GRand *rand, GPtrArray *list)
{
  for (int n = g_rand_int_range(rand, 0, 6); n > 0; n--) {
    g_autofree char *name = random_text(rand, 30);
    int user = g_rand_int_range(rand, 0, 99999), domain = g_rand_int_range(rand, 0, 99);
    g_autofree char *spec = g_rand_boolean(rand)
                                ? g_strdup_printf("u%d.x+y@d%d.example", user, domain)
                                : g_strdup_printf("\"u %d and a\"@d%d.example", user, domain);
    g_ptr_array_add(list, address_new(*name != '\0' ? name : NULL, spec));
  }
}

static void
same_addresses(const struct headers *headers, const char *name, const GPtrArray *wanted)
{
  g_autoptr(GPtrArray) found = headers_addresses(headers, name);
  g_autofree char *a = address_format_list(found), *b = address_format_list(wanted);
  assert_string_equal(a, b);
}

static void
is_sendable(const char *letter)
{
  assert_true(encode_is_plain(letter, strlen(letter)));
  const char *header_end = strstr(letter, "\r\n\r\n");
  for (const char *at = letter; at < header_end; at = strstr(at, "\r\n") + 2)
    assert_true(strcspn(at, "\r") <= 100);
  for (const char *at = letter; (at = strchr(at, '\n')) != NULL; at++)
    assert_true(at > letter && at[-1] == '\r');
}

static void
every_field_parses_back_to_what_went_in(void **state)
{
  g_autoptr(GRand) rand = g_rand_new_with_seed(20261125);
  for (int i = 0; i < 400; i++) {
    g_autoptr(draft_t) draft = draft_new();
    g_autofree char *name = random_text(rand, 20);
    draft->from = address_new(*name != '\0' ? name : NULL, "anna@tuoisp.example");
    draft->subject = random_text(rand, 120);
    draft->body = g_strdup("hi\n");
    add_random_addresses(rand, draft->to);
    add_random_addresses(rand, draft->cc);
    add_random_addresses(rand, draft->bcc);
    add_random_addresses(rand, draft->reply_to);
    g_autofree char *letter = build(draft, &kept);
    is_sendable(letter);
    g_autoptr(headers_t) headers = headers_parse(letter, strlen(letter));
    g_autofree char *subject = headers_text(headers, "Subject");
    assert_string_equal(subject != NULL ? subject : "", draft->subject);
    same_addresses(headers, "To", draft->to);
    same_addresses(headers, "Cc", draft->cc);
    same_addresses(headers, "Bcc", draft->bcc);
    same_addresses(headers, "Reply-To", draft->reply_to);
    g_autoptr(GPtrArray) from = headers_addresses(headers, "From");
    const struct address *writer = g_ptr_array_index(from, 0);
    assert_string_equal(writer->name != NULL ? writer->name : "", name);
    assert_string_equal(headers_get(headers, "MIME-Version"), "1.0");
  }
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_letter_is_written_as_the_standards_say),
      cmocka_unit_test(what_cannot_stand_in_a_header_is_refused),
      cmocka_unit_test(ids_that_came_from_outside_cannot_break_out),
      cmocka_unit_test(text_is_flowed_and_comes_back),
      cmocka_unit_test(quoted_printable_keeps_files_and_lines),
      cmocka_unit_test(bytes_in_blocks_are_encoded_as_the_whole),
      cmocka_unit_test(bytes_in_blocks_are_looked_at_as_the_whole),
      cmocka_unit_test(an_attached_letter_keeps_its_lines),
      cmocka_unit_test(a_file_that_changed_since_it_was_attached_is_not_sent),
      cmocka_unit_test(a_letter_has_a_largest_size),
      cmocka_unit_test(file_names_pass_through_parameters),
      cmocka_unit_test(a_domain_travels_in_ascii_where_it_can),
      cmocka_unit_test(what_is_signed_ends_no_line_in_a_blank),
      cmocka_unit_test(an_entity_has_only_its_content_and_can_be_wrapped),
      cmocka_unit_test(every_field_parses_back_to_what_went_in),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

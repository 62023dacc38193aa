/* Whatever is written comes back: random letters, built and read again. */
#include <string.h>

#include "base/error.h"
#include "message/draft.h"
#include "message/encode.h"
#include "message/headers.h"
#include "message/mime.h"
#include "tests/unit/test.h"

static const struct build_options wire = {.now = 1767607200};
static const struct build_options kept = {.now = 1767607200, .keep_bcc = true};

static const char *const pieces[] = {
    "a", "Wort ", "la casa ", "7", ".", "..", "From ", ">", "> > ", "-- ", "--", "=", "=3D", "?=",
    "=?utf-8?q?x?=", "\n", "\n\n", "\n.\n", "\nFrom me\n", "\n-- \n", "\n>From\n", "\n--b\n", " ", "   ",
    "\t", "caff\xc3\xa8 ", "\xe2\x82\xac", "\xd0\x96\xd0\xb0", "\xe6\x9d\xb1\xe4\xba\xac",
    "\xf0\x9f\x98\x80", "e\xcc\x81", "\xd7\xa9\xd7\x9c", "Content-Type: text/html\n",
    "Bcc: evil@x.example\n", "\nBcc: evil@x.example\n\n",
    "a-word-without-any-place-to-break-it-that-is-longer-than-a-line-of-seventy-eight-characters-may-be"};

static char *
random_text(GRand *dice, int most)
{
  GString *out = g_string_new(NULL);
  guint kinds = g_rand_boolean(dice) ? 21 : G_N_ELEMENTS(pieces); /* ASCII alone, or all */
  for (int n = g_rand_int_range(dice, 0, most + 1); n > 0; n--)
    g_string_append(out, pieces[g_rand_int_range(dice, 0, (gint32)kinds)]);
  if (g_rand_int_range(dice, 0, 8) == 0)
    for (int n = g_rand_int_range(dice, 900, 3000); n > 0; n--)
      g_string_append_c(out, 'x');
  return g_string_free(out, FALSE);
}

static GBytes *
random_bytes(GRand *dice)
{
  static const int lengths[] = {0, 1, 2, 56, 57, 58, 1000, 20000};
  int length = lengths[g_rand_int_range(dice, 0, G_N_ELEMENTS(lengths))];
  bool text = g_rand_boolean(dice);
  guint8 *bytes = g_malloc((size_t)length + 1);
  for (int i = 0; i < length; i++)
    bytes[i] = (guint8)g_rand_int_range(dice, text ? 'a' : 0, text ? 'z' : 256);
  return g_bytes_new_take(bytes, (size_t)length);
}

static void
attach_some(GRand *dice, struct draft *draft)
{
  static const char *const names[] = {"a.txt", "La \"mia\" foto;1.jpg", "perch\xc3\xa9 no.pdf",
                                      "\xe6\x9d\xb1\xe4\xba\xac \xd0\x96.bin", "x=y*0.dat",
                                      ("a name that is so long that it does not fit into a line of its "
                                       "own, nor perhaps into two of them.tar.gz")};
  static const char *const types[] = {"text/plain", "text/x-diff", "image/png",
                                      "application/octet-stream"};
  for (int n = g_rand_int_range(dice, 0, 4); n > 0; n--) {
    struct draft_attachment *attachment = g_new0(struct draft_attachment, 1);
    attachment->name = g_strdup(names[g_rand_int_range(dice, 0, G_N_ELEMENTS(names))]);
    attachment->type = g_strdup(types[g_rand_int_range(dice, 0, G_N_ELEMENTS(types))]);
    g_autoptr(GBytes) bytes = random_bytes(dice);
    attachment->blob = blob_new(bytes);
    g_ptr_array_add(draft->attachments, attachment);
  }
}

static void
answer_some(GRand *dice, struct draft *draft)
{
  int count = g_rand_int_range(dice, 0, 12);
  if (count == 0)
    return;
  draft->references = g_new0(char *, (size_t)count + 1);
  for (int i = 0; i < count; i++)
    draft->references[i] = g_strdup_printf("%d.%u@a-host-%d.example", i, g_rand_int(dice), i);
  draft->in_reply_to = g_strdup(draft->references[count - 1]);
}

static struct draft *
random_draft(GRand *dice)
{
  struct draft *draft = draft_new();
  draft->from = address_new("Anna Rossi", "anna@tuoisp.example");
  g_ptr_array_add(draft->to, address_new("Bianchi, \"Bruno\"", "b@x.example"));
  g_ptr_array_add(draft->bcc, address_new("Segreta", "hidden@y.example"));
  draft->subject = g_strdup("Cena");
  draft->body = random_text(dice, 120);
  answer_some(dice, draft);
  attach_some(dice, draft);
  return draft;
}

static GBytes *
build(const struct draft *draft, const struct build_options *options)
{
  g_autoptr(GError) error = NULL;
  GBytes *bytes = draft_build(draft, options, &error);
  if (bytes == NULL)
    fail_msg("%s: %s", error->message, draft->body);
  size_t length;
  const char *text = g_bytes_get_data(bytes, &length);
  assert_true(encode_is_plain(text, length));
  for (size_t i = 0; i < length; i++)
    assert_true(text[i] != '\n' || (i > 0 && text[i - 1] == '\r'));
  return bytes;
}

/* Blanks at the ends of lines are no text, and the last line has an end. */
static char *
plain(const char *text)
{
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  for (char **line = lines; *line != NULL; line++)
    for (size_t n = strlen(*line); n > 0 && ((*line)[n - 1] == ' ' || (*line)[n - 1] == '\t'); n--)
      (*line)[n - 1] = '\0';
  g_autofree char *joined = g_strjoinv("\n", lines);
  while (g_str_has_suffix(joined, "\n"))
    joined[strlen(joined) - 1] = '\0';
  return g_steal_pointer(&joined);
}

static void
assert_same_draft(const struct draft *draft, const struct draft *back)
{
  g_autofree char *body = plain(draft->body), *body_back = plain(back->body);
  assert_string_equal(body_back, body);
  assert_string_equal(back->subject, draft->subject);
  assert_int_equal(g_strcmp0(back->in_reply_to, draft->in_reply_to), 0);
  g_autofree char *ids =
      draft->references != NULL ? g_strjoinv(" ", draft->references) : g_strdup("");
  g_autofree char *ids_back =
      back->references != NULL ? g_strjoinv(" ", back->references) : g_strdup("");
  assert_string_equal(ids_back, ids);
  assert_int_equal(back->attachments->len, draft->attachments->len);
  for (guint i = 0; i < draft->attachments->len; i++) {
    const struct draft_attachment *given = draft->attachments->pdata[i];
    const struct draft_attachment *got = back->attachments->pdata[i];
    g_autoptr(GBytes) in = blob_bytes(given->blob, NULL), out = blob_bytes(got->blob, NULL);
      assert_true(g_bytes_equal(in, out));
    assert_string_equal(got->name, given->name);
    assert_string_equal(got->type, given->type);
  }
}

/* Fields of the letter itself: nothing of the text has become one. */
static void
assert_no_injection(GBytes *letter)
{
  size_t length;
  const char *text = g_bytes_get_data(letter, &length);
  g_autoptr(headers_t) headers = headers_parse(text, length);
  assert_null(headers_get(headers, "Bcc"));
  assert_true(g_str_has_prefix(headers_get(headers, "Content-Type"), "text/plain") ||
              g_str_has_prefix(headers_get(headers, "Content-Type"), "multipart/mixed"));
  g_autoptr(mime_t) mime = mime_parse(text, length);
  assert_false(mime->unclosed || mime->no_boundary || mime->doubled);
}

static void
every_letter_parses_back_to_what_went_in(void **state)
{
  g_autoptr(GRand) dice = g_rand_new_with_seed(20261126);
  for (int i = 0; i < 600; i++) {
    g_autoptr(draft_t) draft = random_draft(dice);
    g_autoptr(GBytes) own = build(draft, &kept), out = build(draft, &wire);
    size_t length;
    const char *text = g_bytes_get_data(own, &length);
    g_autoptr(GError) error = NULL;
    g_autoptr(draft_t) back = draft_from_message(text, length, "home", &error);
    assert_null(error);
    assert_same_draft(draft, back);
    assert_no_injection(out);
    assert_null(g_strstr_len(g_bytes_get_data(out, NULL), (gssize)g_bytes_get_size(out),
                             "hidden@y.example"));
  }
}

/* Two letters of one draft share no id and no boundary: they tell nothing of each
 * other. */
static void
what_is_random_is_new_each_time(void **state)
{
  g_autoptr(GRand) dice = g_rand_new_with_seed(7);
  g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  for (int i = 0; i < 50; i++) {
    g_autoptr(draft_t) draft = random_draft(dice);
    attach_some(dice, draft);
    g_autoptr(GBytes) letter = build(draft, &wire);
    g_autoptr(headers_t) headers =
        headers_parse(g_bytes_get_data(letter, NULL), g_bytes_get_size(letter));
    char *id = headers_message_id(headers);
    assert_true(g_str_has_suffix(id, "@tuoisp.example"));
    assert_true(strlen(g_get_host_name()) < 4 || strstr(id, g_get_host_name()) == NULL);
    assert_true(g_hash_table_add(seen, id));
    const char *type = headers_get(headers, "Content-Type");
    if (g_str_has_prefix(type, "multipart/"))
      assert_true(g_hash_table_add(seen, g_strdup(type)));
  }
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_letter_parses_back_to_what_went_in),
      cmocka_unit_test(what_is_random_is_new_each_time),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

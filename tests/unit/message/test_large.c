/* A letter that is taken block by block is the letter that is taken whole. */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "message/draft.h"
#include "tests/unit/test.h"

#define HEAD                                                                               \
  "From: anna@tuoisp.example\nTo: Bruno <b@x.example>, c@x.example\nBcc: d@x.example\n"    \
  "Subject: perch\xc3\xa9\nDate: Mon, 5 Jan 2026 10:00:00 +0000\nMessage-ID: <1@a.example>\n"

static const struct build_options options = {.now = 1767607200};

struct result { char *text, *recipients, *why; bool written; };

static void
result_clear(struct result *result)
{
  g_free(result->text);
  g_free(result->recipients);
  g_free(result->why);
  memset(result, 0, sizeof *result);
}

static void
take_outcome(struct result *result, GBytes *made, const GPtrArray *recipients,
             const GError *error)
{
  if (made == NULL) {
    assert_true(error_is(error, POSTINO_ERROR_INVALID));
    result->why = g_strdup(error->message);
    return;
  }
  result->text = g_strndup(g_bytes_get_data(made, NULL), g_bytes_get_size(made));
  result->recipients = address_format_list(recipients);
}

static void
prepare_whole(const GString *letter, struct result *result)
{
  g_autoptr(GBytes) bytes = g_bytes_new(letter->str, letter->len);
  g_autoptr(GPtrArray) recipients = NULL;
  g_autoptr(GError) error = NULL;
  g_autoptr(GBytes) made = letter_prepare(bytes, &options, "x.example", &recipients, &error);
  take_outcome(result, made, recipients, error);
}

static void
prepare_in_blocks(const char *dir, const GString *letter, struct result *result)
{
  g_autoptr(blob_writer_t) in = blob_writer_new(dir, NULL), out = blob_writer_new(dir, NULL);
  assert_true(blob_write(in, letter->str, letter->len, NULL));
  g_autoptr(blob_t) message = blob_writer_end(in, NULL);
  g_autoptr(GBytes) head = letter_head(message, NULL);
  g_autoptr(GPtrArray) recipients = NULL;
  g_autoptr(GError) error = NULL;
  g_autoptr(blob_t) blob = NULL;
  g_autoptr(GBytes) made = NULL;
  if (g_bytes_get_size(head) == 0)
    return;
  if (letter_prepare_large(head, message, g_bytes_get_size(head), &options, "x.example", out,
                           &recipients, &result->written, &error)) {
    if (!result->written)
      return;
    blob = blob_writer_end(out, NULL);
    made = blob_bytes(blob, NULL);
  }
  result->written = true;
  take_outcome(result, made, recipients, error);
}

static void
assert_alike(const char *dir, const GString *letter, bool wanted)
{
  struct result whole = {0}, blocks = {0};
  prepare_whole(letter, &whole);
  prepare_in_blocks(dir, letter, &blocks);
  assert_int_equal(blocks.written, wanted);
  if (blocks.written) {
    assert_int_equal(whole.text == NULL, blocks.text == NULL);
    if (whole.text != NULL)
      assert_true(g_str_equal(whole.text, blocks.text));
    assert_int_equal(g_strcmp0(whole.recipients, blocks.recipients), 0);
    assert_int_equal(g_strcmp0(whole.why, blocks.why), 0);
  }
  result_clear(&whole);
  result_clear(&blocks);
}

static void
add_many(GString *text, const char *line, size_t bytes)
{
  for (size_t end = text->len + bytes; text->len < end;)
    g_string_append(text, line);
}

static void
each_kind_of_body_is_taken_alike(void **state)
{
  static const struct { const char *head, *line, *end; bool blocks; } rows[] = {
      {HEAD "\n", "ciao\n", "", true},
      {HEAD "\r\n", "ciao\r\n", "", true},
      {HEAD "\n", "ciao\n", "open", true},
      {HEAD "\n", "ciao\r\n", "open\r\n\r\n", true},
      {HEAD "\n", "perch\xc3\xa9 no\n", "", true},
      {HEAD "\n", "\xf0\x9f\x98\x80\xe2\x82\xac\n", "\xe2", true},
      {HEAD "\n", "\xe2\x82\n", "", true},
      {HEAD "\n", "caff\xe8\n", "", true},
      {HEAD "Content-Type: text/plain\n\n", "caff\xe8 \n", "", true},
      {HEAD "Content-Type: multipart/mixed; boundary=b\n\n", "--b\n\nx\n", "--b--\n", true},
      {HEAD "\n", "a\n", "a lone\rCR\n", true},
      {HEAD "\n", "a\n", "CR at the end\r", true},
      {HEAD "\n", "a", "\n", false},
      {HEAD "Content-Type: image/png\n\n", "a", "\n", true},
      {"nonsense\n" HEAD "\n", "a\n", "", false},
      {HEAD "no field\nBcc: e@x\n\n", "a\n", "", false},
      {"Subject: alone\n\n", "a\n", "", false},
  };
  g_autofree char *dir = g_dir_make_tmp("postino-large-XXXXXX", NULL);
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
    for (size_t extra = 0; extra < 5; extra++) {
      g_autoptr(GString) letter = g_string_new(rows[i].head);
      if (g_str_has_prefix(rows[i].head, "Subject"))
        break;                /* it gets a new Date and Message-ID each time */
      g_string_append_len(letter, "     \n", (gssize)extra);
      if (extra > 0)
        g_string_append_c(letter, '\n');
      add_many(letter, rows[i].line, 150000);
      g_string_append(letter, rows[i].end);
      assert_alike(dir, letter, rows[i].blocks);
    }
  g_rmdir(dir);
}

/* Random pieces, so that each meets the border of a block somewhere. */
static void
random_bodies_are_taken_alike(void **state)
{
  static const char *const pieces[] = {"a", "\n", "\r\n", ".", " ", "\xc3\xa9", "\xf0\x9f\x98\x80",
                                       "word word", "\n\n", "\xff", "=", "\t"};
  g_autofree char *dir = g_dir_make_tmp("postino-large-XXXXXX", NULL);
  g_autoptr(GRand) dice = g_rand_new_with_seed(4);
  for (int round = 0; round < 60; round++) {
    g_autoptr(GString) letter = g_string_new(HEAD "Content-Type: text/plain\n\n");
    int kinds = g_rand_int_range(dice, 3, G_N_ELEMENTS(pieces) + 1);
    while (letter->len < 140000) {
      const char *piece = pieces[g_rand_int_range(dice, 0, kinds)];
      bool splits_end = *piece == '\n' || *piece == '\r' || letter->len == 0;
      if (splits_end || letter->str[letter->len - 1] != '\r')
        g_string_append(letter, piece);
    }
    if (round % 7 == 0)
      g_string_insert(letter, g_rand_int_range(dice, 1000, 130000), "\r");
    if (round % 11 == 0)
      g_string_insert_len(letter, g_rand_int_range(dice, 1000, 130000), "", 1);
    struct result blocks = {0};
    prepare_in_blocks(dir, letter, &blocks);
    assert_alike(dir, letter, blocks.written);
    result_clear(&blocks);
  }
  g_rmdir(dir);
}

static void
a_header_without_end_is_not_taken_in_blocks(void **state)
{
  g_autofree char *dir = g_dir_make_tmp("postino-large-XXXXXX", NULL);
  g_autoptr(GString) letter = g_string_new(HEAD);
  add_many(letter, "X-More: and more\n", 1100000);
  g_string_append(letter, "\nciao\n");
  struct result result = {0};
  prepare_in_blocks(dir, letter, &result);
  assert_false(result.written);
  g_rmdir(dir);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_kind_of_body_is_taken_alike),
      cmocka_unit_test(random_bodies_are_taken_alike),
      cmocka_unit_test(a_header_without_end_is_not_taken_in_blocks),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

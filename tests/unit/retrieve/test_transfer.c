#include <string.h>

#include "base/error.h"
#include "retrieve/list.h"
#include "retrieve/transfer.h"
#include "tests/unit/test.h"

/* What comes over the line, and what it is; NULL: the letter does not end. */
static const struct { const char *wire, *content, *rest; } stuffed[] = {
    {".\r\n", "", ""},
    {"a\r\n.\r\n", "a\r\n", ""},
    {"a\r\n.\r\n+OK\r\n", "a\r\n", "+OK\r\n"},
    {"..\r\n.\r\n", ".\r\n", ""},
    {"..a\r\n...b\r\n.\r\n", ".a\r\n..b\r\n", ""},
    {"a\r\n..\r\n.\r\nx", "a\r\n.\r\n", "x"},
    {"a\n.\nb\r\n.\r\n", "a\n.\nb\r\n", ""},
    {"a\n.\r\nb\r\n.\r\n", "a\n.\r\nb\r\n", ""},
    {"a\r.\r\nb\r\n.\r\n", "a\r.\r\nb\r\n", ""},
    {"\r\r\n.\r\n", "\r\r\n", ""},
    {"\r\n\r\n.\r\n", "\r\n\r\n", ""},
    /* A server that does not stuff: the dot is the letter's own. */
    {".a\r\n.\r\n", ".a\r\n", ""},
    {".\rx\r\n.\r\n", ".\rx\r\n", ""},
    {".\r\r\n.\r\n", ".\r\r\n", ""},
    {".\n\r\n.\r\n", ".\n\r\n", ""},
    {"a\r\n.", NULL, NULL},
    {"a\r\n.\r", NULL, NULL},
    {"a\n.\n", NULL, NULL},
    {"", NULL, NULL},
};

static bool
append(const char *data, size_t length, void *out, GError **error)
{
  g_string_append_len(out, data, (gssize)length);
  return true;
}

/* Feeds `wire` in two blocks of exact size that part at `border`. */
static void
check_border(size_t i, size_t border)
{
  struct unstuff unstuff = {UNSTUFF_LINE};
  g_autoptr(GString) out = g_string_new(NULL);
  const char *wire = stuffed[i].wire;
  size_t length = strlen(wire), taken = 0;
  for (int half = 0; half < 2 && unstuff.state != UNSTUFF_END; half++) {
    size_t from = half == 0 ? 0 : border, to = half == 0 ? border : length, used = 0;
    char *block = exact_copy(wire + from, to - from);
    assert_true(unstuff_feed(&unstuff, block, to - from, &used, append, out, NULL));
    free(block);
    taken += used;
  }
  assert_int_equal(unstuff.state == UNSTUFF_END, stuffed[i].content != NULL);
  if (stuffed[i].content == NULL)
    return;
  assert_string_equal(out->str, stuffed[i].content);
  assert_string_equal(wire + taken, stuffed[i].rest);
}

static void
dots_are_taken_off_at_every_border(void **state)
{
  for (size_t i = 0; i < G_N_ELEMENTS(stuffed); i++)
    for (size_t border = 0; border <= strlen(stuffed[i].wire); border++)
      check_border(i, border);
}

static void
nul_bytes_are_content(void **state)
{
  struct unstuff unstuff = {UNSTUFF_LINE};
  g_autoptr(GString) out = g_string_new(NULL);
  static const char wire[] = "a\0b\r\n.\0c\r\n.\r\n";
  size_t used;
  assert_true(unstuff_feed(&unstuff, wire, sizeof wire - 1, &used, append, out, NULL));
  assert_int_equal(unstuff.state, UNSTUFF_END);
  assert_int_equal(out->len, 10);
  assert_memory_equal(out->str, "a\0b\r\n.\0c\r\n", 10);
}

static bool
refuse(const char *data, size_t length, void *out, GError **error)
{
  return error_set(error, POSTINO_ERROR_LOCAL, "full");
}

static void
a_sink_that_fails_ends_it(void **state)
{
  struct unstuff unstuff = {UNSTUFF_LINE};
  g_autoptr(GError) error = NULL;
  size_t used;
  assert_false(unstuff_feed(&unstuff, "abc", 3, &used, refuse, NULL, &error));
  assert_true(error_is(error, POSTINO_ERROR_LOCAL));
}

static void
the_header_block_ends_at_the_empty_line(void **state)
{
  static const struct { const char *bytes; size_t kept; } blocks[] = {
      {"A: b\r\n\r\nbody\r\n\r\n", 8}, {"A: b\n\nbody", 6},  {"A: b\n\r\nbody", 7},
      {"A: b\r\nC: d\r\n", 12},        {"A: b\r\n\nbody", 7}, {"", 0},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(blocks); i++)
    for (size_t border = 0; border <= strlen(blocks[i].bytes); border++) {
      struct header_block block;
      header_block_init(&block);
      header_block_take(&block, blocks[i].bytes, border);
      header_block_take(&block, blocks[i].bytes + border, strlen(blocks[i].bytes) - border);
      assert_int_equal(block.bytes->len, blocks[i].kept);
      header_block_clear(&block);
    }
}

static void
the_digest_is_that_of_top(void **state)
{
  struct header_block top, retr;
  header_block_init(&top);
  header_block_init(&retr);
  static const char head[] = "Subject: x\r\nStatus: RO\r\n\r\n", whole[] = "Subject: x\r\n\r\nbody\r\n";
  header_block_take(&top, head, sizeof head - 1);
  header_block_take(&retr, whole, sizeof whole - 1);
  g_autofree char *a = header_block_digest(&top), *b = header_block_digest(&retr);
  assert_string_equal(a, b);
  header_block_clear(&top);
  header_block_clear(&retr);
}

/* ---- lists ---- */

static const struct { const char *line; guint number; guint64 size; } sizes[] = {
    {"1 120", 1, 120},
    {"1 120 and more", 1, 120},
    {"1\t120", 1, 120},
    {"1000000 0", 1000000, 0},
    {"0 100", 0, 0},
    {"1000001 100", 0, 0},
    {"4294967297 100", 0, 0},
    {"99999999999999999999 100", 0, 0},
    {"1 99999999999999999999", 0, 0},
    {"1 18446744073709551615", 0, 0},
    {"-1 100", 0, 0},
    {"1 -100", 0, 0},
    {"1", 0, 0},
    {"1 ", 0, 0},
    {"", 0, 0},
    {"1x 100", 0, 0},
    {"1 100x", 0, 0},
    {" 1 100", 0, 0},
    {"+OK", 0, 0},
};

static void
sizes_are_read_within_bounds(void **state)
{
  for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
    g_autoptr(listing_t) listing = listing_new();
    assert_true(listing_take_size(listing, sizes[i].line));
    assert_int_equal(listing->odd, sizes[i].number == 0);
    assert_int_equal(listing->letters->len, sizes[i].number != 0);
    if (sizes[i].number == 0)
      continue;
    struct plan_letter *letter = &g_array_index(listing->letters, struct plan_letter, 0);
    assert_int_equal(letter->number, sizes[i].number);
    assert_int_equal(letter->size, sizes[i].size);
  }
}

static void
gaps_and_doubles_are_met(void **state)
{
  g_autoptr(listing_t) listing = listing_new();
  static const char *const lines[] = {"5 50", "2 20", "5 51", "900000 9"};
  for (size_t i = 0; i < G_N_ELEMENTS(lines); i++)
    assert_true(listing_take_size(listing, lines[i]));
  listing_sort(listing);
  assert_int_equal(listing->letters->len, 3);
  assert_int_equal(listing->odd, 1);
  assert_true(listing_take_uid(listing, "2 two"));
  assert_true(listing_take_uid(listing, "900000 last"));
  assert_true(listing_take_uid(listing, "2 again"));
  assert_true(listing_take_uid(listing, "3 stranger"));
  assert_true(listing_take_uid(listing, "5"));
  assert_int_equal(listing->odd, 4);
  struct plan_letter *letters = (struct plan_letter *)(void *)listing->letters->data;
  assert_string_equal(letters[0].uid, "two");
  assert_null(letters[1].uid);
  assert_string_equal(letters[2].uid, "last");
}

static void
nonsense_without_end_is_given_up(void **state)
{
  g_autoptr(listing_t) listing = listing_new();
  guint lines = 0;
  while (lines < 5000 && listing_take_size(listing, "250-line"))
    lines++;
  assert_in_range(lines, 100, 2000);
}

static void
uids_are_kept_as_they_may_be(void **state)
{
  g_autofree char *seventy = g_strnfill(70, 'x'), *longer = g_strnfill(71, 'x');
  static const struct { const char *uid, *kept; } uids[] = {
      {"abc", "abc"},   {"!", "!"},     {"a", "a"},      {"", NULL},  {"  ", NULL},
      {"abc ", "abc"},  {"a b", "~~"},  {"a\033[b", "~~"}, {"\xe9", "~~"}, {"~x", "~~"},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(uids); i++) {
    g_autofree char *kept = listing_clean_uid(uids[i].uid);
    if (uids[i].kept == NULL)
      assert_null(kept);
    else if (g_str_equal(uids[i].kept, "~~")) {
      assert_true(g_str_has_prefix(kept, "~~"));
      assert_int_equal(strlen(kept), 66);
    } else
      assert_string_equal(kept, uids[i].kept);
  }
  g_autofree char *kept = listing_clean_uid(seventy), *shortened = listing_clean_uid(longer);
  assert_string_equal(kept, seventy);
  assert_true(g_str_has_prefix(shortened, "~~"));
}

static void
response_codes_say_what_to_do(void **state)
{
  static const struct { const char *text; int status; } codes[] = {
      {"[AUTH] no", 77},        {"[auth]", 77},          {"[SYS/TEMP] later", 75},
      {"[SYS/PERM] never", 69}, {"[IN-USE] locked", 75}, {"[LOGIN-DELAY] wait", 75},
      {"[AUTH no", 76},         {"no", 76},              {"[NEW/CODE] x", 76},
      {"", 76},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(codes); i++) {
    g_autoptr(GError) error = NULL;
    error_set(&error, pop3_code(codes[i].text, POSTINO_ERROR_PROTOCOL), "x");
    assert_int_equal(error_exit_status(error), codes[i].status);
  }
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(dots_are_taken_off_at_every_border),
      cmocka_unit_test(nul_bytes_are_content),
      cmocka_unit_test(a_sink_that_fails_ends_it),
      cmocka_unit_test(the_header_block_ends_at_the_empty_line),
      cmocka_unit_test(the_digest_is_that_of_top),
      cmocka_unit_test(sizes_are_read_within_bounds),
      cmocka_unit_test(gaps_and_doubles_are_met),
      cmocka_unit_test(nonsense_without_end_is_given_up),
      cmocka_unit_test(uids_are_kept_as_they_may_be),
      cmocka_unit_test(response_codes_say_what_to_do),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

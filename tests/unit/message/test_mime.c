#include "message/mime.h"

#include "base/limits.h"
#include "tests/unit/test.h"

/* The tree as "media(children)" with the body of leaves in brackets. */
static void
describe(const struct mime *mime, int i, GString *out)
{
  const struct mime_part *part = mime_part(mime, (guint)i);
  g_string_append(out, part->media);
  if (part->kind == MIME_LEAF) {
    g_autofree char *body = g_strndup(part->body, (gsize)(part->end - part->body));
    g_string_append_printf(out, "[%s]", body);
    return;
  }
  g_string_append_c(out, '(');
  for (int child = mime_first(mime, i); child >= 0; child = mime_next(mime, child)) {
    if (child != mime_first(mime, i))
      g_string_append_c(out, ' ');
    describe(mime, child, out);
  }
  g_string_append_c(out, ')');
}

static char *
tree_of(const char *text)
{
  size_t length = strlen(text);
  char *exact = exact_copy(text, length);
  g_autoptr(mime_t) mime = mime_parse(exact, length);
  GString *out = g_string_new(NULL);
  describe(mime, 0, out);
  free(exact);
  return g_string_free(out, FALSE);
}

#define MIXED(boundary) "Content-Type: multipart/mixed; boundary=" boundary "\n\n"

struct row { const char *letter, *tree; };

static void
letters_are_cut_into_parts(void **state)
{
  static const struct row rows[] = {
      {"", "text/plain[]"},
      {"no header here", "text/plain[no header here]"},
      {"Subject: a\n\nbody\n", "text/plain[body\n]"},
      {"From x@y Mon\nContent-Type: text/html\n\nb", "text/html[b]"},
      {"Content-Type: nonsense\n\nb", "text/plain[b]"},
      {MIXED("a") "pre\n--a\n\none\n--a\n\ntwo\n--a--\nepi",
       "multipart/mixed(text/plain[one] text/plain[two])"},
      {"Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n\r\none\r\n--a  \t\r\n\r\ntwo\r\n"
       "--a--\r\n",
       "multipart/mixed(text/plain[one] text/plain[two])"},
      /* Line ends mixed; the first delimiter at the very start. */
      {MIXED("a") "--a\r\n\none\r\n--a\n\r\ntwo\n--a--",
       "multipart/mixed(text/plain[one] text/plain[two])"},
      /* No closing delimiter, no blank line, an empty part. */
      {MIXED("a") "--a\n\none\n--a\n\ntwo\n", "multipart/mixed(text/plain[one] text/plain[two\n])"},
      {MIXED("a") "--a\n--a\n\n--a\n\n\n--a--",
       "multipart/mixed(text/plain[] text/plain[] text/plain[])"},
      {MIXED("a") "--a\nContent-Type: text/html\n--a--", "multipart/mixed(text/html[])"},
      /* A boundary that another begins with; a delimiter that looks like a field. */
      {MIXED("a") "--a\n" MIXED("ab") "--ab\n\none\n--ab--\n--a\n\ntwo\n--a--",
       "multipart/mixed(multipart/mixed(text/plain[one]) text/plain[two])"},
      {"Content-Type: multipart/mixed; boundary=\"a:b\"\n\n--a:b\nX: y\n--a:b\n\ntwo\n--a:b--",
       "multipart/mixed(text/plain[] text/plain[two])"},
      /* The outer delimiter ends inner parts that were not closed. */
      {MIXED("a") "--a\n" MIXED("b") "--b\n\none\n--a\n\ntwo\n--a--",
       "multipart/mixed(multipart/mixed(text/plain[one]) text/plain[two])"},
      {MIXED("a") "not--a\n --a\n--a b\n--", "multipart/mixed()"},
      {"Content-Type: multipart/mixed\n\n--a\n\nx", "text/plain[--a\n\nx]"},
      {"Content-Type: multipart/mixed; boundary=\"\"\n\n--\n\nx", "text/plain[--\n\nx]"},
      {"Content-Type: multipart/mixed; boundary=\"a\n\n--a\n\nx\n", "multipart/mixed(text/plain[x\n])"},
      {"Content-Type: message/rfc822\n\nSubject: x\n\nin", "message/rfc822(text/plain[in])"},
      {"Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n"
       "U3ViamVjdDogeAoKaW4=\nfooter of a list",
       "message/rfc822(text/plain[in])"},
      {"Content-Type: multipart/digest; boundary=a\n\n--a\n\nSubject: x\n\none\n--a--",
       "multipart/digest(message/rfc822(text/plain[one]))"},
      {MIXED("a") "--a\nContent-Type: message/rfc822\n\nSubject: x\n\nin\n--a\n\nout\n--a--",
       "multipart/mixed(message/rfc822(text/plain[in]) text/plain[out])"},
      {"Content-Type: text/html\nContent-Type: text/plain\n\nx", "text/html[x]"},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autofree char *tree = tree_of(rows[i].letter);
    assert_string_equal(tree, rows[i].tree);
  }
}

static void
parts_are_numbered_without_multiparts(void **state)
{
  static const char letter[] = MIXED("a") "--a\n" MIXED("b") "--b\n\none\n--b--\n--a\n"
                                          "Content-Type: message/rfc822\n\n\ntwo\n--a--";
  g_autoptr(mime_t) mime = mime_parse(letter, sizeof letter - 1);
  assert_string_equal(mime_numbered(mime, 1)->media, "text/plain");
  assert_string_equal(mime_numbered(mime, 2)->media, "message/rfc822");
  assert_string_equal(mime_numbered(mime, 3)->media, "text/plain");
  assert_null(mime_numbered(mime, 4));
  assert_null(mime_numbered(mime, 0));
  assert_null(mime_numbered(mime, -1));
}

struct faults { const char *letter; bool no_boundary, unclosed, doubled; };

static void
what_is_broken_is_known(void **state)
{
  static const struct faults rows[] = {
      {MIXED("a") "--a\n\nx\n--a--", false, false, false},
      {MIXED("a") "--a\n\nx\n", false, true, false},
      {"Content-Type: multipart/mixed\n\nx", true, false, false},
      {"Content-Type: text/plain\nContent-Type: text/html\n\nx", false, false, true},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autoptr(mime_t) mime = mime_parse(rows[i].letter, strlen(rows[i].letter));
    assert_int_equal(mime->no_boundary, rows[i].no_boundary);
    assert_int_equal(mime->unclosed, rows[i].unclosed);
    assert_int_equal(mime->doubled, rows[i].doubled);
  }
}

static void
depth_is_bounded_whatever_nests(void **state)
{
  g_autoptr(GString) multiparts = g_string_new(NULL);
  for (int i = 0; i < 16000; i++)
    g_string_append_printf(multiparts, "Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n", i, i);
  g_autoptr(GString) messages = g_string_new(NULL);
  for (int i = 0; i < 40000; i++)
    g_string_append(messages, "Content-Type: message/rfc822\n\n");
  const GString *letters[] = {multiparts, messages};
  for (size_t i = 0; i < G_N_ELEMENTS(letters); i++) {
    g_autoptr(mime_t) mime = mime_parse(letters[i]->str, letters[i]->len);
    assert_int_equal(mime->parts->len, LIMIT_PART_DEPTH + 1);
    assert_true(mime->cut_depth);
    const struct mime_part *last = mime_part(mime, LIMIT_PART_DEPTH);
    assert_int_equal(last->kind, MIME_LEAF);
    assert_ptr_equal(last->end, letters[i]->str + letters[i]->len);
  }
}

static void
encoded_messages_nest_within_the_same_bound(void **state)
{
  g_autofree char *letter = g_strdup("Subject: innermost\n\nx");
  for (int i = 0; i < 30; i++) {
    g_autofree char *encoded = g_base64_encode((const guchar *)letter, strlen(letter));
    g_free(letter);
    letter = g_strconcat("Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n",
                         encoded, NULL);
  }
  g_autoptr(mime_t) mime = mime_parse(letter, strlen(letter));
  assert_int_equal(mime->parts->len, LIMIT_PART_DEPTH + 1);
  assert_true(mime->cut_depth);
}

static void
the_number_of_parts_is_bounded(void **state)
{
  static const char *const parts[] = {"--a\n\nx\n", "--a\n", "--a\nA: b\n", "--a\n--a--\n"};
  for (size_t i = 0; i < G_N_ELEMENTS(parts); i++) {
    g_autoptr(GString) letter = g_string_new(MIXED("a"));
    for (int n = 0; n < 100000; n++)
      g_string_append(letter, parts[i]);
    g_autoptr(mime_t) mime = mime_parse(letter->str, letter->len);
    assert_true(mime->parts->len <= LIMIT_PARTS);
  }
}

static void
large_and_hostile_letters_stay_within_bounds(void **state)
{
  /* Each fills five megabytes below two boundaries; every body must be within
   * the letter. */
  static const char *const units[] = {"-", "--", "\n--", "\n--a", "--ab\n", "--a \n", "\r\n", "A: b\n",
                                      "(", "--a: b\n", "--a\n" MIXED("a"), "\n", "=\n", ">"};
  for (size_t i = 0; i < G_N_ELEMENTS(units); i++) {
    g_autoptr(GString) letter = g_string_new(MIXED("a") "--a\n" MIXED("aa") "--aa\n");
    while (letter->len < 5000000)
      g_string_append(letter, units[i]);
    g_autoptr(mime_t) mime = mime_parse(letter->str, letter->len);
    assert_in_range(mime->parts->len, 3, LIMIT_PARTS);
    for (guint p = 0; p < mime->parts->len; p++) {
      const struct mime_part *part = mime_part(mime, p);
      assert_true(part->start >= letter->str && part->body >= part->start &&
                  part->end >= part->body && part->end <= letter->str + letter->len);
    }
  }
}

struct code { const char *encoding, *in, *out; };

static void
transfer_encodings_are_undone(void **state)
{
  static const struct code rows[] = {
      {"7bit", "a=20b", "a=20b"},
      {"Base64", "Y2lhbw==", "ciao"},
      {"base64 (x)", "Y2\r\nl h!bw", "ciao"},
      {"base64", "Y2lhbw==\n-- \nfooter", "ciao"},
      {"base64", "Y2lhb", "cia"},
      {"base64", "", ""},
      {"quoted-printable", "a=3D=\nb =\r\nc", "a=b c"},
      {"quoted-printable", "a  \nb\t\r\nc  ", "a\nb\r\nc"},
      {"quoted-printable", "a=", "a"},
      {"quoted-printable", "a=4", "a=4"},
      {"quoted-printable", "a=zz=c3=A8", "a=zz\xc3\xa8"},
      {"quoted-printable", "a=  \nb", "ab"},
      {"x-uuencode", "begin 644 x\n$8VEA;P``\n`\nend\n", "ciao"},
      {"x-uuencode", "begin 644 x\n", ""},
      {"x-nothing", "a", "a"},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    size_t length = strlen(rows[i].in);
    char *exact = exact_copy(rows[i].in, length);
    enum transfer transfer = transfer_parse(rows[i].encoding);
    g_autoptr(GByteArray) out = g_byte_array_new();
    assert_true(transfer_decode(out, transfer, exact, length, SIZE_MAX));
    assert_int_equal(out->len, strlen(rows[i].out));
    if (out->len > 0)
      assert_memory_equal(out->data, rows[i].out, out->len);
    assert_int_equal(transfer_size(transfer, exact, length), out->len);
    free(exact);
  }
  assert_int_equal(transfer_parse(NULL), TRANSFER_IDENTITY);
}

static void
decoding_stops_at_its_limit(void **state)
{
  static const char *const encodings[] = {"7bit", "base64", "quoted-printable"};
  for (size_t i = 0; i < G_N_ELEMENTS(encodings); i++) {
    g_autoptr(GByteArray) out = g_byte_array_new();
    assert_false(transfer_decode(out, transfer_parse(encodings[i]), "YWFhYWFhYWFh", 12, 5));
    assert_int_equal(out->len, 5);
  }
}

struct name { const char *fields, *name; };

static void
names_of_attachments_are_safe(void **state)
{
  static const struct name rows[] = {
      {"Content-Disposition: attachment; filename=\"../../../.profile\"", "profile"},
      {"Content-Disposition: attachment; filename=\"-rf ~\"", "rf ~"},
      {"Content-Disposition: attachment; filename*=UTF-8''riga%0Anuova%1B%5B31m%E2%80%AEtxt.exe",
       "riga nuova[31mtxt.exe"},
      {"Content-Disposition: attachment; filename=\"..\"", "attachment"},
      {"Content-Type: image/png; name=\"=?UTF-8?Q?=C3=A8.png?=\"", "\xc3\xa8.png"},
      {"Content-Type: image/png", NULL},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autofree char *letter = g_strconcat(rows[i].fields, "\n\n", NULL);
    g_autoptr(mime_t) mime = mime_parse(letter, strlen(letter));
    g_autofree char *name = mime_name(mime_part(mime, 0));
    if (rows[i].name == NULL)
      assert_null(name);
    else
      assert_string_equal(name, rows[i].name);
  }
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(letters_are_cut_into_parts),
      cmocka_unit_test(parts_are_numbered_without_multiparts),
      cmocka_unit_test(what_is_broken_is_known),
      cmocka_unit_test(depth_is_bounded_whatever_nests),
      cmocka_unit_test(encoded_messages_nest_within_the_same_bound),
      cmocka_unit_test(the_number_of_parts_is_bounded),
      cmocka_unit_test(large_and_hostile_letters_stay_within_bounds),
      cmocka_unit_test(transfer_encodings_are_undone),
      cmocka_unit_test(decoding_stops_at_its_limit),
      cmocka_unit_test(names_of_attachments_are_safe),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

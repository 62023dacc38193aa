#include "message/rendered.h"
#include "message/report.h"

#include "tests/unit/test.h"

static const char letter[] =
    "Received: from a by b with ESMTPS; Mon, 23 Nov 2026 20:56:18 +0000\nFrom: A <a@x.example>\n"
    "To: b@x\nSubject: s\nMessage-ID: <1@x>\nReferences: <0@x>\n"
    "List-Post: <mailto:l@x.example>\nList-Unsubscribe: <https://x.example>\n"
    "Content-Type: multipart/mixed; boundary=b\n\n--b\n\n> ciao\nb\n"
    "--b\nContent-Disposition: attachment; filename=f.txt\n\nx\n--b--";

/* Through bytes, as between processes. */
static GVariant *
carried(GVariant *variant)
{
  g_autoptr(GVariant) sent = g_variant_ref_sink(variant);
  g_autoptr(GBytes) bytes = g_variant_get_data_as_bytes(sent);
  return g_variant_ref_sink(g_variant_new_from_bytes(g_variant_get_type(sent), bytes, FALSE));
}

static void
a_rendered_letter_survives_the_way(void **state)
{
  struct render_options options = {0};
  g_autoptr(rendered_t) before = render_message(letter, sizeof letter - 1, &options);
  g_autoptr(GVariant) variant = carried(rendered_to_variant(before));
  g_autoptr(rendered_t) after = rendered_from_variant(variant);
  assert_non_null(after);
  g_autoptr(GVariant) first = g_variant_ref_sink(rendered_to_variant(before));
  g_autoptr(GVariant) again = g_variant_ref_sink(rendered_to_variant(after));
  assert_true(g_variant_equal(first, again));
  assert_int_equal(after->lines->len, 2);
  assert_int_equal(after->parts->len, 2);
  assert_string_equal(after->list_post, "l@x.example");
}

static void
an_empty_letter_survives_too(void **state)
{
  g_autoptr(rendered_t) before = rendered_new();
  g_autoptr(GVariant) variant = carried(rendered_to_variant(before));
  g_autoptr(rendered_t) after = rendered_from_variant(variant);
  assert_non_null(after);
  assert_null(after->message_id);
  assert_string_equal(after->subject, "");
}

static void
an_index_document_survives_the_way(void **state)
{
  g_autoptr(index_doc_t) before = index_message(letter, sizeof letter - 1, 1795467378);
  g_autoptr(GVariant) variant = carried(index_doc_to_variant(before));
  g_autoptr(index_doc_t) after = index_doc_from_variant(variant);
  assert_non_null(after);
  assert_string_equal(after->text, before->text);
  assert_string_equal(after->digest, before->digest);
  assert_string_equal(after->filenames, "f.txt\n");
  assert_int_equal(after->marks, INDEX_ATTACHMENT);
}

static void
a_report_survives_the_way(void **state)
{
  static const char bounce[] = "From: MAILER-DAEMON@x.example\n\n<a@x.example>: 550 5.1.1 no\n";
  g_autoptr(report_t) before = report_parse(bounce, sizeof bounce - 1);
  g_autoptr(GVariant) variant = carried(report_to_variant(before));
  g_autoptr(report_t) after = report_from_variant(variant);
  assert_non_null(after);
  const struct report_recipient *recipient = after->recipients->pdata[0];
  assert_string_equal(recipient->spec, "a@x.example");
  assert_string_equal(recipient->status, "5.1.1");
  assert_string_equal(recipient->reason, "550 5.1.1 no");
}

/* The variant of `letter` with its field `i` replaced. */
static GVariant *
with_field(GVariant *whole, gsize i, GVariant *field)
{
  gsize n = g_variant_n_children(whole);
  g_autofree GVariant **fields = g_new(GVariant *, n);
  for (gsize k = 0; k < n; k++)
    fields[k] = k == i ? g_variant_ref_sink(field) : g_variant_get_child_value(whole, k);
  GVariant *changed = g_variant_ref_sink(g_variant_new_tuple(fields, n));
  for (gsize k = 0; k < n; k++)
    g_variant_unref(fields[k]);
  return changed;
}

struct row { gsize field; const char *text; };

static void
values_out_of_range_are_refused(void **state)
{
  static const struct row rows[] = {
      {0, "@u 99"},
      {11, "@a(uibs) [(7, 0, false, '')]"},
      {11, "@a(uibs) [(0, -1, false, '')]"},
      {11, "@a(uibs) [(0, 101, false, '')]"},
      {12, "@a(usmstbb) [(0, 'a/b', nothing, 0, false, false)]"},
      {12, "@a(usmstbb) [(501, 'a/b', nothing, 0, false, false)]"},
      {11, "@as []"},
  };
  struct render_options options = {0};
  g_autoptr(rendered_t) rendered = render_message(letter, sizeof letter - 1, &options);
  g_autoptr(GVariant) whole = g_variant_ref_sink(rendered_to_variant(rendered));
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    GVariant *field = g_variant_parse(NULL, rows[i].text, NULL, NULL, NULL);
    assert_non_null(field);
    g_autoptr(GVariant) changed = with_field(whole, rows[i].field, field);
    g_variant_unref(field);
    g_autoptr(rendered_t) read = rendered_from_variant(changed);
    assert_null(read);
  }
  assert_null(rendered_from_variant(NULL));
}

static void
counts_out_of_range_are_refused(void **state)
{
  struct render_options options = {0};
  g_autoptr(rendered_t) rendered = render_message(letter, sizeof letter - 1, &options);
  g_autoptr(GVariant) whole = g_variant_ref_sink(rendered_to_variant(rendered));
  g_autoptr(GPtrArray) many = g_ptr_array_new();
  for (int i = 0; i < 5000; i++)
    g_ptr_array_add(many, (gpointer)"x");
  static const gsize fields[] = {9, 13};
  for (size_t i = 0; i < G_N_ELEMENTS(fields); i++) {
    GVariant *field = g_variant_new_strv((const char *const *)many->pdata, many->len);
    g_autoptr(GVariant) changed = with_field(whole, fields[i], field);
    assert_null(rendered_from_variant(changed));
  }
}

static void
strings_are_cleaned_again(void **state)
{
  struct render_options options = {0};
  g_autoptr(rendered_t) rendered = render_message(letter, sizeof letter - 1, &options);
  g_autoptr(GVariant) whole = g_variant_ref_sink(rendered_to_variant(rendered));
  GVariant *lines = g_variant_new_parsed("[(@u 0, 0, false, 'a\\u001b[1m\\nb\\u202e')]");
  g_autoptr(GVariant) changed = with_field(whole, 11, lines);
  g_autoptr(rendered_t) read = rendered_from_variant(changed);
  assert_non_null(read);
  const struct rendered_line *line = read->lines->pdata[0];
  assert_string_equal(line->text, "a\xef\xbf\xbd[1m b");
  GVariant *parts = g_variant_new_parsed("[(@u 1, 'a/b', @ms '../../x', @t 0, false, false)]");
  g_autoptr(GVariant) named = with_field(whole, 12, parts);
  g_autoptr(rendered_t) second = rendered_from_variant(named);
  assert_string_equal(((struct rendered_part *)second->parts->pdata[0])->name, "x");
}

/* Any bytes may come from a reader that was taken over. */
static void
damaged_bytes_never_harm(void **state)
{
  struct render_options options = {0};
  g_autoptr(rendered_t) rendered = render_message(letter, sizeof letter - 1, &options);
  g_autoptr(index_doc_t) doc = index_message(letter, sizeof letter - 1, 0);
  g_autoptr(GVariant) whole = g_variant_ref_sink(rendered_to_variant(rendered));
  g_autoptr(GVariant) index = g_variant_ref_sink(index_doc_to_variant(doc));
  GVariant *variants[] = {whole, index};
  for (size_t v = 0; v < G_N_ELEMENTS(variants); v++) {
    gsize size = g_variant_get_size(variants[v]);
    const char *data = g_variant_get_data(variants[v]);
    for (gsize i = 0; i < size; i++) {
      char *copy = exact_copy(data, size);
      copy[i] = (char)(copy[i] ^ (i % 2 == 0 ? 0xff : 0x11));
      g_autoptr(GVariant) damaged = g_variant_ref_sink(g_variant_new_from_data(
          g_variant_get_type(variants[v]), copy, size, FALSE, free, copy));
      g_autoptr(rendered_t) first = rendered_from_variant(damaged);
      g_autoptr(index_doc_t) second = index_doc_from_variant(damaged);
      assert_true(first == NULL || second == NULL);
    }
  }
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_rendered_letter_survives_the_way),
      cmocka_unit_test(an_empty_letter_survives_too),
      cmocka_unit_test(an_index_document_survives_the_way),
      cmocka_unit_test(a_report_survives_the_way),
      cmocka_unit_test(values_out_of_range_are_refused),
      cmocka_unit_test(counts_out_of_range_are_refused),
      cmocka_unit_test(strings_are_cleaned_again),
      cmocka_unit_test(damaged_bytes_never_harm),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

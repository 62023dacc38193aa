/* Header protection (RFC 9788), out and in. */
#include "message/draft.h"
#include "message/headers.h"
#include "tests/unit/test.h"

#define LETTER                                                                                     \
  "From: Anna <anna@x.example>\r\nTo: bruno@x.example,\r\n\tcarla@x.example\r\n"                   \
  "Bcc: hidden@x.example\r\nSubject: true subject\r\nMessage-ID: <1@x.example>\r\n"                \
  "X-Postino-Draft: sign=yes\r\nMIME-Version: 1.0\r\n"
#define ENTITY                                                                                     \
  "Content-Type: text/plain; charset=us-ascii;\r\n\tformat=flowed\r\n"                             \
  "Content-Transfer-Encoding: 7bit\r\n\r\nSubject: no field\r\n\r\ntext\r\n"

static GBytes *
exact_bytes(const char *text)
{
  return g_bytes_new(text, strlen(text));
}

static char *
text_of(GBytes *bytes)
{
  return g_strndup(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));
}

static char *
protect(const char *entity, const char *letter, bool sealed)
{
  g_autofree char *a = exact_copy(entity, strlen(entity));
  g_autofree char *b = exact_copy(letter, strlen(letter));
  g_autoptr(GBytes) in = g_bytes_new_static(a, strlen(entity));
  g_autoptr(GBytes) outer = g_bytes_new_static(b, strlen(letter));
  g_autoptr(GBytes) made = entity_protect(in, outer, sealed);
  return text_of(made);
}

static void
sealed_entity_carries_the_fields_and_says_what_stood_outside(void **state)
{
  g_autofree char *made = protect(ENTITY, LETTER, true);
  assert_string_equal(
      made, "Content-Type: text/plain; charset=us-ascii;\r\n\tformat=flowed;\r\n\thp=\"cipher\"\r\n"
            "Content-Transfer-Encoding: 7bit\r\n"
            "From: Anna <anna@x.example>\r\nTo: bruno@x.example,\r\n\tcarla@x.example\r\n"
            "Subject: true subject\r\nMessage-ID: <1@x.example>\r\n"
            "HP-Outer: From: Anna <anna@x.example>\r\n"
            "HP-Outer: To: bruno@x.example,\r\n\tcarla@x.example\r\n"
            "HP-Outer: Subject: [...]\r\nHP-Outer: Message-ID: <1@x.example>\r\n"
            "\r\nSubject: no field\r\n\r\ntext\r\n");
}

static void
signed_entity_carries_the_fields_in_the_clear(void **state)
{
  g_autofree char *made = protect(ENTITY, LETTER "\r\nbody: x\r\n", false);
  assert_non_null(strstr(made, "hp=\"clear\"\r\n"));
  assert_non_null(strstr(made, "\r\nSubject: true subject\r\n"));
  assert_null(strstr(made, "HP-Outer"));
  assert_null(strstr(made, "body: x"));
  assert_null(strstr(made, "hidden@x.example"));
}

static void
bare_entity_is_the_one_that_was_protected(void **state)
{
  g_autofree char *made = protect(ENTITY, LETTER, true);
  g_autoptr(GBytes) bytes = exact_bytes(made);
  g_autoptr(GBytes) bare = entity_bare(bytes);
  g_autofree char *text = text_of(bare);
  assert_string_equal(text, "Content-Type: text/plain; charset=us-ascii;\r\n\tformat=flowed;\r\n"
                            "\thp=\"cipher\"\r\nContent-Transfer-Encoding: 7bit\r\n\r\n"
                            "Subject: no field\r\n\r\ntext\r\n");
}

static void
any_bytes_are_protected_without_an_over_read(void **state)
{
  static const char *const odd[] = {"", "\n", "\r\n", ":", "Content-Type:", "Content-Type: a/b;",
                                    "Content-Type: a/b\n\tc", "x", "\t\n", "Subject: x"};
  for (gsize i = 0; i < G_N_ELEMENTS(odd); i++)
    for (gsize j = 0; j < G_N_ELEMENTS(odd); j++) {
      g_autofree char *made = protect(odd[i], odd[j], j % 2 == 0);
      assert_non_null(made);
    }
}

static struct rendered *
render(const char *text)
{
  struct render_options options = {0};
  g_autofree char *exact = exact_copy(text, strlen(text));
  return render_message(exact, strlen(text), &options);
}

static void
protection_is_seen_and_what_is_said_twice_is_shown_once(void **state)
{
  static const struct { const char *text; bool protects; const char *shown; } table[] = {
      {"Content-Type: text/plain\nSubject: x\n\ntext\n", false, "text"},
      {"Content-Type: text/plain; hp=cipher\nSubject: x\n\ntext\n", true, "text"},
      {"Content-Type: text/plain; hp=\"clear\"\nSubject: x\n\ntext\n", true, "text"},
      {"Content-Type: text/plain; hp=other\nSubject: x\n\ntext\n", false, "text"},
      {"Content-Type: text/plain; protected-headers=\"v1\"\nSubject: x\n\ntext\n", true, "text"},
      {"Content-Type: text/plain; hp=cipher; hp-legacy-display=1\nSubject: x\n\n"
       "Subject: x\n\ntext\n", true, "text"},
      {"Content-Type: multipart/mixed; boundary=b; protected-headers=\"v1\"\nSubject: x\n\n"
       "--b\nContent-Type: text/plain; protected-headers=\"v1\"\n\nSubject: x\n\n"
       "--b\nContent-Type: text/plain\n\ntext\n--b--\n", true, "text"},
      {"Content-Type: multipart/mixed; boundary=b\nSubject: x\n\n"
       "--b\nContent-Type: text/plain; protected-headers=\"v1\"\n\nfirst\n"
       "--b--\n", false, "first"},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(table); i++) {
    g_autoptr(rendered_t) rendered = render(table[i].text);
    g_autofree char *shown = rendered_text(rendered);
    if (rendered->protects != table[i].protects || strcmp(g_strstrip(shown), table[i].shown) != 0)
      fail_msg("%s: %d, %s", table[i].text, rendered->protects, shown);
    g_autoptr(GVariant) variant = g_variant_ref_sink(rendered_to_variant(rendered));
    g_autoptr(rendered_t) again = rendered_from_variant(variant);
    assert_non_null(again);
    assert_int_equal(again->protects, table[i].protects);
  }
}

static void
hidden_subject_is_displayed_to_those_who_do_not_look_within(void **state)
{
  g_autoptr(draft_t) draft = draft_new();
  struct build_options build = {.entity_only = true, .hidden_subject = "true subject"};
  draft->body = g_strdup("text\n");
  g_autoptr(GBytes) entity = draft_build(draft, &build, NULL);
  g_autofree char *made = text_of(entity);
  assert_non_null(strstr(made, "hp-legacy-display=\"1\""));
  assert_non_null(strstr(made, "\r\n\r\nSubject: true subject\r\n\r\ntext\r\n"));
  g_autofree char *letter = g_strconcat(LETTER, made, NULL);
  g_autoptr(draft_t) again = draft_from_message(letter, strlen(letter), "home", NULL);
  assert_string_equal(again->body, "text\n");
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(hidden_subject_is_displayed_to_those_who_do_not_look_within),
      cmocka_unit_test(sealed_entity_carries_the_fields_and_says_what_stood_outside),
      cmocka_unit_test(signed_entity_carries_the_fields_in_the_clear),
      cmocka_unit_test(bare_entity_is_the_one_that_was_protected),
      cmocka_unit_test(any_bytes_are_protected_without_an_over_read),
      cmocka_unit_test(protection_is_seen_and_what_is_said_twice_is_shown_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

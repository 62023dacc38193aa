#include "message/rendered.h"

#include "base/limits.h"
#include "tests/unit/test.h"

static struct rendered *
render(const char *letter, bool html, bool raw)
{
  size_t length = strlen(letter);
  char *exact = exact_copy(letter, length);
  struct render_options options = {.html = html, .raw = raw};
  struct rendered *rendered = render_message(exact, length, &options);
  free(exact);
  return rendered;
}

/* Each line as its kind's letter, its quoting and text. */
static char *
kinds(const struct rendered *rendered)
{
  GString *out = g_string_new(NULL);
  for (guint i = 0; i < rendered->lines->len; i++) {
    const struct rendered_line *line = rendered->lines->pdata[i];
    g_string_append_printf(out, "%c%d%s%s\n", "TQSHNRL"[line->kind], line->quote,
                           line->fixed ? "f" : " ", line->text);
  }
  return g_string_free(out, FALSE);
}

struct row { const char *letter, *plain, *html; };

#define ALTERNATIVE "Content-Type: multipart/alternative; boundary=b\n\n"
#define MIXED "Content-Type: multipart/mixed; boundary=b\n\n"
#define HTML "--b\nContent-Type: text/html\n\n"
#define PLAIN "--b\n\n"

static void
letters_become_lines(void **state)
{
  static const struct row rows[] = {
      {"", "", NULL},
      {"S: x\n\nciao\n\n\n", "T0 ciao\n", NULL},
      {"S: x\n\n> a\n>> b\n> > c\n>d\nx > y\n", "Q1 a\nQ2 b\nQ2 c\nQ1 d\nT0 x > y\n", NULL},
      {"S: x\n\na\n-- \nme\n> q\n", "T0 a\nS0 -- \nS0 me\nQ1 q\n", NULL},
      {"S: x\n\n  a\nb   c\nd\te\n", "T0f  a\nT0fb   c\nT0fd\te\n", NULL},
      {"Content-Type: text/plain; format=flowed\n\na \nb\n> c \n> d\n>> e\n f\n-- \nme \nagain\n",
       "T0 a b\nQ1 c d\nQ2 e\nT0 f\nS0 -- \nS0 me again\n", NULL},
      {"Content-Type: text/plain; format=flowed; delsp=yes\n\na \nb\n", "T0 ab\n", NULL},
      {"Content-Type: text/plain; charset=iso-8859-1\n\ncos\xec\n", "T0 cos\xc3\xac\n", NULL},
      {"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\nY2nDsg==",
       "T0 ci\xc3\xb2\n", NULL},
      {"S: x\n\na\x1b[31m\xe2\x80\xae\x00", "T0 a\xef\xbf\xbd[31m\n", NULL},
      {ALTERNATIVE PLAIN "plain\n" HTML "<b>html\n--b--", "T0 plain\n", "T0 html\n"},
      {ALTERNATIVE PLAIN "  \n" HTML "<b>html\n--b--", "T0 html\n", "T0 html\n"},
      {ALTERNATIVE HTML "<b>html\n--b--", "T0 html\n", "T0 html\n"},
      {ALTERNATIVE PLAIN "plain\n--b\nContent-Type: multipart/related; boundary=c\n\n--c\n"
                         "Content-Type: text/html\n\n<b>html\n--c\nContent-Type: image/png\n\nx\n"
                         "--c--\n--b--",
       "T0 plain\n", "T0 html\n"},
      {MIXED PLAIN "one\n" PLAIN "two\n--b--", "T0 one\nT0 \nT0 two\n", NULL},
      {MIXED PLAIN "one\n--b\nContent-Disposition: attachment\n\ntwo\n--b--", "T0 one\n", NULL},
      {MIXED PLAIN "one\n--b\nContent-Type: message/rfc822\n\nFrom: a@b\nSubject: s\nX: y\n\nin\n--b--",
       "T0 one\nR0 \nH0 From: a@b\nH0 Subject: s\nT0 \nT0 in\n", NULL},
      {MIXED "--b\nContent-Type: text/x-patch\n\n+a\n--b--", "T0f+a\n", NULL},
      {"Content-Type: multipart/signed; boundary=b\n\n" PLAIN "one\n" PLAIN "two\n--b--",
       "T0 one\n", NULL},
      {"Content-Type: multipart/encrypted; boundary=b\n\n" PLAIN "one\n" PLAIN "two\n--b--", "", NULL},
      {MIXED "nothing here\n", "T0 nothing here\n", NULL},
      {"Content-Type: image/png\n\nx", "", NULL},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autoptr(rendered_t) plain = render(rows[i].letter, false, false);
    g_autofree char *text = kinds(plain);
    assert_string_equal(text, rows[i].plain);
    if (rows[i].html == NULL)
      continue;
    g_autoptr(rendered_t) html = render(rows[i].letter, true, false);
    g_autofree char *html_text = kinds(html);
    assert_string_equal(html_text, rows[i].html);
  }
}

struct envelope { const char *letter; enum envelope_kind kind; };

static void
the_outermost_structure_says_what_a_letter_claims_to_be(void **state)
{
  static const struct envelope rows[] = {
      {"S: x\n\nciao", ENVELOPE_PLAIN},
      {"Content-Type: multipart/signed; protocol=\"application/pgp-signature\"; boundary=b\n\n",
       ENVELOPE_PGP_SIGNED},
      {"Content-Type: multipart/signed; protocol=\"application/x-pkcs7-signature\"; boundary=b\n\n",
       ENVELOPE_SMIME_SIGNED},
      {"Content-Type: multipart/signed; boundary=b\n\n--b\n\nx\n--b\n"
       "Content-Type: application/pgp-signature\n\ny\n--b--",
       ENVELOPE_PGP_SIGNED},
      {"Content-Type: multipart/signed; protocol=other; boundary=b\n\n", ENVELOPE_PLAIN},
      {"Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=b\n\n",
       ENVELOPE_PGP_SEALED},
      {"Content-Type: application/pkcs7-mime; smime-type=signed-data\n\nx", ENVELOPE_SMIME_OPAQUE},
      {"Content-Type: application/x-pkcs7-mime; smime-type=enveloped-data\n\nx",
       ENVELOPE_SMIME_SEALED},
      {"Content-Type: application/pkcs7-mime; smime-type=certs-only\n\nx", ENVELOPE_PLAIN},
      {"Content-Type: application/pkcs7-mime\nContent-Transfer-Encoding: base64\n\n"
       "MIAGCSqGSIb3DQEHAqCAMIACAQExDzAN",
       ENVELOPE_SMIME_OPAQUE},
      {"Content-Type: application/pkcs7-mime\nContent-Transfer-Encoding: base64\n\n"
       "MIAGCSqGSIb3DQEHA6CAMIACAQAxggE5",
       ENVELOPE_SMIME_SEALED},
      {"Content-Type: multipart/encrypted; protocol=\"application/age-encrypted\"; boundary=b\n\n"
       "--b\n\nx\n--b--\n", ENVELOPE_AGE_SEALED},
      {"S: x\n\n-----BEGIN PGP MESSAGE-----\n", ENVELOPE_PGP_INLINE},
      {"S: x\n\nhi\n-----BEGIN PGP SIGNED MESSAGE-----\n", ENVELOPE_PGP_INLINE},
      {"S: x\n\n> -----BEGIN PGP MESSAGE-----\n", ENVELOPE_PLAIN},
      {MIXED "--b\nContent-Type: multipart/signed; protocol=\"application/pgp-signature\"; "
             "boundary=c\n\n--c\n\nx\n--c--\n--b--",
       ENVELOPE_PLAIN},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autoptr(rendered_t) rendered = render(rows[i].letter, false, false);
    assert_int_equal(rendered->envelope, rows[i].kind);
  }
}

static void
the_letters_own_fields_are_kept(void **state)
{
  g_autoptr(rendered_t) r = render("Received: from b (b [1.2.3.4])\r\n"
                                   " (using TLSv1.3 with cipher X) by c with ESMTP id 1;\r\n"
                                   " Mon, 23 Nov 2026 20:57:00 +0000\r\n"
                                   "Received: from a by b with ESMTPSA; nonsense\r\n"
                                   "Received: by a with local\r\n"
                                   "From: =?utf-8?q?J=C3=B6?= <j@x.example>\r\n"
                                   "Reply-To: r@x.example\r\nTo: a@x, b@x\r\nCc: c@x\r\nBcc: d@x\r\n"
                                   "Subject: one\r\n two\r\nMessage-ID: <1@x>\r\n"
                                   "References: <0@x>\r\nDate: Mon, 23 Nov 2026 20:56:18 +0000\r\n"
                                   "List-Post: <mailto:list%2Bx@x.example?subject=y>\r\n"
                                   "List-Unsubscribe: <javascript:x>, <https://x.example/u>\r\n\r\nb",
                                   false, false);
  assert_int_equal(r->headers->len, 14);
  assert_string_equal(((struct rendered_header *)r->headers->pdata[3])->value,
                      "J\xc3\xb6 <j@x.example>");
  assert_string_equal(((struct address *)r->from->pdata[0])->name, "J\xc3\xb6");
  assert_int_equal(r->to->len, 2);
  assert_int_equal(r->cc->len + r->bcc->len + r->reply_to->len, 3);
  assert_string_equal(r->subject, "one two");
  assert_string_equal(r->message_id, "1@x");
  assert_string_equal(r->references[0], "0@x");
  assert_int_equal(r->date, 1795467378);
  assert_string_equal(r->list_post, "list+x@x.example");
  assert_string_equal(r->list_unsubscribe, "https://x.example/u");
  assert_int_equal(r->route->len, 3);
  const struct rendered_hop *first = r->route->pdata[0], *second = r->route->pdata[1],
                            *third = r->route->pdata[2];
  assert_null(first->from);
  assert_string_equal(first->by, "a");
  assert_false(first->tls);
  assert_true(second->tls);
  assert_false(second->date_known);
  assert_true(third->tls);
  assert_true(third->date_known);
  assert_string_equal(third->from, "b");
  assert_int_equal(r->notices->len, 0);
}

static void
lists_that_take_no_letters_have_no_address(void **state)
{
  g_autoptr(rendered_t) r = render("List-Post: NO\nList-Unsubscribe: <ftp://x>\n\nb", false, false);
  assert_null(r->list_post);
  assert_null(r->list_unsubscribe);
  assert_string_equal(r->subject, "");
  assert_int_equal(r->date, 0);
}

struct sender { const char *from; const char *notice; };

static void
odd_senders_are_marked(void **state)
{
  static const struct sender rows[] = {
      {"Anna <anna@x.example>", NULL},
      {"\xd0\x90\xd0\xbd\xd0\xbd\xd0\xb0 Rossi <anna@x.example>", NULL},
      {"\"boss@bank.example\" <evil@x.example>", "looks like an address"},
      {"\"anna@x.example\" <anna@x.example>", NULL},
      {"P\xd0\xb0ypal <a@x.example>", "several scripts"},
      {"Anna <anna@p\xd0\xb0ypal.example>", "several scripts"},
      {"Anna <anna@\xd0\xbf\xd1\x80.example>", "xn--"},
      {"a\xe2\x80\xaetxt <a@x.example>", "direction"},
      {"=?utf-8?q?a=E2=80=AEb?= <a@x.example>", "direction"},
      {"a@x.example\nFrom: b@x.example", "several From"},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autofree char *letter = g_strdup_printf("From: %s\n\nx", rows[i].from);
    g_autoptr(rendered_t) r = render(letter, false, false);
    g_ptr_array_add(r->notices, NULL);
    g_autofree char *all = g_strjoinv("|", (char **)r->notices->pdata);
    if (rows[i].notice == NULL)
      assert_string_equal(all, "");
    else
      assert_non_null(strstr(all, rows[i].notice));
  }
}

#define PART(type, more) "--b\nContent-Type: " type "\n" more "\nx\n"

static void
parts_are_listed(void **state)
{
  static const char letter[] = MIXED PLAIN "text\n" PART("application/pdf", "Content-Disposition: "
                                     "attachment; filename=\"/etc/a.pdf\"\n")
      PART("text/csv", "Content-Disposition: attachment\n") PART("application/pgp-signature", "")
      "--b\nContent-Type: multipart/alternative; boundary=c\n\n--c\n\nx\n--c\n"
      "Content-Type: text/html\n\nx\n--c\nContent-Type: text/calendar\n\nx\n--c--\n"
      "--b\nContent-Type: message/rfc822\nContent-Disposition: attachment\n\n"
      "Content-Type: image/png\n\nx\n--b--";
  static const struct { const char *type, *name; bool shown, attachment; } rows[] = {
      {"text/plain", NULL, true, false},        {"application/pdf", "a.pdf", false, true},
      {"text/csv", NULL, false, true},          {"application/pgp-signature", NULL, false, false},
      {"text/plain", NULL, true, false},        {"text/html", NULL, false, false},
      {"text/calendar", NULL, false, true},     {"message/rfc822", NULL, false, true},
      {"image/png", NULL, false, false},
  };
  g_autoptr(rendered_t) r = render(letter, false, false);
  assert_int_equal(r->parts->len, G_N_ELEMENTS(rows));
  for (guint i = 0; i < r->parts->len; i++) {
    const struct rendered_part *part = r->parts->pdata[i];
    assert_int_equal(part->number, i + 1);
    assert_string_equal(part->type, rows[i].type);
    if (rows[i].name == NULL)
      assert_null(part->name);
    else
      assert_string_equal(part->name, rows[i].name);
    assert_int_equal(part->shown, rows[i].shown);
    assert_int_equal(part->attachment, rows[i].attachment);
  }
}

static void
a_part_is_given_decoded(void **state)
{
  static const char letter[] = MIXED "--b\nContent-Type: text/plain; charset=iso-8859-1\n\n\xe8\n"
                                     "--b\nContent-Type: image/png; name=p.png\n"
                                     "Content-Transfer-Encoding: base64\n\nAAEC\n--b--";
  g_autofree char *name = NULL, *type = NULL;
  g_autoptr(GBytes) image = render_part(letter, sizeof letter - 1, 2, true, &name, &type);
  assert_int_equal(g_bytes_get_size(image), 3);
  assert_memory_equal(g_bytes_get_data(image, NULL), "\0\1\2", 3);
  assert_string_equal(name, "p.png");
  assert_string_equal(type, "image/png");
  g_autoptr(GBytes) text = render_part(letter, sizeof letter - 1, 1, true, NULL, NULL);
  assert_int_equal(g_bytes_get_size(text), 2);
  assert_memory_equal(g_bytes_get_data(text, NULL), "\xc3\xa8", 2);
  g_autoptr(GBytes) raw = render_part(letter, sizeof letter - 1, 1, false, NULL, NULL);
  assert_int_equal(g_bytes_get_size(raw), 1);
  assert_null(render_part(letter, sizeof letter - 1, 3, true, NULL, NULL));
  assert_null(render_part("", 0, 0, true, NULL, NULL));
}

static void
the_source_is_clean_text(void **state)
{
  g_autoptr(rendered_t) r = render("Subject: \x1b]0;x\x07\r\n\r\na\xe8\tb\n", false, true);
  g_autofree char *text = kinds(r);
  assert_string_equal(text, "T0fSubject: \xef\xbf\xbd]0;x\xef\xbf\xbd\nT0f\nT0fa\xc3\xa8\tb\n");
}

static void
reports_are_said_in_words(void **state)
{
  g_autoptr(rendered_t) r = render("Content-Type: multipart/report; boundary=b\n\n" PLAIN "Sorry.\n"
                                   "--b\nContent-Type: message/delivery-status\n\n"
                                   "Reporting-MTA: dns; x\n\nFinal-Recipient: rfc822; a@x.example\n"
                                   "Action: failed\nStatus: 5.1.1\n"
                                   "Diagnostic-Code: smtp; 550 no such user\n--b--",
                                   false, false);
  assert_int_equal(r->notices->len, 1);
  assert_string_equal(r->notices->pdata[0],
                      "Not delivered to a@x.example: there is no such mailbox; check the address "
                      "(550 no such user)");
}

struct broken { const char *letter; guint notices; };

static void
what_is_broken_is_noticed(void **state)
{
  static const struct broken rows[] = {
      {"S: x\n\nx", 0},
      {MIXED PLAIN "x\n", 1},
      {"Content-Type: multipart/mixed\n\nx", 1},
      {"Content-Type: text/plain\nContent-Type: text/html\n\nx", 1},
      {"Content-Type: text/plain; charset=klingon\n\nx", 1},
      {"Content-Type: message/external-body\n\nx", 1},
      {"Content-Type: multipart/encrypted; boundary=b\n\n" PLAIN "x\n--b--", 1},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autoptr(rendered_t) r = render(rows[i].letter, false, false);
    assert_int_equal(r->notices->len, rows[i].notices);
  }
}

/* A unit, repeated to megabytes behind a beginning. */
struct hostile { const char *head, *unit; size_t length; };

static void
hostile_letters_stay_within_bounds(void **state)
{
  static const struct hostile rows[] = {
      {"S: x\n\n", "\n", 1000000},
      {"S: x\n\n", ">", 1000000},
      {"S: x\n\n", "> ", 1000000},
      {"S: x\n\n", " ", 1000000},
      {"S: x\n\n", "-- \n", 1000000},
      {"S: x\n\n", "\x80", 1000000},
      {"S: x\n\n", "x", 1000000},
      {"Content-Type: text/plain; format=flowed\n\n", "x \n", 1000000},
      {"Content-Transfer-Encoding: quoted-printable\n\n", "=\n", 1000000},
      {"Content-Transfer-Encoding: quoted-printable\n\n", " =  ", 1000000},
      {"Content-Transfer-Encoding: base64\n\n", "=", 1000000},
      {"From: ", "(", 160000},
      {"From: ", "a@b,", 160000},
      {"From: ", "a:;", 160000},
      {"Content-Type: ", "text/plain;a*0*=b", 100000},
      {"Content-Type: text/plain;", "x=\"", 100000},
      {"List-Unsubscribe: ", "<", 60000},
      {"", "Received: from a by b; 1 Jan 2026 00:00:00\n", 200000},
      {"Subject: ", "=?utf-8?q?x", 60000},
      {"", "Subject: x\n", 2000000},
      {"Content-Type: multipart/mixed; boundary=b\n\n", "--b\n\nx\n", 1000000},
      {"Content-Type: multipart/mixed; boundary=b\n\n", "--b\nContent-Type: text/html\n\n<p>\n",
       1000000},
      {"S: x\n\n", "-----BEGIN PGP MESSAGE-----", 1000000},
      {"Content-Type: multipart/report; boundary=b\n\n--b\nContent-Type: "
       "message/delivery-status\n\n", "Final-Recipient: x; a@b\n\n", 1000000},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autoptr(GString) letter = g_string_new(rows[i].head);
    while (letter->len < rows[i].length)
      g_string_append(letter, rows[i].unit);
    g_autoptr(rendered_t) r = render(letter->str, false, false);
    g_autofree char *text = rendered_text(r);
    assert_true(r->lines->len <= 50000);
    assert_true(r->parts->len <= LIMIT_PARTS);
    assert_true(r->notices->len <= 50);
    assert_true(g_utf8_validate(text, -1, NULL));
    g_autoptr(index_doc_t) doc = index_message(letter->str, letter->len, 1795467378);
    assert_true(strlen(doc->text) <= LIMIT_TEXT);
  }
}

static void
the_beginning_of_a_long_letter_is_shown(void **state)
{
  static const char *const heads[] = {"S: x\n\n", "Content-Type: text/html\n\n",
                                      "Content-Type: text/plain; charset=iso-8859-1\n\n",
                                      "Content-Transfer-Encoding: quoted-printable\n\n"};
  static const char *const units[] = {"ciao ", "ciao\n", "\xe8"};
  for (size_t h = 0; h < G_N_ELEMENTS(heads); h++)
    for (size_t i = 0; i < G_N_ELEMENTS(units); i++) {
      g_autoptr(GString) letter = g_string_new(heads[h]);
      while (letter->len < 2 * LIMIT_TEXT + 200000)
        g_string_append(letter, units[i]);
      g_autoptr(rendered_t) r = render(letter->str, false, false);
      g_autofree char *text = rendered_text(r);
      assert_in_range(strlen(text), 200000, LIMIT_TEXT + 1);
      assert_int_equal(r->notices->len, 1);
      g_autoptr(index_doc_t) doc = index_message(letter->str, letter->len, 0);
      assert_in_range(strlen(doc->text), LIMIT_TEXT / 2, LIMIT_TEXT);
    }
  g_autoptr(GString) source = g_string_new("S: x\n\n");
  while (source->len < 3 * LIMIT_TEXT)
    g_string_append(source, "ciao ciao ciao ciao ciao ciao ciao ciao ciao\n");
  g_autoptr(rendered_t) raw = render(source->str, false, true);
  assert_true(raw->lines->len > 1000);
  assert_int_equal(raw->notices->len, 1);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(letters_become_lines),
      cmocka_unit_test(the_outermost_structure_says_what_a_letter_claims_to_be),
      cmocka_unit_test(the_letters_own_fields_are_kept),
      cmocka_unit_test(lists_that_take_no_letters_have_no_address),
      cmocka_unit_test(odd_senders_are_marked),
      cmocka_unit_test(parts_are_listed),
      cmocka_unit_test(a_part_is_given_decoded),
      cmocka_unit_test(the_source_is_clean_text),
      cmocka_unit_test(reports_are_said_in_words),
      cmocka_unit_test(what_is_broken_is_noticed),
      cmocka_unit_test(hostile_letters_stay_within_bounds),
      cmocka_unit_test(the_beginning_of_a_long_letter_is_shown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

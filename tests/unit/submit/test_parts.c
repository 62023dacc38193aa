#include <string.h>

#include "submit/envelope.h"
#include "submit/outbox.h"
#include "submit/reply.h"
#include "tests/unit/test.h"

/* ---- replies ---- */

static const struct { const char *lines; int code; const char *status, *words; } replies[] = {
    {"250 ok", 250, NULL, "250 ok"},
    {"250", 250, NULL, "250"},
    {"250 ", 250, NULL, "250"},
    {"250-", 0, NULL, NULL},
    {"250-a\n250-b\n250 c", 250, NULL, "250 a b c"},
    {"250-a\n250", 250, NULL, "250 a"},
    {"550 5.1.1 nobody", 550, "5.1.1", "550 5.1.1 nobody"},
    {"550-5.1.1 nobody\n550 5.1.1 here", 550, "5.1.1", "550 5.1.1 nobody here"},
    {"550 5.1.1", 550, "5.1.1", "550 5.1.1"},
    {"550 4.1.1 other class", 550, NULL, "550 4.1.1 other class"},
    {"550 5.1111.1 no", 550, NULL, "550 5.1111.1 no"},
    {"550 5.1.1x", 550, NULL, "550 5.1.1x"},
    {"550 5..1", 550, NULL, "550 5..1"},
    {"250-a\n251 b", 0, NULL, NULL},
    {"250-a\nb", 0, NULL, NULL},
    {"199 x", 0, NULL, NULL},
    {"600 x", 0, NULL, NULL},
    {"2500 x", 0, NULL, NULL},
    {"25 x", 0, NULL, NULL},
    {"25", 0, NULL, NULL},
    {"2", 0, NULL, NULL},
    {"", 0, NULL, NULL},
    {"250x", 0, NULL, NULL},
    {" 250 x", 0, NULL, NULL},
    {"+OK", 0, NULL, NULL},
    {"550 \033[31m\x07\233x", 550, NULL, "550 \xef\xbf\xbd[31m\xef\xbf\xbd\xef\xbf\xbdx"},
};

static void
replies_are_read_within_bounds(void **state)
{
  for (size_t i = 0; i < G_N_ELEMENTS(replies); i++) {
    struct smtp_reply reply = {0};
    enum reply_line kind = REPLY_MORE;
    g_auto(GStrv) lines = g_strsplit(*replies[i].lines != '\0' ? replies[i].lines : "\n", "\n", -1);
    for (char **line = lines; *line != NULL && kind == REPLY_MORE; line++) {
      char *exact = exact_copy(*line, strlen(*line) + 1);
      kind = smtp_reply_take(&reply, exact);
      free(exact);
    }
    if ((kind == REPLY_WHOLE) != (replies[i].code != 0))
      fail_msg("\"%s\": %d", replies[i].lines, kind);
    if (kind == REPLY_WHOLE) {
      assert_int_equal(reply.code, replies[i].code);
      assert_string_equal(reply.words, replies[i].words);
      assert_int_equal(g_strcmp0(reply.status, replies[i].status), 0);
    }
    smtp_reply_clear(&reply);
  }
}

static void
endless_replies_are_given_up(void **state)
{
  struct smtp_reply reply = {0};
  g_autofree char *many = g_strnfill(1000, 'x'), *line = g_strconcat("250-", many, NULL);
  guint lines = 0;
  while (lines < 5000 && smtp_reply_take(&reply, line) == REPLY_MORE)
    lines++;
  assert_int_equal(lines, 200);
  assert_in_range(reply.gathered->len, 1, 2000);
  smtp_reply_clear(&reply);
}

static void
codes_say_what_to_do(void **state)
{
  static const struct { int code; bool login; int status; } codes[] = {
      {450, false, 75}, {550, false, 69}, {535, true, 77}, {454, true, 75}, {250, false, 76},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(codes); i++) {
    struct smtp_reply reply = {.code = codes[i].code};
    g_autoptr(GError) error = NULL;
    error_set(&error, smtp_reply_error(&reply, codes[i].login), "x");
    assert_int_equal(error_exit_status(error), codes[i].status);
  }
}

/* ---- envelopes ---- */

static const struct { const char *plain, *wire; } stuffed[] = {
    {"", ""},
    {"a\r\n", "a\r\n"},
    {"a", "a\r\n"},
    {".", "..\r\n"},
    {".\r\n", "..\r\n"},
    {"..\r\n", "...\r\n"},
    {"a\r\n.\r\nb\r\n", "a\r\n..\r\nb\r\n"},
    {"a.\r\nb.c\r\n", "a.\r\nb.c\r\n"},
    {"a\n.\nb", "a\r\n..\r\nb\r\n"},
    {"a\r.\rb", "a\r\n..\r\nb\r\n"},
    {"a\n.\r\nb", "a\r\n..\r\nb\r\n"},
    {"a\r.\r\nMAIL", "a\r\n..\r\nMAIL\r\n"},
    {"\r\n\r\n", "\r\n\r\n"},
    {"\n\r\n\r", "\r\n\r\n\r\n"},
    {"a\r\r\nb", "a\r\n\r\nb\r\n"},
};

static void
dots_are_stuffed_and_lines_end_in_crlf_at_every_border(void **state)
{
  for (size_t i = 0; i < G_N_ELEMENTS(stuffed); i++)
    for (size_t border = 0; border <= strlen(stuffed[i].plain); border++) {
      struct stuffing stuffing = {0};
      g_autoptr(GString) out = g_string_new(NULL);
      const char *plain = stuffed[i].plain;
      char *first = exact_copy(plain, border);
      char *second = exact_copy(plain + border, strlen(plain) - border);
      envelope_stuff(&stuffing, first, border, out);
      envelope_stuff(&stuffing, second, strlen(plain) - border, out);
      envelope_stuff_end(&stuffing, out);
      free(first);
      free(second);
      assert_string_equal(out->str, stuffed[i].wire);
    }
}

#define BYTES(text) text, sizeof text - 1
static const struct {
  const char *letter;
  size_t length;
  const char *from, *to;
  unsigned capabilities;
  guint64 limit;
  const char *mail;         /* NULL: an obstacle … */
  const char *obstacle;     /* … that says this */
} envelopes[] = {
    {BYTES("A: b\r\n\r\nc\r\n"), "a@x", "b@x", 0, 0, "MAIL FROM:<a@x>", NULL},
    {BYTES("A: b\r\n\r\nc\r\n"), "a@x", "b@x", SMTP_SIZE, 11, "MAIL FROM:<a@x> SIZE=11", NULL},
    {BYTES("A: b\n\nc\n"), "a@x", "b@x", SMTP_SIZE, 0, "MAIL FROM:<a@x> SIZE=11", NULL},
    {BYTES("A: b\r\n\r\nc\r\n"), "a@x", "b@x", SMTP_SIZE, 10, NULL, "at most"},
    {BYTES("A: b\r\n\r\n\xc3\xa9\r\n"), "a@x", "b@x", SMTP_8BITMIME, 0,
     "MAIL FROM:<a@x> BODY=8BITMIME", NULL},
    {BYTES("A: b\r\n\r\n\xc3\xa9\r\n"), "a@x", "b@x", 0, 0, NULL, "8BITMIME"},
    {BYTES("Subject: \xc3\xa9\r\n\r\nc\r\n"), "a@x", "b@x", SMTP_8BITMIME | SMTP_SMTPUTF8, 0,
     "MAIL FROM:<a@x> BODY=8BITMIME", NULL},
    {BYTES("To: \xc3\xa9@x\r\n\r\nc\r\n"), "a@x", "b@x", SMTP_8BITMIME, 0, NULL, "SMTPUTF8"},
    {BYTES("To: \xc3\xa9@x\r\n\r\nc\r\n"), "a@x", "b@x", SMTP_8BITMIME | SMTP_SMTPUTF8, 0,
     "MAIL FROM:<a@x> BODY=8BITMIME SMTPUTF8", NULL},
    {BYTES("A: b\r\n\r\nc\r\n"), "a@x", "\xc3\xa9@x", SMTP_SMTPUTF8, 0, "MAIL FROM:<a@x> SMTPUTF8",
     NULL},
    {BYTES("A: b\r\n\r\nc\r\n"), "a@x", "b@x", SMTP_DSN, 0,
     "MAIL FROM:<a@x> RET=HDRS ENVID=abc12345", NULL},
    {BYTES("A: b\r\n\r\nc\r\n"), "\xc3\xa9@x", "b@x", 0, 0, NULL, "SMTPUTF8"},
};

static void
letters_meet_only_servers_that_can_take_them(void **state)
{
  static const struct envelope_dsn dsn = {.id = "abc12345"};
  for (size_t i = 0; i < G_N_ELEMENTS(envelopes); i++) {
    g_autoptr(GBytes) letter = g_bytes_new(envelopes[i].letter, envelopes[i].length);
    const char *to[] = {envelopes[i].to, NULL};
    g_autoptr(blob_t) blob = blob_new(letter);
    struct envelope_needs needs;
    assert_true(envelope_needs(blob, envelopes[i].from, to, &needs, NULL));
    g_autofree char *obstacle =
        envelope_obstacle(&needs, envelopes[i].capabilities, envelopes[i].limit);
    if (envelopes[i].mail == NULL) {
      assert_non_null(strstr(obstacle, envelopes[i].obstacle));
      continue;
    }
    assert_null(obstacle);
    g_autofree char *mail =
        envelope_mail(envelopes[i].from, &needs, envelopes[i].capabilities, &dsn);
    assert_string_equal(mail, envelopes[i].mail);
  }
}

static const struct { const char *spec, *wishes; unsigned capabilities; const char *rcpt; }
addressees[] = {
    {"bruno@x", NULL, 0, "RCPT TO:<bruno@x>"},
    {"bruno@x", "NOTIFY=NEVER RET=FULL", 0, "RCPT TO:<bruno@x>"},
    {"bruno@x", NULL, SMTP_DSN, "RCPT TO:<bruno@x> ORCPT=rfc822;bruno@x"},
    {"a+b=c@x", "RET=FULL NOTIFY=NEVER", SMTP_DSN,
     "RCPT TO:<a+b=c@x> NOTIFY=NEVER ORCPT=rfc822;a+2Bb+3Dc@x"},
    {"è@x", "NOTIFY=FAILURE,DELAY", SMTP_DSN, "RCPT TO:<è@x> NOTIFY=FAILURE,DELAY"},
};

static void
reports_are_asked_for_where_they_are_offered(void **state)
{
  for (size_t i = 0; i < G_N_ELEMENTS(addressees); i++) {
    struct envelope_dsn dsn = {.id = "abc12345", .wishes = addressees[i].wishes};
    g_autofree char *rcpt =
        envelope_rcpt(addressees[i].spec, addressees[i].capabilities, &dsn);
    assert_string_equal(rcpt, addressees[i].rcpt);
  }
  struct envelope_needs needs = {0};
  struct envelope_dsn full = {.id = "abc12345", .wishes = "NOTIFY=NEVER RET=FULL"};
  g_autofree char *mail = envelope_mail("anna@x", &needs, SMTP_DSN, &full);
  assert_string_equal(mail, "MAIL FROM:<anna@x> RET=FULL ENVID=abc12345");
}

/* ---- what recipients make of a letter ---- */

/* A letter per character: w waiting, a accepted, l later, r refused, u unsure,
 * d delivered, b bounced. */
static const struct { const char *recipients; enum letter_state state; } classes[] = {
    {"a", LETTER_ACCEPTED},  {"aa", LETTER_ACCEPTED}, {"r", LETTER_BLOCKED},
    {"ar", LETTER_BLOCKED},  {"l", LETTER_QUEUED},    {"al", LETTER_QUEUED},
    {"rl", LETTER_QUEUED},   {"w", LETTER_QUEUED},    {"u", LETTER_UNSURE},
    {"ul", LETTER_UNSURE},   {"ur", LETTER_UNSURE},   {"au", LETTER_UNSURE},
    {"d", LETTER_ACCEPTED},  {"b", LETTER_ACCEPTED},  {"db", LETTER_ACCEPTED},
};

static void
a_letter_is_what_its_recipients_are(void **state)
{
  for (size_t i = 0; i < G_N_ELEMENTS(classes); i++) {
    struct ledger_letter letter = {.recipients = g_ptr_array_new_with_free_func(g_free)};
    for (const char *at = classes[i].recipients; *at != '\0'; at++) {
      struct ledger_recipient *recipient = g_new0(struct ledger_recipient, 1);
      recipient->spec = (char *)"x@y";
      recipient->state = (enum recipient_state)(strchr("walrudb", *at) - "walrudb");
      g_ptr_array_add(letter.recipients, recipient);
    }
    assert_int_equal(outbox_classify(&letter), classes[i].state);
    g_ptr_array_unref(letter.recipients);
  }
}

static void
pauses_grow(void **state)
{
  static const int minutes[] = {1, 5, 15, 60, 120, 240, 240};
  for (guint i = 0; i < G_N_ELEMENTS(minutes); i++)
    assert_int_equal(outbox_pause(i + 1, 1000), 1000 + 60 * minutes[i]);
}

static void
a_lock_has_a_name_that_a_file_may_have(void **state)
{
  g_autofree char *plain = outbox_lock_name("home");
  g_autofree char *odd = outbox_lock_name("../a/b");
  assert_string_equal(plain, "outbox-home");
  assert_null(strchr(odd, '/'));
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(replies_are_read_within_bounds),
      cmocka_unit_test(endless_replies_are_given_up),
      cmocka_unit_test(codes_say_what_to_do),
      cmocka_unit_test(dots_are_stuffed_and_lines_end_in_crlf_at_every_border),
      cmocka_unit_test(letters_meet_only_servers_that_can_take_them),
      cmocka_unit_test(reports_are_asked_for_where_they_are_offered),
      cmocka_unit_test(a_letter_is_what_its_recipients_are),
      cmocka_unit_test(pauses_grow),
      cmocka_unit_test(a_lock_has_a_name_that_a_file_may_have),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

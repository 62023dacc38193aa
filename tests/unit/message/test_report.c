#include "message/report.h"

#include "base/limits.h"
#include "tests/unit/test.h"

static struct report *
parse(const char *letter)
{
  size_t length = strlen(letter);
  char *exact = exact_copy(letter, length);
  struct report *report = report_parse(exact, length);
  free(exact);
  return report;
}

/* "id|spec action status reason|…" */
static char *
describe(const struct report *report)
{
  static const char *const actions[] = {"failed", "delayed", "delivered", "relayed", "expanded"};
  GString *out = g_string_new(report->message_id != NULL ? report->message_id : "-");
  for (guint i = 0; i < report->recipients->len; i++) {
    const struct report_recipient *r = report->recipients->pdata[i];
    g_string_append_printf(out, "|%s %s %s %s", r->spec, actions[r->action],
                           r->status != NULL ? r->status : "-", r->reason);
  }
  return g_string_free(out, FALSE);
}

#define REPORT "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n"
#define STATUS "--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; x\n"
#define RETURNED "--b\nContent-Type: message/rfc822\n\nMessage-ID: <1@x>\n\nbody\n--b--\n"
#define RETURNED_HEADERS "--b\nContent-Type: text/rfc822-headers\n\nMessage-ID: <1@x>\n--b--\n"

struct row { const char *letter, *report; };

static void
reports_are_read(void **state)
{
  static const struct row rows[] = {
      {REPORT "--b\n\nSorry\n" STATUS "\nFinal-Recipient: rfc822; a@x.example\nAction: failed\n"
              "Status: 5.2.2 (full)\nDiagnostic-Code: smtp; 552 5.2.2\n Mailbox full\n" RETURNED,
       "1@x|a@x.example failed 5.2.2 552 5.2.2 Mailbox full"},
      {REPORT STATUS "\nOriginal-Recipient: rfc822;o@x.example\nFinal-Recipient: rfc822; f@x.example\n"
                     "Action: delayed\nStatus: 4.4.1\n\nFinal-Recipient: RFC822; b@x.example\n"
                     "Action: delivered\nStatus: 2.0.0\n" RETURNED_HEADERS,
       "1@x|o@x.example delayed 4.4.1 |b@x.example delivered 2.0.0 "},
      {REPORT STATUS "\nFinal-Recipient: a@x.example\nStatus: 4.0.0\n"
                     "junk line\nFinal-Recipient: rfc822;b@x.example\nAction: relayed\n--b--",
       "-|a@x.example delayed 4.0.0 |b@x.example relayed - "},
      /* qmail */
      {"From: MAILER-DAEMON@mx.example\nSubject: failure notice\n\n"
       "Hi. This is the qmail-send program at mx.example.\nI'm afraid I wasn't able to deliver your "
       "message.\n\n<a@x.example>:\n192.0.2.1 does not like recipient.\nRemote host said: 550 5.1.1 "
       "unknown\nGiving up on 192.0.2.1.\n\n<b@x.example>:\nSorry, no mailbox. (#5.1.1)\n\n"
       "--- Below this line is a copy of the message.\n\nReturn-Path: <me@y>\nMessage-ID: <q@y>\n\n"
       "<c@x.example>:\n",
       "q@y|a@x.example failed 5.1.1 192.0.2.1 does not like recipient. Remote host said: 550 5.1.1 "
       "unknown Giving up on 192.0.2.1.|b@x.example failed 5.1.1 Sorry, no mailbox. (#5.1.1)"},
      /* exim */
      {"From: Mail Delivery System <Mailer-Daemon@mx.example>\nX-Failed-Recipients: a@x.example\n"
       "Subject: Mail delivery failed: returning message to sender\n\n"
       "A message that you sent could not be delivered:\n\n  a@x.example\n    SMTP error from "
       "remote mail server:\n    550 5.7.1 refused\n\n------ This is a copy of the message, including "
       "all the headers. ------\n\nMessage-Id:\n <e@y>\n",
       "e@y|a@x.example failed 5.7.1 SMTP error from remote mail server: 550 5.7.1 refused"},
      {"From: Mailer-Daemon@mx.example\nX-Failed-Recipients: a@x.example, b@x.example\n\nNo.\n",
       "-|a@x.example failed - |b@x.example failed - "},
      {"From: Mailer-Daemon@mx.example\nSubject: Warning: message 1 delayed 24 hours\n\n"
       "  a@x.example\n    retry\n",
       "-|a@x.example delayed - retry"},
      /* GMX and WEB.DE, of old and of now */
      {"From: \"GMX Mailer Daemon\" <mailer-daemon@gmx.example>\nSubject: Mail delivery failed\n\n"
       "This message was created automatically by mail delivery software.\n\nA message that you sent "
       "could not be delivered to one or more of\nits recipients. This is a permanent error. The "
       "following address\nfailed:\n\n\"a@x.example\":\nSMTP error from remote server after RCPT "
       "command:\nhost: mx.x.example\n5.1.1 <a@x.example>... User Unknown\n\n--- The header of the "
       "original message is following. ---\n\nReceived: from home\nMessage-ID: <g@y>\n\n\"c@x.example\":\n",
       "g@y|a@x.example failed 5.1.1 SMTP error from remote server after RCPT command: host: "
       "mx.x.example 5.1.1 <a@x.example>... User Unknown"},
      {"From: mailer-daemon@web.example\nSubject: Mail delivery failed: returning message to sender\n\n"
       "The following address failed:\n\n    a@x.example:\n        SMTP error from remote server for "
       "RCPT TO command, host: mx.x.example (192.0.2.1) reason: 550 5.1.1 unknown\n\n    b@x.example:\n"
       "        SMTP error, reason: 552 5.2.2 full\n\n--- The header of the original message is "
       "following. ---\nMessage-ID: <w@y>\n",
       "w@y|a@x.example failed 5.1.1 SMTP error from remote server for RCPT TO command, host: mx.x.example "
       "(192.0.2.1) reason: 550 5.1.1 unknown|b@x.example failed 5.2.2 SMTP error, reason: 552 5.2.2 full"},
      /* Yahoo, of old and of now */
      {"From: MAILER-DAEMON@yahoo.example\nSubject: Failure Notice\n\nSorry, we were unable to deliver "
       "your message to the following address.\n\n<a@x.example>:\nRemote host said: 554 delivery error: "
       "dd This user doesn't have an account (a@x.example) [0] [RCPT_TO]\n\n--- Below this line is a copy "
       "of the message.\n\nMessage-ID: <h@y>\n",
       "h@y|a@x.example failed - Remote host said: 554 delivery error: dd This user doesn't have an "
       "account (a@x.example) [0] [RCPT_TO]"},
      {"From: MAILER-DAEMON@yahoo.example\nSubject: Failure Notice\nContent-Type: multipart/mixed; "
       "boundary=b\n\n--b\nContent-Type: text/plain\n\nSorry, we were unable to deliver your message to "
       "the following address.\n\n<a@x.example>:\n552: 5.2.2 mailbox is over quota\n--b\n"
       "Content-Type: message/rfc822\n\nMessage-ID: <n@y>\n\nhi\n--b--\n",
       "n@y|a@x.example failed 5.2.2 552: 5.2.2 mailbox is over quota"},
      /* iCloud: without its machine-readable part */
      {"From: Internet Mail Delivery <postmaster@mac.example>\nSubject: Delivery Notification: Delivery has "
       "failed\n\nThis report relates to a message you sent with the following header fields:\n\n"
       "  Message-id: <i@y>\n  Date: Mon, 05 Jan 2026 10:00:00 +0000\n  From: Anna <anna@y.example>\n"
       "  To: a@x.example\n  Subject: hello\n\nYour message cannot be delivered to the following "
       "recipients:\n\n  Recipient address: a@x.example\n  Reason: Remote SMTP server has rejected "
       "address\n  Diagnostic code: smtp;550 5.1.1 unknown\n  Remote system: dns;mx.x.example\n\n"
       "  Recipient address: b@x.example\n  Reason: over quota\n",
       "i@y|a@x.example failed 5.1.1 Reason: Remote SMTP server has rejected address Diagnostic code: "
       "smtp;550 5.1.1 unknown Remote system: dns;mx.x.example|b@x.example failed - Reason: over quota"},
      /* sendmail, before it wrote RFC 3464, and its warning */
      {"From: Mail Delivery Subsystem <MAILER-DAEMON@mx.example>\nSubject: Returned mail: User unknown\n\n"
       "The original message was received at Mon, 5 Jan 2026 10:04:58 GMT\nfrom home [192.0.2.7]\n\n"
       "   ----- The following addresses had permanent fatal errors -----\n<a@x.example>\n    (reason: 550 "
       "5.1.1 <a@x.example>... User unknown)\n<b@x.example>\n\n   ----- Transcript of session follows "
       "-----\n... while talking to mx.x.example.:\n>>> RCPT To:<a@x.example>\n<<< 550 5.1.1 "
       "<a@x.example>... User unknown\n550 5.1.1 <a@x.example>... User unknown\n\n   ----- Original message "
       "follows -----\n\nMessage-ID: <s@y>\n",
       "s@y|a@x.example failed 5.1.1 (reason: 550 5.1.1 <a@x.example>... User unknown)|b@x.example failed - "},
      {"From: Mail Delivery Subsystem <MAILER-DAEMON@mx.example>\nSubject: Warning: could not send message "
       "for past 4 hours\n\n    **********************************************\n    **      THIS IS A WARNING "
       "MESSAGE ONLY      **\n\n   ----- The following addresses had transient non-fatal errors -----\n"
       "<a@x.example>\n\n   ----- Transcript of session follows -----\n<a@x.example>... Deferred: Connection "
       "timed out with mx.x.example.\nWarning: message still undelivered after 4 hours\n\n   ----- Original "
       "message follows -----\nMessage-ID: <t@y>\n",
       "t@y|a@x.example delayed - Connection timed out with mx.x.example. Warning: message still "
       "undelivered after 4 hours"},
      /* Postfix before it wrote RFC 3464 */
      {"From: MAILER-DAEMON@mx.example\nSubject: Undelivered Mail\n\n"
       "<a@x.example>: host mx.x.example said: 550 5.1.1\n    no such user (in reply)\n",
       "-|a@x.example failed 5.1.1 host mx.x.example said: 550 5.1.1 no such user (in reply)"},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autoptr(report_t) report = parse(rows[i].letter);
    assert_non_null(report);
    g_autofree char *text = describe(report);
    assert_string_equal(text, rows[i].report);
  }
}

static void
other_letters_are_no_reports(void **state)
{
  static const char *const rows[] = {
      "",
      "From: anna@x.example\n\n<b@x.example>: 550 no such user\n",
      "From: MAILER-DAEMON@x.example\n\nNothing to say.\n",
      REPORT "--b\n\nx\n--b--",
      REPORT STATUS "\nAction: failed\n--b--",
      "Content-Type: multipart/mixed; boundary=a\n\n--a\n" REPORT STATUS
      "\nFinal-Recipient: rfc822; a@x.example\n--b--\n--a--",
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autoptr(report_t) report = parse(rows[i]);
    assert_null(report);
  }
}

static void
the_envelope_id_is_kept(void **state)
{
  g_autoptr(report_t) report = parse(REPORT STATUS "Original-Envelope-Id: QQ1\n\n"
                                                   "Final-Recipient: rfc822; a@x.example\n--b--");
  assert_string_equal(report->envelope_id, "QQ1");
}

static void
hostile_reports_stay_within_bounds(void **state)
{
  static const char *const heads[] = {REPORT STATUS "\n", "From: MAILER-DAEMON@x.example\n\n"};
  static const char *const units[] = {"Final-Recipient: x;a@b\n\n", "<a@x.example>: no\n", "\n", "<",
                                      "x\n", "5.1.", "Status: 5.1.1\n", "<a@x.example>:\n5.1.1.1\n"};
  for (size_t h = 0; h < G_N_ELEMENTS(heads); h++)
    for (size_t i = 0; i < G_N_ELEMENTS(units); i++) {
      g_autoptr(GString) letter = g_string_new(heads[h]);
      while (letter->len < 1000000)
        g_string_append(letter, units[i]);
      g_autoptr(report_t) report = parse(letter->str);
      if (report != NULL)
        assert_in_range(report->recipients->len, 1, LIMIT_ADDRESSES);
    }
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(reports_are_read),
      cmocka_unit_test(other_letters_are_no_reports),
      cmocka_unit_test(the_envelope_id_is_kept),
      cmocka_unit_test(hostile_reports_stay_within_bounds),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

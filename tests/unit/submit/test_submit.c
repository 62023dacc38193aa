#include <gio/gio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "store/trust.h"
#include "submit/submit.h"
#include "tests/unit/net/faults.h"
#include "tests/unit/submit/scene.h"

static void
a_letter_is_sent_once_and_filed(void **state)
{
  struct scene *s = scene_new();
  g_autofree char *id = scene_add(s, "bruno@tuoisp.example carla@x", LETTER, 0);
  assert_int_equal(scene_files(s, "Outbox"), 1);
  assert_int_equal(outbox_next(s->store, "home"), 1);
  assert_int_equal(scene_flush(s), 0);
  scene_assert_state(s, id, "sent", "accepted accepted");
  assert_int_equal(scene_files(s, "Outbox"), 0);
  assert_int_equal(scene_files(s, "Sent"), 1);
  assert_int_equal(s->settled, 1);
  assert_int_equal(outbox_next(s->store, "home"), 0);
  assert_int_equal(scene_flush(s), 0);
  assert_int_equal(s->fake->kept->len, 1);
  assert_non_null(strstr(fake_letter(s->fake, 0), "\n\nciao\n.\n..due\n"));
  assert_true(g_str_has_prefix(fake_letter(s->fake, 0), "<bruno@tuoisp.example> <carla@x> \n"));
  assert_int_equal(s->fake->sessions, 1);
  g_autofree char *heard = scene_end(s);
  assert_non_null(strstr(heard, "EHLO [127.0.0.1]\r\n"));
}

static void
a_server_without_anything_is_served_step_by_step(void **state)
{
  struct scene *s = scene_new();
  s->fake->capabilities = "AUTH PLAIN";
  g_autofree char *id = scene_add(s, "bruno@x nobody@x", LETTER, 0);
  assert_int_equal(scene_flush(s), 0);
  scene_assert_state(s, id, "blocked", "accepted refused");
  assert_int_equal(s->fake->kept->len, 1);
  g_autofree char *none = scene_add(s, "nobody@x", LETTER, 0);
  assert_int_equal(scene_flush(s), 0);
  scene_assert_state(s, none, "blocked", "refused");
  g_autofree char *heard = scene_end(s);
  assert_int_equal(strstr(heard, "SIZE") == NULL, true);
}

static void
each_recipient_has_his_fate(void **state)
{
  struct scene *s = scene_new();
  g_autofree char *id = scene_add(s, "bruno@x nobody@x later@x", LETTER, 0);
  assert_int_equal(scene_flush(s), 0);
  scene_assert_state(s, id, "queued", "accepted refused later");
  g_autoptr(ledger_letter_t) letter = scene_letter(s, id);
  assert_string_equal(letter->reason,
                      "nobody@x was refused: 550 5.1.1 nobody of this name; later@x is to be tried "
                      "later: 450 4.2.0 come again");
  assert_true(letter->next_try > g_get_real_time() / G_USEC_PER_SEC + 30);
  const struct ledger_recipient *nobody = g_ptr_array_index(letter->recipients, 1);
  assert_string_equal(nobody->status, "5.1.1");
  assert_string_equal(nobody->reason, "550 5.1.1 nobody of this name");
  /* Later is not now, but the user may want it. */
  struct submit_options options = {0};
  assert_true(outbox_flush(s->store, &s->account, s->keyring, &options, NULL, NULL));
  assert_int_equal(s->fake->kept->len, 1);
  assert_true(outbox_retry(s->store, id, NULL));
  scene_assert_state(s, id, "queued", "accepted waiting waiting");
  assert_int_equal(scene_flush(s), 0);
  scene_assert_state(s, id, "queued", "accepted refused later");
  assert_int_equal(s->fake->kept->len, 1);
  assert_true(outbox_cancel(s->store, id, NULL, NULL));
  scene_assert_state(s, id, "cancelled", "accepted refused later");
  assert_int_equal(scene_files(s, "Outbox"), 0);
  g_free(scene_end(s));
}

static void
all_refused_but_354_gets_a_lone_dot(void **state)
{
  struct scene *s = scene_new();
  g_autofree char *id = scene_add(s, "nobody@x", LETTER, 0);
  g_autofree char *next = scene_add(s, "bruno@x", LETTER, 0);
  fake_fault(s->fake, "DATA", FAULT_SAY, "354 go on\r\n");
  assert_int_equal(scene_flush(s), 0);
  scene_assert_state(s, id, "blocked", "refused");
  scene_assert_state(s, next, "sent", "accepted");
  assert_int_equal(s->fake->kept->len, 2);
  assert_string_equal(fake_letter(s->fake, 0), "\n");
  assert_int_equal(s->fake->sessions, 1);
  g_autofree char *heard = scene_end(s);
  assert_non_null(strstr(heard, "RSET\r\nMAIL"));
}

/* A step, what the server does there, the exit status of the flush, and the
 * letter's state. */
static const struct {
  const char *at;
  enum fault fault;
  const char *say;
  int status;
  const char *state, *recipient;
  guint kept;
} bad_days[] = {
    {"greeting", FAULT_SAY, "421 4.3.2 closing\r\n", 75, "queued", "waiting", 0},
    {"greeting", FAULT_SAY, "554 5.7.1 never\r\n", 69, "blocked", "waiting", 0},
    {"greeting", FAULT_CUT, NULL, 75, "queued", "waiting", 0},
    {"greeting", FAULT_SILENT, NULL, 75, "queued", "waiting", 0},
    {"EHLO", FAULT_SAY, "nonsense\r\n", 76, "blocked", "waiting", 0},
    {"EHLO", FAULT_HALF, NULL, 75, "queued", "waiting", 0},
    {"EHLO", FAULT_SAY, "250-x\r\n251 y\r\n", 76, "blocked", "waiting", 0},
    {"AUTH", FAULT_SAY, "535 5.7.8 no\r\n", 77, "blocked", "waiting", 0},
    {"AUTH", FAULT_SAY, "454 4.7.0 later\r\n", 75, "queued", "waiting", 0},
    {"AUTH", FAULT_SAY, "535 \033]0;evil\a \233no\r\n", 77, "blocked", "waiting", 0},
    {"MAIL", FAULT_SAY, "451 4.3.0 later\r\n", 0, "queued", "later", 0},
    {"MAIL", FAULT_SAY, "550 5.7.1 never\r\n", 0, "blocked", "refused", 0},
    {"MAIL", FAULT_SAY, "what\r\n", 76, "blocked", "waiting", 0},
    {"MAIL", FAULT_SAY, "354 already\r\n", 76, "blocked", "waiting", 0},
    {"MAIL", FAULT_SAY, "421 4.3.2 closing\r\n", 75, "queued", "waiting", 0},
    {"RCPT", FAULT_SAY, "452 4.5.3 later\r\n", 0, "queued", "later", 0},
    {"RCPT", FAULT_CUT, NULL, 75, "queued", "waiting", 0},
    {"DATA", FAULT_SAY, "554 5.7.1 never\r\n", 0, "blocked", "refused", 0},
    {"DATA", FAULT_SAY, "451 4.7.1 later\r\n", 0, "queued", "later", 0},
    {"DATA", FAULT_CUT, NULL, 75, "queued", "waiting", 0},
    {"DATA", FAULT_SAY, "250 done\r\n", 76, "blocked", "waiting", 0},
    {"body", FAULT_SAY, "452 4.3.1 full\r\n", 0, "queued", "later", 1},
    {"body", FAULT_SAY, "554 5.6.0 never\r\n", 0, "blocked", "refused", 1},
    {"body", FAULT_SAY, "250\r\n", 0, "sent", "accepted", 1},
    {"body", FAULT_SAY, "250 \r\n", 0, "sent", "accepted", 1},
    {"body", FAULT_SAY, "421 4.3.2 no\r\n", 75, "queued", "later", 1},
    {"body", FAULT_SAY, "hm\r\n", 0, "unsure", "unsure", 1},
    {"body", FAULT_CUT, NULL, 0, "unsure", "unsure", 1},
    {"body", FAULT_HALF, NULL, 0, "unsure", "unsure", 1},
    {"body", FAULT_SILENT, NULL, 0, "unsure", "unsure", 1},
    {"QUIT", FAULT_CUT, NULL, 0, "sent", "accepted", 1},
};

static void
each_bad_day_leaves_the_right_state(void **state)
{
  for (size_t i = 0; i < G_N_ELEMENTS(bad_days); i++) {
    struct scene *s = scene_new();
    g_autofree char *id = scene_add(s, "bruno@x", LETTER, 0);
    fake_fault(s->fake, bad_days[i].at, bad_days[i].fault, bad_days[i].say);
    int status = scene_flush(s);
    if (status != bad_days[i].status)
      fail_msg("%s %s: %d (%s), not %d", bad_days[i].at, bad_days[i].say, status,
               s->error != NULL ? s->error->message : "-", bad_days[i].status);
    if (s->error != NULL) {
      assert_null(strpbrk(s->error->message, "\r\n\033\a"));
      assert_true(g_utf8_validate(s->error->message, -1, NULL));
      assert_non_null(strstr(s->error->message, "home"));
    }
    scene_assert_state(s, id, bad_days[i].state, bad_days[i].recipient);
    assert_int_equal(s->fake->kept->len, bad_days[i].kept);
    g_autoptr(ledger_letter_t) letter = scene_letter(s, id);
    assert_int_equal(letter->reason != NULL, !g_str_equal(bad_days[i].state, "sent"));
    /* On a better day it goes if it may: unsure and blocked letters stay. */
    bool waits = g_str_equal(bad_days[i].state, "queued");
    assert_int_equal(scene_flush(s), 0);
    assert_int_equal(s->fake->kept->len, bad_days[i].kept + (waits ? 1 : 0));
    scene_assert_state(s, id, waits ? "sent" : bad_days[i].state,
                 waits ? "accepted" : bad_days[i].recipient);
    assert_int_equal(scene_files(s, "Sent") + scene_files(s, "Outbox"), 1);
    g_free(scene_end(s));
  }
}

static void
an_unsure_letter_is_settled_by_its_report_or_its_writer(void **state)
{
  struct scene *s = scene_new();
  g_autofree char *id = scene_add(s, "bruno@x carla@x", LETTER, 0);
  fake_fault(s->fake, "body", FAULT_CUT, NULL);
  assert_int_equal(scene_flush(s), 0);
  struct report_recipient bruno = {.spec = (char *)"bruno@X", .action = REPORT_DELIVERED};
  struct report_recipient carla = {.spec = (char *)"carla@x", .action = REPORT_FAILED,
                                   .status = (char *)"5.1.1", .reason = (char *)"unknown"};
  struct report report = {.message_id = (char *)"m1@x", .recipients = g_ptr_array_new()};
  struct ledger_letter *letter = NULL;
  g_ptr_array_add(report.recipients, &bruno);
  assert_true(outbox_report(s->store, &report, &letter, NULL));
  assert_string_equal(letter->id, id);
  ledger_letter_free(letter);
  /* Both were taken, or neither. */
  scene_assert_state(s, id, "sent", "delivered accepted");
  report.recipients->pdata[0] = &carla;
  assert_true(outbox_report(s->store, &report, &letter, NULL));
  ledger_letter_free(letter);
  scene_assert_state(s, id, "sent", "delivered bounced");
  assert_int_equal(scene_files(s, "Sent"), 1);
  report.message_id = (char *)"stranger@x";
  assert_true(outbox_report(s->store, &report, &letter, NULL));
  assert_null(letter);
  g_ptr_array_unref(report.recipients);

  g_autofree char *second = scene_add(s, "dora@x", LETTER, 0);
  fake_fault(s->fake, "body", FAULT_CUT, NULL);
  assert_int_equal(scene_flush(s), 0);
  scene_assert_state(s, second, "unsure", "unsure");
  assert_true(outbox_retry(s->store, second, NULL));
  assert_int_equal(scene_flush(s), 0);
  scene_assert_state(s, second, "sent", "accepted");
  assert_int_equal(s->fake->kept->len, 3);
  g_free(scene_end(s));
}

/* The process killed at a step: the ledger says what the next one must do. */
static void
kill_at(const char *step, const char *state, guint kept)
{
  struct scene *s = scene_new();
  g_autofree char *id = scene_add(s, "bruno@x nobody@x", LETTER, 0);
  g_clear_pointer(&s->store, store_close);
  fake_fault(s->fake, step, FAULT_KILL, NULL);
  pid_t child = fork();
  if (child == 0) {
    scene_open_store(s);
    scene_flush(s);
    _exit(0);
  }
  g_atomic_int_set(&s->fake->victim, child);
  int status;
  waitpid(child, &status, 0);
  assert_true(WIFSIGNALED(status));
  scene_open_store(s);
  assert_int_equal(scene_flush(s), 0);
  bool unsure = g_str_equal(state, "unsure");
  scene_assert_state(s, id, state, unsure ? "unsure refused" : "accepted refused");
  assert_int_equal(s->fake->kept->len, kept);
  assert_int_equal(scene_files(s, "Sent") + scene_files(s, "Outbox"), 1);
  if (unsure)
    assert_true(outbox_cancel(s->store, id, "Drafts", NULL));
  assert_int_equal(scene_files(s, "Drafts"), unsure);
  g_free(scene_end(s));
}

static void
a_kill_anywhere_sends_nothing_twice(void **state)
{
  kill_at("EHLO", "blocked", 1);
  kill_at("RCPT", "blocked", 1);
  kill_at("DATA", "blocked", 1);
  kill_at("body", "unsure", 1);
}

static void
flush_in_child(void *data)
{
  struct scene *s = data;
  s->store = store_open(s->dir, NULL, NULL);
  if (s->store != NULL)
    scene_flush(s);
}

/* A fault of the disk, the line or the process at any call: once or unsure, and one
 * file. */
static void
faults_at_any_call(const char *capabilities)
{
  for (int mode = FAULTS_FAIL; mode <= FAULTS_DIE; mode++)
    for (int at = mode; ; at += fault_stride()) {
      struct scene *s = scene_new();
      s->fake->capabilities = capabilities;
      g_autofree char *id = scene_add(s, "bruno@x", LETTER, 0);
      g_clear_pointer(&s->store, store_close);
      bool struck = fault_run(mode, at, flush_in_child, s);
      scene_open_store(s);
      if (scene_flush(s) != 0)
        fail_msg("call %d: %s", at, s->error->message);
      g_autoptr(ledger_letter_t) letter = scene_letter(s, id);
      bool unsure = letter->state == LETTER_UNSURE;
      if (!unsure)
        scene_assert_state(s, id, "sent", "accepted");
      assert_in_range(s->fake->kept->len, unsure ? 0 : 1, 1);
      assert_int_equal(scene_files(s, "Sent"), unsure ? 0 : 1);
      assert_int_equal(scene_files(s, "Outbox"), unsure ? 1 : 0);
      g_free(scene_end(s));
      if (!struck)
        break;
    }
}

static void
a_fault_at_any_call_sends_nothing_twice(void **state)
{
  faults_at_any_call(NULL);
  faults_at_any_call(fake_chunking);
}

static void
what_was_accepted_is_filed_by_the_next_who_comes(void **state)
{
  struct scene *s = scene_new();
  g_autofree char *id = scene_add(s, "bruno@x", LETTER, 0);
  g_autoptr(ledger_letter_t) letter = scene_letter(s, id);
  letter->state = LETTER_ACCEPTED;
  ((struct ledger_recipient *)g_ptr_array_index(letter->recipients, 0))->state =
      RECIPIENT_ACCEPTED;
  assert_true(ledger_update(s->store, letter, 1u << LETTER_QUEUED, NULL));
  assert_false(outbox_cancel(s->store, id, NULL, &s->error));
  assert_int_equal(error_exit_status(s->error), 69);
  scene_assert_state(s, id, "sent", "accepted");
  assert_int_equal(scene_files(s, "Sent"), 1);
  assert_int_equal(scene_flush(s), 0);
  assert_int_equal(s->fake->kept->len, 0);
  g_free(scene_end(s));
}

static void
a_second_send_is_the_first(void **state)
{
  struct scene *s = scene_new();
  g_autofree char *first = scene_add(s, "nobody@x bruno@x", LETTER, 0);
  g_autofree char *second = scene_add(s, "bruno@x nobody@x", LETTER, 0);
  g_autofree char *other = scene_add(s, "bruno@x", LETTER, 0);
  assert_string_equal(first, second);
  assert_string_not_equal(first, other);
  assert_int_equal(scene_files(s, "Outbox"), 2);
  g_free(scene_end(s));
}

static void
unusable_letters_are_not_kept(void **state)
{
  static const char *const recipients[] = {"", "a", "a@b@c", "a@x>", "a@x\r\nDATA"};
  struct scene *s = scene_new();
  for (size_t i = 0; i < G_N_ELEMENTS(recipients); i++) {
    assert_null(scene_add(s, recipients[i], LETTER, 0));
    assert_int_equal(error_exit_status(s->error), 65);
  }
  assert_int_equal(scene_files(s, "Outbox"), 0);
  g_free(scene_end(s));
}

static void
a_held_letter_waits_and_can_be_taken_back(void **state)
{
  struct scene *s = scene_new();
  int64_t then = g_get_real_time() / G_USEC_PER_SEC + 1000;
  g_autofree char *id = scene_add(s, "bruno@x", LETTER, then);
  scene_assert_state(s, id, "held", "waiting");
  assert_int_equal(outbox_next(s->store, "home"), then);
  assert_int_equal(scene_flush(s), 0);
  assert_int_equal(s->fake->sessions, 0);
  assert_true(outbox_cancel(s->store, id, "Drafts", NULL));
  assert_int_equal(scene_files(s, "Drafts"), 1);
  assert_int_equal(scene_files(s, "Outbox"), 0);
  assert_false(outbox_retry(s->store, id, &s->error));
  assert_int_equal(error_exit_status(s->error), 69);
  g_free(scene_end(s));
}

static void
hidden_recipients_have_their_own_copy(void **state)
{
  struct scene *s = scene_new();
  g_autofree char *id = scene_add(s, "bruno@x 2:dora@x", LETTER, 0);
  assert_int_equal(scene_flush(s), 0);
  scene_assert_state(s, id, "sent", "accepted accepted");
  assert_int_equal(s->fake->kept->len, 2);
  assert_true(g_str_has_prefix(fake_letter(s->fake, 0), "<bruno@x> \n"));
  assert_true(g_str_has_prefix(fake_letter(s->fake, 1), "<dora@x> \n"));
  assert_int_equal(scene_files(s, "Sent"), 1);
  g_free(scene_end(s));
}

static void
a_hidden_copy_waits_while_the_other_is_unsure(void **state)
{
  struct scene *s = scene_new();
  g_autofree char *id = scene_add(s, "bruno@x 2:dora@x", LETTER, 0);
  fake_fault(s->fake, "body", FAULT_CUT, NULL);
  assert_int_equal(scene_flush(s), 0);
  scene_assert_state(s, id, "unsure", "unsure waiting");
  assert_int_equal(scene_flush(s), 0);
  assert_int_equal(s->fake->kept->len, 1);
  g_free(scene_end(s));
}

static void
many_letters_share_a_line(void **state)
{
  struct scene *s = scene_new();
  for (int i = 0; i < 20; i++) {
    g_autofree char *to = g_strdup_printf("r%d@x", i);
    g_free(scene_add(s, to, LETTER, 0));
  }
  assert_int_equal(scene_flush(s), 0);
  assert_int_equal(s->fake->kept->len, 20);
  assert_int_equal(s->fake->sessions, 1);
  g_free(scene_end(s));
}

static void
many_recipients_do_not_block_the_line(void **state)
{
  struct scene *s = scene_new();
  g_autoptr(GString) all = g_string_new(NULL);
  for (int i = 0; i < 400; i++)
    g_string_append_printf(all, "%srecipient-number-%d@example.org", i > 0 ? " " : "", i);
  g_autofree char *id = scene_add(s, all->str, LETTER, 0);
  assert_int_equal(scene_flush(s), 0);
  g_autoptr(ledger_letter_t) letter = scene_letter(s, id);
  assert_int_equal(letter->state, LETTER_DONE);
  g_free(scene_end(s));
}

static void
what_the_server_cannot_take_is_said_before_it_is_sent(void **state)
{
  static const struct { const char *capabilities, *to, *words; } cases[] = {
      {"AUTH PLAIN\nSIZE 10", "bruno@x", "at most"},
      {"AUTH PLAIN", "b\xc3\xa9@x", "SMTPUTF8"},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    struct scene *s = scene_new();
    s->fake->capabilities = cases[i].capabilities;
    g_autofree char *id = scene_add(s, cases[i].to, LETTER, 0);
    assert_non_null(id);
    assert_int_equal(scene_flush(s), 0);
    scene_assert_state(s, id, "blocked", "refused");
    g_autoptr(ledger_letter_t) letter = scene_letter(s, id);
    assert_non_null(strstr(letter->reason, cases[i].words));
    g_autofree char *heard = scene_end(s);
    assert_null(strstr(heard, "MAIL"));
  }
}

/* ---- who may hear the password, and the letter ---- */

static void
nothing_leaves_without_tls_or_login(void **state)
{
  static const char *const capabilities[] = {"AUTH PLAIN", "SIZE 1000"};
  for (size_t i = 0; i < G_N_ELEMENTS(capabilities); i++) {
    struct scene *s = scene_new();
    s->server.tls = i == 0 ? CONF_TLS_STARTTLS : CONF_TLS_NONE;
    s->fake->capabilities = capabilities[i];
    g_autofree char *id = scene_add(s, "bruno@x", LETTER, 0);
    assert_int_equal(scene_flush(s), 77);
    scene_assert_state(s, id, "blocked", "waiting");
    g_autofree char *heard = scene_end(s);
    assert_null(strstr(heard, "AUTH"));
    assert_null(strstr(heard, "MAIL"));
  }
}

static void
after_starttls_everything_is_asked_again(void **state)
{
  struct scene *s = scene_new();
  struct identity_options options = {.names = "IP:127.0.0.1"};
  struct identity *identity = identity_new(&options);
  s->fake->identity = identity;
  s->fake->capabilities = "STARTTLS\nAUTH XOAUTH2";
  s->fake->after_tls = "PIPELINING\nSIZE 20000000\nAUTH\tPLAIN";
  s->server.tls = CONF_TLS_STARTTLS;
  s->server.ca_file = (char *)(uintptr_t)identity_ca_file();
  g_autofree char *id = scene_add(s, "bruno@x", LETTER, 0);
  assert_int_equal(scene_flush(s), 0);
  scene_assert_state(s, id, "sent", "accepted");
  char *found = NULL;
  assert_true(submit_test(&s->account, s->keyring, s->store, &found, NULL, NULL));
  assert_true(g_str_has_prefix(found, "TLSv1.3, PLAIN, letters of up to 20"));
  g_free(found);
  g_free(scene_end(s));
  identity_free(identity);
}

static void
words_slipped_in_before_tls_are_an_attack(void **state)
{
  struct scene *s = scene_new();
  s->fake->capabilities = "STARTTLS\nAUTH PLAIN";
  s->server.tls = CONF_TLS_STARTTLS;
  fake_fault(s->fake, "STARTTLS", FAULT_SAY, "220 go\r\n250 injected\r\n");
  g_autofree char *id = scene_add(s, "bruno@x", LETTER, 0);
  assert_int_equal(scene_flush(s), 76);
  scene_assert_state(s, id, "blocked", "waiting");
  g_free(scene_end(s));
}

static void
a_long_token_waits_for_its_challenge(void **state)
{
  struct scene *s = scene_new();
  g_autofree char *token = g_strnfill(3000, 't');
  secret_unref(s->server.password);
  s->server.password = secret_new(token, 3000);
  s->server.auth = CONF_AUTH_XOAUTH2;
  s->fake->capabilities = "AUTH XOAUTH2";
  /* The fake answers whatever comes with 250, which is no answer to AUTH. */
  assert_false(submit_test(&s->account, s->keyring, s->store, &token, NULL, &s->error));
  g_autofree char *heard = scene_end(s);
  assert_non_null(strstr(heard, "AUTH XOAUTH2\r\n"));
}

static void
a_held_outbox_queues(void **state)
{
  struct scene *s = scene_new();
  g_autofree char *id = scene_add(s, "bruno@x", LETTER, 0);
  g_autoptr(store_lock_t) lock = store_lock(s->store, "outbox-home", 1, NULL, NULL);
  assert_non_null(lock);
  assert_int_equal(scene_flush(s), 75);
  scene_assert_state(s, id, "queued", "waiting");
  g_clear_pointer(&lock, store_unlock);
  assert_int_equal(scene_flush(s), 0);
  scene_assert_state(s, id, "sent", "accepted");
  g_free(scene_end(s));
}

/* A SOCKS5 proxy (RFC 1928) with the server behind it; what it was asked. */
static void
serve_behind_a_proxy(struct peer *peer, void *asked)
{
  static const char *const answers[] = {"235 in\r\n", "250 ok\r\n", "250 ok\r\n", "354 go\r\n"};
  peer_say_bytes(peer, "\5\0\5\0\0\1\1\2\3\4\0\x19", 12);
  peer_say(peer, "220 smtp.example ESMTP\r\n");
  const char *line = peer_line(peer);
  if (line == NULL)
    return;
  memcpy(asked, line, 28);
  peer_say(peer, "250-smtp.example\r\n250 AUTH PLAIN\r\n");
  for (size_t i = 0; i < G_N_ELEMENTS(answers); i++)
    peer_answer(peer, answers[i]);
  while ((line = peer_line(peer)) != NULL && !g_str_equal(line, "."))
    ;
  peer_say(peer, "250 queued\r\n");
}

static void
a_proxy_reaches_the_server(void **state)
{
  struct scene *s = scene_new();
  char asked[28] = {0};
  struct peer *proxy = peer_new(serve_behind_a_proxy, asked);
  g_autofree char *place = g_strdup_printf("socks5://127.0.0.1:%d", peer_port(proxy));
  g_autofree char *id = scene_add(s, "bruno@x", LETTER, 0);
  s->server.server = (char *)(uintptr_t)"smtp.example";
  s->server.port = 25;
  s->server.allow_cleartext = true;
  s->server.proxy = place;
  assert_int_equal(scene_flush(s), 0);
  scene_assert_state(s, id, "sent", "accepted");
  g_free(peer_end(proxy));
  assert_memory_equal(asked, "\5\1\0\5\1\0\3\14smtp.example\0\x19" "EHLO [", 28);
  assert_int_equal(s->fake->sessions, 0);
  g_free(scene_end(s));
}

/* Who sent by a checked TLS once does not send the password in clear because a line
 * of the rc changed. */
static void
what_the_line_proved_is_never_silently_less(void **state)
{
  struct scene *s = scene_new();
  struct identity_options options = {.names = "IP:127.0.0.1"};
  struct identity *identity = identity_new(&options);
  s->fake->identity = identity;
  s->fake->capabilities = "STARTTLS\nAUTH PLAIN";
  s->server.tls = CONF_TLS_STARTTLS;
  s->server.ca_file = (char *)(uintptr_t)identity_ca_file();
  g_autofree char *first = scene_add(s, "bruno@x", LETTER, 0);
  assert_int_equal(scene_flush(s), 0);
  scene_assert_state(s, first, "sent", "accepted");
  s->server.tls = CONF_TLS_NONE;
  g_autofree char *second = scene_add(s, "carla@x", LETTER, 0);
  assert_int_equal(scene_flush(s), 77);
  assert_non_null(strstr(s->error->message, "account forget home"));
  scene_assert_state(s, second, "blocked", "waiting");
  assert_int_equal(s->fake->sessions, 1);
  s->server.tls = CONF_TLS_STARTTLS;
  s->server.ca_file = NULL;
  s->server.pin = (char *)(uintptr_t)"sha256:"
                  "0000000000000000000000000000000000000000000000000000000000000000";
  assert_true(outbox_retry(s->store, second, NULL));
  assert_int_equal(scene_flush(s), 77);
  assert_int_equal(s->fake->sessions, 1);
  assert_true(trust_forget(s->store, "home", NULL));
  s->server.tls = CONF_TLS_NONE;
  s->server.pin = NULL;
  assert_true(outbox_retry(s->store, second, NULL));
  assert_int_equal(scene_flush(s), 0);
  scene_assert_state(s, second, "sent", "accepted");
  g_free(scene_end(s));
  identity_free(identity);
}

static int
clean_up(void **state)
{
  identity_clean_up();
  return 0;
}

int
main(void)
{
  /* Every step is synced; here nothing survives the test anyway. */
  if (access("/dev/shm", W_OK) == 0)
    g_setenv("TMPDIR", "/dev/shm", FALSE);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_letter_is_sent_once_and_filed),
      cmocka_unit_test(a_server_without_anything_is_served_step_by_step),
      cmocka_unit_test(each_recipient_has_his_fate),
      cmocka_unit_test(all_refused_but_354_gets_a_lone_dot),
      cmocka_unit_test(each_bad_day_leaves_the_right_state),
      cmocka_unit_test(an_unsure_letter_is_settled_by_its_report_or_its_writer),
      cmocka_unit_test(a_kill_anywhere_sends_nothing_twice),
      cmocka_unit_test(a_fault_at_any_call_sends_nothing_twice),
      cmocka_unit_test(what_was_accepted_is_filed_by_the_next_who_comes),
      cmocka_unit_test(a_second_send_is_the_first),
      cmocka_unit_test(unusable_letters_are_not_kept),
      cmocka_unit_test(a_held_letter_waits_and_can_be_taken_back),
      cmocka_unit_test(hidden_recipients_have_their_own_copy),
      cmocka_unit_test(a_hidden_copy_waits_while_the_other_is_unsure),
      cmocka_unit_test(many_letters_share_a_line),
      cmocka_unit_test(many_recipients_do_not_block_the_line),
      cmocka_unit_test(what_the_server_cannot_take_is_said_before_it_is_sent),
      cmocka_unit_test(nothing_leaves_without_tls_or_login),
      cmocka_unit_test(after_starttls_everything_is_asked_again),
      cmocka_unit_test(words_slipped_in_before_tls_are_an_attack),
      cmocka_unit_test(a_long_token_waits_for_its_challenge),
      cmocka_unit_test(a_held_outbox_queues),
      cmocka_unit_test(a_proxy_reaches_the_server),
      cmocka_unit_test(what_the_line_proved_is_never_silently_less),
  };
  return cmocka_run_group_tests(tests, NULL, clean_up);
}

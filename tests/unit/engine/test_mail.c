/* The way in and the way out, on real servers. */
#include "tests/unit/engine/provider.h"

#include "base/error.h"

static void
house_of(struct house *house, const char *name, const char *more,
         const struct engine_options *options)
{
  g_autofree char *block = provider_rc(name, false);
  g_autofree char *rc = g_strconcat(block, more, NULL);
  provider_keys_of(name);
  house_open(house, rc, options);
}

static struct event *
fetch(struct house *house)
{
  struct event *event = house_good(house, engine_fetch(house->engine, NULL, false));
  for (guint i = 0; i < event->fetched->len; i++) {
    const struct fetched *fetched = event->fetched->pdata[i];
    if (fetched->error != NULL)
      fail_msg("%s", fetched->error->message);
  }
  return event;
}

static const struct fetched *
only(const struct event *event)
{
  assert_int_equal(event->fetched->len, 1);
  return event->fetched->pdata[0];
}

/* ---- in ---- */

static void
a_fetch_brings_every_letter_once(void **state)
{
  struct house house;
  house_of(&house, "anna", "", NULL);
  guint there = provider_drop("anna");
  g_autoptr(event_t) dry = house_good(&house, engine_fetch(house.engine, NULL, true));
  assert_int_equal(g_strv_length(dry->strings), there);
  assert_int_equal(house_count(&house, "Inbox"), 0);
  g_autoptr(event_t) first = fetch(&house);
  assert_string_equal(only(first)->account, "anna");
  assert_int_equal(only(first)->fetched, there);
  assert_int_equal(house_count(&house, "Inbox"), there);
  g_autoptr(event_t) second = fetch(&house);
  assert_int_equal(only(second)->fetched, 0);
  assert_int_equal(only(second)->known, there);
  struct rows_query query = {.query = "seedlings", .limit = 50};
  g_autoptr(event_t) found = house_good(&house, engine_rows(house.engine, &query));
  assert_true(found->rows->len > 0);
  house_close(&house);
}

static void
rules_are_applied_to_what_arrives(void **state)
{
  static const char rules[] =
      "rule \"garden\" { match = \"list:orto\" action = \"move Lists/orto\" }\n"
      "rule \"there\" { match = \"list:orto\" action = \"tag +garden\" }\n"
      "rule \"seen\" { match = \"subject:undelivered\" action = \"read\" }\n"
      "rule \"odd\" { match = \"from:(\" action = \"flag\" }\n";
  struct house house;
  house_of(&house, "anna", rules, NULL);
  g_autoptr(event_t) event = fetch(&house);
  guint lists = house_count(&house, "Lists/orto");
  assert_true(lists >= 4);
  struct rows_query tagged = {.query = "tag:garden in:Lists/orto", .limit = 50};
  g_autoptr(event_t) rows = house_good(&house, engine_rows(house.engine, &tagged));
  assert_int_equal(rows->rows->len, lists);
  struct rows_query seen = {.query = "subject:undelivered is:read", .limit = 50};
  g_autoptr(event_t) read = house_good(&house, engine_rows(house.engine, &seen));
  assert_int_equal(read->rows->len, 1);
  house_close(&house);
}

static void
commands_sift_and_tell_what_arrives(void **state)
{
  g_autofree char *told = g_build_filename(g_get_tmp_dir(), "postino-told-XXXXXX", NULL);
  int fd = g_mkstemp(told);
  assert_true(fd >= 0 && close(fd) == 0);
  g_autofree char *rc = g_strdup_printf(
      "on-new-mail = \"sh -c 'echo $POSTINO_ACCOUNT $POSTINO_NEW >%s'\"\n"
      "rule \"all\" { match = \"size:>1\" filter = \"grep -q seedlings\" action = \"tag +sifted\" }\n"
      "rule \"none\" { match = \"size:>1\" filter = \"false\" action = \"tag +never\" }\n"
      "rule \"odd\" { match = \"size:>1\" filter = \"/nowhere/x\" action = \"tag +odd\" }\n",
      told);
  struct house house;
  house_of(&house, "anna", rc, NULL);
  g_autoptr(event_t) event = fetch(&house);
  struct rows_query sifted = {.query = "tag:sifted", .limit = 50};
  g_autoptr(event_t) rows = house_good(&house, engine_rows(house.engine, &sifted));
  assert_true(rows->rows->len > 0 && rows->rows->len < only(event)->fetched);
  struct rows_query others = {.query = "tag:never or tag:odd", .limit = 50};
  g_autoptr(event_t) none = house_good(&house, engine_rows(house.engine, &others));
  assert_int_equal(none->rows->len, 0);
  g_autofree char *wanted = g_strdup_printf("anna %u\n", only(event)->fetched);
  g_autofree char *text = NULL;
  assert_true(g_file_get_contents(told, &text, NULL, NULL));
  assert_string_equal(text, wanted);
  assert_int_equal(unlink(told), 0);
  house_close(&house);
}

static void
what_a_rule_dealt_with_is_no_news(void **state)
{
  static const char *const actions[] = {"read", "move Trash", "tag +x"};
  for (size_t i = 0; i < G_N_ELEMENTS(actions); i++) {
    struct engine_options interactive = {.interactive = true};
    struct house house;
    g_autofree char *rc = g_strdup_printf(
        "notify = \"osc9\"\nrule \"all\" { match = \"size:>1\" action = \"%s\" }\n", actions[i]);
    house_of(&house, "anna", rc, &interactive);
    g_autoptr(event_t) event = fetch(&house);
    assert_true(only(event)->fetched > 1);
    if (i < 2) {
      assert_int_equal(house.arrived->len, 0);
    } else {
      g_autofree char *said = g_strdup_printf("%u new letters", only(event)->fetched);
      assert_string_equal(house_arrived(&house, 1), said);
    }
    house_close(&house);
  }
}

static void
a_password_that_is_not_in_the_rc_is_asked_for_once(void **state)
{
  g_autofree char *rc = provider_rc("bruno", true);
  g_autofree char *password = provider_password("bruno");
  struct house house;
  house_open(&house, rc, NULL);
  g_autoptr(event_t) refused = house_good(&house, engine_fetch(house.engine, NULL, false));
  assert_true(error_is(only(refused)->error, POSTINO_ERROR_AUTH));
  house.asked = 0;
  house.answer = password;
  g_autoptr(event_t) first = fetch(&house);
  g_autoptr(event_t) second = fetch(&house);
  assert_int_equal(house.asked, 1);
  assert_int_equal(only(second)->known, only(first)->fetched);
  house_close(&house);
}

static void
what_lies_on_the_server_is_listed(void **state)
{
  struct house house;
  house_of(&house, "bruno", "", NULL);
  g_autoptr(event_t) list = house_good(&house, engine_server_list(house.engine, NULL));
  assert_int_equal(list->server->len, provider_drop("bruno"));
  struct server_pick pick = {.number = ((struct server_row *)list->server->pdata[0])->number};
  g_autoptr(event_t) one =
      house_good(&house, engine_server_fetch(house.engine, "bruno", &pick, 1));
  assert_int_equal(only(one)->fetched, 1);
  assert_non_null(one->text);
  assert_int_equal(house_count(&house, "Inbox"), 1);
  g_autoptr(event_t) test = house_good(&house, engine_account_test(house.engine, NULL));
  assert_non_null(strstr(test->text, "POP3"));
  assert_non_null(strstr(test->text, "SMTP"));
  house_close(&house);
}

/* ---- seals ---- */

static struct event *
open_by(struct house *house, const char *query)
{
  g_autofree char *key = house_key(house, query);
  struct letter_ref ref = {.key = key};
  return house_good(house, engine_letter(house->engine, &ref, NULL));
}

static bool
shows(const struct event *event, const char *part)
{
  g_autofree char *text = rendered_text(event->letter->rendered);
  return strstr(text, part) != NULL;
}

static char *
words_of(const struct event *event)
{
  return verdict_words(event->letter->verdict);
}

static void
signed_and_sealed_letters_are_opened(void **state)
{
  struct house house;
  house_of(&house, "anna", "", NULL);
  g_autoptr(event_t) event = fetch(&house);
  struct rows_query query = {.query = "is:encrypted", .limit = 5};
  g_autoptr(event_t) sealed = house_good(&house, engine_rows(house.engine, &query));
  assert_true(sealed->rows->len > 0);
  struct letter_ref ref = {.key = ((struct row *)sealed->rows->pdata[0])->key};
  g_autoptr(event_t) letter = house_good(&house, engine_letter(house.engine, &ref, NULL));
  g_autofree char *words = words_of(letter);
  assert_string_equal(words, "sealed, signed by Bruno Verdi <bruno@tuoisp.example>");
  assert_true(letter->letter->rendered->lines->len > 0);
  g_autoptr(event_t) answer =
      house_good(&house, engine_reply(house.engine, &ref, DRAFT_REPLY));
  assert_true(answer->draft->answers_sealed);
  assert_string_equal(answer->draft->answers, ref.key);
  query.query = "is:signed -is:encrypted";
  g_autoptr(event_t) signed_rows = house_good(&house, engine_rows(house.engine, &query));
  assert_true(signed_rows->rows->len > 0);
  struct letter_ref other = {.key = ((struct row *)signed_rows->rows->pdata[0])->key};
  g_autoptr(event_t) second = house_good(&house, engine_letter(house.engine, &other, NULL));
  g_autofree char *said = words_of(second);
  assert_true(g_str_has_prefix(said, "signed by "));
  house_close(&house);
}

/* ---- drafts out ---- */

static struct event *
blank(struct house *house)
{
  return house_good(house, engine_compose(house->engine, NULL, NULL));
}

static void
address(GPtrArray *list, const char *spec)
{
  g_ptr_array_add(list, address_new(NULL, spec));
}

static void
write_letter(struct draft *draft, const char *to, const char *subject, const char *body)
{
  address(draft->to, to);
  g_free(draft->subject);
  draft->subject = g_strdup(subject);
  g_free(draft->body);
  draft->body = g_strdup(body);
}

/* No file below DIR but index and state holds the word. */
static bool
lies_on_disk(const char *dir, const char *word)
{
  const char *argv[] = {"grep", "-rqaF", word, dir, NULL};
  int status = 0;
  assert_true(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL,
                           &status, NULL));
  return WEXITSTATUS(status) == 0;
}

static void
a_sealed_letter_goes_and_is_read_and_nothing_lies_in_the_clear(void **state)
{
  struct engine_options interactive = {.interactive = true};
  struct house house;
  house_of(&house, "anna", "", &interactive);
  g_autoptr(event_t) compose = blank(&house);
  write_letter(compose->draft, "bruno@tuoisp.example", "sealed one", "Caro, parola-sigillata.\n");
  address(compose->draft->bcc, "anna@tuoisp.example");
  g_autoptr(event_t) sealing = house_good(&house, engine_sealing(house.engine, compose->draft));
  assert_null(sealing->sealing->error);
  assert_true(sealing->sealing->plan.encrypt);
  assert_int_equal(sealing->sealing->recipients->len, 2);
  guint before = provider_drop("bruno"), own = provider_drop("anna");
  g_autoptr(event_t) sent =
      house_good(&house, engine_send(house.engine, compose->draft, &sealing->sealing->plan));
  assert_non_null(sent->text);
  house_told(&house, "Sent to bruno@tuoisp.example");
  provider_wait("bruno", before + 1);
  provider_wait("anna", own + 1);
  assert_int_equal(house_count(&house, "Outbox"), 0);
  assert_int_equal(house_count(&house, "Sent"), 1);
  assert_false(lies_on_disk(house.mail_dir, "parola-sigillata"));
  house_reopen(&house, NULL);
  g_autoptr(event_t) kept = open_by(&house, "is:encrypted in:Sent");
  assert_true(shows(kept, "parola-sigillata"));
  assert_string_equal(kept->letter->rendered->subject, "sealed one");
  assert_false(lies_on_disk(house.mail_dir, "sealed one"));
  house_close(&house);
  struct house other;
  house_of(&other, "bruno", "", NULL);
  g_autoptr(event_t) fetched = fetch(&other);
  g_autoptr(event_t) letter = open_by(&other, "is:encrypted from:anna@tuoisp.example");
  g_autofree char *words = words_of(letter);
  assert_string_equal(words, "sealed, signed by Anna Rossi <anna@tuoisp.example>");
  assert_true(shows(letter, "parola-sigillata"));
  assert_string_equal(letter->letter->rendered->subject, "sealed one");
  struct letter_ref ref = {.key = letter->letter->key};
  g_autoptr(event_t) reply = house_good(&other, engine_reply(other.engine, &ref, DRAFT_REPLY));
  assert_string_equal(reply->draft->subject, "Re: sealed one");
  assert_true(reply->draft->answers_sealed);
  assert_int_equal(letter->letter->rendered->bcc->len, 0);
  house_close(&other);
}

static void
a_sealed_draft_lies_sealed_and_is_taken_up_again(void **state)
{
  struct house house;
  house_of(&house, "anna", "", NULL);
  g_autoptr(event_t) compose = blank(&house);
  write_letter(compose->draft, "bruno@tuoisp.example", "later", "parola-rimandata\n");
  g_autoptr(event_t) kept = house_good(&house, engine_postpone(house.engine, compose->draft));
  assert_int_equal(house_count(&house, "Drafts"), 1);
  assert_false(lies_on_disk(house.mail_dir, "parola-rimandata"));
  assert_false(lies_on_disk(house.mail_dir, "Subject: later"));
  g_autoptr(event_t) again = house_good(&house, engine_resume(house.engine, kept->text));
  assert_non_null(strstr(again->draft->body, "parola-rimandata"));
  assert_string_equal(again->draft->subject, "later");
  assert_string_equal(again->draft->origin, kept->text);
  assert_int_equal(again->draft->to->len, 1);
  g_autoptr(event_t) second = house_good(&house, engine_postpone(house.engine, again->draft));
  assert_int_equal(house_count(&house, "Drafts"), 1);
  assert_string_not_equal(second->text, kept->text);
  house_close(&house);
}

static void
a_letter_that_is_held_can_be_taken_back(void **state)
{
  struct engine_options held = {.interactive = true, .delay_sending = true};
  struct house house;
  house_of(&house, "anna", "", &held);
  g_autoptr(event_t) compose = blank(&house);
  write_letter(compose->draft, "giulia@altrove.example", "held", "Ciao.\n");
  g_autoptr(event_t) sent = house_good(&house, engine_send(house.engine, compose->draft, NULL));
  g_autoptr(event_t) queue = house_good(&house, engine_queue(house.engine));
  assert_int_equal(queue->queue->len, 1);
  const struct ledger_letter *letter = queue->queue->pdata[0];
  assert_string_equal(letter->id, sent->text);
  assert_int_equal(letter->state, LETTER_HELD);
  g_autoptr(event_t) back = house_good(&house, engine_unsend(house.engine, sent->text));
  assert_int_equal(house_count(&house, "Outbox"), 0);
  assert_int_equal(house_count(&house, "Drafts"), 1);
  g_autoptr(event_t) draft = house_good(&house, engine_resume(house.engine, back->text));
  assert_string_equal(draft->draft->subject, "held");
  house_close(&house);
}

static void
a_plan_that_would_let_go_in_the_clear_is_refused(void **state)
{
  struct house house;
  house_of(&house, "anna", "", NULL);
  g_autoptr(event_t) compose = blank(&house);
  write_letter(compose->draft, "bruno@tuoisp.example", "must", "parola\n");
  compose->draft->encrypt = DRAFT_YES;
  struct seal_plan postcard = {0};
  g_autoptr(event_t) refused =
      house_done(&house, engine_send(house.engine, compose->draft, &postcard));
  assert_true(error_is(refused->error, POSTINO_ERROR_TRUST));
  write_letter(compose->draft, "giulia@altrove.example", "must", "parola\n");
  g_autoptr(event_t) keyless = house_done(&house, engine_send(house.engine, compose->draft, NULL));
  assert_non_null(keyless->error);
  assert_non_null(strstr(keyless->error->message, "giulia@altrove.example"));
  struct seal_plan sealed = {.encrypt = true};
  g_autoptr(event_t) forced =
      house_done(&house, engine_send(house.engine, compose->draft, &sealed));
  assert_non_null(forced->error);
  assert_int_equal(house_count(&house, "Outbox"), 0);
  house_close(&house);
}

/* ---- letters from outside ---- */

static struct event *
submit(struct house *house, const char *letter, const struct send_options *more)
{
  struct send_options options = more != NULL ? *more : (struct send_options){.sign = -1, .encrypt = -1};
  g_autoptr(GBytes) bytes = g_bytes_new(letter, strlen(letter));
  return house_done(house, engine_submit(house->engine, bytes, &options));
}

static void
a_letter_from_outside_is_sent_and_filed(void **state)
{
  struct house house;
  house_of(&house, "anna", "", NULL);
  guint before = provider_drop("bruno");
  g_autoptr(event_t) sent = submit(&house,
                                   "From: Anna <anna@tuoisp.example>\nTo: bruno@tuoisp.example\n"
                                   "Bcc: anna@tuoisp.example\nSubject: out\n"
                                   "Message-ID: <out.1@tuoisp.example>\n\nciao\n",
                                   NULL);
  assert_null(sent->error);
  provider_wait("bruno", before + 1);
  assert_int_equal(house_count(&house, "Sent"), 1);
  g_autoptr(event_t) queue = house_good(&house, engine_queue(house.engine));
  assert_int_equal(queue->queue->len, 0);
  house_close(&house);
}

static void
a_refused_recipient_blocks_and_the_same_letter_is_answered_with_its_id(void **state)
{
  static const char letter[] =
      "From: anna@tuoisp.example\nTo: nobody-here@tuoisp.example\nSubject: no\n"
      "Message-ID: <no.1@tuoisp.example>\n\nciao\n";
  struct house house;
  house_of(&house, "anna", "", NULL);
  g_autoptr(event_t) first = submit(&house, letter, NULL);
  assert_true(error_is(first->error, POSTINO_ERROR_REFUSED));
  assert_non_null(strstr(first->error->message, "nobody-here@tuoisp.example"));
  g_autofree char *tail = g_strdup_printf("kept as %s; do not send it again", first->text);
  assert_true(g_str_has_suffix(first->error->message, tail));
  g_autoptr(event_t) second = submit(&house, letter, NULL);
  assert_true(g_str_has_suffix(second->error->message, tail));
  g_autoptr(event_t) queue = house_good(&house, engine_queue(house.engine));
  assert_int_equal(queue->queue->len, 1);
  assert_int_equal(((struct ledger_letter *)queue->queue->pdata[0])->state, LETTER_BLOCKED);
  g_autoptr(event_t) retried = house_done(&house, engine_queue_retry(house.engine, first->text));
  assert_true(error_is(retried->error, POSTINO_ERROR_REFUSED));
  g_autoptr(event_t) cancelled = house_good(&house, engine_queue_cancel(house.engine, first->text));
  assert_int_equal(house_count(&house, "Drafts"), 1);
  g_autoptr(event_t) empty = house_good(&house, engine_queue(house.engine));
  assert_int_equal(empty->queue->len, 0);
  house_close(&house);
}

static void
a_letter_that_reached_some_is_taken_up_for_the_others(void **state)
{
  struct house house;
  house_of(&house, "anna", "", NULL);
  g_autoptr(event_t) sent = submit(&house,
                                   "From: anna@tuoisp.example\nTo: nobody-here@tuoisp.example,\n"
                                   " anna@tuoisp.example\nSubject: some\nMessage-ID: "
                                   "<some.1@tuoisp.example>\n\nciao\n",
                                   NULL);
  assert_true(error_is(sent->error, POSTINO_ERROR_REFUSED));
  g_autoptr(event_t) back = house_good(&house, engine_queue_cancel(house.engine, sent->text));
  g_autoptr(event_t) again = house_good(&house, engine_resume(house.engine, back->text));
  assert_int_equal(again->draft->to->len, 1);
  assert_string_equal(((struct address *)again->draft->to->pdata[0])->spec,
                      "nobody-here@tuoisp.example");
  assert_null(again->draft->message_id);
  assert_string_equal(again->draft->origin, back->text);
  house_close(&house);
}

/* What lies in Sent is not the draft that a new letter takes the place of. */
static void
a_letter_that_was_sent_stays_when_it_is_sent_anew(void **state)
{
  struct house house;
  house_of(&house, "anna", "", NULL);
  g_autoptr(event_t) sent = submit(&house,
                                   "From: anna@tuoisp.example\nTo: anna@tuoisp.example\n"
                                   "Subject: once\nMessage-ID: <once.1@tuoisp.example>\n\nciao\n",
                                   NULL);
  assert_null(sent->error);
  assert_int_equal(house_count(&house, "Sent"), 1);
  g_autoptr(event_t) fates = house_good(&house, engine_fates(house.engine, sent->text));
  const struct ledger_letter *letter = fates->queue->pdata[0];
  g_autofree char *key = g_strconcat("Sent/", letter->base, NULL);
  g_autoptr(event_t) again = house_good(&house, engine_resume(house.engine, key));
  assert_null(again->draft->origin);
  assert_null(again->draft->message_id);
  assert_int_equal(again->draft->to->len, 1);
  g_autoptr(event_t) anew = house_good(&house, engine_send(house.engine, again->draft, NULL));
  assert_in_range(house_count(&house, "Sent"), 1, 2); /* the new one may be on its way */
  struct letter_ref ref = {.key = key};
  g_autoptr(event_t) still = house_good(&house, engine_letter(house.engine, &ref, NULL));
  house_close(&house);
}

static void
sealing_that_fails_keeps_and_sends_nothing(void **state)
{
  struct send_options seal = {.sign = -1, .encrypt = 1};
  struct house house;
  house_of(&house, "anna", "", NULL);
  g_autoptr(event_t) event = submit(&house,
                                    "From: anna@tuoisp.example\nTo: giulia@altrove.example\n"
                                    "Subject: x\n\nparola-segreta\n",
                                    &seal);
  assert_true(error_is(event->error, POSTINO_ERROR_INVALID));
  assert_non_null(strstr(event->error->message, "giulia@altrove.example"));
  assert_null(strstr(event->error->message, "kept as"));
  g_autoptr(event_t) queue = house_good(&house, engine_queue(house.engine));
  assert_int_equal(queue->queue->len, 0);
  assert_false(lies_on_disk(house.mail_dir, "parola-segreta"));
  house_close(&house);
}

static void
unusable_input_is_said_and_not_kept(void **state)
{
  static const struct {
    const char *letter, *recipient;
  } rows[] = {
      {"From: anna@tuoisp.example\nSubject: nobody\n\nx\n", NULL},
      {"From: anna@tuoisp.example\nTo: bruno@tuoisp.example\n\nlone \r cr\n", NULL},
      {"From: anna@tuoisp.example\n\nx\n", "no address"},
      {"From: anna@tuoisp.example\nTo: nobody\n\nx\n", NULL},
  };
  struct house house;
  house_of(&house, "anna", "", NULL);
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    const char *recipients[] = {rows[i].recipient, NULL};
    struct send_options options = {.sign = -1, .encrypt = -1, .recipients = recipients};
    g_autoptr(event_t) event = submit(&house, rows[i].letter, &options);
    assert_true(error_is(event->error, POSTINO_ERROR_INVALID));
    assert_null(strstr(event->error->message, "kept as"));
  }
  g_autoptr(event_t) queue = house_good(&house, engine_queue(house.engine));
  assert_int_equal(queue->queue->len, 0);
  house_close(&house);
}

static void
a_letter_sent_to_nowhere_is_kept_and_flushed_later(void **state)
{
  static const char letter[] = "To: bruno@tuoisp.example\nSubject: dead\n"
                               "Message-ID: <dead.1@tuoisp.example>\n\nciao\n";
  g_autofree char *block = provider_rc("anna", false);
  g_auto(GStrv) halves = g_strsplit(block, "smtp {", 2);
  g_auto(GStrv) lines = g_strsplit(halves[1], "port = ", 2);
  g_autofree char *dead = g_strdup_printf("%ssmtp {%sport = 9%s", halves[0], lines[0],
                                          strchr(lines[1], '\n'));
  struct house house, good;
  house_open(&house, dead, NULL);
  g_autoptr(event_t) kept = submit(&house, letter, NULL);
  assert_true(error_is(kept->error, POSTINO_ERROR_RETRY));
  assert_non_null(strstr(kept->error->message, "localhost"));
  assert_true(g_str_has_suffix(kept->error->message, "; do not send it again"));
  g_autoptr(event_t) left = house_done(&house, engine_flush(house.engine, true));
  assert_non_null(left->error);
  assert_int_equal(left->queue->len, 1);
  /* The same mail with a server that lives. */
  guint before = provider_drop("bruno");
  engine_free(g_steal_pointer(&house.engine));
  struct conf *was = house.conf;
  house_of(&good, "anna", "", NULL);
  engine_free(g_steal_pointer(&good.engine));
  g_free(good.conf->mail_dir);
  good.conf->mail_dir = g_strdup(was->mail_dir);
  good.engine = engine_new(good.conf, NULL, NULL);
  g_autoptr(event_t) flushed = house_good(&good, engine_flush(good.engine, true));
  assert_int_equal(flushed->queue->len, 0);
  provider_wait("bruno", before + 1);
  house_close(&good);
  house_close(&house);
}

static void
a_letter_without_from_gets_the_accounts(void **state)
{
  struct send_options options = {.sign = -1, .encrypt = -1, .full_name = "Änna"};
  struct house house;
  house_of(&house, "anna", "", NULL);
  g_autoptr(event_t) sent =
      submit(&house, "To: bruno@tuoisp.example\nSubject: nameless\n\nciao\n", &options);
  assert_null(sent->error);
  g_autoptr(event_t) letter = open_by(&house, "subject:nameless in:Sent");
  const struct address *from = letter->letter->rendered->from->pdata[0];
  assert_string_equal(from->spec, "anna@tuoisp.example");
  assert_string_equal(from->name, "Änna");
  house_close(&house);
}

static void
a_delivery_report_finds_its_letter(void **state)
{
  struct house house;
  house_of(&house, "anna", "", NULL);
  g_autoptr(event_t) first = fetch(&house);
  guint before = provider_drop("anna");
  g_autoptr(event_t) sent = submit(&house,
                                   "From: anna@tuoisp.example\nTo: gone@tuoisp.example\n"
                                   "Subject: closed\nMessage-ID: <closed.1@tuoisp.example>\n\nciao\n",
                                   NULL);
  assert_null(sent->error);
  provider_wait("anna", before + 1);
  g_autoptr(event_t) second = fetch(&house);
  house_told(&house, "Your letter to gone@tuoisp.example could not be delivered: ");
  house_close(&house);
}

/* ---- what the interface's engine does by itself ---- */

/* The rc of NAME with one line in place of another. */
static void
house_with(struct house *house, const char *name, const char *line, const char *instead,
           const struct engine_options *options)
{
  g_autofree char *block = provider_rc(name, false);
  g_auto(GStrv) halves = g_strsplit(block, line, 2);
  g_autofree char *rc = g_strconcat(halves[0], instead, halves[1], NULL);
  provider_keys_of(name);
  house_open(house, rc, options);
}

static void
the_interface_fetches_by_itself_and_says_so(void **state)
{
  struct engine_options interactive = {.interactive = true};
  struct house house;
  house_with(&house, "bruno", "fetch-every = 0", "fetch-every = 1", &interactive);
  house_told(&house, "bruno: ");
  assert_int_equal(house_count(&house, "Inbox"), provider_drop("bruno"));
  house_close(&house);
}

static void
a_held_letter_leaves_when_its_time_has_come(void **state)
{
  struct engine_options held = {.interactive = true, .delay_sending = true};
  struct house house;
  house_with(&house, "anna", "send-delay = 3600", "send-delay = 1", &held);
  guint before = provider_drop("bruno");
  g_autoptr(event_t) compose = blank(&house);
  write_letter(compose->draft, "bruno@tuoisp.example", "soon", "Ciao.\n");
  g_autoptr(event_t) sent = house_good(&house, engine_send(house.engine, compose->draft, NULL));
  house_told(&house, "Sent to bruno@tuoisp.example");
  provider_wait("bruno", before + 1);
  g_autoptr(event_t) late = house_done(&house, engine_unsend(house.engine, sent->text));
  assert_true(error_is(late->error, POSTINO_ERROR_REFUSED));
  assert_int_equal(house_count(&house, "Sent"), 1);
  house_close(&house);
}

static void
an_answer_marks_its_letter_and_takes_the_drafts_place(void **state)
{
  struct engine_options interactive = {.interactive = true};
  struct house house;
  house_of(&house, "bruno", "", NULL);
  g_autoptr(event_t) fetched = fetch(&house);
  g_autofree char *key = house_key(&house, "subject:out from:anna@tuoisp.example");
  house_reopen(&house, &interactive);
  struct letter_ref ref = {.key = key};
  g_autoptr(event_t) answer = house_good(&house, engine_reply(house.engine, &ref, DRAFT_REPLY));
  g_autoptr(event_t) kept = house_good(&house, engine_postpone(house.engine, answer->draft));
  g_autoptr(event_t) again = house_good(&house, engine_resume(house.engine, kept->text));
  g_autoptr(event_t) sent = house_good(&house, engine_send(house.engine, again->draft, NULL));
  assert_int_equal(house_count(&house, "Drafts"), 0);
  house_told(&house, "Sent to anna@tuoisp.example");
  g_autoptr(event_t) letter = house_good(&house, engine_letter(house.engine, &ref, NULL));
  assert_true((letter->letter->flags & ROW_REPLIED) != 0);
  house_close(&house);
}

static int
up(void **state)
{
  provider_up();
  return 0;
}

static int
down(void **state)
{
  provider_down();
  return 0;
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_fetch_brings_every_letter_once),
      cmocka_unit_test(rules_are_applied_to_what_arrives),
      cmocka_unit_test(commands_sift_and_tell_what_arrives),
      cmocka_unit_test(what_a_rule_dealt_with_is_no_news),
      cmocka_unit_test(a_password_that_is_not_in_the_rc_is_asked_for_once),
      cmocka_unit_test(what_lies_on_the_server_is_listed),
      cmocka_unit_test(signed_and_sealed_letters_are_opened),
      cmocka_unit_test(a_sealed_letter_goes_and_is_read_and_nothing_lies_in_the_clear),
      cmocka_unit_test(a_sealed_draft_lies_sealed_and_is_taken_up_again),
      cmocka_unit_test(a_letter_that_is_held_can_be_taken_back),
      cmocka_unit_test(a_plan_that_would_let_go_in_the_clear_is_refused),
      cmocka_unit_test(a_letter_from_outside_is_sent_and_filed),
      cmocka_unit_test(a_refused_recipient_blocks_and_the_same_letter_is_answered_with_its_id),
      cmocka_unit_test(a_letter_that_reached_some_is_taken_up_for_the_others),
      cmocka_unit_test(a_letter_that_was_sent_stays_when_it_is_sent_anew),
      cmocka_unit_test(sealing_that_fails_keeps_and_sends_nothing),
      cmocka_unit_test(unusable_input_is_said_and_not_kept),
      cmocka_unit_test(a_letter_sent_to_nowhere_is_kept_and_flushed_later),
      cmocka_unit_test(a_letter_without_from_gets_the_accounts),
      cmocka_unit_test(a_delivery_report_finds_its_letter),
      cmocka_unit_test(the_interface_fetches_by_itself_and_says_so),
      cmocka_unit_test(a_held_letter_leaves_when_its_time_has_come),
      cmocka_unit_test(an_answer_marks_its_letter_and_takes_the_drafts_place),
  };
  return cmocka_run_group_tests(tests, up, down);
}

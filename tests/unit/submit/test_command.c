#include <glib/gstdio.h>
#include <string.h>

#include "base/error.h"
#include "tests/unit/submit/scene.h"

/* A program of the user's: keeps what it was told and given in the scene's directory,
 * then does `last`. */
static void
set_program(struct scene *s, const char *last)
{
  g_autofree char *path = g_build_filename(s->dir, "program with blank", NULL);
  g_autofree char *script = g_strdup_printf("#!/bin/sh\nprintf '<%%s>' \"$@\" >'%s/told'\n"
                                            "cat >'%s/given'\n%s\n",
                                            s->dir, s->dir, last);
  assert_true(g_file_set_contents(path, script, -1, NULL));
  g_chmod(path, 0700);
  g_free(s->server.command);
  s->server.command = g_strdup_printf("'%s' --of 'two words' '$(touch evil)'", path);
  s->server.server = NULL;
}

static char *
left_by(struct scene *s, const char *name)
{
  g_autofree char *path = g_build_filename(s->dir, name, NULL);
  char *text = NULL;
  g_file_get_contents(path, &text, NULL, NULL);
  return text;
}

static void
end(struct scene *s)
{
  g_free(s->server.command);
  g_autofree char *heard = scene_end(s);
  assert_string_equal(heard, "");
}

static void
a_program_gets_the_letter_and_its_envelope_without_a_shell(void **state)
{
  struct scene *s = scene_new();
  set_program(s, "exit 0");
  g_autofree char *id = scene_add(s, "-odd@x.example b@b\xc3\xbc" "cher.example", LETTER, 0);
  assert_int_equal(scene_flush(s), 0);
  g_autofree char *told = left_by(s, "told"), *given = left_by(s, "given");
  assert_string_equal(told, "<--of><two words><$(touch evil)><-i><-f><anna@tuoisp.example><-->"
                            "<-odd@x.example><b@xn--bcher-kva.example>");
  assert_string_equal(given, "From: anna@tuoisp.example\nTo: bruno@tuoisp.example\n"
                             "Message-ID: <m1@x>\n\nciao\n.\n..due\n");
  assert_int_equal(scene_files(s, "Sent"), 1);
  assert_int_equal(scene_files(s, "Outbox"), 0);
  end(s);
}

static void
each_exit_has_its_state(void **state)
{
  static const struct {
    const char *last, *state, *recipient, *says;
  } rows[] = {
      {"exit 0", "sent", "accepted", NULL},
      {"exit 64", "blocked", "refused", "does not take sendmail's arguments"},
      {"exit 65", "blocked", "refused", "cannot use the letter"},
      {"exit 67", "blocked", "refused", "recipient is unknown"},
      {"exit 68", "queued", "later", "host is unknown"},
      {"echo one >&2; echo 'the \033[1mreason' >&2; exit 69", "blocked", "refused",
       "refused the letter (exit status 69): \"the \xef\xbf\xbd[1mreason\""},
      {"exit 70", "blocked", "refused", "fault of its own"},
      {"exit 71", "queued", "later", "does not let it work"},
      {"exit 73", "queued", "later", "cannot write"},
      {"exit 74", "unsure", "unsure", "ended with 74"},
      {"exit 75", "queued", "later", "try again later"},
      {"exit 76", "blocked", "refused", "protocol"},
      {"exit 77", "blocked", "refused", "not let in"},
      {"exit 78", "blocked", "refused", "configuration is wrong"},
      {"exit 127", "blocked", "refused", "not there"},
      {"exit 1", "unsure", "unsure", "does not say whether"},
      {"exit 255", "unsure", "unsure", "does not say whether"},
      {"kill -9 $$", "unsure", "unsure", "was killed before it ended"},
      {"yes complaint | head -c 100000 >&2; exit 75", "queued", "later", "comp"},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    struct scene *s = scene_new();
    set_program(s, rows[i].last);
    g_autofree char *id = scene_add(s, "bruno@tuoisp.example", LETTER, 0);
    (void)scene_flush(s);
    g_autoptr(ledger_letter_t) letter = scene_letter(s, id);
    const struct ledger_recipient *recipient = g_ptr_array_index(letter->recipients, 0);
    if (strcmp(letter_state_word(letter->state), rows[i].state) != 0 ||
        strcmp(recipient_state_word(recipient->state), rows[i].recipient) != 0 ||
        (rows[i].says != NULL && (letter->reason == NULL || strstr(letter->reason, rows[i].says) == NULL)))
      fail_msg("%s: %s, %s, %s", rows[i].last, letter_state_word(letter->state),
               recipient_state_word(recipient->state), letter->reason);
    assert_int_equal(scene_files(s, "Sent"), strcmp(rows[i].state, "sent") == 0);
    end(s);
  }
}

static void
what_cannot_be_run_blocks_the_letter(void **state)
{
  struct scene *s = scene_new();
  s->server.server = NULL;
  s->server.command = g_strdup("postino-no-such-program -t");
  g_autofree char *id = scene_add(s, "bruno@tuoisp.example", LETTER, 0);
  assert_int_equal(scene_flush(s), 78);
  scene_assert_state(s, id, "blocked", "waiting");
  g_autoptr(ledger_letter_t) letter = scene_letter(s, id);
  assert_non_null(strstr(letter->reason, "check sendmail-command"));
  end(s);
}

static gpointer
cancel_when_it_runs(void *data)
{
  void **both = data;
  g_autofree char *path = g_build_filename(((struct scene *)both[0])->dir, "given", NULL);
  for (int i = 0; i < 500 && !g_file_test(path, G_FILE_TEST_EXISTS); i++)
    g_usleep(20000);
  g_cancellable_cancel(both[1]);
  return NULL;
}

static void
a_program_that_is_not_waited_for_leaves_an_unsure_letter(void **state)
{
  struct scene *s = scene_new();
  g_autoptr(GCancellable) cancel = g_cancellable_new();
  void *both[] = {s, cancel};
  set_program(s, "sleep 60");
  g_autofree char *id = scene_add(s, "bruno@tuoisp.example", LETTER, 0);
  GThread *thread = g_thread_new("cancel", cancel_when_it_runs, both);
  struct submit_options options = {0};
  assert_false(
      outbox_flush(s->store, &s->account, s->keyring, &options, cancel, &s->error) &&
      s->error != NULL);
  g_thread_join(thread);
  scene_assert_state(s, id, "unsure", "unsure");
  end(s);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_program_gets_the_letter_and_its_envelope_without_a_shell),
      cmocka_unit_test(each_exit_has_its_state),
      cmocka_unit_test(what_cannot_be_run_blocks_the_letter),
      cmocka_unit_test(a_program_that_is_not_waited_for_leaves_an_unsure_letter),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

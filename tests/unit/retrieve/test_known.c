#include <glib/gstdio.h>
#include <string.h>
#include <utime.h>

#include "base/error.h"
#include "tests/unit/retrieve/scene.h"

static void
rename_all(struct fake *fake)
{
  for (guint i = 0; i < fake->letters->len; i++) {
    struct fake_letter *letter = g_ptr_array_index(fake->letters, i);
    g_free(letter->uid);
    letter->uid = g_strdup_printf("new-%u", i);
  }
}

static void
letters_that_the_server_renames_are_recognised(void **state)
{
  struct scene *s = scene_new(-1);
  scene_five(s);
  scene_expect(s, 0, 5, 0);
  rename_all(s->fake);
  fake_add(s->fake, "new-6", "sei", "x\n");
  scene_expect(s, 0, 1, 5);
  assert_non_null(strstr(s->result.remark, "renamed 5"));
  assert_int_equal(s->fake->examined, 5);
  scene_expect(s, 0, 0, 6);
  assert_null(s->result.remark);
  assert_int_equal(s->fake->examined, 5);
  assert_int_equal(scene_letters(s), 6);
  g_free(scene_end(s));
}

static void
a_server_without_uidl_is_served_by_headers(void **state)
{
  static const char *const offers[] = {"TOP\r\nPIPELINING\r\nSASL PLAIN\r\n",
                                       "PIPELINING\r\nSASL PLAIN\r\n"};
  for (size_t i = 0; i < G_N_ELEMENTS(offers); i++) {
    struct scene *s = scene_new(-1);
    s->fake->capabilities = offers[i];
    scene_five(s);
    fake_add(s->fake, "", "uno", "ciao\n");
    scene_expect(s, 0, 6, 0);
    assert_int_equal(scene_letters(s), 6);
    scene_expect(s, 0, 0, 6);
    assert_int_equal(s->fake->retrieved, i == 0 ? 6 : 12);
    assert_int_equal(scene_letters(s), 6);
    g_free(scene_end(s));
  }
}

static void
doubled_uids_lose_nothing(void **state)
{
  struct scene *s = scene_new(0);
  fake_add(s->fake, "same", "uno", "ciao\n");
  fake_add(s->fake, "same", "duo", "ciao\n");
  fake_add(s->fake, "same", "trentatre", "ciao\n");
  scene_expect(s, 0, 3, 0);
  assert_int_equal(scene_letters(s), 3);
  assert_int_equal(fake_count(s->fake), 0);
  g_free(scene_end(s));
}

static void
what_another_program_fetched_is_not_fetched_again(void **state)
{
  struct scene *s = scene_new(0);
  g_autofree char *path = g_build_filename(s->dir, "uidls", NULL);
  guint new = 0, known = 0;
  scene_five(s);
  assert_true(g_file_set_contents(path, " 3 127.0.0.1 anna\nu1\nu2\ngone\n 1 x y\nu3\n", -1, NULL));
  assert_true(retrieve_import_state(&s->account, s->store, path, &new, &known, NULL, &s->error));
  assert_int_equal(new, 3);
  assert_true(retrieve_import_state(&s->account, s->store, path, &new, &known, NULL, &s->error));
  assert_int_equal(new, 0);
  assert_int_equal(known, 3);
  scene_expect(s, 0, 3, 2);
  assert_null(s->result.remark);
  scene_expect(s, 0, 0, 2);
  assert_int_equal(s->fake->retrieved, 3);
  assert_int_equal(fake_count(s->fake), 2);
  assert_true(g_file_set_contents(path, " 1 x y\nu3\n", -1, NULL));
  assert_false(retrieve_import_state(&s->account, s->store, path, &new, &known, NULL, &s->error));
  assert_int_equal(error_exit_status(s->error), 66);
  assert_non_null(strstr(s->error->message, "letters of y@x, none of anna@127.0.0.1"));
  g_free(scene_end(s));
}

/* The UIDs are those of other letters by now: the file is older than all of them. */
static void
a_uid_that_another_program_knew_is_no_proof(void **state)
{
  struct scene *s = scene_new(0);
  g_autofree char *path = g_build_filename(s->dir, "uidls", NULL);
  struct utimbuf before = {.modtime = 1735689600};
  guint new = 0, known = 0;
  scene_five(s);
  assert_true(g_file_set_contents(path, " 2 127.0.0.1 anna\nu1\nu2\n", -1, NULL));
  assert_int_equal(g_utime(path, &before), 0);
  assert_true(retrieve_import_state(&s->account, s->store, path, &new, &known, NULL, &s->error));
  scene_expect(s, 0, 5, 0);
  assert_non_null(strstr(s->result.remark, "came after it"));
  scene_assert_five(s);
  assert_int_equal(fake_count(s->fake), 0);
  scene_expect(s, 0, 0, 0);
  g_free(scene_end(s));
}

static void
an_account_that_was_renamed_keeps_its_letters(void **state)
{
  struct scene *s = scene_new(-1);
  scene_five(s);
  scene_expect(s, 0, 5, 0);
  s->account.name = (char *)"house";
  scene_expect(s, 0, 0, 5);
  assert_non_null(s->result.remark);
  assert_int_equal(scene_letters(s), 5);
  /* UIDs alone make no heir: another drop of the same UIDs is fetched. */
  s->account.name = (char *)"other";
  for (guint i = 0; i < 5; i++) {
    struct fake_letter *letter = g_ptr_array_index(s->fake->letters, i);
    char *subject = strstr(letter->text, "Subject: ");
    subject[9] = 'X';
  }
  scene_expect(s, 0, 5, 0);
  assert_int_equal(scene_letters(s), 10);
  g_free(scene_end(s));
}

int
main(void)
{
  scene_prepare();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(letters_that_the_server_renames_are_recognised),
      cmocka_unit_test(a_server_without_uidl_is_served_by_headers),
      cmocka_unit_test(doubled_uids_lose_nothing),
      cmocka_unit_test(what_another_program_fetched_is_not_fetched_again),
      cmocka_unit_test(a_uid_that_another_program_knew_is_no_proof),
      cmocka_unit_test(an_account_that_was_renamed_keeps_its_letters),
  };
  return cmocka_run_group_tests(tests, NULL, scene_clean_up);
}

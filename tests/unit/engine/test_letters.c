#include "tests/unit/engine/house.h"

#include <glib/gstdio.h>

#include "base/error.h"

#define RC "fetch-every = 0\nfolder \"Orders\" { match = \"subject:order\" }\n"

static const char first[] =
    "From: Bruno Verdi <bruno@x.example>\nTo: anna@x.example\nSubject: order one\n"
    "Message-ID: <one@x.example>\nDate: Mon, 05 Jan 2026 10:00:00 +0000\n\nCaro, parola-prima.\n";
static const char second[] =
    "From: Carla <carla@x.example>\nTo: anna@x.example\nSubject: other\n"
    "Message-ID: <two@x.example>\nDate: Tue, 06 Jan 2026 10:00:00 +0000\n\nCiao.\n";
static const char attached[] =
    "From: Carla <carla@x.example>\nTo: anna@x.example\nSubject: papers\n"
    "Message-ID: <three@x.example>\nDate: Wed, 07 Jan 2026 10:00:00 +0000\nMIME-Version: 1.0\n"
    "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\nSee below.\n"
    "--b\nContent-Type: application/octet-stream\n"
    "Content-Disposition: attachment; filename=\"../../.evil.txt\"\n\none\n"
    "--b\nContent-Type: application/octet-stream\n"
    "Content-Disposition: attachment; filename=\"plan.txt\"\n\ntwo\n--b--\n";

static void
fill(struct house *house)
{
  g_free(house_deliver(house, "Inbox", "1767607200.a.host", first));
  g_free(house_deliver(house, "Inbox", "1767693600.b.host", second));
  g_free(house_deliver(house, "Inbox", "1767780000.c.host", attached));
}

static struct event *
rows_of(struct house *house, const char *folder, const char *query)
{
  struct rows_query rows = {.folder = folder, .query = query, .limit = 50};
  return house_good(house, engine_rows(house->engine, &rows));
}

static const char *
subject(const struct event *event, guint i)
{
  return ((struct row *)event->rows->pdata[i])->subject;
}

/* ---- looking ---- */

static void
a_command_sees_what_another_program_delivered(void **state)
{
  struct house house;
  house_open(&house, RC, NULL);
  fill(&house);
  g_autoptr(event_t) all = rows_of(&house, "Inbox", NULL);
  assert_int_equal(all->rows->len, 3);
  assert_string_equal(subject(all, 0), "papers");
  g_free(house_deliver(&house, "Inbox", "1767866400.d.host", second));
  g_autoptr(event_t) more = rows_of(&house, "Inbox", NULL);
  assert_int_equal(more->rows->len, 4);
  house_close(&house);
}

static void
a_lost_index_is_made_again_by_the_next_look(void **state)
{
  struct house house;
  house_open(&house, RC, NULL);
  fill(&house);
  g_autoptr(event_t) before = rows_of(&house, NULL, "parola-prima");
  assert_int_equal(before->rows->len, 1);
  engine_free(house.engine);
  g_autofree char *index = g_build_filename(house.mail_dir, ".postino", "index.db", NULL);
  assert_int_equal(g_unlink(index), 0);
  house.engine = engine_new(house.conf, NULL, NULL);
  g_autoptr(event_t) after = rows_of(&house, NULL, "parola-prima");
  assert_int_equal(after->rows->len, 1);
  house_close(&house);
}

static void
a_saved_search_is_a_folder_to_look_into(void **state)
{
  struct house house;
  house_open(&house, RC, NULL);
  fill(&house);
  g_autoptr(event_t) rows = rows_of(&house, "Orders", NULL);
  assert_int_equal(rows->rows->len, 1);
  assert_string_equal(subject(rows, 0), "order one");
  g_autoptr(event_t) narrower = rows_of(&house, "Orders", "from:carla");
  assert_int_equal(narrower->rows->len, 0);
  g_autoptr(event_t) folders = house_good(&house, engine_folders(house.engine));
  const struct folder_row *last = folders->folders->pdata[folders->folders->len - 1];
  assert_string_equal(last->name, "Orders");
  assert_int_equal(last->total, 1);
  assert_int_equal(last->unread, 1);
  assert_true(engine_is_search(house.engine, "Orders"));
  assert_false(engine_is_search(house.engine, "Inbox"));
  house_close(&house);
}

static void
a_count_tells_unread_and_total(void **state)
{
  struct house house;
  house_open(&house, RC, NULL);
  fill(&house);
  g_autofree char *key = house_key(&house, "id:two@x.example");
  const char *keys[] = {key, NULL};
  g_autoptr(event_t) read = house_good(&house, engine_flag(house.engine, keys, ROW_SEEN, 0));
  struct rows_query query = {.folder = "Inbox"};
  g_autoptr(event_t) count = house_good(&house, engine_count(house.engine, &query));
  assert_int_equal(count->done, 2);
  assert_int_equal(count->total, 3);
  house_close(&house);
}

static void
the_next_unread_is_found_or_there_is_none(void **state)
{
  struct house house;
  house_open(&house, RC, NULL);
  fill(&house);
  struct rows_query query = {.folder = "Inbox"};
  g_autoptr(event_t) rows = rows_of(&house, "Inbox", NULL);
  query.after = rows->rows->pdata[0];
  g_autoptr(event_t) next = house_good(&house, engine_next_unread(house.engine, &query));
  assert_int_equal(next->rows->len, 1);
  const char *keys[] = {((struct row *)rows->rows->pdata[0])->key,
                        ((struct row *)rows->rows->pdata[1])->key,
                        ((struct row *)rows->rows->pdata[2])->key, NULL};
  g_autoptr(event_t) read = house_good(&house, engine_flag(house.engine, keys, ROW_SEEN, 0));
  g_autoptr(event_t) none = house_good(&house, engine_next_unread(house.engine, &query));
  assert_int_equal(none->rows->len, 0);
  house_close(&house);
}

static void
a_query_that_cannot_be_read_is_refused(void **state)
{
  struct house house;
  g_autoptr(GError) error = NULL;
  house_open(&house, RC, NULL);
  assert_true(engine_query_check(house.engine, "from:anna", &error));
  assert_false(engine_query_check(house.engine, "(from:anna", &error));
  struct rows_query query = {.query = "(from:anna", .limit = 1};
  g_autoptr(event_t) event = house_done(&house, engine_rows(house.engine, &query));
  assert_true(error_is(event->error, POSTINO_ERROR_INVALID));
  house_close(&house);
}

/* ---- a letter ---- */

static bool
shows(const struct event *event, const char *part)
{
  g_autofree char *text = rendered_text(event->letter->rendered);
  return strstr(text, part) != NULL;
}

static void
a_letter_is_found_by_key_id_path_and_bytes(void **state)
{
  struct house house;
  house_open(&house, RC, NULL);
  fill(&house);
  g_autofree char *key = house_key(&house, "id:one@x.example");
  g_autofree char *path = g_build_filename(house.mail_dir, "Inbox", "new", "1767607200.a.host", NULL);
  g_autoptr(GBytes) bytes = g_bytes_new_static(first, sizeof first - 1);
  const struct letter_ref refs[] = {{.key = key},
                                    {.message_id = "one@x.example"},
                                    {.message_id = " <one@x.example> "},
                                    {.path = path},
                                    {.bytes = bytes}};
  for (size_t i = 0; i < G_N_ELEMENTS(refs); i++) {
    g_autoptr(event_t) event = house_good(&house, engine_letter(house.engine, &refs[i], NULL));
    assert_int_equal(event->letter->verdict->seal, SEAL_POSTCARD);
    assert_true(shows(event, "parola-prima"));
    assert_string_equal(event->letter->rendered->subject, "order one");
    if (refs[i].bytes == NULL)
      assert_string_equal(event->letter->key, key);
    else
      assert_null(event->letter->key);
  }
  house_close(&house);
}

static void
a_letter_that_is_not_there_is_not_found(void **state)
{
  struct house house;
  house_open(&house, RC, NULL);
  fill(&house);
  const struct letter_ref refs[] = {{.key = "Inbox/nothing"},
                                    {.message_id = "nobody@x.example"},
                                    {.path = "/nonexistent/letter"}};
  for (size_t i = 0; i < G_N_ELEMENTS(refs); i++) {
    g_autoptr(event_t) event = house_done(&house, engine_letter(house.engine, &refs[i], NULL));
    assert_true(error_is(event->error, POSTINO_ERROR_NOTFOUND));
  }
  house_close(&house);
}

static void
the_source_is_shown_when_it_is_asked_for(void **state)
{
  struct house house;
  house_open(&house, RC, NULL);
  fill(&house);
  struct render_options raw = {.raw = true};
  struct letter_ref ref = {.message_id = "three@x.example"};
  g_autoptr(event_t) event = house_good(&house, engine_letter(house.engine, &ref, &raw));
  assert_true(shows(event, "boundary=b"));
  house_close(&house);
}

static void
a_broken_seal_shows_nothing_but_the_verdict(void **state)
{
  static const char sealed[] =
      "From: x@x.example\nTo: anna@x.example\nSubject: sealed\nMIME-Version: 1.0\n"
      "Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=b\n\n"
      "--b\nContent-Type: application/pgp-encrypted\n\nVersion: 1\n\n"
      "--b\nContent-Type: application/octet-stream\n\nthis is no armour\n--b--\n";
  struct house house;
  house_open(&house, RC, NULL);
  g_autoptr(GBytes) bytes = g_bytes_new_static(sealed, sizeof sealed - 1);
  struct letter_ref ref = {.bytes = bytes};
  g_autoptr(event_t) event = house_good(&house, engine_letter(house.engine, &ref, NULL));
  assert_int_equal(event->letter->verdict->seal, SEAL_BROKEN);
  assert_int_equal(event->letter->rendered->lines->len, 0);
  assert_int_equal(event->letter->rendered->parts->len, 0);
  assert_string_equal(event->letter->rendered->subject, "sealed");
  g_autoptr(event_t) part = house_done(&house, engine_part(house.engine, &ref, 1));
  assert_true(error_is(part->error, POSTINO_ERROR_INVALID));
  house_close(&house);
}

static void
parts_are_given_decoded_and_zero_is_the_letter(void **state)
{
  struct house house;
  house_open(&house, RC, NULL);
  fill(&house);
  struct letter_ref ref = {.message_id = "three@x.example"};
  g_autoptr(event_t) letter = house_good(&house, engine_letter(house.engine, &ref, NULL));
  const GPtrArray *parts = letter->letter->rendered->parts;
  const struct rendered_part *last = parts->pdata[parts->len - 1];
  g_autoptr(event_t) part = house_good(&house, engine_part(house.engine, &ref, last->number));
  assert_memory_equal(g_bytes_get_data(part->part->bytes, NULL), "two", 3);
  assert_string_equal(part->part->name, "plan.txt");
  g_autoptr(event_t) whole = house_good(&house, engine_part(house.engine, &ref, 0));
  assert_int_equal(g_bytes_get_size(whole->part->bytes), sizeof attached - 1);
  g_autoptr(event_t) none = house_done(&house, engine_part(house.engine, &ref, 99));
  assert_true(error_is(none->error, POSTINO_ERROR_NOTFOUND));
  house_close(&house);
}

static void
attachments_are_saved_inside_and_never_over_a_file(void **state)
{
  struct house house;
  house_open(&house, RC, NULL);
  fill(&house);
  g_autofree char *dir = g_build_filename(house.dir, "saved", NULL);
  assert_int_equal(g_mkdir(dir, 0700), 0);
  struct letter_ref ref = {.message_id = "three@x.example"};
  for (int round = 1; round <= 2; round++) {
    g_autoptr(event_t) event = house_good(&house, engine_save(house.engine, &ref, 0, dir));
    assert_int_equal(g_strv_length(event->strings), 2);
    for (char **path = event->strings; *path != NULL; path++) {
      g_autofree char *parent = g_path_get_dirname(*path);
      g_autofree char *name = g_path_get_basename(*path);
      assert_string_equal(parent, dir);
      assert_int_not_equal(name[0], '.');
      assert_true(g_file_test(*path, G_FILE_TEST_IS_REGULAR));
    }
    g_autofree char *expected =
        g_build_filename(dir, round == 1 ? "plan.txt" : "plan-2.txt", NULL);
    assert_string_equal(event->strings[1], expected);
  }
  struct letter_ref bare = {.message_id = "one@x.example"};
  g_autoptr(event_t) none = house_done(&house, engine_save(house.engine, &bare, 0, dir));
  assert_true(error_is(none->error, POSTINO_ERROR_NOTFOUND));
  g_autoptr(event_t) nowhere = house_done(&house, engine_save(house.engine, &ref, 0, "/nonexistent"));
  assert_non_null(nowhere->error);
  house_close(&house);
}

/* ---- changing ---- */

static void
deleting_goes_to_the_trash_then_for_good(void **state)
{
  struct house house;
  house_open(&house, RC, NULL);
  fill(&house);
  g_autofree char *key = house_key(&house, "id:one@x.example");
  const char *keys[] = {key, NULL};
  g_autoptr(event_t) deleted = house_good(&house, engine_delete(house.engine, keys));
  assert_int_equal(house_count(&house, "Trash"), 1);
  assert_true(house.changed > 0);
  g_autoptr(event_t) undone = house_good(&house, engine_undo(house.engine));
  assert_non_null(undone->text);
  assert_int_equal(house_count(&house, "Trash"), 0);
  g_autoptr(event_t) again = house_good(&house, engine_delete(house.engine, keys));
  g_autofree char *there = house_key(&house, "id:one@x.example");
  assert_true(g_str_has_prefix(there, "Trash/"));
  const char *gone[] = {there, NULL};
  g_autoptr(event_t) removed = house_good(&house, engine_delete(house.engine, gone));
  assert_int_equal(house_count(&house, "Trash"), 0);
  assert_int_equal(house_count(&house, "Inbox"), 2);
  house_close(&house);
}

static void
letters_are_moved_copied_and_a_folder_emptied(void **state)
{
  struct house house;
  house_open(&house, RC, NULL);
  fill(&house);
  g_autofree char *key = house_key(&house, "id:one@x.example");
  const char *keys[] = {key, NULL};
  g_autoptr(event_t) copied = house_good(&house, engine_copy(house.engine, keys, "Archive"));
  g_autoptr(event_t) moved = house_good(&house, engine_move(house.engine, keys, "Archive"));
  assert_true(g_str_has_prefix(moved->strings[0], "Archive/"));
  assert_int_equal(house_count(&house, "Archive"), 2);
  g_autoptr(event_t) emptied = house_good(&house, engine_empty(house.engine, "Archive"));
  assert_int_equal(house_count(&house, "Archive"), 0);
  assert_int_equal(house_count(&house, "Inbox"), 2);
  house_close(&house);
}

static void
nothing_is_put_into_a_search_or_the_outbox(void **state)
{
  struct house house;
  house_open(&house, RC, NULL);
  fill(&house);
  g_autofree char *key = house_key(&house, "id:one@x.example");
  const char *keys[] = {key, NULL}, *places[] = {"Orders", "Outbox"};
  for (size_t i = 0; i < G_N_ELEMENTS(places); i++) {
    request_id requests[] = {engine_move(house.engine, keys, places[i]),
                             engine_copy(house.engine, keys, places[i])};
    for (size_t j = 0; j < G_N_ELEMENTS(requests); j++) {
      g_autoptr(event_t) event = house_done(&house, requests[j]);
      assert_true(error_is(event->error, POSTINO_ERROR_INVALID));
    }
  }
  assert_int_equal(house_count(&house, "Inbox"), 3);
  house_close(&house);
}

static void
mail_goes_out_as_mbox_and_comes_in_once(void **state)
{
  struct house house;
  house_open(&house, RC, NULL);
  fill(&house);
  g_autofree char *path = g_build_filename(house.dir, "out.mbox", NULL);
  g_autoptr(event_t) out = house_good(&house, engine_export(house.engine, "Inbox", path));
  assert_int_equal(out->total, 3);
  g_autoptr(event_t) emptied = house_good(&house, engine_empty(house.engine, "Inbox"));
  g_autoptr(event_t) in = house_good(&house, engine_import(house.engine, path, NULL));
  assert_int_equal(in->done, 3);
  assert_int_equal(house_count(&house, "Inbox"), 3);
  g_autoptr(event_t) again = house_good(&house, engine_import(house.engine, path, "Inbox"));
  assert_int_equal(again->done, 0);
  assert_int_equal(again->total, 3);
  g_autoptr(event_t) over = house_done(&house, engine_export(house.engine, "Inbox", path));
  assert_true(error_is(over->error, POSTINO_ERROR_CREATE));
  house_close(&house);
}

static void
a_tag_is_found_again(void **state)
{
  struct house house;
  house_open(&house, RC, NULL);
  fill(&house);
  g_autofree char *key = house_key(&house, "id:two@x.example");
  const char *keys[] = {key, NULL};
  g_autoptr(event_t) tagged = house_good(&house, engine_tag(house.engine, keys, "+todo"));
  g_autofree char *found = house_key(&house, "tag:todo");
  assert_string_equal(found, key);
  house_close(&house);
}

/* ---- the interface's engine ---- */

static void
the_interface_is_told_of_other_programs_mail(void **state)
{
  struct house house;
  struct engine_options interactive = {.interactive = true};
  house_open(&house, RC, &interactive);
  for (int n = 0; n < 2; n++) {
    g_autofree char *name = g_strdup_printf("17676072%02d.x.host", n);
    g_free(house_deliver(&house, "Inbox", name, first));
    for (guint rows = 0; rows != (guint)n + 1;) {
      struct rows_query query = {.folder = "Inbox", .limit = 10};
      guint changed = house.changed;
      g_autoptr(event_t) event = house_done(&house, engine_rows(house.engine, &query));
      rows = event->rows != NULL ? event->rows->len : 0;
      while (rows != (guint)n + 1 && house.changed == changed) {
        g_autoptr(event_t) next = house_event(&house);
        house.changed += next->kind == EVENT_CHANGED;
      }
    }
  }
  house_close(&house);
}

static void
wait_until_settled(struct house *house)
{
  bool settled = false;
  while (!settled) {
    g_mutex_lock(&house->engine->lock);
    settled = house->engine->settled;
    g_mutex_unlock(&house->engine->lock);
    g_usleep(10000);
  }
}

static void
only_what_others_put_into_the_inbox_is_news(void **state)
{
  struct house house;
  struct engine_options interactive = {.interactive = true};
  house_open(&house, RC "notify = \"bell\"\naccount \"a\" { from = \"anna@x.example\" }\n", NULL);
  g_free(house_deliver(&house, "Inbox", "1767607200.a.host", first));
  house_reopen(&house, &interactive);
  wait_until_settled(&house);
  g_free(house_deliver(&house, "Inbox", "1767693600.b.host", second));
  assert_string_equal(house_arrived(&house, 1), "1 new letter");
  const char *keys[] = {"Inbox/1767607200.a.host", NULL};
  const char *moved[] = {"Archive/1767607200.a.host", NULL};
  g_autoptr(event_t) away = house_good(&house, engine_move(house.engine, keys, "Archive"));
  g_autoptr(event_t) back = house_good(&house, engine_move(house.engine, moved, "Inbox"));
  g_free(house_deliver(&house, "Archive", "1767693601.c.host", second));
  g_free(house_deliver(&house, "Inbox", "1767780000.d.host", attached));
  assert_string_equal(house_arrived(&house, 2), "1 new letter");
  house_close(&house);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_command_sees_what_another_program_delivered),
      cmocka_unit_test(a_lost_index_is_made_again_by_the_next_look),
      cmocka_unit_test(a_saved_search_is_a_folder_to_look_into),
      cmocka_unit_test(a_count_tells_unread_and_total),
      cmocka_unit_test(the_next_unread_is_found_or_there_is_none),
      cmocka_unit_test(a_query_that_cannot_be_read_is_refused),
      cmocka_unit_test(a_letter_is_found_by_key_id_path_and_bytes),
      cmocka_unit_test(a_letter_that_is_not_there_is_not_found),
      cmocka_unit_test(the_source_is_shown_when_it_is_asked_for),
      cmocka_unit_test(a_broken_seal_shows_nothing_but_the_verdict),
      cmocka_unit_test(parts_are_given_decoded_and_zero_is_the_letter),
      cmocka_unit_test(attachments_are_saved_inside_and_never_over_a_file),
      cmocka_unit_test(deleting_goes_to_the_trash_then_for_good),
      cmocka_unit_test(letters_are_moved_copied_and_a_folder_emptied),
      cmocka_unit_test(nothing_is_put_into_a_search_or_the_outbox),
      cmocka_unit_test(mail_goes_out_as_mbox_and_comes_in_once),
      cmocka_unit_test(a_tag_is_found_again),
      cmocka_unit_test(the_interface_is_told_of_other_programs_mail),
      cmocka_unit_test(only_what_others_put_into_the_inbox_is_news),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

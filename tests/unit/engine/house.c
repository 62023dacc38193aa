#include "tests/unit/engine/house.h"

#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

/* Long enough for a loaded machine and sanitizers; a test never waits it out. */
#define PATIENCE_MS 60000

static void
open_engine(struct house *house, const struct engine_options *options)
{
  g_autoptr(GError) error = NULL;
  house->engine = engine_new(house->conf, options, &error);
  if (house->engine == NULL)
    fail_msg("%s", error->message);
}

void
house_open(struct house *house, const char *rc, const struct engine_options *options)
{
  g_autoptr(GError) error = NULL;
  memset(house, 0, sizeof *house);
  house->dir = g_dir_make_tmp("house-XXXXXX", NULL);
  house->mail_dir = g_build_filename(house->dir, "Mail", NULL);
  g_autofree char *path = g_build_filename(house->dir, "postinorc", NULL);
  g_autofree char *text = g_strdup_printf("mail-dir = \"%s\"\n%s", house->mail_dir, rc);
  assert_true(g_file_set_contents(path, text, -1, NULL));
  assert_int_equal(chmod(path, 0600), 0);
  house->conf = conf_load(path, NULL, &error);
  if (house->conf == NULL)
    fail_msg("%s", error->message);
  house->notices = g_ptr_array_new_with_free_func(g_free);
  house->arrived = g_ptr_array_new_with_free_func(g_free);
  house->ended = g_ptr_array_new_with_free_func((GDestroyNotify)event_free);
  open_engine(house, options);
}

void
house_reopen(struct house *house, const struct engine_options *options)
{
  engine_free(house->engine);
  /* The next engine counts its requests anew. */
  g_ptr_array_set_size(house->ended, 0);
  open_engine(house, options);
}

static void
remove_tree(const char *path)
{
  GDir *dir = g_file_test(path, G_FILE_TEST_IS_SYMLINK) ? NULL : g_dir_open(path, 0, NULL);
  const char *name;
  while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
    g_autofree char *inside = g_build_filename(path, name, NULL);
    remove_tree(inside);
  }
  if (dir != NULL)
    g_dir_close(dir);
  remove(path);
}

void
house_close(struct house *house)
{
  engine_free(house->engine);
  conf_free(house->conf);
  g_ptr_array_unref(house->notices);
  g_ptr_array_unref(house->arrived);
  g_ptr_array_unref(house->ended);
  remove_tree(house->dir);
  g_free(house->mail_dir);
  g_free(house->dir);
}

struct event *
house_event(struct house *house)
{
  struct pollfd ready = {.fd = engine_fd(house->engine), .events = POLLIN};
  if (poll(&ready, 1, PATIENCE_MS) != 1)
    fail_msg("no event came");
  struct event *event = engine_next(house->engine);
  assert_non_null(event);
  return event;
}

static void
see(struct house *house, const struct event *event)
{
  if (event->kind == EVENT_NOTICE)
    g_ptr_array_add(house->notices, g_strdup(event->text));
  if (event->kind == EVENT_ARRIVED)
    g_ptr_array_add(house->arrived, g_strdup(event->text));
  if (event->kind == EVENT_CHANGED)
    house->changed++;
  if (event->kind != EVENT_ASK)
    return;
  g_autoptr(secret_t) answer =
      house->answer != NULL ? secret_new(house->answer, strlen(house->answer)) : NULL;
  house->asked++;
  engine_answer(house->engine, event->ask, answer);
}

static struct event *
take_ended(struct house *house, request_id request)
{
  for (guint i = 0; i < house->ended->len; i++)
    if (((struct event *)house->ended->pdata[i])->request == request)
      return g_ptr_array_steal_index(house->ended, i);
  return NULL;
}

struct event *
house_done(struct house *house, request_id request)
{
  struct event *ended = take_ended(house, request);
  while (ended == NULL) {
    struct event *event = house_event(house);
    if (event->kind == EVENT_DONE && event->request == request)
      return event;
    if (event->kind == EVENT_DONE) {
      g_ptr_array_add(house->ended, event);
      continue;
    }
    see(house, event);
    event_free(event);
  }
  return ended;
}

struct event *
house_good(struct house *house, request_id request)
{
  struct event *event = house_done(house, request);
  if (event->error != NULL)
    fail_msg("%s", event->error->message);
  return event;
}

static const char *
notice_with(const struct house *house, const char *part)
{
  for (guint i = 0; i < house->notices->len; i++)
    if (strstr(house->notices->pdata[i], part) != NULL)
      return house->notices->pdata[i];
  return NULL;
}

const char *
house_told(struct house *house, const char *part)
{
  const char *notice;
  while ((notice = notice_with(house, part)) == NULL) {
    g_autoptr(event_t) event = house_event(house);
    see(house, event);
  }
  return notice;
}

const char *
house_arrived(struct house *house, guint n)
{
  while (house->arrived->len < n) {
    g_autoptr(event_t) event = house_event(house);
    see(house, event);
  }
  return house->arrived->pdata[n - 1];
}

char *
house_deliver(struct house *house, const char *folder, const char *name, const char *text)
{
  static const char *const subs[] = {"cur", "new", "tmp"};
  for (size_t i = 0; i < G_N_ELEMENTS(subs); i++) {
    g_autofree char *dir = g_build_filename(house->mail_dir, folder, subs[i], NULL);
    assert_int_equal(g_mkdir_with_parents(dir, 0700), 0);
  }
  char *path = g_build_filename(house->mail_dir, folder, "new", name, NULL);
  g_autofree char *hidden = g_build_filename(house->mail_dir, folder, "tmp", name, NULL);
  assert_true(g_file_set_contents(hidden, text, -1, NULL));
  assert_int_equal(rename(hidden, path), 0);
  return path;
}

guint
house_count(struct house *house, const char *folder)
{
  static const char *const subs[] = {"cur", "new"};
  guint n = 0;
  for (size_t i = 0; i < G_N_ELEMENTS(subs); i++) {
    g_autofree char *path = g_build_filename(house->mail_dir, folder, subs[i], NULL);
    GDir *dir = g_dir_open(path, 0, NULL);
    while (dir != NULL && g_dir_read_name(dir) != NULL)
      n++;
    if (dir != NULL)
      g_dir_close(dir);
  }
  return n;
}

char *
house_key(struct house *house, const char *query)
{
  struct rows_query rows = {.query = query, .limit = 10};
  g_autoptr(event_t) event = house_good(house, engine_rows(house->engine, &rows));
  assert_int_equal(event->rows->len, 1);
  return g_strdup(((struct row *)event->rows->pdata[0])->key);
}

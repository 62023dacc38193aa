/* A store whose letters are read by real children, and files as other programs make them. */
#pragma once

#include "tests/unit/store/mirror.h"

static struct reader_pool *live_readers;

static inline int
live_start(void **state)
{
  live_readers = reader_pool_new(2);
  return 0;
}

static inline int
live_stop(void **state)
{
  reader_pool_free(live_readers);
  return 0;
}

static inline void
live_reopen(struct fixture *f)
{
  g_autoptr(GError) error = NULL;
  store_close(f->store);
  f->store = store_open(f->dir, live_readers, &error);
  if (f->store == NULL)
    fail_msg("%s", error->message);
}

static inline int
live_open(void **state)
{
  fixture_open(state);
  live_reopen(*state);
  return 0;
}

#define live_test(function) cmocka_unit_test_setup_teardown(function, live_open, fixture_close)

static inline bool
live_refresh(struct fixture *f)
{
  g_autoptr(GError) error = NULL;
  bool changed = false;
  if (!store_refresh(f->store, NULL, NULL, &changed, NULL, &error))
    fail_msg("%s", error->message);
  return changed;
}

/* Makes DIR/FOLDER a Maildir. */
static inline void
live_folder(const struct fixture *f, const char *folder)
{
  static const char *const subs[] = {"cur", "new", "tmp"};
  for (size_t i = 0; i < G_N_ELEMENTS(subs); i++) {
    g_autofree char *path = g_build_filename(f->dir, folder, subs[i], NULL);
    assert_int_equal(g_mkdir_with_parents(path, 0700), 0);
  }
}

/* A letter at FOLDER/cur/NAME or FOLDER/new/NAME, its folder made when missing. */
static inline void
live_put(const struct fixture *f, const char *name, const char *subject, const char *body)
{
  g_autofree char *text = g_strdup_printf(
      "From: Tom <tom@harbour.example>\nSubject: %s\nDate: 1 Jan 2026 00:00:00 +0000\n"
      "Message-ID: <%s@t>\n\n%s\n", subject, subject, body);
  g_autofree char *sub = g_path_get_dirname(name);
  g_autofree char *folder = g_path_get_dirname(sub);
  live_folder(f, folder);
  fixture_write(f, name, text, -1);
}

static inline char *
live_path(const struct fixture *f, const char *name)
{
  return g_build_filename(f->dir, name, NULL);
}

static inline void
live_rename(const struct fixture *f, const char *from, const char *to)
{
  g_autofree char *old = live_path(f, from), *fresh = live_path(f, to);
  assert_int_equal(rename(old, fresh), 0);
}

static inline bool
live_is(const struct fixture *f, const char *name)
{
  g_autofree char *path = live_path(f, name);
  return access(path, F_OK) == 0;
}

static inline int
live_compare(gconstpointer a, gconstpointer b)
{
  return strcmp((*(struct row *const *)a)->key, (*(struct row *const *)b)->key);
}

/* The keys of what is found, in their own order, space between. */
static inline void
live_assert(struct fixture *f, const char *folder, const char *query, const char *wanted)
{
  struct rows_query asked = {.folder = folder, .query = query, .order = ROWS_OLDEST, .limit = 1000};
  g_autoptr(GPtrArray) rows = mirror_rows(f, &asked);
  g_ptr_array_sort(rows, live_compare);
  g_autoptr(GString) keys = g_string_new(NULL);
  for (guint i = 0; i < rows->len; i++)
    g_string_append_printf(keys, "%s%s", i > 0 ? " " : "", ((struct row *)rows->pdata[i])->key);
  assert_string_equal(keys->str, wanted);
}

static inline void
live_check(bool done, GError *error)
{
  if (!done)
    fail_msg("%s", error->message);
}

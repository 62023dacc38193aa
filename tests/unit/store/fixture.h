/* A store on a mail directory of its own, on the real disk. */
#pragma once

#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "store/disk.h"
#include "tests/unit/test.h"

struct fixture {
  char *dir;
  struct store *store;
};

static inline void
fixture_reopen(struct fixture *fixture)
{
  g_autoptr(GError) error = NULL;
  store_close(fixture->store);
  fixture->store = store_open(fixture->dir, NULL, &error);
  if (fixture->store == NULL)
    fail_msg("%s", error->message);
  store_sweep(fixture->store, NULL);
}

static inline int
fixture_open(void **state)
{
  struct fixture *fixture = g_new0(struct fixture, 1);
  fixture->dir = g_dir_make_tmp("postino-test-XXXXXX", NULL);
  fixture_reopen(fixture);
  *state = fixture;
  return 0;
}

static inline int
fixture_remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
  return remove(path);
}

static inline int
fixture_close(void **state)
{
  struct fixture *fixture = *state;
  store_close(fixture->store);
  nftw(fixture->dir, fixture_remove_one, 16, FTW_DEPTH | FTW_PHYS);
  g_free(fixture->dir);
  g_free(fixture);
  return 0;
}

#define fixture_test(function) \
  cmocka_unit_test_setup_teardown(function, fixture_open, fixture_close)

/* How many files lie in DIR/SUB. */
static inline guint
fixture_count(const struct fixture *fixture, const char *sub)
{
  g_autofree char *path = g_build_filename(fixture->dir, sub, NULL);
  g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
  guint n = 0;
  while (dir != NULL && g_dir_read_name(dir) != NULL)
    n++;
  return n;
}

static inline char *
fixture_deliver(const struct fixture *fixture, const char *folder, const char *text,
                unsigned flags)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GBytes) bytes = g_bytes_new(text, strlen(text));
  char *key = NULL;
  if (!store_deliver(fixture->store, folder, bytes, flags, &key, &error))
    fail_msg("%s", error->message);
  return key;
}

static inline void
fixture_assert_text(const struct fixture *fixture, const char *key, const char *text)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GBytes) bytes = store_read(fixture->store, key, &error);
  if (bytes == NULL)
    fail_msg("%s", error->message);
  assert_int_equal(g_bytes_get_size(bytes), strlen(text));
  assert_memory_equal(g_bytes_get_data(bytes, NULL), text, strlen(text));
}

static inline void
fixture_write(const struct fixture *fixture, const char *name, const char *text, gssize length)
{
  g_autofree char *path = g_build_filename(fixture->dir, name, NULL);
  g_autofree char *dir = g_path_get_dirname(path);
  assert_int_equal(g_mkdir_with_parents(dir, 0700), 0);
  assert_true(g_file_set_contents(path, text, length, NULL));
}

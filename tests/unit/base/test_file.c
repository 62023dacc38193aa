#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/paths.h"
#include "base/secret.h"
#include "tests/unit/test.h"

static int
make_dir(void **state)
{
  *state = g_dir_make_tmp("postino-test-XXXXXX", NULL);
  return *state == NULL;
}

static int
remove_dir(void **state)
{
  g_autoptr(GDir) dir = g_dir_open(*state, 0, NULL);
  for (const char *name; (name = g_dir_read_name(dir)) != NULL;) {
    g_autofree char *path = g_build_filename(*state, name, NULL);
    g_remove(path);
  }
  g_rmdir(*state);
  g_free(*state);
  return 0;
}

static void
a_replaced_file_holds_the_new_bytes(void **state)
{
  g_autofree char *path = g_build_filename(*state, "x", NULL);
  g_autoptr(GError) error = NULL;
  for (int i = 0; i < 2; i++) {
    g_autoptr(GBytes) bytes = g_bytes_new_static(i ? "second" : "first", i ? 6 : 5);
    assert_true(file_replace(path, bytes, 0600, &error));
  }
  g_autoptr(GBytes) back = file_read(path, 100, &error);
  assert_non_null(back);
  assert_memory_equal(g_bytes_get_data(back, NULL), "second", 6);
  struct stat st;
  assert_int_equal(stat(path, &st), 0);
  assert_int_equal(st.st_mode & 07777, 0600);
}

static void
a_file_over_the_limit_is_refused(void **state)
{
  g_autofree char *path = g_build_filename(*state, "x", NULL);
  g_autoptr(GBytes) bytes = g_bytes_new_static("12345", 5);
  assert_true(file_replace(path, bytes, 0600, NULL));
  g_autoptr(GError) error = NULL;
  assert_null(file_read(path, 4, &error));
  assert_true(error_is(error, POSTINO_ERROR_INVALID));
  g_autoptr(GBytes) whole = file_read(path, 5, NULL);
  assert_int_equal(g_bytes_get_size(whole), 5);
}

static void
a_missing_file_is_not_found(void **state)
{
  g_autofree char *path = g_build_filename(*state, "none", NULL);
  g_autoptr(GError) error = NULL;
  assert_null(file_read(path, 4, &error));
  assert_int_equal(error_exit_status(error), 66);
}

static void
a_full_disk_is_said_and_nothing_is_replaced(void **state)
{
  g_autoptr(GError) error = NULL;
  auto_fd full = open("/dev/full", O_WRONLY);
  assert_true(full >= 0);
  assert_false(file_write_all(full, "x", 1, &error));
  assert_int_equal(error_exit_status(error), 74);
}

static void
a_memory_file_is_sealed(void **state)
{
  g_autoptr(GBytes) bytes = g_bytes_new_static("abc", 3);
  auto_fd fd = file_memfd(bytes, NULL);
  assert_true(fd >= 0);
  assert_int_equal(write(fd, "x", 1), -1);
  assert_int_equal(errno, EPERM);
  g_autoptr(GBytes) back = file_read_fd(fd, 10, NULL);
  assert_true(g_bytes_equal(bytes, back));
}

static void
a_secret_keeps_its_bytes(void **state)
{
  g_autoptr(secret_t) secret = secret_new("p\0w", 3);
  assert_int_equal(secret_length(secret), 3);
  assert_memory_equal(secret_text(secret), "p\0w", 4);
}

/* The numbers as statfs(2) lists them. */
static void
file_systems_of_other_machines_are_known(void **state)
{
  static const uint32_t shared[] = {0x6969,     0x517b,     0xff534d42, 0xfe534d42, 0x01021997,
                                    0x73757245, 0x5346414f, 0x6b414653, 0x7461636f, 0x65735546,
                                    0x00c36400, 0x0bd00bd0, 0x47504653, 0x01161970, 0x786f4256};
  static const uint32_t own[] = {0xef53,     0x9123683e, 0x58465342, 0x01021994, 0x794c7630,
                                 0x2fc12fc1, 0xf2f52010, 0x858458f6, 0x4d44,     0};
  for (size_t i = 0; i < G_N_ELEMENTS(shared); i++)
    assert_true(paths_type_is_shared(shared[i]));
  for (size_t i = 0; i < G_N_ELEMENTS(own); i++)
    assert_false(paths_type_is_shared(own[i]));
  assert_false(paths_is_shared("/proc/self"));
  assert_true(paths_is_shared("/nowhere/at/all"));
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(a_replaced_file_holds_the_new_bytes, make_dir, remove_dir),
      cmocka_unit_test_setup_teardown(a_file_over_the_limit_is_refused, make_dir, remove_dir),
      cmocka_unit_test_setup_teardown(a_missing_file_is_not_found, make_dir, remove_dir),
      cmocka_unit_test(a_full_disk_is_said_and_nothing_is_replaced),
      cmocka_unit_test(a_memory_file_is_sealed),
      cmocka_unit_test(a_secret_keeps_its_bytes),
      cmocka_unit_test(file_systems_of_other_machines_are_known),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

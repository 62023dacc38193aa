#include "base/blob.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "tests/unit/test.h"

#define LONG 200001

static char *
long_text(void)
{
  char *text = g_malloc(LONG + 1);
  for (int i = 0; i < LONG; i++)
    text[i] = (char)('a' + i * 7 % 26);
  text[LONG] = '\0';
  return text;
}

static bool
gather(const char *data, size_t length, void *context, GError **error)
{
  assert_in_range(length, 1, 64 * 1024);
  g_string_append_len(context, data, (gssize)length);
  return true;
}

static bool
refuse(const char *data, size_t length, void *context, GError **error)
{
  ++*(int *)context;
  return error_set(error, POSTINO_ERROR_INVALID, "enough");
}

static void
assert_holds(const struct blob *blob, const char *text)
{
  static const guint64 starts[] = {0, 1, 65535, 65536, 131072, LONG - 1, LONG};
  assert_int_equal(blob_size(blob), strlen(text));
  for (size_t i = 0; i < G_N_ELEMENTS(starts); i++) {
    g_autoptr(GString) all = g_string_new(NULL);
    assert_true(blob_each(blob, starts[i], gather, all, NULL));
    assert_string_equal(all->str, text + starts[i]);
  }
  g_autoptr(GBytes) whole = blob_bytes(blob, NULL);
  assert_int_equal(g_bytes_get_size(whole), strlen(text));
  assert_memory_equal(g_bytes_get_data(whole, NULL), text, strlen(text));
  int calls = 0;
  g_autoptr(GError) error = NULL;
  assert_false(blob_each(blob, 0, refuse, &calls, &error));
  assert_int_equal(calls, 1);
  assert_true(error_is(error, POSTINO_ERROR_INVALID));
}

static void
a_file_is_copied_as_far_as_wanted(void **state)
{
  g_autofree char *text = long_text();
  g_autofree char *path = NULL;
  int fd = g_file_open_tmp("postino-blob-XXXXXX", &path, NULL);
  assert_true(file_write_all(fd, text, LONG, NULL));
  assert_true(lseek(fd, 0, SEEK_SET) == 0);
  g_autoptr(blob_t) whole = blob_copy_file(fd, LONG + 1, NULL);
  assert_holds(whole, text);
  assert_true(blob_memory(whole) >= 0);
  assert_true(lseek(fd, 0, SEEK_SET) == 0);
  g_autoptr(blob_t) part = blob_copy_file(fd, LONG - 1, NULL);
  assert_int_equal(blob_size(part), LONG - 1);
  close(fd);
  unlink(path);
}

static void
bytes_and_files_are_read_alike(void **state)
{
  g_autofree char *text = long_text();
  g_autofree char *dir = g_dir_make_tmp("postino-blob-XXXXXX", NULL);
  g_autofree char *path = g_build_filename(dir, "copy", NULL);
  g_autoptr(GBytes) bytes = g_bytes_new(text, LONG);
  g_autoptr(blob_t) memory = blob_new(bytes);
  assert_holds(memory, text);
  assert_true(blob_replace(memory, path, 0600, NULL));
  g_autoptr(blob_t) file = blob_open(path, NULL);
  assert_holds(file, text);
  g_autoptr(blob_t) part = blob_new_file(open(path, O_RDONLY | O_CLOEXEC), 70000, 10);
  g_autoptr(GBytes) ten = blob_bytes(part, NULL);
  assert_memory_equal(g_bytes_get_data(ten, NULL), text + 70000, 10);
  g_autoptr(GBytes) head = blob_head(file, 5, NULL);
  assert_int_equal(g_bytes_get_size(head), 5);
  g_unlink(path);
  assert_holds(file, text);
  g_rmdir(dir);
}

static void
what_is_written_piece_by_piece_leaves_no_name(void **state)
{
  static const size_t steps[] = {1, 7, 65536, 65537, LONG};
  g_autofree char *text = long_text();
  g_autofree char *dir = g_dir_make_tmp("postino-blob-XXXXXX", NULL);
  for (size_t i = 0; i < G_N_ELEMENTS(steps); i++) {
    g_autoptr(blob_writer_t) writer = blob_writer_new(dir, NULL);
    for (size_t at = 0; at < LONG; at += steps[i])
      assert_true(blob_write(writer, text + at, MIN(steps[i], LONG - at), NULL));
    assert_int_equal(blob_writer_size(writer), LONG);
    g_autoptr(blob_t) blob = blob_writer_end(writer, NULL);
    assert_holds(blob, text);
  }
  assert_int_equal(g_rmdir(dir), 0);
}

static void
bytes_behind_bytes_are_read_as_one(void **state)
{
  static const size_t cuts[] = {0, 1, 65535, 65537, LONG};
  g_autofree char *text = long_text();
  for (size_t i = 0; i < G_N_ELEMENTS(cuts); i++) {
    g_autoptr(GBytes) head = g_bytes_new(text, cuts[i]);
    g_autoptr(GBytes) tail = g_bytes_new(text + cuts[i], LONG - cuts[i]);
    g_autoptr(blob_t) rest = blob_new(tail);
    g_autoptr(blob_t) joined = blob_join(head, rest);
    assert_holds(joined, text);
    g_autoptr(GBytes) nothing = g_bytes_new_static("", 0);
    g_autoptr(blob_t) again = blob_join(nothing, joined);
    assert_holds(again, text);
    g_autoptr(GBytes) three = blob_head(joined, 3, NULL);
    assert_memory_equal(g_bytes_get_data(three, NULL), text, 3);
  }
}

static void
sealed_memory_is_what_was_written_and_stays_so(void **state)
{
  g_autofree char *text = long_text();
  g_autoptr(blob_writer_t) writer = blob_writer_memory(NULL);
  assert_true(blob_write(writer, text, LONG, NULL));
  g_autoptr(blob_t) blob = blob_writer_end(writer, NULL);
  assert_holds(blob, text);
  assert_int_equal(write(blob_memory(blob), "x", 1), -1);
  g_autoptr(GBytes) bytes = g_bytes_new_static("x", 1);
  g_autoptr(blob_t) other = blob_new(bytes);
  assert_int_equal(blob_memory(other), -1);
  g_autoptr(blob_writer_t) unused = blob_writer_memory(NULL);
  g_autoptr(blob_t) empty = blob_writer_end(unused, NULL);
  g_autoptr(GBytes) none = blob_bytes(empty, NULL);
  assert_int_equal(g_bytes_get_size(none), 0);
}

static void
a_file_that_was_written_to_is_not_as_it_was_opened(void **state)
{
  g_autofree char *dir = g_dir_make_tmp("postino-blob-XXXXXX", NULL);
  g_autofree char *path = g_build_filename(dir, "file", NULL);
  g_autoptr(GBytes) bytes = g_bytes_new_static("first", 5);
  assert_true(file_replace(path, bytes, 0600, NULL));
  g_autoptr(blob_t) blob = blob_open(path, NULL);
  assert_true(blob_is_as_opened(blob));
  /* Another file of that name is not this one. */
  assert_true(file_replace(path, bytes, 0600, NULL));
  assert_true(blob_is_as_opened(blob));
  g_autoptr(blob_t) again = blob_open(path, NULL);
  struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = 1}};
  assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
  assert_false(blob_is_as_opened(again));
  assert_true(blob_is_as_opened(blob));
  g_unlink(path);
  g_rmdir(dir);
}

static void
a_file_that_becomes_shorter_is_told(void **state)
{
  g_autofree char *text = long_text();
  g_autofree char *dir = g_dir_make_tmp("postino-blob-XXXXXX", NULL);
  g_autofree char *path = g_build_filename(dir, "file", NULL);
  g_autoptr(GBytes) bytes = g_bytes_new(text, LONG);
  assert_true(file_replace(path, bytes, 0600, NULL));
  g_autoptr(blob_t) blob = blob_open(path, NULL);
  assert_int_equal(truncate(path, 100), 0);
  g_autoptr(GString) all = g_string_new(NULL);
  g_autoptr(GError) error = NULL;
  assert_false(blob_each(blob, 0, gather, all, &error));
  assert_true(error_is(error, POSTINO_ERROR_LOCAL));
  g_clear_error(&error);
  assert_null(blob_open(dir, &error));
  assert_true(error_is(error, POSTINO_ERROR_INVALID));
  g_unlink(path);
  g_clear_error(&error);
  assert_null(blob_open(path, &error));
  assert_true(error_is(error, POSTINO_ERROR_NOTFOUND));
  g_clear_error(&error);
  g_rmdir(dir);
  assert_null(blob_writer_new(dir, &error));
  assert_non_null(strstr(error->message, dir));
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(bytes_behind_bytes_are_read_as_one),
      cmocka_unit_test(sealed_memory_is_what_was_written_and_stays_so),
      cmocka_unit_test(a_file_that_was_written_to_is_not_as_it_was_opened),
      cmocka_unit_test(a_file_is_copied_as_far_as_wanted),
      cmocka_unit_test(bytes_and_files_are_read_alike),
      cmocka_unit_test(what_is_written_piece_by_piece_leaves_no_name),
      cmocka_unit_test(a_file_that_becomes_shorter_is_told),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

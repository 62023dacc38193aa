#include "base/error.h"

#include <errno.h>
#include <gio/gio.h>

#include "tests/unit/test.h"

static void
each_code_has_its_exit_status(void **state)
{
  static const struct {
    enum postino_error code;
    int status;
  } rows[] = {
      {POSTINO_ERROR_RETRY, 75},   {POSTINO_ERROR_AUTH, 77},     {POSTINO_ERROR_TRUST, 77},
      {POSTINO_ERROR_REFUSED, 69}, {POSTINO_ERROR_INVALID, 65},  {POSTINO_ERROR_LOCAL, 74},
      {POSTINO_ERROR_BUG, 70},     {POSTINO_ERROR_PROTOCOL, 76}, {POSTINO_ERROR_USAGE, 64},
      {POSTINO_ERROR_HOST, 68},    {POSTINO_ERROR_NOTFOUND, 66}, {POSTINO_ERROR_CREATE, 73},
      {POSTINO_ERROR_CONFIG, 78},  {POSTINO_ERROR_UNSURE, 75},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autoptr(GError) error = NULL;
    assert_false(error_set(&error, rows[i].code, "x"));
    assert_int_equal(error_exit_status(error), rows[i].status);
  }
  assert_int_equal(error_exit_status(NULL), 0);
}

static void
the_cause_decides_the_code(void **state)
{
  static const struct {
    int errnum;
    int status;
  } rows[] = {{ENOSPC, 74}, {ENOENT, 66}, {EACCES, 73}, {EROFS, 73}, {EIO, 74}};
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autoptr(GError) error = NULL;
    assert_false(error_errno(&error, POSTINO_ERROR_LOCAL, rows[i].errnum, "%s", "file"));
    assert_int_equal(error_exit_status(error), rows[i].status);
    assert_non_null(strstr(error->message, "file: "));
  }
}

static void
a_cancelled_operation_stays_cancelled(void **state)
{
  g_autoptr(GError) error = NULL;
  error_adopt(&error, g_error_new(G_IO_ERROR, G_IO_ERROR_CANCELLED, "x"));
  assert_true(error_is(error, POSTINO_ERROR_CANCELLED));
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_code_has_its_exit_status),
      cmocka_unit_test(the_cause_decides_the_code),
      cmocka_unit_test(a_cancelled_operation_stays_cancelled),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

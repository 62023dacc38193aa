noinst_LIBRARIES += src/base/libbase.a
src_base_libbase_a_SOURCES = \
	src/base/adopt.c \
	src/base/blob.c src/base/blob.h \
	src/base/clock.c src/base/clock.h \
	src/base/error.c src/base/error.h \
	src/base/file.c src/base/file.h \
	src/base/i18n.h \
	src/base/limits.h \
	src/base/log.c src/base/log.h \
	src/base/paths.c src/base/paths.h \
	src/base/sanitize.c src/base/sanitize.h \
	src/base/secret.c src/base/secret.h \
	src/base/text.c src/base/text.h \
	src/base/when.c src/base/when.h

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/base/test_sanitize tests/unit/base/test_text tests/unit/base/test_file tests/unit/base/test_error \
	tests/unit/base/test_when tests/unit/base/test_clock tests/unit/base/test_blob
tests_unit_base_test_blob_SOURCES = tests/unit/base/test_blob.c tests/unit/test.h
tests_unit_base_test_blob_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_base_test_clock_SOURCES = tests/unit/base/test_clock.c tests/unit/test.h
tests_unit_base_test_clock_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_base_test_sanitize_SOURCES = tests/unit/base/test_sanitize.c tests/unit/test.h
tests_unit_base_test_sanitize_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_base_test_text_SOURCES = tests/unit/base/test_text.c tests/unit/test.h
tests_unit_base_test_text_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_base_test_file_SOURCES = tests/unit/base/test_file.c tests/unit/test.h
tests_unit_base_test_file_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_base_test_error_SOURCES = tests/unit/base/test_error.c tests/unit/test.h
tests_unit_base_test_error_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_base_test_when_SOURCES = tests/unit/base/test_when.c tests/unit/test.h
tests_unit_base_test_when_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
endif

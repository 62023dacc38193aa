noinst_LIBRARIES += src/sandbox/libsandbox.a
src_sandbox_libsandbox_a_SOURCES = \
	src/sandbox/call.c src/sandbox/call.h \
	src/sandbox/frame.c src/sandbox/frame.h \
	src/sandbox/pool.c src/sandbox/pool-private.h \
	src/sandbox/reader.h \
	src/sandbox/starter.c src/sandbox/starter.h

# The child's program: what a letter may not reach is not linked.
pkglibexec_PROGRAMS += postino-reader
postino_reader_SOURCES = \
	src/sandbox/main.c \
	src/sandbox/retire.h \
	src/sandbox/rights.c src/sandbox/rights.h
postino_reader_LDADD = $(SANDBOX_LIBS)

if HAVE_CMOCKA
SANDBOX_TESTS = \
	tests/unit/sandbox/test_reader \
	tests/unit/sandbox/test_rights
check_PROGRAMS += $(SANDBOX_TESTS)
tests_unit_sandbox_test_reader_SOURCES = tests/unit/sandbox/test_reader.c tests/unit/test.h
tests_unit_sandbox_test_reader_LDADD = $(SANDBOX_LIBS) $(CMOCKA_LIBS)
tests_unit_sandbox_test_rights_SOURCES = tests/unit/sandbox/test_rights.c tests/unit/test.h \
	src/sandbox/rights.c src/sandbox/rights.h
tests_unit_sandbox_test_rights_LDADD = $(SECCOMP_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)
EXTRA_tests_unit_sandbox_test_reader_DEPENDENCIES = postino-reader$(EXEEXT)
endif

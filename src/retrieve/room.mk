noinst_LIBRARIES += src/retrieve/libretrieve.a
src_retrieve_libretrieve_a_SOURCES = \
	src/retrieve/claims.c src/retrieve/claims.h \
	src/retrieve/deletions.c src/retrieve/deletions.h \
	src/retrieve/dialogue.c \
	src/retrieve/failures.c src/retrieve/failures.h \
	src/retrieve/foreign.c src/retrieve/foreign.h src/retrieve/intake.c src/retrieve/intake.h src/retrieve/intake-private.h \
	src/retrieve/letter.c \
	src/retrieve/list.c src/retrieve/list.h src/retrieve/login.c \
	src/retrieve/plan.c src/retrieve/plan.h \
	src/retrieve/retrieve.c src/retrieve/retrieve.h src/retrieve/retrieve-private.h \
	src/retrieve/server.c \
	src/retrieve/session.c src/retrieve/session.h src/retrieve/session-private.h \
	src/retrieve/transfer.c src/retrieve/transfer.h \
	src/retrieve/visit.c src/retrieve/visit.h \
	src/retrieve/waiting.c

if HAVE_CMOCKA
retrieve_TEST_LIBS = src/retrieve/libretrieve.a src/store/libstore.a $(SQLITE_LIBS) \
	src/account/libaccount.a src/net/libnet.a $(OPENSSL_LIBS) $(SASL_LIBS) $(IDN2_LIBS) \
	$(CONF_LIBS) $(CMOCKA_LIBS)
RETRIEVE_TESTS = \
	tests/unit/retrieve/test_foreign \
	tests/unit/retrieve/test_known \
	tests/unit/retrieve/test_lies \
	tests/unit/retrieve/test_login \
	tests/unit/retrieve/test_plan \
	tests/unit/retrieve/test_retrieve \
	tests/unit/retrieve/test_server \
	tests/unit/retrieve/test_transfer
check_PROGRAMS += $(RETRIEVE_TESTS)
tests_unit_retrieve_test_foreign_SOURCES = tests/unit/retrieve/test_foreign.c tests/unit/test.h
tests_unit_retrieve_test_foreign_LDADD = $(retrieve_TEST_LIBS)
tests_unit_retrieve_test_plan_SOURCES = tests/unit/retrieve/test_plan.c tests/unit/test.h
tests_unit_retrieve_test_plan_LDADD = $(retrieve_TEST_LIBS)
retrieve_SCENE = tests/unit/retrieve/scene.c tests/unit/retrieve/scene.h \
	tests/unit/retrieve/fake.c tests/unit/retrieve/fake.h $(net_PEER)
tests_unit_retrieve_test_known_SOURCES = tests/unit/retrieve/test_known.c $(retrieve_SCENE)
tests_unit_retrieve_test_known_LDADD = $(retrieve_TEST_LIBS)
tests_unit_retrieve_test_lies_SOURCES = tests/unit/retrieve/test_lies.c $(retrieve_SCENE)
tests_unit_retrieve_test_lies_LDADD = $(retrieve_TEST_LIBS)
tests_unit_retrieve_test_login_SOURCES = tests/unit/retrieve/test_login.c $(retrieve_SCENE)
tests_unit_retrieve_test_login_LDADD = $(retrieve_TEST_LIBS)
tests_unit_retrieve_test_retrieve_SOURCES = tests/unit/retrieve/test_retrieve.c \
	tests/unit/net/faults.h $(retrieve_SCENE)
tests_unit_retrieve_test_retrieve_LDADD = $(retrieve_TEST_LIBS)
tests_unit_retrieve_test_server_SOURCES = tests/unit/retrieve/test_server.c $(retrieve_SCENE)
tests_unit_retrieve_test_server_LDADD = $(retrieve_TEST_LIBS)
tests_unit_retrieve_test_transfer_SOURCES = tests/unit/retrieve/test_transfer.c tests/unit/test.h
tests_unit_retrieve_test_transfer_LDADD = $(retrieve_TEST_LIBS)
endif

# As in src/submit/room.mk: what reads is built into the target.
if FUZZING
noinst_PROGRAMS += tests/fuzz/fuzz_foreign
tests_fuzz_fuzz_foreign_SOURCES = tests/fuzz/fuzz_foreign.c \
	src/retrieve/foreign.c src/retrieve/list.c src/retrieve/plan.c \
	src/retrieve/claims.c src/retrieve/dialogue.c src/retrieve/login.c src/retrieve/session.c
tests_fuzz_fuzz_foreign_CFLAGS = $(AM_CFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_foreign_LDADD = src/store/libstore.a $(SQLITE_LIBS) src/account/libaccount.a \
	src/net/libnet.a $(OPENSSL_LIBS) $(SASL_LIBS) $(IDN2_LIBS) $(CONF_LIBS)
endif

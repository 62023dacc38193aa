noinst_LIBRARIES += src/submit/libsubmit.a
src_submit_libsubmit_a_SOURCES = \
	src/submit/add.c src/submit/body.c src/submit/capability.c src/submit/chunk.c \
	src/submit/command.c src/submit/command.h src/submit/data.c src/submit/due.c \
	src/submit/envelope.c src/submit/envelope.h \
	src/submit/fates.c \
	src/submit/flush.c src/submit/flush-private.h \
	src/submit/outbox.c src/submit/outbox.h \
	src/submit/probe.c \
	src/submit/reply.c src/submit/reply.h \
	src/submit/returns.c \
	src/submit/sending.c src/submit/state.c \
	src/submit/smtp.c src/submit/smtp.h \
	src/submit/submit.h \
	src/submit/transaction.c src/submit/transaction-private.h

if HAVE_CMOCKA
submit_TEST_LIBS = src/submit/libsubmit.a src/store/libstore.a $(SQLITE_LIBS) \
	src/account/libaccount.a src/net/libnet.a $(OPENSSL_LIBS) $(SASL_LIBS) $(IDN2_LIBS) \
	$(CONF_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/submit/test_parts tests/unit/submit/test_submit \
	tests/unit/submit/test_outbox tests/unit/submit/test_chunks tests/unit/submit/test_ahead \
	tests/unit/submit/test_command tests/unit/submit/test_hold
submit_SCENE = tests/unit/submit/scene.c tests/unit/submit/scene.h \
	tests/unit/submit/fake.c tests/unit/submit/fake.h $(net_PEER)
tests_unit_submit_test_parts_SOURCES = tests/unit/submit/test_parts.c tests/unit/test.h
tests_unit_submit_test_parts_LDADD = $(submit_TEST_LIBS)
tests_unit_submit_test_submit_SOURCES = tests/unit/submit/test_submit.c \
	tests/unit/net/faults.h $(submit_SCENE)
tests_unit_submit_test_submit_LDADD = $(submit_TEST_LIBS)
tests_unit_submit_test_outbox_SOURCES = tests/unit/submit/test_outbox.c $(submit_SCENE)
tests_unit_submit_test_outbox_LDADD = $(submit_TEST_LIBS)
tests_unit_submit_test_chunks_SOURCES = tests/unit/submit/test_chunks.c $(submit_SCENE)
tests_unit_submit_test_chunks_LDADD = $(submit_TEST_LIBS)
tests_unit_submit_test_ahead_SOURCES = tests/unit/submit/test_ahead.c $(submit_SCENE)
tests_unit_submit_test_ahead_LDADD = $(submit_TEST_LIBS)
tests_unit_submit_test_command_SOURCES = tests/unit/submit/test_command.c $(submit_SCENE)
tests_unit_submit_test_command_LDADD = $(submit_TEST_LIBS)
tests_unit_submit_test_hold_SOURCES = tests/unit/submit/test_hold.c $(submit_SCENE)
tests_unit_submit_test_hold_LDADD = $(submit_TEST_LIBS)
endif

# ./configure CC=clang --enable-fuzzing --enable-sanitizers; what reads replies is
# built into the target, so that the fuzzer sees which way it takes.
if FUZZING
noinst_PROGRAMS += tests/fuzz/fuzz_replies
tests_fuzz_fuzz_replies_SOURCES = tests/fuzz/fuzz_replies.c src/submit/capability.c \
	src/retrieve/dialogue.c src/retrieve/list.c src/retrieve/login.c \
	src/retrieve/session.c src/retrieve/transfer.c \
	src/submit/envelope.c src/submit/reply.c
tests_fuzz_fuzz_replies_CFLAGS = $(AM_CFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_replies_LDADD = src/account/libaccount.a src/net/libnet.a $(OPENSSL_LIBS) \
	$(SASL_LIBS) $(IDN2_LIBS) $(CONF_LIBS)
endif

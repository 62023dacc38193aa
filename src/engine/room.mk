noinst_LIBRARIES += src/engine/libengine.a
src_engine_libengine_a_SOURCES = \
	src/engine/accounts.c \
	src/engine/again.c src/engine/arrival.c \
	src/engine/ask.c \
	src/engine/autocrypt.c src/engine/autocrypt.h \
	src/engine/carry.c \
	src/engine/change.c \
	src/engine/compose.c \
	src/engine/engine.c src/engine/engine.h src/engine/engine-private.h \
	src/engine/events.c \
	src/engine/flush.c \
	src/engine/gossip.c \
	src/engine/hook.c src/engine/hook.h src/engine/in.c \
	src/engine/intake.c \
	src/engine/local.c \
	src/engine/look.c \
	src/engine/news.c \
	src/engine/open.c \
	src/engine/out.c src/engine/out.h \
	src/engine/keys.c \
	src/engine/plugins.c \
	src/engine/receipt.c \
	src/engine/refresh.c \
	src/engine/save.c \
	src/engine/seal.c src/engine/sealed.c \
	src/engine/server.c \
	src/engine/setup.c \
	src/engine/submit.c \
	src/engine/watch.c src/engine/watch.h

if HAVE_CMOCKA
# They start real reader and plugin processes, and test_mail the real provider.
ENGINE_TESTS = \
	tests/unit/engine/test_autocrypt \
	tests/unit/engine/test_letters \
	tests/unit/engine/test_mail \
	tests/unit/engine/test_requests
check_PROGRAMS += $(ENGINE_TESTS)
engine_HOUSE = tests/unit/engine/house.c tests/unit/engine/house.h tests/unit/test.h
engine_TEST_LIBS = $(ENGINE_LIBS) $(CMOCKA_LIBS)
engine_PROCESSES = postino-reader$(EXEEXT) postino-plugin-host plugins/openpgp.so plugins/smime.so
tests_unit_engine_test_autocrypt_SOURCES = tests/unit/engine/test_autocrypt.c $(engine_HOUSE)
tests_unit_engine_test_autocrypt_LDADD = $(engine_TEST_LIBS)
EXTRA_tests_unit_engine_test_autocrypt_DEPENDENCIES = $(engine_PROCESSES)
tests_unit_engine_test_letters_SOURCES = tests/unit/engine/test_letters.c $(engine_HOUSE)
tests_unit_engine_test_letters_LDADD = $(engine_TEST_LIBS)
EXTRA_tests_unit_engine_test_letters_DEPENDENCIES = $(engine_PROCESSES)
tests_unit_engine_test_mail_SOURCES = tests/unit/engine/test_mail.c \
	tests/unit/engine/provider.c tests/unit/engine/provider.h $(engine_HOUSE)
tests_unit_engine_test_mail_LDADD = $(engine_TEST_LIBS)
EXTRA_tests_unit_engine_test_mail_DEPENDENCIES = $(engine_PROCESSES)
tests_unit_engine_test_requests_SOURCES = tests/unit/engine/test_requests.c $(engine_HOUSE)
tests_unit_engine_test_requests_LDADD = $(engine_TEST_LIBS)
endif

include_HEADERS += src/crypto/postino-plugin.h
noinst_LIBRARIES += src/crypto/libcrypto.a
src_crypto_libcrypto_a_SOURCES = \
	src/crypto/age.c src/crypto/age.h \
	src/crypto/check.c src/crypto/check.h src/crypto/check-private.h \
	src/crypto/check-age.c \
	src/crypto/check-smime.c \
	src/crypto/client.c src/crypto/client.h \
	src/crypto/cms.c src/crypto/cms.h \
	src/crypto/conformance.c \
	src/crypto/crypto.c src/crypto/crypto.h src/crypto/crypto-private.h \
	src/crypto/ahead.c src/crypto/ahead.h \
	src/crypto/idle.c src/crypto/idle.h \
	src/crypto/keys.c \
	src/crypto/leak.c src/crypto/leak.h \
	src/crypto/mime.c src/crypto/mime.h \
	src/crypto/open.c \
	src/crypto/packets.c src/crypto/packets.h \
	src/crypto/pieces.c src/crypto/pieces.h \
	src/crypto/policy.c \
	src/crypto/progress.c src/crypto/progress.h \
	src/crypto/postino-plugin.h \
	src/crypto/protocol.c src/crypto/protocol.h \
	src/crypto/rights.c src/crypto/rights.h \
	src/crypto/spawner.c src/crypto/spawner.h \
	src/crypto/verdict.c src/crypto/verdict.h

# For authors: the manual and the pkg-config file.
man_MANS += man/postino-plugin.7
pkgconfig_DATA += src/crypto/postino-plugin.pc
EXTRA_DIST += man/postino-plugin.7.in src/crypto/postino-plugin.pc.in contrib/plugins/example.py \
	contrib/plugins/age.py contrib/plugins/age.py.rights
CLEANFILES += man/postino-plugin.7 src/crypto/postino-plugin.pc
author_substitutions = $(SED) -e 's|@VERSION[@]|$(PACKAGE_VERSION)|g' -e 's|@prefix[@]|$(prefix)|g' \
	-e 's|@includedir[@]|$(includedir)|g' -e 's|@plugindir[@]|$(plugindir)|g'
man/postino-plugin.7: $(srcdir)/man/postino-plugin.7.in Makefile
	@$(MKDIR_P) man
	$(AM_V_GEN)$(author_substitutions) $(srcdir)/man/postino-plugin.7.in >$@.tmp && mv $@.tmp $@
src/crypto/postino-plugin.pc: $(srcdir)/src/crypto/postino-plugin.pc.in Makefile
	$(AM_V_GEN)$(author_substitutions) $(srcdir)/src/crypto/postino-plugin.pc.in >$@.tmp && mv $@.tmp $@

if HAVE_CMOCKA
# The test programs start the real plugin processes.
crypto_TEST_LIBS = src/crypto/libcrypto.a src/conf/libconf.a $(MESSAGE_LIBS) $(CMOCKA_LIBS)
crypto_PROCESSES = postino-plugin-host postino-gpg postino-gpgsm plugins/openpgp.so plugins/smime.so
crypto_GNUPG = tests/unit/crypto/gnupg.c tests/unit/crypto/gnupg.h tests/unit/test.h
EXTRA_DIST += tests/unit/crypto/broken.py tests/unit/crypto/greedy.py tests/unit/crypto/other.pl tests/unit/crypto/smime.sh
check_PROGRAMS += tests/unit/crypto/test_age tests/unit/crypto/test_broken tests/unit/crypto/test_check \
	tests/unit/crypto/test_openpgp tests/unit/crypto/test_smime \
	tests/unit/crypto/test_open tests/unit/crypto/test_rights tests/unit/crypto/test_setup tests/unit/crypto/test_verdict
tests_unit_crypto_test_setup_SOURCES = tests/unit/crypto/test_setup.c $(crypto_GNUPG)
tests_unit_crypto_test_setup_LDADD = $(crypto_TEST_LIBS)
EXTRA_tests_unit_crypto_test_setup_DEPENDENCIES = $(crypto_PROCESSES)
tests_unit_crypto_test_rights_SOURCES = tests/unit/crypto/test_rights.c tests/unit/test.h
tests_unit_crypto_test_rights_LDADD = $(crypto_TEST_LIBS)
EXTRA_tests_unit_crypto_test_rights_DEPENDENCIES = $(crypto_PROCESSES)
tests_unit_crypto_test_open_SOURCES = tests/unit/crypto/test_open.c $(crypto_GNUPG)
tests_unit_crypto_test_open_LDADD = $(crypto_TEST_LIBS)
EXTRA_tests_unit_crypto_test_open_DEPENDENCIES = $(crypto_PROCESSES)
tests_unit_crypto_test_broken_SOURCES = tests/unit/crypto/test_broken.c $(crypto_GNUPG)
tests_unit_crypto_test_broken_LDADD = $(crypto_TEST_LIBS)
EXTRA_tests_unit_crypto_test_broken_DEPENDENCIES = $(crypto_PROCESSES) contrib/plugins/refuse.so
# What an author would build by the comment at its top.
noinst_PROGRAMS += contrib/plugins/refuse.so
contrib_plugins_refuse_so_SOURCES = contrib/plugins/refuse.c
contrib_plugins_refuse_so_CPPFLAGS = -I$(srcdir)/src/crypto $(AM_CPPFLAGS)
contrib_plugins_refuse_so_LDFLAGS = $(module_flags)
tests_unit_crypto_test_check_SOURCES = tests/unit/crypto/test_check.c tests/unit/test.h
tests_unit_crypto_test_check_LDADD = $(crypto_TEST_LIBS)
tests_unit_crypto_test_verdict_SOURCES = tests/unit/crypto/test_verdict.c tests/unit/test.h
tests_unit_crypto_test_verdict_LDADD = $(crypto_TEST_LIBS)
tests_unit_crypto_test_age_SOURCES = tests/unit/crypto/test_age.c tests/unit/test.h
tests_unit_crypto_test_age_LDADD = $(crypto_TEST_LIBS)
EXTRA_tests_unit_crypto_test_age_DEPENDENCIES = $(crypto_PROCESSES)
tests_unit_crypto_test_smime_SOURCES = tests/unit/crypto/test_smime.c $(crypto_GNUPG)
tests_unit_crypto_test_smime_LDADD = $(crypto_TEST_LIBS)
EXTRA_tests_unit_crypto_test_smime_DEPENDENCIES = $(crypto_PROCESSES)
tests_unit_crypto_test_openpgp_SOURCES = tests/unit/crypto/test_openpgp.c $(crypto_GNUPG)
tests_unit_crypto_test_openpgp_LDADD = $(crypto_TEST_LIBS)
EXTRA_tests_unit_crypto_test_openpgp_DEPENDENCIES = $(crypto_PROCESSES)
endif

if FUZZING
noinst_PROGRAMS += tests/fuzz/fuzz_crypto
tests_fuzz_fuzz_crypto_SOURCES = tests/fuzz/fuzz_crypto.c $(src_crypto_libcrypto_a_SOURCES)
tests_fuzz_fuzz_crypto_CFLAGS = $(AM_CFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_crypto_LDADD = src/conf/libconf.a $(MESSAGE_LIBS)
endif

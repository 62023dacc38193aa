noinst_LIBRARIES += src/account/libaccount.a
src_account_libaccount_a_SOURCES = \
	src/account/account.h \
	src/account/discovery.c \
	src/account/keyring.c
EXTRA_DIST += src/account/providers.tsv
BUILT_SOURCES += src/account/providers.inc
CLEANFILES += src/account/providers.inc

# Each line of the table as a C string.
src/account/providers.inc: $(srcdir)/src/account/providers.tsv
	@$(MKDIR_P) src/account
	$(AM_V_GEN)$(SED) -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/^/"/' -e 's/$$/",/' $< >$@
src/account/discovery.$(OBJEXT): src/account/providers.inc

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/account/test_account
tests_unit_account_test_account_SOURCES = tests/unit/account/test_account.c tests/unit/test.h
tests_unit_account_test_account_LDADD = src/account/libaccount.a src/conf/libconf.a $(MESSAGE_LIBS) $(CMOCKA_LIBS)
endif

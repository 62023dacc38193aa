noinst_LIBRARIES += src/conf/libconf.a
src_conf_libconf_a_SOURCES = \
	src/conf/conf.c src/conf/conf.h \
	src/conf/lexer.c src/conf/lexer.h \
	src/conf/options.c src/conf/options.h \
	src/conf/parser.c src/conf/parser.h \
	src/conf/value.c src/conf/value.h

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/conf/test_conf
tests_unit_conf_test_conf_SOURCES = tests/unit/conf/test_conf.c tests/unit/test.h
tests_unit_conf_test_conf_LDADD = src/conf/libconf.a $(MESSAGE_LIBS) $(CMOCKA_LIBS)
endif

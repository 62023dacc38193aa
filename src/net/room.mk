noinst_LIBRARIES += src/net/libnet.a
src_net_libnet_a_SOURCES = \
	src/net/auth.c src/net/auth.h \
	src/net/certificate.c src/net/certificate.h \
	src/net/connection.c src/net/connection.h \
	src/net/dial.c src/net/dial.h \
	src/net/resolve.c src/net/resolve.h \
	src/net/sasl.c src/net/sasl.h \
	src/net/socks.c src/net/socks.h src/net/stream.c src/net/stream.h \
	src/net/tls.c src/net/tls.h \
	src/net/wait.c src/net/wait.h

if HAVE_CMOCKA
net_PEER = tests/unit/net/peer.c tests/unit/net/peer.h tests/unit/test.h
net_TEST_LIBS = src/net/libnet.a $(OPENSSL_LIBS) $(SASL_LIBS) $(IDN2_LIBS) $(ETPAN_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/net/test_connection tests/unit/net/test_sasl tests/unit/net/test_tls
tests_unit_net_test_connection_SOURCES = tests/unit/net/test_connection.c $(net_PEER)
tests_unit_net_test_connection_LDADD = $(net_TEST_LIBS)
tests_unit_net_test_sasl_SOURCES = tests/unit/net/test_sasl.c tests/unit/test.h
tests_unit_net_test_sasl_LDADD = $(net_TEST_LIBS)
tests_unit_net_test_tls_SOURCES = tests/unit/net/test_tls.c $(net_PEER)
tests_unit_net_test_tls_LDADD = $(net_TEST_LIBS)
endif

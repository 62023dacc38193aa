noinst_LIBRARIES += src/message/libmessage.a
src_message_libmessage_a_SOURCES = \
	src/message/address.c src/message/address.h \
	src/message/autocrypt.c src/message/autocrypt.h \
	src/message/bounce.c \
	src/message/charset.c src/message/charset.h \
	src/message/choose.c \
	src/message/date.c \
	src/message/envelope.c \
	src/message/fields.c \
	src/message/headers.c src/message/headers.h \
	src/message/html.c \
	src/message/index.c \
	src/message/markup.c src/message/markup.h \
	src/message/mime.c src/message/mime.h \
	src/message/novel.c \
	src/message/page.c \
	src/message/params.c src/message/params.h \
	src/message/render.c src/message/render-private.h \
	src/message/rendered.c src/message/rendered.h \
	src/message/report.c src/message/report.h src/message/report-private.h \
	src/message/route.c \
	src/message/span.c src/message/span.h \
	src/message/text.c \
	src/message/transfer.c src/message/transfer.h \
	src/message/typed.c \
	src/message/variant.c \
	src/message/words.c src/message/words.h

if HAVE_CMOCKA
MESSAGE_TESTS = \
	tests/unit/message/test_address \
	tests/unit/message/test_headers \
	tests/unit/message/test_html \
	tests/unit/message/test_index \
	tests/unit/message/test_mime \
	tests/unit/message/test_render \
	tests/unit/message/test_report \
	tests/unit/message/test_variant \
	tests/unit/message/test_words
check_PROGRAMS += $(MESSAGE_TESTS)
tests_unit_message_test_address_SOURCES = tests/unit/message/test_address.c tests/unit/test.h
tests_unit_message_test_address_LDADD = $(MESSAGE_LIBS) $(CMOCKA_LIBS)
tests_unit_message_test_headers_SOURCES = tests/unit/message/test_headers.c tests/unit/test.h
tests_unit_message_test_headers_LDADD = $(MESSAGE_LIBS) $(CMOCKA_LIBS)
tests_unit_message_test_html_SOURCES = tests/unit/message/test_html.c tests/unit/test.h
tests_unit_message_test_html_LDADD = $(MESSAGE_LIBS) $(CMOCKA_LIBS)
tests_unit_message_test_index_SOURCES = tests/unit/message/test_index.c tests/unit/test.h
tests_unit_message_test_index_LDADD = $(MESSAGE_LIBS) $(CMOCKA_LIBS)
tests_unit_message_test_mime_SOURCES = tests/unit/message/test_mime.c tests/unit/test.h
tests_unit_message_test_mime_LDADD = $(MESSAGE_LIBS) $(CMOCKA_LIBS)
tests_unit_message_test_render_SOURCES = tests/unit/message/test_render.c tests/unit/test.h
tests_unit_message_test_render_LDADD = $(MESSAGE_LIBS) $(CMOCKA_LIBS)
tests_unit_message_test_report_SOURCES = tests/unit/message/test_report.c tests/unit/test.h
tests_unit_message_test_report_LDADD = $(MESSAGE_LIBS) $(CMOCKA_LIBS)
tests_unit_message_test_variant_SOURCES = tests/unit/message/test_variant.c tests/unit/test.h
tests_unit_message_test_variant_LDADD = $(MESSAGE_LIBS) $(CMOCKA_LIBS)
tests_unit_message_test_words_SOURCES = tests/unit/message/test_words.c tests/unit/test.h
tests_unit_message_test_words_LDADD = $(MESSAGE_LIBS) $(CMOCKA_LIBS)
endif

# Letters being written.
src_message_libmessage_a_SOURCES += \
	src/message/build.c \
	src/message/draft.c src/message/draft.h src/message/draft-private.h \
	src/message/encode.c src/message/encode.h \
	src/message/sevenbit.c src/message/sevenbit.h \
	src/message/survey.c src/message/survey.h \
	src/message/form.c \
	src/message/letter.c \
	src/message/mailto.c \
	src/message/protect.c \
	src/message/reply.c \
	src/message/resume.c \
	src/message/receipt.c src/message/receipt.h \
	src/message/state.c \
	src/message/write.c src/message/write.h

if HAVE_CMOCKA
DRAFT_TESTS = \
	tests/unit/message/test_build \
	tests/unit/message/test_draft \
	tests/unit/message/test_large tests/unit/message/test_letter tests/unit/message/test_roundtrip \
	tests/unit/message/test_protect \
	tests/unit/message/test_reply \
	tests/unit/message/test_resume \
	tests/unit/message/test_sevenbit
check_PROGRAMS += $(DRAFT_TESTS)
tests_unit_message_test_sevenbit_SOURCES = tests/unit/message/test_sevenbit.c tests/unit/test.h
tests_unit_message_test_sevenbit_LDADD = $(MESSAGE_LIBS) $(CMOCKA_LIBS)
tests_unit_message_test_build_SOURCES = tests/unit/message/test_build.c tests/unit/test.h
tests_unit_message_test_build_LDADD = $(MESSAGE_LIBS) $(CMOCKA_LIBS)
tests_unit_message_test_draft_SOURCES = tests/unit/message/test_draft.c tests/unit/test.h
tests_unit_message_test_draft_LDADD = $(MESSAGE_LIBS) $(CMOCKA_LIBS)
tests_unit_message_test_letter_SOURCES = tests/unit/message/test_letter.c tests/unit/test.h
tests_unit_message_test_roundtrip_SOURCES = tests/unit/message/test_roundtrip.c tests/unit/test.h
tests_unit_message_test_roundtrip_LDADD = $(MESSAGE_LIBS) $(CMOCKA_LIBS)
tests_unit_message_test_large_SOURCES = tests/unit/message/test_large.c tests/unit/test.h
tests_unit_message_test_large_LDADD = $(MESSAGE_LIBS) $(CMOCKA_LIBS)
tests_unit_message_test_letter_LDADD = $(MESSAGE_LIBS) $(CMOCKA_LIBS)
tests_unit_message_test_protect_SOURCES = tests/unit/message/test_protect.c tests/unit/test.h
tests_unit_message_test_protect_LDADD = $(MESSAGE_LIBS) $(CMOCKA_LIBS)
tests_unit_message_test_reply_SOURCES = tests/unit/message/test_reply.c tests/unit/test.h
tests_unit_message_test_reply_LDADD = $(MESSAGE_LIBS) $(CMOCKA_LIBS)
tests_unit_message_test_resume_SOURCES = tests/unit/message/test_resume.c tests/unit/test.h
tests_unit_message_test_resume_LDADD = $(MESSAGE_LIBS) $(CMOCKA_LIBS)
endif

# ./configure CC=clang --enable-fuzzing --enable-sanitizers; the room is built
# into each target, so that the fuzzer sees which way it takes.
if FUZZING
noinst_PROGRAMS += tests/fuzz/fuzz_message tests/fuzz/fuzz_headers
tests_fuzz_fuzz_message_SOURCES = tests/fuzz/fuzz_message.c $(src_message_libmessage_a_SOURCES)
tests_fuzz_fuzz_message_CFLAGS = $(AM_CFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_message_LDADD = $(ETPAN_LIBS) $(XML_LIBS) $(BASE_LIBS)
tests_fuzz_fuzz_headers_SOURCES = tests/fuzz/fuzz_headers.c $(src_message_libmessage_a_SOURCES)
tests_fuzz_fuzz_headers_CFLAGS = $(AM_CFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_headers_LDADD = $(ETPAN_LIBS) $(XML_LIBS) $(BASE_LIBS)
endif

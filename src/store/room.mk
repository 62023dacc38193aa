noinst_LIBRARIES += src/store/libstore.a
src_store_libstore_a_SOURCES =

# ---- disk: Maildirs and state.db, what must not be lost ----
src_store_libstore_a_SOURCES += \
	src/store/change.c src/store/change.h \
	src/store/change-copy.c src/store/change-move.c \
	src/store/delivery.c \
	src/store/digest.c \
	src/store/disk.h \
	src/store/bases.c src/store/drops.c src/store/drops.h \
	src/store/export.c src/store/import.c src/store/sources.c \
	src/store/ledger.c src/store/ledger.h \
	src/store/lock.c \
	src/store/maildir.c \
	src/store/mbox.c src/store/mbox.h \
	src/store/state.c \
	src/store/store.c src/store/store.h src/store/store-private.h \
	src/store/tags.c \
	src/store/tree.c \
	src/store/trust.c src/store/trust.h \
	src/store/undo.c \
	src/store/waiting.c src/store/waiting.h

# ---- index: index.db, what can be rebuilt ----
src_store_libstore_a_SOURCES += \
	src/store/addresses.c \
	src/store/folders.c src/store/hand.c \
	src/store/conn.c \
	src/store/index.c src/store/index-follow.c src/store/index-private.h src/store/schema.h \
	src/store/letters.c src/store/lists.c \
	src/store/query.c src/store/query.h \
	src/store/query-value.c src/store/query-value.h \
	src/store/reading.c src/store/reading.h \
	src/store/refresh.c src/store/refresh.h \
	src/store/refresh-names.c src/store/refresh-texts.c \
	src/store/candidates.c src/store/complete.c src/store/narrow.c \
	src/store/pages.c src/store/rows.c src/store/view.h \
	src/store/scan.c src/store/scan.h \
	src/store/sealed.c \
	src/store/sql.c src/store/starts.c \
	src/store/terms.c src/store/terms.h \
	src/store/thread-hand.c \
	src/store/thread-rows.c \
	src/store/threads.c \
	src/store/tokenizer.c src/store/tokenizer.h \
	src/store/waiting-rows.c \
	src/store/watch.c src/store/watch.h

store_TEST_LIBS = src/store/libstore.a $(SQLITE_LIBS) $(SANDBOX_LIBS) $(CMOCKA_LIBS)

if HAVE_CMOCKA
# ---- tests of disk ----
store_FIXTURE = tests/unit/store/fixture.h tests/unit/test.h
DISK_TESTS = \
	tests/unit/store/test_delivery \
	tests/unit/store/test_drops \
	tests/unit/store/test_faults \
	tests/unit/store/test_ledger \
	tests/unit/store/test_lock \
	tests/unit/store/test_maildir \
	tests/unit/store/test_mbox \
	tests/unit/store/test_state \
	tests/unit/store/test_trust \
	tests/unit/store/test_undo
check_PROGRAMS += $(DISK_TESTS)
tests_unit_store_test_delivery_SOURCES = tests/unit/store/test_delivery.c $(store_FIXTURE)
tests_unit_store_test_delivery_LDADD = $(store_TEST_LIBS)
tests_unit_store_test_trust_SOURCES = tests/unit/store/test_trust.c $(store_FIXTURE)
tests_unit_store_test_trust_LDADD = $(store_TEST_LIBS)
tests_unit_store_test_drops_SOURCES = tests/unit/store/test_drops.c $(store_FIXTURE)
tests_unit_store_test_drops_LDADD = $(store_TEST_LIBS)
tests_unit_store_test_faults_SOURCES = tests/unit/store/test_faults.c $(store_FIXTURE)
tests_unit_store_test_faults_LDADD = $(store_TEST_LIBS)
tests_unit_store_test_ledger_SOURCES = tests/unit/store/test_ledger.c $(store_FIXTURE)
tests_unit_store_test_ledger_LDADD = $(store_TEST_LIBS)
tests_unit_store_test_lock_SOURCES = tests/unit/store/test_lock.c $(store_FIXTURE)
tests_unit_store_test_lock_LDADD = $(store_TEST_LIBS)
tests_unit_store_test_maildir_SOURCES = tests/unit/store/test_maildir.c $(store_FIXTURE)
tests_unit_store_test_maildir_LDADD = $(store_TEST_LIBS)
tests_unit_store_test_mbox_SOURCES = tests/unit/store/test_mbox.c $(store_FIXTURE)
tests_unit_store_test_mbox_LDADD = $(store_TEST_LIBS)
tests_unit_store_test_state_SOURCES = tests/unit/store/test_state.c $(store_FIXTURE)
tests_unit_store_test_state_LDADD = $(store_TEST_LIBS)
tests_unit_store_test_undo_SOURCES = tests/unit/store/test_undo.c $(store_FIXTURE)
tests_unit_store_test_undo_LDADD = $(store_TEST_LIBS)
endif

if HAVE_CMOCKA
# ---- tests of index ----
store_MIRROR = tests/unit/store/mirror.h $(store_FIXTURE)
check_PROGRAMS += tests/unit/store/test_folders tests/unit/store/test_model tests/unit/store/test_query \
	tests/unit/store/test_refresh tests/unit/store/test_rows tests/unit/store/test_samples \
	tests/unit/store/test_threads tests/unit/store/test_tokenizer \
	tests/unit/store/test_waiting tests/unit/store/test_others tests/unit/store/test_damage tests/unit/store/test_clock \
	tests/unit/store/test_back tests/unit/store/test_moved \
	tests/unit/store/test_long tests/unit/store/test_starts tests/unit/store/test_narrow tests/unit/store/test_terms \
	tests/unit/store/test_candidates
store_LIVE = tests/unit/store/live.h $(store_MIRROR)
tests_unit_store_test_others_SOURCES = tests/unit/store/test_others.c $(store_LIVE)
tests_unit_store_test_others_LDADD = $(store_TEST_LIBS)
EXTRA_tests_unit_store_test_others_DEPENDENCIES = postino-reader$(EXEEXT)
tests_unit_store_test_clock_SOURCES = tests/unit/store/test_clock.c $(store_LIVE)
tests_unit_store_test_clock_LDADD = $(store_TEST_LIBS)
EXTRA_tests_unit_store_test_clock_DEPENDENCIES = postino-reader$(EXEEXT)
tests_unit_store_test_back_SOURCES = tests/unit/store/test_back.c $(store_LIVE)
tests_unit_store_test_back_LDADD = $(store_TEST_LIBS)
EXTRA_tests_unit_store_test_back_DEPENDENCIES = postino-reader$(EXEEXT)
tests_unit_store_test_moved_SOURCES = tests/unit/store/test_moved.c $(store_LIVE)
tests_unit_store_test_moved_LDADD = $(store_TEST_LIBS)
EXTRA_tests_unit_store_test_moved_DEPENDENCIES = postino-reader$(EXEEXT)
tests_unit_store_test_long_SOURCES = tests/unit/store/test_long.c $(store_MIRROR)
tests_unit_store_test_long_LDADD = $(store_TEST_LIBS)
tests_unit_store_test_damage_SOURCES = tests/unit/store/test_damage.c $(store_LIVE)
tests_unit_store_test_damage_LDADD = $(store_TEST_LIBS)
EXTRA_tests_unit_store_test_damage_DEPENDENCIES = postino-reader$(EXEEXT)
tests_unit_store_test_folders_SOURCES = tests/unit/store/test_folders.c $(store_MIRROR)
tests_unit_store_test_folders_LDADD = $(store_TEST_LIBS)
tests_unit_store_test_model_SOURCES = tests/unit/store/test_model.c $(store_MIRROR)
tests_unit_store_test_model_LDADD = $(store_TEST_LIBS)
EXTRA_tests_unit_store_test_model_DEPENDENCIES = postino-reader$(EXEEXT)
tests_unit_store_test_samples_SOURCES = tests/unit/store/test_samples.c $(store_MIRROR)
tests_unit_store_test_samples_LDADD = $(store_TEST_LIBS)
EXTRA_tests_unit_store_test_samples_DEPENDENCIES = postino-reader$(EXEEXT)
tests_unit_store_test_refresh_SOURCES = tests/unit/store/test_refresh.c $(store_MIRROR)
tests_unit_store_test_refresh_LDADD = $(store_TEST_LIBS)
EXTRA_tests_unit_store_test_refresh_DEPENDENCIES = postino-reader$(EXEEXT)
tests_unit_store_test_rows_SOURCES = tests/unit/store/test_rows.c $(store_MIRROR)
tests_unit_store_test_rows_LDADD = $(store_TEST_LIBS)
tests_unit_store_test_threads_SOURCES = tests/unit/store/test_threads.c $(store_MIRROR)
tests_unit_store_test_threads_LDADD = $(store_TEST_LIBS)
tests_unit_store_test_tokenizer_SOURCES = tests/unit/store/test_tokenizer.c tests/unit/test.h
tests_unit_store_test_tokenizer_LDADD = $(store_TEST_LIBS)
tests_unit_store_test_starts_SOURCES = tests/unit/store/test_starts.c $(store_MIRROR)
tests_unit_store_test_starts_LDADD = $(store_TEST_LIBS)
tests_unit_store_test_narrow_SOURCES = tests/unit/store/test_narrow.c $(store_MIRROR)
tests_unit_store_test_narrow_LDADD = $(store_TEST_LIBS)
tests_unit_store_test_candidates_SOURCES = tests/unit/store/test_candidates.c $(store_LIVE)
tests_unit_store_test_candidates_LDADD = $(store_TEST_LIBS)
EXTRA_tests_unit_store_test_candidates_DEPENDENCIES = postino-reader$(EXEEXT)
tests_unit_store_test_terms_SOURCES = tests/unit/store/test_terms.c tests/unit/test.h
tests_unit_store_test_terms_LDADD = $(store_TEST_LIBS)
tests_unit_store_test_waiting_SOURCES = tests/unit/store/test_waiting.c $(store_MIRROR)
tests_unit_store_test_waiting_LDADD = $(store_TEST_LIBS)
EXTRA_tests_unit_store_test_waiting_DEPENDENCIES = postino-reader$(EXEEXT)
tests_unit_store_test_query_SOURCES = tests/unit/store/test_query.c $(store_MIRROR)
tests_unit_store_test_query_LDADD = $(store_TEST_LIBS)
endif

# As in src/message/room.mk.
if FUZZING
noinst_PROGRAMS += tests/fuzz/fuzz_query
tests_fuzz_fuzz_query_SOURCES = tests/fuzz/fuzz_query.c $(src_store_libstore_a_SOURCES)
tests_fuzz_fuzz_query_CFLAGS = $(AM_CFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_query_LDADD = $(SQLITE_LIBS) $(SANDBOX_LIBS)
endif

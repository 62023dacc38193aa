noinst_LIBRARIES += src/store/libstore.a
src_store_libstore_a_SOURCES =

# ---- disk: Maildirs and state.db, what must not be lost ----
src_store_libstore_a_SOURCES += \
	src/store/disk.h \
	src/store/lock.c \
	src/store/maildir.c \
	src/store/state.c \
	src/store/store.c src/store/store.h src/store/store-private.h \
	src/store/tree.c

# ---- index: index.db, what can be rebuilt ----
src_store_libstore_a_SOURCES += \
	src/store/addresses.c \
	src/store/folders.c \
	src/store/index.c src/store/index-private.h src/store/schema.h \
	src/store/letters.c \
	src/store/query.c src/store/query.h \
	src/store/query-value.c src/store/query-value.h \
	src/store/reading.c src/store/reading.h \
	src/store/refresh.c \
	src/store/rows.c src/store/view.h \
	src/store/scan.c src/store/scan.h \
	src/store/sql.c \
	src/store/thread-rows.c \
	src/store/threads.c \
	src/store/tokenizer.c src/store/tokenizer.h \
	src/store/watch.c src/store/watch.h

store_TEST_LIBS = src/store/libstore.a $(SQLITE_LIBS) $(SANDBOX_LIBS) $(CMOCKA_LIBS)

noinst_LIBRARIES += src/sandbox/libsandbox.a
src_sandbox_libsandbox_a_SOURCES = \
	src/sandbox/call.c src/sandbox/call.h \
	src/sandbox/frame.c src/sandbox/frame.h \
	src/sandbox/pool.c src/sandbox/pool-private.h \
	src/sandbox/reader.h \
	src/sandbox/starter.c src/sandbox/starter.h

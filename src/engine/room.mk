noinst_LIBRARIES += src/engine/libengine.a
src_engine_libengine_a_SOURCES = \
	src/engine/accounts.c \
	src/engine/arrival.c \
	src/engine/ask.c \
	src/engine/change.c \
	src/engine/compose.c \
	src/engine/engine.c src/engine/engine.h src/engine/engine-private.h \
	src/engine/events.c \
	src/engine/flush.c \
	src/engine/in.c \
	src/engine/look.c \
	src/engine/open.c \
	src/engine/out.c src/engine/out.h \
	src/engine/plugins.c \
	src/engine/save.c \
	src/engine/seal.c \
	src/engine/submit.c \
	src/engine/watch.c src/engine/watch.h

noinst_LIBRARIES += src/retrieve/libretrieve.a
src_retrieve_libretrieve_a_SOURCES = \
	src/retrieve/intake.c src/retrieve/intake.h \
	src/retrieve/list.c src/retrieve/list.h \
	src/retrieve/plan.c src/retrieve/plan.h \
	src/retrieve/retrieve.c src/retrieve/retrieve.h src/retrieve/retrieve-private.h \
	src/retrieve/server.c \
	src/retrieve/session.c src/retrieve/session.h \
	src/retrieve/transfer.c src/retrieve/transfer.h \
	src/retrieve/visit.c src/retrieve/visit.h

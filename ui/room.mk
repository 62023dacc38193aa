# The interface without main.c, report.c and cli/, which are the program's own.
noinst_LIBRARIES += ui/libui.a
ui_libui_a_SOURCES = \
	ui/command.c ui/command.h \
	ui/commands.c \
	ui/complete.c \
	ui/held.c \
	ui/hour.c \
	ui/keymap.c ui/keymap.h \
	ui/layout.c \
	ui/letter.c \
	ui/list.c ui/list.h \
	ui/loop.c ui/ui.h \
	ui/program.c \
	ui/search.c \
	ui/prompt.c ui/prompt.h \
	ui/fate.c ui/fate.h \
	ui/status.c ui/status.h \
	ui/ui.c ui/ui-private.h \
	ui/view.h \
	ui/term/canvas.c ui/term/canvas.h \
	ui/term/crash.c \
	ui/term/curses.c \
	ui/term/keys.c ui/term/keys.h \
	ui/term/locale.c \
	ui/term/term.c ui/term/term.h ui/term/term-private.h \
	ui/accounts/view.c \
	ui/compose/commands.c ui/compose/compose.h ui/compose/model.c \
	ui/compose/send.c ui/compose/text.c ui/compose/view.c \
	ui/folders/commands.c ui/folders/folders.h ui/folders/model.c ui/folders/view.c \
	ui/help/commands.c ui/help/model.c ui/help/text.h ui/help/view.c \
	ui/index/choose.c ui/index/commands.c ui/index/index.h ui/index/model.c ui/index/threads.c \
	ui/index/view.c \
	ui/keys/any.c ui/keys/commands.c ui/keys/keys.h ui/keys/model.c ui/keys/view.c \
	ui/queue/commands.c ui/queue/model.c ui/queue/queue.h ui/queue/view.c \
	ui/reader/commands.c ui/reader/fate.c ui/reader/model.c ui/reader/reader.h ui/reader/view.c \
	ui/server/commands.c ui/server/model.c ui/server/server.h ui/server/view.c

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/ui/test_canvas tests/unit/ui/test_prompt tests/unit/ui/test_keymap
tests_unit_ui_test_canvas_SOURCES = tests/unit/ui/test_canvas.c tests/unit/test.h
tests_unit_ui_test_canvas_LDADD = ui/libui.a $(NCURSES_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_ui_test_prompt_SOURCES = tests/unit/ui/test_prompt.c tests/unit/test.h
tests_unit_ui_test_prompt_LDADD = ui/libui.a $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_ui_test_keymap_SOURCES = tests/unit/ui/test_keymap.c tests/unit/test.h
tests_unit_ui_test_keymap_LDADD = $(UI_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/ui/test_status
tests_unit_ui_test_status_SOURCES = tests/unit/ui/test_status.c tests/unit/test.h
tests_unit_ui_test_status_LDADD = $(UI_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/ui/test_index
tests_unit_ui_test_index_SOURCES = tests/unit/ui/test_index.c tests/unit/engine/house.c \
	tests/unit/engine/house.h tests/unit/test.h
tests_unit_ui_test_index_LDADD = $(UI_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/ui/test_compose
check_PROGRAMS += tests/unit/ui/test_help
tests_unit_ui_test_help_SOURCES = tests/unit/ui/test_help.c tests/unit/test.h
tests_unit_ui_test_help_LDADD = $(UI_LIBS) $(CMOCKA_LIBS)
tests_unit_ui_test_compose_SOURCES = tests/unit/ui/test_compose.c tests/unit/engine/house.c \
	tests/unit/engine/house.h tests/unit/test.h
tests_unit_ui_test_compose_LDADD = $(UI_LIBS) $(CMOCKA_LIBS)
endif

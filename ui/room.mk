# The interface without main.c, report.c and cli/, which are the program's own.
noinst_LIBRARIES += ui/libui.a
ui_libui_a_SOURCES = \
	ui/ui.h

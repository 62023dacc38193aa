# The program: main, and the commands without a screen.
noinst_LIBRARIES += ui/libcli.a
ui_libcli_a_SOURCES = \
	ui/cli/account.c \
	ui/cli/check.c \
	ui/cli/cli.c ui/cli/cli.h \
	ui/cli/doctor.c \
	ui/cli/fetch.c \
	ui/cli/folders.c \
	ui/cli/plugin.c \
	ui/cli/queue.c \
	ui/cli/reply.c \
	ui/cli/save.c \
	ui/cli/search.c \
	ui/cli/send.c \
	ui/cli/session.c \
	ui/cli/server.c \
	ui/cli/show.c \
	ui/cli/transfer.c \
	ui/cli/tty.c ui/cli/tty.h \
	ui/report.c ui/report.h
bin_PROGRAMS += postino
postino_SOURCES = ui/main.c
postino_LDADD = ui/libcli.a $(UI_LIBS)

# What `plugin new` writes are the smallest plugins, which the tests build and run.
CLEANFILES += ui/cli/skeletons.h
EXTRA_DIST += contrib/plugins/refuse.py
skeleton_lines = $(SED) -e 's|[\\"]|\\&|g' -e 's|^|  "|' -e 's|$$|",|'
ui/cli/skeletons.h: $(srcdir)/contrib/plugins/refuse.c $(srcdir)/contrib/plugins/refuse.py
	@$(MKDIR_P) ui/cli
	$(AM_V_GEN){ echo '#pragma once'; \
	  echo 'static const char *const skeleton_c[] = {'; \
	  $(skeleton_lines) $(srcdir)/contrib/plugins/refuse.c; echo '  NULL};'; \
	  echo 'static const char *const skeleton_py[] = {'; \
	  $(skeleton_lines) $(srcdir)/contrib/plugins/refuse.py; echo '  NULL};'; } >$@.tmp && mv $@.tmp $@
ui/cli/plugin.$(OBJEXT): ui/cli/skeletons.h

# For programs that want a sendmail; its own name is taken by whoever delivers mail on
# this machine.
install-exec-hook:
	cd "$(DESTDIR)$(bindir)" && rm -f postino-sendmail && \
	  $(LN_S) "`echo postino | sed '$(transform)'`" postino-sendmail
uninstall-hook:
	rm -f "$(DESTDIR)$(bindir)/postino-sendmail"

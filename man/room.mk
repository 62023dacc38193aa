# The pages whose lists come from the program's own rows.
noinst_PROGRAMS += postino-rows
postino_rows_SOURCES = ui/rows.c
postino_rows_LDADD = ui/libcli.a $(UI_LIBS)
man_MANS += man/postino.1 man/postinorc.5
EXTRA_DIST += man/postino.1.in man/postinorc.5.in
CLEANFILES += man/postino.1 man/postinorc.5

man/postino.1: $(srcdir)/man/postino.1.in postino-rows$(EXEEXT)
	@$(MKDIR_P) man
	$(AM_V_GEN)./postino-rows$(EXEEXT) commands >man/commands.tmp && \
	$(SED) -e '/^@ROWS@$$/{r man/commands.tmp' -e 'd;}' $(srcdir)/man/postino.1.in >$@.tmp && \
	rm man/commands.tmp && mv $@.tmp $@
man/postinorc.5: $(srcdir)/man/postinorc.5.in postino-rows$(EXEEXT)
	@$(MKDIR_P) man
	$(AM_V_GEN)./postino-rows$(EXEEXT) options >man/options.tmp && \
	$(SED) -e '/^@ROWS@$$/{r man/options.tmp' -e 'd;}' $(srcdir)/man/postinorc.5.in >$@.tmp && \
	rm man/options.tmp && mv $@.tmp $@

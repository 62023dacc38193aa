EXTRA_DIST += contrib/qa/clang contrib/qa/fuzz contrib/qa/hardening contrib/qa/install contrib/qa/rooms .ci/run
EXTRA_DIST += contrib/systemd/postino-fetch.service contrib/systemd/postino-fetch.timer \
	contrib/systemd/postino-watch.service

# What a shell completes comes from the program's rows.
completiondir = $(datadir)/bash-completion/completions
completion_DATA = contrib/completions/postino
CLEANFILES += contrib/completions/postino
contrib/completions/postino: postino-rows$(EXEEXT)
	@$(MKDIR_P) contrib/completions
	$(AM_V_GEN)./postino-rows$(EXEEXT) completion >$@.tmp && mv $@.tmp $@

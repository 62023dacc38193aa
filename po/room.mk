# Translations: po/LANGUAGE.po is made from po/postino.pot, which
# `make po/postino.pot` gathers from the sources.
LINGUAS =
EXTRA_DIST += $(LINGUAS:%=po/%.po)
CLEANFILES += po/postino.pot $(LINGUAS:%=po/%.gmo)

po/postino.pot:
	@$(MKDIR_P) po
	$(AM_V_GEN)cd $(srcdir) && find src ui -name '*.c' | LC_ALL=C sort | \
	$(XGETTEXT) -f - -k_ -kN_ --from-code=UTF-8 --package-name=postino -o - >$(abs_top_builddir)/$@
po/%.gmo: $(srcdir)/po/%.po
	@$(MKDIR_P) po
	$(AM_V_GEN)$(MSGFMT) -c -o $@ $<

all-local: $(LINGUAS:%=po/%.gmo)
install-data-local: $(LINGUAS:%=po/%.gmo)
	for language in $(LINGUAS); do \
	  $(MKDIR_P) $(DESTDIR)$(localedir)/$$language/LC_MESSAGES && \
	  $(INSTALL_DATA) po/$$language.gmo $(DESTDIR)$(localedir)/$$language/LC_MESSAGES/postino.mo || exit 1; \
	done
uninstall-local:
	for language in $(LINGUAS); do rm -f $(DESTDIR)$(localedir)/$$language/LC_MESSAGES/postino.mo; done

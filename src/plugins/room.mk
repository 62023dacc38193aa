pkglibexec_PROGRAMS += postino-plugin-host
postino_plugin_host_SOURCES = src/plugins/host.c src/plugins/rights.c src/plugins/rights.h \
	src/crypto/protocol.c src/crypto/protocol.h src/crypto/postino-plugin.h
postino_plugin_host_LDADD = $(BASE_LIBS) $(SECCOMP_LIBS) -ldl

# What they ask for stands beside them.
dist_plugin_DATA = src/plugins/openpgp.so.rights src/plugins/smime.so.rights
all-local: plugins/openpgp.so.rights plugins/smime.so.rights
plugins/openpgp.so.rights: $(srcdir)/src/plugins/openpgp.so.rights
	$(AM_V_GEN)$(MKDIR_P) plugins && cp $(srcdir)/src/plugins/openpgp.so.rights $@
plugins/smime.so.rights: $(srcdir)/src/plugins/smime.so.rights
	$(AM_V_GEN)$(MKDIR_P) plugins && cp $(srcdir)/src/plugins/smime.so.rights $@
CLEANFILES += plugins/openpgp.so.rights plugins/smime.so.rights

pkglibexec_PROGRAMS += postino-gpgsm postino-gpg
postino_gpgsm_SOURCES = src/plugins/gnupg.c
postino_gpgsm_CPPFLAGS = $(AM_CPPFLAGS) '-DPROGRAM="gpgsm", "--disable-dirmngr", "--disable-crl-checks"'
postino_gpg_SOURCES = src/plugins/gnupg.c
postino_gpg_CPPFLAGS = $(AM_CPPFLAGS) '-DPROGRAM="gpg", "--cipher-algo", "AES", "--s2k-cipher-algo", "AES", \
	"--s2k-mode", "3", "--s2k-digest-algo", "SHA256", "--no-encrypt-to"'

# Real modules, linked without libtool: no -pie, and nothing of ours is shared.
module_flags = -shared -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,--as-needed
plugin_PROGRAMS += plugins/openpgp.so
plugins_openpgp_so_SOURCES = src/plugins/openpgp.c src/plugins/openpgp-keys.c \
	src/plugins/openpgp-change.c src/plugins/openpgp-find.c src/plugins/openpgp-make.c src/plugins/openpgp-setup.c \
	src/plugins/openpgp-signer.c src/plugins/openpgp.h \
	src/plugins/common.c src/plugins/opening.c src/plugins/common.h \
	src/crypto/postino-plugin.h
plugins_openpgp_so_LDFLAGS = $(module_flags)
plugins_openpgp_so_LDADD = $(GPGME_LIBS) $(GLIB_LIBS)
plugin_PROGRAMS += plugins/smime.so
plugins_smime_so_SOURCES = src/plugins/smime.c src/plugins/smime-agent.c src/plugins/smime-keys.c src/plugins/smime.h \
	src/plugins/common.c src/plugins/opening.c src/plugins/common.h src/crypto/postino-plugin.h
plugins_smime_so_LDFLAGS = $(module_flags)
plugins_smime_so_LDADD = $(GPGME_LIBS) $(GLIB_LIBS)

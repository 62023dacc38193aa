EXTRA_DIST += tests/lsan.supp
EXTRA_DIST += contrib/qa/clang contrib/qa/hardening .ci/run
EXTRA_DIST += tests/isp/isp tests/isp/lmtp.py tests/isp/etc/dovecot.conf.in tests/isp/etc/main.cf.in tests/isp/etc/master.cf.in

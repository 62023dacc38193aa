EXTRA_DIST += contrib/qa/clang contrib/qa/hardening contrib/qa/install contrib/qa/rooms .ci/run

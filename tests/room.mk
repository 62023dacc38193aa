EXTRA_DIST += tests/lsan.supp

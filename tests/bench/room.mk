# make bench: the figures beside those of the peers that are installed.  It is
# asked for with a release build; LETTERS chooses the sizes of the folders.
EXTRA_DIST += tests/bench/bench.py
LETTERS = 1000,10000,100000
bench: postino postino-reader postino-plugin-host plugins/openpgp.so
	python3 $(srcdir)/tests/bench/bench.py . --letters $(LETTERS) $(TABLES)
.PHONY: bench

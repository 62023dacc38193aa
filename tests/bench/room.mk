# make bench: the figures beside those of the peers that are installed.  It is asked
# for with a release build; LETTERS chooses the sizes of the folders (1000000 needs 12 GB
# and as many files), TABLES what is printed, KEEP a directory where the letters stay.
EXTRA_DIST += tests/bench/bench.py
EXTRA_PROGRAMS += tests/bench/corpus tests/bench/measure tests/bench/sealed
tests_bench_corpus_SOURCES = tests/bench/corpus.c
tests_bench_corpus_LDADD = $(GLIB_LIBS) -lm
tests_bench_measure_SOURCES = tests/bench/measure.c
tests_bench_measure_LDADD = src/store/libstore.a $(SQLITE_LIBS) $(SANDBOX_LIBS)
tests_bench_sealed_SOURCES = tests/bench/sealed.c
tests_bench_sealed_LDADD = $(ENGINE_LIBS)

LETTERS = 10000,100000
bench: tests/bench/corpus tests/bench/measure tests/bench/sealed postino postino-reader postino-plugin-host plugins/openpgp.so
	python3 $(srcdir)/tests/bench/bench.py . --letters $(LETTERS) $(KEEP:%=--keep %) $(TABLES)
.PHONY: bench

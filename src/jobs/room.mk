noinst_LIBRARIES += src/jobs/libjobs.a
src_jobs_libjobs_a_SOURCES = src/jobs/jobs.c src/jobs/jobs.h

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/jobs/test_jobs
tests_unit_jobs_test_jobs_SOURCES = tests/unit/jobs/test_jobs.c tests/unit/test.h
tests_unit_jobs_test_jobs_LDADD = src/jobs/libjobs.a $(BASE_LIBS) $(CMOCKA_LIBS)
endif

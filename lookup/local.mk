lookup_core = \
	lookup/cache.c lookup/cache.h \
	lookup/permit.c lookup/permit.h \
	lookup/pool.c lookup/pool.h \
	lookup/shared.c lookup/shared.h

daemon_PROGRAMS += lookup/lookup
lookup_lookup_SOURCES = lookup/main.c $(lookup_core)
lookup_lookup_LDADD = $(DAEMON_LDADD)
dist_man8_MANS += lookup/lookup.8

check_PROGRAMS += lookup/pool_test lookup/shared_test
lookup_pool_test_SOURCES = lookup/pool_test.c $(lookup_core)
lookup_pool_test_LDADD = $(TEST_LDADD)
lookup_shared_test_SOURCES = lookup/shared_test.c $(lookup_core)
lookup_shared_test_LDADD = $(TEST_LDADD)

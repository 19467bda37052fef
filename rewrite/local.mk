rewrite_core = \
	rewrite/forward.c rewrite/forward.h \
	rewrite/peel.c rewrite/peel.h \
	rewrite/route.c rewrite/route.h \
	rewrite/router.c \
	rewrite/transport_map.c rewrite/transport_map.h

daemon_PROGRAMS += rewrite/rewrite
rewrite_rewrite_SOURCES = rewrite/main.c $(rewrite_core)
rewrite_rewrite_LDADD = $(DAEMON_LDADD)
dist_man8_MANS += rewrite/rewrite.8

check_PROGRAMS += \
	rewrite/forward_test \
	rewrite/route_test \
	rewrite/transport_map_test

rewrite_forward_test_SOURCES = rewrite/forward_test.c $(rewrite_core)
rewrite_forward_test_LDADD = $(TEST_LDADD)
rewrite_route_test_SOURCES = rewrite/route_test.c $(rewrite_core)
rewrite_route_test_LDADD = $(TEST_LDADD)
rewrite_transport_map_test_SOURCES = rewrite/transport_map_test.c \
	rewrite/transport_map.c
rewrite_transport_map_test_LDADD = $(TEST_LDADD)

FUZZERS += t/fuzz/rewrite
t_fuzz_rewrite_SOURCES = t/fuzz/rewrite.c $(rewrite_core)

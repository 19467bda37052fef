daemon_PROGRAMS += pickup/pickup
pickup_pickup_SOURCES = pickup/main.c \
	pickup/pickup.h \
	pickup/dropped.c pickup/dropped.h \
	pickup/refuse.c pickup/refuse.h \
	pickup/scan.c \
	pickup/submit.c
pickup_pickup_LDADD = $(DAEMON_LDADD)
dist_man8_MANS += pickup/pickup.8

check_PROGRAMS += pickup/dropped_test
pickup_dropped_test_SOURCES = pickup/dropped_test.c pickup/dropped.c
pickup_dropped_test_LDADD = $(TEST_LDADD)

FUZZERS += t/fuzz/dropped
t_fuzz_dropped_SOURCES = t/fuzz/dropped.c pickup/dropped.c

daemon_PROGRAMS += pickup/pickup
pickup_pickup_SOURCES = pickup/main.c \
	pickup/pickup.h \
	pickup/dropped.c pickup/dropped.h \
	pickup/scan.c \
	pickup/submit.c
pickup_pickup_LDADD = $(DAEMON_LDADD)
dist_man8_MANS += pickup/pickup.8

FUZZERS += t/fuzz/dropped

daemon_PROGRAMS += dial/dial
dial_dial_SOURCES = \
	dial/connect.c dial/connect.h \
	dial/endpoint.c dial/endpoint.h \
	dial/main.c \
	dial/scan.c dial/scan.h
dial_dial_LDADD = $(DAEMON_LDADD)
dist_man8_MANS += dial/dial.8

check_PROGRAMS += dial/endpoint_test
dial_endpoint_test_SOURCES = dial/endpoint_test.c dial/connect.c \
	dial/endpoint.c
dial_endpoint_test_LDADD = $(TEST_LDADD)

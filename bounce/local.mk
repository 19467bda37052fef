bounce_core = \
	bounce/addressee.c \
	bounce/compose.c \
	bounce/history.c \
	bounce/report.h

daemon_PROGRAMS += bounce/bounce
bounce_bounce_SOURCES = bounce/main.c bounce/sink.c $(bounce_core)
bounce_bounce_LDADD = $(DAEMON_LDADD)
dist_man8_MANS += bounce/bounce.8

# These catch the report themselves.
check_PROGRAMS += bounce/report_test
bounce_report_test_SOURCES = bounce/report_test.c bounce/testing.h \
	$(bounce_core)
bounce_report_test_LDADD = $(TEST_LDADD)

FUZZERS += t/fuzz/bounce
t_fuzz_bounce_SOURCES = t/fuzz/bounce.c bounce/testing.h $(bounce_core)

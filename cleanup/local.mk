daemon_PROGRAMS += cleanup/cleanup
cleanup_cleanup_SOURCES = \
	cleanup/again.c \
	cleanup/check.c \
	cleanup/check.h \
	cleanup/complete.c \
	cleanup/envelope.c \
	cleanup/headers.c \
	cleanup/main.c \
	cleanup/message.h \
	cleanup/store.c \
	cleanup/submit.c
cleanup_cleanup_LDADD = $(DAEMON_LDADD)
dist_man8_MANS += cleanup/cleanup.8

check_PROGRAMS += cleanup/check_test
cleanup_check_test_SOURCES = cleanup/check_test.c cleanup/check.c
cleanup_check_test_LDADD = $(TEST_LDADD)

# These complete addresses themselves.
check_PROGRAMS += cleanup/envelope_test cleanup/headers_test
cleanup_envelope_test_SOURCES = cleanup/envelope_test.c cleanup/testing.h \
	cleanup/check.c cleanup/envelope.c
cleanup_envelope_test_LDADD = $(TEST_LDADD)
cleanup_headers_test_SOURCES = cleanup/headers_test.c cleanup/testing.h \
	cleanup/headers.c
cleanup_headers_test_LDADD = $(TEST_LDADD)

FUZZERS += t/fuzz/cleanup_headers
t_fuzz_cleanup_headers_SOURCES = t/fuzz/cleanup_headers.c \
	cleanup/testing.h cleanup/headers.c

daemon_PROGRAMS += cleanup/cleanup
cleanup_cleanup_SOURCES = \
	cleanup/again.c \
	cleanup/aliases.c \
	cleanup/characters.c \
	cleanup/characters.h \
	cleanup/check.c \
	cleanup/check.h \
	cleanup/checks.c \
	cleanup/checks.h \
	cleanup/complete.c \
	cleanup/convert.c \
	cleanup/envelope.c \
	cleanup/explain.c \
	cleanup/explain.h \
	cleanup/header_addresses.c \
	cleanup/headers.c \
	cleanup/main.c \
	cleanup/mapping.c \
	cleanup/mapping.h \
	cleanup/message.h \
	cleanup/orders.c \
	cleanup/pieces.c \
	cleanup/rcpts.c \
	cleanup/store.c \
	cleanup/submit.c \
	cleanup/walk.c
cleanup_cleanup_LDADD = $(DAEMON_LDADD)
dist_man8_MANS += cleanup/cleanup.8

check_PROGRAMS += cleanup/characters_test
cleanup_characters_test_SOURCES = cleanup/characters_test.c \
	cleanup/characters.c
cleanup_characters_test_LDADD = $(TEST_LDADD)

check_PROGRAMS += cleanup/check_test
cleanup_check_test_SOURCES = cleanup/check_test.c cleanup/check.c
cleanup_check_test_LDADD = $(TEST_LDADD)

cleanup_mapping = cleanup/aliases.c cleanup/mapping.c cleanup/mapping.h

# These complete addresses themselves.
check_PROGRAMS += cleanup/envelope_test cleanup/headers_test \
	cleanup/mapping_test
cleanup_mapping_test_SOURCES = cleanup/mapping_test.c cleanup/testing.h \
	cleanup/check.c cleanup/envelope.c $(cleanup_mapping)
cleanup_mapping_test_LDADD = $(TEST_LDADD)
cleanup_envelope_test_SOURCES = cleanup/envelope_test.c cleanup/testing.h \
	cleanup/check.c cleanup/envelope.c $(cleanup_mapping)
cleanup_envelope_test_LDADD = $(TEST_LDADD)
cleanup_headers_test_SOURCES = cleanup/headers_test.c cleanup/testing.h \
	cleanup/headers.c cleanup/header_addresses.c cleanup/pieces.c \
	$(cleanup_mapping)
cleanup_headers_test_LDADD = $(TEST_LDADD)

FUZZERS += t/fuzz/cleanup_headers
t_fuzz_cleanup_headers_SOURCES = t/fuzz/cleanup_headers.c \
	cleanup/testing.h cleanup/headers.c cleanup/header_addresses.c \
	cleanup/pieces.c $(cleanup_mapping)

check_PROGRAMS += cleanup/walk_test
cleanup_walk_test_SOURCES = cleanup/walk_test.c cleanup/testing.h \
	cleanup/characters.c cleanup/check.c \
	cleanup/checks.c cleanup/checks.h \
	cleanup/envelope.c cleanup/headers.c cleanup/orders.c \
	cleanup/header_addresses.c $(cleanup_mapping) \
	cleanup/pieces.c cleanup/walk.c
cleanup_walk_test_LDADD = $(TEST_LDADD)

check_PROGRAMS += cleanup/store_test
cleanup_store_test_SOURCES = cleanup/store_test.c cleanup/testing.h \
	cleanup/again.c cleanup/check.c cleanup/envelope.c cleanup/orders.c \
	$(cleanup_mapping) cleanup/pieces.c cleanup/rcpts.c cleanup/store.c
cleanup_store_test_LDADD = $(TEST_LDADD)

FUZZERS += t/fuzz/cleanup_walk
t_fuzz_cleanup_walk_SOURCES = t/fuzz/cleanup_walk.c cleanup/testing.h \
	cleanup/characters.c cleanup/check.c \
	cleanup/checks.c cleanup/checks.h \
	cleanup/envelope.c cleanup/headers.c cleanup/orders.c \
	cleanup/header_addresses.c $(cleanup_mapping) \
	cleanup/pieces.c cleanup/walk.c

FUZZERS += t/fuzz/cleanup_submit
t_fuzz_cleanup_submit_SOURCES = t/fuzz/cleanup_submit.c cleanup/testing.h \
	cleanup/again.c cleanup/characters.c cleanup/check.c \
	cleanup/checks.c cleanup/checks.h cleanup/convert.c \
	cleanup/envelope.c cleanup/headers.c cleanup/header_addresses.c \
	$(cleanup_mapping) cleanup/orders.c cleanup/pieces.c cleanup/rcpts.c cleanup/store.c \
	cleanup/submit.c cleanup/walk.c
TAP_TESTS += t/255-checks.t

FUZZERS += t/fuzz/mapping
t_fuzz_mapping_SOURCES = t/fuzz/mapping.c cleanup/testing.h \
	cleanup/check.c cleanup/envelope.c $(cleanup_mapping)

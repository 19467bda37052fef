daemon_PROGRAMS += state/state
dist_man8_MANS += state/state.8 state/verify.8
state_core = \
	state/count.c state/count.h \
	state/probe.c \
	state/state.h \
	state/store.c state/store.h \
	state/stores.c state/stores.h \
	state/verify.c state/verify.h
# What remembering takes, without the messages.
state_store = state/count.c state/store.c state/stores.c

state_state_SOURCES = $(state_core) state/answer.c state/main.c
state_state_LDADD = $(DAEMON_LDADD)

check_PROGRAMS += \
	state/count_test \
	state/verify_test
state_count_test_SOURCES = state/count_test.c state/count.c
state_count_test_LDADD = $(TEST_LDADD)
state_verify_test_SOURCES = state/verify_test.c state/verify.c $(state_store)
state_verify_test_LDADD = $(TEST_LDADD)

FUZZERS += t/fuzz/remembered
t_fuzz_remembered_SOURCES = t/fuzz/remembered.c state/verify.c $(state_store) \
	smtpd/grey.c smtpd/recall.c smtpd/screen_stamps.c

TAP_TESTS += t/230-verify.t t/235-verify-postfix.t t/256-shared-state.t

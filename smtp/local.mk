smtp_core = \
	smtp/agent.c smtp/agent.h \
	smtp/body.c smtp/body.h \
	smtp/cache.c smtp/cache.h \
	smtp/checks.c smtp/checks.h \
	smtp/connect.c smtp/connect.h \
	smtp/deliver.c smtp/deliver.h \
	smtp/delivery.c smtp/delivery.h \
	smtp/dest.c smtp/dest.h \
	smtp/envelope.c smtp/envelope.h \
	smtp/generic.c smtp/generic.h \
	smtp/health.c smtp/health.h \
	smtp/peer.c smtp/peer.h \
	smtp/session.c smtp/session.h \
	smtp/settings.c smtp/settings.h \
	smtp/target.c smtp/target.h \
	smtp/transaction.c smtp/transaction.h \
	smtp/why.c smtp/why.h

daemon_PROGRAMS += smtp/smtp
smtp_smtp_SOURCES = smtp/main.c $(smtp_core)
smtp_smtp_LDADD = $(DAEMON_LDADD)
dist_man8_MANS += smtp/smtp.8

check_PROGRAMS += \
	smtp/checks_test \
	smtp/deliver_test \
	smtp/dest_test \
	smtp/generic_test \
	smtp/session_test \
	smtp/target_test

smtp_checks_test_SOURCES = smtp/checks_test.c smtp/checks.c
smtp_checks_test_LDADD = $(TEST_LDADD)
smtp_deliver_test_SOURCES = smtp/deliver_test.c smtp/script.h $(smtp_core)
smtp_deliver_test_LDADD = $(TEST_LDADD)
smtp_dest_test_SOURCES = smtp/dest_test.c smtp/dest.c smtp/settings.c
smtp_dest_test_LDADD = $(TEST_LDADD)
smtp_generic_test_SOURCES = smtp/generic_test.c $(smtp_core)
smtp_generic_test_LDADD = $(TEST_LDADD)
smtp_session_test_SOURCES = smtp/session_test.c smtp/script.h $(smtp_core)
smtp_session_test_LDADD = $(TEST_LDADD)
smtp_target_test_SOURCES = smtp/target_test.c smtp/dest.c smtp/settings.c \
	smtp/target.c smtp/why.c
smtp_target_test_LDADD = $(TEST_LDADD)

FUZZERS += t/fuzz/smtp_session
t_fuzz_smtp_session_SOURCES = t/fuzz/smtp_session.c smtp/script.h \
	$(smtp_core)

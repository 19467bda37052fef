qmgr_core = \
	qmgr/act.c \
	qmgr/deferred.c \
	qmgr/drain.c \
	qmgr/due.c \
	qmgr/finish.c \
	qmgr/late.c \
	qmgr/message.c \
	qmgr/outcome.c \
	qmgr/qmgr.h \
	qmgr/route.c \
	qmgr/scan.c \
	qmgr/schedule.c \
	qmgr/turn.c \
	qmgr/waiting.h

daemon_PROGRAMS += qmgr/qmgr
qmgr_qmgr_SOURCES = qmgr/main.c qmgr/deliver.c $(qmgr_core)
qmgr_qmgr_LDADD = $(DAEMON_LDADD) -lm
dist_man8_MANS += qmgr/qmgr.8

check_PROGRAMS += \
	qmgr/act_test \
	qmgr/deferred_test \
	qmgr/due_test \
	qmgr/late_test \
	qmgr/message_test \
	qmgr/schedule_test

qmgr_act_test_SOURCES = qmgr/act_test.c qmgr/others.h qmgr/testing.h \
	qmgr/deliver.c $(qmgr_core)
qmgr_act_test_LDADD = $(TEST_LDADD) -lm
qmgr_deferred_test_SOURCES = qmgr/deferred_test.c qmgr/testing.h \
	qmgr/deliver.c $(qmgr_core)
qmgr_deferred_test_LDADD = $(TEST_LDADD) -lm
qmgr_due_test_SOURCES = qmgr/due_test.c qmgr/others.h qmgr/testing.h \
	qmgr/deliver.c $(qmgr_core)
qmgr_due_test_LDADD = $(TEST_LDADD) -lm
qmgr_late_test_SOURCES = qmgr/late_test.c qmgr/others.h qmgr/testing.h \
	qmgr/deliver.c $(qmgr_core)
qmgr_late_test_LDADD = $(TEST_LDADD) -lm
qmgr_message_test_SOURCES = qmgr/message_test.c qmgr/others.h \
	qmgr/testing.h qmgr/deliver.c $(qmgr_core)
qmgr_message_test_LDADD = $(TEST_LDADD) -lm
# It plays the deliveries itself.
qmgr_schedule_test_SOURCES = qmgr/schedule_test.c qmgr/testing.h $(qmgr_core)
qmgr_schedule_test_LDADD = $(TEST_LDADD) -lm

daemon_PROGRAMS += log/log
log_log_SOURCES = \
	log/main.c \
	log/order.c log/order.h \
	log/receive.c log/receive.h \
	log/record.c log/record.h \
	log/sink.c log/sink.h
log_log_LDADD = $(DAEMON_LDADD)

check_PROGRAMS += log/record_test log/sink_test
log_record_test_SOURCES = log/record_test.c log/record.c log/record.h
log_record_test_LDADD = $(TEST_LDADD)
log_sink_test_SOURCES = \
	log/sink_test.c \
	log/order.c log/order.h \
	log/receive.c log/receive.h \
	log/record.c log/record.h \
	log/sink.c log/sink.h
log_sink_test_LDADD = $(TEST_LDADD)

FUZZERS += t/fuzz/log_record
t_fuzz_log_record_SOURCES = \
	t/fuzz/log_record.c \
	log/order.c log/order.h \
	log/receive.c log/receive.h \
	log/record.c log/record.h \
	log/sink.c log/sink.h

dist_man8_MANS += log/log.8

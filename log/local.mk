daemon_PROGRAMS += log/log
log_log_SOURCES = \
	log/main.c \
	log/receive.c log/receive.h \
	log/record.c log/record.h \
	log/sink.c log/sink.h
log_log_LDADD = $(DAEMON_LDADD)

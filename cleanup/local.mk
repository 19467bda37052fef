daemon_PROGRAMS += cleanup/cleanup
cleanup_cleanup_SOURCES = \
	cleanup/envelope.c \
	cleanup/headers.c \
	cleanup/main.c \
	cleanup/message.h \
	cleanup/store.c \
	cleanup/submit.c
cleanup_cleanup_LDADD = $(DAEMON_LDADD)
dist_man8_MANS += cleanup/cleanup.8

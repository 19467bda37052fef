daemon_PROGRAMS += bounce/bounce
bounce_bounce_SOURCES = \
	bounce/compose.c \
	bounce/history.c \
	bounce/main.c \
	bounce/report.h \
	bounce/sink.c
bounce_bounce_LDADD = $(DAEMON_LDADD)
dist_man8_MANS += bounce/bounce.8

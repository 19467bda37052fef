daemon_PROGRAMS += showq/showq
showq_showq_SOURCES = showq/main.c
showq_showq_LDADD = $(DAEMON_LDADD)
dist_man8_MANS += showq/showq.8

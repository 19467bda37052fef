daemon_PROGRAMS += qmgr/qmgr
qmgr_qmgr_SOURCES = \
	qmgr/act.c \
	qmgr/deferred.c \
	qmgr/deliver.c \
	qmgr/drain.c \
	qmgr/main.c \
	qmgr/message.c \
	qmgr/outcome.c \
	qmgr/qmgr.h \
	qmgr/route.c \
	qmgr/scan.c \
	qmgr/schedule.c
qmgr_qmgr_LDADD = $(DAEMON_LDADD) -lm
dist_man8_MANS += qmgr/qmgr.8

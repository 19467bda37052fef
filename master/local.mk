daemon_PROGRAMS += master/master
master_master_SOURCES = \
	master/child.c \
	master/exec.c \
	master/main.c \
	master/pidfile.c master/pidfile.h \
	master/service.h \
	master/services.c \
	master/sockets.c \
	master/status.c master/status.h
master_master_LDADD = $(DAEMON_LDADD) $(SYSTEMD_LIBS)
dist_man8_MANS += master/master.8


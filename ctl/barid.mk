sbin_PROGRAMS += ctl/barid
ctl_barid_SOURCES = \
	ctl/barid.c ctl/barid.h \
	ctl/barid_setup.c \
	ctl/barid_status.c
ctl_barid_LDADD = $(DAEMON_LDADD)
dist_man8_MANS += ctl/barid.8

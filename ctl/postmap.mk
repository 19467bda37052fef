sbin_PROGRAMS += ctl/postmap
ctl_postmap_SOURCES = \
	ctl/postmap.c ctl/postmap.h \
	ctl/postmap_ask.c \
	ctl/postmap_make.c
ctl_postmap_LDADD = $(DAEMON_LDADD)
SBIN_LINKS += postmap:postalias
dist_man1_MANS += ctl/postmap.1 ctl/postalias.1

sbin_PROGRAMS += ctl/postsuper
ctl_postsuper_SOURCES = ctl/postsuper.c ctl/postsuper.h \
	ctl/postsuper_act.c \
	ctl/postsuper_check.c
ctl_postsuper_LDADD = $(COMMAND_LDADD)
dist_man1_MANS += ctl/postsuper.1

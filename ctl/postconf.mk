sbin_PROGRAMS += ctl/postconf
ctl_postconf_SOURCES = \
	ctl/postconf.c ctl/postconf.h \
	ctl/postconf_database.c \
	ctl/postconf_edit.c \
	ctl/postconf_edit_master.c \
	ctl/postconf_file.c \
	ctl/postconf_known.c \
	ctl/postconf_lists.c \
	ctl/postconf_man.c \
	ctl/postconf_master.c \
	ctl/postconf_print.c \
	ctl/postconf_service.c \
	ctl/postconf_show.c \
	ctl/postconf_templates.c
ctl_postconf_LDADD = $(DAEMON_LDADD) $(JANSSON_LIBS)
dist_man1_MANS += ctl/postconf.1

# The page of the parameters comes from their table.
nodist_man5_MANS = ctl/postconf.5
CLEANFILES += ctl/postconf.5
ctl/postconf.5: ctl/postconf$(EXEEXT)
	$(AM_V_GEN)./ctl/postconf$(EXEEXT) --man5 > $@.tmp && mv $@.tmp $@

TAP_TESTS += t/030-postconf.t t/035-postconf-peer.t t/036-check.t t/037-explain.t \
	t/038-explain-message.t t/039-check-mistakes.t t/044-import-whole.t

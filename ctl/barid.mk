sbin_PROGRAMS += ctl/barid
ctl_barid_SOURCES = \
	ctl/barid.c ctl/barid.h \
	ctl/barid_explain.c \
	ctl/barid_import.c \
	ctl/barid_setup.c \
	ctl/barid_status.c \
	ctl/check.c ctl/check.h \
	ctl/check_contents.c \
	ctl/check_files.c \
	ctl/check_lists.c \
	ctl/check_loops.c \
	ctl/check_main.c \
	ctl/check_master.c \
	ctl/check_restrictions.c \
	ctl/check_sockets.c \
	ctl/check_tables.c \
	ctl/explain.h ctl/explain_run.c \
	ctl/table_line.c ctl/table_line.h \
	ctl/explain_way.c ctl/explain_way.h \
	ctl/import.h ctl/import_copy.c ctl/import_maps.c
ctl_barid_LDADD = $(DAEMON_LDADD) $(JANSSON_LIBS)
dist_man8_MANS += ctl/barid.8

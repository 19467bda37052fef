TAP_TESTS += \
	t/000-style.t \
	t/001-harness.t \
	t/010-hardening.t \
	t/020-privileges.t \
	t/021-sockets.t \
	t/022-forbidden.t \
	t/023-floods.t \
	t/024-taken-over.t \
	t/025-false-qmgr.t \
	t/040-reload.t \
	t/041-start.t \
	t/042-processes.t \
	t/043-setup.t \
	t/150-tables-sql.t \
	t/152-tables-ldap.t \
	t/153-tables-postfix.t \
	t/154-tables-wire.t \
	t/155-tables-patterns.t \
	t/156-tables-agree.t \
	t/157-postmap.t \
	t/158-tables-change.t

noinst_PROGRAMS += t/intruder t/false_agent t/false_bounce t/false_dial \
	t/ask_table
t_ask_table_SOURCES = t/ask_table.c
t_ask_table_LDADD = $(DAEMON_LDADD)
t_intruder_SOURCES = t/intruder.c
t_intruder_LDADD = $(COMMAND_LDADD) $(PTHREAD_LIBS)
t_false_agent_SOURCES = t/false_agent.c
t_false_agent_LDADD = $(DAEMON_LDADD)
t_false_bounce_SOURCES = t/false_bounce.c
t_false_bounce_LDADD = $(DAEMON_LDADD)
t_false_dial_SOURCES = t/false_dial.c
t_false_dial_LDADD = $(DAEMON_LDADD)

EXTRA_DIST += t/style t/tap-run t/lib/Barid/Databases.pm t/lib/Barid/Test.pm

include $(top_srcdir)/t/durability.mk
include $(top_srcdir)/t/attacks.mk

libbarid_a_SOURCES += \
	lib/daemon/control.h lib/daemon/state.h \
	lib/daemon/debugger.c lib/daemon/debugger.h \
	lib/daemon/forbidden.c lib/daemon/forbidden.h \
	lib/daemon/daemon.h lib/daemon/start.c lib/daemon/serve.c \
	lib/daemon/share.c \
	lib/daemon/late.c lib/daemon/late.h \
	lib/daemon/peers.c lib/daemon/peers.h \
	lib/daemon/program.c lib/daemon/program.h

check_PROGRAMS += lib/daemon/peers_test
lib_daemon_peers_test_SOURCES = lib/daemon/peers_test.c
lib_daemon_peers_test_LDADD = $(TEST_LDADD)

check_PROGRAMS += lib/daemon/program_test
lib_daemon_program_test_SOURCES = lib/daemon/program_test.c
lib_daemon_program_test_LDADD = $(TEST_LDADD)

check_PROGRAMS += lib/daemon/share_test
lib_daemon_share_test_SOURCES = lib/daemon/share_test.c
lib_daemon_share_test_LDADD = $(TEST_LDADD)

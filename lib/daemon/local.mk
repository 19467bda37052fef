libbarid_a_SOURCES += \
	lib/daemon/control.h lib/daemon/state.h \
	lib/daemon/debugger.c lib/daemon/debugger.h \
	lib/daemon/forbidden.c lib/daemon/forbidden.h \
	lib/daemon/daemon.h lib/daemon/start.c lib/daemon/serve.c \
	lib/daemon/late.c lib/daemon/late.h \
	lib/daemon/peers.c lib/daemon/peers.h

check_PROGRAMS += lib/daemon/peers_test
lib_daemon_peers_test_SOURCES = lib/daemon/peers_test.c
lib_daemon_peers_test_LDADD = $(TEST_LDADD)

libbarid_a_SOURCES += \
	lib/daemon/control.h lib/daemon/state.h \
	lib/daemon/daemon.h lib/daemon/start.c lib/daemon/serve.c \
	lib/daemon/peers.c lib/daemon/peers.h

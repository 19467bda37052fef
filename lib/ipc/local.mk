libbarid_a_SOURCES += \
	lib/ipc/anvil.c lib/ipc/anvil.h \
	lib/ipc/client.c lib/ipc/client.h \
	lib/ipc/conn.c lib/ipc/conn.h \
	lib/ipc/messages.c lib/ipc/messages.h \
	lib/ipc/server.c lib/ipc/server.h \
	lib/ipc/type.c lib/ipc/type.h

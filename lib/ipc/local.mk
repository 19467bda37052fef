libbarid_a_SOURCES += \
	lib/ipc/anvil.c lib/ipc/anvil.h \
	lib/ipc/client.c lib/ipc/client.h \
	lib/ipc/conn.c lib/ipc/conn.h lib/ipc/conn_impl.h \
	lib/ipc/conn_in.c lib/ipc/conn_out.c \
	lib/ipc/dial.c lib/ipc/dial.h \
	lib/ipc/link.c lib/ipc/link.h \
	lib/ipc/messages.c lib/ipc/messages.h \
	lib/ipc/server.c lib/ipc/server.h \
	lib/ipc/talk.c \
	lib/ipc/type.c lib/ipc/type.h

check_PROGRAMS += \
	lib/ipc/client_test \
	lib/ipc/dial_test \
	lib/ipc/server_test \
	lib/ipc/type_test

lib_ipc_client_test_SOURCES = lib/ipc/client_test.c
lib_ipc_client_test_LDADD = $(TEST_LDADD)
lib_ipc_dial_test_SOURCES = lib/ipc/dial_test.c
lib_ipc_dial_test_LDADD = $(TEST_LDADD)
lib_ipc_server_test_SOURCES = lib/ipc/server_test.c
lib_ipc_server_test_LDADD = $(TEST_LDADD)
lib_ipc_type_test_SOURCES = lib/ipc/type_test.c
lib_ipc_type_test_LDADD = $(TEST_LDADD)

FUZZERS += t/fuzz/ipc

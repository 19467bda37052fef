daemon_PROGRAMS += resolve/resolve
resolve_resolve_SOURCES = resolve/main.c \
	resolve/ask.c resolve/ask.h \
	resolve/engine.c resolve/engine.h \
	resolve/event.c resolve/event.h \
	resolve/hosts.c resolve/hosts.h \
	resolve/servers.c resolve/servers.h
resolve_resolve_LDADD = $(DAEMON_LDADD) $(UNBOUND_LIBS)
dist_man8_MANS += resolve/resolve.8

check_PROGRAMS += \
	resolve/ask_test \
	resolve/hosts_test \
	resolve/servers_test

resolve_ask_test_SOURCES = resolve/ask_test.c \
	resolve/ask.c resolve/engine.c resolve/event.c resolve/hosts.c \
	resolve/servers.c resolve/fake_dns.c resolve/fake_dns.h
resolve_ask_test_LDADD = $(TEST_LDADD)
resolve_hosts_test_SOURCES = resolve/hosts_test.c resolve/hosts.c
resolve_hosts_test_LDADD = $(TEST_LDADD)
resolve_servers_test_SOURCES = resolve/servers_test.c resolve/servers.c
resolve_servers_test_LDADD = $(TEST_LDADD)

TAP_TESTS += t/100-resolve.t
EXTRA_DIST += t/lib/Barid/DNS.pm

# Real programs on the other side; ./dev unpacks those that are not installed.
TAP_TESTS += \
	t/340-rewriting-postfix.t \
	t/341-forwarding.t \
	t/342-rewriting.t \
	t/345-large-expansions.t \
	t/348-requeue.t \
	t/349-internal-mail.t \
	t/400-source.t \
	t/410-sink.t \
	t/420-clients.t \
	t/430-submit.t \
	t/440-dovecot.t \
	t/450-postfix.t \
	t/455-checks-postfix.t \
	t/457-twins.t \
	t/460-mx.t \
	t/470-reports.t \
	t/475-loops.t \
	t/480-local.t \
	t/485-mailbox-attacks.t \
	t/486-slow-names.t

noinst_PROGRAMS += t/nss_slow.so
t_nss_slow_so_SOURCES = t/nss_slow.c
t_nss_slow_so_CFLAGS = $(AM_CFLAGS) -fPIC -fno-sanitize=all
t_nss_slow_so_LDFLAGS = $(BARID_MODULE_LDFLAGS) -fno-sanitize=all \
	-Wl,-soname,libnss_slow.so.2
t_nss_slow_so_LDADD =

EXTRA_DIST += t/lib/Barid/Capture.pm t/lib/Barid/Check.pm \
	t/lib/Barid/Mail.pm t/lib/Barid/Peers.pm t/lib/Barid/Server.pm t/lib/Barid/Twins.pm t/twins

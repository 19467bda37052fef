TAP_TESTS += \
	t/000-style.t \
	t/001-harness.t \
	t/010-hardening.t \
	t/020-privileges.t \
	t/021-sockets.t \
	t/022-forbidden.t \
	t/040-reload.t \
	t/041-start.t \
	t/042-processes.t \
	t/043-setup.t

EXTRA_DIST += t/style t/tap-run t/lib/Barid/Test.pm

include $(top_srcdir)/t/durability.mk
include $(top_srcdir)/t/attacks.mk

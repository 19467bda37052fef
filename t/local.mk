TAP_TESTS += \
	t/000-style.t \
	t/001-harness.t \
	t/010-hardening.t

EXTRA_DIST += t/style t/tap-run t/lib/Barid/Test.pm

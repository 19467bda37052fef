# Crashes, faults and restarts: see doc/testing.md.
noinst_PROGRAMS += t/submit t/kill_at
t_kill_at_SOURCES = t/kill_at.c
t_submit_SOURCES = t/submit.c
t_submit_LDADD = $(COMMAND_LDADD) $(PTHREAD_LIBS)

TAP_TESTS += \
	t/500-sync-order.t \
	t/505-sync-paths.t \
	t/510-crash-points.t \
	t/511-crash-paths.t \
	t/512-crash-calls.t \
	t/520-crash-load.t \
	t/522-random-kills.t \
	t/525-late-outcome.t \
	t/527-many-in-flight.t \
	t/528-restart-storm.t \
	t/530-faults.t \
	t/531-stopped-disk.t \
	t/532-injected.t \
	t/534-tools-faults.t \
	t/535-standins.t \
	t/536-stopped.t \
	t/537-clock.t \
	t/538-limits.t \
	t/539-false-servers.t \
	t/540-damage.t \
	t/545-damage-tools.t \
	t/550-restart.t \
	t/560-backup.t \
	t/570-queue-load.t \
	t/580-slow-clients.t \
	t/590-shares.t \
	t/595-bench.t

EXTRA_DIST += t/lib/Barid/Durable.pm t/lib/Barid/Inject.pm t/lib/Barid/Ipc.pm \
	t/lib/Barid/Lmtp.pm t/lib/Barid/Load.pm \
	t/lib/Barid/Sink.pm t/lib/Barid/Trace.pm

libbarid_a_SOURCES += \
	lib/run/context.c lib/run/context.h \
	lib/run/fiber.c lib/run/fiber.h lib/run/fiber_impl.h \
	lib/run/io.c lib/run/io.h lib/run/io_impl.h \
	lib/run/landlock.c lib/run/landlock.h \
	lib/run/linger.c lib/run/linger.h \
	lib/run/loop.c lib/run/loop.h \
	lib/run/offload.c lib/run/offload.h \
	lib/run/sandbox.c lib/run/sandbox.h lib/run/sandbox_impl.h \
	lib/run/seccomp_sets.c lib/run/seccomp_sets.h \
	lib/run/stream.c lib/run/stream.h

check_PROGRAMS += \
	lib/run/context_test \
	lib/run/fiber_test \
	lib/run/io_test \
	lib/run/linger_test \
	lib/run/loop_test \
	lib/run/offload_test \
	lib/run/sandbox_test \
	lib/run/stream_test

lib_run_context_test_SOURCES = lib/run/context_test.c
lib_run_context_test_LDADD = $(TEST_LDADD)
lib_run_fiber_test_SOURCES = lib/run/fiber_test.c
lib_run_fiber_test_LDADD = $(TEST_LDADD)
lib_run_io_test_SOURCES = lib/run/io_test.c
lib_run_io_test_LDADD = $(TEST_LDADD)
lib_run_linger_test_SOURCES = lib/run/linger_test.c
lib_run_linger_test_LDADD = $(TEST_LDADD)
lib_run_loop_test_SOURCES = lib/run/loop_test.c
lib_run_loop_test_LDADD = $(TEST_LDADD)
lib_run_offload_test_SOURCES = lib/run/offload_test.c
lib_run_offload_test_LDADD = $(TEST_LDADD)
lib_run_sandbox_test_SOURCES = lib/run/sandbox_test.c
lib_run_sandbox_test_LDADD = $(TEST_LDADD)
lib_run_stream_test_SOURCES = lib/run/stream_test.c
lib_run_stream_test_LDADD = $(TEST_LDADD)

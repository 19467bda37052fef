libbarid_a_SOURCES += \
	lib/base/block.h \
	lib/base/clock.c lib/base/clock.h \
	lib/base/crc32c.c lib/base/crc32c.h \
	lib/base/err.c lib/base/err.h \
	lib/base/fs.c lib/base/fs.h \
	lib/base/hset.c lib/base/hset.h \
	lib/base/htable.c lib/base/htable.h \
	lib/base/list.h \
	lib/base/log.c lib/base/log.h \
	lib/base/mem.c lib/base/mem.h \
	lib/base/process.c lib/base/process.h \
	lib/base/str.c lib/base/str.h \
	lib/base/surplus.c lib/base/surplus.h \
	lib/base/testpoint.c lib/base/testpoint.h \
	lib/base/trace.c lib/base/trace.h \
	lib/base/unit.h \
	lib/base/view.c lib/base/view.h

check_PROGRAMS += \
	lib/base/block_plain_test \
	lib/base/block_test \
	lib/base/clock_test \
	lib/base/crc32c_test \
	lib/base/err_test \
	lib/base/fs_test \
	lib/base/hset_test \
	lib/base/htable_test \
	lib/base/list_test \
	lib/base/log_test \
	lib/base/str_test \
	lib/base/surplus_test \
	lib/base/trace_test \
	lib/base/view_test

lib_base_block_plain_test_SOURCES = lib/base/block_test.c
lib_base_block_plain_test_CPPFLAGS = $(AM_CPPFLAGS) -DBLOCK_PLAIN
lib_base_block_plain_test_LDADD = $(TEST_LDADD)
lib_base_block_test_SOURCES = lib/base/block_test.c
lib_base_block_test_LDADD = $(TEST_LDADD)
lib_base_clock_test_SOURCES = lib/base/clock_test.c
lib_base_clock_test_LDADD = $(TEST_LDADD)
lib_base_crc32c_test_SOURCES = lib/base/crc32c_test.c
lib_base_crc32c_test_LDADD = $(TEST_LDADD)
lib_base_err_test_SOURCES = lib/base/err_test.c
lib_base_err_test_LDADD = $(TEST_LDADD)
lib_base_fs_test_SOURCES = lib/base/fs_test.c
lib_base_fs_test_LDADD = $(TEST_LDADD)
lib_base_hset_test_SOURCES = lib/base/hset_test.c
lib_base_hset_test_LDADD = $(TEST_LDADD)
lib_base_htable_test_SOURCES = lib/base/htable_test.c
lib_base_htable_test_LDADD = $(TEST_LDADD)
lib_base_list_test_SOURCES = lib/base/list_test.c
lib_base_list_test_LDADD = $(TEST_LDADD)
lib_base_log_test_SOURCES = lib/base/log_test.c
lib_base_log_test_LDADD = $(TEST_LDADD)
lib_base_str_test_SOURCES = lib/base/str_test.c
lib_base_str_test_LDADD = $(TEST_LDADD)
lib_base_surplus_test_SOURCES = lib/base/surplus_test.c
lib_base_surplus_test_LDADD = $(TEST_LDADD)
lib_base_trace_test_SOURCES = lib/base/trace_test.c
lib_base_trace_test_LDADD = $(TEST_LDADD)
lib_base_view_test_SOURCES = lib/base/view_test.c
lib_base_view_test_LDADD = $(TEST_LDADD)

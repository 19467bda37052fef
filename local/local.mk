local_child = \
	local/child.c local/child.h \
	local/content.c local/content.h \
	local/dirs.c local/dirs.h \
	local/maildir.c \
	local/mbox.c \
	local/store.c local/store.h \
	local/wire.c local/wire.h
local_core = $(local_child) \
	local/alias.c local/alias.h \
	local/caller.c local/caller.h \
	local/expand.c local/expand.h \
	local/forward.c local/forward.h \
	local/front.c local/front.h \
	local/monitor.c local/monitor.h \
	local/names.c local/names.h \
	local/passwd.c local/passwd.h \
	local/place.c local/place.h \
	local/pool.c local/pool.h \
	local/user.c \
	local/virtual.c

daemon_PROGRAMS += local/local
local_local_SOURCES = local/main.c local/explain.c local/explain.h \
	$(local_core)
local_local_LDADD = $(DAEMON_LDADD)
dist_man8_MANS += local/local.8 local/virtual.8

check_PROGRAMS += \
	local/alias_test \
	local/caller_test \
	local/content_test \
	local/dirs_test \
	local/mailbox_test \
	local/names_test \
	local/passwd_test \
	local/store_test \
	local/wire_test \
	local/worker_test

local_alias_test_SOURCES = local/alias_test.c local/alias.c local/expand.c
local_alias_test_LDADD = $(TEST_LDADD)
local_caller_test_SOURCES = local/caller_test.c local/caller.c local/wire.c
local_caller_test_LDADD = $(TEST_LDADD)
local_content_test_SOURCES = local/content_test.c local/testing.h \
	local/content.c
local_content_test_LDADD = $(TEST_LDADD)
local_dirs_test_SOURCES = local/dirs_test.c local/testing.h local/dirs.c
local_dirs_test_LDADD = $(TEST_LDADD)
local_mailbox_test_SOURCES = local/mailbox_test.c local/testing.h \
	$(local_child)
local_mailbox_test_LDADD = $(TEST_LDADD)
local_names_test_SOURCES = local/names_test.c local/testing.h \
	local/names.c local/passwd.c local/wire.c
local_names_test_LDADD = $(TEST_LDADD)
local_passwd_test_SOURCES = local/passwd_test.c local/testing.h local/passwd.c
local_passwd_test_LDADD = $(TEST_LDADD)
local_store_test_SOURCES = local/store_test.c local/testing.h local/store.c
local_store_test_LDADD = $(TEST_LDADD)
local_wire_test_SOURCES = local/wire_test.c local/wire.c
local_wire_test_LDADD = $(TEST_LDADD)
local_worker_test_SOURCES = local/worker_test.c local/testing.h $(local_core)
local_worker_test_LDADD = $(TEST_LDADD)

FUZZERS += t/fuzz/local_alias t/fuzz/local_request
t_fuzz_local_alias_SOURCES = t/fuzz/local_alias.c local/alias.c
t_fuzz_local_request_SOURCES = t/fuzz/local_request.c local/wire.c

libbarid_a_SOURCES += \
	lib/table/aliases.c \
	lib/table/cache.c lib/table/cache.h \
	lib/table/cache_db.c lib/table/cache_store.h \
	lib/table/cdb.c lib/table/cdb_format.h \
	lib/table/cidr.c \
	lib/table/compose.c \
	lib/table/create.c lib/table/create.h \
	lib/table/db.c \
	lib/table/dbhosts.c lib/table/dbhosts.h \
	lib/table/dblink.c lib/table/dblink.h \
	lib/table/dbserver.c lib/table/dbserver.h \
	lib/table/dbtls.c lib/table/dbtls.h \
	lib/table/dbwait.c lib/table/dbwait.h \
	lib/table/duct.c lib/table/duct.h \
	lib/table/environ.c \
	lib/table/fail.c \
	lib/table/held.c lib/table/held.h \
	lib/table/internal.c \
	lib/table/ldap.c lib/table/ldap.h lib/table/ldap_ask.c \
	lib/table/maps.c \
	lib/table/match.c lib/table/match.h \
	lib/table/memcache.c \
	lib/table/module.c lib/table/module.h \
	lib/table/net.c lib/table/net.h \
	lib/table/params.c lib/table/params.h \
	lib/table/posix_re.c lib/table/posix_re.h \
	lib/table/query.c lib/table/query.h \
	lib/table/re.h lib/table/re_load.c \
	lib/table/redis.c \
	lib/table/redis_wire.c lib/table/redis_wire.h \
	lib/table/regexp.c \
	lib/table/rules.c lib/table/rules.h \
	lib/table/share.c lib/table/share.h \
	lib/table/socketmap.c \
	lib/table/source.c lib/table/source.h \
	lib/table/sql.c \
	lib/table/static.c \
	lib/table/store.h \
	lib/table/store_cdb.c \
	lib/table/store_db.c \
	lib/table/table.c lib/table/table.h \
	lib/table/tcp.c \
	lib/table/texthash.c \
	lib/table/type.h \
	lib/table/unix.c \
	lib/table/words.c lib/table/words.h

if HAVE_LMDB
libbarid_a_SOURCES += lib/table/cache_lmdb.c lib/table/lmdb.c lib/table/store_lmdb.c
endif

check_PROGRAMS += \
	lib/table/cache_test \
	lib/table/create_test \
	lib/table/match_test \
	lib/table/query_test \
	lib/table/share_test \
	lib/table/source_test \
	lib/table/table_test
lib_table_cache_test_SOURCES = lib/table/cache_test.c
lib_table_cache_test_LDADD = $(TEST_LDADD)
lib_table_create_test_SOURCES = lib/table/create_test.c
lib_table_create_test_LDADD = $(TEST_LDADD)
lib_table_match_test_SOURCES = lib/table/match_test.c
lib_table_match_test_LDADD = $(TEST_LDADD)
lib_table_query_test_SOURCES = lib/table/query_test.c
lib_table_query_test_LDADD = $(TEST_LDADD)
lib_table_share_test_SOURCES = lib/table/share_test.c
lib_table_share_test_LDADD = $(TEST_LDADD)
lib_table_source_test_SOURCES = lib/table/source_test.c
lib_table_source_test_LDADD = $(TEST_LDADD)
lib_table_table_test_SOURCES = lib/table/table_test.c
lib_table_table_test_LDADD = $(TEST_LDADD)

FUZZERS += t/fuzz/ldap t/fuzz/query t/fuzz/table t/fuzz/table_server
# With libldap, which otherwise is in a module.
t_fuzz_table_server_SOURCES = t/fuzz/table_server.c
t_fuzz_table_server_CPPFLAGS = $(AM_CPPFLAGS)
t_fuzz_table_server_LDADD = $(FUZZ_LDADD)
if HAVE_LDAP
t_fuzz_table_server_SOURCES += modules/ldap.c modules/common.h
t_fuzz_table_server_CPPFLAGS += $(LDAP_CFLAGS) -DHAVE_LDAP
t_fuzz_table_server_LDADD += $(LDAP_LIBS)
endif

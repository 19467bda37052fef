libbarid_a_SOURCES += \
	lib/conf/check.c lib/conf/check.h \
	lib/conf/conf.c lib/conf/conf.h \
	lib/conf/defaults.c lib/conf/defaults.h \
	lib/conf/each.c lib/conf/each.h \
	lib/conf/expand.c lib/conf/expand.h \
	lib/conf/light.c lib/conf/light.h \
	lib/conf/main_cf.c lib/conf/main_cf.h \
	lib/conf/master_cf.c lib/conf/master_cf.h \
	lib/conf/names.c lib/conf/names.h \
	lib/conf/netlist.c lib/conf/netlist.h \
	lib/conf/access_actions.h lib/conf/content_actions.h \
	lib/conf/params.h lib/conf/paths.h lib/conf/restrictions.h \
	lib/conf/rows.c lib/conf/rows.h \
	lib/conf/user_list.c lib/conf/user_list.h \
	lib/conf/used.c lib/conf/used.h \
	lib/conf/values.c lib/conf/values.h

check_PROGRAMS += lib/conf/conf_test
lib_conf_conf_test_SOURCES = lib/conf/conf_test.c
lib_conf_conf_test_LDADD = $(TEST_LDADD)

check_PROGRAMS += lib/conf/each_test
lib_conf_each_test_SOURCES = lib/conf/each_test.c
lib_conf_each_test_LDADD = $(TEST_LDADD)

check_PROGRAMS += lib/conf/expand_test
lib_conf_expand_test_SOURCES = lib/conf/expand_test.c
lib_conf_expand_test_LDADD = $(TEST_LDADD)

check_PROGRAMS += lib/conf/light_test
lib_conf_light_test_SOURCES = lib/conf/light_test.c
lib_conf_light_test_LDADD = $(TEST_LDADD)

check_PROGRAMS += lib/conf/main_cf_test
lib_conf_main_cf_test_SOURCES = lib/conf/main_cf_test.c
lib_conf_main_cf_test_LDADD = $(TEST_LDADD)

check_PROGRAMS += lib/conf/master_cf_test
lib_conf_master_cf_test_SOURCES = lib/conf/master_cf_test.c
lib_conf_master_cf_test_LDADD = $(TEST_LDADD)

check_PROGRAMS += lib/conf/netlist_test
lib_conf_netlist_test_SOURCES = lib/conf/netlist_test.c
lib_conf_netlist_test_LDADD = $(TEST_LDADD)

check_PROGRAMS += lib/conf/values_test
lib_conf_values_test_SOURCES = lib/conf/values_test.c
lib_conf_values_test_LDADD = $(TEST_LDADD)

FUZZERS += t/fuzz/main_cf t/fuzz/master_cf
dist_man5_MANS += lib/conf/master.5

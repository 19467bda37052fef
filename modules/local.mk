# Loadable modules: see lib/table/module.h.  Each where its library is there.

moduledir = $(daemondir)/modules
module_PROGRAMS =


if HAVE_PGSQL
module_PROGRAMS += modules/pgsql.so
endif
if HAVE_MYSQL
module_PROGRAMS += modules/mysql.so
endif
if HAVE_SQLITE
module_PROGRAMS += modules/sqlite.so
endif
if HAVE_LDAP
module_PROGRAMS += modules/ldap.so
endif

modules_pgsql_so_SOURCES = modules/pgsql.c modules/common.h
modules_pgsql_so_CPPFLAGS = $(AM_CPPFLAGS) $(PGSQL_CFLAGS)
modules_pgsql_so_CFLAGS = $(AM_CFLAGS) -fPIC
modules_pgsql_so_LDFLAGS = $(BARID_MODULE_LDFLAGS)
modules_pgsql_so_LDADD = $(PGSQL_LIBS)

modules_mysql_so_SOURCES = modules/mysql.c modules/common.h
modules_mysql_so_CPPFLAGS = $(AM_CPPFLAGS) $(MYSQL_CFLAGS)
modules_mysql_so_CFLAGS = $(AM_CFLAGS) -fPIC
modules_mysql_so_LDFLAGS = $(BARID_MODULE_LDFLAGS)
modules_mysql_so_LDADD = $(MYSQL_LIBS)

modules_sqlite_so_SOURCES = modules/sqlite.c modules/common.h
modules_sqlite_so_CPPFLAGS = $(AM_CPPFLAGS) $(SQLITE_CFLAGS)
modules_sqlite_so_CFLAGS = $(AM_CFLAGS) -fPIC
modules_sqlite_so_LDFLAGS = $(BARID_MODULE_LDFLAGS)
modules_sqlite_so_LDADD = $(SQLITE_LIBS)

modules_ldap_so_SOURCES = modules/ldap.c modules/common.h
modules_ldap_so_CPPFLAGS = $(AM_CPPFLAGS) $(LDAP_CFLAGS) $(SASL_CFLAGS)
modules_ldap_so_CFLAGS = $(AM_CFLAGS) -fPIC
modules_ldap_so_LDFLAGS = $(BARID_MODULE_LDFLAGS)
modules_ldap_so_LDADD = $(LDAP_LIBS) $(SASL_LIBS)

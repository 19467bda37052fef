EXTRA_DIST += \
	doc/access-policy.md \
	doc/architecture.md \
	doc/backup.md \
	doc/contributing.md \
	doc/databases.md \
	doc/debugging.md \
	doc/from-postfix.md \
	doc/greylisting.md \
	doc/install.md \
	doc/log.md \
	doc/performance.md \
	doc/postfix-differences.md \
	doc/screening.md \
	doc/testing.md
dist_man5_MANS += doc/access.5 doc/aliases.5 doc/canonical.5 \
	doc/generic.5 doc/header_checks.5 doc/relocated.5 doc/tables.5 \
	doc/transport.5 doc/virtual.5
dist_man7_MANS = doc/barid.7

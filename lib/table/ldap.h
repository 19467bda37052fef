/*
 * ldap: tables: what their parameters say (ldap.c), and how a directory is asked
 * then (ldap_ask.c).
 */
#ifndef TABLE_LDAP_H
#define TABLE_LDAP_H

#include "lib/table/dblink.h"
#include "lib/table/query.h"

/* What the values of an attribute are. */
enum attribute_kind { IS_RESULT, IS_TERMINAL, IS_LEAF, IS_SPECIAL, IS_ENTRY };

struct attribute {
	char *name;
	enum attribute_kind kind;
};

struct ldap {
	const struct table_module *module;
	const struct params *params;
	struct query_common common;
	struct dblink link;
	const char *base, *filter, *scope;
	bool base_has_key; /* of base: it has a part of the key in it */
	struct attribute *attributes;
	const char **names; /* of attributes, ends in NULL */
	size_t n_attributes;
	int64_t depth_max, size_limit;
	bool chases; /* referrals */
	/* The question that is being asked. */
	struct view key;
	struct query_result result;
	void *connection;
	int64_t deadline;
};

/* Asks `key`, for `result`; arg is the struct ldap. */
extern const struct dblink_kind ldap_link;

#endif

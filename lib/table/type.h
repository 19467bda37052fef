/*
 * What a table type is to the rest of lib/table: one row.  Only the files of
 * this folder, and what builds tables (table/create.h), look in here.
 */
#ifndef TABLE_TYPE_H
#define TABLE_TYPE_H

#include "lib/table/params.h"
#include "lib/table/table.h"

/* What a type's keys and open want. */
enum {
	TYPE_FIXED = 1 << 0,   /* keys are strings, folded to lower case */
	TYPE_REMOTE = 1 << 1,  /* asked of another process if there is one */
	TYPE_MEMBERS = 1 << 2, /* made of other tables: remote if one is */
	TYPE_SERVER = 1 << 3,  /* keeps a connection between questions */
	TYPE_MODULE = 1 << 4,  /* table/module.h has to load it */
	TYPE_PARAMS = 1 << 5,  /* has parameters: table/params.h */
};

struct table_type {
	const char *name;
	unsigned flags;
	/* Fill t->state from t->name, and clear t->fixed if keys are patterns.
	 * On an error t->state must need no close. */
	struct err (*open)(struct table *t);
	/* As table_find; key is folded already if that is wanted. */
	struct err (*find)(
	    struct table *t, struct view key, struct str *value, bool *found);
	void (*close)(struct table *t);
	/* NULL for what is no file. Look at the path too if so told. */
	bool (*changed)(const struct table *t, bool path);
	/* The first or next pair, *more false after the last; NULL if the
	 * type cannot list. */
	struct err (*next)(struct table *t, bool first, struct str *key,
	    struct str *value, bool *more);
	/* Read what only the rights that a process begins with may: files of
	 * keys.  NULL for none. */
	struct err (*prepare)(const struct params *p);
};

struct table {
	const struct table_type *type;
	struct str spec;  /* "type:name" */
	struct view name; /* in spec, after the colon */
	unsigned flags;	  /* of table_open */
	bool fixed;
	table_ask_fn *ask;  /* not NULL: remote, and no state */
	struct err refused; /* TABLE_OPEN_LATER: what each find answers */
	int64_t refused_ms; /* when */
	void *state; /* the type's own */
};

extern const struct table_type type_btree, type_cdb, type_cidr, type_environ,
    type_fail, type_hash, type_inline, type_internal, type_ldap, type_lmdb,
    type_memcache, type_mysql, type_pcre, type_pgsql, type_pipemap,
    type_randmap, type_redis, type_regexp, type_socketmap, type_sqlite,
    type_static, type_tcp, type_texthash, type_unionmap, type_unix;

/* The row of that name or NULL. */
const struct table_type *table_type_find(struct view name);

/* True if the type of "type:name" is asked of another process here. */
bool table_spec_is_remote(struct view spec);

#endif

/*
 * Loadable modules: what a client library of a database is needed for.  A
 * module is NAME.so in the modules' folder and has one symbol, table_module.
 * It links with that library and with nothing of ours: what is common to all
 * databases (parameters, templates, fail-over, limits) is in lib/table/sql.c and
 * lib/table/ldap.c.
 *
 * To connect blocks, on a thread of offload or in a command.  Questions wait by
 * table_module.wait, perhaps on a fiber of lookup with 256 KiB of stack; what
 * would block there is left for a thread (MODULE_LATER).  One connection is used
 * by one of them at a time.  Nobody is told what a password is: `why` gets the
 * reason only.
 */
#ifndef TABLE_MODULE_H
#define TABLE_MODULE_H

#include "lib/base/err.h"
#include "lib/base/view.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	MODULE_VERSION = 3,
	MODULE_WHY_MAX = 160, /* bytes of a reason, with its NUL */
};

/* How a question ended. */
enum module_end {
	MODULE_DONE,
	MODULE_LOST,	/* the connection is of no use any more */
	MODULE_REFUSED, /* the server has said no; the connection is good */
	MODULE_STOPPED, /* who was given the answer has had enough: as lost */
	MODULE_LATER,	/* it would block here: ask again where it may */
};

/* Where to connect to. */
struct module_server {
	const char *host;   /* NULL for a socket; or a file or a URL */
	const char *socket; /* NULL: by network */
	unsigned port;	    /* 0: the usual one */
	int timeout_ms;	    /* until it is there */
	/* A parameter of the table, NULL if it is not set. */
	const char *(*param)(void *arg, const char *name);
	void *arg;
};

/* One row; a column that is NULL has a NULL ptr.  No columns at all: what came
 * before is no part of the answer.  False: no more. */
typedef bool module_row_fn(void *arg, const struct view *columns, size_t n);
/* One value of an attribute of an entry; the first call for an entry has an
 * empty attribute, and its name as the value. */
typedef bool module_entry_fn(
    void *arg, struct view attribute, struct view value);

/* What is looked for in a directory. */
struct module_search {
	const char *base, *filter;
	const char *scope;	 /* sub, base or one */
	const char **attributes; /* ends in NULL */
	int64_t size_limit;	 /* 0: none */
	bool may_lack_base;	 /* no base: nothing found, else refused */
};

/* dbwait, for so many milliseconds; 0 or less is over. */
typedef bool module_wait_fn(int fd, short events, int64_t left_ms);

struct table_module {
	unsigned version;
	const char *name;
	/* Set when it is loaded. */
	module_wait_fn *wait;
	/* Loads what the library would load later, when it may not: called
	 * once, above the drop of rights in daemons.  May be NULL. */
	void (*prepare)(void);
	/* Questions may block: on a fiber they are asked with a timeout of 0
	 * first, and end in MODULE_LATER where they would. */
	bool may_block;
	/* NULL, and why. */
	void *(*connect)(const struct module_server *server, char *why);
	void (*close)(void *connection);
	/* As the inside of a string literal: out has room for 2 * len + 1
	 * bytes.  False if it cannot be. */
	bool (*quote)(
	    void *connection, struct view text, char *out, size_t *len);
	/* Of SQL. */
	enum module_end (*query)(void *connection, struct view statement,
	    int timeout_ms, module_row_fn *row, void *arg, char *why);
	/* Of a directory. */
	enum module_end (*search)(void *connection,
	    const struct module_search *search, int timeout_ms,
	    module_entry_fn *entry, void *arg, char *why);
};

/* Loads it, once.  ERR_PERM with the reason if it is not there, is not root's
 * (or ours), or is of another version.  Not below a daemon's drop of rights. */
struct err module_load(const char *name, const struct table_module **out);

/* Loaded, or could be. */
bool module_is_there(const char *name);

#endif

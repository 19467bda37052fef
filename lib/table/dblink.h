/*
 * One connection of a table to one of its servers: made when it is needed,
 * used again, made anew on another server when it is lost.  What a connection
 * is, the table's type knows.
 */
#ifndef TABLE_DBLINK_H
#define TABLE_DBLINK_H

#include "lib/table/dbhosts.h"
#include "lib/table/module.h"
#include "lib/table/params.h"

struct dblink_kind {
	const char *name; /* the type's */
	/* NULL, and why; timeout_ms is positive.  May block. */
	void *(*connect)(
	    void *arg, const struct dbhost *host, int timeout_ms, char *why);
	/* Ask what is to be asked, waiting by dbwait; with a timeout of 0 only
	 * where the link may block: at once, or MODULE_LATER. */
	enum module_end (*ask)(
	    void *arg, void *connection, int timeout_ms, char *why);
	/* May block. */
	void (*close)(void *arg, void *connection);
};

struct dblink {
	const struct dblink_kind *kind;
	void *arg;
	/* Set after dblink_open: as module.h has it. */
	bool may_block;
	struct str scope; /* who shares what is known of a host: this table */
	struct dbhosts hosts;
	int64_t timeout_ms, idle_ms, rest_ms;
	void *connection; /* NULL: none */
	size_t host;	  /* of hosts.all: where it leads */
	int64_t used_ms;
};

/*
 * hosts is the text of the hosts; idle_interval and retry_interval are looked
 * up in p, which may be NULL.  ERR_PERM: as after dblink_close, which is allowed
 * once more.  Nothing is connected yet.
 */
struct err dblink_open(struct dblink *l, const struct dblink_kind *kind, void *arg,
    const struct params *p, const char *hosts, bool in_order,
    int64_t timeout_ms);
void dblink_close(struct dblink *l);

/*
 * Ask, on a fiber or where it may block; all servers are tried, within
 * timeout_ms for all together.  A lost connection that had been used before is
 * tried once more.  ERR_TEMP: none has answered, or one refused the question.
 */
struct err dblink_ask(struct dblink *l);

#endif

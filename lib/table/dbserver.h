/*
 * What the tables with a simple protocol have in common: a link whose
 * connections are ducts.
 */
#ifndef TABLE_DBSERVER_H
#define TABLE_DBSERVER_H

#include "lib/table/dblink.h"
#include "lib/table/query.h"
#include "lib/table/type.h"
#include "lib/table/duct.h"

struct dbserver {
	const struct params *params; /* NULL: the name says all */
	struct query_common common;
	struct dblink link;
	unsigned port; /* of hosts without one */
	void *state;   /* the type's own */
	/* The question that is being asked. */
	struct view key;
	struct query_result result;
	struct str answer;
	bool found;
};

struct dbserver_kind {
	struct dblink_kind link;
	unsigned port;
	int64_t timeout_ms;
	bool in_order;
};

/* Two of the functions that dblink_kind wants, with a server as the argument; the
 * third, ask, fills answer and found. */
void *dbserver_connect(
    void *arg, const struct dbhost *host, int timeout_ms, char *why);
void dbserver_close_connection(void *arg, void *connection);

/* t->state becomes a server; p is NULL if there are no parameters. */
struct err dbserver_open(struct table *t, const struct dbserver_kind *kind,
    const struct params *p, const char *hosts);
void dbserver_close(struct table *t);
bool dbserver_changed(const struct table *t, bool path);
/* As the type's find. */
struct err dbserver_find(
    struct table *t, struct view key, struct str *value, bool *found);

#endif
